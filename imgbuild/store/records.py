"""What is known of steps, images and outputs: one SQLite file, which can be lost without losing an image."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from imgbuild.errors import ImgbuildError
from imgbuild.files import Stamp
from imgbuild.store import seal
from imgbuild.store.rows import Rows
from imgbuild.types import Digest, Outcome, Record, Value

_FORMAT = 1
_MAGIC = b"SQLite format 3\0"
_PASSING = {  # says nothing of the file's soundness; any other error does
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
_REBUILD = "`imgbuild build` moves it aside and rebuilds it from the store"
_LOOK = "see whether the disk is full, or the folder can't be written"


class Corrupt(ImgbuildError):
    """The file is no sound database of ours; it can be rebuilt."""


class Measurement(NamedTuple):
    """What a measurement is of: the image, and by which rule. refs: digest of parameters and references."""

    image: Digest
    rule: str
    version: int
    refs: Digest


def looked_at(image: Digest) -> Measurement:
    """What is kept beside the measurements of a picture that is no blob: {"day": since the epoch, when it was used}."""
    return Measurement(image, "", 0, "")


class Output(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was published under a path, for which target; `stamp` is what stat said of the file then."""

    digest: Digest
    target: str
    stamp: Stamp


class Records:
    """The database at `path`; None: an empty one in memory. Used by one thread.

    write: False for readers, who never wait for the writer and change nothing. Raises Corrupt, here and in
    every method, where the file is not sound; a row that is not as it was written is absent.
    """

    def __init__(self, path: Path | None, *, write: bool = True) -> None:
        self.path = path
        self._write = write
        is_new = path is None or not path.exists() or path.stat().st_size == 0
        with self._guard():
            self._connection = _connect(path, write)
            self._declare(self._connection)
            try:
                self._connection.execute("PRAGMA synchronous=NORMAL")
                self._connection.execute("PRAGMA cache_size=-65536")  # KiB
                self._set_up() if is_new else self._check()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def batch(self) -> Iterator[None]:
        """All that is put or dropped within is kept together, or not at all where an exception leaves it."""
        if self._connection.in_transaction:
            yield
            return
        with self._guard():
            self._connection.execute("BEGIN IMMEDIATE")
            self._break_seal()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        with self._guard():
            self._connection.commit()

    def get(self, key: Digest) -> Record | None:
        """The record of one key."""
        return self.get_records([key]).get(key)

    def get_records(self, keys: Iterable[Digest]) -> dict[Digest, Record]:
        """The records of those keys that have one."""
        with self._guard():
            return {key: record for (key, _), record in self._records.some(keys)}

    def all_records(self) -> dict[Digest, Record]:
        with self._guard():
            return {key: record for (key, _), record in self._records.all()}

    def put_records(self, records: Iterable[Record]) -> None:
        with self.batch(), self._guard():
            self._records.put(((record.key, ""), record) for record in records)

    def drop_records(self, keys: Iterable[Digest]) -> None:
        with self.batch(), self._guard():
            self._records.drop_first(keys)

    def get_measured(self, keys: Iterable[Measurement]) -> dict[Measurement, dict[str, Value]]:
        """What was measured, for those of the keys for which something was."""
        wanted = {_measurement_key(key): key for key in keys}
        images = dict.fromkeys(image for image, _ in wanted)
        with self._guard():
            found = self._measurements.some(images)
            return {wanted[key]: measured for key, measured in found if key in wanted}

    def measured_images(self) -> list[Digest]:
        """Every image of which something was measured."""
        with self._guard():
            return self._measurements.firsts()

    def put_measured(self, measured: Iterable[tuple[Measurement, Mapping[str, Value]]]) -> None:
        with self.batch(), self._guard():
            self._measurements.put((_measurement_key(key), dict(values)) for key, values in measured)

    def drop_measured(self, images: Iterable[Digest]) -> None:
        with self.batch(), self._guard():
            self._measurements.drop_first(images)

    def outputs(self, profile: str, paths: Iterable[str] | None = None) -> dict[str, Output]:
        """All that a profile ("" for none) has published, by path; or only what is at these paths."""
        with self._guard():
            rows = self._outputs.some([profile]) if paths is None else self._outputs.get(profile, paths)
            return {path: output for (_, path), output in rows}

    def put_outputs(self, profile: str, outputs: Mapping[str, Output]) -> None:
        with self.batch(), self._guard():
            self._outputs.put(((profile, path), output) for path, output in outputs.items())

    def drop_outputs(self, profile: str, paths: Iterable[str]) -> None:
        with self.batch(), self._guard():
            self._outputs.drop((profile, path) for path in paths)

    def outcomes(self, profile: str, targets: Iterable[str] | None = None) -> dict[str, Outcome]:
        """By target id, how it last ended; of all, or only of these."""
        with self._guard():
            rows = self._outcomes.some([profile]) if targets is None else self._outcomes.get(profile, targets)
            return {target: outcome for (_, target), outcome in rows}

    def put_outcomes(self, profile: str, outcomes: Mapping[str, Outcome]) -> None:
        with self.batch(), self._guard():
            self._outcomes.put(((profile, target), outcome) for target, outcome in outcomes.items())

    def equivalents(self) -> dict[Digest, set[Digest]]:
        """For each image that was found equivalent to others, which: it may stand for each of them."""
        found: dict[Digest, set[Digest]] = {}
        with self._guard():
            for (image, equal_to), _ in self._equivalents.all():
                found.setdefault(image, set()).add(equal_to)
        return found

    def put_equivalents(self, pairs: Iterable[tuple[Digest, Digest]]) -> None:
        """Note of each (image, equal_to) that the first may stand for the second."""
        with self.batch(), self._guard():
            self._equivalents.put(((image, equal_to), None) for image, equal_to in pairs)

    def file_digests(self) -> dict[str, tuple[Stamp, Digest]]:
        """The digest each source file had, and the stamp for which that holds."""
        with self._guard():
            return {path: known for (path, _), known in self._file_digests.all()}

    def put_file_digests(self, digests: Mapping[str, tuple[Stamp, Digest]]) -> None:
        with self.batch(), self._guard():
            self._file_digests.put(((path, ""), known) for path, known in digests.items())

    def close(self) -> None:
        """Leave the file sealed, so that the next to open it need not look at every row."""
        with self._guard():
            if self.path is not None and self._write and not self._is_sealed:
                self._empty_log()
                self._connection.close()
                self._seal(self.path)
            self._connection.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _declare(self, connection: sqlite3.Connection) -> None:
        self._records: Rows[Record] = Rows(connection, "records", "key", "spare", Record)
        self._measurements: Rows[Any] = Rows(connection, "measurements", "image", "rule", dict[str, Value])
        self._outputs: Rows[Output] = Rows(connection, "outputs", "profile", "path", Output)
        self._outcomes: Rows[Outcome] = Rows(connection, "outcomes", "profile", "target", Outcome)
        self._equivalents: Rows[None] = Rows(connection, "equivalents", "image", "equal_to", None)
        self._file_digests: Rows[tuple[Stamp, Digest]] = Rows(
            connection, "file_digests", "path", "spare", tuple[Stamp, Digest]
        )

    def _tables(self) -> list[Rows[Any]]:
        return [
            self._records,
            self._measurements,
            self._outputs,
            self._outcomes,
            self._equivalents,
            self._file_digests,
        ]

    def _set_up(self) -> None:
        self._is_sealed = False
        if self.path is not None:
            seal.take_off(self.path)
            self._connection.execute("PRAGMA page_size=8192")
            self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("BEGIN IMMEDIATE")
        for table in self._tables():
            self._connection.execute(table.schema)
        self._connection.execute(f"PRAGMA user_version={_FORMAT}")
        self._connection.commit()

    def _check(self) -> None:
        """Raise Corrupt unless the file is ours and whole; only an unsealed one is read through."""
        assert self.path is not None
        with self.path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise Corrupt(f"{self.path} is not a database")
        if self._connection.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
            raise Corrupt(f"{self.path} is of another format than {_FORMAT}")
        schemas = {row[0] for row in self._connection.execute("SELECT sql FROM sqlite_master")}
        if schemas != {table.schema for table in self._tables()}:
            raise Corrupt(f"{self.path} does not have our tables")
        self._is_sealed = not _has_wal(self.path) and seal.is_whole(self.path)
        if not self._is_sealed:
            self._check_rows()

    def _check_rows(self) -> None:
        if self._connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise Corrupt(f"{self.path} is damaged")
        for table in self._tables():
            for _ in table.all():
                pass
        bad = sum(table.bad for table in self._tables())
        if bad:
            raise Corrupt(f"{self.path} has {bad} damaged rows")

    def _seal(self, path: Path) -> None:
        """Not where a reader keeps the log open, or the disk is full: then every row is looked at next time."""
        if not _has_wal(path):
            with suppress(OSError):
                seal.put_on(path)
        self._is_sealed = True

    def _empty_log(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_LOCKED:
                raise  # else a second Ctrl-C broke off a reading of ours: the file is left unsealed

    def _break_seal(self) -> None:
        if self._is_sealed and self.path is not None:
            seal.take_off(self.path)
            self._is_sealed = False

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Tell a broken file from one that can't be used now."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter from a damaged schema
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _PASSING:
                raise ImgbuildError(f"{self.path} can't be used: {error}", hint=_LOOK) from error
            raise Corrupt(f"{self.path} is damaged: {error}", hint=_REBUILD) from error


def _connect(path: Path | None, write: bool) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None)
    uri = f"{path.absolute().as_uri()}?{'mode=rwc' if write else _reading(path)}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
    if not write:
        connection.execute("PRAGMA query_only=ON")
    return connection


def _reading(path: Path) -> str:
    """How a reader opens the file, so that nothing is there afterwards that was not there before."""
    if not os.access(path.parent, os.W_OK):
        return "mode=ro&immutable=1"  # SQLite's log can't be made there, so nobody writes either
    has_log = path.with_name(f"{path.name}-wal").exists()
    return (
        "mode=ro" if has_log else "mode=rw"
    )  # the log that a reader makes goes with it only where it may write


def _has_wal(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _measurement_key(key: Measurement) -> tuple[str, str]:
    return key.image, f"{key.rule} {key.version} {key.refs}"
