"""Cuts a part out of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from imgbuild.errors import TargetError
from imgbuild.images import ratio_of
from imgbuild.process.base import Operation
from imgbuild.process.placement import Anchor, check_size, has_ratio, offset, part_of, scaled

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Crop(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keeps the largest part of ratio `aspect` ("16:9"), or one of `width` × `height` pixels.

    A side that is not given stays whole. The part lies at `anchor`, or with its left and top edges at
    pixels `x` and `y` (0 where only one is given).
    """

    name: ClassVar[str] = "crop"
    example: ClassVar[str] = '{aspect: "16:9"}'

    aspect: str | float | None = None
    width: int | None = None
    height: int | None = None
    x: int | None = None
    y: int | None = None
    anchor: Anchor = "center"

    def __post_init__(self) -> None:
        sized = (self.width, self.height) != (None, None)
        placed = (self.x, self.y) != (None, None)
        if sized == (self.aspect is not None):
            raise ValueError("crop needs either aspect, or width, height or both")
        if placed and (self.aspect is not None or self.anchor != "center"):
            raise ValueError("x and y go with width and height, and in place of an anchor")
        if min(self.x or 0, self.y or 0) < 0:
            raise ValueError(f"x and y count from the left and top edge, not {min(self.x or 0, self.y or 0)}")
        if self.aspect is not None:
            ratio_of(self.aspect)
        check_size(self.width, self.height)

    def apply(self, picture: PILImage) -> PILImage:
        width, height = self._size(*picture.size)
        left, top = self._place(picture.width - width, picture.height - height)
        if left + width > picture.width or top + height > picture.height:
            raise TargetError(
                f"crop of {width}×{height} at {left},{top} is not inside a picture of "
                f"{picture.width}×{picture.height}",
                hint="resize or pad it before, or crop less",
            )
        whole = (width, height) == picture.size
        return picture if whole else picture.crop((left, top, left + width, top + height))

    def _place(self, free_x: int, free_y: int) -> tuple[int, int]:
        """The part's left and top edge, with that much of the picture left over."""
        if (self.x, self.y) != (None, None):
            return self.x or 0, self.y or 0
        left, top = offset(self.anchor, max(0, free_x), max(0, free_y))
        return int(left), int(top)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.aspect is None:
            return self.width or width, self.height or height
        ratio = ratio_of(self.aspect)
        if has_ratio(width, height, ratio):
            return width, height
        wide, high = part_of(width, height, ratio)
        return scaled(1, wide), scaled(1, high)
