"""A seal tells every change of a file."""

from __future__ import annotations

from pathlib import Path

from imgbuild.store import seal


def test_a_sealed_file_is_whole_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"\0" * 3_000_000)
    assert not seal.is_whole(path)
    seal.put_on(path)
    assert seal.is_whole(path)
    with path.open("r+b") as file:
        file.seek(2_345_678)
        file.write(b"\1")
    assert not seal.is_whole(path)


def test_a_file_without_its_seal_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"data")
    seal.put_on(path)
    seal.take_off(path)
    seal.take_off(path)
    assert not seal.is_whole(path)
    seal.put_on(path)
    path.unlink()
    assert not seal.is_whole(path)
