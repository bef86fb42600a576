"""Plain text tables for `plan`, `ls`, `cost` and `check`: for pipes and for terminals of any width."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from imgbuild.columns import columns
from imgbuild.report.text import printable, shorten

_GAP = "  "


def render_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    *,
    right: Collection[int] = frozenset(),
) -> str:
    """Headers and rows in aligned columns, without a last newline.

    width: of the terminal; long cells lose their middle until lines fit. None (a pipe) cuts nothing.
    right: columns of figures, aligned right and never cut, since a cut figure would be a wrong one.
    """
    cells = [[printable(cell) for cell in row] for row in (headers, *rows)]
    natural = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    widths = natural if width is None else _shrink(natural, width, right)
    return "\n".join(_line(row, widths, right) for row in cells)


def _shrink(natural: Sequence[int], width: int, right: Collection[int]) -> list[int]:
    """Cut the widest text columns down to a common limit, the largest with which a line fits."""
    fixed = sum(natural[index] for index in right) + len(_GAP) * (len(natural) - 1)
    text = sorted(size for index, size in enumerate(natural) if index not in right)
    room = max(width - fixed, len(text))
    limit = _level(text, room)
    return [size if index in right else min(size, limit) for index, size in enumerate(natural)]


def _level(sizes: Sequence[int], room: int) -> int:
    """The largest limit with sum(min(size, limit)) ≤ room, for ascending sizes."""
    for index, size in enumerate(sizes):
        share = room // (len(sizes) - index)
        if size > share:
            return share
        room -= size
    return max(sizes, default=0)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    cells = (_cell(cell, widths[index], index in right) for index, cell in enumerate(row))
    return _GAP.join(cells).rstrip()


def _cell(cell: str, width: int, flush_right: bool) -> str:
    if cell.isascii() and len(cell) <= width:
        return cell.rjust(width) if flush_right else cell.ljust(width)
    cell = shorten(cell, width)
    padding = " " * (width - columns(cell))
    return padding + cell if flush_right else cell + padding
