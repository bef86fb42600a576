"""Smooth lines across a picture, as the tops of hills and the edges of waves: sums of a few sines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgbuild.providers.placeholder.canvas import Line
from imgbuild.providers.placeholder.dice import Dice

TURN = 1024  # entries of the table: a full turn


def _sines() -> NDArray[np.int32]:
    """Sine × 1024 for each 1024th of a turn, by Bhaskara's formula 16t(1-t) / (5-4t(1-t)): no floats."""
    half = TURN // 2
    part = np.arange(half, dtype=np.int64)
    arch = part * (half - part)  # t(1-t), in units of half²
    rising = 16 * arch * 1024 // (5 * half * half - 4 * arch)
    return np.concatenate([rising, -rising]).astype(np.int32)


SINES = _sines()


def draw_ridge(dice: Dice, width: int, base: int, swing: int, waves: int, rough: int = 4) -> Line:
    """A height for each column, in sixteenths of a pixel: around `base`, at most about `swing` away.

    waves: how often the longest of three waves goes up and down over the width, in quarters. rough: the part
    of the shortest one, in 64ths.
    """
    turns = (waves, waves * 2 + dice.between(1, 3), waves * 5 + dice.between(0, 3))
    table = np.array(
        (
            [(turn * (TURN // 4) << 16) // width for turn in turns],  # table entries a column, in 65536ths
            [dice.below(TURN) << 16 for _ in turns],
            (swing * 42 >> 6, swing * (22 - rough) >> 6, swing * rough >> 6),
        ),
        np.int32,
    )
    steps, starts, swings = table[:, :, None]
    places = (np.arange(width, dtype=np.int32) * steps + starts) >> 16
    swung = SINES[places & (TURN - 1)] * swings
    heights: Line = base + (np.add.reduce(swung, axis=0, dtype=np.int32) >> 10)
    return heights
