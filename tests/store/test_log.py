"""A log keeps what is whole, whatever happens to its bytes, and never grows beyond its bound."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.store.log import Log


class Note(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


class Other(msgspec.Struct, frozen=True):
    number: str


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def log_at(path: Path, limit: int = 10_000) -> Log[Note]:
    return Log(path, Note, limit)


def numbers(path: Path, limit: int = 10_000) -> list[int]:
    return [note.number for note in log_at(path, limit).read()[0]]


def test_without_a_file_there_is_nothing_and_reading_makes_none(path: Path) -> None:
    assert log_at(path).read() == ([], 0)
    assert not path.exists()


def test_what_is_added_comes_after_what_is_there(path: Path) -> None:
    log_at(path).add([Note(1), Note(2, "two\nlines")])
    log_at(path).add([Note(3)])
    assert log_at(path).read() == ([Note(1), Note(2, "two\nlines"), Note(3)], 0)


def test_after_a_line_that_was_cut_off_the_next_stands_on_its_own(path: Path) -> None:
    log_at(path).add([Note(1), Note(2)])
    path.write_bytes(path.read_bytes()[:-5])
    assert log_at(path).read() == ([Note(1)], 1)
    log_at(path).add([Note(3)])
    assert log_at(path).read() == ([Note(1), Note(3)], 1)


def test_a_last_line_that_lacks_only_its_end_is_kept(path: Path) -> None:
    log_at(path).add([Note(1), Note(2)])
    path.write_bytes(path.read_bytes()[:-1])
    log_at(path).add([Note(3)])
    assert log_at(path).read() == ([Note(1), Note(2), Note(3)], 0)


def test_an_entry_of_another_shape_is_skipped(path: Path) -> None:
    Log(path, Other, 10_000).add([Other("one")])
    log_at(path).add([Note(2)])
    assert log_at(path).read() == ([Note(2)], 1)


def test_the_oldest_go_where_it_would_grow_too_large(path: Path) -> None:
    sizes = []
    for number in range(200):
        log_at(path, 1000).add([Note(number)])
        sizes.append(path.stat().st_size)
    kept = numbers(path, 1000)
    assert max(sizes) <= 1000
    assert kept == list(range(kept[0], 200))
    assert 10 < len(kept) < 40
    assert [name.name for name in path.parent.iterdir()] == ["notes"]


def test_of_a_file_that_others_made_larger_only_the_end_is_read(path: Path) -> None:
    log_at(path, 100_000).add([Note(number) for number in range(200)])
    kept = numbers(path, 1000)
    assert kept == list(range(kept[0], 200))
    assert len(kept) < 40


@given(st.data())
def test_altered_bytes_are_never_believed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "notes"
    log_at(path).add([Note(number) for number in range(5)])
    text = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(text) - 1))
    if data.draw(st.booleans()):
        del text[where:]
    else:
        text[where] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(text)
    log_at(path).add([Note(5)])
    kept = numbers(path)
    assert kept == sorted(set(kept))
    assert set(kept) <= set(range(6))
    assert 5 in kept
