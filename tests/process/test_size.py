"""Resize, crop and pad: sizes, what is kept, neutral parameters, alpha, limits, golden pixels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild import images
from imgbuild.errors import TargetError
from imgbuild.images import pixel_digest
from imgbuild.process.crop import Crop
from imgbuild.process.pad import Pad, PadMask
from imgbuild.process.resize import Resize

SIDES = st.integers(1, 60)
RATIOS = st.sampled_from(["1:1", "16:9", "9:16", "3:1", "1:10", "2.39:1", 0.7])
ANCHORS = st.sampled_from(
    ["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"]
)


def pattern(mode="RGB", width=24, height=16):
    """A picture that is different everywhere, from whole numbers only."""
    depth = len(pillow.new(mode, (1, 1)).getbands())
    values = [
        (x * 37 + y * 11 + x * y * 3 + band * 90) % 256
        for y in range(height)
        for x in range(width)
        for band in range(depth)
    ]
    return pillow.frombytes(mode, (width, height), bytes(values))


def same(one, other):
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def fault(make):
    with pytest.raises(ValueError) as caught:
        make()
    return str(caught.value)


pictures = st.builds(pattern, st.sampled_from(images.NORMAL), SIDES, SIDES)


# --- resize -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pictures, SIDES, SIDES, st.sampled_from(["cover", "fill"]))
def test_cover_and_fill_give_the_declared_size(picture, width, height, fit):
    operation = Resize(width=width, height=height, fit=fit)
    resized = operation.apply(picture)
    assert (resized.mode, resized.size) == (picture.mode, (width, height))
    assert same(operation.apply(resized), resized)


@settings(max_examples=60, deadline=None)
@given(pictures, SIDES, SIDES)
def test_contain_gives_the_largest_that_fits(picture, width, height):
    operation = Resize(width=width, height=height, fit="contain")
    resized = operation.apply(picture)
    assert resized.mode == picture.mode
    assert resized.width <= width
    assert resized.height <= height
    assert resized.width == width or resized.height == height


@settings(max_examples=60, deadline=None)
@given(pictures, SIDES, SIDES, st.sampled_from(["cover", "contain", "fill"]), ANCHORS)
def test_without_upscale_nothing_grows(picture, width, height, fit, anchor):
    assume(fit == "cover" or anchor == "center")
    resized = Resize(width=width, height=height, fit=fit, upscale=False, anchor=anchor).apply(picture)
    assert resized.width <= min(width, picture.width)
    assert resized.height <= min(height, picture.height)
    if fit == "cover" and picture.width >= width and picture.height >= height:
        assert resized.size == (width, height)


@pytest.mark.parametrize(
    ("given_size", "size"),
    [
        ({"width": 12}, (12, 8)),
        ({"height": 32}, (48, 32)),
        ({"width": 7}, (7, 5)),  # 4.67
        ({"width": 1}, (1, 1)),
        ({"height": 40, "upscale": False}, (24, 16)),
        ({"width": 12, "fit": "contain"}, (12, 8)),
    ],
)
def test_one_side_keeps_the_ratio(given_size, size):
    assert Resize(**given_size).apply(pattern()).size == size


def test_the_same_size_is_the_same_picture():
    picture = pattern("RGBA")
    for fit in ("cover", "contain", "fill"):
        assert Resize(width=24, height=16, fit=fit).apply(picture) is picture


@pytest.mark.parametrize(
    ("anchor", "colours"),
    [("left", "rrr"), ("center", "ggg"), ("right", "bbb"), ("top-left", "rrr"), ("bottom", "ggg")],
)
def test_cover_keeps_what_is_at_the_anchor(anchor, colours):
    stripes = pillow.new("RGB", (9, 3), "lime")
    stripes.paste("red", (0, 0, 3, 3))
    stripes.paste("blue", (6, 0, 9, 3))
    cut = Resize(width=3, height=3, anchor=anchor).apply(stripes)
    letters = {(255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b"}
    assert "".join(letters[cut.getpixel((x, 1))] for x in range(3)) == colours


def test_cover_at_scale_one_cuts_and_never_blurs():
    picture = pattern("RGB", 25, 16)  # nine to spare: half a pixel must not be interpolated
    assert same(Resize(width=16, height=16).apply(picture), picture.crop((4, 0, 20, 16)))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_hidden_colours_do_not_bleed(mode):
    picture = pillow.new("RGBA", (8, 8), (255, 0, 0, 0)).convert(mode)
    picture.paste(pillow.new("RGBA", (4, 8), (0, 0, 255, 255)).convert(mode), (0, 0))
    shown = picture.getpixel((0, 0))[:-1]
    for size in (3, 5, 20):
        pixels = np.asarray(Resize(width=size, height=size).apply(picture)).reshape(-1, len(mode))
        visible = pixels[pixels[:, -1] > 8]
        assert len(visible)
        assert np.abs(visible[:, :-1].astype(int) - shown).max() <= 16
        assert (pixels[:, -1] < 255).any()


def test_a_thin_tall_picture_made_wide_stays_small_on_the_way():
    picture = pillow.new("L", (1, 60_000), 9)
    resized = Resize(width=60_000, height=1, fit="fill").apply(picture)
    assert (resized.size, resized.getextrema()) == ((60_000, 1), (9, 9))


def test_a_result_too_large_is_refused():
    with pytest.raises(TargetError) as caught:
        Resize(width=60_000).apply(pillow.new("L", (10, 10)))
    assert str(caught.value) == (
        "error: resize would give 60000×60000, too large for a picture\n"
        "hint: at most 268435456 pixels, and 65535 a side: declare a smaller size"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "resize needs width, height or both"),
        ({"width": 0}, "width must be 1 to 65535 pixels, not 0"),
        ({"height": 70_000}, "height must be 1 to 65535 pixels, not 70000"),
        ({"width": 20_000, "height": 20_000}, "20000×20000 is more than 268435456 pixels"),
        (
            {"width": 9, "anchor": "top"},
            "anchor only matters where fit is cover and both width and height are given",
        ),
        (
            {"width": 9, "height": 9, "fit": "fill", "anchor": "top"},
            "anchor only matters where fit is cover and both width and height are given",
        ),
    ],
)
def test_sizes_that_cant_be_meant(given, text):
    assert fault(lambda: Resize(**given)) == text


# --- crop ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pictures, RATIOS, ANCHORS)
def test_crop_to_a_ratio(picture, aspect, anchor):
    operation = Crop(aspect=aspect, anchor=anchor)
    cut = operation.apply(picture)
    ratio = images.ratio_of(aspect)
    assert cut.mode == picture.mode
    assert cut.width == picture.width or cut.height == picture.height
    assert abs(cut.width - cut.height * ratio) <= max(1, ratio)
    assert operation.apply(cut) is cut


@settings(max_examples=40, deadline=None)
@given(pictures, st.data())
def test_crop_keeps_pixels(picture, data):
    x = data.draw(st.integers(0, picture.width - 1))
    y = data.draw(st.integers(0, picture.height - 1))
    width = data.draw(st.integers(1, picture.width - x))
    height = data.draw(st.integers(1, picture.height - y))
    cut = Crop(width=width, height=height, x=x, y=y).apply(picture)
    assert same(cut, picture.crop((x, y, x + width, y + height)))


@pytest.mark.parametrize(
    ("anchor", "place"),
    [
        ("center", (7, 5)),
        ("top", (7, 0)),
        ("bottom", (7, 11)),
        ("left", (0, 5)),
        ("right", (15, 5)),
        ("top-left", (0, 0)),
        ("top-right", (15, 0)),
        ("bottom-left", (0, 11)),
        ("bottom-right", (15, 11)),
    ],
)
def test_crop_at_an_anchor(anchor, place):
    picture = pattern()
    cut = Crop(width=9, height=5, anchor=anchor).apply(picture)
    assert same(cut, picture.crop((*place, place[0] + 9, place[1] + 5)))


def test_a_side_not_given_stays_whole():
    assert Crop(width=5).apply(pattern()).size == (5, 16)
    assert same(Crop(height=5, y=2).apply(pattern()), pattern().crop((0, 2, 24, 7)))
    picture = pattern()
    assert Crop(width=24).apply(picture) is picture


@pytest.mark.parametrize(
    ("given", "place"),
    [({"width": 25}, "25×16 at 0,0"), ({"width": 9, "height": 9, "x": 16, "y": 1}, "9×9 at 16,1")],
)
def test_a_crop_outside_the_picture(given, place):
    with pytest.raises(TargetError) as caught:
        Crop(**given).apply(pattern())
    assert str(caught.value) == (
        f"error: crop of {place} is not inside a picture of 24×16\n"
        "hint: resize or pad it before, or crop less"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "crop needs either aspect, or width, height or both"),
        ({"x": 3}, "crop needs either aspect, or width, height or both"),
        ({"aspect": "1:1", "width": 9}, "crop needs either aspect, or width, height or both"),
        ({"aspect": "1:1", "x": 9}, "x and y go with width and height, and in place of an anchor"),
        (
            {"width": 9, "x": 9, "anchor": "top"},
            "x and y go with width and height, and in place of an anchor",
        ),
        ({"width": 9, "x": -9}, "x and y count from the left and top edge, not -9"),
        ({"width": -9}, "width must be 1 to 65535 pixels, not -9"),
        ({"aspect": "1:"}, "'1:' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1"),
    ],
)
def test_crops_that_cant_be_meant(given, text):
    assert fault(lambda: Crop(**given)) == text


# --- pad ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pictures, RATIOS, ANCHORS)
def test_pad_to_a_ratio(picture, aspect, anchor):
    operation = Pad(aspect=aspect, anchor=anchor)
    padded = operation.apply(picture)
    assert padded.mode == picture.mode
    assert padded.width == picture.width or padded.height == picture.height
    assert padded.width >= picture.width
    assert padded.height >= picture.height
    assert operation.apply(padded) is padded


@settings(max_examples=40, deadline=None)
@given(pictures, st.integers(0, 9), st.integers(0, 9), ANCHORS)
def test_pad_keeps_pixels(picture, more_x, more_y, anchor):
    size = {"width": picture.width + more_x, "height": picture.height + more_y}
    padded = Pad(**size, anchor=anchor).apply(picture)
    assert padded.size == tuple(size.values())
    back = Crop(width=picture.width, height=picture.height, anchor=anchor).apply(padded)
    assert same(back, picture)


@pytest.mark.parametrize(
    ("mode", "color", "padded", "corner"),
    [
        ("RGB", None, "RGB", (255, 255, 255)),
        ("L", None, "L", 255),
        ("RGBA", None, "RGBA", (0, 0, 0, 0)),
        ("LA", None, "LA", (0, 0)),
        ("RGB", "#102030", "RGB", (16, 32, 48)),
        ("RGBA", "#102030", "RGBA", (16, 32, 48, 255)),
        ("L", "#808080", "L", 128),
        ("L", "red", "RGB", (255, 0, 0)),
        ("LA", "red", "RGBA", (255, 0, 0, 255)),
        ("RGB", "transparent", "RGBA", (0, 0, 0, 0)),
        ("L", "transparent", "LA", (0, 0)),
        ("RGB", "#10203040", "RGBA", (16, 32, 48, 64)),
    ],
)
def test_the_colour_of_the_ground(mode, color, padded, corner):
    result = Pad(width=30, color=color).apply(pattern(mode))
    assert (result.mode, result.getpixel((0, 0))) == (padded, corner)
    inside = result.crop((3, 0, 27, 16))
    assert same(inside, pattern(mode).convert(padded))


def test_pad_to_less_than_the_picture():
    with pytest.raises(TargetError) as caught:
        Pad(width=20, height=20).apply(pattern())
    assert str(caught.value) == (
        "error: pad to 20×20 is smaller than the picture of 24×16\nhint: resize it before with fit: contain"
    )


# --- the mask of a padded picture ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pictures, st.integers(0, 9), st.integers(0, 9), ANCHORS)
def test_the_mask_is_white_where_ground_is_added(picture, more_x, more_y, anchor):
    size = {"width": picture.width + more_x, "height": picture.height + more_y}
    mask = PadMask(**size, anchor=anchor).apply(picture)
    black = pillow.new("L", picture.size, 0)
    assert same(mask, Pad(**size, anchor=anchor, color="white").apply(black))


@pytest.mark.parametrize(
    ("anchor", "kept"),
    [("left", (0, 0, 22, 16)), ("right", (8, 0, 30, 16)), ("center", (5, 0, 25, 16))],
)
def test_the_overlap_reaches_into_the_picture_along_the_seam(anchor, kept):
    mask = PadMask(width=30, anchor=anchor, overlap=2).apply(pattern())
    wanted = pillow.new("L", (30, 16), 255)
    wanted.paste(0, kept)
    assert same(mask, wanted)


def test_an_overlap_of_all_leaves_nothing():
    assert PadMask(width=30, overlap=12).apply(pattern()).getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "pad_mask needs either aspect, or width, height or both"),
        ({"width": 30, "color": "red"}, "pad_mask is black and white, and takes no color"),
        ({"width": 30, "overlap": -1}, "overlap must be at least 0, not -1"),
    ],
)
def test_masks_that_cant_be_meant(given, text):
    assert fault(lambda: PadMask(**given)) == text


def test_a_ground_too_large_is_refused():
    with pytest.raises(TargetError) as caught:
        Pad(aspect="1000:1").apply(pattern("L", 1, 100))
    assert str(caught.value) == (
        "error: pad would give 100000×100, too large for a picture\n"
        "hint: at most 268435456 pixels, and 65535 a side: declare a smaller size"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "pad needs either aspect, or width, height or both"),
        ({"aspect": 1, "height": 9}, "pad needs either aspect, or width, height or both"),
        ({"aspect": 0}, "'0' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1"),
        ({"width": 9, "color": "reddish"}, "'reddish' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'"),
        ({"width": 99_999}, "width must be 1 to 65535 pixels, not 99999"),
    ],
)
def test_grounds_that_cant_be_meant(given, text):
    assert fault(lambda: Pad(**given)) == text


# --- golden -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "mode", "digest"),
    [
        (Resize(width=10, height=10), "RGB", "tOohi9a1fSkp23sFnSvCbMhqx8B4xMJ81lrNYuyd6cU"),
        (Resize(width=10, height=10, anchor="right"), "RGBA", "MeG6YcB1Iiugu7Q2H0YB7dFi-0JnHDNGdV5jnOqxdyc"),
        (Resize(width=50, height=50, fit="contain"), "LA", "lQ9Yjb6EXlprwKDGo425ej12BWiX8d68krPSM-re94s"),
        (Resize(width=30, height=9, fit="fill"), "L", "8xde6CM0ESa2HAWoiTVWo2KSile-C6ep2JJJ0KNWBEU"),
        (Crop(aspect="1:1"), "RGB", "d_SW52bnMOS5782b-5xCvb3klTlu77TPDX3fZ5fFohY"),
        (
            Crop(width=9, height=5, anchor="bottom-right"),
            "RGBA",
            "VwJggAdisKPt7rXvszOWpzba_faU7c0ArLfSq2bGYjI",
        ),
        (Pad(aspect="1:1"), "RGB", "9POroK5FGBzuRS8YNCFV-feLKsiQDdfOn06bWSo31iU"),
        (
            Pad(width=33, height=17, color="teal", anchor="top"),
            "RGBA",
            "8IiKrNzfPH1tovs1gmme2yct4r0sYDAFmkwPxVCEAIE",
        ),
    ],
)
def test_golden_pixels(operation, mode, digest):
    assert pixel_digest(operation.apply(pattern(mode))) == digest
