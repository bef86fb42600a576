"""The figures of rules on the pixels of one picture, against calculations by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as pillow

from imgbuild.images import Picture
from imgbuild.rules.banding import Banding
from imgbuild.rules.brightness import Brightness
from imgbuild.rules.contrast import Contrast
from imgbuild.rules.noise import Noise
from imgbuild.rules.noise import noise as noise_of
from imgbuild.rules.not_blank import NotBlank
from imgbuild.rules.sharpness import Sharpness, laplacian_variance
from imgbuild.rules.strips import STRIP

BRIGHTNESS, CONTRAST = Brightness(min=0), Contrast(min=0)
NOT_BLANK, SHARPNESS = NotBlank(), Sharpness(min=0)


def figure(rule, picture):
    return rule.measure(Picture(b"", picture), {})[rule.name]


def gray(*rows):
    return pillow.fromarray(np.array(rows, dtype=np.uint8))


def test_brightness():
    assert figure(BRIGHTNESS, gray([0, 255])) == 0.5
    assert figure(BRIGHTNESS, gray([10, 20, 30])) == 0.0784314  # 20 / 255
    assert figure(BRIGHTNESS, pillow.new("RGB", (3, 3), "red")) == 0.298039  # 76 / 255
    assert figure(BRIGHTNESS, pillow.new("RGBA", (3, 3), (0, 0, 0, 0))) == 1.0


def test_contrast():
    assert figure(CONTRAST, gray([0, 255])) == 0.5
    assert figure(CONTRAST, gray([7, 7, 7])) == 0
    assert figure(CONTRAST, gray([10, 20, 30])) == 0.0320195  # √(200 / 3) / 255


def test_not_blank():
    assert figure(NOT_BLANK, gray([200] * 9)) == 0
    assert figure(NOT_BLANK, gray([0, 255])) == 0.5
    # red and green of equal luma (76 and 76): only the channels tell
    shapes = pillow.new("RGB", (2, 1), (255, 0, 0))
    shapes.putpixel((1, 0), (0, 130, 0))
    assert figure(CONTRAST, shapes) == 0
    assert figure(NOT_BLANK, shapes) == 0.5


def test_white_on_nothing_is_not_blank_and_nothing_is():
    nothing = pillow.new("RGBA", (2, 1), (0, 0, 0, 0))
    assert figure(NOT_BLANK, nothing) == 0
    nothing.putpixel((0, 0), (9, 200, 3, 0))  # hidden: does not show
    assert figure(NOT_BLANK, nothing) == 0
    nothing.putpixel((0, 0), (255, 255, 255, 255))
    assert figure(NOT_BLANK, nothing) == 0.5


def test_not_blank_by_default_passes_a_hairline_and_fails_noise():
    page = np.full((100, 100), 255, dtype=np.uint8)
    page[50, :10] = 0
    assert NOT_BLANK.judge({"not_blank": figure(NOT_BLANK, gray(*page))}).ok
    noise = np.random.default_rng(1).integers(127, 131, (100, 100))
    finding = NOT_BLANK.judge({"not_blank": figure(NOT_BLANK, gray(*noise))})
    assert (finding.ok, finding.limit) == (False, "at least 0.01")


def slow_laplacian_variance(rows):
    """The definition, pixel by pixel, with borders mirrored about the edge pixel (a side of one mirrors itself)."""

    def mirrored(at, size):
        return 0 if size == 1 else abs(at) if at < size else 2 * size - 2 - at

    height, width = len(rows), len(rows[0])
    found = []
    for y in range(height):
        for x in range(width):
            beside = [
                rows[mirrored(y + dy, height)][mirrored(x + dx, width)]
                for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
            ]
            found.append(sum(beside) - 4 * rows[y][x])
    mean = sum(found) / len(found)
    return sum((value - mean) ** 2 for value in found) / len(found)


def test_sharpness_by_hand():
    # 0 100 0: mirrored, the Laplacians are 200, -200, 200; mean 66.67, variance 320000 / 9
    assert figure(SHARPNESS, gray([0, 100, 0])) == 35555.6
    assert figure(SHARPNESS, gray([9, 9], [9, 9])) == 0
    assert figure(SHARPNESS, gray([5])) == 0


def test_sharpness_as_opencv_measures_it():
    # cv2.Laplacian(gray, cv2.CV_64F) of this is [[24, -12], [-12, 0]] by its kernel and reflected border
    assert laplacian_variance(np.array([[0, 6], [6, 6]], dtype=np.uint8)) == 216


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_sharpness_is_the_definition(pixels):
    assert laplacian_variance(pixels) == pytest.approx(slow_laplacian_variance(pixels.tolist()))


def test_sharpness_over_several_strips():
    pixels = np.random.default_rng(1).integers(0, 256, (2 * STRIP + 3, 2), dtype=np.uint8)
    assert laplacian_variance(pixels) == pytest.approx(slow_laplacian_variance(pixels.tolist()))
    tall = np.zeros((STRIP + 1, 1), dtype=np.uint8)
    tall[STRIP - 1 :] = 255
    assert laplacian_variance(tall) == pytest.approx(slow_laplacian_variance(tall.tolist()))


# --- noise --------------------------------------------------------------------------------------------


def slow_noise(rows):
    """The definition: the mean size of the difference of two Laplacians, over all pixels but the outermost."""
    from scipy.ndimage import convolve

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    found = convolve(np.array(rows, dtype=np.int64), kernel)[1:-1, 1:-1]
    return (np.pi / 2) ** 0.5 * np.abs(found).sum() / (6 * found.size)


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(3, 8), st.integers(3, 8))))
def test_noise_is_the_definition(pixels):
    assert noise_of(pixels) == pytest.approx(slow_noise(pixels))


def test_noise_over_several_strips():
    pixels = np.random.default_rng(1).integers(0, 256, (2 * STRIP + 3, 5), dtype=np.uint8)
    assert noise_of(pixels) == pytest.approx(slow_noise(pixels))


@pytest.mark.parametrize("sigma", [2, 5, 10])
def test_noise_is_found_as_it_was_made(sigma):
    levels = 128 + np.random.default_rng(1).normal(0, sigma, (300, 300))
    found = figure(Noise(min=0), gray(*levels.round()))
    assert found == pytest.approx(sigma, rel=0.03)


def test_slopes_and_specks_of_a_picture_are_no_noise():
    slope = np.add.outer(np.arange(60), np.arange(90))
    assert figure(Noise(min=0), gray(*slope)) == 0
    assert figure(Noise(min=0), gray([7, 9], [200, 3])) == 0  # below 3×3


# --- banding ------------------------------------------------------------------------------------------


def steps(size, width=256):
    """A slope from black to white over so many columns, in steps of so many levels."""
    levels = np.arange(width) * 255 // (width - 1) // size * size
    return gray(*np.tile(levels, (20, 1)))


@pytest.mark.parametrize(
    ("size", "figure_"),
    [
        (1, 0),  # what 8 bits can't help
        (2, 0),  # two columns each: no flat sides
        (4, 0.246094),  # 63 contours of 256 columns
        (8, 0.121094),  # 31
        (9, 0),  # a step of 9 levels is an edge
    ],
)
def test_banding(size, figure_):
    assert figure(Banding(max=1), steps(size)) == figure_


def test_banding_is_looked_for_up_and_down_too():
    assert figure(Banding(max=1), steps(8).transpose(pillow.Transpose.ROTATE_90)) == 0.121094
    assert figure(Banding(max=1), gray([0, 0, 0, 0, 5, 5, 5])) == 0
    assert figure(Banding(max=1), gray([0, 0, 0, 0, 5, 5, 5, 5])) == 0.125


def test_noise_hides_banding():
    levels = np.asarray(steps(8)) + np.random.default_rng(1).integers(0, 3, (20, 256))
    assert figure(Banding(max=1), gray(*levels)) < 0.001
