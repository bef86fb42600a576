"""Makes the corners of a picture round, and what was in them transparent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PIL import Image as pillow
from PIL import ImageChops, ImageDraw

from imgbuild.process.bands import with_alpha
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FINE = 8  # parts of a pixel's side that edges are drawn by, and then averaged


class RoundCorners(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rounds the corners by a `radius` in pixels, or by a `share` of the shorter side: 0.5 gives a circle or a pill.

    The picture gets alpha where it has none; what is transparent already stays so.
    """

    name: ClassVar[str] = "round_corners"
    example: ClassVar[str] = "{radius: 24}"
    keeps_size: ClassVar[bool] = True

    radius: int | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.radius is None) == (self.share is None):
            raise ValueError("round_corners needs either a radius or a share")
        if self.radius is not None and self.radius < 0:
            raise ValueError(f"radius must be at least 0, not {self.radius}")
        if self.share is not None and not 0 <= self.share <= 0.5:
            raise ValueError(f"share must be between 0 and 0.5, not {self.share}")

    def apply(self, picture: PILImage) -> PILImage:
        shorter = min(picture.size)
        radius = min(self.radius if self.radius is not None else shorter * (self.share or 0), shorter / 2)
        mask = pillow.new("L", picture.size, 255)
        side = int(radius) + 1  # a corner, drawn alone: the whole picture would be large at that size
        if radius:
            corner = _corner(radius, side)
            for turn, place in (
                (None, (0, 0)),
                (pillow.Transpose.FLIP_LEFT_RIGHT, (picture.width - side, 0)),
                (pillow.Transpose.FLIP_TOP_BOTTOM, (0, picture.height - side)),
                (pillow.Transpose.ROTATE_180, (picture.width - side, picture.height - side)),
            ):
                _darken(mask, corner if turn is None else corner.transpose(turn), place)
        return with_alpha(picture, mask)


def _corner(radius: float, side: int) -> PILImage:
    """How opaque the pixels of the upper left corner are: L, `side` × `side`."""
    drawn = pillow.new("L", (side * FINE, side * FINE), 255)
    far = round(radius * FINE)
    ImageDraw.Draw(drawn).rectangle((0, 0, far - 1, far - 1), fill=0)
    ImageDraw.Draw(drawn).ellipse((0, 0, 2 * far - 1, 2 * far - 1), fill=255)
    return drawn.resize((side, side), pillow.Resampling.BOX)


def _darken(mask: PILImage, corner: PILImage, place: tuple[int, int]) -> None:
    left, top = place
    box = (left, top, left + corner.width, top + corner.height)
    mask.paste(ImageChops.darker(mask.crop(box), corner), place)
