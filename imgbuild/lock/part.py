"""Some lines of a lock that is known to be sound: found by bisection, and replaced where they stand.

An edit that affects a hundred targets of a hundred thousand need not read, sort and write all lines. What is not
as `write_lock` leaves it is no lock to this module: the caller then reads the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec import Struct

from imgbuild.lock.lines import LineText, flaw_of, line_texts, lines_of, seal_line
from imgbuild.lock.salvage import decode_member
from imgbuild.lock.text import END, MIDDLE, Lock, read_lock
from imgbuild.types import Line

_decode_name = msgspec.json.Decoder(str).decode


class Span(Struct, frozen=True):
    """Where a line begins and ends in the text, its line break included."""

    start: int
    end: int


class Part:
    """A lock's text, of which some lines are wanted.

    Raises ValueError, here and below, for what is not as a lock is written.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._start = data.find(MIDDLE) + len(MIDDLE)
        self._end = len(data) - len(END)
        if self._start < len(MIDDLE) or not data.endswith(END) or self._end < self._start:
            raise ValueError("the text is not as a lock is written")

    def lock(self, names: Collection[str]) -> Lock:
        """All pins, and the lines of those targets that have one."""
        head = read_lock(self.data[: self._start] + END, "")
        if head.sides or head.faults:
            raise ValueError("its pins are not as a lock is written")
        found = {name: self._line(span) for name in names if (span := self._span(name)) is not None}
        return Lock(models=head.lock.models, targets=lines_of(found))

    def replaced(self, lines: Mapping[str, Line]) -> bytes:
        """The text with other lines for targets that have one."""
        texts = line_texts(lines)
        spans = [(self._known(name), b"  %b,\n" % seal_line(name, text)) for name, text in texts.items()]
        pieces: list[bytes | memoryview] = []
        at = 0
        for span, line in sorted(spans, key=lambda item: item[0].start):
            pieces += [memoryview(self.data)[at : span.start], line]
            at = span.end
        return b"".join([*pieces, memoryview(self.data)[at:]])

    def _known(self, name: str) -> Span:
        span = self._span(name)
        if span is None:
            raise ValueError(f"'{name}' has no line")
        return span

    def _line(self, span: Span) -> LineText:
        try:
            ((name, line),) = decode_member(self.data[span.start : span.end].rstrip()).items()
        except msgspec.DecodeError as error:
            raise ValueError("a line is damaged") from error
        if not isinstance(line, LineText) or flaw_of(name, line):
            raise ValueError(f"the line of '{name}' is damaged")
        return line

    def _span(self, name: str) -> Span | None:
        """The line of a target, by bisection; None where it has none."""
        low, high = self._start, self._end
        while low < high:
            start = self.data.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = self.data.index(b"\n", start) + 1
            found = self._name(start, end)
            if found == name:
                return Span(start, end)
            low, high = (end, high) if found < name else (low, start)
        return None

    def _name(self, start: int, end: int) -> str:
        close = self.data.find(b'": {', start, end)
        if not self.data.startswith(b'  "', start) or close < 0:
            raise ValueError("a line is not as a lock is written")
        try:
            return _decode_name(self.data[start + 2 : close + 1])
        except msgspec.DecodeError as error:
            raise ValueError("a name is damaged") from error
