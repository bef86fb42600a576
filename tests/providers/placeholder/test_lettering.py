"""Captions: plain letters, lines that fit, coverage within its bounds."""

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.providers.placeholder.caption import caption_lines
from imgbuild.providers.placeholder.glyphs import GLYPHS, ROWS, UNKNOWN
from imgbuild.providers.placeholder.lettering import draw_line, measure, plain, wrap
from imgbuild.types import Pin, Request


def test_every_printable_letter_is_drawn_once() -> None:
    letters = [letter for letter in string.printable if not letter.isspace()]
    assert set(letters) <= set(GLYPHS)
    drawings = [GLYPHS[letter] for letter in letters]
    assert len(set(drawings)) == len(drawings)
    assert all(len(rows) == ROWS and len({len(row) for row in rows}) == 1 for rows in GLYPHS.values())


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Überraschung, façade, Łódź", "Uberraschung, facade, Lodz"),
        ("“Straße” – œuvre…", '"Strasse" - oeuvre...'),
        ("a\n\tb   c ", "a b c"),
        ("東京", UNKNOWN * 2),
        ("½ ﬁne Å", f"1{UNKNOWN}2 fine A"),
        ("", ""),
    ],
)
def test_plain(text: str, drawn: str) -> None:
    assert plain(text) == drawn


def test_wrap_breaks_at_spaces_and_ends_in_an_ellipsis() -> None:
    assert wrap("one two three", measure("one two"), 2) == ["one two", "three"]
    assert wrap("one two three four", measure("one two"), 2) == ["one two", "three…"]
    assert wrap("abcdefgh", measure("abcd"), 3) == ["abcd", "efgh"]
    assert wrap("", 50, 2) == []


@given(text=st.text(), columns=st.integers(12, 200), most=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_any_text_fits(text: str, columns: int, most: int) -> None:
    lines = wrap(plain(text), columns, most)
    assert len(lines) <= most
    assert all(measure(line) <= columns + 1 for line in lines)


@given(text=st.text(max_size=12), scale=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_a_line_is_as_wide_as_measured(text: str, scale: int) -> None:
    line = plain(text)
    cover = draw_line(line, scale)
    assert cover.shape == (ROWS * scale, max(1, measure(line)) * scale)
    assert cover.dtype == np.int16
    assert (int(cover.min()), int(cover.max()) <= 128) == (0, True)


def test_the_caption_names_what_was_asked_for() -> None:
    request = Request(
        pin=Pin(provider="placeholder"), prompt="a mug", negative="blurry", width=300, height=300, seed=7,
        params={"steps": 30, "guidance": 6.5},
    )  # fmt: skip
    assert caption_lines(request, 300) == ["a mug", "- blurry", "seed 7 · 30 steps · guidance 6.5"]
