"""Colours as specs write them."""

from __future__ import annotations

from typing import TypeAlias

RGBA: TypeAlias = tuple[int, int, int, int]


def rgba_of(text: str) -> RGBA:
    """Red, green, blue and alpha, 0…255, of "transparent", a CSS name, "#rrggbb", "#rrggbbaa", "rgb(…)", ….

    Raises ValueError for text that is no colour.
    """
    from PIL import ImageColor

    if text == "transparent":
        return 0, 0, 0, 0
    try:
        red, green, blue, *alpha = ImageColor.getrgb(text)
    except ValueError:
        raise ValueError(f"'{text}' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'") from None
    return red, green, blue, alpha[0] if alpha else 255


def is_gray(colour: RGBA) -> bool:
    return colour[0] == colour[1] == colour[2]
