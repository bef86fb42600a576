"""Brightness, contrast, saturation and gamma of the colours; alpha is left alone."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from imgbuild.process.bands import join, map_levels, push, split, table
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Adjust(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Applies, in this order and each neutral at 1.0:

    brightness: v × b, and contrast: (v − ½) × c + ½, both as in W3C Filter Effects, on encoded values 0…1;
    saturation: luma + s × (v − luma), with ITU-R BT.601 luma; gamma: v ^ (1 / g), brighter above 1.
    """

    name: ClassVar[str] = "adjust"
    example: ClassVar[str] = "{brightness: 1.1, saturation: 0.9}"
    keeps_size: ClassVar[bool] = True

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            _check(name, getattr(self, name), 0)
        _check("gamma", self.gamma, 0.1)

    def apply(self, picture: PILImage) -> PILImage:
        colours, alpha = split(picture)
        if (self.brightness, self.contrast) != (1, 1):
            colours = map_levels(colours, table(self._tone))
        if self.saturation != 1 and colours.mode == "RGB":
            colours = self._saturate(colours)
        if self.gamma != 1:
            colours = map_levels(colours, table(self._power))
        return join(colours, alpha)

    def _tone(self, level: float) -> float:
        bright = min(255.0, level * self.brightness)
        return (bright - 127.5) * self.contrast + 127.5

    def _power(self, level: float) -> float:
        return float(255 * (level / 255) ** (1 / self.gamma))

    def _saturate(self, colours: PILImage) -> PILImage:
        gray = colours.convert("L").convert("RGB")
        return push(gray, colours, gray, table(lambda off: off * self.saturation))


def _check(name: str, factor: float, least: float) -> None:
    if not isfinite(factor) or not least <= factor <= 10:
        raise ValueError(f"{name} must be between {least} and 10, not {factor}")
