"""What the file system under a project can do, found by trying: share bytes, tell cases apart, keep time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from imgbuild.report.text import data_size, duration
from imgbuild.store.reflink import clone

SKEW = 2.0  # seconds between the file system's clock and ours from which stamps of young files mislead
ROOM = 1_000_000_000  # bytes below which space is short


def feel(store: Path, output: Path, root: Path) -> Iterator[tuple[bool, str]]:
    """What was found, one sentence each, and whether all is well with it. Leaves nothing behind.

    store, output: folders that need not be there yet. Raises OSError where nothing can be written.
    """
    home = store if store.is_dir() else root
    with TemporaryDirectory(prefix=".imgbuild-", dir=home) as folder:
        yield True, _reflinks(Path(folder))
        yield _clock(Path(folder))
    free = shutil.disk_usage(home).free
    yield free >= ROOM, f"{data_size(free)} free"
    if folds_case(output, root):
        yield True, "upper and lower case are one name here"


def _reflinks(folder: Path) -> str:
    (folder / "source").write_bytes(bytes(4096))
    with (folder / "source").open("rb") as source, (folder / "target").open("wb") as target:
        shared = clone(source.fileno(), target.fileno())
    return "outputs share their bytes with the store" if shared else "no reflinks: outputs are copies"


def _clock(folder: Path) -> tuple[bool, str]:
    """Whether files are stamped by the clock that this process reads; a share may have its own."""
    file = folder / "now"
    file.touch()
    skew = abs(file.stat().st_mtime - time.time())
    if skew <= SKEW:
        return True, "its clock is ours"
    return False, f"its clock is {duration(skew)} off ours: an edit may be overlooked"


def folds_case(output: Path, root: Path) -> bool:
    """Whether names that differ in case alone are one file in the output folder, or where it will be."""
    inside = next(iter(sorted(output.iterdir())), output) if output.is_dir() else root
    other = inside.with_name(inside.name.swapcase())
    return other != inside and other.exists() and other.samefile(inside)
