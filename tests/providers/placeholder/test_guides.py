"""Pictures that come with a request: cut and scaled in whole numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.providers.placeholder.guides import read_colours

SIDES = st.integers(1, 40)


@given(width=SIDES, height=SIDES, to_width=SIDES, to_height=SIDES, value=st.integers(0, 255))
@settings(max_examples=80, deadline=None)
def test_any_size_becomes_any_other(
    width: int, height: int, to_width: int, to_height: int, value: int
) -> None:
    drawn = read_colours(pillow.new("L", (width, height), value), to_width, to_height)
    assert drawn.shape == (3, to_height, to_width)
    assert (drawn == value).all()


def test_the_same_size_is_left_alone() -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    assert np.array_equal(read_colours(pillow.fromarray(pixels), 7, 5), pixels.transpose(2, 0, 1))


def test_smaller_is_the_mean_and_larger_the_nearest() -> None:
    row = pillow.fromarray(np.array([[0, 100, 200, 255]], np.uint8))
    assert read_colours(row, 2, 1)[0].tolist() == [[100, 200]]
    square = pillow.fromarray(np.array([[0, 100], [200, 255]], np.uint8))
    assert read_colours(square, 1, 1)[0].tolist() == [[139]]
    assert read_colours(square, 4, 4)[0][0].tolist() == [0, 0, 100, 100]


def test_what_is_transparent_is_white() -> None:
    assert read_colours(pillow.new("RGBA", (3, 3), (10, 20, 30, 0)), 3, 3).min() == 255


def test_sixteen_bits_are_cut_to_eight() -> None:
    deep = pillow.fromarray(np.full((4, 4), 40000, np.uint16))
    assert (read_colours(deep, 2, 2) == 40000 >> 8).all()
