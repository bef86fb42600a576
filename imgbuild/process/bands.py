"""Arithmetic on a picture's colour bands, in whole levels, the same on every machine; alpha stands aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import ImageChops
from PIL.ImageFilter import GaussianBlur

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def split(picture: PILImage) -> tuple[PILImage, PILImage | None]:
    """The colours (RGB or L) and the alpha, where there is one; joined again they are the same picture."""
    if picture.mode not in ("RGBA", "LA"):
        return picture, None
    return picture.convert(picture.mode[:-1]), picture.getchannel("A")


def join(colours: PILImage, alpha: PILImage | None) -> PILImage:
    """What `split` took apart."""
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def table(curve: Callable[[float], float]) -> list[int]:
    """A curve over the levels 0…255 as a table, rounded to the nearest and held inside 0…255."""
    return [min(255, max(0, int(curve(level) + 0.5))) for level in range(256)]


def map_levels(colours: PILImage, levels: list[int]) -> PILImage:
    """Every band through the same table."""
    return colours.point(levels * len(colours.getbands()))


def blurred(picture: PILImage, radius: float) -> PILImage:
    """Gaussian blur of that standard deviation in pixels; colours are weighed by their alpha, which is blurred, too."""
    if picture.mode not in ("RGBA", "LA"):
        return picture.filter(GaussianBlur(radius))
    premultiplied = picture.convert({"RGBA": "RGBa", "LA": "La"}[picture.mode])
    return premultiplied.filter(GaussianBlur(radius)).convert(picture.mode)


def with_alpha(picture: PILImage, alpha: PILImage) -> PILImage:
    """The picture, less opaque: its own alpha times another of mode L and of its size."""
    colours, own = split(picture)
    return join(colours.copy(), alpha if own is None else ImageChops.multiply(own, alpha))


def push(start: PILImage, towards: PILImage, away: PILImage, amounts: list[int]) -> PILImage:
    """start + sign(towards − away) × amounts[|towards − away|], held inside 0…255, for each band of each pixel."""
    up = map_levels(ImageChops.subtract(towards, away), amounts)
    down = map_levels(ImageChops.subtract(away, towards), amounts)
    return ImageChops.subtract(ImageChops.add(start, up), down)
