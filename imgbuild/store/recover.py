"""What a crash took: a state.db, rebuilt from the manifests beside the blobs, and records of what was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from imgbuild.store.blobs import Blobs
from imgbuild.store.journal import LOOKED_FOR, Journal
from imgbuild.store.records import Corrupt, Records
from imgbuild.types import Digest, Record, Value

NAME = "state.db"


def open_records(folder: Path, *, write: bool = True) -> tuple[Records, list[str]]:
    """The records of the store at `folder`, and what had to be mended, one sentence each.

    write: False for readers; what they rebuild is in memory only, and the broken file stays where it is.
    """
    path = folder / NAME
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


def take_back(records: Records, blobs: Blobs, journal: Journal) -> None:
    """Record again what was paid for and not committed: its manifest lies beside its blob.

    A request whose answer is found so is settled; one whose answer is nowhere is looked for only once.
    """
    lost = [entry for entry in journal.in_flight() if not entry.reason]
    bought = journal.bought()
    known = records.get_records({*bought, *(entry.key for entry in lost)})
    found = [record for key in bought.keys() - known.keys() for record in _beside(blobs, bought[key], key)]
    if unknown := {entry.key for entry in lost} - known.keys():
        found += [record for record in _found(blobs) if record.key in unknown]
    if found:
        records.put_records(found)
    answers = {**known, **{record.key: record for record in found}}
    for entry in lost:
        answer = answers.get(entry.key)
        if answer is not None and answer.created >= entry.begun:
            journal.settle(entry.id, answer.cost, answer.blob)
        else:
            journal.lose(entry.id, LOOKED_FOR)


def _beside(blobs: Blobs, blob: Digest, key: Digest) -> list[Record]:
    """The record of a key that stands beside a blob."""
    read = (_record(blobs, blob, fields) for fields in blobs.manifests_of(blob) if fields.get("key") == key)
    return [record for record in read if record is not None]


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
        record = _record(blobs, digest, fields)
        if record is not None:
            yield record


def _record(blobs: Blobs, digest: Digest, fields: dict[str, Value]) -> Record | None:
    try:
        record = msgspec.convert(fields, Record)
    except msgspec.ValidationError:
        blobs.notes.append(f"the manifest beside blob {digest} is no record, and was skipped")
        return None
    return record if record.blob == digest else None
