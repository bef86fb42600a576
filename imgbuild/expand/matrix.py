"""A matrix: the product of its axes, less what `exclude` names, and the cells that `include` adds.

How many cells there are is known before any is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.axes import Axis, Choice, read_axis
from imgbuild.expand.context import Context
from imgbuild.expand.ids import tag_of
from imgbuild.expand.values import Group, label_of, nfc, wrap
from imgbuild.spec.declared import Declared
from imgbuild.types import Asset, Scalar, Where

RESERVED = ("exclude", "include")


class Cell(Struct, frozen=True, gc=False):
    """One combination of values. pairs: (variable, label); tags: as ids write them; where: of an `include`."""

    bindings: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    where: Where | None = None


class Matrix(Struct, frozen=True, kw_only=True, dict=True):
    """The cells of an asset, not yet made. asset: its name.

    constants: the asset's `vars`. cuts: what `exclude` leaves out, as (axis, choices) of each item.
    """

    asset: str
    axes: list[Axis]
    constants: Mapping[str, Any]
    cuts: list[list[tuple[int, frozenset[int]]]]
    added: list[Cell]
    where: Where

    @cached_property
    def count(self) -> int:
        """How many cells there are at most: the product of the axes and what is added."""
        return (prod(len(axis.choices) for axis in self.axes) if self.has_product else 0) + len(self.added)

    @property
    def has_product(self) -> bool:
        return bool(self.axes) or not self.added

    @cached_property
    def names(self) -> frozenset[str]:
        """All variables that some cell binds."""
        added = (name for cell in self.added for name in cell.bindings)
        return frozenset(self.constants).union(added, *(axis.variables for axis in self.axes))

    def hole(self, name: str) -> str:
        """What a template writes for the label of this variable."""
        axis = next((axis for axis in self.axes if axis.name == name), None)
        value = axis.choices[0].bindings.get(name) if axis and axis.choices else None
        return f"{name}.label" if hasattr(value, "label") else name

    def cells(self) -> Iterator[Cell]:
        """Every cell, in the order of the axes, then what is added. Raises SpecError for one that is there twice."""
        if self.has_product:
            yield from self._product()
        yield from self.added

    def _product(self) -> Iterator[Cell]:
        constants = self.constants
        for choices in self._combinations():
            bindings = {**constants}
            for choice in choices:
                bindings.update(choice.bindings)
            yield Cell(bindings, tuple([c.pair for c in choices]), tuple([c.tag for c in choices]))

    def _combinations(self) -> Iterator[tuple[Choice, ...]]:
        every = product(*(axis.choices for axis in self.axes))
        return self._kept(every) if self.cuts else every

    def _kept(self, every: Iterator[tuple[Choice, ...]]) -> Iterator[tuple[Choice, ...]]:
        """The combinations that no item of `exclude` names. Items are looked up by their rarest choice."""
        looked_up: dict[tuple[int, int], list[list[tuple[int, frozenset[int]]]]] = {}
        for cut in self.cuts:
            axis, chosen = min(cut, key=lambda part: len(part[1]))
            for index in chosen:
                looked_up.setdefault((axis, index), []).append(cut)
        positions = product(*(range(len(axis.choices)) for axis in self.axes))
        for choices, position in zip(every, positions, strict=True):
            items = [cut for at in enumerate(position) for cut in looked_up.get(at, ())]
            if not any(all(position[axis] in chosen for axis, chosen in cut) for cut in items):
                yield choices


def read_matrix(context: Context, name: str, declared: Declared[Asset]) -> Matrix:
    """The matrix that the asset declares. Raises SpecError."""
    asset = declared.value
    axes = [read_axis(context, declared, axis) for axis in asset.matrix if axis not in RESERVED]
    constants = _constants(declared)
    _check_bound_once(declared, axes, constants)
    cuts = [_cut(context, declared, axes, index) for index in range(len(asset.matrix.get("exclude", ())))]
    added = [
        _added(declared, axes, constants, index) for index in range(len(asset.matrix.get("include", ())))
    ]
    matrix = Matrix(
        asset=name,
        axes=axes,
        constants=constants,
        cuts=[cut for cut in cuts if cut],
        added=added,
        where=declared.where("matrix" if asset.matrix else "", key=True),
    )
    _check_added_once(declared, matrix)
    return matrix


def _constants(declared: Declared[Asset]) -> dict[str, Any]:
    constants = {}
    for name, value in declared.value.vars.items():
        try:
            constants[name] = wrap(value)
        except ValueError as error:
            raise SpecError(str(error), where=declared.where("vars", name), hint="shorten it") from error
    return constants


def _check_bound_once(declared: Declared[Asset], axes: list[Axis], constants: Mapping[str, Any]) -> None:
    bound = dict.fromkeys(constants, "'vars'")
    for axis in axes:
        for name in sorted(axis.variables):
            if name in bound:
                raise SpecError(
                    f"variable '{name}' is bound twice, by {bound[name]} and by axis '{axis.axis}'",
                    where=declared.where("matrix", axis.axis, key=True),
                    hint="rename one of them",
                )
            bound[name] = f"axis '{axis.axis}'"


def _cut(
    context: Context, declared: Declared[Asset], axes: list[Axis], index: int
) -> list[tuple[int, frozenset[int]]]:
    """The choices of each axis that the item names; empty, with a warning, where some axis has none."""
    where = declared.where("matrix", "exclude", index)
    cut: dict[int, frozenset[int]] = {}
    for name, value in declared.value.matrix["exclude"][index].items():
        at = _axis_of(declared, axes, index, name)
        named = frozenset(i for i, choice in enumerate(axes[at].choices) if _is(choice, name, value))
        cut[at] = cut[at] & named if at in cut else named
    if not cut or not all(cut.values()):
        context.warn("this 'exclude' matches no cell", where)
        return []
    return list(cut.items())


def _axis_of(declared: Declared[Asset], axes: list[Axis], index: int, name: str) -> int:
    for at, axis in enumerate(axes):
        if name in axis.variables:
            return at
    known = frozenset[str]().union(*(axis.variables for axis in axes))
    raise SpecError(
        f"unknown variable '{name}'",
        where=declared.where("matrix", "exclude", index, name, key=True),
        hint=did_you_mean(name, known, "variables"),
    )


def _is(choice: Choice, name: str, value: Scalar) -> bool:
    """Whether the choice binds the variable to that value, by its label or by its text."""
    bound = choice.bindings.get(name)
    text = label_of(value)
    if getattr(bound, "label", None) == text:
        return True
    return not isinstance(bound, dict | list) and label_of(bound) == text


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


def _check_added_once(declared: Declared[Asset], matrix: Matrix) -> None:
    """Refuse an `include` that another one, or the product, has already."""
    names = tuple(axis.name for axis in matrix.axes)
    labels = [{choice.label: at for at, choice in enumerate(axis.choices)} for axis in matrix.axes]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for cell in matrix.added:
        if cell.pairs in seen or _in_product(matrix, names, labels, cell):
            raise SpecError(
                f"cell [{','.join(cell.tags)}] is there already",
                where=cell.where,
                hint="leave it out, or exclude the other one",
            )
        seen.add(cell.pairs)


def _in_product(matrix: Matrix, names: tuple[str, ...], labels: list[dict[str, int]], cell: Cell) -> bool:
    if tuple(name for name, _ in cell.pairs) != names or not names:
        return False
    position = [known.get(nfc(label), -1) for known, (_, label) in zip(labels, cell.pairs, strict=True)]
    if -1 in position:
        return False
    return not any(all(position[axis] in chosen for axis, chosen in cut) for cut in matrix.cuts)
