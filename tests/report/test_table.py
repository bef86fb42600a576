"""Text tables for pipes and terminals."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.columns import columns
from imgbuild.report.table import render_table

ROWS = [
    ["catalog/thumbnails[sku=A1,color=red]@sdxl#0", "new", "0.8 s"],
    ["brand/logo@hero#12", "prompt changed", "12.5 s"],
]
HEADERS = ["target", "why", "time"]


def test_a_pipe_cuts_nothing() -> None:
    assert render_table(HEADERS, ROWS, None, right={2}) == (
        "target                                       why               time\n"
        "catalog/thumbnails[sku=A1,color=red]@sdxl#0  new              0.8 s\n"
        "brand/logo@hero#12                           prompt changed  12.5 s"
    )


def test_long_cells_lose_their_middle_and_figures_never_do() -> None:
    assert render_table(HEADERS, ROWS, 40, right={2}) == (
        "target            why               time\n"
        "catalog/…@sdxl#0  new              0.8 s\n"
        "brand/lo…hero#12  prompt changed  12.5 s"
    )


def test_a_terminal_too_narrow_keeps_the_figures() -> None:
    assert render_table(HEADERS, ROWS, 5, right={2}) == "…  …    time\n…  …   0.8 s\n…  …  12.5 s"


def test_no_rows() -> None:
    assert render_table(HEADERS, [], 80) == "target  why  time"


def test_wide_characters_and_control_characters_keep_columns_aligned() -> None:
    rows = [["sku=猫", "1"], ["a\nb", "22"]]
    assert render_table(["id", "n"], rows, None, right={1}) == "id       n\nsku=猫   1\na\\nb    22"


cells = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(max_examples=100)
@given(st.lists(st.tuples(cells, cells, cells), max_size=5), st.integers(9, 80))
def test_any_table_fits_its_width(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = render_table(["a", "b", "c"], rows, width).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(columns(line) <= width for line in lines)
