"""What lies at the border of a picture, and what in it differs from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgbuild.images import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPAQUE = 128  # of 255: what is less opaque than half is not there


def ring(array: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The outermost pixels of height × width × … ones, `width` deep, in a row; all of a picture that is no deeper."""
    import numpy as np

    if 2 * width >= min(array.shape[:2]):
        return array.reshape(-1, *array.shape[2:])
    sides = (array[:width], array[-width:], array[width:-width, :width], array[width:-width, -width:])
    return np.concatenate([side.reshape(-1, *array.shape[2:]) for side in sides])


def subject_mask(picture: Picture, contrast: int) -> NDArray[np.bool_]:
    """Height × width: where a picture shows something else than its ground.

    In a picture with transparent pixels that is whatever is opaque; in others, what differs in a channel by more than
    `contrast` levels from the ground, which is the median of the outermost pixels.
    """
    import numpy as np

    alpha = picture.alpha
    if alpha is not None and (alpha < OPAQUE).any():
        return np.asarray(alpha >= OPAQUE)
    pixels = picture.rgb
    ground = np.median(ring(pixels, 1), axis=0).astype(np.int16)
    low, high = (np.clip(ground + step, 0, 255).astype(np.uint8) for step in (-contrast, contrast))
    return np.asarray(((pixels < low) | (pixels > high)).any(axis=2))
