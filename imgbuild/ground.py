"""What lies at the border of a picture, and what in it stands out from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def off_ground(rgb: NDArray[np.uint8], contrast: int) -> NDArray[np.bool_]:
    """Height × width: what differs in a channel by more than `contrast` levels from the outermost pixels' median."""
    import numpy as np

    ground = np.median(ring(rgb, 1), axis=0).astype(np.int16)
    low, high = (np.clip(ground + step, 0, 255).astype(np.uint8) for step in (-contrast, contrast))
    return np.asarray(((rgb < low) | (rgb > high)).any(axis=2))


def subject(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, contrast: int) -> NDArray[np.bool_]:
    """Height × width: where a picture shows something else than its ground.

    In a picture with transparent pixels that is whatever is opaque, in others what is off its ground.
    """
    import numpy as np

    if alpha is not None and (alpha < OPAQUE).any():
        return np.asarray(alpha >= OPAQUE)
    return off_ground(rgb, contrast)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom (beyond the last) of all that is true in height × width; None where nothing is."""
    import numpy as np

    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
