"""Figures and names as people read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.columns import columns
from imgbuild.report.text import data_size, duration, money, natural, percent, plural, printable, shorten


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-0.1, "0 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.1 s"),
        (0.8, "0.8 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.9, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3599.6, "1 h 00 m"),
        (3720, "1 h 02 m"),
        (7199, "2 h 00 m"),
        (3_600_000, "1,000 h 00 m"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "$0.00"),
        (0.00001, "<$0.0001"),
        (0.0004, "$0.0004"),
        (0.00994, "$0.0099"),
        (0.00996, "$0.01"),
        (0.01, "$0.01"),
        (0.04, "$0.04"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money(dollars: float, text: str) -> None:
    assert money(dollars) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0, "0 %"),
        (0.004, "<1 %"),
        (0.005, "<1 %"),
        (0.0051, "1 %"),
        (0.844, "84 %"),
        (1, "100 %"),
        (16.25, "1,625 %"),
    ],
)
def test_percent(part: float, text: str) -> None:
    assert percent(part) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_951, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (5 * 10**9, "5.0 GB"),
        (5 * 10**12, "5.0 TB"),
        (2 * 10**18, "2,000.0 PB"),
    ],
)
def test_data_size(count: int, text: str) -> None:
    assert data_size(count) == text


def test_plural() -> None:
    assert plural(1, "target") == "1 target"
    assert plural(0, "target") == "0 targets"
    assert plural(100_000, "match", "matches") == "100,000 matches"


def test_shorten_takes_from_the_middle() -> None:
    assert shorten("catalog/thumbnails[sku=A1]@sdxl#0", 20) == "catalog/th…1]@sdxl#0"
    assert shorten("short", 5) == "short"
    assert shorten("longer", 1) == "…"
    assert shorten("longer", 0) == ""
    assert shorten("猫猫猫猫", 5) == "猫…猫"


@settings(max_examples=150)
@given(st.text(), st.integers(0, 30))
def test_any_shortened_text_fits(text: str, width: int) -> None:
    assert columns(shorten(text, width)) <= width or columns(text) <= width


@settings(max_examples=150)
@given(st.text())
def test_any_text_is_made_printable_on_one_line(text: str) -> None:
    shown = printable(text)
    assert len(f"{shown}\n".splitlines()) == 1
    assert "\x1b" not in shown
    shown.encode()


def test_printable_shows_escapes() -> None:
    assert printable("a\x1b[2Jb\nc\u202ed") == "a\\x1b[2Jb\\nc\\u202ed"
    assert printable("猫 é …") == "猫 é …"
    assert printable("broken \udcff name") == "broken \\udcff name"


def test_natural_sorts_as_people_count() -> None:
    assert sorted(["A10#0", "A2#1", "A2#0"], key=natural) == ["A2#0", "A2#1", "A10#0"]
