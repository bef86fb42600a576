"""What became of attempts, counted by the model that made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from imgbuild.store.history import Attempt

HoursCost = Callable[[str, float], float]  # a provider and seconds of its work → US dollars


class Name(NamedTuple):
    """A model, as a spec declared it when it was asked."""

    model: str
    provider: str
    source: str


class Tally:
    """rules: how many each turned down; several may turn down one. failed: how many, by kind.

    seconds, cost: of all attempts, whatever came of them. cost: US dollars.
    """

    def __init__(self) -> None:
        self.attempts = self.accepted = self.refused = self.turned_down = 0
        self.rules: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.seconds = self.cost = 0.0

    def add(self, attempt: Attempt, hours: HoursCost) -> None:
        self.attempts += 1
        self.accepted += attempt.end == "accepted"
        self.refused += attempt.end == "refused"
        self.turned_down += attempt.end == "turned down"
        self.rules.update(attempt.rules)
        self.failed.update([attempt.kind] if attempt.end == "failed" else [])
        self.seconds += attempt.seconds
        self.cost += attempt.cost or hours(attempt.provider, attempt.seconds)

    @property
    def success(self) -> float:
        """The part of the attempts that were accepted, 0 to 1."""
        return self.accepted / self.attempts if self.attempts else 0.0

    def of_image(self, total: float) -> float | None:
        """What of a total falls to each accepted image; None where there is none."""
        return total / self.accepted if self.accepted else None


def last_said(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Each attempt once, as the last entry about it has it; oldest first."""
    known = {(attempt.key, attempt.at): attempt for attempt in attempts}
    return sorted(known.values(), key=lambda attempt: attempt.at)


def by_model(attempts: Iterable[Attempt], hours: HoursCost) -> Mapping[Name, Tally]:
    """In the order of their names. hours: what time costs of those that send no bill."""
    found: dict[Name, Tally] = {}
    for attempt in attempts:
        name = Name(attempt.model, attempt.provider, attempt.source)
        found.setdefault(name, Tally()).add(attempt, hours)
    return dict(sorted(found.items()))


def in_all(attempts: Iterable[Attempt], hours: HoursCost) -> Tally:
    whole = Tally()
    for attempt in attempts:
        whole.add(attempt, hours)
    return whole
