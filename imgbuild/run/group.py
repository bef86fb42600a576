"""The images of assets that are judged together: which of them count, how they rank, what is said of them.

Members in this run count with what they have come to, the others with their locked images. Those at rest (locked, or
come to rest in this run) rank first, each by its id alone: since when they are at rest makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from imgbuild.graph import Circles, circles_of
from imgbuild.plan import Decision, peers_digest
from imgbuild.rules.base import Measured
from imgbuild.run.accept import Member, judge_circles, rank
from imgbuild.run.recall import Recall
from imgbuild.run.work import ENDED, State, Work
from imgbuild.types import Digest, Verdict


class Group:
    """works: the members in this run. others: ids of those outside it whose locked images stand. across: see Graph.

    unmeasured: how many of the works it still has to wait for. is_in_order: whether all ranked by their ids alone
    when they were last judged.
    """

    def __init__(self, works: Sequence[Work], others: Sequence[str], recall: Recall, across: Circles) -> None:
        self.works, self.others, self.recall, self.across = works, others, recall, across
        self.unmeasured = sum(1 for work in works if not is_settled(work))
        self.is_in_order = True

    def held(self) -> list[Work]:
        """Those that wait to be judged."""
        return [work for work in self.works if work.state is State.HELD]

    def verdicts(self, held: Sequence[Work]) -> dict[str, list[Verdict]]:
        """What all rules say of these members, by id. Raises Broke."""
        measured = {**self._outside, **{work.id: work.made.measured for work in held if work.made}}
        resting = [*self._outside, *(work.id for work in held if work.locked or work.firm)]
        ranked = rank(list(measured), resting)
        self.is_in_order = ranked == sorted(ranked)
        found = judge_circles([self._member(name, measured[name]) for name in ranked])
        return {work.id: work.verdicts + found[work.id] for work in held}

    def _member(self, name: str, measured: Mapping[int, Measured]) -> Member:
        recipe = self.recall.materials.decision(name).target.recipe
        return Member(name, recipe.rules, circles_of(recipe), measured)

    def peers(self, accepted: Sequence[Work]) -> Digest:
        """Digest of the images that these members were compared with, as the lock is going to name them."""
        images = {name: _locked_image(self.recall.materials.decision(name)) for name in self._outside}
        return peers_digest({**images, **{work.id: _image(work) for work in accepted}}, self.across)

    @cached_property
    def _outside(self) -> Mapping[str, Mapping[int, Measured]]:
        """What was measured on those outside this run; nobody can say anything of those that never were."""
        found = {name: self.recall.measured_of_line(name) for name in self.others}
        return {name: measured for name, measured in found.items() if measured is not None}


def is_settled(work: Work) -> bool:
    """Whether its group need not wait for it."""
    return work.state is State.HELD or work.state in ENDED


def _image(work: Work) -> Digest:
    if work.locked:
        return _locked_image(work.decision)
    assert work.made is not None
    return work.made.image


def _locked_image(decision: Decision) -> Digest:
    assert decision.line is not None
    return decision.line.image
