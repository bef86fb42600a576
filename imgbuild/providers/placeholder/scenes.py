"""The compositions: each draws one family of abstract pictures from a palette and from draws of the seed.

detail, from 1 to 10, follows the steps. A scene's first draws decide its layout, so that more detail adds to it.
"""

from __future__ import annotations

from collections.abc import Callable

from imgbuild.providers.placeholder.canvas import Canvas
from imgbuild.providers.placeholder.colours import Colour, mix
from imgbuild.providers.placeholder.dice import Dice
from imgbuild.providers.placeholder.ornaments import draw_dots, draw_stripes
from imgbuild.providers.placeholder.palette import Palette
from imgbuild.providers.placeholder.products import draw_product
from imgbuild.providers.placeholder.ridges import draw_ridge
from imgbuild.providers.placeholder.tiles import draw_tiles

Scene = Callable[[Canvas, Palette, Dice, int], None]


def draw_hills(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Ridge behind ridge in the haze, and a low sun."""
    canvas.fill(palette.sky, mix(palette.earth, palette.accent, 70))
    _draw_sun(canvas, palette, dice)
    layers = 3 + (detail + 1) // 3
    first = dice.between(430, 560)
    for layer in range(layers):
        base = canvas.y(first + (940 - first) * layer // (layers - 1))
        swing = canvas.length(dice.between(70, 150) * (12 - layer) // 12)
        ridge = draw_ridge(dice, canvas.width, base, swing, dice.between(2, 5), 6)
        colour = palette.ramp(256 * (layer + 1) // layers)
        canvas.below(ridge, colour, mix(colour, palette.earth, 100))


def draw_waves(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Sheets of cut paper with wavy edges, each throwing a shadow on the one behind."""
    canvas.fill(palette.sky, palette.earth)
    colours = (palette.light, palette.accent, palette.main, palette.deep)
    layers = 3 + (detail >= 4) + (detail >= 7) + (detail >= 9)
    turn, first = dice.below(3), dice.between(250, 420)
    shadow = canvas.length(36) if canvas.fine else 0
    if dice.below(2):
        _draw_sun(canvas, palette, dice)
    for layer in range(layers):
        base = canvas.y(first + (930 - first) * layer // (layers - 1))
        ridge = draw_ridge(
            dice, canvas.width, base, canvas.length(dice.between(90, 170)), dice.between(2, 5), 0
        )
        colour = palette.deep if layer == layers - 1 else colours[(turn + layer) % len(colours)]
        canvas.below(ridge, colour, mix(colour, palette.ink, 30), shadow)


def draw_discs(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Large discs laid over each other like transparent inks, a ring, a field of dots."""
    canvas.fill(palette.sky, palette.earth)
    _draw_ornament(canvas, palette, dice, detail)
    centre = (canvas.x(dice.between(400, 624)), canvas.y(dice.between(400, 580)))
    ways = dice.pick((((-3, -2), (3, -1), (0, 3)), ((-3, 2), (2, 3), (1, -3)), ((-4, 0), (4, 1), (0, -2))))
    inks = ((palette.main, 118), (palette.accent, 108), (palette.deep, 104))
    for (across, down), (colour, opacity) in zip(ways, inks, strict=True):
        step, radius = canvas.length(dice.between(34, 56)), canvas.length(dice.between(170, 300))
        place = (centre[0] + across * step, centre[1] + down * step)
        canvas.disc(place, radius, mix(colour, palette.sky, 44), colour, opacity)
    where = (
        centre[0] + canvas.length(dice.between(-260, 260)),
        centre[1] + canvas.length(dice.between(-200, 200)),
    )
    canvas.ring(where, canvas.length(dice.between(120, 330)), canvas.length(5), palette.ink, 110)


def draw_bands(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Slanting sheets of colour, each with a soft shadow on the one below, and one disc."""
    canvas.fill(palette.sky, palette.earth)
    slope = dice.pick(((240, 88), (221, 128), (181, 181), (240, -88), (181, -181), (128, 221)))
    corners = [x * slope[0] + y * slope[1] >> 8 for x in (0, canvas.x(1024)) for y in (0, canvas.y(1024))]
    low, span = min(corners), max(corners) - min(corners)
    turn, start, count = dice.below(3), dice.between(180, 340), 3 + (detail >= 4) + (detail >= 8)
    _draw_ornament(canvas, palette, dice, detail)
    colours = (palette.light, palette.main, palette.accent)
    widths = [dice.between(4, 12) for _ in range(count)]
    for band in range(count):
        edge = start + (880 - start) * sum(widths[:band]) // sum(widths)
        colour = palette.deep if band == count - 1 else colours[(turn + band) % 3]
        canvas.beyond(slope, low + (span * edge >> 10), colour, canvas.length(44) if canvas.fine else 0)
    place = (canvas.x(dice.between(240, 784)), canvas.y(dice.between(280, 640)))
    _draw_ball(
        canvas,
        palette,
        place,
        canvas.length(dice.between(130, 210)),
        dice.pick((palette.accent, palette.sky)),
    )


def draw_arcs(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Rainbows of concentric bands around a point at the edge, and a smaller one against them."""
    canvas.fill(palette.sky, palette.earth)
    _draw_ornament(canvas, palette, dice, detail)
    corner, radius = dice.below(4), dice.between(640, 860)
    bands = 4 + detail // 3
    colours = (palette.deep, palette.light, palette.main, palette.sky, palette.accent)
    centre = (canvas.x(1024) * (corner & 1), canvas.y(1024))
    if corner >= 2:
        centre, radius = (canvas.x(dice.between(400, 624)), canvas.y(1024)), radius * 3 // 4
    _draw_rainbow(canvas, centre, canvas.length(radius), bands, colours)
    across = dice.between(160, 330)
    other = (
        canvas.x(across if centre[0] > canvas.x(512) else 1024 - across),
        canvas.y(dice.between(200, 330)),
    )
    _draw_ball(canvas, palette, other, canvas.length(dice.between(80, 140)), palette.accent)


def draw_arches(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Arches within arches, standing on the lower edge, with a sun in or above them."""
    canvas.fill(palette.sky, palette.earth)
    _draw_ornament(canvas, palette, dice, detail)
    colours = [palette.light, palette.main, palette.sky, palette.accent, palette.deep, palette.earth]
    count = 3 + detail // 4
    turn, middle, half = dice.below(3), dice.between(380, 644), dice.between(300, 390)
    top, thin = dice.between(150, 260), dice.between(44, 70)
    for arch in range(count):
        wide = canvas.length(max(24, half - arch * thin))
        upper = canvas.y(top) + canvas.length(arch * thin)
        tall = (canvas.y(1024) - upper) // 2 + wide
        colour = colours[(turn + arch) % len(colours)]
        canvas.box(
            (canvas.x(middle), upper + tall), (wide, tall), wide, colour, mix(colour, palette.deep, 40)
        )
    inner = canvas.length(max(72, (half - count * thin) * 3 // 4))
    place = (canvas.x(middle), canvas.y(dice.between(520, 700)))
    _draw_ball(canvas, palette, place, inner, dice.pick((palette.accent, palette.sky, palette.main)))


def draw_mosaic(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """Square tiles with quarter discs, leaves and dots."""
    across = 3 + dice.below(2) + (detail >= 7)
    draw_tiles(canvas, palette, dice, across)


def draw_stage(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """A product on a plinth before a wall, lit from above, with a soft shadow."""
    canvas.fill(palette.sky, palette.earth)
    middle, floor = dice.between(450, 574), dice.between(660, 760)
    if detail >= 3:
        _draw_backdrop(canvas, palette, dice, canvas.x(middle), canvas.y(floor))
    canvas.fill(
        mix(palette.earth, palette.light, 110), mix(palette.earth, palette.sky, 128), canvas.y(floor) >> 4
    )
    draw_product(canvas, palette, dice, canvas.x(middle), canvas.y(floor))


def _draw_backdrop(canvas: Canvas, palette: Palette, dice: Dice, middle: int, floor: int) -> None:
    """What stands behind the product: a sun, an arch, or light alone."""
    kind, size = dice.below(3), canvas.length(dice.between(270, 340))
    light = mix(palette.light, palette.sky, 60)
    if kind == 0:
        canvas.disc((middle, floor - size), size, light, mix(light, palette.earth, 90))
    elif kind == 1:
        canvas.box((middle, floor), (size * 7 >> 3, size * 2), size, light, mix(light, palette.earth, 90))
    elif canvas.fine:
        canvas.glow((middle, floor - size), (size * 2, size * 2), mix(palette.light, palette.paper, 60), 112)


def _draw_sun(canvas: Canvas, palette: Palette, dice: Dice) -> None:
    place = (canvas.x(dice.between(200, 824)), canvas.y(dice.between(190, 400)))
    radius = canvas.length(dice.between(76, 150))
    if canvas.fine:
        canvas.glow(place, (radius * 3, radius * 3), mix(palette.accent, palette.paper, 120), 80)
    canvas.disc(place, radius, mix(palette.accent, palette.paper, 90), palette.accent)


def _draw_ball(canvas: Canvas, palette: Palette, place: tuple[int, int], radius: int, colour: Colour) -> None:
    """A disc with light on its upper side and a shadow under it."""
    if canvas.fine:
        canvas.glow((place[0], place[1] + radius // 4), (radius * 5 // 4, radius * 5 // 4), palette.ink, 60)
    canvas.disc(place, radius, mix(colour, palette.paper, 70), mix(colour, palette.deep, 40))


def _draw_rainbow(
    canvas: Canvas, centre: tuple[int, int], radius: int, bands: int, colours: tuple[Colour, ...]
) -> None:
    for band in range(bands):
        colour = colours[band % len(colours)]
        canvas.disc(centre, radius * (bands - band) // bands, colour, mix(colour, colours[0], 24))


def _draw_ornament(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """A field of dots or fine lines in one part of the ground; left out where nobody could see it."""
    place = (canvas.x(dice.between(60, 620)), canvas.y(dice.between(50, 360)))
    kind, pitch = dice.below(3), max(6, (canvas.side >> 4) * 30 >> 10)
    count = 4 + detail
    if not canvas.fine:
        return
    if kind < 2:
        draw_dots(canvas, place, (count + 2, count - 1), pitch, palette.deep)
    else:
        draw_stripes(canvas, place, (count + 4, count), pitch, palette.deep)


SCENES: tuple[Scene, ...] = (
    draw_hills,
    draw_waves,
    draw_discs,
    draw_bands,
    draw_arcs,
    draw_arches,
    draw_mosaic,
    draw_stage,
)


def draw_scene(canvas: Canvas, palette: Palette, dice: Dice, detail: int) -> None:
    """One of the scenes, as the dice will have it."""
    dice.pick(SCENES)(canvas, palette, dice, detail)
