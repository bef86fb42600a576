"""Specs to Targets: each asset by itself, then what only the whole project can tell."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import astuple

from imgbuild.errors import Errors, ImgbuildError, SpecError, raise_all
from imgbuild.expand.clashes import check_unique
from imgbuild.expand.context import Context, FindPin, Notice
from imgbuild.expand.draft import Draft, Moved, read_draft
from imgbuild.expand.drawn import note_drawn
from imgbuild.expand.edges import Part, settle
from imgbuild.expand.policies import STAND_IN
from imgbuild.expand.trials import crown, groups_of
from imgbuild.expand.winners import Contests, Group, OpenPicks, Winner, nothing_picked
from imgbuild.files import Files
from imgbuild.settings import Settings, profile_place
from imgbuild.spec.circles import circles
from imgbuild.spec.declared import Spec
from imgbuild.types import Target

MAX_TARGETS = 1_000_000  # of one project


class Expansion(Struct, frozen=True, kw_only=True, eq=False):
    """All targets of a project, by spec and asset, then in the order of the matrix; and what is worth a look.

    contests: the ids of targets that compete, wherever a winner is wanted, and who was picked. trials: those of them
    whose winner is published under another name, too.
    """

    targets: list[Target]
    warnings: list[Notice]
    contests: Mapping[tuple[str, ...], Winner | None] = {}
    trials: Sequence[Group] = ()


class Drafts(Struct, frozen=True, kw_only=True, eq=False):
    """Every asset of a project, read and checked, by spec and name; no target is made yet."""

    context: Context
    assets: Mapping[tuple[str, str], Draft]


def read_drafts(
    specs: Sequence[Spec], settings: Settings, files: Files, pins: FindPin = lambda *_: None
) -> Drafts:
    """The assets of the specs; pure but for looking at tables. pins: finds what a model is pinned to, where it is.

    Raises SpecError or, for faults of several assets, Errors.
    """
    context = Context(specs, settings, files, pins)
    _check_profile(context)
    with _no_collections():
        assets = note_drawn(_assets(context))
    _check_count(assets)
    raise_all([*_circles(assets)])
    return Drafts(context=context, assets=assets)


def expand(
    drafts: Drafts,
    only: Mapping[tuple[str, str], Moved] | None = None,
    picks: OpenPicks = nothing_picked,
) -> Expansion:
    """Every target; pure but for looking at input files. only: but those of the cells that changed, by asset.

    picks: opens what people picked; asked only where a winner is wanted. Raises SpecError. Faults of one row are in its
    targets.
    """
    wanted = dict.fromkeys(drafts.assets) if only is None else only
    with _no_collections():
        parts = {key: drafts.assets[key].part(moved) for key, moved in wanted.items()}
        contests = Contests(picks, lambda: {each.id for part in parts.values() for each in part.targets})
        settle(parts, contests, lambda key: _groups(drafts, parts, key))
        targets = [target for part in parts.values() for target in part.targets]
        trials = _trials(drafts, parts)
        check_unique(
            targets, lambda target: drafts.assets[target.recipe.spec, target.recipe.asset], _places(trials)
        )
        crown(targets, trials, contests)
    return Expansion(
        targets=targets, warnings=list(drafts.context.notices), contests=contests.winners, trials=trials
    )


def _trials(drafts: Drafts, parts: Mapping[tuple[str, str], Part]) -> list[Group]:
    """All rivals of trials. Raises SpecError."""
    return [group for key in parts for group in _groups(drafts, parts, key)]


def _groups(drafts: Drafts, parts: Mapping[tuple[str, str], Part], key: tuple[str, str]) -> Sequence[Group]:
    """The rivals of one asset, as its trial says. Raises SpecError."""
    rules = drafts.assets[key].trial
    return groups_of(rules, parts[key]) if rules is not None else ()


def _places(trials: Sequence[Group]) -> list[tuple[Target, str]]:
    """Where winners are published, whoever they are: each with one of those who may."""
    return [(group.rivals[0], group.path) for group in trials]


def _check_profile(context: Context) -> None:
    """Point out models that the active profile replaces, and no spec declares."""
    profile = context.settings.profile
    declared = {STAND_IN, "*"}.union(*(spec.models for spec in context.specs.values()))
    for alias in profile.models if profile is not None else ():
        if alias not in declared:
            context.warn(
                f"profile '{context.settings.profile_name}' replaces model '{alias}', which no spec declares",
                profile_place(context.settings, "models", alias, key=True),
            )


def _assets(context: Context) -> dict[tuple[str, str], Draft]:
    """Every asset, read and checked; the faults of all are told together."""
    drafts: dict[tuple[str, str], Draft] = {}
    errors: list[ImgbuildError] = []
    for spec in context.specs.values():
        for name in spec.assets:
            try:
                drafts[spec.name, name] = read_draft(context, spec, name)
            except SpecError as error:
                errors.append(error)
            except Errors as error:
                errors += error.errors
    raise_all(_in_order([*errors, *context.refusals.values()]) if context.refusals else errors)
    return drafts


def _in_order(errors: Sequence[ImgbuildError]) -> list[ImgbuildError]:
    """By their places; those without one first."""
    return sorted(errors, key=lambda error: astuple(error.where)[:3] if error.where else ("", 0, 0))


def _check_count(drafts: dict[tuple[str, str], Draft]) -> None:
    """Refuse too many targets by their count, before the first of them is made."""
    total = sum(draft.count for draft in drafts.values())
    if total > MAX_TARGETS:
        largest = max(drafts.values(), key=lambda draft: draft.count)
        raise SpecError(
            f"the project has {total:,} targets, {largest.count:,} of them in '{largest.prefix}';"
            f" at most {MAX_TARGETS:,} can be built",
            where=largest.matrix.where,
            hint="leave out an axis, list fewer values, or split the project",
        )


def _circles(drafts: Mapping[tuple[str, str], Draft]) -> Iterator[SpecError]:
    """Each circle of assets with a pick in it: nothing there can ever be picked. The graph finds the others."""
    taken = {
        key: {source.upstream: source for source in sorted(edges, key=lambda source: source.is_pick)}
        for key, draft in drafts.items()
        if (edges := [source for _, source in draft.inputs.edges])
    }
    for circle in circles(taken):
        steps = [taken[name][needed] for name, needed in zip(circle, [*circle[1:], circle[0]], strict=True)]
        pick = next((step for step in steps if step.is_pick), None)
        if pick is not None:
            yield SpecError(
                f"winners are waited for in a circle: {' → '.join(map('/'.join, [*circle, circle[0]]))}",
                where=pick.where("pick"),
                hint="a winner is picked among images that are there before; let one of these assets begin without",
            )


@contextmanager
def _no_collections() -> Iterator[None]:
    """Hundreds of thousands of structs are made here and none is garbage: the collector would only look at them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
