"""What a run has learnt, written to the store in batches, and readable at once. Only the loop's thread uses it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from imgbuild.digest import Manifest
from imgbuild.rules.base import Measured
from imgbuild.store.gc import NOTED
from imgbuild.store.history import Attempt, History, Refusal
from imgbuild.store.log import Log
from imgbuild.store.records import Measurement, Output, Records, looked_at
from imgbuild.types import Digest, Line, Outcome, Record

T = TypeVar("T")

BATCH_SECONDS = 0.5  # how long what was learnt may wait for its commit


class Ledger:
    """Pending rows over the database. `profile` ("" for none) keeps its own outputs and outcomes.

    history: where attempts and refusals go.
    """

    def __init__(self, records: Records, profile: str, history: History | None = None) -> None:
        self.db, self.profile, self.history = records, profile, history
        self._records: dict[Digest, Record] = {}
        self._measured: dict[Measurement, Measured] = {}
        self._outputs: dict[str, Output] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._equivalents: list[tuple[Digest, Digest]] = []
        self._attempts: list[Attempt] = []
        self._refusals: list[Refusal] = []
        self._next = time.monotonic() + BATCH_SECONDS

    def put_records(self, records: Iterable[Record]) -> None:
        for record in records:
            self._records[record.key] = record

    def record(self, key: Digest) -> Record | None:
        return self._records.get(key) or self.db.get(key)

    def put_measured(self, measured: Iterable[tuple[Measurement, Measured]]) -> None:
        self._measured.update(measured)

    def note_used(self, images: Iterable[Digest], day: int) -> None:
        """Note that measurements of these, which may be no blobs, were used. day: since the epoch."""
        keys = [looked_at(image) for image in images]
        noted = self.measured(keys)
        old = [key for key in keys if day - noted.get(key, {}).get("day", -NOTED) >= NOTED]
        self.put_measured((key, {"day": day}) for key in old)

    def measured(self, keys: Sequence[Measurement]) -> dict[Measurement, Measured]:
        found = {key: self._measured[key] for key in keys if key in self._measured}
        missing = [key for key in keys if key not in found]
        return {**found, **self.db.get_measured(missing)} if missing else found

    def put_output(self, path: str, output: Output) -> None:
        self._outputs[path] = output

    def put_outcome(self, name: str, outcome: Outcome) -> None:
        self._outcomes[name] = outcome

    def outcomes(self, targets: Collection[str]) -> dict[str, Outcome]:
        """How these targets last ended."""
        pending = {name: outcome for name, outcome in self._outcomes.items() if name in targets}
        return {**self.db.outcomes(self.profile, targets), **pending}

    def put_equivalent(self, image: Digest, equal_to: Digest) -> None:
        self._equivalents.append((image, equal_to))

    def put_intent(self, intent: Digest, manifest: Manifest) -> None:
        """What an intent (or a digest of rules) was taken over, so that `why` can tell the old values from the new."""
        self.put_records([Record(key=intent, step="intent", blob="", pixels="", manifest=manifest)])

    def put_pixels(self, pixels: Digest, blob: Digest) -> None:
        """Which blob holds exactly these pixels, where the published file does not."""
        self.put_records([Record(key=pixels_key(pixels), step="pixels", blob=blob, pixels=pixels)])

    def put_candidate(self, name: str, line: Line) -> None:
        """An image that drifted from the lock, for `lock --accept`."""
        manifest: dict[str, Any] = msgspec.to_builtins(line)
        record = Record(
            key=candidate_key(self.profile, name),
            step="candidate",
            blob=line.image,
            pixels=line.pixels,
            manifest=manifest,
        )
        self.put_records([record])

    def put_attempt(self, attempt: Attempt) -> None:
        self._attempts.append(attempt)

    def put_refusal(self, refusal: Refusal) -> None:
        self._refusals.append(refusal)

    def commit_in_time(self) -> None:
        if time.monotonic() >= self._next:
            self.commit()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pending for the database."""
        return not any(self._pending)

    @property
    def _pending(self) -> tuple[Any, ...]:
        return (self._records, self._measured, self._outputs, self._outcomes, self._equivalents)

    def commit(self) -> None:
        """Write all that is pending, together; nothing is touched where nothing is."""
        self._next = time.monotonic() + BATCH_SECONDS
        if not self.is_empty:
            self._commit_rows()
        self._write_history()

    def _commit_rows(self) -> None:
        with self.db.batch():
            self.db.put_records(self._records.values())
            self.db.put_measured(self._measured.items())
            self.db.put_outputs(self.profile, self._outputs)
            self.db.put_outcomes(self.profile, self._outcomes)
            self.db.put_equivalents(self._equivalents)
        for rows in self._pending:
            rows.clear()

    def _write_history(self) -> None:
        if self.history is not None:
            _add(self.history.attempts, self._attempts)
            _add(self.history.refusals, self._refusals)


def _add(log: Log[T], entries: list[T]) -> None:
    if entries:
        with suppress(OSError):  # statistics are worth no build
            log.add(entries)
        entries.clear()


def pixels_key(pixels: Digest) -> str:
    return f"pixels {pixels}"


def candidate_key(profile: str, name: str) -> str:
    return f"candidate {profile} {name}"


def manifest_of(records: Records, intent: Digest) -> Mapping[str, Any]:
    """The fields that a stored intent was taken over; empty where it is not known here."""
    record = records.get(intent)
    return record.manifest if record else {}
