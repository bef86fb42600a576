"""Repeatable draws of whole numbers: the same text gives the same numbers everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import shake_128
from typing import TypeVar

T = TypeVar("T")

DRAWS = 256  # more than any scene draws; after that the numbers come round again


class Dice:
    """Numbers from SHAKE-128 over a text, sixteen bits a draw."""

    def __init__(self, text: str) -> None:
        self._numbers = memoryview(shake_128(text.encode("utf-8", "surrogatepass")).digest(2 * DRAWS))
        self._next = 0

    def below(self, limit: int) -> int:
        """A number in 0 … limit-1; `limit` is at most 65536."""
        at = self._next
        self._next = (at + 2) % (2 * DRAWS)
        return ((self._numbers[at] << 8 | self._numbers[at + 1]) * limit) >> 16

    def between(self, low: int, high: int) -> int:
        """A number in low … high."""
        return low + self.below(high - low + 1)

    def pick(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]
