"""What a build may spend: set aside before a request is sent, settled when its cost is known."""

from __future__ import annotations

from datetime import UTC, datetime

from imgbuild.errors import TargetError, UsageError
from imgbuild.pace import Pace
from imgbuild.report.text import money
from imgbuild.store.journal import Journal

ROUNDING = 1e-9  # US dollars: sums of floats that are equal but for this are equal


class OverBudget(TargetError):
    """The image would cost more than is left."""


class TooDear(UsageError):
    """The build would cost more than is left: it does not begin."""


class Budget:
    """Money that may still be spent: reserved before a request is sent, settled when its cost is known."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.spent = 0.0
        self._reserved = 0.0

    def reserve(self, cost: float) -> None:
        """Set `cost` dollars aside. Raises OverBudget, and reserves nothing, where too little is left."""
        if self.limit is not None and self.spent + self._reserved + cost > self.limit + ROUNDING:
            raise OverBudget(
                f"the budget of {money(self.limit)} would be crossed: {money(self.spent + self._reserved)} is spent "
                f"or under way, and this image costs about {money(cost)}",
                hint="raise --budget, or build a selection",
            )
        self._reserved += cost

    def settle(self, reserved: float, cost: float) -> None:
        self._reserved -= reserved
        self.spent += cost


def spent_this_month(journal: Journal, pace: Pace, now: datetime | None = None) -> float:
    """US dollars since the calendar month began (UTC): what was paid for, and what work by the hour cost."""
    month = (now or datetime.now(UTC)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return journal.spent(month) + pace.spent(month.timestamp())
