"""How a call is tried again, by a clock that nobody waits for; and when a provider is left alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import (
    ProviderFailed,
    Refused,
    TargetError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.foreign import Broke
from imgbuild.run.limits import IN_A_ROW, REST, Breaker, Closed, Limiter, Limits, Retry, learn
from imgbuild.run.pacing import Rates
from imgbuild.types import Allowance


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
    return limiter(clock, **retry).call(vendor, clock)


def limiter(clock, concurrency=64, **retry):
    return Limiter("vendor", Rates(concurrency=concurrency), Retry(**retry), clock)


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
    (wait,) = clock.waits
    assert 40 <= wait <= 41


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
    assert all(asked_for <= wait <= asked_for + longest for wait in clock.waits)


def test_thousands_of_short_waits_overflow_nothing():
    vendor = Vendor(*[BUSY] * 3000, "an image")
    assert send(vendor, Clock(), first=0.001, longest=0.001) == "an image"


def test_a_stop_ends_the_waiting():
    vendor, clock = Vendor(Transient("busy", retry_after=10)), Clock(stop_at=35)
    with pytest.raises(Transient, match="busy"):
        send(vendor, clock, first=0)
    assert (vendor.asked, clock.now) == (4, 35)


def test_a_stop_ends_real_waiting_at_once():
    stopped = threading.Event()
    stopped.set()
    vendor = Vendor(Transient("busy", retry_after=100))
    with pytest.raises(Transient):
        Limiter("vendor", Rates(concurrency=1), Retry()).call(vendor, stopped)
    assert vendor.asked == 1


# --- budgets ----------------------------------------------------------------------------------------------


# --- the breaker ------------------------------------------------------------------------------------------


def fail(breaker, error, times, now=0.0):
    for _ in range(times):
        breaker.failed(error, now)


def test_a_provider_that_keeps_failing_is_left_alone_but_for_one_call_a_minute():
    breaker = Breaker("vendor")
    fail(breaker, Unanswered("no answer"), IN_A_ROW - 1)
    breaker.check(0)
    breaker.failed(Unanswered("no answer", hint="is it up?"), 10)
    with pytest.raises(Closed) as raised:
        breaker.check(10 + REST - 1)
    assert (raised.value.message, raised.value.hint) == (
        "'vendor' failed 5 times in a row, and is left alone: no answer",
        "is it up?",
    )
    breaker.check(10 + REST)  # one finds out for all
    with pytest.raises(Closed):
        breaker.check(10 + REST)
    breaker.worked()
    breaker.check(10 + REST)


def test_a_fallback_may_take_over_from_a_provider_that_is_left_alone():
    assert issubclass(Closed, ProviderFailed)


def test_failures_are_counted_in_a_row():
    breaker = Breaker("vendor")
    for _ in range(3):
        fail(breaker, Unanswered("no answer"), IN_A_ROW - 1)
        breaker.worked()
        breaker.check(0)


def test_what_nobody_gets_past_ends_it_at_once_and_for_good():
    """A fallback does not take over: it might cost more, and the key is to be set."""
    breaker = Breaker("vendor")
    breaker.failed(Unavailable("the key is not taken", hint="set it"), 0)
    breaker.worked()  # of a call that was under way
    for now in (0, 10 * REST):
        with pytest.raises(Unavailable) as raised:
            breaker.check(now)
        assert (raised.value.message, raised.value.hint) == ("the key is not taken", "set it")
    assert not issubclass(Unavailable, ProviderFailed)


def test_refusals_are_no_failures_of_the_provider():
    clock = Clock()
    asked = limiter(clock)
    for _ in range(3 * IN_A_ROW):
        with pytest.raises(Refused):
            asked.call(Vendor(Refused("not that")), clock)


def test_calls_that_were_given_up_are_failures():
    clock = Clock()
    asked = limiter(clock, deadline=1, first=0.1)
    vendor = Vendor(Transient("unreachable"))
    for _ in range(IN_A_ROW):
        with pytest.raises(Transient, match="unreachable"):
            asked.call(vendor, clock)
    before = vendor.asked
    with pytest.raises(Closed):
        asked.call(vendor, clock)
    assert vendor.asked == before


# --- places in flight -------------------------------------------------------------------------------------


def test_no_more_calls_than_allowed_are_in_flight():
    asked, lock, out, most = limiter(time.monotonic, concurrency=3), threading.Lock(), 0, 0

    def send():
        nonlocal out, most
        with lock:
            out += 1
            most = max(most, out)
        time.sleep(0.005)
        with lock:
            out -= 1
        return "an image"

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: asked.call(send, threading.Event()), range(60)))
    assert (results, most) == (["an image"] * 60, 3)


def test_who_waits_for_a_place_sees_the_stop():
    asked, stopped = limiter(time.monotonic, concurrency=1), threading.Event()
    began, free = threading.Event(), threading.Event()

    def slow():
        began.set()
        free.wait(10)
        return "an image"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asked.call, slow, stopped)
        began.wait(10)
        second = pool.submit(asked.call, slow, stopped)
        stopped.set()
        with pytest.raises(TargetError, match="the build was stopped"):
            second.result(10)
        free.set()
        assert first.result(10) == "an image"


def test_one_that_is_told_to_wait_lets_all_wait():
    asked = limiter(time.monotonic, first=0.01)
    vendor = Vendor(Throttled("too many", retry_after=0.2), "an image")
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asked.call, vendor, threading.Event())
        while not vendor.asked:
            time.sleep(0.001)
        second = pool.submit(asked.call, vendor, threading.Event())
        assert {first.result(10), second.result(10)} == {"an image"}
    assert time.monotonic() - began >= 0.2
    assert vendor.asked == 3


def test_who_waits_for_a_turn_may_still_be_the_one_that_finds_out():
    asked, now = limiter(lambda: now[0], concurrency=1), [0.0]
    fail(asked.breaker, Unanswered("no answer"), IN_A_ROW)
    now[0] = REST
    asked.pacing.resting = REST + 1  # the provider wants to be left alone a little longer

    def later():
        time.sleep(0.3)
        now[0] = REST + 2

    with ThreadPoolExecutor(1) as pool:
        pool.submit(later)
        assert asked.call(Vendor("an image"), threading.Event()) == "an image"


def test_where_nothing_is_left_the_next_call_waits_for_more():
    clock = Clock()
    limited = limiter(clock)
    limited.learn(Allowance(calls=2, until=7.0))
    limited.call(Vendor("an image"), clock)
    assert limited.pacing.when() == 0.0
    limited.learn(Allowance(calls=0, until=7.0))
    assert limited.pacing.when() == 7.0
    limited.learn(Allowance(calls=0, per_second=4.0))
    assert limited.pacing.pace == 4.0


def test_servers_of_a_provider_know_nothing_of_each_other():
    limits = Limits(Retry(), lambda provider: Rates(concurrency=1))
    house, bridge = limits.of("http", "house.example"), limits.of("http", "bridge.example")
    assert house is limits.of("http", "house.example") is not bridge
    with pytest.raises(Unavailable):
        house.call(Vendor(Unavailable("the key is not taken")), Clock())
    assert bridge.call(Vendor("an image"), Clock()) == "an image"


def test_what_is_left_at_one_server_is_no_matter_to_those_who_ask_another():
    limits, meet = Limits(Retry(), lambda provider: Rates(concurrency=1)), threading.Barrier(2)

    def send(left):
        meet.wait()  # both are under way
        learn(left)

    left = {
        "house.example": Allowance(calls=0, per_second=4.0),
        "bridge.example": Allowance(calls=0, per_second=9.0),
    }
    with ThreadPoolExecutor(2) as pool:
        for server in left:
            pool.submit(limits.of("http", server).call, lambda server=server: send(left[server]), Clock())
    assert {server: round(limits.of("http", server).pacing.pace) for server in left} == {
        "house.example": 4,
        "bridge.example": 9,
    }
