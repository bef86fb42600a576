"""Pictures scaled by Lanczos filtering, which operations share."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from PIL.Image import Resampling

from imgbuild.process.placement import Anchor, offset, part_of

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def cover(picture: PILImage, width: int, height: int, anchor: Anchor) -> PILImage:
    """The largest part of the picture with the size's ratio, scaled to it; only cut where the scale is 1."""
    wide, high = part_of(*picture.size, Fraction(width, height))
    left, top = offset(anchor, picture.width - wide, picture.height - high)
    if wide == picture.width and high == picture.height:
        return stretch(picture, width, height)
    if wide == width and high == height:
        return picture.crop((int(left), int(top), int(left) + width, int(top) + height))
    box = (float(left), float(top), float(left + wide), float(top + high))
    return picture.resize((width, height), Resampling.LANCZOS, box)


def stretch(picture: PILImage, width: int, height: int) -> PILImage:
    """The whole picture at that size. Pillow premultiplies alpha, so that hidden colours don't bleed."""
    if (width, height) == picture.size:
        return picture
    if width > picture.width and height < picture.height:
        # Pillow scales across first: a thin tall picture made wide and low would be wide and tall between.
        picture = picture.resize((picture.width, height), Resampling.LANCZOS)
    return picture.resize((width, height), Resampling.LANCZOS)
