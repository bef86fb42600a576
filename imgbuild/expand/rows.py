"""The rows of a table axis: read, chosen by `where`, and looked over for text that is meant for a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from imgbuild.errors import SpecError, place
from imgbuild.expand.context import Context
from imgbuild.spec.declared import Declared
from imgbuild.spec.tables import read_table
from imgbuild.templates.values import Group, wrap
from imgbuild.types import Asset, Table, Value, Where

# Template syntax, and what is said to a language model rather than of a picture.
_SUSPECT = re.compile(
    r"\{\{|\{%|\{#"
    r"|\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
    r"(?:previous|prior|above|earlier|preceding)\b"
    r"|\b(?:ignore|disregard|forget)\s+(?:all\s+|your\s+)(?:instructions|rules|guidelines)\b"
    r"|\bsystem\s+prompt\b|\bnew\s+instructions\s*:|<\|im_start\|>|<\|system\|>|\[/?INST\]",
    re.IGNORECASE,
)
SHOWN = 5  # warnings for one table


def read_rows(
    context: Context, declared: Declared[Asset], axis: str, table: Table
) -> tuple[str, list[Group], Callable[[int], Where]]:
    """The table's file, from the root; its rows that `where` holds for, and the place of each. Raises SpecError."""
    kind = "csv" if table.csv else "json"
    where = declared.where("matrix", axis, kind)
    path = context.files.locate(table.csv or table.json, context.folder(where), where)
    rows = read_table(context.files, path, table, where, declared.where("matrix", axis, "key"))
    groups = [_group(row, rows.where, index) for index, row in enumerate(rows)]
    chosen = _chosen(context, declared, axis, table, groups, rows.where)
    if context.settings.policy.table_text != "allow":
        _look_over(
            context, [(groups[index], rows.where(index)) for index in chosen if _suspect(groups[index])]
        )
    return path, [groups[index] for index in chosen], lambda index: rows.where(chosen[index])


def _group(row: dict[str, Value], where: Callable[[int], Where], index: int) -> Group:
    try:
        group: Group = wrap(row)
    except ValueError as error:
        raise SpecError(str(error), where=where(index), hint="shorten it") from error
    return group


def _chosen(
    context: Context,
    declared: Declared[Asset],
    axis: str,
    table: Table,
    rows: list[Group],
    at: Callable[[int], Where],
) -> list[int]:
    """The positions of the rows that `where` holds for. at: the place of a row."""
    if not table.where:
        return list(range(len(rows)))
    from imgbuild.templates.sandboxed import Expression

    place = declared.where("matrix", axis, "where")
    expression = Expression(table.where, place)
    chosen = [index for index, row in enumerate(rows) if _holds(expression, row, index, at)]
    if not chosen:
        context.warn(f"no row of {table.csv or table.json} has {table.where}", place)
    return chosen


def _holds(expression: Any, row: Group, index: int, at: Callable[[int], Where]) -> bool:
    try:
        return bool(expression.holds(row))
    except SpecError as error:
        if set(row) >= expression.names:  # what a row holds is to blame, so say which
            message = f"{error.message}, as in {place(at(index))}"
            raise SpecError(message, where=error.where, hint=error.hint) from error
        raise


def _suspect(value: Any) -> str:
    """The first suspect passage in the texts of a value; empty where there is none."""
    for text in _texts(value):
        found = _SUSPECT.search(text)
        if found:
            return found[0]
    return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _look_over(context: Context, suspects: list[tuple[Group, Where]]) -> None:
    """Refuse the first suspect row, or warn of some, as the project's policy says."""
    for row, where in suspects[:SHOWN]:
        message = f"this row holds '{_suspect(row)}', which reads as an instruction, not as data"
        if context.settings.policy.table_text == "refuse":
            raise SpecError(
                message, where=where, hint="the project's policy 'table_text' refuses it: mend the row"
            )
        context.warn(message, where)
    if len(suspects) > SHOWN:
        context.warn(f"{len(suspects) - SHOWN} more rows read as instructions", suspects[SHOWN][1])
