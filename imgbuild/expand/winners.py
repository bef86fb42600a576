"""Winners: which of several targets people picked, as the expansion is told of it, and what it says where none is.

What was picked is a source like the specs, and so the expansion settles who the winner is. Whether its picture is still
the one that was picked is no matter of sources: the plan looks at the lock for that, and the run at what it made. So a
picked input is an edge like any other to all that comes after, nothing but the winner is made for it, and where nothing
is picked no lock is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from msgspec import Struct

from imgbuild.expand.faults import Fault
from imgbuild.expand.ids import escape, tag_of
from imgbuild.types import Digest, Target

SHOWN = 3  # of those that compete


class Group(Struct, frozen=True, kw_only=True, eq=False):
    """Rivals, in the order of the matrix. path: of the winner."""

    rivals: list[Target]
    path: str


class Winner(Struct, frozen=True, kw_only=True):
    """The target that was picked last among several. pixels: of the picture that was looked at.

    rejected: whether that picture was rejected since.
    """

    target: str
    pixels: Digest
    rejected: bool = False


FindWinner: TypeAlias = Callable[
    [Sequence[str]], Winner | None
]  # ids of targets → which of them was picked last
OpenPicks: TypeAlias = Callable[[Collection[str]], FindWinner]  # all ids that there are → what was picked


class Contests:
    """Who competes, and who won. picks: opened when the first winner is asked for. names: gives all ids there are."""

    def __init__(self, picks: OpenPicks, names: Callable[[], Collection[str]]) -> None:
        self._picks, self._names = picks, names
        self._find: FindWinner | None = None
        self.winners: dict[tuple[str, ...], Winner | None] = {}

    def winner(self, rivals: Sequence[Target]) -> Winner | None:
        """The one that was picked, be it that it was rejected since."""
        ids = tuple([rival.id for rival in rivals])
        if ids not in self.winners:
            if self._find is None:
                self._find = self._picks(self._names())
            self.winners[ids] = self._find(ids)
        return self.winners[ids]


def nothing_picked(_: Collection[str]) -> FindWinner:
    """For an expansion that is told of no picks."""
    return lambda _: None


def no_winner(asset: str, rivals: Sequence[Target], winner: Winner | None) -> Fault:
    """What is wrong where no winner stands. asset: as the spec names it."""
    ids = [target.id for target in rivals]
    shown = ", ".join(ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
    if winner is not None:
        cause = f"the winner of {asset}{shared(rivals)} was rejected"
    else:
        cause = f"no winner of {asset}{shared(rivals)} is picked"
    return Fault(cause, f"look at them, and `imgbuild review pick` one of {shown}")


def no_winners(asset: str, waiting: Sequence[tuple[Sequence[Target], Winner | None]]) -> Fault:
    """What is wrong where several winners are wanted, and for these rivals none stands."""
    first, more = no_winner(asset, *waiting[0]), len(waiting) - 1
    if not more:
        return first
    others = "1 more group waits" if more == 1 else f"{more:,} more groups wait"
    return Fault(f"{first.message}, and {others} for one", first.hint)


def shared(rivals: Sequence[Target]) -> str:
    """The variables in which all of them agree, as ids have them; empty where there are none."""
    first, *others = [dict(target.cell) for target in rivals]
    both = [
        tag_of(name, label)
        for name, label in first.items()
        if all(other.get(name) == label for other in others)
    ]
    return f"[{','.join(both)}]" if both else ""


def common_id(rivals: Sequence[Target]) -> str:
    """What the ids of several targets of one asset share: `catalog/heroes[page=home]@paint#0`."""
    recipe, index = rivals[0].recipe, rivals[0].index
    models = {target.recipe.model.alias for target in rivals if target.recipe.model is not None}
    model = f"@{escape(*models)}" if len(models) == 1 else ""
    seed = f"#{index}" if all(target.index == index for target in rivals) else ""
    return f"{recipe.spec}/{escape(recipe.asset)}{shared(rivals)}{model}{seed}"
