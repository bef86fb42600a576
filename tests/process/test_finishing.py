"""Operations that finish a picture: cut-outs, corners, shadows, fewer or better colours; on drawings and photographs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL import ImageDraw, ImageFilter, ImageOps
from skimage import data

from imgbuild import images
from imgbuild.errors import TargetError
from imgbuild.images import pixel_digest
from imgbuild.process.blur import Blur
from imgbuild.process.color import Color
from imgbuild.process.grayscale import Grayscale
from imgbuild.process.quantize import Quantize
from imgbuild.process.remove_background import RemoveBackground
from imgbuild.process.round_corners import RoundCorners
from imgbuild.process.shadow import Shadow
from imgbuild.process.trim import Trim

CV2 = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


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


def photograph(name):
    return pillow.fromarray(getattr(data, name)())


def ringed(ground="white"):
    """A dark ring on a ground that shows through it."""
    picture = pillow.new("RGB", (60, 40), ground)
    ImageDraw.Draw(picture).ellipse((20, 10, 39, 29), outline="navy", width=4)
    return picture


pictures = st.builds(
    pattern, st.sampled_from(images.NORMAL), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99)
)
EVERY = [
    Blur(radius=1.5),
    Color(white_balance="gray-world"),
    Color(white_balance="white-patch", levels=(0.05, 0.05)),
    Grayscale(),
    Quantize(colors=4),
    Quantize(palette=["red", "white"], dither=True),
    RoundCorners(radius=3),
    RoundCorners(share=0.5),
]


@settings(max_examples=60, deadline=None)
@given(pictures, st.sampled_from(EVERY))
def test_size_and_bits_are_kept_and_the_picture_given_is_not_touched(picture, operation):
    before = picture.tobytes()
    made = operation.apply(picture)
    assert made.size == picture.size
    assert made.mode in images.NORMAL
    assert same(operation.apply(picture), made)
    assert picture.tobytes() == before


@settings(max_examples=40, deadline=None)
@given(
    pictures,
    st.sampled_from([operation for operation in EVERY if not isinstance(operation, RoundCorners | Blur)]),
)
def test_colours_are_changed_and_alpha_is_not(picture, operation):
    made = operation.apply(picture)
    assert ("A" in made.mode) == ("A" in picture.mode)
    if "A" in picture.mode:
        assert made.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


@settings(max_examples=40, deadline=None)
@given(pictures)
def test_what_is_done_twice_is_done_once(picture):
    for operation in (Grayscale(), Quantize(palette=["#000", "#800000", "#ffffff"])):
        once = operation.apply(picture)
        assert same(operation.apply(once), once)


# --- grayscale, blur ----------------------------------------------------------------------------------


def test_grayscale_by_hand():
    assert Grayscale().apply(pillow.new("RGB", (1, 1), "red")).getpixel((0, 0)) == 76
    assert Grayscale().apply(pillow.new("RGBA", (1, 1), (0, 255, 0, 9))).getpixel((0, 0)) == (150, 9)
    gray = pattern("LA")
    assert Grayscale().apply(gray) is gray


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["RGB", "L"]), st.floats(0, 9))
def test_blur_is_pillows(mode, radius):
    assert same(
        Blur(radius=radius).apply(pattern(mode)), pattern(mode).filter(ImageFilter.GaussianBlur(radius))
    )


def test_hidden_colours_do_not_come_out_of_a_blurred_cut_out():
    picture = pillow.new("RGBA", (20, 20), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (5, 5, 15, 15))
    blurred = np.asarray(Blur(radius=2).apply(picture))
    seen = blurred[blurred[..., 3] > 32]
    assert seen[:, 0].max() <= 2
    assert seen[:, 2].min() >= 250


# --- quantize -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dither", [False, True])
def test_no_more_colours_than_asked_for(dither):
    made = Quantize(colors=8, dither=dither).apply(photograph("chelsea"))
    assert len(made.getcolors()) == 8


def test_every_pixel_has_the_nearest_of_the_palette():
    palette = ["black", "#8a5a3c", "#e8c8b0", "teal"]
    photo = photograph("chelsea").resize((90, 60))
    levels = np.array([(0, 0, 0), (0x8A, 0x5A, 0x3C), (0xE8, 0xC8, 0xB0), (0, 128, 128)])
    away = np.square(np.asarray(photo, dtype=int)[:, :, None] - levels).sum(axis=3)
    made = np.asarray(Quantize(palette=palette).apply(photo), dtype=int)
    chosen = np.square(np.asarray(photo, dtype=int) - made).sum(axis=2)
    assert set(map(tuple, made.reshape(-1, 3))) <= set(map(tuple, levels))
    assert (
        chosen == away.min(axis=2)
    ).mean() > 0.98  # Pillow looks colours up in boxes, whose middles decide
    assert Quantize(palette=["red"]).apply(photo).getcolors() == [(5400, (255, 0, 0))]


# --- color --------------------------------------------------------------------------------------------


def test_gray_world_makes_the_means_equal():
    tinted = photograph("chelsea").point(
        [level * share // 100 for share in (60, 45, 75) for level in range(256)]
    )
    made = np.asarray(Color(white_balance="gray-world").apply(tinted), dtype=float)
    means = made.reshape(-1, 3).mean(axis=0)
    assert means.max() - means.min() < 0.6


def test_white_patch_by_hand():
    picture = pillow.new("RGB", (10, 10), (100, 50, 20))
    picture.paste((200, 100, 40), (0, 0, 10, 5))
    made = Color(white_balance="white-patch").apply(picture)
    assert (made.getpixel((0, 0)), made.getpixel((0, 9))) == ((255, 255, 255), (128, 128, 128))


def test_levels_by_hand():
    picture = pillow.frombytes("L", (10, 1), bytes([10, 50, 60, 80, 90, 100, 110, 150, 200, 250]))
    made = Color(levels=(0.1, 0.1)).apply(
        picture
    )  # 50 and 200 are black and white: one pixel lies beyond each
    assert list(made.tobytes()) == [0, 0, 17, 51, 68, 85, 102, 170, 255, 255]
    assert same(Color(levels=(0, 0)).apply(made), made)


def test_one_flat_colour_has_no_levels():
    flat = pillow.new("RGB", (3, 3), (90, 90, 90))
    assert same(Color(levels=(0.01, 0.01)).apply(flat), flat)


def test_levels_stretch_a_dull_photograph():
    dull = photograph("camera").point(lambda level: 80 + level // 4)
    low, high = Color(levels=(0.005, 0.005)).apply(dull).getextrema()
    assert (low, high) == (0, 255)


# --- trim ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
@pytest.mark.parametrize("margin", [0, 10])
def test_a_frame_is_trimmed_off_a_photograph(name, margin):
    photo = ImageOps.expand(photograph(name), 5, "black")  # which its own border would else blend into
    framed = ImageOps.expand(photo, 40, "white")
    made = Trim(margin=margin).apply(framed)
    assert same(made, ImageOps.expand(photo, margin, "white"))
    if not margin:
        assert same(Trim().apply(framed), made)


def test_cut_outs_are_trimmed_to_what_is_opaque():
    picture = pillow.new("RGBA", (30, 20), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (4, 5, 20, 11))
    assert Trim().apply(picture).size == (16, 6)
    assert Trim(margin=4).apply(picture).size == (24, 14)
    assert Trim(margin=99).apply(picture).size == (30, 20)


def test_where_there_is_only_ground_nothing_is_trimmed():
    with pytest.raises(TargetError) as caught:
        Trim().apply(pillow.new("RGB", (8, 8), "teal"))
    assert str(caught.value) == "error: there is nothing to trim around\nhint: the whole picture is ground"


# --- corners ------------------------------------------------------------------------------------------


def test_corners_are_round_and_alike():
    made = RoundCorners(radius=12).apply(pillow.new("RGB", (80, 50), "red"))
    alpha = np.asarray(made.getchannel("A")).astype(int)
    assert made.mode == "RGBA"
    assert (alpha == alpha[::-1]).all()
    assert (alpha == alpha[:, ::-1]).all()
    assert (alpha[0, 0], alpha[0, 12], alpha[12, 0], alpha[25, 40]) == (0, 255, 255, 255)
    gone = (255 - alpha).sum() / 255
    assert gone == pytest.approx((4 - np.pi) * 12**2, rel=0.03)


def test_half_the_side_is_a_circle():
    alpha = np.asarray(RoundCorners(share=0.5).apply(pillow.new("L", (64, 64))).getchannel("A"))
    assert alpha.sum() / 255 == pytest.approx(np.pi * 32**2, rel=0.01)
    assert (alpha[0, 0], alpha[32, 0], alpha[32, 32]) == (0, 255, 255)
    assert same(
        RoundCorners(radius=999).apply(pattern("RGB", 20, 10)),
        RoundCorners(share=0.5).apply(pattern("RGB", 20, 10)),
    )


def test_no_radius_rounds_nothing_and_transparent_stays_so():
    assert RoundCorners(radius=0).apply(pattern()).getchannel("A").getextrema() == (255, 255)
    made = RoundCorners(radius=3).apply(pillow.new("RGBA", (20, 20), (1, 2, 3, 100)))
    assert made.getpixel((0, 0))[3] <= 1
    assert made.getpixel((10, 10)) == (1, 2, 3, 100)


# --- shadow -------------------------------------------------------------------------------------------


def cut_out():
    picture = pillow.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (5, 5, 15, 15))
    return picture


def test_a_hard_shadow_by_hand():
    made = Shadow(x=3, y=4, blur=0, color="#0000ff", opacity=0.5, grow=False).apply(cut_out())
    assert made.size == (20, 20)
    assert made.getpixel((10, 10)) == (255, 0, 0, 255)
    assert made.getpixel((17, 18)) == (0, 0, 255, 128)
    assert made.getpixel((6, 16))[3] == 0


def test_the_picture_grows_where_the_shadow_needs_it():
    assert Shadow(x=0, y=8, blur=0).apply(cut_out()).size == (20, 28)
    assert Shadow(x=-5, y=0, blur=2).apply(cut_out()).size == (20 + 11 + 1, 20 + 6 + 6)
    made = Shadow(x=0, y=8, blur=4).apply(cut_out())
    assert made.size == (20 + 2 * 12, 20 + 4 + 20)
    alpha = np.asarray(made.getchannel("A"))
    assert alpha[-1].max() == alpha[0].max() == 0  # nothing of it is cut off


def test_what_has_no_alpha_throws_no_shadow():
    with pytest.raises(TargetError) as caught:
        Shadow().apply(pattern())
    assert str(caught.value) == (
        "error: a picture without alpha throws no shadow\nhint: cut it out of its ground first"
    )


# --- remove_background --------------------------------------------------------------------------------


def test_what_hangs_together_with_the_border_goes():
    made = RemoveBackground(feather=0).apply(ringed())
    alpha = np.asarray(made.getchannel("A"))
    assert (alpha[0, 0], alpha[20, 21], alpha[20, 30]) == (0, 255, 255)  # ground, ring, and what it encloses
    assert set(np.unique(alpha)) == {0, 255}
    assert made.convert("RGB").tobytes() == ringed().tobytes()


def test_an_outline_is_feathered():
    alpha = np.asarray(RemoveBackground(feather=2).apply(ringed()).getchannel("A"))
    assert len(np.unique(alpha)) > 4


@CV2
def test_grabcut_looks_for_edges():
    noisy = np.asarray(ringed((200, 210, 200))).astype(int) + np.random.default_rng(1).integers(
        -20, 20, (40, 60, 1)
    )
    picture = pillow.fromarray(noisy.clip(0, 255).astype(np.uint8))
    made = RemoveBackground(method="grabcut", feather=0).apply(picture)
    alpha = np.asarray(made.getchannel("A"))
    assert (alpha[0, 0], alpha[20, 21], alpha[20, 30]) == (0, 255, 0)  # the hole is ground, too
    assert same(RemoveBackground(method="grabcut", feather=0).apply(picture), made)


@CV2
def test_grabcut_cuts_a_photograph_out_of_its_frame():
    framed = ImageOps.expand(photograph("coffee").resize((150, 100)), 30, "white")
    alpha = np.asarray(RemoveBackground(method="grabcut", feather=0).apply(framed).getchannel("A"))
    assert alpha[:29].max() == alpha[:, :29].max() == 0
    assert (alpha[30:-30, 30:-30] == 255).mean() > 0.9


def test_opencv_is_asked_for(monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(TargetError) as caught:
        RemoveBackground(method="grabcut").apply(ringed())
    assert str(caught.value) == (
        "error: 'remove_background: {method: grabcut}' needs OpenCV, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[local]'`"
    )


def test_where_all_is_background_nothing_is_cut_out():
    with pytest.raises(TargetError) as caught:
        RemoveBackground().apply(pillow.new("RGB", (8, 8), "teal"))
    assert str(caught.value) == "error: all of the picture is background\nhint: lower 'contrast'"


# --- parameters, golden pixels ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Blur(radius=-1), "radius must be between 0 and 1000 pixels, not -1"),
        (lambda: Color(), "color has nothing to do: give white_balance, levels or match"),
        (lambda: Color(levels=(0.5, 0)), "levels must be shares from 0 to below 0.5, not 0.5"),
        (lambda: Quantize(), "quantize needs either colors or a palette"),
        (lambda: Quantize(colors=1), "colors must be between 2 and 256, not 1"),
        (lambda: Quantize(palette=[]), "palette must have 1 to 256 colours, not 0"),
        (lambda: Quantize(palette=["#ff000080"]), "palette must have opaque colours, not '#ff000080'"),
        (lambda: RemoveBackground(contrast=255), "contrast must be between 0 and 254 levels, not 255"),
        (lambda: RemoveBackground(feather=-1), "feather must be between 0 and 100 pixels, not -1"),
        (lambda: RoundCorners(), "round_corners needs either a radius or a share"),
        (lambda: RoundCorners(radius=-1), "radius must be at least 0, not -1"),
        (lambda: RoundCorners(share=0.6), "share must be between 0 and 0.5, not 0.6"),
        (lambda: Shadow(x=10_001), "x and y must be between -10000 and 10000 pixels"),
        (lambda: Shadow(blur=-1), "blur must be between 0 and 1000 pixels, not -1"),
        (lambda: Shadow(opacity=2), "opacity must be between 0 and 1, not 2"),
        (lambda: Shadow(color="#00000080"), "color must be opaque, not '#00000080': say so by 'opacity'"),
        (lambda: Trim(margin=-1), "margin must be at least 0, not -1"),
        (lambda: Trim(contrast=255), "contrast must be between 0 and 254 levels, not 255"),
    ],
)
def test_what_can_not_be_meant(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text


GOLDEN = [
    (Blur(radius=3), "KCTl0rluL-8NvtOC5N2lkWl7zZaoKRwF3ZmRh0oEaKI"),
    (Color(white_balance="gray-world", levels=(0.01, 0.01)), "nKYWmEGbQV3kBS6UTzhEVoDZ0KZo43h23AwM6FeOgWk"),
    (Color(white_balance="white-patch"), "rIo0dzdWFlz8kpPxbuRH68HvX4opDWdDQ28qgOEZAPY"),
    (Grayscale(), "p4n5i6CVjdAl_fdlQut7Hwoh_-0A1oM-uoMxQAYdKQQ"),
    (Quantize(colors=8), "DX3M5aU8E3xzKjSBFJOjYNGoPgX_R4GSoZcZpFibdq4"),
    (
        Quantize(palette=["black", "#8a5a3c", "white"], dither=True),
        "05umw1GilQYO5cryPF1mXMaS1fWZspom84tymPujb-g",
    ),
    (RoundCorners(radius=20), "Gcn7Y4R6wh8qRGVaC1gyeVynqMBJep7q8K_8-SX0EKg"),
    (Trim(margin=3), "BDswcoOGMCZfHlDBvXann7Slth5PVpIgWjObayjnmwI"),
    (RemoveBackground(feather=1), "2zH_V0ZGx4CafZQCz1iIff_DYGSbj7EuDSoUkr3BY2E"),
]


@pytest.mark.parametrize(("operation", "digest"), GOLDEN)
def test_golden_pixels_of_a_photograph(operation, digest):
    framed = ImageOps.expand(photograph("chelsea").resize((90, 60)), 8, "white")
    assert pixel_digest(operation.apply(framed)) == digest


def test_golden_pixels_of_a_shadow():
    assert (
        pixel_digest(Shadow(x=2, y=3, blur=2).apply(cut_out()))
        == "ducayny1s93eh3Srn-7jVJNZtaHUJJZN9XoCJm0QoTs"
    )
