"""JSON text to rows: an array of flat objects, whose scalars are kept as they are."""

from __future__ import annotations

import json
import math
import re
from sys import intern
from typing import Any

from imgbuild.document.places import Lines
from imgbuild.document.scalars import HIGHEST, LOWEST
from imgbuild.document.text import CONTROL, nfc
from imgbuild.errors import SpecError
from imgbuild.spec.rows import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Row, Rows
from imgbuild.types import Scalar, Where

_SPACE = re.compile(r"[ \t\r\n]*")


def parse_json(text: str, file: str) -> Rows:
    """The rows of the array. Raises SpecError, with the place, for anything but flat objects in an array."""
    reading = _Reading(Lines(file, text))
    reading.read()
    starts = reading.starts

    def find(index: int, column: str) -> Where:
        return reading.lines.at(*starts[index])

    return Rows(list(reading.columns), reading.rows, find)


class _Reading:
    """One pass over the array, row by row, so that each row's place is known and bounds hold while reading."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.rows: list[Row] = []
        self.starts: list[tuple[int, int]] = []
        self.columns: dict[str, str] = {}
        self.cells = 0
        self._decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse).raw_decode

    def read(self) -> None:
        text = self.lines.text
        position = self._skip(0)
        if text[position : position + 1] != "[":
            raise self._error("the table must be an array of objects", position, "write [{…}, {…}]")
        position = self._skip(position + 1)
        if text[position : position + 1] != "]":
            position = self._rows(position)
        end = self._skip(position + 1)
        if end != len(text):
            raise self._error("nothing may follow the array", end, "remove it")

    def _rows(self, position: int) -> int:
        """Read the objects and the commas between them; the position of the closing bracket."""
        text = self.lines.text
        while True:
            position = self._row(position)
            if text[position : position + 1] == "]":
                return position
            if text[position : position + 1] != ",":
                raise self._error("a ',' or the closing ']' is expected here", position)
            position = self._skip(position + 1)

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self.lines.text, position)
        return match.end() if match is not None else position

    def _row(self, start: int) -> int:
        """Read one object; the position of what follows it."""
        try:
            value, end = self._decode(self.lines.text, start)
        except json.JSONDecodeError as error:
            hint = 'rows are written like {"name": "lamp", "stock": 3}'
            raise self._error(f"this is not JSON: {error.msg.lower()}", error.pos, hint) from None
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _BadRow) else "it is not a flat object of usable values"
            raise self._error(f"this row can't be read: {reason}", start) from None
        self._add(value, start, end)
        return self._skip(end)

    def _add(self, value: Any, start: int, end: int) -> None:
        if not isinstance(value, dict):
            raise self._error("each row must be an object", start, 'write {"column": value, …}')
        row = {self._column(name, start): self._cell(name, cell, start) for name, cell in value.items()}
        self.cells += len(row)
        self.rows.append(row)
        self.starts.append((start, end))
        if len(self.rows) > MAX_ROWS or self.cells > MAX_CELLS:
            hint = "split the table into several files"
            raise self._error(f"more than {MAX_ROWS} rows or {MAX_CELLS} cells", start, hint)

    def _column(self, name: str, start: int) -> str:
        known = self.columns.get(name)
        if known is None:
            if len(self.columns) == MAX_COLUMNS:
                raise self._error(f"more than {MAX_COLUMNS} columns", start, "leave some out")
            known = self.columns[name] = intern(nfc(name))
        return known

    def _cell(self, name: str, value: Any, start: int) -> Scalar:
        if isinstance(value, str):
            if not value.isprintable() and CONTROL.search(value):
                raise self._error(f"'{name}' holds a control character", start, "remove it")
            return nfc(value)
        if isinstance(value, dict | list):
            raise self._error(f"'{name}' must be text, a number, true, false or null", start)
        if isinstance(value, int | float) and not (LOWEST <= value <= HIGHEST or _is_finite(value)):
            raise self._error(
                f"'{name}' is not a number that can be used", start, "write it as text, in quotes"
            )
        result: Scalar = value
        return result

    def _error(self, message: str, position: int, hint: str = "") -> SpecError:
        return SpecError(message, where=self.lines.at(position, position + 1), hint=hint)


class _BadRow(ValueError):
    """What is wrong with a row, in words."""


def _is_finite(value: float) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise _BadRow("a name stands in it twice")
    return row


def _refuse(name: str) -> float:
    raise _BadRow(f"{name} is not a number that can be used")
