"""What may be spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import Exit
from imgbuild.pace import Pace
from imgbuild.report.events import NearBudget
from imgbuild.run.budget import Budget, Cap, FreeOnly, HeldBack, OverBudget, caps_of, foreseen
from imgbuild.settings import Budget as Declared
from imgbuild.store.journal import Journal
from imgbuild.store.records import Records


def a_budget(limit):
    return Budget([Cap(of="build", limit=limit)])


def test_without_a_limit_anything_may_be_spent():
    budget = Budget()
    budget.reserve(1e9)
    budget.settle(1e9, 2e9)
    assert budget.spent == 2e9


def test_what_would_cross_the_budget_is_not_reserved():
    budget = a_budget(1.0)
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
    budget = a_budget(0.001)
    with pytest.raises(
        OverBudget, match=r"the budget of \$0\.0010 would be crossed: \$0\.00 .* about \$0\.0040"
    ):
        budget.reserve(0.004)


def test_a_request_that_came_to_nothing_gives_its_money_back():
    budget = a_budget(1.0)
    budget.reserve(1.0)
    budget.settle(1.0, 0.0)
    budget.reserve(1.0)
    assert budget.spent == 0


def test_all_of_a_budget_may_be_spent_in_tenths():
    budget = a_budget(1.0)
    for _ in range(10):
        budget.reserve(0.1)
        budget.settle(0.1, 0.1)
    with pytest.raises(OverBudget):
        budget.reserve(0.01)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans())), st.integers(0, 200))
def test_no_sequence_of_requests_crosses_the_budget(requests, limit):
    budget, under_way, spent = a_budget(limit / 100), [], 0
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


# --- told in time -------------------------------------------------------------------------------------


@pytest.fixture
def heard():
    return []


def spend(budget, *costs):
    for cost in costs:
        budget.reserve(cost)
        budget.settle(cost, cost)


def test_it_is_told_once_that_four_fifths_are_spent(heard):
    budget = Budget([Cap(of="build", limit=1.0)], heard.append)
    spend(budget, 0.4, 0.3)
    assert heard == []
    spend(budget, 0.1)
    assert heard == [NearBudget(of="build", limit=1.0, spent=0.8, left=0.2)]
    spend(budget, 0.1, 0.1)
    assert len(heard) == 1


def test_what_is_only_under_way_is_not_spent(heard):
    budget = Budget([Cap(of="build", limit=1.0)], heard.append)
    budget.reserve(1.0)
    assert heard == []
    budget.settle(1.0, 0.0)
    assert heard == []


def test_build_and_month_are_told_each_by_itself(heard):
    caps = [Cap(of="build", limit=1.0), Cap(of="month", limit=10.0, before=7.5)]
    budget = Budget(caps, heard.append)
    spend(budget, 0.25, 0.25)
    assert heard == [NearBudget(of="month", limit=10.0, spent=8.0, left=2.0)]
    spend(budget, 0.4)
    assert heard[1:] == [NearBudget(of="build", limit=1.0, spent=0.9, left=0.1)]


def test_a_month_that_came_to_its_end_before_is_told_of_no_more(heard):
    budget = Budget([Cap(of="month", limit=10.0, before=8.0)], heard.append)
    assert budget.limit == 2.0
    spend(budget, 1.0, 1.0)
    assert heard == []


def test_a_bill_that_is_higher_than_the_estimate_may_leave_nothing(heard):
    budget = Budget([Cap(of="build", limit=1.0)], heard.append)
    budget.reserve(0.5)
    budget.settle(0.5, 1.5)
    assert heard == [NearBudget(of="build", limit=1.0, spent=1.5, left=0.0)]


def test_nothing_is_told_where_nothing_may_be_spent(heard):
    budget = Budget([Cap(of="build", limit=0.0)], heard.append)
    spend(budget, 0.0)
    assert heard == []


def test_the_lower_cap_is_the_limit():
    caps = [Cap(of="build", limit=5.0), Cap(of="month", limit=10.0, before=8.0)]
    assert Budget(caps).limit == 2.0
    assert Budget([Cap(of="month", limit=10.0, before=11.0)]).limit == 0.0


def test_what_a_build_is_held_to(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.begin("key", "openai", 1.5)
    with Records(None) as records:
        pace = Pace({}, records)
        month = Cap(of="month", limit=10.0, before=1.5)
        declared = Declared(build=2.0, month=10.0)
        assert caps_of(declared, None, journal, pace) == (Cap(of="build", limit=2.0), month)
        assert caps_of(declared, 3.0, journal, pace) == (Cap(of="build", limit=3.0), month)
        assert caps_of(Declared(), 0.0, journal, pace) == (Cap(of="build", limit=0.0),)
        assert caps_of(Declared(), None, journal, pace) == ()


def test_what_a_plan_comes_near_or_would_cross():
    caps = [Cap(of="build", limit=1.0), Cap(of="month", limit=10.0, before=7.5)]
    assert foreseen(caps, 0.4) == []
    near_month = NearBudget(of="month", limit=10.0, spent=7.5, left=2.5, estimate=0.5)
    assert foreseen(caps, 0.5) == [near_month]
    assert [event.of for event in foreseen(caps, 3.0)] == ["build", "month"]
    assert foreseen([Cap(of="month", limit=10.0, before=9.0)], 0.0) == []
    assert len(foreseen([Cap(of="build", limit=0.0)], 0.1)) == 1


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 200), st.integers(0, 250))
def test_each_is_told_at_most_once_and_just_when_it_comes_to_its_end(cents, limit, before):
    heard = []
    month = Cap(of="month", limit=limit / 100, before=before / 100)
    budget, spent = Budget([month], heard.append), 0
    for each in cents:
        was_told = len(heard)
        budget.settle(0.0, each / 100)
        spent += each
        crosses = before * 5 < limit * 4 <= (before + spent) * 5
        assert len(heard) == max(was_told, int(crosses))
    assert len(heard) <= 1


def test_where_nothing_may_be_spent_what_is_free_goes_on():
    budget = FreeOnly("it costs", "give a budget")
    budget.reserve(0.0)
    with pytest.raises(HeldBack) as caught:
        budget.reserve(0.01)
    assert str(caught.value) == str(budget.unpriced()) == "error: it costs\nhint: give a budget"
    assert (budget.spent, budget.limit) == (0.0, 0.0)


def test_what_nobody_knows_the_cost_of_is_made_only_without_a_budget():
    assert Budget().unpriced() is None
    assert str(a_budget(0.5).unpriced()) == (
        "error: there is a budget, and it is not known what this image costs\n"
        "hint: state the model's 'price', in US dollars an image"
    )
