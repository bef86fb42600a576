"""What a build may spend: set aside before a request is sent, settled when its cost is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from imgbuild.errors import TargetError, UsageError
from imgbuild.pace import Pace
from imgbuild.report.events import NearBudget
from imgbuild.report.text import money
from imgbuild.settings import Budget as Declared
from imgbuild.store.journal import Journal

ROUNDING = 1e-9  # US dollars: sums of floats that are equal but for this are equal
DIGITS = 9  # of US dollars that are told: no sum is more exact
NEAR = 0.8  # the part of a budget at which it is told that it comes to its end


class OverBudget(TargetError):
    """The image would cost more than is left."""


class HeldBack(OverBudget):
    """The image would cost money, and none may be spent."""


class TooDear(UsageError):
    """The build would cost more than is left: it does not begin."""


class Cap(Struct, frozen=True, kw_only=True):
    """What may be spent by one build, or in one calendar month, and what of it was spent before, in US dollars."""

    of: Literal["build", "month"]
    limit: float
    before: float = 0.0

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.before)

    def is_near(self, spent: float) -> bool:
        """Whether so much more brings it near its end, or over it."""
        return self.before + spent >= NEAR * self.limit - ROUNDING


def caps_of(declared: Declared, build: float | None, journal: Journal, pace: Pace) -> tuple[Cap, ...]:
    """What a build is held to. build: what its command line lets it spend, which goes before what is declared."""
    found = []
    own = declared.build if build is None else build
    if own is not None:
        found.append(Cap(of="build", limit=own))
    if declared.month is not None:
        found.append(Cap(of="month", limit=declared.month, before=spent_this_month(journal, pace)))
    return tuple(found)


def foreseen(caps: Sequence[Cap], cost: float) -> list[NearBudget]:
    """Which of them a build comes near, or would cross, that costs about so much."""
    return [_news(item, 0.0, cost) for item in caps if cost > 0 and item.is_near(cost)]


def unheard(event: NearBudget) -> None:
    """What is told where nobody listens."""


class Budget:
    """Money that may still be spent: reserved before a request is sent, settled when its cost is known.

    tell: hears, once of each cap, that it comes to its end; of one that was near it before, nothing is told.
    """

    def __init__(self, caps: Sequence[Cap] = (), tell: Callable[[NearBudget], None] = unheard) -> None:
        self.limit = min((item.left for item in caps), default=None)
        self.spent = 0.0
        self._reserved = 0.0
        self._tell = tell
        self._far = [item for item in caps if not item.is_near(0.0)]

    def reserve(self, cost: float) -> None:
        """Set `cost` dollars aside. Raises OverBudget, and reserves nothing, where too little is left."""
        if self.limit is not None and self.spent + self._reserved + cost > self.limit + ROUNDING:
            raise OverBudget(
                f"the budget of {money(self.limit)} would be crossed: {money(self.spent + self._reserved)} is spent "
                f"or under way, and this image costs about {money(cost)}",
                hint="raise --budget, or build a selection",
            )
        self._reserved += cost

    def unpriced(self) -> TargetError | None:
        """Why an image may not be made of which nobody knows what it costs; None where it may be."""
        if self.limit is None:
            return None
        return TargetError(
            "there is a budget, and it is not known what this image costs",
            hint="state the model's 'price', in US dollars an image",
        )

    def settle(self, reserved: float, cost: float) -> None:
        self._reserved -= reserved
        self.spent += cost
        for item in [item for item in self._far if item.is_near(self.spent)]:
            self._far.remove(item)
            self._tell(_news(item, self.spent, 0.0))


def _news(item: Cap, spent: float, estimate: float) -> NearBudget:
    left = max(0.0, item.left - spent)
    return NearBudget(
        of=item.of,
        limit=item.limit,
        spent=round(item.before + spent, DIGITS),
        left=round(left, DIGITS),
        estimate=round(estimate, DIGITS),
    )


class FreeOnly(Budget):
    """Nothing may be spent, and what is free goes on. why, hint: what is said where something would cost money."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__((Cap(of="build", limit=0.0),))
        self._why, self._hint = why, hint

    def reserve(self, cost: float) -> None:
        """Raises HeldBack unless it is free."""
        if cost > ROUNDING:
            raise self.unpriced()

    def unpriced(self) -> HeldBack:
        return HeldBack(self._why, hint=self._hint)


def spent_this_month(journal: Journal, pace: Pace, now: datetime | None = None) -> float:
    """US dollars since the calendar month began (UTC): what was paid for, and what work by the hour cost."""
    month = (now or datetime.now(UTC)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return journal.spent(month) + pace.spent(month.timestamp())
