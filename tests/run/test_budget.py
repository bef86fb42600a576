"""What may be spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import Exit
from imgbuild.run.budget import Budget, OverBudget


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
