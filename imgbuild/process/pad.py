"""Lays a picture on a larger ground, or makes the mask that goes with that."""

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
    example: ClassVar[str] = '{aspect: "1:1", color: white}'

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
        width, height, left, top = self._place(picture)
        if (width, height) == picture.size:
            return picture
        colour = rgba_of(self.color or ("transparent" if has_alpha(picture) else "white"))
        mode = _holding(picture.mode, colour)
        ground = pillow.new("RGBA", (1, 1), colour).convert(mode).getpixel((0, 0))
        padded = pillow.new(mode, (width, height), ground)
        padded.paste(picture if picture.mode == mode else picture.convert(mode), (left, top))
        return padded

    def _place(self, picture: PILImage) -> tuple[int, int, int, int]:
        """Width and height of the ground, and where on it the picture's left and top edges are. Raises TargetError."""
        width, height = self._size(*picture.size)
        self._check(picture, width, height)
        left, top = offset(self.anchor, width - picture.width, height - picture.height)
        return width, height, int(left), int(top)

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


class PadMask(Pad, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """White where `pad` with the same `width`, `height` or `aspect` and `anchor` adds ground, black on the picture.

    For outpainting: the padded picture is the input `image`, this one the `mask`. overlap: pixels along the seam
    that are drawn anew too, so that it doesn't show.
    """

    name: ClassVar[str] = "pad_mask"
    example: ClassVar[str] = '{aspect: "16:9", overlap: 8}'

    overlap: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.color is not None:
            raise ValueError("pad_mask is black and white, and takes no color")
        if self.overlap < 0:
            raise ValueError(f"overlap must be at least 0, not {self.overlap}")

    def apply(self, picture: PILImage) -> PILImage:
        width, height, left, top = self._place(picture)
        kept = [
            left + (self.overlap if left else 0),
            top + (self.overlap if top else 0),
            left + picture.width - (self.overlap if left + picture.width < width else 0),
            top + picture.height - (self.overlap if top + picture.height < height else 0),
        ]
        mask = pillow.new("L", (width, height), 255)
        if kept[0] < kept[2] and kept[1] < kept[3]:
            mask.paste(0, (kept[0], kept[1], kept[2], kept[3]))
        return mask


def _holding(mode: str, colour: RGBA) -> str:
    """The mode, or the next wider one that can hold the colour."""
    alpha = mode.endswith("A") or colour[3] != 255
    return ("L" if mode in ("L", "LA") and is_gray(colour) else "RGB") + ("A" if alpha else "")
