"""Sizes of vendors that are told a ratio, and choose the pixels themselves: a size stands for its ratio."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import isqrt

from imgbuild.errors import ProviderFailed

MEGAPIXEL = 1024**2


def sizes_of(ratios: Iterable[str], pixels: int) -> tuple[tuple[int, int], ...]:
    """For each ratio the largest size within so many pixels that has it exactly, by sides that are multiples of 8."""
    sizes = []
    for ratio in map(_fraction, ratios):
        width, height = 8 * ratio.numerator, 8 * ratio.denominator
        times = isqrt(pixels // (width * height))
        sizes.append((times * width, times * height))
    return tuple(sizes)


def ratio_for(width: int, height: int, ratios: Iterable[str]) -> str:
    """The ratio as the vendor names it. Raises ProviderFailed where it has no such."""
    known = list(ratios)
    found = next((ratio for ratio in known if _fraction(ratio) == Fraction(width, height)), None)
    if found is None:
        raise ProviderFailed(
            f"there is no ratio for {width}x{height}", hint=f"the ratios are {', '.join(known)}"
        )
    return found


def _fraction(ratio: str) -> Fraction:
    return Fraction(ratio.replace(":", "/"))
