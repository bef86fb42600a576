"""Simple still lifes for the stage: a plinth, and on it a bottle, a ball, a vase, a mug or a box."""

from __future__ import annotations

from imgbuild.providers.placeholder.canvas import UNIT, Canvas
from imgbuild.providers.placeholder.colours import Colour, mix
from imgbuild.providers.placeholder.dice import Dice
from imgbuild.providers.placeholder.palette import Palette


def draw_product(canvas: Canvas, palette: Palette, dice: Dice, middle: int, floor: int) -> None:
    """A plinth on the floor line and a product on it."""
    wide, tall = canvas.length(dice.between(180, 250)), canvas.length(dice.between(26, 70))
    foot = floor + canvas.length(dice.between(80, 130))
    if canvas.fine:
        canvas.glow((middle + wide // 4, foot), (wide * 7 >> 2, canvas.length(70)), palette.ink, 96)
    _draw_plinth(canvas, palette, middle, foot, wide, tall)
    kind, size = dice.below(5), canvas.length(dice.between(130, 175))
    top = foot - 2 * tall
    if canvas.fine:
        canvas.glow((middle + size // 5, top), (size * 5 >> 2, canvas.length(26)), palette.ink, 104)
    PRODUCTS[kind](canvas, palette, middle, top, size)


def _draw_plinth(canvas: Canvas, palette: Palette, middle: int, foot: int, wide: int, tall: int) -> None:
    light, dark = mix(palette.light, palette.paper, 110), mix(palette.light, palette.deep, 84)
    if canvas.fine:
        _draw_cylinder(canvas, (middle, foot), (wide, tall), light, dark, mix(light, palette.paper, 130))
    else:
        canvas.box((middle, foot - tall), (wide, tall), UNIT, mix(light, dark, 90))


def _draw_cylinder(
    canvas: Canvas, foot: tuple[int, int], half: tuple[int, int], light: Colour, dark: Colour, lid: Colour
) -> None:
    """A round body lit from the left, standing on `foot`, and its upper face in the colour `lid`."""
    middle, bottom = foot
    wide, tall = half
    flat = wide >> 3
    if canvas.fine:
        canvas.ellipse((middle, bottom), (wide, flat), light, dark)
    canvas.box((middle, bottom - tall), half, UNIT, light, dark, across=True)
    canvas.ellipse((middle, bottom - 2 * tall), (wide, flat), lid)


def _draw_solid(
    canvas: Canvas,
    place: tuple[int, int],
    half: tuple[int, int],
    corner: int,
    colour: Colour,
    palette: Palette,
) -> None:
    """A rounded body lit from the left: light edge, colour, dark edge."""
    light, dark = mix(colour, palette.paper, 84), mix(colour, palette.ink, 96)
    canvas.box(place, half, corner, light, dark, across=True)
    if canvas.fine:
        slit = (max(8, half[0] >> 4), half[1] * 9 >> 4)
        canvas.box((place[0] - (half[0] * 5 >> 3), place[1]), slit, slit[0], palette.paper, opacity=60)


def draw_bottle(canvas: Canvas, palette: Palette, middle: int, foot: int, size: int) -> None:
    half, tall = size * 9 >> 4, size
    _draw_solid(
        canvas, (middle, foot - tall * 9 // 4), (half * 3 >> 3, tall >> 1), half >> 3, palette.main, palette
    )
    _draw_solid(canvas, (middle, foot - tall), (half, tall), half >> 1, palette.main, palette)
    _draw_solid(
        canvas, (middle, foot - tall * 11 // 4), (half >> 1, tall >> 2), half >> 3, palette.deep, palette
    )
    label = (half * 14 >> 4, tall * 6 >> 4)
    canvas.box((middle, foot - tall * 14 // 16), label, half >> 3, palette.paper, palette.light, across=True)
    if canvas.fine:
        canvas.box((middle, foot - tall), (half >> 1, tall >> 4), tall >> 4, palette.accent)


def draw_sphere(canvas: Canvas, palette: Palette, middle: int, foot: int, size: int) -> None:
    radius = size * 5 >> 2
    place = (middle, foot - radius)
    canvas.disc(place, radius, mix(palette.main, palette.paper, 60), mix(palette.main, palette.ink, 110))
    if canvas.fine:
        shine = (middle - radius // 3, foot - radius * 4 // 3)
        canvas.glow(shine, (radius * 3 >> 2, radius * 3 >> 2), palette.paper, 100)


def draw_vase(canvas: Canvas, palette: Palette, middle: int, foot: int, size: int) -> None:
    stem, rim = max(8, size >> 5), foot - size * 7 // 4
    for across, up, blossom in ((-6, 13, palette.accent), (6, 20, palette.light), (0, 30, palette.accent)):
        place = (middle + (size * across >> 4), rim - (size * up >> 4))
        canvas.box((place[0], (place[1] + rim) // 2), (stem, (rim - place[1]) // 2), stem, palette.deep)
        canvas.disc(place, size * 5 >> 4, mix(blossom, palette.paper, 60), blossom)
    _draw_solid(
        canvas, (middle, foot - size * 7 // 4), (size * 10 >> 4, size >> 2), size >> 4, palette.main, palette
    )
    _draw_solid(
        canvas, (middle, foot - size * 7 // 8), (size, size * 7 >> 3), size * 7 >> 3, palette.main, palette
    )


def draw_mug(canvas: Canvas, palette: Palette, middle: int, foot: int, size: int) -> None:
    tall = size * 18 >> 4
    light, dark = mix(palette.main, palette.paper, 84), mix(palette.main, palette.ink, 96)
    canvas.ring((middle + size, foot - tall), size >> 1, size >> 3, dark)
    _draw_cylinder(canvas, (middle, foot), (size, tall), light, dark, mix(palette.main, palette.ink, 120))
    canvas.disc(
        (middle, foot - tall * 7 // 8), size * 6 >> 4, palette.accent, mix(palette.accent, palette.ink, 50)
    )


def draw_carton(canvas: Canvas, palette: Palette, middle: int, foot: int, size: int) -> None:
    tall, side = size * 22 >> 4, size >> 1
    front = (middle - side // 2, foot - tall)
    canvas.box(
        (middle + size * 3 // 4, foot - tall), (side * 3 >> 2, tall), 8, mix(palette.main, palette.ink, 100)
    )
    canvas.box(front, (size * 7 >> 3, tall), 8, mix(palette.main, palette.paper, 40), palette.main)
    canvas.disc((front[0], front[1] - size // 4), size >> 1, palette.accent)
    canvas.box((front[0], front[1] + size * 3 // 4), (size >> 1, size >> 4), size >> 4, palette.paper)


PRODUCTS = (draw_bottle, draw_sphere, draw_vase, draw_mug, draw_carton)
