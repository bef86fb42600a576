"""Git's conflict markers: which side of a conflict each line of a file belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Side(Enum):
    BOTH = "outside of conflicts"
    OURS = "after <<<<<<<"
    BASE = "after |||||||, in the styles diff3 and zdiff3"
    THEIRS = "after ======="


class Placed(NamedTuple):
    """A line with its number, counted from 1, and the side it belongs to. The markers themselves are left out."""

    number: int
    text: bytes
    side: Side


_NEXT = {
    (Side.BOTH, b"<<<<<<<"): Side.OURS,
    (Side.OURS, b"|||||||"): Side.BASE,
    (Side.OURS, b"======="): Side.THEIRS,
    (Side.BASE, b"======="): Side.THEIRS,
    (Side.THEIRS, b">>>>>>>"): Side.BOTH,
}


def place_lines(data: bytes) -> Iterator[Placed]:
    """The lines that are not empty. A marker out of order comes as a line, for its reader to stumble over."""
    side = Side.BOTH
    for number, text in enumerate(data.split(b"\n"), 1):
        moved = _NEXT.get((side, text[:7])) if text[7:8].strip() == b"" else None
        if moved is not None:
            side = moved
        elif text.strip():
            yield Placed(number, text.strip(), side)
