"""Fields of small marks: dots and fine lines."""

from __future__ import annotations

import numpy as np

from imgbuild.providers.placeholder.canvas import FULL, Canvas, Plane
from imgbuild.providers.placeholder.colours import Colour

OPACITY = 84


def draw_dots(
    canvas: Canvas, place: tuple[int, int], count: tuple[int, int], pitch: int, colour: Colour
) -> None:
    """Columns × rows of dots, `pitch` pixels apart, the first cell's corner at `place`."""
    dot = Canvas(pitch, pitch)
    dot.pixels[:] = 0
    dot.disc((pitch * 8, pitch * 8), pitch * 3, (FULL, FULL, FULL))
    _stamp(canvas, place, np.tile(dot.pixels[0], (count[1], count[0])), colour)


def draw_stripes(
    canvas: Canvas, place: tuple[int, int], count: tuple[int, int], pitch: int, colour: Colour
) -> None:
    """Rows of fine lines, `pitch` pixels apart and count[0] pitches long."""
    line = np.zeros((pitch, count[0] * pitch), np.int16)
    line[: max(1, pitch // 5)] = FULL
    _stamp(canvas, place, np.tile(line, (count[1], 1)), colour)


def _stamp(canvas: Canvas, place: tuple[int, int], cover: Plane, colour: Colour) -> None:
    canvas.stamp(place[1] >> 4, place[0] >> 4, cover, colour, OPACITY)
