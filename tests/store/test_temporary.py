"""Temporary files become whole files, or go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgbuild.store import temporary


def stage(folder: Path, data: bytes) -> str:
    return temporary.write_new(str(folder), lambda file: temporary.write_all(file, data), durable=True)


def test_folders_are_made_as_they_are_needed(tmp_path: Path) -> None:
    temporary.move(stage(tmp_path / "a" / "b", b"data"), str(tmp_path / "c" / "d" / "file"))
    assert (tmp_path / "c" / "d" / "file").read_bytes() == b"data"
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError):
        temporary.write_new(str(tmp_path), fail)
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:3])))
    assert Path(stage(tmp_path, b"0123456789")).read_bytes() == b"0123456789"


def test_only_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    mine = Path(stage(tmp_path, b"in progress"))
    program = (
        "import sys; from imgbuild.store import temporary\n"
        "temporary.write_new(sys.argv[1], lambda file: temporary.write_all(file, b'half'))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    (tmp_path / "picture.png").write_bytes(b"not ours to sweep")
    assert len(list(tmp_path.iterdir())) == 3
    assert temporary.sweep(str(tmp_path)) == 1
    assert sorted(tmp_path.iterdir()) == sorted([mine, tmp_path / "picture.png"])
    assert temporary.sweep(str(tmp_path / "nowhere")) == 0
