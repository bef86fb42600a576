"""How wide text is on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.columns import columns

WIDTHS = {
    "": 0,
    "sku=A1": 6,
    "sku=猫": 6,
    "ｆｕｌｌ": 8,
    "🍎": 2,
    "e\u0301": 1,
    "\u200b": 0,
    "ä—…": 3,
}


@pytest.mark.parametrize("text", WIDTHS)
def test_columns(text):
    assert columns(text) == WIDTHS[text]


@given(st.text(), st.text())
def test_texts_side_by_side_are_as_wide_as_both(one, other):
    assert columns(one + other) == columns(one) + columns(other)
