"""What a picture shows, which pictures there are, and how many of them are drawn at once."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from training.shapes import SHAPES, distances

SIDE = 128
"""Pixels of a picture in each direction."""

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (222, 45, 38),
    "orange": (245, 130, 32),
    "yellow": (250, 210, 40),
    "green": (46, 160, 67),
    "teal": (20, 150, 150),
    "blue": (37, 99, 235),
    "purple": (126, 58, 190),
    "pink": (240, 110, 170),
    "black": (24, 24, 27),
    "white": (250, 250, 250),
}
BACKGROUNDS: dict[str, Colour] = {
    "white": (250, 250, 250),
    "black": (24, 24, 27),
    "gray": (150, 155, 160),
    "cream": (250, 238, 208),
    "navy": (22, 36, 84),
    "mint": (186, 236, 212),
    "pink": (250, 190, 215),
    "yellow": (252, 222, 90),
}
RADII = {"small": 20.0, "medium": 32.0, "large": 46.0, "paired": 25.0}
"""Pixels to the unit of a shape. Of two shapes in one picture, both are `paired`."""

SHIFTS = {"small": 36.0, "medium": 27.0, "large": 15.0, "paired": 30.0}
"""Pixels from the middle of the picture to the middle of a shape that is not in the centre."""

PLACES = {"center": (0, 0), "left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
STYLES = ("flat", "outlined", "striped", "gradient")

STROKE = 4.5
"""Width in pixels of the line around an outlined shape."""

STRIPES = 17.0
"""Pixels from one stripe to the next, along a row."""

LEAST_CONTRAST = 95.0
"""A colour nearer than this to the background (Euclidean, 8-bit RGB) is not drawn on it."""

INK: Colour = (24, 24, 27)
PAPER: Colour = (250, 250, 250)
SHADE: Colour = (185, 190, 195)
GREY: Colour = (150, 155, 160)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One shape of a picture."""

    shape: str
    colour: str
    size: str
    place: str
    style: str


@dataclass(frozen=True, kw_only=True)
class Icon:
    """A background and one or two things on it."""

    background: str
    things: tuple[Thing, ...]


def visible(background: str) -> list[str]:
    """The colours that can be told from a background."""
    ground = np.array(BACKGROUNDS[background])
    return [name for name, c in COLOURS.items() if np.linalg.norm(ground - np.array(c)) > LEAST_CONTRAST]


def invent_one(chance: random.Random) -> Icon:
    """A picture of one shape; the middle, medium and large, and flat come a little more often."""
    background = chance.choice(list(BACKGROUNDS))
    thing = Thing(
        shape=chance.choice(SHAPES),
        colour=chance.choice(visible(background)),
        size=chance.choice(["small", "small", "medium", "medium", "large"]),
        place=chance.choice(["center", "center", *PLACES]),
        style=chance.choice(["flat", *STYLES]),
    )
    return Icon(background=background, things=(thing,))


def invent_two(chance: random.Random) -> Icon:
    """A picture of two flat shapes, side by side or one above the other."""
    background = chance.choice(list(BACKGROUNDS))
    places = chance.choice([("left", "right"), ("left", "right"), ("top", "bottom")])
    things = tuple(
        Thing(
            shape=chance.choice(SHAPES),
            colour=chance.choice(visible(background)),
            size="paired",
            place=place,
            style="flat",
        )
        for place in places
    )
    return Icon(background=background, things=things)


def is_held_out(icon: Icon) -> bool:
    """Whether a combination is kept for judging: one in ten, by its digest, so that it never drifts."""
    text = json.dumps(asdict(icon), sort_keys=True)
    return hashlib.sha256(text.encode()).digest()[0] % 10 == 0


def invent(chance: random.Random, *, pairs: float, held_out: bool = False) -> Icon:
    """A picture from one side of the split; `pairs` is the part that shows two shapes."""
    two = chance.random() < pairs
    while True:
        icon = invent_two(chance) if two else invent_one(chance)
        if is_held_out(icon) == held_out:
            return icon


def to_json(icon: Icon) -> dict[str, object]:
    return asdict(icon)


def from_json(raw: dict) -> Icon:
    return Icon(background=raw["background"], things=tuple(Thing(**thing) for thing in raw["things"]))


def stroke_colour(thing: Thing, background: str) -> Colour:
    """The line around an outlined shape: dark on light, light on dark, grey around white on dark."""
    dark = thing.colour == "black" or background in ("black", "navy")
    if thing.colour == "white" and dark:
        return GREY
    return PAPER if dark else INK


def light_colour(colour: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
    """The second colour of stripes and gradients, (n, 3): a tint, or for white (`white`, (n,) bool) a shade."""
    return torch.where(white[:, None], torch.tensor(SHADE, dtype=torch.float32), colour * 0.45 + 255 * 0.55)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One thing for each of n pictures, ready to be painted; `shown` is 0 where a picture has none.

    Colours are (n, 3) in 0 to 255, `centres` (n, 2) and `radii` (n,) in pixels.
    """

    shapes: torch.Tensor
    styles: torch.Tensor
    colours: torch.Tensor
    lights: torch.Tensor
    strokes: torch.Tensor
    centres: torch.Tensor
    radii: torch.Tensor
    shown: torch.Tensor


def lay(things: Sequence[Thing | None], grounds: Sequence[str], noise: torch.Tensor) -> Layer:
    """Place n things. `noise` (n, 6) in [-1, 1] moves radius (5 %), centre (2 px) and colour (3 levels) a little."""
    some = [
        thing or Thing(shape="circle", colour="red", size="small", place="center", style="flat")
        for thing in things
    ]
    radii = torch.tensor([RADII[t.size] for t in some]) * (1 + 0.05 * noise[:, 0])
    shifts = torch.tensor([SHIFTS[t.size] for t in some])[:, None]
    places = torch.tensor([PLACES[t.place] for t in some], dtype=torch.float32)
    colours = torch.tensor([COLOURS[t.colour] for t in some], dtype=torch.float32) + 3 * noise[:, 3:]
    strokes = [stroke_colour(t, ground) for t, ground in zip(some, grounds, strict=True)]
    return Layer(
        shapes=torch.tensor([SHAPES.index(t.shape) for t in some]),
        styles=torch.tensor([STYLES.index(t.style) for t in some]),
        colours=colours.clamp(0, 255),
        lights=light_colour(colours, torch.tensor([t.colour == "white" for t in some])),
        strokes=torch.tensor(strokes, dtype=torch.float32),
        centres=SIDE / 2 + shifts * places + 2 * noise[:, 1:3],
        radii=radii,
        shown=torch.tensor([float(thing is not None) for thing in things]),
    )


def shading(layer: Layer, side: int, pixel: float) -> torch.Tensor:
    """How much of the light colour each pixel has, (n, side, side) in [0, 1], by the style."""
    axis = (torch.arange(side, dtype=torch.float32) + 0.5) * pixel
    stripes = (torch.sin((axis[None, :] - axis[:, None]) * (2 * torch.pi / STRIPES)) * 3 + 0.5).clamp(0, 1)
    top = layer.centres[:, 1:] - layer.radii[:, None]
    fade = 1 - ((axis[None, :] - top) / (2 * layer.radii[:, None])).clamp(0, 1)
    striped = (layer.styles == STYLES.index("striped")).float()[:, None, None]
    faded = (layer.styles == STYLES.index("gradient")).float()[:, None, None]
    return striped * stripes + faded * fade[:, :, None]


def paint(
    canvas: torch.Tensor,
    layer: Layer,
    pixel: float = 1.0,
    away: torch.Tensor | None = None,
    stroke: float = STROKE,
) -> torch.Tensor:
    """Paint a layer on a canvas, float32 (n, side, side, 3) in 0 to 255; edges are smoothed over one pixel.

    `away` are the layer's distances in samples, (n, side, side), where they are known already.
    """
    side = canvas.shape[1]
    if away is None:
        away = distances(layer.shapes, layer.centres, layer.radii, side, pixel) / pixel
    shown = layer.shown[:, None, None]
    light = shading(layer, side, pixel)[..., None]
    fill = layer.colours[:, None, None] * (1 - light) + layer.lights[:, None, None] * light
    canvas = torch.lerp(canvas, fill, ((0.5 - away).clamp(0, 1) * shown)[..., None])
    outlined = (layer.styles == STYLES.index("outlined")).float()[:, None, None] * shown
    line = (stroke / 2 / pixel + 0.5 - away.abs()).clamp(0, 1) * outlined
    return torch.lerp(canvas, layer.strokes[:, None, None].expand_as(canvas), line[..., None])


def draw(icons: Sequence[Icon], generator: torch.Generator, stroke: float = STROKE) -> np.ndarray:
    """Draw pictures, uint8 (n, 128, 128, 3); the generator only moves places, sizes and colours a little."""
    grounds = [icon.background for icon in icons]
    flat = torch.tensor([BACKGROUNDS[name] for name in grounds], dtype=torch.float32)
    flat = (flat + 3 * noise_of(len(icons), 3, generator)).clamp(0, 255)
    canvas = flat[:, None, None].expand(-1, SIDE, SIDE, -1)
    for k in range(2):
        things = [icon.things[k] if k < len(icon.things) else None for icon in icons]
        noise = noise_of(len(icons), 6, generator)
        if any(things):
            canvas = paint(canvas, lay(things, grounds, noise), stroke=stroke)
    return (canvas + 0.5).clamp(0, 255).to(torch.uint8).numpy()


def noise_of(rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(rows, columns, generator=generator) * 2 - 1


def restyle(icon: Icon, style: str) -> Icon:
    """The same picture with every thing in one style."""
    return replace(icon, things=tuple(replace(thing, style=style) for thing in icon.things))
