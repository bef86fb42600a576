"""What holds of a picture, by all that was said of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

from imgbuild.reviews.lines import Decision, in_order

State: TypeAlias = Literal["open", "approved", "rejected"]
_STATES: dict[str, State] = {"approve": "approved", "pick": "approved", "reject": "rejected"}

_PAST = {"approve": "approved", "pick": "picked", "reject": "rejected"}


class Standing(Struct, frozen=True, kw_only=True):
    """What is decided on a picture, by all that was said of it.

    last: the decision that holds; where none does, the last one on an earlier picture of the target, if there is any.
    stars: who starred it. said: all that was said of it, the oldest first.
    """

    state: State = "open"
    last: Decision | None = None
    stars: tuple[str, ...] = ()
    said: tuple[Decision, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Whether it was decided on a picture that this one took the place of."""
        return self.state == "open" and self.last is not None


def standing_of(said: Iterable[Decision], of_target: Iterable[Decision]) -> Standing:
    """said: of this picture. of_target: of all pictures that its target ever had."""
    on_this = in_order(said)
    decided = [item for item in on_this if item.decision in _STATES]
    earlier = [item for item in in_order(of_target) if item.decision in _STATES]
    return Standing(
        state=_STATES[decided[-1].decision] if decided else "open",
        last=next(reversed(decided or earlier), None),
        stars=_stars(on_this),
        said=tuple(on_this),
    )


def told(standing: Standing) -> str:
    """`by NAME`, `rejected by NAME: reason`, or what else is so."""
    last = standing.last
    if last is None:
        return "nobody has decided on it"
    who = last.who.partition(" <")[0]
    if standing.has_changed:
        return f"{who} {_PAST[last.decision]} another picture, before it changed"
    if standing.state == "approved":
        return f"by {who}"
    return f"rejected by {who}{f': {last.note}' if last.note else ''}"


def _stars(said: Iterable[Decision]) -> tuple[str, ...]:
    """Who starred it and has not thought better of it."""
    stars: dict[str, None] = {}
    for decision in said:
        if decision.decision == "star":
            stars[decision.who] = None
        elif decision.decision == "unstar":
            stars.pop(decision.who, None)
    return tuple(stars)
