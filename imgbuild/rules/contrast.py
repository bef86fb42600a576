"""RMS contrast: the standard deviation of luma, from 0 for one gray to 0.5 for half black, half white.

Peli, "Contrast in complex images", Journal of the Optical Society of America A 7 (1990), 2032-2040.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, deviation, rounded
from imgbuild.rules.base import Measured


class Contrast(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the standard deviation of luma / 255 between `min` and `max`; transparent pixels show white."""

    name: ClassVar[str] = "contrast"
    example: ClassVar[str] = "{min: 0.1}"
    high: ClassVar[float | None] = 0.5

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {self.name: rounded(deviation(picture.luma.histogram()) / 255)}
