"""Offsets of a text to places: line, column and the source line itself, found only when they are asked for."""

from __future__ import annotations

import re
from bisect import bisect_right

from imgbuild.types import Where

MOST = 200  # lines of one text that are looked at for a place
LONGEST = 500  # characters: a longer source line is not shown in errors


class Span(Where, frozen=True, kw_only=True):
    """A place that goes on over the lines below it. below: their texts."""

    below: tuple[str, ...] = ()


class Lines:
    """Offsets of a text to lines and columns."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._starts: list[int] = []

    def at(self, index: int, end: int = 0) -> Where:
        """The place from offset `index` up to `end`, at most to the end of the line."""
        index = min(index, len(self.text))
        line = bisect_right(self._line_starts(), index)
        start = self._starts[line - 1]
        shown = self._shown(line)
        length = max(1, min(end - index, len(shown) - (index - start)))
        text = shown if len(shown) <= LONGEST else ""
        return Where(file=self.file, line=line, column=index - start + 1, length=length, text=text)

    def span(self, index: int, end: int) -> Where:
        """As `at`, and where the text goes on below, with the lines that it fills there."""
        where = self.at(index, end)
        last = bisect_right(self._line_starts(), max(index, end - 1))
        if last == where.line:
            return where
        below = tuple(map(self._shown, range(where.line + 1, min(last, where.line + MOST) + 1)))
        return Span(**{name: getattr(where, name) for name in Where.__struct_fields__}, below=below)

    def start_of(self, line: int) -> int:
        """The offset at which a line begins; lines count from 1."""
        return self._line_starts()[line - 1]

    def _shown(self, line: int) -> str:
        stop = self._starts[line] if line < len(self._starts) else len(self.text)
        return self.text[self._starts[line - 1] : stop].rstrip()

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        return self._starts
