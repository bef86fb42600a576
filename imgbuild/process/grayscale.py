"""Takes the colour out of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from imgbuild.process.bands import join, split
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Grayscale(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gives a gray picture: ITU-R BT.601 luma. Alpha stays. `adjust: {saturation: 0.5}` takes a part out."""

    name: ClassVar[str] = "grayscale"
    keeps_size: ClassVar[bool] = True

    def apply(self, picture: PILImage) -> PILImage:
        colours, alpha = split(picture)
        return picture if colours.mode == "L" else join(colours.convert("L"), alpha)
