"""Pictures worked on in tiles that overlap, and put together so that no seam is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRAIN = 4  # pixels: tiles begin at multiples, so that networks which take pixels together see them as in the whole


def in_tiles(
    picture: NDArray[np.float32],
    work: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    scale: int,
    tile: int,
    overlap: int,
) -> NDArray[np.float32]:
    """What `work` makes of height × width × …, `scale` times as large. tile, overlap: of its sides, in pixels.

    Where tiles overlap, the outermost quarter of each, which lacks what is around it, counts nothing.
    """
    import numpy as np

    height, width = picture.shape[:2]
    total = np.zeros((height * scale, width * scale, *picture.shape[2:]), dtype=np.float32)
    for top, bottom in spans(height, tile, overlap):
        down = _share(top, bottom, height, overlap, scale)
        for left, right in spans(width, tile, overlap):
            across = _share(left, right, width, overlap, scale)
            made = work(picture[top:bottom, left:right])
            share = (down[:, None] * across[None, :])[..., None]
            total[top * scale : bottom * scale, left * scale : right * scale] += made * share
    return total


def spans(side: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Where tiles begin and end along a side; each laps over the next by `overlap` pixels."""
    step = max(GRAIN, (tile - overlap) // GRAIN * GRAIN)
    starts = range(0, max(1, side - overlap), step)
    return [(start, min(side, start + step + overlap)) for start in starts]


def _share(start: int, end: int, side: int, overlap: int, scale: int) -> NDArray[np.float32]:
    """How much each pixel of a tile counts: 0 to 1 across its overlaps; beside its neighbour's it comes to 1."""
    import numpy as np

    places = (np.arange((end - start) * scale, dtype=np.float32) + 0.5) / scale
    share: NDArray[Any] = np.ones_like(places)
    if start > 0:
        share *= np.clip((places - overlap / 4) / (overlap / 2), 0, 1)
    if end < side:
        share *= np.clip((end - start - places - overlap / 4) / (overlap / 2), 0, 1)
    return share.astype(np.float32)
