"""Bounds in words, their sanity, and figures rounded so that machines agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.rules import RULES
from imgbuild.rules.band import deviation, in_words, rounded, within

BANDS = ["brightness", "contrast", "not_blank", "sharpness"]


@pytest.mark.parametrize(
    ("least", "most", "words"), [(100, None, "at least 100"), (None, 0.5, "at most 0.5"), (1, 2, "1 to 2")]
)
def test_limits_in_words(least, most, words):
    assert in_words(least, most) == words


def test_bounds_are_still_allowed():
    assert within(1, 1, 1)
    assert not within(0.999999, 1, None)
    assert not within(1.00001, None, 1)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("sharpness", {}, "sharpness has nothing to check: give min, max or both"),
        ("not_blank", {"min": None}, "not_blank has nothing to check: give min, max or both"),
        ("sharpness", {"min": 2, "max": 1}, "min 2 is above max 1: nothing would pass"),
        ("sharpness", {"min": -1}, "min must be at least 0, not -1"),
        ("sharpness", {"max": float("nan")}, "max must be at least 0, not nan"),
        ("sharpness", {"max": float("inf")}, "max must be at least 0, not inf"),
        ("brightness", {"max": 128}, "max must be between 0 and 1, not 128"),
        ("contrast", {"min": 0.6}, "min must be between 0 and 0.5, not 0.6"),
    ],
)
def test_bounds_that_cant_be_meant(name, given, text):
    with pytest.raises(ValueError) as caught:
        RULES.get(name)(**given)
    assert str(caught.value) == text


@pytest.mark.parametrize("name", BANDS)
def test_a_finding_holds_figure_and_limit(name):
    rule = RULES.get(name)(min=0.1, max=0.4)
    finding = rule.judge({name: 0.25})
    assert (finding.ok, finding.figure, finding.limit) == (True, 0.25, "0.1 to 0.4")
    assert not rule.judge({name: 0.05}).ok
    assert not rule.judge({name: 0.45}).ok


def test_six_significant_digits():
    assert [rounded(figure) for figure in (0.12345678, 123456789.0, 2 / 3, 0)] == [
        0.123457,
        123457000.0,
        0.666667,
        0.0,
    ]


@given(st.binary(min_size=1, max_size=200))
def test_deviation_is_that_of_the_pixels(pixels):
    values = np.frombuffer(pixels, dtype=np.uint8)
    histogram = np.bincount(values, minlength=256).tolist()
    assert deviation(histogram) == pytest.approx(values.astype(float).std())
