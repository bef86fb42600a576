"""Colours as specs write them, and how different two of them look."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

RGBA: TypeAlias = tuple[int, int, int, int]

# sRGB (IEC 61966-2-1) to XYZ, each row divided by the white point D65, so that white is (1, 1, 1).
_TO_XYZ = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)


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


def lab(rgb: Floats) -> Floats:
    """CIE L*a*b* under D65 of sRGB colours, (…, 3) in 0…255."""
    import numpy as np

    light = rgb / 255
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(_TO_XYZ).T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def delta_e(one: Floats, other: Floats) -> Floats:
    """CIEDE2000 between L*a*b* colours, (…, 3) each, broadcast together. 1 can just be seen; 10 is another colour.

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", Color Research and Application 30 (2005), 21-30;
    the numbers in brackets are theirs.
    """
    import numpy as np

    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    g = 1 + 0.5 * (1 - _saturation((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))  # (4), as 1 + G
    c1, c2 = np.hypot(g * a1, b1), np.hypot(g * a2, b2)  # (6)
    h1, h2 = np.arctan2(b1, g * a1), np.arctan2(b2, g * a2)  # (7), in radians
    turn = np.where(c1 * c2 == 0, 0, (h2 - h1 + np.pi) % (2 * np.pi) - np.pi)  # (10)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2  # (12), (13)
    hue = np.where(c1 * c2 == 0, h1 + h2, h1 + turn / 2)  # (14)
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)  # (19)
    sc = 1 + 0.045 * chroma  # (20)
    sh = 1 + 0.015 * chroma * _weight(hue)  # (21)
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc  # (8), (9)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2) / sh  # (11)
    degrees = np.degrees(hue) % 360
    rotation = 2 * _saturation(chroma) * np.sin(np.radians(60 * np.exp(-(((degrees - 275) / 25) ** 2))))
    squares = dl**2 + dc**2 + dh**2 - rotation * dc * dh  # (18), (22)
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _saturation(chroma: Floats) -> Floats:
    import numpy as np

    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _weight(hue: Floats) -> Floats:
    """The T of (15), for a hue in radians."""
    import numpy as np

    return np.asarray(
        1
        - 0.17 * np.cos(hue - np.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )
