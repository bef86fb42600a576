"""Text as coverage: plain letters from any text, lines of a given width, letters smoothed as they grow."""

from __future__ import annotations

from unicodedata import ucd_3_2_0 as unicode  # of all Pythons alike, so that captions don't change with one

import numpy as np
from numpy.typing import NDArray

from imgbuild.providers.placeholder.canvas import FULL, Plane
from imgbuild.providers.placeholder.glyphs import GLYPHS, ROWS, UNKNOWN

SPACE = 3  # columns
ELLIPSIS = "…"

# What no decomposition makes plain.
_PLAIN = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ł": "l", "Ł": "L", "ı": "i", "ħ": "h", "Ħ": "H", "ŧ": "t",
        "‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‹": "<", "›": ">",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "•": "·", "€": "EUR", "£": "GBP", "¥": "JPY",
        "\u200b": "", "\u200d": "", "\ufe0f": "", "\ufeff": "", "\u00ad": "",
    }
)  # fmt: skip
_LETTERS: dict[str, Plane] = {
    letter: np.array([[mark == "#" for mark in row] for row in rows], np.int16)
    for letter, rows in GLYPHS.items()
}
_GAP: Plane = np.zeros((ROWS, 1), np.int16)
_SPACE: Plane = np.zeros((ROWS, SPACE), np.int16)


def plain(text: str) -> str:
    """The text in letters that can be drawn: accents dropped, white space made one, the rest UNKNOWN."""
    if not text.isascii():
        text = unicode.normalize("NFKD", text.translate(_PLAIN)).translate(_PLAIN)
        text = "".join(letter for letter in text if not unicode.combining(letter))
    text = " ".join(text.split())
    return "".join(letter if letter in GLYPHS or letter == " " else UNKNOWN for letter in text)


def measure(text: str) -> int:
    """The columns that a line takes at scale 1."""
    widths = (SPACE if letter == " " else len(GLYPHS[letter][0]) + 1 for letter in text)
    return sum(widths)


def wrap(text: str, columns: int, most: int) -> list[str]:
    """Plain text in at most `most` lines of at most so many columns; what is left out ends in an ellipsis."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        end = _fitting(rest, columns)
        if end < len(rest) and len(lines) == most - 1:
            end = _fitting(rest, columns - measure(ELLIPSIS))
            return [*lines, rest[:end].rstrip() + ELLIPSIS]
        cut = end if end == len(rest) or rest[end] == " " else rest.rfind(" ", 0, end)
        cut = end if cut <= 0 else cut
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines


def _fitting(text: str, columns: int) -> int:
    """How many letters from the start fit; at least one, so that wrapping comes to an end."""
    used = 0
    for at, letter in enumerate(text):
        used += SPACE if letter == " " else len(GLYPHS[letter][0]) + 1
        if used > columns + 1:
            return max(1, at)
    return len(text)


def draw_line(text: str, scale: int) -> Plane:
    """Coverage of one line of plain text, ROWS × scale rows high."""
    parts = [part for letter in text for part in ((_SPACE,) if letter == " " else (_LETTERS[letter], _GAP))]
    marks = np.concatenate(parts or [_GAP], axis=1)
    return marks * np.int16(FULL) if scale == 1 else _smooth(marks, scale)


def _smooth(marks: Plane, scale: int) -> Plane:
    """The marks enlarged, their corners rounded: blurred by half a mark, then made steep again."""
    large = np.repeat(np.repeat(marks, scale, axis=0), scale, axis=1).astype(np.int32)
    reach = scale // 2
    blurred = _blur(_blur(large, reach).T, reach).T
    whole = (2 * reach + 1) ** 2
    steep = (blurred * 2 * scale - whole * (scale - 1)) * FULL // (2 * whole)
    cover: Plane = np.minimum(np.maximum(steep, 0), FULL).astype(np.int16)
    return cover


def _blur(marks: NDArray[np.int32], reach: int) -> NDArray[np.int32]:
    """For each row the sum of 2·reach+1 rows around it."""
    sums = np.pad(marks, ((reach + 1, reach), (0, 0))).cumsum(axis=0, dtype=np.int32)
    blurred: NDArray[np.int32] = sums[2 * reach + 1 :] - sums[: -2 * reach - 1]
    return blurred
