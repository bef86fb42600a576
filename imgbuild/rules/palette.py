"""The part of a picture whose colours are those of a palette, to the eye: within a distance in CIEDE2000."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from imgbuild.colours import delta_e, lab, rgba_of
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = 16  # levels of a channel that are one shade: narrower than an eye tells apart in a dominant colour
SHADES = 64  # that are kept of a picture, the commonest first


class Palette(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where at least `share` of the pixels are within `distance` (CIEDE2000) of one of the `colors`.

    Transparent pixels show white. The figure is that share. Smoothed edges between two colours of the palette are
    neither, so leave some room below 1.
    """

    name: ClassVar[str] = "palette"

    colors: list[str]
    distance: float = 10.0
    share: float = 0.9

    def __post_init__(self) -> None:
        check_bounds(self.distance, None, "distance", "", high=100)
        check_bounds(self.share, None, "share", "", high=1)
        if not self.colors:
            raise ValueError("palette has nothing to check: give at least one of 'colors'")
        for colour in self.colors:
            rgba_of(colour)

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"shades": shades(picture.rgb)}

    def judge(self, measured: Measured) -> Finding:
        import numpy as np

        found = np.array(measured["shades"], dtype=np.float64).reshape(-1, 4)
        palette = lab(np.array([rgba_of(colour)[:3] for colour in self.colors], dtype=np.float64))
        away = delta_e(lab(found[:, None, :3]), palette[None]).min(axis=1)
        within = rounded(float(found[away <= self.distance, 3].sum()))
        return Finding(
            ok=within >= self.share,
            figure=within,
            unit="of the pixels",
            limit=f"at least {self.share:g} within {self.distance:g} of {', '.join(self.colors)}",
        )


def shades(rgb: NDArray[np.uint8]) -> list[list[float]]:
    """The commonest shades of a picture (height × width × 3), as [red, green, blue, share]: the mean of each."""
    import numpy as np

    pixels = rgb.reshape(-1, 3).astype(np.int64)
    coarse = pixels // LEVELS
    places = (coarse[:, 0] << 16) | (coarse[:, 1] << 8) | coarse[:, 2]
    _, of, counts = np.unique(places, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(of, weights=pixels[:, channel]) for channel in range(3)], axis=1)
    order = np.argsort(-counts, kind="stable")[:SHADES]
    return [
        [*(rounded(float(level)) for level in sums[at] / counts[at]), rounded(counts[at] / len(pixels))]
        for at in order
    ]
