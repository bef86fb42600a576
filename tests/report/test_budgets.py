"""What is said of a budget that comes to its end."""

import pytest

from imgbuild.report.budgets import budget_note
from imgbuild.report.events import NearBudget, Note

SAID = [
    (
        NearBudget(of="build", limit=1.0, spent=0.8, left=0.2),
        "$0.80 of this build's budget of $1.00 is spent, and $0.20 is left",
    ),
    (
        NearBudget(of="month", limit=50.0, spent=41.5, left=8.5),
        "$41.50 of the month's budget of $50.00 is spent, and $8.50 is left",
    ),
    (
        NearBudget(of="build", limit=1.0, spent=0.0, left=1.0, estimate=0.85),
        "this build would cost about $0.85: then $0.85 of its budget of $1.00 is spent, and $0.15 is left",
    ),
    (
        NearBudget(of="month", limit=50.0, spent=40.0, left=10.0, estimate=10.0),
        "this build would cost about $10.00: then $50.00 of the month's budget of $50.00 is spent, and $0.00 is left",
    ),
    (
        NearBudget(of="build", limit=1.0, spent=0.0, left=1.0, estimate=1.2),
        "this build would cost about $1.20, and $1.00 is left of its budget of $1.00: it would not start",
    ),
    (
        NearBudget(of="month", limit=50.0, spent=49.0, left=1.0, estimate=1.2),
        "this build would cost about $1.20, and $1.00 is left of the month's budget of $50.00: it would not start",
    ),
]


@pytest.mark.parametrize(("near", "text"), SAID)
def test_spent_or_about_to_be(near: NearBudget, text: str) -> None:
    assert budget_note(near) == Note(text=text, level="warning")
