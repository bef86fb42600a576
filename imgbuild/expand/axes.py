"""The axes of a matrix: lists of values, labels with values, and the rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.expand.context import Context
from imgbuild.expand.ids import tag_of
from imgbuild.expand.rows import read_rows
from imgbuild.spec.declared import Declared
from imgbuild.templates.values import Group, label_of, labelled, nfc, wrap
from imgbuild.types import Asset, Scalar, Table, Value, Where

MAX_LABEL = 500  # characters

Locate = Callable[[int], Where]


class Choice(Struct, frozen=True, kw_only=True):
    """One value of an axis. bindings: the variables it binds; tag: as ids write it."""

    label: str
    bindings: Mapping[str, Any]
    pair: tuple[str, str]
    tag: str


class Axis(Struct, frozen=True, kw_only=True):
    """One dimension of a matrix.

    axis: its name in the spec; name: the variable that ids show (a table's key column); variables: all it binds;
    columns: those of them that come from a table. file: that table's, from the root.
    """

    axis: str
    name: str
    variables: frozenset[str]
    columns: tuple[str, ...] = ()
    file: str = ""
    choices: list[Choice]


def read_axis(context: Context, declared: Declared[Asset], axis: str) -> Axis:
    """The axis as the asset's matrix declares it. Raises SpecError."""
    value = declared.value.matrix[axis]
    if isinstance(value, list):
        return _listed(axis, value, lambda index: declared.where("matrix", axis, index))
    if "csv" in value or "json" in value:
        return _table(context, declared, axis, value)
    return _labelled(axis, value, lambda index: declared.where("matrix", axis, list(value)[index], key=True))


def _listed(axis: str, values: list[Scalar], where: Locate) -> Axis:
    labels = [label_of(value) for value in values]
    bindings = ({axis: _wrapped(value, where, index)} for index, value in enumerate(values))
    return _axis(axis, axis, labels, bindings, where)


def _labelled(axis: str, values: Mapping[str, Value], where: Locate) -> Axis:
    labels = [nfc(label) for label in values]
    for index, value in enumerate(values.values()):
        if isinstance(value, dict) and "label" in value:
            raise SpecError(
                f"'{axis}.label' is already the name of the choice",
                where=where(index),
                hint="give the key 'label' inside the value another name",
            )
    bindings = (
        {axis: _wrapped(value, where, index, labels[index])} for index, value in enumerate(values.values())
    )
    return _axis(axis, axis, labels, bindings, where)


def _wrapped(value: Value, where: Locate, index: int, label: str | None = None) -> Any:
    try:
        return wrap(value) if label is None else labelled(value, label)
    except ValueError as error:
        raise SpecError(str(error), where=where(index), hint="shorten it") from error


def _table(context: Context, declared: Declared[Asset], axis: str, value: Mapping[str, Value]) -> Axis:
    table = msgspec.convert(value, Table)
    file, rows, where = read_rows(context, declared, axis, table)
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    if axis in columns and axis != table.key:
        raise SpecError(
            f"axis '{axis}' has a column of the same name",
            where=declared.where("matrix", axis, key=True),
            hint=f"rename the axis; its columns are {', '.join(columns)}",
        )
    labels = [label_of(row.get(table.key)) if row.get(table.key) is not None else "" for row in rows]
    return _axis(axis, table.key, labels, _row_bindings(axis, rows, labels), where, columns, file)


def _row_bindings(axis: str, rows: list[Group], labels: list[str]) -> Iterable[dict[str, Any]]:
    """Each row binds its columns, and the axis's name as the row itself, unless a column has it."""
    for row, label in zip(rows, labels, strict=True):
        row.label = label
        yield {axis: row, **row}


def _axis(
    axis: str,
    name: str,
    labels: list[str],
    bindings: Iterable[Mapping[str, Any]],
    where: Locate,
    columns: tuple[str, ...] = (),
    file: str = "",
) -> Axis:
    _check_labels(name, labels, where)
    choices = [
        Choice(label=label, bindings=bound, pair=(name, label), tag=tag_of(name, label))
        for label, bound in zip(labels, bindings, strict=True)
    ]
    variables = frozenset((axis, *columns))
    return Axis(axis=axis, name=name, variables=variables, columns=columns, file=file, choices=choices)


def _check_labels(name: str, labels: list[str], where: Locate) -> None:
    seen: dict[str, int] = {}
    for index, label in enumerate(labels):
        if not label:
            raise SpecError(
                f"'{name}' is empty here", where=where(index), hint="ids are made of it: fill it in"
            )
        if len(label) > MAX_LABEL:
            raise SpecError(
                f"a value of '{name}' has {len(label)} characters; ids take at most {MAX_LABEL}",
                where=where(index),
                hint="give it a label: write the axis as a mapping, label: value",
            )
        first = seen.setdefault(label, index)
        if first != index:
            raise SpecError(
                f"'{name}' has the value '{label}' twice, first in line {where(first).line}",
                where=where(index),
                hint="ids are made of it: make each different, or leave one out",
            )
