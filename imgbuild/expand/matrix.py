"""A matrix: the product of its axes, less what `exclude` names, and the cells that `include` adds.

How many cells there are is known before any is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.expand.axes import Axis, Choice, read_axis
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.exclude import Cut, is_cut, read_cuts
from imgbuild.expand.include import read_added
from imgbuild.spec.declared import Declared
from imgbuild.templates.values import wrap
from imgbuild.types import Asset, Where

RESERVED = ("exclude", "include")


class Matrix(Struct, frozen=True, kw_only=True, dict=True):
    """The cells of an asset, not yet made. asset: its name.

    constants: the asset's `vars`. cuts: what `exclude` leaves out; added: what `include` adds.
    """

    asset: str
    axes: list[Axis]
    constants: Mapping[str, Any]
    cuts: list[Cut]
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

    def cells(self, moved: Sequence[frozenset[int]] | None = None) -> Iterator[Cell]:
        """Every cell, in the order of the axes, then what is added.

        moved: for each axis the positions of its choices that changed; only cells with one of them are told then,
        in another order, and what is added.
        """
        if self.has_product:
            yield from self._product(self._combinations() if moved is None else self._touched(moved))
        yield from self.added

    def _product(self, combinations: Iterator[tuple[Choice, ...]]) -> Iterator[Cell]:
        constants = self.constants
        for choices in combinations:
            bindings = {**constants}
            for choice in choices:
                bindings.update(choice.bindings)
            yield Cell(bindings, tuple([c.pair for c in choices]), tuple([c.tag for c in choices]))

    def _combinations(self) -> Iterator[tuple[Choice, ...]]:
        every = product(*(axis.choices for axis in self.axes))
        return self._kept(every) if self.cuts else every

    def _touched(self, moved: Sequence[frozenset[int]]) -> Iterator[tuple[Choice, ...]]:
        """The combinations with a choice that changed: those whose first one is on each axis in turn."""
        whole = [range(len(axis.choices)) for axis in self.axes]
        still = [[at for at in every if at not in moved[axis]] for axis, every in enumerate(whole)]
        for axis, changed in enumerate(moved):
            for position in product(*still[:axis], sorted(changed), *whole[axis + 1 :]):
                if not any(is_cut(cut, position) for cut in self.cuts):
                    yield tuple([axis.choices[at] for axis, at in zip(self.axes, position, strict=True)])

    def _kept(self, every: Iterator[tuple[Choice, ...]]) -> Iterator[tuple[Choice, ...]]:
        """The combinations that no item of `exclude` names. Items are looked up by their rarest choice."""
        looked_up: dict[tuple[int, int], list[Cut]] = {}
        for cut in self.cuts:
            axis, chosen = min(cut, key=lambda part: len(part[1]))
            for index in chosen:
                looked_up.setdefault((axis, index), []).append(cut)
        positions = product(*(range(len(axis.choices)) for axis in self.axes))
        for choices, position in zip(every, positions, strict=True):
            items = [cut for at in enumerate(position) for cut in looked_up.get(at, ())]
            if not any(is_cut(cut, position) for cut in items):
                yield choices


def read_matrix(context: Context, name: str, declared: Declared[Asset]) -> Matrix:
    """The matrix that the asset declares. Raises SpecError."""
    asset = declared.value
    axes = [read_axis(context, declared, axis) for axis in asset.matrix if axis not in RESERVED]
    constants = _constants(declared)
    _check_bound_once(declared, axes, constants)
    cuts = read_cuts(context, declared, axes)
    return Matrix(
        asset=name,
        axes=axes,
        constants=constants,
        cuts=cuts,
        added=read_added(declared, axes, cuts, constants),
        where=declared.where("matrix" if asset.matrix else "", key=True),
    )


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
