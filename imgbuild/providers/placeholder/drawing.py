"""From a request to its picture: palette, scene, pictures given, caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as pillow

from imgbuild.digest import digest_of
from imgbuild.providers.placeholder.canvas import Canvas
from imgbuild.providers.placeholder.caption import write_caption
from imgbuild.providers.placeholder.dice import Dice
from imgbuild.providers.placeholder.guides import draw_edges, draw_insets, lay_over, protect
from imgbuild.providers.placeholder.palette import choose_palette
from imgbuild.providers.placeholder.scenes import draw_scene
from imgbuild.types import Request, Value

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

STEPS = 30  # where a request names none


def draw(request: Request) -> PILImage:
    """The picture of a request, RGB, of the size asked for."""
    canvas = Canvas(request.width, request.height)
    guidance = request.params.get("guidance")
    palette = choose_palette(
        request.prompt,
        request.negative,
        None if guidance is None else int(guidance * 100),
        _identity(request),
    )
    layout = Dice(f"{request.seed} {request.pin.source}")
    detail = _detail(request.params)
    draw_scene(canvas, palette, layout, detail if canvas.fine else min(detail, 5))
    if not request.inputs:
        write_caption(canvas, palette, request)
        return _picture(canvas)
    lay_over(canvas, request.inputs, _strength(request.params))
    draw_edges(canvas, request.inputs.get("control", ()), palette.ink)
    draw_insets(canvas, request.inputs, palette.paper)
    write_caption(canvas, palette, request)
    protect(canvas, request.inputs, palette.earth)
    return _picture(canvas)


def _identity(request: Request) -> str:
    """All of the request but its pictures: what differs in anything differs in a shade at least."""
    return digest_of(
        "placeholder/1",
        {
            "source": request.pin.source,
            "revision": request.pin.revision,
            "prompt": request.prompt,
            "negative": request.negative,
            "seed": request.seed,
            "params": request.params,
        },
    )


def _detail(params: Mapping[str, Value]) -> int:
    """From 1, at one step, to 10, at a thousand: each doubling of the steps counts one."""
    return min(10, int(params.get("steps", STEPS)).bit_length())


def _strength(params: Mapping[str, Value]) -> int:
    """How much of an input picture is painted over, in 256ths."""
    return int(params.get("strength", 0.6) * 256 + 0.5)


def _picture(canvas: Canvas) -> PILImage:
    pixels = np.empty((canvas.height, canvas.width, 3), np.uint8)
    for channel in range(3):
        pixels[:, :, channel] = canvas.pixels[channel]
    return pillow.frombuffer("RGB", (canvas.width, canvas.height), pixels.tobytes(), "raw", "RGB", 0, 1)
