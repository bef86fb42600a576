"""What `exclude` leaves out of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.axes import Axis
from imgbuild.expand.context import Context
from imgbuild.spec.declared import Declared
from imgbuild.templates.values import label_of
from imgbuild.types import Asset

# For some axes, by position, the positions of the choices that are left out where they meet.
Cut: TypeAlias = list[tuple[int, frozenset[int]]]


def is_cut(cut: Cut, position: Sequence[int]) -> bool:
    """Whether the cell of these choices, one for each axis, is left out."""
    return all(position[axis] in chosen for axis, chosen in cut)


def read_cuts(context: Context, declared: Declared[Asset], axes: list[Axis]) -> list[Cut]:
    """Each item of `exclude` as the choices of each axis that it names; those that match nothing are told."""
    known: dict[str, tuple[int, dict[str, set[int]]]] = {}
    cuts = []
    for index, item in enumerate(declared.value.matrix.get("exclude", ())):
        cut: dict[int, set[int]] = {}
        for name, value in item.items():
            if name not in known:
                known[name] = _texts(declared, axes, index, name)
            at, texts = known[name]
            named = texts.get(label_of(value), set())
            cut[at] = cut[at] & named if at in cut else named
        if all(cut.values()):
            cuts.append([(at, frozenset(named)) for at, named in cut.items()])
        else:
            context.warn("this 'exclude' matches no cell", declared.where("matrix", "exclude", index))
    return cuts


def _texts(
    declared: Declared[Asset], axes: list[Axis], index: int, name: str
) -> tuple[int, dict[str, set[int]]]:
    """The axis that binds the variable, and its choices by the variable's labels and texts."""
    at = next((at for at, axis in enumerate(axes) if name in axis.variables), None)
    if at is None:
        raise SpecError(
            f"unknown variable '{name}'",
            where=declared.where("matrix", "exclude", index, name, key=True),
            hint=did_you_mean(name, frozenset[str]().union(*(axis.variables for axis in axes)), "variables"),
        )
    texts: dict[str, set[int]] = {}
    for position, choice in enumerate(axes[at].choices):
        for text in _called(choice.bindings.get(name)):
            texts.setdefault(text, set()).add(position)
    return at, texts


def _called(value: Any) -> set[str]:
    """What an item may call a value: its text, or its label if it has one."""
    texts = set() if isinstance(value, dict | list) else {label_of(value)}
    label = getattr(value, "label", "")
    return {*texts, label} if label else texts
