"""What Google's models take, by their names.

Of the Gemini API's guide to image generation, as it stood in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from imgbuild.providers.keys import OF_MODEL, UNKEYED
from imgbuild.types import Capabilities, Grade

Size = tuple[int, int]  # width and height, pixels

# What an aspect ratio comes to in pixels: of the first models, and of size class "1K" of those since.
_FIRST: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
_USUAL: Mapping[str, Size] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_EXTREME: Mapping[str, Size] = {
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
_CLASSES = {"1K": 1.0, "2K": 2.0, "4K": 4.0}  # how many times the sides of "1K"


@cache
def shapes_of(source: str) -> Mapping[Size, tuple[str, str]]:
    """For each size of a model, the aspect ratio and size class to ask for; the class is empty where there is one only.

    A model of another name is taken to be as the newest are.
    """
    if source.startswith("gemini-2"):
        return {size: (ratio, "") for ratio, size in _FIRST.items()}
    if source.startswith("gemini-3-pro"):
        return _shapes(_USUAL, _CLASSES)
    return _shapes({**_USUAL, **_EXTREME}, {"512": 0.5, **_CLASSES})


def _shapes(ratios: Mapping[str, Size], classes: Mapping[str, float]) -> Mapping[Size, tuple[str, str]]:
    return {
        (int(width * times), int(height * times)): (ratio, name)
        for name, times in classes.items()
        for ratio, (width, height) in ratios.items()
    }


def capabilities_of(source: str) -> Capabilities:
    """What a model takes. The same seed is to give a like answer "as far as possible", which promises no picture."""
    return Capabilities(
        takes=frozenset({"seed", "image", "reference"}),
        grade=Grade.STORED,
        params=OF_MODEL,
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        sizes=tuple(shapes_of(source)),
        concurrency=8,
    )
