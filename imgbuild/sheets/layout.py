"""Where each picture of a sheet stands: rows of equal cells, pictures in their middles. Pure; all in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, sqrt

from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.images import MAX_PIXELS, MAX_SIDE
from imgbuild.types import Sheet

LABEL = 20  # height of the line below a picture that has its name

Size = tuple[int, int]
Box = tuple[int, int, int, int]  # left, top, width, height


class Layout(Struct, frozen=True, kw_only=True):
    """size: of the sheet. boxes: of the pictures, in their order. cells: and of what surrounds each, label included."""

    size: Size
    boxes: tuple[Box, ...]
    cells: tuple[Box, ...]


def lay_out(sheet: Sheet, sizes: Sequence[Size]) -> Layout:
    """Places for pictures of these sizes; one that is larger than its cell is scaled down, none is scaled up.

    Raises TargetError where the sheet would be too large for any file.
    """
    cell = cell_of(sheet) or (max(width for width, _ in sizes), max(height for _, height in sizes))
    columns = min(sheet.columns or _columns(len(sizes), cell), len(sizes))
    rows = ceil(len(sizes) / columns)
    step = cell[0] + sheet.gap, cell[1] + sheet.gap + (LABEL if sheet.labels else 0)
    size = (
        2 * sheet.margin + columns * step[0] - sheet.gap,
        2 * sheet.margin + rows * step[1] - sheet.gap,
    )
    _check(size, len(sizes))
    corners = [
        (sheet.margin + place % columns * step[0], sheet.margin + place // columns * step[1])
        for place in range(len(sizes))
    ]
    cells = [(left, top, cell[0], step[1] - sheet.gap) for left, top in corners]
    boxes = [_centred(corner, cell, _fitted(own, cell)) for corner, own in zip(corners, sizes, strict=True)]
    return Layout(size=size, boxes=tuple(boxes), cells=tuple(cells))


def cell_of(sheet: Sheet) -> Size | None:
    """The size of a cell, where the sheet says it."""
    if not sheet.cell:
        return None
    width, _, height = sheet.cell.partition("x")
    return int(width), int(height)


def _columns(count: int, cell: Size) -> int:
    """As many that the sheet is about square."""
    return max(1, ceil(sqrt(count * cell[1] / cell[0])))


def _fitted(size: Size, cell: Size) -> Size:
    width, height = size
    by = min(Fraction(1), Fraction(cell[0], width), Fraction(cell[1], height))
    return max(1, round(width * by)), max(1, round(height * by))


def _centred(corner: Size, cell: Size, size: Size) -> Box:
    (left, top), (width, height) = corner, size
    return left + (cell[0] - width) // 2, top + (cell[1] - height) // 2, width, height


def _check(size: Size, count: int) -> None:
    width, height = size
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise TargetError(
            f"a sheet of {count:,} pictures would have {width:,}×{height:,} pixels, and"
            f" at most {MAX_SIDE:,} a side and {MAX_PIXELS:,} in all can be written",
            hint="give it a smaller 'cell', or an axis that parts the pictures",
        )
