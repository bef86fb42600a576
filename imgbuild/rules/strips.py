"""Rows of a picture a strip at a time: what is computed of them stays in the cache, and small for huge pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRIP = 128  # rows


def strips(levels: NDArray[np.uint8]) -> Iterator[NDArray[np.int16]]:
    """All rows of height × width levels that have one above and one below, STRIP at a time, with these two."""
    import numpy as np

    for top in range(0, len(levels) - 2, STRIP):
        yield levels[top : top + STRIP + 2].astype(np.int16)
