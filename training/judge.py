"""A judge that learns nothing: it fits icons to a picture and takes the one that comes nearest.

The background is the palette's colour nearest to the border. What differs from it has a bounding box, and the box gives
each shape its centre and radius. Every shape × style × colour is then drawn there and compared with the picture, pixel
by pixel. Size and place follow from the fit that won. On fresh drawings the judge's own accuracy is measured the same
way (`evaluate.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch

from training.icons import (
    BACKGROUNDS,
    COLOURS,
    PLACES,
    RADII,
    SHIFTS,
    SIDE,
    STROKE,
    STYLES,
    Icon,
    Layer,
    Thing,
    lay,
    paint,
)
from training.shapes import SHAPES, distances, extents

SEEN = 40.0
"""A pixel belongs to a shape where some channel differs from the background by more than this (of 255)."""

LEAST = 8
"""Pixels that a shape must measure at least in each direction."""

PIXEL = 2
"""Fits are compared at half the resolution."""

Box = tuple[int, int, int, int]
WHOLE: Box = (0, 0, SIDE, SIDE)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge sees in a part of a picture; `error` is the mean absolute difference of the fit, 0 to 255."""

    thing: Thing | None
    error: float


def ground(pixels: np.ndarray) -> np.ndarray:
    """The median colour of a border of three pixels, float32 (3,), of a picture (128, 128, 3)."""
    rows = np.concatenate([pixels[:3], pixels[-3:]]).reshape(-1, 3)
    columns = np.concatenate([pixels[:, :3], pixels[:, -3:]], 1).reshape(-1, 3)
    return np.median(np.concatenate([rows, columns]), 0).astype(np.float32)


def name_ground(colour: np.ndarray) -> str:
    """The background whose colour is nearest."""
    return min(BACKGROUNDS, key=lambda name: float(np.linalg.norm(np.array(BACKGROUNDS[name]) - colour)))


def without_specks(seen: np.ndarray) -> np.ndarray:
    """A mask, bool (h, w), without the pixels that have fewer than two neighbours (of eight) in it."""
    padded = np.pad(seen.astype(np.uint8), 1)
    high, wide = seen.shape
    around = sum(padded[y : y + high, x : x + wide] for y in range(3) for x in range(3))
    return seen & (around >= 3)


def bounds(pixels: np.ndarray, colour: np.ndarray, box: Box) -> Box | None:
    """The bounding box of what is not background in a part of a picture, in pixels; none where there is too little."""
    left, top, right, bottom = box
    differs = without_specks((np.abs(pixels.astype(np.float32) - colour) > SEEN).any(-1))[
        top:bottom, left:right
    ]
    columns, rows = np.nonzero(differs.sum(0) >= 2)[0], np.nonzero(differs.sum(1) >= 2)[0]
    if len(columns) < LEAST or len(rows) < LEAST:
        return None
    edges = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
    return tuple(int(edge) for edge in edges)


@cache
def candidates() -> tuple[Thing, ...]:
    """Every shape in every style and colour; size and place are found by the fit."""
    return tuple(
        Thing(shape=shape, colour=colour, size="medium", place="center", style=style)
        for shape in SHAPES
        for style in STYLES
        for colour in COLOURS
    )


@cache
def layer_of(background: str, flat: bool) -> tuple[tuple[Thing, ...], Layer]:
    """The candidates that a background allows, and their layer before it is placed."""
    things = tuple(thing for thing in candidates() if not flat or thing.style == "flat")
    return things, lay(things, [background] * len(things), torch.zeros(len(things), 6))


def place(layer: Layer, box: Box) -> Layer:
    """The layer with every shape's centre and radius so that its bounding box is `box`."""
    sizes = torch.from_numpy(extents())[layer.shapes]
    wide, high = sizes[:, 2] - sizes[:, 0], sizes[:, 3] - sizes[:, 1]
    stroke = torch.where(layer.styles == STYLES.index("outlined"), STROKE, 0.0)
    radii = ((box[2] - box[0] - stroke) / wide + (box[3] - box[1] - stroke) / high) / 2
    middle = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], dtype=torch.float32)
    inner = torch.stack([sizes[:, 0] + sizes[:, 2], sizes[:, 1] + sizes[:, 3]], 1) / 2
    return replace(layer, radii=radii.clamp(min=4), centres=middle - inner * radii[:, None])


def distances_of(placed: Layer) -> torch.Tensor:
    """The distances of all candidates in samples, computed once for those that differ in colour only."""
    every = len(COLOURS)
    once = distances(
        placed.shapes[::every], placed.centres[::every], placed.radii[::every], SIDE // PIXEL, PIXEL
    )
    return (once / PIXEL).repeat_interleave(every, 0)


def shrink(pixels: np.ndarray) -> torch.Tensor:
    """A picture at half the resolution, float32 (64, 64, 3) in 0 to 255."""
    values = torch.from_numpy(pixels.astype(np.float32))
    return values.view(SIDE // PIXEL, PIXEL, SIDE // PIXEL, PIXEL, 3).mean((1, 3))


def name_size(radius: float) -> str:
    return min(("small", "medium", "large"), key=lambda name: abs(RADII[name] - radius))


def name_place(centre: Sequence[float], size: str) -> str:
    """The place whose middle is nearest to a centre, for a shape of that size."""
    offset = (np.array(centre) - SIDE / 2) / SHIFTS[size]
    return min(PLACES, key=lambda name: float(np.linalg.norm(offset - np.array(PLACES[name]))))


def look(pixels: np.ndarray, background: str, box: Box = WHOLE, *, flat: bool = False) -> Verdict:
    """The thing in a part of a picture, uint8 (128, 128, 3). `flat` looks for flat shapes only, as pairs are."""
    colour = ground(pixels)
    found = bounds(pixels, colour, box)
    if found is None:
        return Verdict(thing=None, error=255.0)
    things, layer = layer_of(background, flat)
    placed = place(layer, found)
    left, top, right, bottom = (edge // PIXEL for edge in box)
    canvas = torch.from_numpy(colour).expand(len(things), SIDE // PIXEL, SIDE // PIXEL, 3)
    drawn = paint(canvas, placed, PIXEL, distances_of(placed))[:, top:bottom, left:right]
    errors = (drawn - shrink(pixels)[top:bottom, left:right]).abs().mean((1, 2, 3))
    best = int(errors.argmin())
    size = name_size(float(placed.radii[best]))
    where = name_place(placed.centres[best].tolist(), size)
    return Verdict(thing=replace(things[best], size=size, place=where), error=float(errors[best]))


def halves(icon: Icon) -> list[Box]:
    """The part of a picture that each thing of an icon is expected in."""
    if len(icon.things) == 1:
        return [WHOLE]
    if icon.things[0].place == "left":
        return [(0, 0, SIDE // 2, SIDE), (SIDE // 2, 0, SIDE, SIDE)]
    return [(0, 0, SIDE, SIDE // 2), (0, SIDE // 2, SIDE, SIDE)]


def judge(pixels: np.ndarray, icon: Icon) -> dict[str, bool]:
    """Which attributes of an icon a picture shows, uint8 (128, 128, 3).

    One thing: background, colour, shape, size, place, style. Two: background, and of each colour and shape.
    """
    seen = name_ground(ground(pixels))
    right = {"background": seen == icon.background}
    pair = len(icon.things) == 2
    for number, (thing, box) in enumerate(zip(icon.things, halves(icon), strict=True), 1):
        found = look(pixels, seen, box, flat=pair).thing
        for name in ("colour", "shape") if pair else ("colour", "shape", "size", "place", "style"):
            key = f"{name} {number}" if pair else name
            right[key] = found is not None and getattr(found, name) == getattr(thing, name)
    return right
