"""The rows of a table, cheap to hold by the hundred thousand; places are found when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from imgbuild.types import Scalar, Where

MAX_ROWS = 1_000_000
MAX_COLUMNS = 1_000
MAX_CELLS = 10_000_000
MOST = 20  # faults told at once

Row = dict[str, Scalar]
Finder = Callable[[int, str], Where]


class Rows(Sequence[Row]):
    """A table in the file's order. columns: their names; `find` tells the place of a row's column, or of the row."""

    def __init__(self, columns: Sequence[str], rows: list[Row], find: Finder) -> None:
        self.columns = tuple(columns)
        self._rows = rows
        self._find = find

    def where(self, index: int, column: str = "") -> Where:
        """The place of a row, or of one of its cells; rows count from 0."""
        return self._find(index, column)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self._rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)
