"""What every asset declares, in digests: enough to tell which cells an edit of specs and tables affects.

A target is a function of its cell's values, of what its asset declares beside them, and of the models in scope. So
where only some values of an axis changed, the targets of all other cells are what they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from posixpath import dirname
from typing import Any, TypeAlias

import msgspec
import xxhash
from msgspec import Struct
from msgspec.structs import replace

from imgbuild.expand.axes import Axis
from imgbuild.expand.draft import Draft, Moved
from imgbuild.expand.expansion import Drafts
from imgbuild.expand.matrix import RESERVED, Matrix
from imgbuild.spec.declared import Spec
from imgbuild.templates.values import plain
from imgbuild.types import Target

SIZE = 16  # bytes of a digest: XXH3-128, which only says whether something changed
UNKNOWN = bytes(SIZE)  # in place of a digest: whatever is there now counts as changed

Pairs: TypeAlias = tuple[tuple[str, str], ...]  # of a cell

_encode = msgspec.json.Encoder(order="deterministic").encode


class Sketch(Struct, frozen=True, array_like=True):
    """One asset. ids: all that the ids of its targets are made from; rest: all else that its targets share.

    choices: for each axis, the digests of its choices, one after the other.
    """

    ids: bytes
    rest: bytes
    choices: list[bytes]


class Outline(Struct, frozen=True, array_like=True):
    """A project's assets, by name. texts: the files, and folders of specs, that it was taken from.

    models: of every model that is declared.
    """

    texts: frozenset[str]
    models: bytes
    assets: dict[str, Sketch]


def outline_of(drafts: Drafts, open: Iterable[Target] = ()) -> Outline:
    """The outline of assets that have been read. open: targets that count as affected by whatever is edited next."""
    specs, cells = drafts.context.specs, _cells(open)
    tables = {axis.file for draft in drafts.assets.values() for axis in draft.matrix.axes if axis.file}
    files = {spec.file for spec in specs.values()}
    return Outline(
        texts=frozenset(tables | files | {dirname(file) or "." for file in files}),
        models=_digest(sorted((spec.name, _models(spec)) for spec in specs.values())),
        assets={
            _name(*key): _without(_sketch(specs[key[0]], key[1], draft), draft.matrix, cells.get(key, ()))
            for key, draft in drafts.assets.items()
        },
    )


def affected(old: Outline, new: Outline, drafts: Drafts) -> dict[tuple[str, str], Moved] | None:
    """The assets that changed and, for each, the choices that did; None where more than values may have.

    More is: an id that came or went, a model, or an asset that others are made from or compared with, or of which the
    lock knows what was chosen for it by price.
    """
    if (old.models, old.assets.keys()) != (new.models, new.assets.keys()):
        return None
    changed: dict[tuple[str, str], Moved] = {}
    for key in drafts.assets:
        before, now = old.assets[_name(*key)], new.assets[_name(*key)]
        if before == now:
            continue
        if before.ids != now.ids:
            return None
        moved = [_moved(*pair) for pair in zip(before.choices, now.choices, strict=True)]
        changed[key] = moved if before.rest == now.rest else None
    priced = {key for key, draft in drafts.assets.items() if draft.lineup.is_priced}
    return None if (_tied(drafts) | priced) & changed.keys() else changed


def _name(spec: str, asset: str) -> str:
    """One text for both, which have slashes of their own."""
    return f"{spec}\0{asset}"


def _tied(drafts: Drafts) -> set[tuple[str, str]]:
    """The assets that are bound to others, or whose targets are compared with, or picked over, each other."""
    tied = set()
    for key, draft in drafts.assets.items():
        upstream = {source.upstream for _, source in draft.inputs.edges}
        ruling = [rule for recipe in draft.recipes for rule in recipe.rules if rule.group]
        if any(rule.circle(key[0]) for rule in ruling):
            return set(drafts.assets)  # any other may have been among those that it is compared with
        if upstream or ruling or draft.trial is not None:
            tied |= {key, *upstream}
    return tied


def _moved(before: bytes, now: bytes) -> frozenset[int]:
    places = range(0, len(now), SIZE)
    return frozenset(at // SIZE for at in places if before[at : at + SIZE] != now[at : at + SIZE])


def _sketch(spec: Spec, name: str, draft: Draft) -> Sketch:
    asset, matrix = spec.assets[name].value, draft.matrix
    template = spec.templates.get(asset.template)
    shape = [(axis.axis, axis.name, [choice.label for choice in axis.choices]) for axis in matrix.axes]
    fixed = {key: asset.matrix[key] for key in RESERVED if key in asset.matrix}
    cuts = [[(axis, sorted(chosen)) for axis, chosen in cut] for cut in matrix.cuts]
    rest = [
        replace(asset, matrix=fixed),
        template and (template.value, template.document.file),
        [(rule.name, rule) for rule in draft.recipes[0].rules],  # also those of sets that other files declare
        spec.file,
    ]
    return Sketch(
        ids=_digest([shape, fixed, cuts, asset.models, asset.route, asset.seeds]),
        rest=_digest(rest),
        choices=[b"".join(map(_digest, _values(axis))) for axis in matrix.axes],
    )


def _cells(targets: Iterable[Target]) -> dict[tuple[str, str], set[Pairs]]:
    """The cells of these targets, by asset."""
    cells: dict[tuple[str, str], set[Pairs]] = {}
    for target in targets:
        cells.setdefault((target.recipe.spec, target.recipe.asset), set()).add(target.cell)
    return cells


def _without(sketch: Sketch, matrix: Matrix, cells: Collection[Pairs]) -> Sketch:
    """The sketch, less what it knows of these cells: of their choices on the axis on which they are the fewest."""
    if not cells:
        return sketch
    places = [{choice.pair: at for at, choice in enumerate(axis.choices)} for axis in matrix.axes]
    if not places or not all(_is_of(cell, places) for cell in cells):  # some are added to the product
        return replace(sketch, rest=UNKNOWN)
    chosen = [{known[cell[axis]] for cell in cells} for axis, known in enumerate(places)]
    axis = min(range(len(places)), key=lambda axis: len(chosen[axis]) / len(places[axis]))
    digests = sketch.choices[axis]
    parts = [
        UNKNOWN if at in chosen[axis] else digests[at * SIZE : (at + 1) * SIZE]
        for at in range(len(places[axis]))
    ]
    return replace(sketch, choices=[*sketch.choices[:axis], b"".join(parts), *sketch.choices[axis + 1 :]])


def _is_of(cell: Pairs, places: Sequence[Mapping[tuple[str, str], int]]) -> bool:
    """Whether a cell has a choice on each axis. places: of their choices, by axis."""
    return len(cell) == len(places) and all(map(lambda pair, known: pair in known, cell, places))


def _values(axis: Axis) -> Sequence[Any]:
    """The value of each choice, as the spec or its table has it."""
    return [
        plain(choice.bindings[axis.axis] if axis.axis != axis.name else choice.bindings)
        for choice in axis.choices
    ]


def _models(spec: Spec) -> Mapping[str, Any]:
    return {name: (declared.home, declared.value) for name, declared in spec.models.items()}


def _digest(value: Any) -> bytes:
    return xxhash.xxh3_128_digest(_encode(value))
