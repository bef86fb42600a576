"""False contours: where a slope that should be smooth goes down in steps.

A pixel counts where luma is flat for a few pixels before it, flat for a few from it on, and in between is a step of 2
to 8 levels: less is what 8 bits can't help, more is an edge of something. Rows and columns are looked at alike. The
figure is our own; steps of few levels between flat sides are what CAMBI, too, takes for banding (Tandon et al.,
"CAMBI: Contrast-aware Multiscale Banding Index", Picture Coding Symposium 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLAT = 4  # pixels that are equal on either side of a step
STEPS = (2, 8)  # levels


class Banding(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the share of pixels that lie at a false contour between `min` and `max`.

    A sky in 32 steps over 1,024 pixels gives 0.03, one in 256 steps nothing, and a photograph next to nothing.
    """

    name: ClassVar[str] = "banding"
    example: ClassVar[str] = "{max: 0.005}"
    unit: ClassVar[str] = "of the pixels"
    high: ClassVar[float | None] = 1

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        gray = picture.gray
        return {self.name: rounded((_contours(gray) + _contours(gray.T)) / gray.size)}


def _contours(gray: NDArray[np.uint8]) -> int:
    """How many steps there are along the rows of height × width levels."""
    import numpy as np

    if gray.shape[1] < 2 * FLAT:
        return 0
    change = np.diff(gray.astype(np.int16), axis=1)
    size = np.abs(change)
    step = (size >= STEPS[0]) & (size <= STEPS[1])
    still = change == 0
    count = change.shape[1] - 2 * (FLAT - 1)  # places of a step that has FLAT equal pixels on either side
    found = step[:, FLAT - 1 : FLAT - 1 + count].copy()
    for away in range(FLAT - 1):
        found &= still[:, away : away + count] & still[:, FLAT + away : FLAT + away + count]
    return int(found.sum())
