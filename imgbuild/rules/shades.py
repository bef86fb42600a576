"""The commonest shades of a picture, and how much of it is near to given colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgbuild.colours import delta_e, lab, rgba_of
from imgbuild.rules.band import rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = 16  # levels of a channel that are one shade: narrower than an eye tells apart in a dominant colour
SHADES = 64  # that are kept of a picture, the commonest first


def shades(pixels: NDArray[np.uint8]) -> list[list[float]]:
    """The commonest shades among pixels (count × 3), as [red, green, blue, share]: the mean of each."""
    import numpy as np

    parts = 256 // LEVELS
    coarse = pixels // LEVELS
    places = (coarse[:, 0].astype(np.intp) * parts + coarse[:, 1]) * parts + coarse[:, 2]
    counts = np.bincount(places, minlength=parts**3)
    sums = [np.bincount(places, weights=pixels[:, channel], minlength=parts**3) for channel in range(3)]
    commonest = np.argsort(-counts, kind="stable")[:SHADES]
    return [
        [*(rounded(float(total[at] / counts[at])) for total in sums), rounded(counts[at] / len(pixels))]
        for at in commonest[counts[commonest] > 0]
    ]


def near(found: Sequence[Sequence[float]], colors: Sequence[Sequence[float]], distance: float) -> list[float]:
    """Of each colour, the share of the shades that are within a distance (CIEDE2000) of it, and of no colour nearer.

    found: as `shades` gives them. colors: red, green, blue, 0…255.
    """
    import numpy as np

    known = np.array(found, dtype=np.float64).reshape(-1, 4)
    wanted = lab(np.array([colour[:3] for colour in colors], dtype=np.float64))
    away = delta_e(lab(known[:, None, :3]), wanted[None])
    nearest = away.argmin(axis=1)
    within = away.min(axis=1) <= distance
    return [float(known[within & (nearest == at), 3].sum()) for at in range(len(colors))]


def colours_of(texts: Sequence[str]) -> list[tuple[int, int, int]]:
    """Red, green and blue, 0…255, of colours as specs write them. Raises ValueError."""
    return [rgba_of(text)[:3] for text in texts]
