"""The mask that goes with a padded picture: what the ground has added is to be drawn, the picture stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PIL import Image as pillow

from imgbuild.process.pad import Pad
from imgbuild.process.placement import offset

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class PadMask(Pad, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """White where `pad` with the same `width`, `height` or `aspect` and `anchor` adds ground, black on the picture.

    For outpainting: the padded picture is the input `image`, this one the `mask`. overlap: pixels along the seam
    that are drawn anew too, so that it doesn't show.
    """

    name: ClassVar[str] = "pad_mask"

    overlap: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.color is not None:
            raise ValueError("pad_mask is black and white, and takes no color")
        if self.overlap < 0:
            raise ValueError(f"overlap must be at least 0, not {self.overlap}")

    def apply(self, picture: PILImage) -> PILImage:
        width, height = self._size(*picture.size)
        self._check(picture, width, height)
        left, top = map(int, offset(self.anchor, width - picture.width, height - picture.height))
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
