"""Scales a picture to a size with Lanczos filtering."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal

from imgbuild.process.base import Operation
from imgbuild.process.placement import Anchor, check_result, check_size, scaled
from imgbuild.process.scaling import cover, stretch

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Resize(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scales to `width` × `height` pixels. With one of them, the other follows from the picture's ratio.

    fit: "cover" fills the size and cuts off what stands over, keeping what is at `anchor`; "contain" gives the
    largest picture that fits inside; "fill" stretches. upscale: false never enlarges; what is too small
    keeps its scale, and cover then only cuts.
    """

    name: ClassVar[str] = "resize"
    example: ClassVar[str] = "{width: 512, height: 512}"

    width: int | None = None
    height: int | None = None
    fit: Literal["cover", "contain", "fill"] = "cover"
    anchor: Anchor = "center"
    upscale: bool = True

    def __post_init__(self) -> None:
        if self.width is None and self.height is None:
            raise ValueError("resize needs width, height or both")
        check_size(self.width, self.height)
        if self.anchor != "center" and (self.fit != "cover" or None in (self.width, self.height)):
            raise ValueError("anchor only matters where fit is cover and both width and height are given")

    def apply(self, picture: PILImage) -> PILImage:
        across, down = self._factors(*picture.size)
        width, height = scaled(picture.width, across), scaled(picture.height, down)
        if self.fit == "cover" and self.width and self.height:
            return cover(picture, min(width, self.width), min(height, self.height), self.anchor)
        check_result(self.name, width, height)
        return stretch(picture, width, height)

    def _factors(self, width: int, height: int) -> tuple[Fraction, Fraction]:
        """By how much the width and the height of a picture of that size are scaled."""
        across = Fraction(self.width, width) if self.width else Fraction(self.height or 1, height)
        down = Fraction(self.height, height) if self.height else across
        if self.fit != "fill":
            across = down = max(across, down) if self.fit == "cover" else min(across, down)
        return (across, down) if self.upscale else (min(across, Fraction(1)), min(down, Fraction(1)))
