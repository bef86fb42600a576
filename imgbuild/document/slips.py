"""What people mostly did where a YAML parser only sees that something does not fit: braces, '#', quotes, spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BRACES = re.compile(r"(?:(?:^|[:,-])[ \t]+|[\[{,])(\{\{|\{%)")
_COMMENT = re.compile(r"(?:[:,][ \t]+|[\[{][ \t]*)(#)")
_NO_SPACE = re.compile(r"^[ \t]*(?:- +)?[A-Za-z_][\w-]*(:)(?![\s/\\])", re.MULTILINE)


class Slip(NamedTuple):
    """Where it happened (a character offset), how many characters, and the way out."""

    message: str
    hint: str
    at: int
    length: int = 1


def find_slip(text: str, opened: int, index: int, problem: str) -> Slip | None:
    """The slip that explains a fault at `index`, in what was opened at `opened`; None where none is likely."""
    start = text.rfind("\n", 0, min(opened, index)) + 1
    if not text[start:index].strip():  # the fault is what stands first in its line
        start = text.rfind("\n", 0, max(0, start - 1)) + 1
    stop = text.find("\n", index)
    found = _slips(text, start, stop if stop >= 0 else len(text), index, problem)
    return next(found, None)


def _slips(text: str, start: int, stop: int, index: int, problem: str) -> Iterator[Slip]:
    for match in _BRACES.finditer(text, start, stop):
        if not _is_quoted(text, match.start(1)):
            braces = match[1]
            message = f"text that begins with '{braces}' needs quotes"
            yield Slip(message, 'put the whole text in quotes: "{{ name }} …"', match.start(1), 2)
    for match in _COMMENT.finditer(text, start, stop):
        if _is_in_flow(text, match.start(1)):
            yield Slip("'#' begins a comment", "text that begins with '#' needs quotes", match.start(1))
    if ("<block end>" in problem or "expected key" in problem) and text[index - 1 : index] in ("'", '"'):
        hint = "write '' for a quote inside single quotes, \\\" for one inside double quotes"
        yield Slip("text follows the closing quote", hint, index)
    if "mapping values" in problem:
        above = text.rfind("\n", 0, max(0, start - 1)) + 1
        for match in _NO_SPACE.finditer(text, above, index):
            yield Slip("a space is missing after the ':'", "write 'key: value'", match.start(1))


def _is_in_flow(text: str, index: int) -> bool:
    """Whether a '[' or '{' is open there, in its line, and no quote."""
    before = text[text.rfind("\n", 0, index) + 1 : index]
    depth = sum(before.count(mark) for mark in "[{") - sum(before.count(mark) for mark in "]}")
    return depth > 0 and not _is_quoted(text, index)


def _is_quoted(text: str, index: int) -> bool:
    """Whether a quote is open there, in its line."""
    before = text[text.rfind("\n", 0, index) + 1 : index]
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1
