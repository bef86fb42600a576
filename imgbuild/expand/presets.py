"""Presets of renditions: the files that browsers, phones and social networks look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imgbuild.types import Format, Value


class Preset(Struct, frozen=True, kw_only=True):
    """One file of a preset. process: operations as specs write them, after those of the rendition itself."""

    file: str
    process: Sequence[Value]
    format: Format = Format()


def _filling(width: int, height: int) -> Value:
    return {"resize": {"width": width, "height": height}}


_JPEG = Format(type="jpeg")
_ON_WHITE = {"convert": {"mode": "RGB"}}  # iOS shows what is transparent as black

PRESETS: Mapping[str, Sequence[Preset]] = {
    "favicon": (
        Preset(file="favicon.ico", process=[_filling(256, 256)], format=Format(type="ico")),
        Preset(file="apple-touch-icon.png", process=[_filling(180, 180), _ON_WHITE]),
        Preset(file="icon-192.png", process=[_filling(192, 192)]),
        Preset(file="icon-512.png", process=[_filling(512, 512)]),
    ),
    "social": (
        Preset(file="og-image.jpg", process=[_filling(1200, 630)], format=_JPEG),
        Preset(file="square.jpg", process=[_filling(1080, 1080)], format=_JPEG),
        Preset(file="story.jpg", process=[_filling(1080, 1920)], format=_JPEG),
    ),
}
