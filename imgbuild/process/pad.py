"""Lays a picture on a larger ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PIL import Image as pillow

from imgbuild.colours import RGBA, is_gray, rgba_of
from imgbuild.errors import TargetError
from imgbuild.images import has_alpha, ratio_of
from imgbuild.process.base import Operation
from imgbuild.process.placement import Anchor, check_result, check_size, has_ratio, offset, scaled

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Pad(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adds ground around the picture, up to `width` × `height` pixels or to the ratio `aspect` ("16:9").

    The picture's own pixels stay as they are, at `anchor`. color: of what is added; without one it is
    transparent where the picture has alpha, else white. A mode that can't hold the colour is widened (L to
    RGB, RGB to RGBA).
    """

    name: ClassVar[str] = "pad"

    width: int | None = None
    height: int | None = None
    aspect: str | float | None = None
    color: str | None = None
    anchor: Anchor = "center"

    def __post_init__(self) -> None:
        sized = (self.width, self.height) != (None, None)
        if sized == (self.aspect is not None):
            raise ValueError(f"{self.name} needs either aspect, or width, height or both")
        if self.aspect is not None:
            ratio_of(self.aspect)
        if self.color is not None:
            rgba_of(self.color)
        check_size(self.width, self.height)

    def apply(self, picture: PILImage) -> PILImage:
        width, height = self._size(*picture.size)
        self._check(picture, width, height)
        if (width, height) == picture.size:
            return picture
        colour = rgba_of(self.color or ("transparent" if has_alpha(picture) else "white"))
        mode = _holding(picture.mode, colour)
        left, top = map(int, offset(self.anchor, width - picture.width, height - picture.height))
        ground = pillow.new("RGBA", (1, 1), colour).convert(mode).getpixel((0, 0))
        padded = pillow.new(mode, (width, height), ground)
        padded.paste(picture if picture.mode == mode else picture.convert(mode), (left, top))
        return padded

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.aspect is None:
            return self.width or width, self.height or height
        ratio = ratio_of(self.aspect)
        if has_ratio(width, height, ratio):
            return width, height
        return max(width, scaled(height, ratio)), max(height, scaled(width, 1 / ratio))

    def _check(self, picture: PILImage, width: int, height: int) -> None:
        check_result(self.name, width, height)
        if width < picture.width or height < picture.height:
            raise TargetError(
                f"{self.name} to {width}×{height} is smaller than the picture of {picture.width}×{picture.height}",
                hint="resize it before with fit: contain",
            )


def _holding(mode: str, colour: RGBA) -> str:
    """The mode, or the next wider one that can hold the colour."""
    alpha = mode.endswith("A") or colour[3] != 255
    return ("L" if mode in ("L", "LA") and is_gray(colour) else "RGB") + ("A" if alpha else "")
