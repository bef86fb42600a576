"""A contact sheet: pictures with their phrases, none of them selected."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.evaluate import prompts
from training.icons import SIDE

COLUMNS, WIDE, HIGH = 8, 160, 192

WRITTEN = (
    "a red star on a white background",
    "flat icon of a large blue heart, yellow background",
    "a small green circle on the left, black background",
    "an outlined orange hexagon on navy",
    "a striped purple ring on a cream background",
    "a big white crescent on a navy background",
    "a teal drop with a soft gradient, white background",
    "a black arrow on yellow",
    "a pink diamond at the top, gray background",
    "a yellow triangle at the bottom on black",
    "a red cross on a white background",
    "a blue square on the right, mint background",
    "a red heart and a blue star on a white background",
    "a green circle above a black square, cream background",
    "modern minimal logo with a purple triangle, pink background",
    "a wonderful turquoise zebra on a white background",
)
"""Phrases written by hand; the last one has words that training never saw."""


def phrases() -> list[str]:
    """48 phrases: those above, then 24 held-out ones with one shape and 8 with two."""
    one = [phrase for _, phrase in prompts(24, pairs=False, seed=99)]
    two = [phrase for _, phrase in prompts(8, pairs=True, seed=99)]
    return [*WRITTEN, *one, *two]


def lay_out(pictures: np.ndarray, words: Sequence[str], path: Path) -> None:
    """Save pictures, uint8 (n, 128, 128, 3), in rows with their phrases beneath."""
    rows = -(-len(words) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * WIDE, rows * HIGH), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=10)
    for place, (picture, phrase) in enumerate(zip(pictures, words, strict=True)):
        x, y = place % COLUMNS * WIDE, place // COLUMNS * HIGH
        pen.rectangle((x + 15, y + 5, x + 16 + SIDE, y + 6 + SIDE), outline="#aaaaaa")
        page.paste(Image.fromarray(picture), (x + 16, y + 6))
        pen.text((x + 4, y + SIDE + 10), "\n".join(textwrap.wrap(phrase, 28)), fill="black", font=font)
    page.save(path)
