"""Specs to Targets: each asset by itself, then what only the whole project can tell."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from imgbuild.errors import Errors, ImgbuildError, SpecError, raise_all
from imgbuild.expand.clashes import check_unique
from imgbuild.expand.context import Context, FindPin, Notice
from imgbuild.expand.draft import Draft, read_draft
from imgbuild.expand.edges import Part, settle
from imgbuild.expand.models import STAND_IN
from imgbuild.files import Files
from imgbuild.settings import Settings, profile_place
from imgbuild.spec.declared import Spec
from imgbuild.types import Target

MAX_TARGETS = 1_000_000  # of one project


class Expansion(Struct, frozen=True, kw_only=True, eq=False):
    """All targets of a project, by spec and asset, then in the order of the matrix; and what is worth a look."""

    targets: list[Target]
    warnings: list[Notice]


def expand(
    specs: Sequence[Spec], settings: Settings, files: Files, pins: FindPin = lambda *_: None
) -> Expansion:
    """Every target of the specs; pure but for looking at tables and input files.

    pins: finds what a model is pinned to, where it is. Raises SpecError or, for faults of several assets, Errors.
    Faults of one row are in its targets.
    """
    context = Context(specs, settings, files, pins)
    _check_profile(context)
    with _no_collections():
        drafts = _drafts(context)
        _check_count(drafts)
        parts = {key: expand_asset(context, context.specs[key[0]], key[1]) for key in drafts}
        settle(parts)
        targets = [target for part in parts.values() for target in part.targets]
        check_unique(targets, lambda target: drafts[target.recipe.spec, target.recipe.asset])
    return Expansion(targets=targets, warnings=list(context.notices))


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


def expand_asset(context: Context, spec: Spec, name: str) -> Part:
    """The targets of one asset, and the edges that wait for other assets. Raises SpecError."""
    return read_draft(context, spec, name).part()


def _drafts(context: Context) -> dict[tuple[str, str], Draft]:
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
    raise_all(errors)
    return drafts


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
