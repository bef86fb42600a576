"""Unsharp masking: what differs from its blurred surroundings is made to differ more."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from imgbuild.process.bands import blurred, join, push, split
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Sharpen(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adds `percent` of the difference from a Gaussian blur, as Pillow's UnsharpMask does.

    radius: of the blur (its standard deviation), in pixels. threshold: levels; smaller differences are left
    alone. Surroundings are weighed by their alpha, so that cut-outs get no seam from hidden colours.
    """

    name: ClassVar[str] = "sharpen"
    example: ClassVar[str] = "{radius: 1, percent: 80}"
    keeps_size: ClassVar[bool] = True

    radius: float = 2.0
    percent: int = 150
    threshold: int = 3

    def __post_init__(self) -> None:
        if not isfinite(self.radius) or not 0 <= self.radius <= 100:
            raise ValueError(f"radius must be between 0 and 100 pixels, not {self.radius}")
        if not 0 <= self.percent <= 1000:
            raise ValueError(f"percent must be between 0 and 1000, not {self.percent}")
        if not 0 <= self.threshold <= 255:
            raise ValueError(f"threshold must be between 0 and 255 levels, not {self.threshold}")

    def apply(self, picture: PILImage) -> PILImage:
        colours, alpha = split(picture)
        around = split(blurred(picture, self.radius))[0]
        return join(push(colours, colours, around, self._amounts()), alpha)

    def _amounts(self) -> list[int]:
        """What is added for a difference of 0…255 levels."""
        return [min(255, off * self.percent // 100) if off > self.threshold else 0 for off in range(256)]
