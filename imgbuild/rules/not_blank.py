"""Whether there is anything to see: the largest standard deviation of a channel, from 0 to 0.5.

Luma alone would call a red shape on a green of equal luma blank, and white on nothing is white on white; so
red, green, blue and alpha each count. The share of pixels off the commonest colour would be fooled by noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture, has_alpha, normal
from imgbuild.rules.band import Band, deviation, rounded
from imgbuild.rules.base import Measured


class NotBlank(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fails a picture in which no channel deviates by `min` (levels / 255).

    The default of 0.01 is 2.55 levels: above the noise and encoding error of one flat colour, which is one
    or two, and below a hairline drawing: black on a thousandth of a white page gives 0.03.
    """

    name: ClassVar[str] = "not_blank"
    high: ClassVar[float | None] = 0.5

    min: float | None = 0.01

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        histogram = picture.flat.histogram()
        if has_alpha(picture.pixels):
            histogram += normal(picture.pixels, picture.name).getchannel("A").histogram()
        channels = (histogram[start : start + 256] for start in range(0, len(histogram), 256))
        return {self.name: rounded(max(map(deviation, channels)) / 255)}
