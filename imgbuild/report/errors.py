"""An expected error on a terminal: the same lines as its text, coloured where that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from imgbuild.errors import Errors, ImgbuildError, place
from imgbuild.report.output import emit
from imgbuild.report.text import printable

_BOLD, _DIM, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[0m"


def print_error(error: ImgbuildError, stream: TextIO, color: bool) -> None:
    """Write the error: place bold, caret red, hint dim; without colour it is `str(error)`."""
    singles = error.errors if isinstance(error, Errors) else [error]
    lines = [line for single in singles for line in _lines(single, color)]
    emit(stream, "".join(f"{line}\n" for line in lines))


def _lines(error: ImgbuildError, color: bool) -> Iterator[str]:
    caret = 2 if error.where is not None and error.where.text else None
    entries = error.lines()
    for index, entry in enumerate(entries):
        lines = [printable(line) for line in entry.split("\n")]
        if not color:
            yield from lines
        elif index == 0:
            yield from _head(error, lines)
        elif index == caret:
            yield from (_paint_caret(line) for line in lines)
        elif error.hint and index == len(entries) - 1:
            yield from (f"{_DIM}{line}{_RESET}" for line in lines)
        else:
            yield from lines


def _head(error: ImgbuildError, lines: list[str]) -> Iterator[str]:
    """The place in bold, or the word `error` in red where there is no place."""
    where = error.where
    start = "error:" if where is None else printable(f"{place(where)}:")
    style = _RED if where is None else _BOLD
    yield f"{style}{start}{_RESET}{lines[0].removeprefix(start)}"
    yield from lines[1:]


def _paint_caret(line: str) -> str:
    margin, bar, caret = line.partition("|")
    spaces = len(caret) - len(caret.lstrip())
    return f"{margin}{bar}{caret[:spaces]}{_RED}{caret[spaces:]}{_RESET}"
