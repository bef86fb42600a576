"""CSV text to rows: a header, a delimiter told from it, every cell text as it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from sys import intern

from imgbuild.document.places import Lines
from imgbuild.document.text import nfc
from imgbuild.errors import ImgbuildError, SpecError, raise_all
from imgbuild.spec.rows import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MOST, Finder, Row, Rows
from imgbuild.types import Where

DELIMITERS = ",;\t|"


def parse_csv(text: str, file: str, delimiter: str = "") -> Rows:
    """The rows below the header. Raises SpecError or Errors, with file and line, for what is no table."""
    text = nfc(text)
    lines = Lines(file, text)
    delimiter = delimiter or _sniff(text)
    records = _records(text, delimiter, lines)
    first, names = next(records, (1, []))
    header = _header(names, lines, first, delimiter)
    rows: list[Row] = []
    starts: list[int] = []
    errors: list[ImgbuildError] = []
    for line, cells in records:
        if len(cells) != len(header):
            errors.append(_ragged(lines, line, cells, header))
        rows.append(dict(zip(header, cells, strict=False)))
        starts.append(line)
        if len(errors) == MOST or len(rows) > MAX_ROWS or len(rows) * len(header) > MAX_CELLS:
            break
    raise_all(errors)
    _check_bounds(file, rows, header)
    return Rows(header, rows, _finder(lines, starts, header, delimiter))


def _records(text: str, delimiter: str, lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """The line that each record begins in, and its cells; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _broken(error, _place(lines, line)) from error


def _broken(error: csv.Error, where: Where) -> SpecError:
    if "unexpected end" in str(error):
        return SpecError("a quoted cell is not closed", where=where, hint="end it with '\"'")
    if "expected after" in str(error):
        hint = "inside a quoted cell, write '\"\"' for a quote"
        return SpecError("text follows the closing quote of a cell", where=where, hint=hint)
    return SpecError(
        f"this is not CSV: {error}", where=where, hint="quote cells that hold quotes or line breaks"
    )


def _sniff(text: str) -> str:
    """The delimiter that the header has most of, outside quotes; a comma where it has none."""
    header: list[str] = []
    quoted = False
    for character in text.lstrip("\r\n")[:100_000]:
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted:
            break
        elif not quoted:
            header.append(character)
    return max(DELIMITERS, key=header.count)


def _header(names: Sequence[str], lines: Lines, line: int, delimiter: str) -> list[str]:
    """The column names, each once and none empty."""
    header = [intern(name.strip()) for name in names]
    if not header:
        raise SpecError(f"the table {lines.file} is empty", hint="begin it with a line of column names")
    if len(header) > MAX_COLUMNS:
        raise SpecError(f"more than {MAX_COLUMNS} columns", where=_place(lines, line), hint="leave some out")
    for index, name in enumerate(header):
        where = _cell(lines, line, index, delimiter)
        if not name:
            raise SpecError(
                f"column {index + 1} has no name", where=where, hint="name it, or remove the column"
            )
        if header.index(name) != index:
            hint = f"it names column {header.index(name) + 1} already; rename one of the two"
            raise SpecError(f"two columns are named '{name}'", where=where, hint=hint)
    return header


def _ragged(lines: Lines, line: int, cells: Sequence[str], header: Sequence[str]) -> SpecError:
    message = f"this row has {_counted(len(cells))}, the header has {_counted(len(header))}"
    few = len(cells) < len(header)
    hint = "write the delimiter for an empty cell too" if few else "quote cells that hold the delimiter"
    return SpecError(message, where=_place(lines, line), hint=hint)


def _counted(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _check_bounds(file: str, rows: list[Row], header: list[str]) -> None:
    if len(rows) > MAX_ROWS:
        raise SpecError(f"the table {file} has more than {MAX_ROWS} rows", hint="split it into several files")
    if len(rows) * len(header) > MAX_CELLS:
        raise SpecError(f"the table {file} has more than {MAX_CELLS} cells", hint="leave out unused columns")


def _finder(lines: Lines, starts: list[int], header: list[str], delimiter: str) -> Finder:
    def find(index: int, column: str) -> Where:
        if column in header:
            return _cell(lines, starts[index], header.index(column), delimiter)
        return _place(lines, starts[index])

    return find


def _place(lines: Lines, line: int) -> Where:
    start = lines.start_of(line)
    return lines.at(start, len(lines.text))


def _cell(lines: Lines, line: int, index: int, delimiter: str) -> Where:
    """The place of a cell, found by walking its record."""
    start = position = lines.start_of(line)
    quoted = False
    text = lines.text
    while position < len(text) and index >= 0:
        character = text[position]
        if character == '"':
            quoted = not quoted
        elif not quoted and (character == delimiter or character in "\r\n"):
            index -= 1
            if index < 0 or character != delimiter:
                break
            start = position + 1
        position += 1
    return lines.at(start, position)
