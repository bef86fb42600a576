import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import TargetError
from imgbuild.sheets.layout import LABEL, lay_out
from imgbuild.types import Sheet

SIDES = st.integers(1, 300)
SHEETS = st.builds(
    Sheet,
    asset=st.just("icons"),
    columns=st.none() | st.integers(1, 12),
    cell=st.just("") | st.builds("{}x{}".format, SIDES, SIDES),
    gap=st.integers(0, 9),
    margin=st.integers(0, 9),
    labels=st.booleans(),
)


def apart(one, other):
    return (
        one[0] + one[2] <= other[0]
        or other[0] + other[2] <= one[0]
        or one[1] + one[3] <= other[1]
        or other[1] + other[3] <= one[1]
    )


@given(SHEETS, st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=20))
def test_any_pictures_stand_apart_each_in_its_cell(sheet, sizes):
    layout = lay_out(sheet, sizes)
    for place, (box, cell) in enumerate(zip(layout.boxes, layout.cells, strict=True)):
        left, top, width, height = box
        assert cell[0] <= left
        assert left + width <= cell[0] + cell[2]
        assert cell[1] <= top
        assert top + height <= cell[1] + cell[3] - (LABEL if sheet.labels else 0)
        assert sheet.margin <= cell[0]
        assert cell[0] + cell[2] <= layout.size[0] - sheet.margin
        assert cell[1] + cell[3] <= layout.size[1] - sheet.margin
        assert all(apart(cell, other) for other in layout.cells[:place])


@given(SHEETS, st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=20))
def test_no_picture_grows_and_none_is_distorted(sheet, sizes):
    for (width, height), (_, _, wide, high) in zip(sizes, lay_out(sheet, sizes).boxes, strict=True):
        assert wide <= width
        assert high <= height
        assert (wide, high) == (width, height) or abs(wide / width - high / height) <= max(
            1 / width, 1 / height
        )


def test_columns_gap_margin_and_labels():
    sheet = Sheet(asset="icons", columns=2, gap=4, margin=10, labels=True)
    layout = lay_out(sheet, [(32, 16), (16, 32), (8, 8)])
    assert layout.size == (10 + 32 + 4 + 32 + 10, 10 + 32 + LABEL + 4 + 32 + LABEL + 10)
    assert layout.boxes == ((10, 18, 32, 16), (54, 10, 16, 32), (22, 78, 8, 8))


@pytest.mark.parametrize(
    ("count", "size", "columns"), [(1, (9, 9), 1), (10, (9, 9), 4), (6, (300, 100), 2), (6, (100, 300), 5)]
)
def test_without_columns_it_is_about_square(count, size, columns):
    layout = lay_out(Sheet(asset="icons"), [size] * count)
    assert layout.size[0] == columns * size[0]


def test_a_sheet_that_no_file_can_hold():
    with pytest.raises(TargetError) as raised:
        lay_out(Sheet(asset="icons", columns=100), [(1024, 1024)] * 1000)
    assert raised.value.message == (
        "a sheet of 1,000 pictures would have 102,400×10,240 pixels, and"
        " at most 65,535 a side and 268,435,456 in all can be written"
    )
    assert raised.value.hint == "give it a smaller 'cell', or an axis that parts the pictures"
