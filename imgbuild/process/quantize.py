"""Gives a picture fewer colours: its own commonest, or those of a palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PIL import Image as pillow

from imgbuild.colours import rgba_of
from imgbuild.process.bands import join, split
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Quantize(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Leaves at most `colors` colours, chosen by median cut, or gives every pixel the nearest of a `palette`'s.

    Nearest is by the distance in red, green and blue. dither: spreads what a pixel is off to those after it
    (Floyd-Steinberg). Alpha stays; gray pictures become coloured ones where a palette has colours.
    """

    name: ClassVar[str] = "quantize"
    example: ClassVar[str] = "{colors: 16}"
    keeps_size: ClassVar[bool] = True

    colors: int | None = None
    palette: list[str] | None = None
    dither: bool = False

    def __post_init__(self) -> None:
        if (self.colors is None) == (self.palette is None):
            raise ValueError("quantize needs either colors or a palette")
        if self.colors is not None and not 2 <= self.colors <= 256:
            raise ValueError(f"colors must be between 2 and 256, not {self.colors}")
        if self.palette is not None and not 1 <= len(self.palette) <= 256:
            raise ValueError(f"palette must have 1 to 256 colours, not {len(self.palette)}")
        for colour in self.palette or ():
            if rgba_of(colour)[3] != 255:
                raise ValueError(f"palette must have opaque colours, not '{colour}'")

    def apply(self, picture: PILImage) -> PILImage:
        colours, alpha = split(picture)
        rgb = colours.convert("RGB")
        if self.palette is not None:
            found = self._nearest(rgb)
        else:
            found = rgb.quantize(self.colors or 256, pillow.Quantize.MEDIANCUT, dither=pillow.Dither.NONE)
            if self.dither:
                found = rgb.quantize(palette=found, dither=pillow.Dither.FLOYDSTEINBERG)
        return join(found.convert(colours.mode if self.palette is None else "RGB"), alpha)

    def _nearest(self, rgb: PILImage) -> PILImage:
        known = pillow.new("P", (1, 1))
        levels = [level for colour in self.palette or () for level in rgba_of(colour)[:3]]
        known.putpalette(levels + levels[:3] * (256 - len(levels) // 3))  # what is left out would be black
        dither = pillow.Dither.FLOYDSTEINBERG if self.dither else pillow.Dither.NONE
        return rgb.quantize(palette=known, dither=dither)
