"""A wall of square tiles, each with a quarter disc, a leaf, a dot or nothing, turned four ways."""

from __future__ import annotations

import numpy as np

from imgbuild.providers.placeholder.canvas import Canvas, Plane
from imgbuild.providers.placeholder.colours import Colour
from imgbuild.providers.placeholder.dice import Dice
from imgbuild.providers.placeholder.palette import Palette

MOST = 12  # tiles along the longer side


def draw_tiles(canvas: Canvas, palette: Palette, dice: Dice, across: int) -> None:
    """Cover the canvas with tiles, `across` along its shorter side."""
    width, height = canvas.width, canvas.height
    size = max(-(-min(width, height) // across), -(-max(width, height) // MOST))
    pairs = (
        (palette.sky, palette.main),
        (palette.light, palette.deep),
        (palette.main, palette.sky),
        (palette.earth, palette.accent),
        (palette.deep, palette.light),
    )
    motifs = (0, 0, 1, 1, 2, 3) if canvas.fine else (0, 0, 1, 2)
    stock = [_draw_tile(size, motif, *pairs[dice.below(len(pairs))]) for motif in motifs]
    for top in range(0, height, size):
        for left in range(0, width, size):
            tile = stock[dice.below(len(stock))]
            turned = tile[:, :: dice.below(2) * 2 - 1, :: dice.below(2) * 2 - 1]
            canvas.pixels[:, top : top + size, left : left + size] = turned[:, : height - top, : width - left]


def _draw_tile(size: int, motif: int, ground: Colour, figure: Colour) -> Plane:
    """One tile as 3 × size × size: 0 a quarter disc, 1 a leaf, 2 a dot, 3 arcs."""
    tile = Canvas(size, size)
    tile.pixels[:] = np.array(ground, np.int16).reshape(3, 1, 1)
    edge, middle = tile.side, tile.side // 2
    if motif == 0:
        tile.disc((0, 0), edge, figure)
    elif motif == 1:
        tile.box((middle, middle), (middle, middle), middle, figure)
        tile.pixels[:, : size // 2, : size // 2] = np.array(figure, np.int16).reshape(3, 1, 1)
        tile.pixels[:, (size + 1) // 2 :, (size + 1) // 2 :] = np.array(figure, np.int16).reshape(3, 1, 1)
    elif motif == 2:
        tile.disc((middle, middle), edge * 5 >> 4, figure)
    else:
        for radius, colour in (
            (edge, figure),
            (edge * 3 >> 2, ground),
            (edge >> 1, figure),
            (edge >> 2, ground),
        ):
            tile.disc((0, 0), radius, colour)
    return tile.pixels
