"""Colour words: which colours a prompt names, and which of them it names for the background."""

from __future__ import annotations

import re

from msgspec import Struct

Colour = tuple[int, int, int]  # red, green, blue in 0…255

INK: Colour = (22, 26, 38)
PAPER: Colour = (250, 248, 243)


def _table(text: str) -> dict[str, Colour]:
    """`name:rrggbb` pairs, a `_` for a space; several names before a colour share it."""
    table: dict[str, Colour] = {}
    for entry in text.split():
        *names, value = entry.split(":")
        red, green, blue = bytes.fromhex(value)
        table |= dict.fromkeys((name.replace("_", " ") for name in names), (red, green, blue))
    return table


# Softer than the CSS values: these are to be looked at in large areas.
NAMES = _table("""
    red:reddish:d63c34 crimson:b81d3c scarlet:e03a24 ruby:9b1b3f cherry:b3203a tomato:e5533d brick:a4452f rust:b0522a
    maroon:6d1f2f burgundy:6b1a30 wine:722f3f vermilion:e0482b carmine:a61c3c raspberry:c22a5b
    orange:ee7b2c tangerine:f28534 apricot:f6b184 peach:f8bd96 coral:f27d63 salmon:f2937c terracotta:c4623f
    amber:f2a922 pumpkin:e0701f copper:b4693c bronze:9a6b36 brass:c2a14d burnt_orange:c45a1e
    yellow:yellowish:f3c831 gold:golden:d6a432 mustard:d3a02c lemon:f5dd55 ochre:c68a2e saffron:efb22e honey:e3a53a
    canary:f6df61 sand:d9c19a khaki:b6a774 straw:e2cf8f
    green:greenish:3f9256 lime:a3cc3f olive:7a7f39 emerald:1f9367 mint:a3dcc0 sage:9cb195 forest:forest_green:2b5b40
    jade:2f9d7c moss:6e7b3e pine:265447 chartreuse:b9d032 pistachio:b4cf8c avocado:6f8a3d fern:5a8f4e
    hunter_green:2f5a3d sea_green:3a9b7e lime_green:8cc63f sea_foam:seafoam:9fdcc4
    teal:1d8a8a turquoise:33b8b0 aqua:62cdd0 cyan:28b4cf aquamarine:86d9c4 petrol:1b5566
    blue:bluish:2f66bf navy:navy_blue:1e2f5c cobalt:2450a4 azure:4b97de sapphire:234f9e indigo:3b3a85
    royal_blue:3457b8 sky_blue:86c1e8 baby_blue:a9d3ee powder_blue:b3d2e0 midnight_blue:1c2749
    electric_blue:2a7df5 steel_blue:5484ae denim:3f6493 ice_blue:cfe4ee cerulean:2f8ac2 ultramarine:2e3f9e
    cornflower:6c93dc periwinkle:94a0e0
    purple:purplish:7a46a3 violet:8254b5 lavender:b9a6dc lilac:c7a9d6 plum:71356b mauve:ad86a6 magenta:c0338f
    fuchsia:cf3a98 orchid:c273bd amethyst:9060bd eggplant:aubergine:482a4d grape:62397d
    pink:pinkish:ee92b0 hot_pink:eb4c91 rose:dd6581 blush:ecbcb8 rose_gold:cf9488 dusty_pink:d2a3a1 dusty_rose:c58f90
    bubblegum:f59cc3 flamingo:f58a92
    brown:brownish:85573a chocolate:5b3625 coffee:6a4a38 mocha:866450 caramel:c28544 chestnut:814530 tan:cda77d
    walnut:63473a mahogany:6b2f24 sienna:9c5433 umber:66503d taupe:9a8a7c cinnamon:a85f34 camel:bf9362
    wooden:wood:b08256 oak:b98f5e
    white:f6f5f2 ivory:f5efdd cream:f4e8ce beige:e3d5bb off_white:f1ede4 pearl:ece8e1 snow:f3f6f8 linen:ebe2d3
    eggshell:efe6d3 champagne:ecd9b6 vanilla:f3e3b6 alabaster:eeeae1
    grey:gray:8b9098 silver:bcc2c8 charcoal:3b4048 slate:5c6976 ash:a9aca9 graphite:484c52 smoke:a4a8ad
    stone:b1a99c concrete:a3a29e gunmetal:3a444c steel:788590 platinum:d8dadb anthracite:33383d
    slate_grey:slate_gray:5c6976 chrome:c3cad0
    black:24262b onyx:2a2b30 ebony:302a28 jet_black:1c1d21 midnight:1d2440 obsidian:25232c
""")

# What a word before a colour does to it: mixed with a tone by so many 256ths.
SHADES: dict[str, tuple[Colour, int]] = {
    "dark": (INK, 112),
    "deep": (INK, 88),
    "rich": (INK, 40),
    "light": (PAPER, 120),
    "pale": (PAPER, 150),
    "pastel": (PAPER, 132),
    "soft": (PAPER, 84),
    "dusty": ((150, 142, 138), 110),
    "muted": ((140, 140, 140), 120),
    "warm": ((242, 150, 60), 48),
    "cool": ((70, 130, 220), 48),
}
VIVID = frozenset({"bright", "neon", "vivid", "electric", "fluorescent", "hot"})
GROUNDS = frozenset({"background", "backdrop", "backgrounds", "wall", "studio", "sky", "seamless"})
NIGHT = frozenset({"dark", "night", "moody", "noir", "nocturnal", "shadowy", "neon"})

_WORDS = re.compile(r"#[0-9a-f]{6}\b|#[0-9a-f]{3}\b|[a-z]+")


class Named(Struct, frozen=True, gc=False):
    """What a text says of colour: those named, in order; the background's; whether it is to be dark."""

    colours: tuple[Colour, ...]
    ground: Colour | None
    night: bool


def find_colours(text: str) -> Named:
    """The colours that a prompt names: single words, compounds ("navy blue", "dark-green") and #rrggbb."""
    words = [*_WORDS.findall(text.lower()), "", ""]
    colours: list[Colour] = []
    ground, night, at = None, False, 0
    while words[at]:
        colour, used = _colour_at(words[at], words[at + 1], words[at + 2])
        if colour is None:
            night = night or words[at] in NIGHT
        elif ground is None and words[at + used] in GROUNDS:
            ground = colour
        elif colour not in colours:
            colours.append(colour)
        at += used
    return Named(tuple(colours), ground, night)


def _colour_at(word: str, second: str, third: str) -> tuple[Colour | None, int]:
    """The colour that these words begin with, and how many of them it takes (1 where there is none)."""
    colour, used = _named(word, second)
    if colour is None and (word in SHADES or word in VIVID):
        colour, used = _named(second, third)
        if colour is not None:
            return _shaded(colour, word), used + 1
    return colour, max(used, 1)


def _named(word: str, following: str) -> tuple[Colour | None, int]:
    if word.startswith("#"):
        return _parse_hex(word[1:]), 1
    if following and (pair := NAMES.get(f"{word} {following}")) is not None:
        return pair, 2
    colour = NAMES.get(word)
    return colour, 0 if colour is None else 1


def _parse_hex(digits: str) -> Colour:
    wide = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    red, green, blue = bytes.fromhex(wide)
    return red, green, blue


def _shaded(colour: Colour, word: str) -> Colour:
    if word in VIVID:
        return saturate(colour, 400)
    tone, amount = SHADES[word]
    return mix(colour, tone, amount)


def mix(one: Colour, other: Colour, amount: int) -> Colour:
    """`one` with `amount` 256ths of `other`."""
    return (
        one[0] + ((other[0] - one[0]) * amount >> 8),
        one[1] + ((other[1] - one[1]) * amount >> 8),
        one[2] + ((other[2] - one[2]) * amount >> 8),
    )


def luma(colour: Colour) -> int:
    """Brightness in 0…255: ITU-R BT.601 weights in 256ths."""
    return (77 * colour[0] + 150 * colour[1] + 29 * colour[2]) >> 8


def saturate(colour: Colour, amount: int) -> Colour:
    """The colour with its distance from grey made `amount` 256ths of what it is."""
    grey = luma(colour)
    red = grey + ((colour[0] - grey) * amount >> 8)
    green = grey + ((colour[1] - grey) * amount >> 8)
    blue = grey + ((colour[2] - grey) * amount >> 8)
    return min(255, max(0, red)), min(255, max(0, green)), min(255, max(0, blue))


def rotate_hue(colour: Colour, steps: int) -> Colour:
    """The colour turned around the HSV wheel; 1536 steps are a full turn."""
    high, low = max(colour), min(colour)
    span = high - low
    if span == 0:
        return colour
    red, green, blue = colour
    if high == red:
        hue = 256 * (green - blue) // span
    elif high == green:
        hue = 512 + 256 * (blue - red) // span
    else:
        hue = 1024 + 256 * (red - green) // span
    sector, part = divmod((hue + steps) % 1536, 256)
    rising, falling = low + (span * part >> 8), high - (span * part >> 8)
    return (
        (high, rising, low),
        (falling, high, low),
        (low, high, rising),
        (low, falling, high),
        (rising, low, high),
        (high, low, falling),
    )[sector]
