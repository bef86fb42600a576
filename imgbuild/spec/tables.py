"""Tables in files: rows of named cells, bounded, each with its place and a key of its own."""

from __future__ import annotations

from imgbuild.document.text import decode
from imgbuild.errors import SpecError, did_you_mean, raise_all
from imgbuild.files import Files
from imgbuild.spec.nearby import nearby
from imgbuild.spec.rows import MOST, Rows
from imgbuild.types import Scalar, Table, Where

_ZIP = b"PK\x03\x04"  # what XLSX and ODS files begin with


def read_table(
    files: Files, path: str, table: Table, where: Where | None = None, key_where: Where | None = None
) -> Rows:
    """The rows of the table in the file at `path` (from the root); `where`, `key_where`: of it and its key in the spec.

    Raises SpecError or Errors: a file that is absent, outside the project, too large, or no table; an empty
    table; a key that is missing, empty or there twice.
    """
    path = files.locate(path, where=where)
    text = decode(_bytes(files, path, where), path)
    try:
        rows = _parse(text, path, table)
    except SpecError as error:
        raise SpecError(error.message, where=error.where or where, hint=error.hint) from error
    if not rows:
        raise SpecError(f"the table {path} has no rows", where=where, hint="add at least one row")
    if table.key not in rows.columns:
        hint = did_you_mean(table.key, rows.columns, "columns")
        raise SpecError(f"the table {path} has no column '{table.key}'", where=key_where or where, hint=hint)
    _check_keys(rows, table.key)
    return rows


def _bytes(files: Files, path: str, where: Where | None) -> bytes:
    try:
        data = files.read(path)
    except FileNotFoundError:
        hint = nearby(files, path, "the path is relative to the spec that names it")
        raise SpecError(f"there is no file '{path}'", where=where, hint=hint) from None
    except OSError as error:
        raise SpecError(f"'{path}' can't be read: {error.strerror}", where=where) from error
    if data.startswith(_ZIP):
        raise SpecError(
            f"{path} is a spreadsheet or an archive, not text", where=where, hint="export it as CSV"
        )
    return data


def _parse(text: str, path: str, table: Table) -> Rows:
    if table.json:
        from imgbuild.spec.json_table import parse_json

        return parse_json(text, path)
    from imgbuild.spec.csv_table import parse_csv

    return parse_csv(text, path, table.delimiter)


def _check_keys(rows: Rows, key: str) -> None:
    """Every row's key is there, and there once: it names the row in target ids."""
    first: dict[str, int] = {}
    errors: list[SpecError] = []
    for index, row in enumerate(rows):
        label = _label(row.get(key))
        if label == "":
            errors.append(
                SpecError(
                    f"'{key}' is empty",
                    where=rows.where(index, key),
                    hint="it names the row: give it a value",
                )
            )
        elif first.setdefault(label, index) != index:
            errors.append(_twice(rows, key, label, first[label], index))
        if len(errors) == MOST:
            break
    raise_all(errors)


def _label(value: Scalar) -> str:
    return "" if value is None else str(value).strip()


def _twice(rows: Rows, key: str, label: str, first: int, second: int) -> SpecError:
    line = rows.where(first).line
    hint = f"line {line} has it already; each row needs a key of its own"
    return SpecError(f"two rows have the {key} '{label}'", where=rows.where(second, key), hint=hint)
