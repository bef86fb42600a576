"""A clone has the same bytes, or was not made at all."""

from __future__ import annotations

import os
from pathlib import Path

from imgbuild.store.reflink import clone


def test_a_clone_is_equal_or_empty(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"pixels" * 10_000)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_WRONLY | os.O_CREAT)
    cloned = clone(source, target)
    os.close(source)
    os.close(target)
    assert (tmp_path / "target").read_bytes() == (b"pixels" * 10_000 if cloned else b"")
