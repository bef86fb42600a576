"""The caption in the lower left corner: what was asked for, and the seed."""

from __future__ import annotations

from imgbuild.providers.placeholder.canvas import UNIT, Canvas
from imgbuild.providers.placeholder.colours import Colour, mix
from imgbuild.providers.placeholder.glyphs import ROWS
from imgbuild.providers.placeholder.lettering import draw_line, measure, plain, wrap
from imgbuild.providers.placeholder.palette import Palette
from imgbuild.types import Request

LEAST_WIDTH, LEAST_HEIGHT = 160, 96  # pixels; below, a caption would hide the picture
LINES = 2  # of the prompt
READ = 400  # letters of a text that are looked at; more never fit


def write_caption(canvas: Canvas, palette: Palette, request: Request) -> None:
    """Prompt, negative prompt and seed on a translucent plate; nothing on a small picture."""
    if canvas.width < LEAST_WIDTH or canvas.height < LEAST_HEIGHT:
        return
    scale = letter_scale(canvas)
    margin = 4 * scale
    lines = caption_lines(request, (canvas.width - 5 * margin) // scale)
    step = (ROWS + 2) * scale
    wide = max(measure(line) for line in lines) * scale + 2 * margin
    tall = len(lines) * step + margin
    left, top = margin, canvas.height - margin - tall
    plate, ink = (palette.ink, palette.paper) if palette.night else (palette.paper, palette.ink)
    _lay_plate(canvas, plate, (left, top), (wide, tall), margin)
    for number, line in enumerate(lines):
        colour = mix(ink, plate, 96) if number == len(lines) - 1 else ink
        cover = draw_line(line, scale)
        canvas.stamp(top + margin - scale // 2 + number * step, left + margin, cover, colour)


def letter_scale(canvas: Canvas) -> int:
    """Pixels a mark of a letter takes: small beside the picture, and readable."""
    return 1 + min(canvas.width, canvas.height) // 768


def caption_lines(request: Request, columns: int) -> list[str]:
    """The lines of the caption, none wider than `columns` marks: the last one names the seed."""
    lines = wrap(plain(request.prompt[:READ]), columns, LINES)
    if request.negative:
        lines += wrap("- " + plain(request.negative[:READ]), columns, 1)
    settings = [f"seed {request.seed}"]
    if "steps" in request.params:
        settings.append(f"{request.params['steps']} steps")
    if "guidance" in request.params:
        settings.append(f"guidance {request.params['guidance']:g}")
    return lines + wrap(plain(" · ".join(settings)), columns, 1)


def _lay_plate(
    canvas: Canvas, colour: Colour, corner: tuple[int, int], size: tuple[int, int], radius: int
) -> None:
    half = (size[0] * UNIT // 2, size[1] * UNIT // 2)
    place = (corner[0] * UNIT + half[0], corner[1] * UNIT + half[1])
    canvas.box(place, half, radius * UNIT, colour, opacity=104)
