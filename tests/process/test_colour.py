"""Convert, adjust and sharpen: values by hand, neutral parameters, alpha, golden pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL.ImageFilter import UnsharpMask

from imgbuild import images
from imgbuild.images import pixel_digest
from imgbuild.process.adjust import Adjust
from imgbuild.process.bands import push
from imgbuild.process.convert import Convert
from imgbuild.process.sharpen import Sharpen

MODES = pytest.mark.parametrize("mode", images.NORMAL)


def pattern(mode="RGB", width=24, height=16, seed=1):
    depth = len(pillow.new(mode, (1, 1)).getbands())
    values = [
        (x * 37 + y * 11 + x * y * 3 + band * 90 + seed) % 256
        for y in range(height)
        for x in range(width)
        for band in range(depth)
    ]
    return pillow.frombytes(mode, (width, height), bytes(values))


def same(one, other):
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def pixel(operation, colour, mode="RGB"):
    return operation.apply(pillow.new(mode, (1, 1), colour)).getpixel((0, 0))


def fault(make):
    with pytest.raises(ValueError) as caught:
        make()
    return str(caught.value)


pictures = st.builds(
    pattern, st.sampled_from(images.NORMAL), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99)
)


# --- convert ------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(pictures, st.sampled_from(images.NORMAL))
def test_convert_gives_the_mode_and_then_nothing_more(picture, mode):
    operation = Convert(mode=mode)
    converted = operation.apply(picture)
    assert (converted.mode, converted.size) == (mode, picture.size)
    assert operation.apply(converted) is converted


@pytest.mark.parametrize(
    ("operation", "mode", "colour", "expected"),
    [
        (Convert(mode="L"), "RGB", (255, 0, 0), 76),  # 0.299 × 255
        (Convert(mode="RGB"), "L", 77, (77, 77, 77)),
        (Convert(mode="RGBA"), "RGB", (1, 2, 3), (1, 2, 3, 255)),
        (Convert(mode="LA"), "RGBA", (0, 255, 0, 9), (150, 9)),  # 0.587 × 255
        (Convert(mode="RGB"), "RGBA", (9, 9, 9, 0), (255, 255, 255)),
        (Convert(mode="RGB", background="#102030"), "RGBA", (9, 9, 9, 0), (16, 32, 48)),
        (Convert(mode="RGB", background="black"), "RGBA", (200, 100, 50, 128), (100, 50, 25)),
        (Convert(mode="L", background="black"), "LA", (200, 51), 40),
        (Convert(mode="RGB", background="red"), "LA", (9, 0), (255, 0, 0)),
        (Convert(mode="RGB", background="red"), "RGB", (1, 2, 3), (1, 2, 3)),
    ],
)
def test_convert_by_hand(operation, mode, colour, expected):
    assert pixel(operation, colour, mode) == expected


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"mode": "RGB", "background": "whitish"},
            "'whitish' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'",
        ),
        ({"mode": "RGB", "background": "#ffffff80"}, "background must be opaque, not '#ffffff80'"),
        (
            {"mode": "RGBA", "background": "white"},
            "background only matters where alpha is dropped; RGBA keeps it",
        ),
    ],
)
def test_conversions_that_cant_be_meant(given, text):
    assert fault(lambda: Convert(**given)) == text


# --- adjust -------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(pictures)
def test_adjust_is_neutral_at_one(picture):
    assert Adjust().apply(picture).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("operation", "colour", "expected"),
    [
        (Adjust(brightness=0.5), (200, 101, 0), (100, 51, 0)),  # 50.5 rounds up
        (Adjust(brightness=2), (10, 127, 200), (20, 254, 255)),
        (Adjust(brightness=0), (10, 127, 200), (0, 0, 0)),
        (Adjust(contrast=0), (10, 127, 200), (128, 128, 128)),  # 127.5 rounds up
        (Adjust(contrast=2), (10, 127, 200), (0, 127, 255)),  # (127 − 127.5) × 2 + 127.5 = 126.5
        (Adjust(gamma=2), (0, 64, 255), (0, 128, 255)),  # √(64 / 255) × 255 = 127.75
        (Adjust(gamma=0.5), (0, 128, 255), (0, 64, 255)),  # 128² / 255 = 64.25
        (Adjust(saturation=0), (255, 0, 0), (76, 76, 76)),
        (Adjust(saturation=0.5), (255, 0, 0), (166, 38, 38)),  # 76 + 179 / 2, 76 − 38
        (Adjust(saturation=2), (100, 120, 110), (87, 127, 107)),  # luma 112.88 rounds to 113
    ],
)
def test_adjust_by_hand(operation, colour, expected):
    assert pixel(operation, colour) == expected


def test_the_order_is_brightness_contrast_saturation_gamma():
    steps = [Adjust(brightness=1.3), Adjust(contrast=0.8), Adjust(saturation=1.5), Adjust(gamma=1.2)]
    picture = pattern()
    for step in steps[2:]:
        picture = step.apply(picture)
    whole = Adjust(saturation=1.5, gamma=1.2).apply(pattern())
    assert same(whole, picture)
    both = Adjust(brightness=1.3, contrast=0.8)
    assert pixel(both, (100, 100, 100)) == (130, 130, 130)  # 130, then 127.5 + 2.5 × 0.8 = 129.5
    assert same(
        steps[2].apply(both.apply(pattern())),
        Adjust(brightness=1.3, contrast=0.8, saturation=1.5).apply(pattern()),
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_adjust_leaves_alpha_alone(mode):
    adjusted = Adjust(brightness=1.5, contrast=0.5, saturation=2, gamma=2).apply(pattern(mode))
    assert adjusted.mode == mode
    assert adjusted.getchannel("A").tobytes() == pattern(mode).getchannel("A").tobytes()
    plain = pattern(mode).convert(mode[:-1])
    opaque = Adjust(brightness=1.5, contrast=0.5, saturation=2, gamma=2).apply(plain)
    assert adjusted.convert(mode[:-1]).tobytes() == opaque.tobytes()


def test_saturation_of_gray_is_nothing():
    assert same(Adjust(saturation=3).apply(pattern("L")), pattern("L"))
    gray = pattern("L").convert("RGB")
    assert same(Adjust(saturation=3).apply(gray), gray)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"brightness": -0.1}, "brightness must be between 0 and 10, not -0.1"),
        ({"contrast": float("nan")}, "contrast must be between 0 and 10, not nan"),
        ({"saturation": 11}, "saturation must be between 0 and 10, not 11"),
        ({"gamma": 0}, "gamma must be between 0.1 and 10, not 0"),
    ],
)
def test_adjustments_that_cant_be_meant(given, text):
    assert fault(lambda: Adjust(**given)) == text


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=3, max_size=3), st.integers(0, 20))
def test_push_by_hand(levels, slope):
    start, towards, away = levels
    amounts = [min(255, off * slope // 4) for off in range(256)]
    one = [pillow.new("L", (1, 1), level) for level in (start, towards, away)]
    sign = 1 if towards > away else -1
    expected = min(255, max(0, start + sign * amounts[abs(towards - away)]))
    assert push(*one, amounts).getpixel((0, 0)) == expected


# --- sharpen ------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["RGB", "L"]),
    st.integers(1, 20),
    st.integers(1, 20),
    st.floats(0, 9),
    st.integers(0, 500),
    st.integers(0, 30),
)
def test_sharpen_is_pillows_unsharp_mask(mode, width, height, radius, percent, threshold):
    picture = pattern(mode, width, height)
    sharpened = Sharpen(radius=radius, percent=percent, threshold=threshold).apply(picture)
    assert same(sharpened, picture.filter(UnsharpMask(radius, percent, threshold)))


@settings(max_examples=20, deadline=None)
@given(pictures)
def test_sharpen_by_nothing_is_neutral(picture):
    for operation in (Sharpen(percent=0), Sharpen(threshold=255)):
        assert same(operation.apply(picture), picture)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_sharpen_of_opaque_pictures_is_that_of_their_colours(mode):
    picture = pattern(mode[:-1]).convert(mode)
    sharpened = Sharpen().apply(picture)
    assert sharpened.getchannel("A").getextrema() == (255, 255)
    assert same(sharpened.convert(mode[:-1]), Sharpen().apply(pattern(mode[:-1])))


def test_a_cut_out_gets_no_seam_from_hidden_colours():
    picture = pillow.new("RGBA", (16, 16), (255, 255, 255, 0))
    picture.paste((90, 60, 30, 255), (4, 4, 12, 12))
    sharpened = np.asarray(Sharpen(radius=3, percent=500).apply(picture))
    shown = sharpened[sharpened[..., 3] == 255]
    assert len(shown) == 64
    assert (shown == [90, 60, 30, 255]).all()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"radius": -1}, "radius must be between 0 and 100 pixels, not -1"),
        ({"radius": float("inf")}, "radius must be between 0 and 100 pixels, not inf"),
        ({"percent": 2000}, "percent must be between 0 and 1000, not 2000"),
        ({"threshold": 256}, "threshold must be between 0 and 255 levels, not 256"),
    ],
)
def test_sharpening_that_cant_be_meant(given, text):
    assert fault(lambda: Sharpen(**given)) == text


# --- all ----------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(
    "operation", [Adjust(brightness=2, contrast=3, saturation=0.5, gamma=2), Sharpen(radius=50)]
)
def test_one_pixel_is_enough(operation, mode):
    result = operation.apply(pattern(mode, 1, 1))
    assert (result.mode, result.size) == (mode, (1, 1))


@MODES
@pytest.mark.parametrize(
    "operation", [Adjust(gamma=2, saturation=2, brightness=2), Sharpen(), Convert(mode="RGB")]
)
def test_the_given_picture_is_left_alone(operation, mode):
    picture = pattern(mode)
    operation.apply(picture)
    assert same(picture, pattern(mode))


@pytest.mark.parametrize(
    ("operation", "mode", "digest"),
    [
        (Convert(mode="L"), "RGB", "WFtJNW0r14jTgb1IjgpyHrwyzMD2NT6SRizAZCoYYJk"),
        (Convert(mode="RGB", background="teal"), "RGBA", "qcia9EUOz92xCHXEL18Um0MRumLAk014-JZDqAs4Yro"),
        (
            Adjust(brightness=1.1, contrast=1.2, saturation=1.3, gamma=1.4),
            "RGB",
            "f03GaFCDoI-wsaMyXkhQ7cDEWWC-OF7o5upGI1WIENE",
        ),
        (
            Adjust(brightness=0.9, contrast=0.8, saturation=0.7, gamma=0.6),
            "RGBA",
            "tZVNI7_LuxCMmsxvDas83wjVALYdCgWTIUbThYqi3Dc",
        ),
        (Adjust(contrast=2), "LA", "wOVRtCyo7k7_UFMcoO6GHqyWHoRXq3zHfe_tk8aJ1NA"),
        (Sharpen(), "RGB", "CUqDh0AJQbNBA6CziCdIF3EMkvyyXl7cSbRtyNDuTxU"),
        (Sharpen(radius=1.5, percent=80, threshold=0), "RGBA", "9cBu7QyksuwbVFai2BiccqMnlTdjgWgk0g4mCnocqkI"),
        (Sharpen(), "L", "oLKVA2U3oCZlN5Vu_RxQOlAy4lGFCXJHNZ4gvD3OQBk"),
    ],
)
def test_golden_pixels(operation, mode, digest):
    assert pixel_digest(operation.apply(pattern(mode))) == digest
