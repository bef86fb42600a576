"""The rules on the border of a picture, and on what stands out from it: background, subject, edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL import ImageDraw

from imgbuild.ground import ring
from imgbuild.images import Picture
from imgbuild.rules.background import Background
from imgbuild.rules.edges import Edges
from imgbuild.rules.subject import Subject


def finding(rule, picture):
    return rule.judge(rule.measure(Picture(b"", picture), {}))


def box(*corners, size=(100, 80), ground="white", fill="navy", mode="RGB"):
    """A picture with a filled box, whose corners belong to it."""
    picture = pillow.new(mode, size, ground)
    ImageDraw.Draw(picture).rectangle(corners, fill=fill)
    return picture


def cut_out(*corners):
    return box(*corners, mode="RGBA", ground=(200, 0, 0, 0))


# --- the ring ---------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_the_ring_is_what_is_near_to_a_side(height, width, deep):
    numbers = np.arange(height * width).reshape(height, width)
    wanted = {
        int(numbers[y, x])
        for y in range(height)
        for x in range(width)
        if min(y, x, height - 1 - y, width - 1 - x) < deep
    }
    found = ring(numbers, deep).tolist()
    assert (len(found), set(found)) == (len(wanted), wanted)


# --- background -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "picture", "figure", "ok"),
    [
        (Background(), box(20, 20, 60, 60), 1.0, True),
        (Background(color="#fefefe"), box(20, 20, 60, 60), 1.0, True),
        (Background(color="#ddd"), box(20, 20, 60, 60), 0.0, False),
        (Background(color="#ddd", distance=9), box(20, 20, 60, 60), 1.0, True),
        (Background(transparent=True), box(20, 20, 60, 60), 0.0, False),
        (Background(transparent=True), cut_out(20, 20, 60, 60), 1.0, True),
        (Background(), cut_out(20, 20, 60, 60), 0.0, False),
        (Background(color="white"), cut_out(20, 20, 60, 60), 0.0, False),
    ],
)
def test_background(rule, picture, figure, ok):
    found = finding(rule, picture)
    assert (found.figure, found.ok) == (figure, ok)


def test_background_by_hand():
    # 2 pixels deep (of 80 × 0.02): 100·80 − 96·76 = 704 pixels, of which 2·20 are navy
    found = finding(Background(), box(30, 0, 49, 40))
    assert found.figure == round(1 - 40 / 704, 6)
    assert (found.ok, found.unit, found.limit) == (
        False,
        "of the border",
        "at least 0.98 within 5 of one colour",
    )
    # 10 deep (of 80 / 8): 100·80 − 80·60 = 3,200 pixels, of which 10·20 are navy
    assert finding(Background(color="white", border=0.125), box(30, 0, 49, 40)).figure == 1 - 200 / 3200


def test_transparent_pixels_are_no_background_of_a_colour():
    picture = pillow.new("RGBA", (10, 10), "white")
    picture.paste((255, 255, 255, 0), (0, 0, 10, 5))
    assert finding(Background(color="white"), picture).figure == 0.5
    assert finding(Background(transparent=True), picture).figure == 0.5


def test_a_slope_is_not_uniform():
    slope = pillow.linear_gradient("L")
    assert finding(Background(), slope).figure < 0.5
    assert finding(Background(share=0, color="white"), slope).ok


# --- subject ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", [box(10, 20, 59, 59), cut_out(10, 20, 59, 59)])
def test_where_the_subject_is(picture):
    measured = Subject(margin=0).measure(Picture(b"", picture), {})
    assert measured == {"free": [0.1, 0.25, 0.4, 0.25]}


@pytest.mark.parametrize(
    ("parameters", "ok", "figure", "limit"),
    [
        ({"margin": 0.1}, True, "margin 0.1", "margin at least 0.1"),
        ({"margin": 0.11}, False, "margin 0.1", "margin at least 0.11"),
        ({"centered": 0.15}, True, "off centre 0.15", "off centre at most 0.15"),
        ({"centered": 0.1}, False, "off centre 0.15", "off centre at most 0.1"),
        ({"min": 0.5, "max": 0.6}, True, "size 0.5", "size 0.5 to 0.6"),
        ({"min": 0.6}, False, "size 0.5", "size at least 0.6"),
        (
            {"margin": 0.1, "centered": 0.1, "max": 0.9},
            False,
            "margin 0.1, off centre 0.15, size 0.5",
            "margin at least 0.1, off centre at most 0.1, size at most 0.9",
        ),
    ],
)
def test_subject(parameters, ok, figure, limit):
    found = finding(Subject(**parameters), box(10, 20, 59, 59))
    assert (found.ok, found.figure, found.limit) == (ok, figure, limit)


def test_contrast_says_what_is_something_else():
    faint = box(10, 20, 59, 59, ground=(200, 200, 200), fill=(200, 180, 200))
    assert finding(Subject(margin=0), faint).figure == "no subject"
    assert finding(Subject(margin=0, contrast=19), faint).figure == "margin 0.1"
    assert not finding(Subject(margin=0, contrast=20), faint).ok


def test_a_picture_without_subject_holds_nothing():
    for empty in (pillow.new("RGB", (9, 9), "teal"), pillow.new("RGBA", (9, 9), (0, 0, 0, 0))):
        found = finding(Subject(margin=0), empty)
        assert (found.ok, found.figure) == (False, "no subject")


def test_grounds_at_the_ends_of_the_levels_do_not_wrap_around():
    assert (
        finding(Subject(margin=0), box(10, 20, 59, 59, ground="black", fill="white")).figure == "margin 0.1"
    )
    assert finding(Subject(margin=0), box(10, 20, 59, 59, ground=(250, 250, 250), fill=(5, 5, 5))).ok


# --- edges ------------------------------------------------------------------------------------------------


def test_nothing_is_cut_off():
    found = finding(Edges(), box(10, 20, 59, 59))
    assert (found.ok, found.figure) == (True, 0.0)
    assert found.limit == "at most 0 at left, top, right, bottom"


def test_what_stands_on_a_side():
    bust = box(30, 20, 69, 79)
    found = finding(Edges(), bust)
    assert (found.ok, found.figure, found.unit) == (False, 0.4, "of the bottom side")
    assert finding(Edges(max=0.4), bust).ok
    assert finding(Edges(sides=("left", "top", "right")), bust).ok
    assert not finding(Edges(), cut_out(30, 20, 69, 79)).ok


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Background(color="white", transparent=True),
            "background is transparent or has a color, not both",
        ),
        (lambda: Background(color="rde"), "'rde' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'"),
        (lambda: Background(border=0.6), "border must be between 0 and 0.5, not 0.6"),
        (lambda: Subject(), "subject has nothing to check: give margin, centered, min or max"),
        (lambda: Subject(margin=0.6), "margin must be between 0 and 0.5, not 0.6"),
        (lambda: Subject(min=0.5, max=0.4), "min 0.5 is above max 0.4: nothing would pass"),
        (lambda: Subject(margin=0, contrast=0), "contrast must be between 1 and 254, not 0"),
        (lambda: Edges(sides=()), "edges has nothing to check: give at least one of 'sides'"),
        (lambda: Edges(max=2), "max must be between 0 and 1, not 2"),
    ],
)
def test_what_can_not_be_meant(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text
