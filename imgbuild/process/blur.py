"""Gaussian blur."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from imgbuild.process.bands import blurred
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Blur(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Blurs, as Pillow's GaussianBlur does. Alpha is blurred, too, and colours are weighed by it.

    radius: the standard deviation, in pixels.
    """

    name: ClassVar[str] = "blur"
    example: ClassVar[str] = "{radius: 4}"
    keeps_size: ClassVar[bool] = True

    radius: float = 2.0

    def __post_init__(self) -> None:
        if not isfinite(self.radius) or not 0 <= self.radius <= 1000:
            raise ValueError(f"radius must be between 0 and 1000 pixels, not {self.radius}")

    def apply(self, picture: PILImage) -> PILImage:
        return blurred(picture, self.radius) if self.radius else picture
