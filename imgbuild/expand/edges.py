"""Edges: which target of another asset goes into a target, by the labels that the two share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.faults import Fault
from imgbuild.expand.inputs import EdgeSource
from imgbuild.expand.winners import Contests, Group, Winner, common_id, no_winner, no_winners
from imgbuild.types import Input, Target

Labels = tuple[str | None, ...]
FindGroups: TypeAlias = Callable[
    [tuple[str, str]], Sequence[Group]
]  # spec and asset → who competes, as that says


class Wanted(Struct, frozen=True, kw_only=True, eq=False):
    """An edge that waits for its targets: for each position in the part, the input at `slot`."""

    source: EdgeSource
    slot: int
    positions: list[int]


class Part(Struct, frozen=True, kw_only=True, eq=False):
    """The targets of one asset, with the edges that only the whole project can settle.

    places: for each target, where it is published if it wins; none where the asset has no trial.
    """

    targets: list[Target]
    wanted: list[Wanted]
    places: list[str] = []


def settle(parts: Mapping[tuple[str, str], Part], contests: Contests, groups: FindGroups) -> None:
    """Fill in every edge's target, in place. Raises SpecError where it is none, or several.

    A target for which nothing is picked is at fault, and has no inputs at all. groups: asked for sheets of winners.
    """
    for part in parts.values():
        for wanted in reversed(part.wanted):  # a sheet's slot comes to hold many, and moves those behind it
            source = wanted.source
            finder = _Finder(source, parts[source.upstream].targets)
            podium = _Podium(source, groups(source.upstream)) if source.is_pick and source.sheet else None
            for position in wanted.positions:
                target = part.targets[position]
                if not target.inputs:
                    continue
                slot = target.inputs[wanted.slot]
                if podium is not None:
                    found = podium.inputs(target, slot, finder.rivals(target), contests)
                elif source.is_pick:
                    found = _winner(source, slot, finder.rivals(target), contests)
                else:
                    found = finder.inputs(target, slot)
                part.targets[position] = _filled(target, wanted.slot, found)


def _filled(target: Target, slot: int, found: Sequence[Input] | Fault) -> Target:
    """The target with these inputs in place of the one that waited for them, or at fault where there are none."""
    if isinstance(found, Fault):
        return _at_fault(target, found)
    return replace(target, inputs=(*target.inputs[:slot], *found, *target.inputs[slot + 1 :]))


def _winner(
    source: EdgeSource, slot: Input, rivals: Sequence[Target], contests: Contests
) -> list[Input] | Fault:
    """The winner among these as an input, or what is wrong where none stands."""
    winner = contests.winner(rivals)
    if winner is None or winner.rejected:
        return no_winner(source.edge.asset, rivals, winner)
    return [_won(slot, rivals, winner)]


def _won(slot: Input, rivals: Sequence[Target], winner: Winner, name: str = "") -> Input:
    beaten = tuple([rival.id for rival in rivals if rival.id != winner.target])
    return replace(slot, target=winner.target, name=name, picked=winner.pixels, rivals=beaten)


def _at_fault(target: Target, fault: Fault) -> Target:
    """The target, which can't be made; what was wrong with it before is told first."""
    if target.fault:
        return replace(target, inputs=())
    return replace(target, inputs=(), fault=fault.message, hint=fault.hint)


class _Podium:
    """The winners of an asset's own trial, as a sheet shows them."""

    def __init__(self, source: EdgeSource, groups: Sequence[Group]) -> None:
        self.source = source
        self._group_of = {rival.id: group for group in groups for rival in group.rivals}

    def inputs(
        self, target: Target, slot: Input, rivals: Sequence[Target], contests: Contests
    ) -> list[Input] | Fault:
        """The winner of every group, or what is wrong where one has none. rivals: those that agree with the target.

        Raises SpecError where only a part of a group agrees with it.
        """
        groups = list({id(group): group for rival in rivals if (group := self._group_of[rival.id])}.values())
        self._check_whole(target, groups, rivals)
        won = [(group.rivals, contests.winner(group.rivals)) for group in groups]
        standing = [(each, winner) for each, winner in won if winner is not None and not winner.rejected]
        if len(standing) < len(won):
            waiting = [(each, winner) for each, winner in won if winner is None or winner.rejected]
            return no_winners(self.source.edge.asset, waiting)
        names = _names(self.source, [(group.rivals[0].id, group.path) for group in groups])
        return [_won(slot, *pair, name) for pair, name in zip(standing, names, strict=True)]

    def _check_whole(self, target: Target, groups: Sequence[Group], rivals: Sequence[Target]) -> None:
        agreeing = {rival.id for rival in rivals}
        for group in groups:
            if not agreeing.issuperset(rival.id for rival in group.rivals):
                raise SpecError(
                    f"only some of {common_id(group.rivals)}, which compete, go with '{target.id}'",
                    where=self.source.where(),
                    hint="name what does not compete in 'match', and leave 'model' and 'index' out",
                )


class _Finder:
    """The targets of one asset, looked up by their labels. Each set of variables is indexed once."""

    def __init__(self, source: EdgeSource, upstream: Sequence[Target]) -> None:
        self.source = source
        self._by_names: dict[tuple[str, ...], list[Target]] = {}
        for target in upstream:
            if source.edge.model and alias_of(target) != source.edge.model:
                continue
            self._by_names.setdefault(tuple([name for name, _ in target.cell]), []).append(target)
        self._indexes: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[Labels, list[Target]]] = {}
        self._shared: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def inputs(self, target: Target, slot: Input) -> list[Input]:
        """The one target that goes into this one, or all that go into a sheet."""
        found = self._agreeing(target)
        sheet = self.source.sheet
        if sheet is None:
            return [replace(slot, target=self._one(target, found).id)]
        index = self.source.edge.index
        shown = [other for other in found if index is None or other.index == index]
        if not shown:
            raise self._not_one(target, shown)
        names = _names(self.source, [(other.id, other.output) for other in shown])
        return [replace(slot, target=other.id, name=name) for other, name in zip(shown, names, strict=True)]

    def rivals(self, target: Target) -> list[Target]:
        """Those of which the one that was picked goes into this one. Raises SpecError where there are none."""
        index = self.source.edge.index
        found = [other for other in self._agreeing(target) if index is None or other.index == index]
        if not found:
            raise self._not_one(target, found)
        return found

    def _agreeing(self, target: Target) -> list[Target]:
        """Those that agree with this one in the variables that have to."""
        cell = dict(target.cell)
        names = tuple(cell)
        found: list[Target] = []
        for theirs in self._by_names:
            shared = self._match(names, theirs)
            labels = tuple([cell.get(name) for name in shared])
            found += self._index(theirs, shared).get(labels, ())
        return found

    def _one(self, target: Target, found: list[Target]) -> Target:
        chosen = self._by_index(target, found)
        if len(chosen) != 1:
            raise self._not_one(target, chosen)
        return chosen[0]

    def _match(self, ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
        """The variables that have to agree."""
        known = self._shared.get((ours, theirs))
        if known is None:
            both = tuple([name for name in ours if name in theirs])
            known = both if self.source.edge.match is None else tuple(self.source.edge.match)
            for name in known:
                if name not in both:
                    raise self._unknown(name, both)
            self._shared[ours, theirs] = known
        return known

    def _index(self, theirs: tuple[str, ...], shared: tuple[str, ...]) -> dict[Labels, list[Target]]:
        index = self._indexes.get((theirs, shared))
        if index is None:
            index = self._indexes[theirs, shared] = {}
            for target in self._by_names[theirs]:
                cell = dict(target.cell)
                index.setdefault(tuple([cell[name] for name in shared]), []).append(target)
        return index

    def _by_index(self, target: Target, found: list[Target]) -> list[Target]:
        """Those with the index that the edge names; else with the same index as the target's, if there are any."""
        index = self.source.edge.index
        same = [other for other in found if other.index == (target.index if index is None else index)]
        return same if same or index is not None else found

    def _unknown(self, name: str, both: tuple[str, ...]) -> SpecError:
        return SpecError(
            f"'{name}' in 'match' is not a variable of both assets",
            where=self.source.where("match", (self.source.edge.match or []).index(name)),
            hint=did_you_mean(name, both, "shared variables"),
        )

    def _not_one(self, target: Target, found: list[Target]) -> SpecError:
        asset = self.source.edge.asset
        if not found:
            return SpecError(
                f"no target of '{asset}' goes with '{target.id}'",
                where=self.source.where(),
                hint="name fewer variables in 'match', or give that asset the missing cell",
            )
        shown = f"{found[0].id}, {found[1].id}" + (", …" if len(found) > 2 else "")
        return SpecError(
            f"{len(found)} targets of '{asset}' go with '{target.id}': {shown}",
            where=self.source.where(),
            hint=f"choose one: {' and '.join(_ways(target, found))}",
        )


def _names(source: EdgeSource, shown: Sequence[tuple[str, str]]) -> list[str]:
    """What the pictures of a sheet are called, each in its own way where there is a map of them.

    shown: the id and the output of each. Raises SpecError.
    """
    sheet = source.sheet
    if sheet is None or not (sheet.labels or sheet.map):
        return [""] * len(shown)
    names = [_stem(output, whole=sheet.names == "path") for _, output in shown]
    both = next((name for name, count in Counter(names).items() if count > 1), None)
    if sheet.map and both is not None:
        one, other = [id for (id, _), name in zip(shown, names, strict=True) if name == both][:2]
        raise SpecError(
            f"the map would have two pictures '{both}': {one} and {other}",
            where=source.where(),
            hint="name them by their whole paths, with 'names: path', or give them other outputs"
            if sheet.names == "name"
            else "give them other outputs",
        )
    return names


def _stem(output: str, *, whole: bool) -> str:
    """An output without its suffix, and without its folder unless the whole path is wanted."""
    path = PurePosixPath(output)
    return str(path.with_suffix("")) if whole else path.stem


def _ways(target: Target, found: list[Target]) -> Iterator[str]:
    """What tells several targets apart, and how this one says which of them it takes."""
    own = dict(target.cell)
    labels: dict[str, set[str]] = {}
    for other in found:
        for name, label in other.cell:
            labels.setdefault(name, set()).add(label)
    differing = [name for name, values in labels.items() if len(values) > 1]
    missing = [name for name in differing if name not in own]
    if missing:
        yield f"give this asset the axis {_quoted(missing)} too"
    elif differing:
        yield f"add {_quoted(differing)} to 'match'"
    if len({alias_of(other) for other in found}) > 1:
        yield "add 'model'"
    if len({other.index for other in found}) > 1:
        yield "add 'index'"


def _quoted(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def alias_of(target: Target) -> str:
    return target.recipe.model.alias if target.recipe.model else ""
