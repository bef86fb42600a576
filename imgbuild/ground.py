"""What lies at the border of a picture, and what in it stands out from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPAQUE = 128  # of 255: what is less opaque than half is not there
CONTRAST = 32  # levels by which something differs from its ground, unless a spec says otherwise


def ring(array: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The outermost pixels of height × width × … ones, `width` deep, in a row; all of a picture that is no deeper."""
    import numpy as np

    if 2 * width >= min(array.shape[:2]):
        return array.reshape(-1, *array.shape[2:])
    sides = (array[:width], array[-width:], array[width:-width, :width], array[width:-width, -width:])
    return np.concatenate([side.reshape(-1, *array.shape[2:]) for side in sides])


def ground_of(rgb: NDArray[np.uint8]) -> NDArray[np.int16]:
    """The median of the outermost pixels, for each channel."""
    import numpy as np

    return np.asarray(np.median(ring(rgb, 1), axis=0)).astype(np.int16)


def off_ground(pixels: NDArray[np.uint8], ground: NDArray[np.int16], contrast: int) -> NDArray[np.bool_]:
    """For … × 3 levels: which pixels differ in a channel by more than `contrast` levels from the ground."""
    import numpy as np

    low, high = (np.clip(ground + step, 0, 255).astype(np.uint8) for step in (-contrast, contrast))
    found = np.zeros(pixels.shape[:-1], dtype=bool)
    for channel in range(pixels.shape[-1]):  # four times as fast as all at once
        level = pixels[..., channel]
        found |= (level < low[channel]) | (level > high[channel])
    return found


def subject(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, contrast: int) -> NDArray[np.bool_]:
    """Height × width: where a picture shows something else than its ground."""
    return subject_in(rgb, alpha, contrast)(...)


def subject_in(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, contrast: int
) -> Callable[[Any], NDArray[np.bool_]]:
    """The same for parts of it alone: takes an index of rows and columns.

    In a picture with transparent pixels that is whatever is opaque, in others what is off its ground.
    """
    import numpy as np

    if alpha is not None and (alpha < OPAQUE).any():
        return lambda part: np.asarray(alpha[part] >= OPAQUE)
    ground = ground_of(rgb)
    return lambda part: off_ground(rgb[part], ground, contrast)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom (beyond the last) of all that is true in height × width; None where nothing is."""
    import numpy as np

    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
