"""How many columns of a terminal a text takes."""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width


def columns(text: str) -> int:
    """How many columns a terminal needs for the text: East Asian wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(map(columns_of, text))


def columns_of(character: str) -> int:
    if combining(character) or category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
