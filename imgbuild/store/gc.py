"""What the store may forget: the oldest blobs first, never what is still needed or can't be made again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from operator import itemgetter

import msgspec

from imgbuild.store.blobs import Blobs
from imgbuild.store.records import Records, looked_at
from imgbuild.types import Digest, Grade, Record

DAY = 86_400.0  # seconds
NOTED = 7  # days: how seldom it is noted that measurements of a picture were used
UNUSED = 90  # days after which they are forgotten where only blobs are bounded

_Blob = tuple[Digest, int, float]  # size in bytes, seconds since the epoch


class Collected(msgspec.Struct, frozen=True):
    """Blobs removed, their bytes, and blobs that stay; of a dry run, what they would be.

    forgotten: pictures that are no blobs, whose measurements were removed.
    """

    removed: int
    freed: int
    kept: int
    forgotten: int = 0


def collect(
    blobs: Blobs,
    records: Records,
    keep: AbstractSet[Digest],
    limit: int | None = None,
    older_than: float | None = None,
    dry_run: bool = False,
    *,
    all: bool = False,
    unreproducible: bool = False,
    now: float | None = None,
) -> Collected:
    """Remove blobs, with their manifests and records, until the store is no larger than `limit` bytes.

    older_than: seconds; younger blobs stay. Without a limit everything that is older goes, or, without either,
    everything with `all`. What is in `keep` stays always; what can't be made again, unless `unreproducible`.
    Measurements of other pictures go by when they were last used; with a limit alone, after UNUSED days.
    """
    now = time.time() if now is None else now
    by_blob, present = _by_blob(records), list(blobs.all())
    latest = _latest(limit, older_than, all, now)
    old = [blob for blob in present if blob[2] <= latest and blob[0] not in keep]
    spare = [blob for blob in old if unreproducible or _can_be_made_again(blobs, by_blob, blob[0])]
    spare.sort(key=itemgetter(2, 0))
    gone = spare if limit is None else _first(spare, sum(size for _, size, _ in present) - limit)
    latest = now - UNUSED * DAY if limit is not None and older_than is None and not all else latest
    foreign = _unused(records, keep | {digest for digest, _, _ in present}, latest)
    if not dry_run:
        _remove(blobs, records, by_blob, [digest for digest, _, _ in gone], foreign)
    return Collected(len(gone), sum(blob[1] for blob in gone), len(present) - len(gone), len(foreign))


def is_reproducible(record: Record) -> bool:
    """Whether its blob can be made again for nothing: not if it cost money, had no seed, or says "stored"."""
    if record.step != "generate":
        return True
    return record.cost == 0 and record.seed is not None and record.info.get("grade") != Grade.STORED


def _unused(records: Records, known: AbstractSet[Digest], latest: float) -> list[Digest]:
    """Measured pictures that are none of the known, and were used no later; those without a note at no time."""
    foreign = [image for image in records.measured_images() if image not in known]
    noted = records.get_measured(map(looked_at, foreign))
    used = {key.image: (note["day"] + NOTED) * DAY for key, note in noted.items()}
    return [image for image in foreign if used.get(image, 0.0) <= latest]


def _by_blob(records: Records) -> dict[Digest, list[Record]]:
    found: dict[Digest, list[Record]] = {}
    for record in records.all_records().values():
        found.setdefault(record.blob, []).append(record)
    return found


def _latest(limit: int | None, older_than: float | None, all: bool, now: float) -> float:
    """The latest time of writing that may go."""
    if older_than is not None:
        return now - older_than
    return float("inf") if all or limit is not None else float("-inf")


def _can_be_made_again(blobs: Blobs, by_blob: Mapping[Digest, list[Record]], digest: Digest) -> bool:
    """As its records say; for a blob without any, its manifests. One that can't be understood says no."""
    try:
        known = by_blob.get(digest) or msgspec.convert(blobs.manifests_of(digest), list[Record])
    except msgspec.ValidationError:
        return False
    return all(is_reproducible(record) for record in known)


def _first(spare: Iterable[_Blob], excess: int) -> list[_Blob]:
    """The first blobs that together have at least `excess` bytes, or all."""
    chosen: list[_Blob] = []
    for blob in spare:
        if excess <= 0:
            break
        chosen.append(blob)
        excess -= blob[1]
    return chosen


def _remove(
    blobs: Blobs,
    records: Records,
    by_blob: Mapping[Digest, list[Record]],
    digests: list[Digest],
    foreign: list[Digest],
) -> None:
    """Rows first: a blob that a crash leaves without a row is collected next time, or found by its manifest."""
    with records.batch():
        records.drop_records(record.key for digest in digests for record in by_blob.get(digest, []))
        records.drop_measured([*digests, *foreign])
    for digest in digests:
        blobs.remove(digest)
