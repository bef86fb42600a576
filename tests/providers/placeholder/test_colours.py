"""Colour words of a prompt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.providers.placeholder.colours import (
    NAMES,
    Colour,
    find_colours,
    luma,
    mix,
    rotate_hue,
    saturate,
)
from imgbuild.providers.placeholder.palette import choose_palette


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("a red mug", [NAMES["red"]]),
        ("Navy-Blue and GOLD", [NAMES["navy blue"], NAMES["gold"]]),
        ("teal, teal, teal", [NAMES["teal"]]),
        ("a bored reddy coloured thing", []),
        ("#ff8800 and #0af", [(255, 136, 0), (0, 170, 255)]),
        ("#ff88001 is no colour", []),
        ("midnight blue", [NAMES["midnight blue"]]),
        ("", []),
    ],
)
def test_words(text: str, colours: list[Colour]) -> None:
    assert list(find_colours(text).colours) == colours


def test_a_shade_moves_the_colour_it_stands_before() -> None:
    [dark], [plain], [light] = (find_colours(f"{word} green").colours for word in ("dark", "a", "light"))
    assert luma(dark) < luma(plain) < luma(light)
    assert len(find_colours("bright navy blue, soft pale pink").colours) == 2


def test_a_background_is_no_colour_of_the_thing() -> None:
    named = find_colours("red shoe on a light blue background, dark theme")
    assert named.colours == (NAMES["red"],)
    assert named.ground == mix(NAMES["blue"], (250, 248, 243), 120)
    assert named.night


def test_a_dark_colour_is_no_night() -> None:
    assert not find_colours("dark green bottle").night


def test_a_negative_colour_is_left_out() -> None:
    with_red, without = (choose_palette("red and teal", text, None, "") for text in ("", "red"))
    assert abs(with_red.main[0] - NAMES["red"][0]) <= 3
    assert abs(without.main[0] - NAMES["teal"][0]) <= 3


@given(
    text=st.lists(st.sampled_from([*NAMES, "dark", "light", "neon", "background", "night", "#123", "and"]))
)
@settings(max_examples=100, deadline=None)
def test_any_palette_is_within_the_scale(text: list[str]) -> None:
    palette = choose_palette(" ".join(text), "", 9000, "x")
    colours = [
        part for name in palette.__struct_fields__ if isinstance(part := getattr(palette, name), tuple)
    ]
    assert all(0 <= part <= 255 for colour in colours for part in colour)


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(0, 1535), st.integers(0, 2048))
def test_colour_sums_stay_within_the_scale(colour: Colour, steps: int, amount: int) -> None:
    turned = rotate_hue(colour, steps)
    assert (max(turned), min(turned)) == (max(colour), min(colour))
    assert all(0 <= part <= 255 for part in saturate(colour, amount))


def test_a_third_of_a_turn_from_red_is_green() -> None:
    assert rotate_hue((255, 0, 0), 512) == (0, 255, 0)
    assert rotate_hue((9, 9, 9), 700) == (9, 9, 9)
