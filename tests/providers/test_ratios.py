"""Sizes of vendors that are told a ratio."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import ProviderFailed
from imgbuild.providers.ratios import ratio_for, sizes_of

RATIOS = ("1:1", "16:9", "9:16", "3:2", "2:3", "5:4", "4:5", "21:9", "9:21")


@given(st.integers(2**16, 2**26))
def test_sizes_have_their_ratio_and_no_larger_one_would_do(pixels):
    for (width, height), name in zip(sizes_of(RATIOS, pixels), RATIOS, strict=True):
        ratio = Fraction(name.replace(":", "/"))
        assert (width % 8, height % 8, Fraction(width, height)) == (0, 0, ratio)
        assert ratio_for(width, height, RATIOS) == name
        wider = width + 8 * ratio.numerator
        assert width * height <= pixels < wider * (wider / ratio)


def test_a_size_of_no_ratio():
    with pytest.raises(ProviderFailed) as raised:
        ratio_for(1000, 999, RATIOS)
    assert (raised.value.message, raised.value.hint) == (
        "there is no ratio for 1000x999",
        "the ratios are 1:1, 16:9, 9:16, 3:2, 2:3, 5:4, 4:5, 21:9, 9:21",
    )
