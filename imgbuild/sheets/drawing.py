"""Draws a sheet, one picture after the other: only the sheet itself and one of them are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image as pillow
from PIL import ImageDraw, ImageFont

from imgbuild.colours import RGBA, rgba_of
from imgbuild.images import decode, has_alpha, normal, open_header
from imgbuild.sheets.layout import LABEL, Box, Layout, Size, lay_out
from imgbuild.types import Sheet

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_LETTERS = 12  # pixels


class Piece(NamedTuple):
    """A picture of a sheet. name: as labels show it. read: gives its bytes."""

    name: str
    read: Callable[[], bytes]


def draw_sheet(sheet: Sheet, pieces: Sequence[Piece]) -> tuple[PILImage, Layout]:
    """The sheet, RGBA, or RGB on a ground that is not transparent; and where each picture stands on it.

    Raises TargetError.
    """
    sizes = [open_header(piece.read(), piece.name).size for piece in pieces]
    drawn = _drawn(sheet, pieces, sizes)
    if drawn is None:  # a header is of a picture that is shown turned
        drawn = _drawn(sheet, pieces, [decode(piece.read(), piece.name).size for piece in pieces])
    assert drawn is not None
    return drawn


def _drawn(sheet: Sheet, pieces: Sequence[Piece], sizes: Sequence[Size]) -> tuple[PILImage, Layout] | None:
    """The sheet; None where a picture turns out to have another size."""
    layout, ground = lay_out(sheet, sizes), rgba_of(sheet.background)
    whole = pillow.new("RGBA", layout.size, ground)
    for piece, size, box in zip(pieces, sizes, layout.boxes, strict=True):
        picture = normal(decode(piece.read(), piece.name), piece.name)
        if picture.size != size:
            return None
        _lay(whole, picture, box)
    if sheet.labels:
        _label(whole, [piece.name for piece in pieces], layout.cells, _ink(ground))
    return (whole.convert("RGB") if ground[3] == 255 else whole), layout


def _lay(whole: PILImage, picture: PILImage, box: Box) -> None:
    left, top, width, height = box
    if picture.size != (width, height):  # premultiplied, so that what is transparent lends no colour
        mode = "RGBa" if has_alpha(picture) else "RGB"
        small = picture.convert("RGBA").convert(mode) if mode == "RGBa" else picture.convert(mode)
        picture = small.resize((width, height), pillow.Resampling.LANCZOS)
    whole.alpha_composite(picture.convert("RGBA"), (left, top))


def _label(whole: PILImage, names: Sequence[str], cells: Sequence[Box], ink: RGBA) -> None:
    """Write each name in the line below its picture, cut where the cell ends."""
    font = ImageFont.load_default(_LETTERS)  # laid out by Pillow itself, the same everywhere
    draw = ImageDraw.Draw(whole)
    for name, (left, top, width, height) in zip(names, cells, strict=True):
        shown = _cut(name, width, font.getlength)
        at = left + (width - font.getlength(shown)) // 2, top + height - LABEL / 2
        draw.text(at, shown, font=font, fill=ink, anchor="lm")


def _cut(name: str, width: int, length: Callable[[str], float]) -> str:
    if length(name) <= width:
        return name
    kept = next((end for end in range(len(name) - 1, 0, -1) if length(f"{name[:end]}…") <= width), 0)
    return f"{name[:kept]}…" if kept else ""


def _ink(ground: RGBA) -> RGBA:
    """Black on light grounds and on none, white on dark ones (by the luma of BT.601)."""
    red, green, blue, alpha = ground
    is_dark = alpha > 127 and 299 * red + 587 * green + 114 * blue < 127_500
    return (255, 255, 255, 255) if is_dark else (0, 0, 0, 255)
