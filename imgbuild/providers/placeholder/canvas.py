"""A picture in the making and the brushes that draw on it: whole numbers only, so the same bits everywhere.

Lengths and places are in sixteenths of a pixel; the centre of pixel 0 is at 8. Coverage and opacity are in
0…128, so that a difference of colours times a coverage fits sixteen bits. The edge of a curved shape needs no
square root: near it (r² − d²) / 2r is the distance r − d.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from imgbuild.providers.placeholder.colours import Colour

UNIT = 16  # sixteenths of a pixel
FULL = 128  # whole coverage
HALF = 64
STRIP = 1 << 16  # pixels that are worked on at a time, so that they stay in the processor's cache

Plane = NDArray[np.int16]  # height × width, or broadcast to it
Line = NDArray[np.int32]

SHADOW: Plane = np.array((10, 12, 24), np.int16).reshape(3, 1, 1)
SHADOW_OPACITY = 36


class Canvas:
    """Three planes of 16-bit numbers, 3 × height × width. side: the shorter side, in sixteenths."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.side = UNIT * min(width, height)
        self.fine = min(width, height) >= 96  # whether soft shadows and small ornaments can be seen
        self.pixels: Plane = np.empty((3, height, width), np.int16)
        whole = np.int32 if max(width, height) <= 1024 else np.int64  # squares of places must fit
        self.xs: Line = np.arange(8, UNIT * width, UNIT, dtype=whole)
        self.ys: Line = np.arange(8, UNIT * height, UNIT, dtype=whole)

    def x(self, part: int) -> int:
        """The place at `part` 1024ths of the width."""
        return part * self.width * UNIT >> 10

    def y(self, part: int) -> int:
        return part * self.height * UNIT >> 10

    def length(self, part: int) -> int:
        """`part` 1024ths of the shorter side."""
        return part * self.side >> 10

    def fill(self, top: Colour, bottom: Colour, start: int = 0) -> None:
        """Fade from one colour to another, from row `start` down to the last."""
        self.pixels[:, start:] = fade(top, bottom, self.height - start)[:, :, None]

    def box(
        self,
        place: tuple[int, int],
        half: tuple[int, int],
        corner: int,
        colour: Colour,
        end: Colour | None = None,
        *,
        across: bool = False,
        opacity: int = FULL,
    ) -> None:
        """A rounded rectangle around `place`; a disc where both halves equal `corner`.

        end: where given, the colour fades to it downwards, or from left to right if `across`.
        """
        corner = max(UNIT, min(corner, *half))
        rows, columns = self._reach(place, half, UNIT)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        across_square = _square_beyond(self.xs[columns], place[0], half[0] - corner)
        down_square = corner * corner - _square_beyond(self.ys[rows], place[1], half[1] - corner)
        paint = _paint(colour, end, columns if across else rows, across)
        grain = corner >> 2
        down_square += grain * HALF
        for part in strips(rows, columns):
            depth = down_square[part, None] - across_square
            self.blend(_shift(rows, part), columns, _cover(depth, grain), _rows(paint, part), opacity)

    def disc(
        self,
        place: tuple[int, int],
        radius: int,
        colour: Colour,
        end: Colour | None = None,
        opacity: int = FULL,
    ) -> None:
        self.box(place, (radius, radius), radius, colour, end, opacity=opacity)

    def ellipse(
        self, place: tuple[int, int], half: tuple[int, int], colour: Colour, end: Colour | None = None
    ) -> None:
        """An ellipse that is wider than it is high. end: where given, the colour fades to it from left to right."""
        rows, columns = self._reach(place, half, UNIT)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        height = max(UNIT, half[1])
        across = (self.xs[columns] - place[0]) * height // max(1, half[0])
        across *= across
        grain = _ellipse_grain(across, height, max(1, half[0])) if self.fine else height >> 2
        down_square = height * height - _square_beyond(self.ys[rows], place[1], 0)
        inside = grain * HALF - across
        paint = _paint(colour, end, columns, True)
        for part in strips(rows, columns):
            depth = down_square[part, None] + inside
            self.blend(_shift(rows, part), columns, _cover(depth, grain), paint, FULL)

    def ring(
        self, place: tuple[int, int], radius: int, width: int, colour: Colour, opacity: int = FULL
    ) -> None:
        """A circle of this radius to the middle of its line."""
        radius, width = max(radius, 8), max(width, 8)
        reach = radius + width
        rows, columns = self._reach(place, (reach, reach), UNIT)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        across_square = _square_beyond(self.xs[columns], place[0], 0)
        down_square = radius * radius - _square_beyond(self.ys[rows], place[1], 0)
        grain = radius >> 2
        for part in strips(rows, columns):
            depth = radius * width + grain * HALF - np.abs(down_square[part, None] - across_square)
            self.blend(_shift(rows, part), columns, _cover(depth, grain), solid(colour), opacity)

    def glow(self, place: tuple[int, int], half: tuple[int, int], colour: Colour, opacity: int) -> None:
        """A soft ellipse that fades from its centre outwards: light, or a shadow."""
        rows, columns = self._reach(place, half, 0)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        across = ((self.xs[columns] - place[0]) << 10) // max(half[0], 1)
        down = ((self.ys[rows] - place[1]) << 10) // max(half[1], 1)
        across_square, down_square = across * across, (1 << 20) - down * down
        for part in strips(rows, columns):
            cover = np.maximum(down_square[part, None] - across_square, 0) >> 10
            cover *= cover
            cover >>= 13
            self.blend(_shift(rows, part), columns, cover.astype(np.int16), solid(colour), opacity)

    def below(self, ridge: Line, colour: Colour, end: Colour, shadow: int = 0) -> None:
        """All that lies below a line, given as a height for each column, fading to `end` at the bottom.

        shadow: how far a soft shadow reaches above the line.
        """
        high, low = int(ridge.min()), int(ridge.max())
        first, last = (min(self.height, max(0, row)) for row in ((high - shadow >> 4) - 1, (low >> 4) + 2))
        paint = fade(colour, end, self.height - first)[:, :, None]
        rows, columns = slice(first, last), slice(0, self.width)
        for part in strips(rows, columns):
            inside = self.ys[rows][part, None] - ridge
            if shadow:
                self.blend(_shift(rows, part), columns, _shade(inside, shadow), SHADOW, SHADOW_OPACITY)
            self.blend(_shift(rows, part), columns, _straight(inside), _rows(paint, part), FULL)
        self.pixels[:, last:] = paint[:, last - first :]

    def beyond(self, slope: tuple[int, int], start: int, colour: Colour, shadow: int = 0) -> None:
        """The half plane where x·slope[0] + y·slope[1] exceeds `start`; the slope is a direction in 256ths.

        shadow: how far a soft shadow reaches before its edge.
        """
        across = (self.xs * slope[0]) >> 8
        down = ((self.ys * slope[1]) >> 8) - start
        rows, columns = slice(0, self.height), slice(0, self.width)
        for part in strips(rows, columns):
            inside = down[part, None] + across
            if shadow:
                self.blend(part, columns, _shade(inside, shadow), SHADOW, SHADOW_OPACITY)
            self.blend(part, columns, _straight(inside), solid(colour), FULL)

    def stamp(self, row: int, column: int, cover: Plane, colour: Colour, opacity: int = FULL) -> None:
        """Draw through a coverage of height × width, its upper left corner at this pixel; clipped at the edges."""
        cover = cover[max(0, -row) : max(0, self.height - row), max(0, -column) : max(0, self.width - column)]
        row, column = max(0, row), max(0, column)
        rows, columns = slice(row, row + cover.shape[0]), slice(column, column + cover.shape[1])
        for part in strips(rows, columns):
            self.blend(_shift(rows, part), columns, cover[part], solid(colour), opacity)

    def blend(self, rows: slice, columns: slice, cover: Plane, paint: Plane, opacity: int) -> None:
        """Lay a paint over a part of the picture, as far as `cover` and `opacity` let it."""
        if opacity < FULL:
            cover = cover * np.int16(opacity) >> 7
        under = self.pixels[:, rows, columns]
        change = paint - under
        change *= cover
        change >>= 7
        under += change

    def _reach(self, place: tuple[int, int], half: tuple[int, int], margin: int) -> tuple[slice, slice]:
        """The rows and columns that a shape of these halves touches."""
        left, right = place[0] - half[0] - margin, place[0] + half[0] + margin
        top, bottom = place[1] - half[1] - margin, place[1] + half[1] + margin
        rows = slice(max(0, top >> 4), min(self.height, (bottom >> 4) + 1))
        return rows, slice(max(0, left >> 4), min(self.width, (right >> 4) + 1))


def solid(colour: Colour) -> Plane:
    """One colour as a paint: 3 × 1 × 1."""
    return np.array(colour, np.int16).reshape(3, 1, 1)


def _paint(colour: Colour, end: Colour | None, over: slice, across: bool) -> Plane:
    """One colour, or one that fades over these columns (if `across`) or rows."""
    if end is None:
        return solid(colour)
    colours = fade(colour, end, over.stop - over.start)
    return colours[:, None] if across else colours[:, :, None]


def fade(start: Colour, end: Colour, count: int) -> Plane:
    """So many colours in even steps from `start` to `end`: 3 × count."""
    steps = np.array(((end[0] - start[0],), (end[1] - start[1],), (end[2] - start[2],)), np.int32)
    parts = np.arange(count, dtype=np.int32) * steps
    parts //= max(1, count - 1)
    parts += np.array(start, np.int32)[:, None]
    paint: Plane = parts.astype(np.int16)
    return paint


def strips(rows: slice, columns: slice) -> Iterator[slice]:
    """The rows in pieces of at most STRIP pixels, counted from the first of them."""
    count = rows.stop - rows.start
    step = max(1, STRIP // max(1, columns.stop - columns.start))
    for top in range(0, count, step):
        yield slice(top, min(count, top + step))


def _shift(rows: slice, part: slice) -> slice:
    return slice(rows.start + part.start, rows.start + part.stop)


def _rows(paint: Plane, part: slice) -> Plane:
    """The rows of a paint that changes downwards; another is the same in all rows."""
    return paint[:, part] if paint.shape[1] > 1 else paint


def _square_beyond(places: Line, centre: int, straight: int) -> Line:
    """Squares of how far each place is from the straight part around the centre."""
    away = np.abs(places - centre)
    away -= straight
    np.maximum(away, 0, out=away)
    away *= away
    return away


def _cover(depth: Line, grain: int | Line) -> Plane:
    """Coverage of a depth that is 0 at the outer side of an edge and FULL × `grain` at its inner side."""
    depth //= grain
    np.maximum(depth, 0, out=depth)
    np.minimum(depth, FULL, out=depth)
    cover: Plane = depth.astype(np.int16)
    return cover


def _straight(inside: Line) -> Plane:
    """Coverage by how far a place is inside a straight edge: half a pixel on either side of it."""
    part = np.minimum(np.maximum(inside, -8), 8)
    part += 8
    cover: Plane = (part << 3).astype(np.int16)
    return cover


def _ellipse_grain(across_square: Line, height: int, width: int) -> Line:
    """What `_cover` divides by in each column, so that the edge is a pixel wide there.

    With X as the place scaled to a circle of radius b, the slope of b² − y² − X² on the edge is
    2·√(b² − X² + X²·b²/a²); an eighth of that is one 128th of its growth over a pixel.
    """
    whole = height * height
    slopes = (whole - square + square * whole // (width * width) for square in across_square.tolist())
    return np.array([max(1, isqrt(max(0, slope)) >> 2) for slope in slopes], across_square.dtype)


def _shade(inside: Line, reach: int) -> Plane:
    """Coverage that grows, slowly at first, from nothing at -reach to all at 0."""
    part = np.minimum(np.maximum(inside + reach, 0), reach) * FULL // reach
    part *= part
    cover: Plane = (part >> 7).astype(np.int16)
    return cover
