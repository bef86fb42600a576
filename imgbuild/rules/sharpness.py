"""Variance of the Laplacian of luma, in squared levels: the higher, the sharper (or the noisier).

The same figure as OpenCV's cv2.Laplacian(gray, cv2.CV_64F).var(): the kernel (0 1 0, 1 -4 1, 0 1 0) with borders
mirrored about the edge pixel. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured
from imgbuild.rules.strips import strips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sharpness(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the variance of the Laplacian between `min` and `max`. It grows with detail and falls with size."""

    name: ClassVar[str] = "sharpness"
    example: ClassVar[str] = "{min: 100}"
    unit: ClassVar[str] = "levels²"

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {self.name: rounded(laplacian_variance(picture.gray))}


def laplacian_variance(gray: NDArray[np.uint8]) -> float:
    """The variance over all pixels of height × width levels; in whole numbers up to the last division."""
    import numpy as np

    count, total, squares = gray.size, 0, 0
    bordered = np.pad(gray, 1, mode="reflect")
    for rows in strips(bordered):
        edges = _laplacian(rows).astype(np.int32)
        total += int(edges.sum(dtype=np.int64))
        squares += int((edges * edges).sum(dtype=np.int64))
    return (squares * count - total * total) / (count * count)


def _laplacian(rows: NDArray[np.int16]) -> NDArray[np.int16]:
    """Of all but the outermost pixels; within ±1020."""
    beside = rows[1:-1, :-2] + rows[1:-1, 2:]
    above = rows[:-2, 1:-1] + rows[2:, 1:-1]
    edges: NDArray[np.int16] = beside + above - 4 * rows[1:-1, 1:-1]
    return edges
