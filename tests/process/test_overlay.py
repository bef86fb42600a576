"""A logo or a text over a picture."""

import numpy as np
import pytest
from PIL import Image as pillow
from PIL import ImageFont

from imgbuild.errors import BadImage, TargetError
from imgbuild.images import encode, pixel_digest
from imgbuild.process.overlay import Overlay
from imgbuild.types import Format

FONT = ImageFont.load_default(20).font_bytes  # the one that Pillow brings
FILES = {
    "logo.png": encode(pillow.new("RGB", (10, 6), "red"), Format()),
    "soft.png": encode(pillow.new("RGBA", (10, 6), (0, 0, 255, 128)), Format()),
    "font.ttf": FONT,
    "notes.txt": b"no picture",
}


def overlay(picture, **parameters):
    operation = Overlay(**parameters)
    return operation.apply_with(picture, {path: FILES[path] for path in operation.files()})


def box(made, ground="white"):
    """Where something else than the ground is."""
    from PIL import ImageChops

    return ImageChops.difference(made.convert("RGB"), pillow.new("RGB", made.size, ground)).getbbox()


WHITE = pillow.new("RGB", (60, 40), "white")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, (50, 34, 60, 40)),
        ({"margin": 4}, (46, 30, 56, 36)),
        ({"anchor": "top-left", "margin": 3}, (3, 3, 13, 9)),
        ({"anchor": "center"}, (25, 17, 35, 23)),
        ({"anchor": "top", "margin": 2}, (25, 2, 35, 8)),
        ({"scale": 0.5}, (30, 22, 60, 40)),
        ({"scale": 0.05}, (57, 38, 60, 40)),
    ],
)
def test_where_a_logo_lies(parameters, expected):
    made = overlay(WHITE, image="logo.png", **parameters)
    assert (made.mode, made.size, box(made)) == ("RGB", (60, 40), expected)


def test_what_is_transparent_lets_the_picture_through():
    assert overlay(WHITE, image="soft.png").getpixel((55, 37)) == (127, 127, 255)
    assert overlay(WHITE, image="logo.png", opacity=0.5).getpixel((55, 37)) == (255, 127, 127)
    assert overlay(WHITE, image="soft.png", opacity=0).tobytes() == WHITE.tobytes()


@pytest.mark.parametrize(("mode", "wider"), [("L", "RGB"), ("RGB", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA")])
def test_the_mode_is_widened_for_colours_and_alpha_stays(mode, wider):
    picture = pillow.new(mode, (30, 20))
    made = overlay(picture, image="logo.png")
    assert made.mode == wider
    if "A" in mode:
        alpha = np.asarray(made.getchannel("A"))
        assert (alpha[0, 0], alpha[-1, -1]) == (0, 255)


def test_a_text():
    made = overlay(WHITE, text="Sale", font="font.ttf", size=16, color="navy", anchor="bottom-left", margin=5)
    left, top, right, bottom = box(made)
    assert left in (5, 6)
    assert bottom in (34, 35)
    assert 25 < right - left < 40
    assert 10 < bottom - top < 18
    assert (0, 0, 128) in {colour for _, colour in made.getcolors()}
    wide = box(overlay(WHITE, text="Sale", font="font.ttf", size=16, scale=1.0))
    assert wide[2] - wide[0] > 55


def test_golden_pixels():
    made = overlay(WHITE, image="soft.png", anchor="left", margin=3, scale=0.4, opacity=0.7)
    assert pixel_digest(made) == "1E31P6u7qKTVDzP_DeCh-Qk-gijxgJHxuHKUkyGOCso"


def test_what_does_not_fit_fails():
    with pytest.raises(TargetError) as caught:
        overlay(WHITE, image="logo.png", margin=26)
    assert str(caught.value) == (
        "error: logo.png is 10×6, and does not fit into 60×40\n"
        "hint: give it a smaller 'scale' or 'size', or less 'margin'"
    )
    with pytest.raises(TargetError) as caught:
        overlay(WHITE, text="Sale of everything", font="font.ttf")
    assert str(caught.value).startswith("error: the text is ")


def test_files_that_are_something_else():
    with pytest.raises(BadImage) as bad:
        overlay(WHITE, image="notes.txt")
    assert str(bad.value).startswith("error: notes.txt is not an image that can be read")
    with pytest.raises(TargetError) as caught:
        overlay(WHITE, text="a", font="notes.txt")
    assert str(caught.value) == (
        "error: notes.txt is not a font that can be read\nhint: give a TrueType or OpenType file"
    )


def test_its_files_are_named():
    assert Overlay(image="a.png").files() == ("a.png",)
    assert Overlay(text="a", font="a.ttf").files() == ("a.ttf",)
    placed = Overlay(image="a.png", scale=0.3).placed(lambda path: f"specs/{path}")
    assert placed == Overlay(image="specs/a.png", scale=0.3)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({}, "overlay needs either an image or a text"),
        ({"image": "a", "text": "b"}, "overlay needs either an image or a text"),
        ({"text": "b"}, "text and font go together: a font is a file, such as fonts/Inter.ttf"),
        ({"image": "a", "font": "b"}, "text and font go together: a font is a file, such as fonts/Inter.ttf"),
        ({"image": "a", "size": 0}, "size must be between 1 and 10000 pixels, not 0"),
        ({"image": "a", "margin": -1}, "margin must be at least 0, not -1"),
        ({"image": "a", "scale": 0}, "scale must be above 0 and at most 1, not 0"),
        ({"image": "a", "opacity": 2}, "opacity must be between 0 and 1, not 2"),
        ({"image": "a", "color": "rde"}, "'rde' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'"),
    ],
)
def test_what_can_not_be_meant(parameters, text):
    with pytest.raises(ValueError) as caught:
        Overlay(**parameters)
    assert str(caught.value) == text
