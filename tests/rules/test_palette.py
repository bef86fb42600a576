"""How much of a picture is in the colours of a palette."""

import pytest
from PIL import Image as pillow
from PIL import ImageDraw

from imgbuild.images import Picture
from imgbuild.rules.palette import Palette


def flag(*bands):
    """A picture of 100 columns: (colour, columns) from left to right."""
    picture, left = pillow.new("RGB", (100, 10)), 0
    for colour, columns in bands:
        ImageDraw.Draw(picture).rectangle((left, 0, left + columns - 1, 9), fill=colour)
        left += columns
    return picture


def finding(rule, picture):
    return rule.judge(rule.measure(Picture(b"", picture), {}))


PICTURE = flag(("#de2d26", 60), ("#fafafa", 30), ("#2563eb", 10))


@pytest.mark.parametrize(
    ("colors", "figure"),
    [
        (["#de2d26"], 0.6),
        (["#de2d26", "white"], 0.9),
        (["#e0302a", "#fff", "#2060e8"], 1.0),
        (["green"], 0.0),
        (["#de2d26", "#de2d26"], 0.6),
    ],
)
def test_the_share_of_a_palette(colors, figure):
    found = finding(Palette(colors=colors), PICTURE)
    assert (found.figure, found.ok) == (figure, figure >= 0.9)


def test_the_finding_in_words():
    found = finding(Palette(colors=["red", "#fafafa"], share=0.25, distance=12), PICTURE)
    assert (found.ok, found.unit) == (True, "of the pixels")
    assert found.limit == "at least 0.25 within 12 of red, #fafafa"


def test_distance_says_what_is_still_the_colour():
    assert finding(Palette(colors=["#ff6347"], distance=5), PICTURE).figure == 0.0
    assert finding(Palette(colors=["#ff6347"], distance=20), PICTURE).figure == 0.6


def test_each_colour_has_its_share():
    found = finding(Palette(colors=["#de2d26", "#fafafa", "#2563eb"], each=0.1), PICTURE)
    assert (found.ok, found.figure) == (True, "1, 0.1 of #2563eb")
    assert found.limit == "at least 0.9 within 10 of #de2d26, #fafafa, #2563eb, at least 0.1 of each"
    assert not finding(Palette(colors=["#de2d26", "#fafafa", "#2563eb"], each=0.2), PICTURE).ok
    lacking = finding(Palette(colors=["#de2d26", "lime"], share=0.5, each=0.1), PICTURE)
    assert (lacking.ok, lacking.figure) == (False, "0.6, 0 of lime")


def test_what_is_measured_is_of_no_palette():
    one, other = Palette(colors=["red"]), Palette(colors=["blue"], distance=3, share=0.1)
    picture = Picture(b"", PICTURE)
    assert (
        one.measure(picture, {})
        == other.measure(picture, {})
        == {"shades": [[222.0, 45.0, 38.0, 0.6], [250.0, 250.0, 250.0, 0.3], [37.0, 99.0, 235.0, 0.1]]}
    )


def test_nothing_shows_white():
    assert finding(Palette(colors=["white"]), pillow.new("RGBA", (4, 4), (0, 0, 0, 0))).figure == 1.0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"colors": []}, "palette has nothing to check: give at least one of 'colors'"),
        ({"colors": ["rde"]}, "'rde' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'"),
        ({"colors": ["red"], "share": 2}, "share must be between 0 and 1, not 2"),
        ({"colors": ["red"], "distance": -1}, "distance must be between 0 and 100, not -1"),
    ],
)
def test_what_can_not_be_meant(parameters, message):
    with pytest.raises(ValueError) as caught:
        Palette(**parameters)
    assert str(caught.value) == message
