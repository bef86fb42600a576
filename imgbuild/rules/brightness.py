"""Mean luma (ITU-R BT.601), from 0 for black to 1 for white."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured


class Brightness(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the mean luma / 255 between `min` and `max`; transparent pixels show white."""

    name: ClassVar[str] = "brightness"
    example: ClassVar[str] = "{min: 0.2, max: 0.9}"
    high: ClassVar[float | None] = 1

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        histogram = picture.luma.histogram()
        total = sum(level * pixels for level, pixels in enumerate(histogram))
        return {self.name: rounded(total / (255 * sum(histogram)))}
