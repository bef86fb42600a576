"""The pictures that come with a request: under the scene, protecting parts of it, or shown in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow

from imgbuild.images import has_alpha
from imgbuild.providers.placeholder.canvas import FULL, UNIT, Canvas, Plane, solid
from imgbuild.providers.placeholder.colours import Colour

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Given = Mapping[str, Sequence["PILImage"]]
INSETS = 4  # more would hide the scene


def lay_over(canvas: Canvas, given: Given, strength: int) -> None:
    """Paint over the input image with `strength` 256ths of the scene, instead of on nothing."""
    if images := given.get("image"):
        under = read_colours(images[0], canvas.width, canvas.height)
        _keep(canvas, under, np.full((1, 1), strength, np.int32))


def protect(canvas: Canvas, given: Given, ground: Colour) -> None:
    """Put the input image back where the mask is dark; without an input image, the ground."""
    masks, images = given.get("mask"), given.get("image")
    if masks:
        under = read_colours(images[0], canvas.width, canvas.height) if images else solid(ground)
        light = read_mask(masks, canvas.width, canvas.height)
        _keep(canvas, under, light + (light >> 7))


def _keep(canvas: Canvas, under: Plane, amount: NDArray[np.int32]) -> None:
    """Leave `amount` 256ths of what is drawn over `under`."""
    change = (canvas.pixels - under).astype(np.int32)
    change *= amount
    change >>= 8
    canvas.pixels[:] = under + change


def read_mask(masks: Sequence[PILImage], width: int, height: int) -> NDArray[np.int32]:
    """Where anything new may be drawn, 0 to 255: the lightest of all masks."""
    planes = [_luma(read_colours(mask, width, height)) for mask in masks]
    light: NDArray[np.int32] = np.maximum.reduce(planes)
    return light


def draw_edges(canvas: Canvas, controls: Sequence[PILImage], colour: Colour) -> None:
    """The outlines of each control image as lines over the scene."""
    for control in controls:
        light = _luma(read_colours(control, canvas.width, canvas.height))
        cover = np.zeros_like(light)
        cover[:, 1:] = np.abs(light[:, 1:] - light[:, :-1])
        cover[1:] = np.maximum(cover[1:], np.abs(light[1:] - light[:-1]))
        canvas.stamp(0, 0, np.minimum(cover * 4, FULL).astype(np.int16), colour)


def draw_insets(canvas: Canvas, given: Given, frame: Colour) -> None:
    """References, and input images after the first, as small framed pictures down the right edge."""
    pictures = [*given.get("reference", ()), *given.get("image", ())[1:]]
    size = max(2, min(canvas.width, canvas.height) // 5)
    gap = size // 6
    for number, picture in enumerate(pictures[:INSETS]):
        left, top = canvas.width - gap - size, gap + number * (size + gap)
        half = size * UNIT // 2
        border = max(UNIT, half // 12)
        place = (left * UNIT + half, top * UNIT + half)
        canvas.box(place, (half + border, half + border), border, frame)
        room = canvas.pixels[:, top : top + size, left : left + size]
        room[:] = read_colours(picture, size, size)[:, : room.shape[1], : room.shape[2]]


def read_colours(picture: PILImage, width: int, height: int) -> Plane:
    """The picture, cut around its middle to fill this size: 3 × height × width. Transparency is laid on white."""
    pixels = np.asarray(_simple(picture))
    rows, columns = _cut(pixels.shape[0], pixels.shape[1], height, width)
    pixels = pixels[rows, columns]
    if pixels.shape[2] == 4:
        opaque = pixels[:, :, 3:].astype(np.int32)
        pixels = ((pixels[:, :, :3] * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)
    upright = _resize(pixels, height).transpose(1, 0, 2)
    return np.ascontiguousarray(_resize(upright, width).transpose(2, 1, 0)).astype(np.int16)


def _simple(picture: PILImage) -> PILImage:
    """The picture as RGB or RGBA; Pillow does this in whole numbers."""
    if picture.mode.startswith("I;16"):
        picture = pillow.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        picture = picture.convert("L")
    return picture.convert("RGBA" if has_alpha(picture) else "RGB")


def _cut(rows: int, columns: int, height: int, width: int) -> tuple[slice, slice]:
    """The largest part around the middle that has the shape of height × width."""
    tall, wide = rows, max(1, rows * width // height)
    if wide > columns:
        tall, wide = max(1, columns * height // width), columns
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return slice(top, top + tall), slice(left, left + wide)


def _resize(pixels: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The pixels with `count` rows: means of whole rows when fewer, the nearest when more."""
    length = pixels.shape[0]
    if count >= length:
        return pixels if count == length else pixels[np.arange(count) * length // count]
    pixels = np.ascontiguousarray(pixels)
    means = np.empty((count, *pixels.shape[1:]), np.uint8)
    for row in range(count):
        start, stop = row * length // count, (row + 1) * length // count
        means[row] = (pixels[start:stop].sum(axis=0, dtype=np.int32) + (stop - start) // 2) // (stop - start)
    return means


def _luma(colours: Plane) -> NDArray[np.int32]:
    """Brightness, height × width: ITU-R BT.601 weights in 256ths."""
    red, green, blue = colours.astype(np.int32)
    light: NDArray[np.int32] = (77 * red + 150 * green + 29 * blue) >> 8
    return light
