"""Collecting garbage frees room, and never takes what is needed or can't be made again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imgbuild.digest import digest_bytes
from imgbuild.store.blobs import Blobs
from imgbuild.store.gc import DAY, NOTED, UNUSED, Collected, collect
from imgbuild.store.records import Measurement, Records, looked_at
from imgbuild.types import Digest, Record

NOW = 1000.0


class Shelf:
    """Five blobs of 100 bytes, written at 100, 200 … 500 seconds."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder)
        self.records = Records(None)
        self.digests = [self.put(number) for number in range(5)]

    def put(self, number: int, **fields: Any) -> Digest:
        digest = self.blobs.add(bytes([number]) * 100)
        os.utime(self.blobs.path(digest), (0, 100 * (number + 1)))
        known = {"key": f"key-{number}", "step": "generate", "seed": 1, "pixels": "p", "blob": digest}
        record = Record(**{**known, **fields})
        self.records.put_records([record])
        self.records.put_measured([(Measurement(digest, "contrast", 1, ""), {})])
        self.blobs.manifest_add(digest, msgspec.json.encode(record))
        return digest

    def collect(self, keep: set[Digest] = frozenset(), **options: Any) -> Collected:  # type: ignore[assignment]
        return collect(self.blobs, self.records, keep, now=NOW, **options)

    def left(self) -> list[int]:
        return [number for number, digest in enumerate(self.digests) if self.blobs.has(digest)]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    with shelf.records:
        yield shelf


def test_the_oldest_go_first_until_the_limit_is_kept(shelf: Shelf) -> None:
    assert shelf.collect(limit=250) == Collected(removed=3, freed=300, kept=2)
    assert shelf.left() == [3, 4]
    assert shelf.collect(limit=250) == Collected(removed=0, freed=0, kept=2)


def test_what_is_needed_stays_even_above_the_limit(shelf: Shelf) -> None:
    assert shelf.collect({shelf.digests[0], shelf.digests[2]}, limit=0) == Collected(3, 300, 2)
    assert shelf.left() == [0, 2]


def test_rows_and_manifests_go_with_their_blob(shelf: Shelf) -> None:
    shelf.collect(limit=400)
    assert sorted(shelf.records.all_records()) == [f"key-{number}" for number in range(1, 5)]
    keys = [Measurement(digest, "contrast", 1, "") for digest in shelf.digests]
    assert set(shelf.records.get_measured(keys)) == set(keys[1:])
    assert shelf.digests[0] not in dict(shelf.blobs.manifests())


def test_age_alone_decides_without_a_limit(shelf: Shelf) -> None:
    shelf.collect(older_than=NOW - 300)
    assert shelf.left() == [3, 4]


def test_age_and_limit_must_both_allow(shelf: Shelf) -> None:
    shelf.collect(older_than=NOW - 300, limit=400)
    assert shelf.left() == [1, 2, 3, 4]
    shelf.collect(older_than=NOW - 300, limit=0)
    assert shelf.left() == [3, 4]


def test_nothing_goes_unless_asked(shelf: Shelf) -> None:
    assert shelf.collect() == Collected(0, 0, 5)
    assert shelf.collect({shelf.digests[1]}, all=True) == Collected(4, 400, 1)
    assert shelf.left() == [1]


def test_a_dry_run_tells_and_takes_nothing(shelf: Shelf) -> None:
    assert shelf.collect(limit=250, dry_run=True) == Collected(3, 300, 2)
    assert shelf.left() == [0, 1, 2, 3, 4]
    assert len(shelf.records.all_records()) == 5


@pytest.mark.parametrize("fields", [{"cost": 0.04}, {"seed": None}, {"info": {"grade": "stored"}}])
def test_what_cannot_be_made_again_stays_unless_allowed(shelf: Shelf, fields: dict[str, Any]) -> None:
    shelf.put(0, **fields)
    shelf.collect(all=True)
    assert shelf.left() == [0]
    shelf.collect(all=True, unreproducible=True)
    assert shelf.left() == []


def test_derived_images_can_always_be_made_again(shelf: Shelf) -> None:
    shelf.put(0, step="encode", seed=None)
    shelf.collect(all=True)
    assert shelf.left() == []


def test_a_manifest_tells_where_the_record_is_lost(shelf: Shelf) -> None:
    shelf.put(0, cost=0.04)
    shelf.records.drop_records(["key-0", "key-1"])
    shelf.blobs.manifest_add(shelf.digests[1], b'{"key": "key-1", "no": "record"}')
    shelf.collect(all=True)
    assert shelf.left() == [0, 1]


def test_a_blob_of_which_nothing_is_known_may_go(shelf: Shelf) -> None:
    unknown = shelf.blobs.add(b"unknown")
    shelf.collect(set(shelf.digests), all=True)
    assert not shelf.blobs.has(unknown)
    assert shelf.left() == [0, 1, 2, 3, 4]


def test_a_digest_that_is_kept_need_not_be_here(shelf: Shelf) -> None:
    assert shelf.collect({digest_bytes(b"elsewhere")}, limit=10_000) == Collected(0, 0, 5)


# --- measurements of pictures that are no blobs -------------------------------------------------------

FOREIGN = {f"foreign-{day}": day for day in (0, 50, 99)}  # by the day on which they were last used


@pytest.fixture
def measured(shelf: Shelf) -> Shelf:
    for image, day in FOREIGN.items():
        shelf.records.put_measured(
            [(Measurement(image, "noise", 1, ""), {}), (looked_at(image), {"day": day})]
        )
    shelf.records.put_measured([(Measurement("no-note", "noise", 1, ""), {"noise": 1})])
    return shelf


def forgotten(shelf: Shelf, today: int = 100, **options: Any) -> tuple[set[str], int]:
    """Which of them are forgotten, and how many are said to be."""
    before = set(shelf.records.measured_images())
    keep = {*shelf.digests, *options.pop("keep", ())}
    said = collect(shelf.blobs, shelf.records, keep, now=today * DAY, **options)
    return before - set(shelf.records.measured_images()), said.forgotten


def test_what_was_measured_elsewhere_goes_once_it_was_not_used_for_so_long(measured: Shelf) -> None:
    so_long = (100 - 50 - NOTED) * DAY  # the note may be so many days older than the last use
    assert forgotten(measured, older_than=so_long + 1) == ({"foreign-0", "no-note"}, 2)
    assert forgotten(measured, older_than=so_long) == ({"foreign-50"}, 1)
    assert forgotten(measured, all=True) == ({"foreign-99"}, 1)
    assert set(measured.digests) == set(measured.records.measured_images())


def test_a_limit_of_blobs_forgets_what_is_long_unused(measured: Shelf) -> None:
    assert forgotten(measured, today=UNUSED + NOTED - 1, limit=10_000) == ({"no-note"}, 1)
    assert forgotten(measured, today=UNUSED + NOTED, limit=10_000) == ({"foreign-0"}, 1)


def test_what_locks_name_is_not_forgotten_and_a_dry_run_forgets_nothing(measured: Shelf) -> None:
    assert forgotten(measured, all=True, keep={"foreign-0", "no-note"}, dry_run=True) == (set(), 2)
    assert forgotten(measured, all=True, keep={"foreign-0", "no-note"}) == ({"foreign-50", "foreign-99"}, 2)


def test_nothing_is_forgotten_unless_asked(measured: Shelf) -> None:
    assert forgotten(measured) == (set(), 0)
