"""The palette of one picture: from the colours its prompt names, or one of a set where it names none."""

from __future__ import annotations

from msgspec import Struct

from imgbuild.providers.placeholder.colours import (
    INK,
    PAPER,
    Colour,
    find_colours,
    luma,
    mix,
    rotate_hue,
    saturate,
)
from imgbuild.providers.placeholder.dice import Dice

NEUTRAL = 750  # the guidance, in hundredths, that leaves colours as they are

# ground, light, main, deep, accent: the colours of prompts that name none.
SETS: tuple[tuple[Colour, ...], ...] = tuple(
    tuple((value[0], value[1], value[2]) for value in map(bytes.fromhex, line.split()))
    for line in """
    f3ece0 e9c46a 2a9d8f 264653 e76f51
    f6efe6 f2c6b4 d9795d 5a2a32 3e8e8a
    eef1f4 b9d3e0 4f86b0 1f3550 f2a25c
    f4f0e6 d9d4a8 7f9a5f 2f4a3a e08a4a
    f7efef e8bfc8 b8617f 46223c e9a84c
    efe9f4 c9b8e2 7a62b8 2e2454 f4b860
    f2f3ec bcd8c6 4d9a82 1d4445 ef7b5a
    fbf2e3 f6cf8c ec8f3c 6a2b26 3b6f8c
    ecf2f2 a7d3d4 2f8f9d 123f52 f4c453
    f5ede3 dcbf9e a8714c 43291f 5f8f86
    f1eef0 cfc3cd 8c7391 35284a e3816a
    f3f1ea cdd1c4 7d8c84 2b3638 d9663f
    1d2238 3f4d7d 7386c9 e7e6f4 f2a65a
    1b2a2c 35605c 5fae9d e8efe2 f0b84f
    2a1c28 6a3550 d06a77 f6e3d5 f2b35e
    faf0e8 f7c1a6 e8706f 4a2545 4aa3a2
    """.strip().splitlines()
)

# Turns of the hue that go well with a colour: near ones twice, the opposite ones once each.
TURNS = (-128, 128, -192, 170, 640, 768, 896)


class Palette(Struct, frozen=True, gc=False):
    """The colours of one picture. sky, earth: the ground's upper and lower end; light, main, deep: one colour in
    three depths; accent: another one; ink, paper: the
    darkest and the lightest tone; night: whether the ground is dark."""

    sky: Colour
    earth: Colour
    light: Colour
    main: Colour
    deep: Colour
    accent: Colour
    ink: Colour
    paper: Colour
    night: bool

    def ramp(self, at: int) -> Colour:
        """From light over main to deep, `at` in 0…256."""
        if at < 128:
            return mix(self.light, self.main, 2 * at)
        return mix(self.main, self.deep, 2 * at - 256)


def choose_palette(prompt: str, negative: str, guidance: int | None, identity: str) -> Palette:
    """The palette for these texts. guidance: in hundredths. identity: moves every colour a trifle."""
    named = find_colours(prompt)
    avoided = find_colours(negative).colours if negative else ()
    colours = [colour for colour in named.colours if colour not in avoided]
    taste = Dice(prompt)
    roles = _from_colours(colours, taste) if colours else list(taste.pick(SETS))
    if named.ground is not None:
        roles[0] = named.ground
    elif named.night and luma(roles[0]) > 96:
        roles = _darkened(roles)
    roles[1:] = [_apart(colour, roles[0]) for colour in roles[1:]]
    if guidance is not None:
        roles = [saturate(colour, min(448, 256 + (guidance - NEUTRAL) * 16 // 100)) for colour in roles]
    return _finished(roles, Dice(identity))


def _from_colours(colours: list[Colour], taste: Dice) -> list[Colour]:
    main = colours[0]
    accent = colours[1] if len(colours) > 1 else _companion(main, taste)
    tint = colours[2] if len(colours) > 2 else main
    bright = luma(main)
    if bright > 208:  # white and its like: a quiet ground, so that the main colour shows
        ground = mix(accent, (188, 190, 192), 168)
        return [ground, mix(main, PAPER, 64), main, mix(mix(accent, INK, 150), main, 24), accent]
    ground = mix(PAPER, tint, 34)
    light = mix(tint, PAPER, 132)
    deep = mix(main, INK, 150 if bright > 70 else 90) if bright < 160 else mix(accent, INK, 150)
    return [ground, light, main, deep, accent]


def _companion(main: Colour, taste: Dice) -> Colour:
    """A second colour beside this one; grey ones get theirs from the sets."""
    if max(main) - min(main) < 40:
        return taste.pick(SETS)[4 if taste.below(2) else 2]
    turned = saturate(rotate_hue(main, taste.pick(TURNS)), 176)
    return mix(turned, PAPER, 72) if luma(main) < 120 else mix(turned, INK, 48)


def _darkened(roles: list[Colour]) -> list[Colour]:
    ground, _, main, deep, accent = roles
    return [mix(mix(deep, INK, 150), main, 20), mix(deep, main, 70), main, mix(main, ground, 180), accent]


def _apart(colour: Colour, ground: Colour) -> Colour:
    """The colour, moved away from the ground's brightness where it would not show on it."""
    gap = luma(colour) - luma(ground)
    if abs(gap) >= 22 or abs(colour[0] - ground[0]) >= 56 or abs(colour[2] - ground[2]) >= 56:
        return colour
    return mix(colour, INK, 44) if luma(ground) > 110 else mix(colour, PAPER, 60)


def _finished(roles: list[Colour], dice: Dice) -> Palette:
    ground, light, main, deep, accent = (_nudged(colour, dice) for colour in roles)
    bright = luma(ground) > 110
    return Palette(
        sky=mix(ground, (255, 255, 255), 60) if bright else mix(ground, INK, 60),
        earth=_nudged(mix(ground, light, 56) if bright else mix(ground, light, 72), dice),
        light=light,
        main=main,
        deep=deep,
        accent=accent,
        ink=mix(deep if bright else ground, INK, 176),
        paper=mix(PAPER, ground, 40) if bright else PAPER,
        night=not bright,
    )


def _nudged(colour: Colour, dice: Dice) -> Colour:
    """The colour, each part moved by up to three and kept off the ends of the scale."""
    red, green, blue = colour
    return _kept(red + dice.below(7)), _kept(green + dice.below(7)), _kept(blue + dice.below(7))


def _kept(part: int) -> int:
    return 3 if part < 6 else 252 if part > 255 else part - 3
