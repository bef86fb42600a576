"""Where a picture sits in a box, and how large a result may be: what operations on size share."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeAlias

from imgbuild.errors import TargetError
from imgbuild.images import MAX_PIXELS, MAX_SIDE, is_openable

Anchor: TypeAlias = Literal[
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"
]


def offset(anchor: Anchor, free_x: Fraction | int, free_y: Fraction | int) -> tuple[Fraction, Fraction]:
    """How far from left and top a part lies that leaves this much of the whole free, in pixels."""
    across = 0 if "left" in anchor else 2 if "right" in anchor else 1
    down = 0 if "top" in anchor else 2 if "bottom" in anchor else 1
    return Fraction(free_x) * across / 2, Fraction(free_y) * down / 2


def part_of(width: int, height: int, ratio: Fraction) -> tuple[Fraction, Fraction]:
    """The size of the largest part with that ratio of width to height."""
    return min(Fraction(width), height * ratio), min(Fraction(height), width / ratio)


def has_ratio(width: int, height: int, ratio: Fraction) -> bool:
    """Whether the size has that ratio as nearly as whole pixels can."""
    return scaled(height, ratio) == width or scaled(width, 1 / ratio) == height


def scaled(side: int, by: Fraction) -> int:
    """The side times a factor, to the nearest pixel and at least one."""
    return max(1, int(side * by + Fraction(1, 2)))


def check_side(name: str, side: int | None) -> None:
    """Raises ValueError for a side, in pixels, that no picture can have."""
    if side is not None and not 1 <= side <= MAX_SIDE:
        raise ValueError(f"{name} must be 1 to {MAX_SIDE} pixels, not {side}")


def check_size(width: int | None, height: int | None) -> None:
    """Raises ValueError where a declared size can't be, or is more than a picture may have."""
    check_side("width", width)
    check_side("height", height)
    if width is not None and height is not None and not is_openable(width, height):
        raise ValueError(f"{width}×{height} is more than {MAX_PIXELS} pixels")


def check_result(operation: str, width: int, height: int) -> None:
    """Raises TargetError where the size that follows from a picture is more than a picture may have."""
    if not is_openable(width, height):
        raise TargetError(
            f"{operation} would give {width}×{height}, too large for a picture",
            hint=f"at most {MAX_PIXELS} pixels, and {MAX_SIDE} a side: declare a smaller size",
        )
