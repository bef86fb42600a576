"""Figures and names as people read them: pure functions from values to short text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import category

from imgbuild.columns import columns, columns_of

ELLIPSIS = "…"
_CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")


def duration(seconds: float) -> str:
    """`40 ms`, `0.8 s`, `42 s`, `2 m 05 s`, `1 h 02 m`; rounded first, so that 59.9 s is `1 m 00 s`."""
    if seconds < 0.0995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60:02} m"


def money(dollars: float) -> str:
    """`$1,234.50`, `$0.04`; below a cent `$0.0004`, below what that can show `<$0.0001`."""
    if dollars == 0 or round(dollars, 4) >= 0.01:
        return f"${dollars:,.2f}"
    if dollars < 0.00005:
        return "<$0.0001"
    return f"${dollars:.4f}"


def percent(part: float) -> str:
    """`84 %`; of what is not nothing at least `<1 %`."""
    told = f"{part:,.0%}".replace("%", " %")
    return "<1 %" if part > 0 and told == "0 %" else told


def data_size(count: int) -> str:
    """A number of bytes in decimal units: `999 B`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} PB"


def with_unit(figure: object, unit: str) -> str:
    """What a rule measured: `512×512 px`; nothing where nothing was."""
    return "" if figure is None else f"{figure}{f' {unit}' if unit else ''}"


def alike(others: Sequence[str]) -> str:
    """`like a, b, c`: the first of those that an image clashes with; nothing where there are none."""
    return f"like {', '.join(others[:3])}" if others else ""


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 target`, `100,000 targets`; `nouns` is the plural where an "s" does not make it."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def shorten(text: str, width: int) -> str:
    """The text in at most `width` columns: what does not fit is taken from the middle, so both ends stay."""
    if columns(text) <= width:
        return text
    if width < 1:
        return ""
    head = _fill(text, width // 2)
    tail = _fill(text[::-1], width - 1 - columns(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}"


def _fill(text: str, width: int) -> str:
    """As much of the text's start as fits into `width` columns."""
    used = 0
    for position, character in enumerate(text):
        used += columns_of(character)
        if used > width:
            return text[:position]
    return text


def natural(text: str) -> str:
    """A key that sorts names as people count: A2 before A10."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(20), text)


def printable(text: str) -> str:
    """The text on one line, with control characters shown as escapes.

    Names and messages come from tables, specs and vendors: none of them may steer the terminal.
    """
    if text.isprintable():
        return text
    return "".join(_escape(character) if category(character) in _CONTROL else character for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
