"""How a call is tried again, by a clock that nobody waits for; and what may be spent."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import Exit, ProviderFailed, Refused, Transient, Unanswered
from imgbuild.foreign import Broke
from imgbuild.run.limits import Budget, OverBudget, Retry, call


class Clock(threading.Event):
    """Time that passes only by waiting. stop_at: the second at which the stop is set."""

    def __init__(self, stop_at=float("inf")):
        super().__init__()
        self.now, self.stop_at, self.waits = 0.0, stop_at, []

    def __call__(self):
        return self.now

    def wait(self, timeout=None):
        self.waits.append(timeout)
        self.now = min(self.now + timeout, self.stop_at)
        return self.now >= self.stop_at


class Vendor:
    """Says these things in turn, then always the last."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def __call__(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def send(vendor, clock, **retry):
    return call(vendor, Retry(**retry), clock, clock)


BUSY = Transient("too many requests")


def test_an_answer_is_not_waited_for():
    clock = Clock()
    assert send(Vendor("an image"), clock) == "an image"
    assert clock.waits == []


def test_what_may_pass_is_tried_again_until_it_does():
    vendor, clock = Vendor(BUSY, BUSY, "an image"), Clock()
    assert send(vendor, clock) == "an image"
    assert (vendor.asked, len(clock.waits)) == (3, 2)


@pytest.mark.parametrize(
    "error",
    [Refused("no"), ProviderFailed("gone"), Unanswered("cut off"), Broke("broke"), ValueError("bug")],
)
def test_anything_else_is_not_tried_again(error):
    vendor, clock = Vendor(BUSY, error, "an image"), Clock()
    with pytest.raises(type(error)) as caught:
        send(vendor, clock)
    assert caught.value is error
    assert (vendor.asked, len(clock.waits)) == (2, 1)


def test_waits_grow_and_are_spread(monkeypatch):
    asked = []
    monkeypatch.setattr("random.uniform", lambda low, high: asked.append((low, high)) or high)
    with pytest.raises(Transient):
        send(Vendor(BUSY), Clock(), first=0.5, longest=6, deadline=30)
    assert asked == [(0, 1.0), (0, 2.0), (0, 4.0), (0, 6), (0, 6), (0, 6), (0, 6)]


def test_the_vendors_word_is_a_lower_bound():
    clock = Clock()
    send(Vendor(Transient("wait", retry_after=40), "an image"), clock, longest=1)
    assert clock.waits == [40]


def test_a_vendor_who_asks_for_too_much_is_given_up_at_once():
    vendor, clock = Vendor(Transient("wait", retry_after=301)), Clock()
    with pytest.raises(Transient, match="wait"):
        send(vendor, clock)
    assert (vendor.asked, clock.waits) == (1, [])


def test_the_last_error_is_raised_at_the_deadline():
    errors = [Transient(f"try {number}", retry_after=30) for number in range(9)]
    clock = Clock()
    with pytest.raises(Transient, match="try 6"):
        send(Vendor(*errors), clock, longest=0, deadline=200)
    assert clock.now == 180


@given(st.floats(0, 2), st.floats(0, 5), st.floats(0, 100), st.floats(0, 20))
def test_no_wait_leads_beyond_the_deadline(first, longest, deadline, asked_for):
    clock = Clock()
    clock.now = 1000.0
    vendor = Vendor(*[Transient("busy", retry_after=asked_for)] * 40, "an image")
    try:
        assert send(vendor, clock, first=first, longest=longest, deadline=deadline) == "an image"
    except Transient:
        assert vendor.asked <= 40
    assert clock.now - 1000 <= deadline + 1e-6
    assert all(asked_for <= wait <= max(asked_for, longest) for wait in clock.waits)


def test_thousands_of_short_waits_overflow_nothing():
    vendor = Vendor(*[BUSY] * 3000, "an image")
    assert send(vendor, Clock(), first=0.001, longest=0.001) == "an image"


def test_a_stop_ends_the_waiting():
    vendor, clock = Vendor(Transient("busy", retry_after=10)), Clock(stop_at=35)
    with pytest.raises(Transient, match="busy"):
        send(vendor, clock)
    assert (vendor.asked, clock.now) == (4, 35)


def test_a_stop_ends_real_waiting_at_once():
    stopped = threading.Event()
    stopped.set()
    vendor = Vendor(Transient("busy", retry_after=100))
    with pytest.raises(Transient):
        call(vendor, Retry(), stopped)
    assert vendor.asked == 1


# --- budgets ----------------------------------------------------------------------------------------------


def test_without_a_limit_anything_may_be_spent():
    budget = Budget(None)
    budget.reserve(1e9)
    budget.settle(1e9, 2e9)
    assert budget.spent == 2e9


def test_what_would_cross_the_budget_is_not_reserved():
    budget = Budget(1.0)
    budget.reserve(0.6)
    budget.settle(0.6, 0.5)
    budget.reserve(0.3)
    with pytest.raises(OverBudget) as caught:
        budget.reserve(0.25)
    assert str(caught.value) == (
        "error: the budget of $1.00 would be crossed: $0.80 is spent or under way, and this image costs about $0.25\n"
        "hint: raise --budget, or build a selection"
    )
    assert caught.value.exit_code is Exit.TARGET_FAILED
    budget.reserve(0.2)


def test_small_figures_are_told_as_they_are():
    budget = Budget(0.001)
    with pytest.raises(
        OverBudget, match=r"the budget of \$0\.0010 would be crossed: \$0\.00 .* about \$0\.0040"
    ):
        budget.reserve(0.004)


def test_a_request_that_came_to_nothing_gives_its_money_back():
    budget = Budget(1.0)
    budget.reserve(1.0)
    budget.settle(1.0, 0.0)
    budget.reserve(1.0)
    assert budget.spent == 0


def test_all_of_a_budget_may_be_spent_in_tenths():
    budget = Budget(1.0)
    for _ in range(10):
        budget.reserve(0.1)
        budget.settle(0.1, 0.1)
    with pytest.raises(OverBudget):
        budget.reserve(0.01)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans())), st.integers(0, 200))
def test_no_sequence_of_requests_crosses_the_budget(requests, limit):
    budget, under_way, spent = Budget(limit / 100), [], 0
    for cents, is_answered in requests:
        try:
            budget.reserve(cents / 100)
        except OverBudget:
            assert spent + sum(under_way) + cents > limit
            continue
        under_way.append(cents)
        if is_answered:
            done = under_way.pop(0)
            budget.settle(done / 100, done / 100)
            spent += done
        assert spent + sum(under_way) <= limit
    assert budget.spent == pytest.approx(spent / 100)
