"""A lost or damaged state.db, moved aside and rebuilt from the manifests beside the blobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from imgbuild.store.blobs import Blobs
from imgbuild.store.records import Corrupt, Records
from imgbuild.types import Record

_NAME = "state.db"


def open_records(folder: Path, *, write: bool = True) -> tuple[Records, list[str]]:
    """The records of the store at `folder`, and what had to be mended, one sentence each.

    write: False for readers; what they rebuild is in memory only, and the broken file stays where it is.
    """
    path = folder / _NAME
    try:
        if path.exists() and path.stat().st_size > 0:
            return Records(path, write=write), []
        lost = f"{path} is missing"
    except Corrupt as error:
        lost = error.message
    if write:
        move_aside(path)
    return _rebuild(Blobs(folder / "blobs"), path if write else None, lost)


def move_aside(path: Path) -> None:
    """Rename the database and what SQLite keeps beside it to `*.bad`, in place of an older one."""
    path.with_name(f"{path.name}.seal").unlink(missing_ok=True)
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(path.with_name(f"{path.name}{suffix}.bad"))


def _rebuild(blobs: Blobs, path: Path | None, lost: str) -> tuple[Records, list[str]]:
    records = Records(path)
    found = list(_found(blobs))
    records.put_records(found)
    is_new = lost.endswith("is missing") and not found and not blobs.notes
    note = f"{lost}; rebuilt {len(found)} records from the manifests beside the blobs"
    return records, [] if is_new else [note, *blobs.notes]


def _found(blobs: Blobs) -> Iterator[Record]:
    """The records that manifests hold; one that speaks of another blob, or is no record, is left out."""
    for digest, fields in blobs.manifests():
        try:
            record = msgspec.convert(fields, Record)
        except msgspec.ValidationError:
            blobs.notes.append(f"the manifest beside blob {digest} is no record, and was skipped")
            continue
        if record.blob == digest:
            yield record
