"""The whole cells that `include` adds to a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.errors import SpecError
from imgbuild.expand.axes import Axis
from imgbuild.expand.cell import Cell
from imgbuild.expand.exclude import Cut, is_cut
from imgbuild.expand.ids import tag_of
from imgbuild.spec.declared import Declared
from imgbuild.templates.values import Group, label_of, wrap
from imgbuild.types import Asset, Scalar


def read_added(
    declared: Declared[Asset], axes: list[Axis], cuts: list[Cut], constants: Mapping[str, Any]
) -> list[Cell]:
    """The cells, in the order of the spec. Raises SpecError for one that is there already."""
    items = declared.value.matrix.get("include", ())
    added = [_added(declared, axes, constants, index) for index in range(len(items))]
    _check_once(axes, cuts, added)
    return added


def _added(declared: Declared[Asset], axes: list[Axis], constants: Mapping[str, Any], index: int) -> Cell:
    """A whole extra cell: it binds what it names, and has its place in ids from the axes' variables."""
    item: dict[str, Scalar] = declared.value.matrix["include"][index]
    where = declared.where("matrix", "include", index)
    try:
        bindings: dict[str, Any] = {name: wrap(value) for name, value in item.items()}
    except ValueError as error:
        raise SpecError(str(error), where=where, hint="shorten it") from error
    names = [axis.name for axis in axes if axis.name in item] if axes else list(item)
    if not names:
        raise SpecError(
            "this cell has no value for any axis, so it has no place in ids",
            where=where,
            hint=f"give it one of: {', '.join(axis.name for axis in axes)}",
        )
    pairs = tuple([(name, label_of(item[name])) for name in names])
    for axis in axes:
        _bind_as_axis(axis, bindings)
    return Cell({**constants, **bindings}, pairs, tuple([tag_of(*pair) for pair in pairs]), where)


def _bind_as_axis(axis: Axis, bindings: dict[str, Any]) -> None:
    """Bind what a cell of the product would have: the labelled value behind a label, the row of columns."""
    if axis.columns:
        row = Group({name: bindings[name] for name in axis.columns if name in bindings})
        row.label = label_of(row.get(axis.name))
        bindings.setdefault(axis.axis, row)
    elif axis.axis in bindings:
        label = label_of(bindings[axis.axis])
        known = next((choice for choice in axis.choices if choice.label == label), None)
        bindings[axis.axis] = known.bindings[axis.axis] if known else bindings[axis.axis]


def _check_once(axes: list[Axis], cuts: list[Cut], added: list[Cell]) -> None:
    """Refuse a cell that another one, or the product, has already."""
    names = tuple(axis.name for axis in axes)
    labels = [{choice.label: at for at, choice in enumerate(axis.choices)} for axis in axes]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for cell in added:
        if cell.pairs in seen or _in_product(names, labels, cuts, cell):
            raise SpecError(
                f"cell [{','.join(cell.tags)}] is there already",
                where=cell.where,
                hint="leave it out, or exclude the other one",
            )
        seen.add(cell.pairs)


def _in_product(names: tuple[str, ...], labels: list[dict[str, int]], cuts: list[Cut], cell: Cell) -> bool:
    if not names or tuple(name for name, _ in cell.pairs) != names:
        return False
    position = [known.get(label, -1) for known, (_, label) in zip(labels, cell.pairs, strict=True)]
    return -1 not in position and not any(is_cut(cut, position) for cut in cuts)
