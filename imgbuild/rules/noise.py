"""The standard deviation of noise in luma, in levels, as a fast filter estimates it.

The difference of two Laplacians, (1 -2 1, -2 4 -2, 1 -2 1), gives nothing for what is flat or a straight slope; of what
is left the mean size is taken, so fine texture counts as noise. Immerkær, "Fast Noise Variance Estimation", Computer
Vision and Image Understanding 64 (1996), 300-302.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt
from typing import TYPE_CHECKING, ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured
from imgbuild.rules.strips import strips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Noise(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the noise between `min` and `max` levels; transparent pixels show white. A picture below 3×3 has none."""

    name: ClassVar[str] = "noise"
    example: ClassVar[str] = "{max: 5}"
    unit: ClassVar[str] = "levels"

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {self.name: rounded(noise(picture.gray))}


def noise(gray: NDArray[np.uint8]) -> float:
    """The noise in height × width levels; in whole numbers up to the last division."""
    import numpy as np

    height, width = gray.shape
    if height < 3 or width < 3:
        return 0.0
    total = 0
    for rows in strips(gray):
        across = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
        total += int(np.abs(across[:-2] - 2 * across[1:-1] + across[2:]).sum(dtype=np.int64))
    return float(sqrt(pi / 2) * total / (6 * (height - 2) * (width - 2)))
