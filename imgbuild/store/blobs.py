"""Bytes named by their SHA-256, each checked against its name whenever it is read.

A blob appears under its name whole or not at all: it is written under a temporary name, in a folder of its own
so that what a crash leaves is found at once, and renamed.
"""

# A Path object would cost more than the call it makes:
# ruff: noqa: PTH105, PTH108, PTH110, PTH116, PTH120, PTH123

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from imgbuild.digest import digest_bytes, digest_file, from_hex, to_hex
from imgbuild.errors import TargetError
from imgbuild.store import manifest, temporary
from imgbuild.store.reflink import clone
from imgbuild.types import Digest, Value

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)


class Damaged(TargetError, KeyError):
    """A blob did not match its name, was moved aside, and is in no other store: it is absent now."""


class Blobs:
    """The blobs of `folder`, as `ab/<sha256>`; what is not there is looked for in `second`, and kept.

    second: a folder of the same layout that others share; what is added here goes there too, unless `share` is
    False, as far as it can be written. notes: what was found damaged, one sentence each. Safe to use from
    several threads.
    """

    def __init__(self, folder: Path, second: Path | None = None, *, share: bool = True) -> None:
        self.folder = folder
        self._shares = share
        self.notes: list[str] = []
        self._root = str(folder)
        self._temporary = f"{self._root}/tmp"
        self._moving = Lock()
        self._synced: set[str] = set()  # folders whose names are on the disk
        self._clones = True  # until the file system has said that it can't
        self._second = Blobs(second) if second is not None and second.is_dir() else None
        if self._second is not None:
            self._second.notes = self.notes

    def has(self, digest: Digest) -> bool:
        """Whether a blob of that name is here or in the second store; its bytes are not looked at."""
        place = self._place(digest)
        if place and os.path.exists(place):
            return True
        return self._second is not None and self._second.has(digest)

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or would be, in this store. Raises KeyError for what is no digest."""
        return Path(self._need_place(digest))

    def read(self, digest: Digest) -> bytes:
        """The bytes, which hash to the digest. Raises KeyError, as Damaged if they were there and wrong."""
        place = self._need_place(digest)
        data = _bytes_of(place)
        if data is not None and _is_named(data, place):
            return data
        mended = self._move_aside(place) if data is not None else None
        if mended is not None:
            return mended
        shared = self._read_second(digest)
        if shared is not None:
            return shared
        if data is None:
            raise KeyError(digest)
        raise Damaged(
            f"blob {digest} was damaged and has been moved to {place}.bad",
            hint="build again: what can be made again will be; or copy the bytes back from another store",
        )

    def add(self, data: bytes, *, durable: bool = False) -> Digest:
        """Keep the bytes. durable: they are on the disk when this returns; their name is by `sync`. Raises OSError."""
        digest = digest_bytes(data)
        place = self._need_place(digest)
        if not _is_stored(place, data, durable):
            self._put(self._stage(data, durable), place)
        self._share(digest, data)
        return digest

    def add_file(self, path: Path) -> Digest:
        """Keep a file's bytes as they are now, as a reflink where there are such. Raises OSError."""
        source = os.open(path, _READ)
        try:
            staged = temporary.write_new(self._temporary, lambda target: _copy(source, target))
        finally:
            os.close(source)
        digest = digest_file(Path(staged))
        place = self._need_place(digest)
        if _size_of(place) == _size_of(staged):
            temporary.discard(staged)
        else:
            self._put(staged, place)
        if self._shares and self._second is not None and not self._second.has(digest):
            self._share(digest, self.read(digest))
        return digest

    def publish(self, digest: Digest, to: Path) -> None:
        """Put a copy of the blob, or a reflink, under the name `to`, whole or not at all; never a hard link.

        Raises KeyError (Damaged) where the bytes are not at hand, OSError where they can't be written.
        """
        data = self.read(digest)
        target = str(to)
        try:
            temporary.move(self._stage_copy(digest, data, self._temporary), target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            folder = os.path.dirname(target)
            temporary.move(self._stage_copy(digest, data, folder), target)

    def remove(self, digest: Digest) -> None:
        """Forget the blob and its manifest in this store; the second one is left alone."""
        place = self._need_place(digest)
        for name in (f"{place}.json", place):
            with suppress(FileNotFoundError):
                os.unlink(name)

    def all(self) -> Iterator[tuple[Digest, int, float]]:
        """Digest, size in bytes and time written (seconds since the epoch) of each blob in this store."""
        for entry in self._entries():
            if len(entry.name) == 64:
                stat = entry.stat()
                yield from_hex(entry.name), stat.st_size, stat.st_mtime

    def manifest_add(self, digest: Digest, manifest_json: bytes, *, durable: bool = False) -> None:
        """Keep a manifest (a JSON object) beside the blob; it replaces an older one of the same "key".

        durable: its bytes are on the disk when this returns; its name is by `sync`.
        """
        place = f"{self._need_place(digest)}.json"
        known = _bytes_of(place)
        text = manifest.merge(known or b"", manifest_json)
        if text == known:
            return
        temporary.move(self._stage(text, durable), place)

    def sync(self, digest: Digest) -> None:
        """Put the names of a blob and its manifest on the disk. Raises OSError."""
        folder = os.path.dirname(self._need_place(digest))
        temporary.sync_folder(folder)
        if folder not in self._synced:
            temporary.sync_folder(self._root)
            self._synced.add(folder)

    def manifests_of(self, digest: Digest) -> list[dict[str, Value]]:
        """The manifests beside one blob, oldest first; damaged ones are left out and noted."""
        return self._parse_manifests(f"{self._need_place(digest)}.json")

    def manifests(self) -> Iterator[tuple[Digest, dict[str, Value]]]:
        """Every manifest in this store, with the digest it stands beside."""
        for entry in self._entries():
            name, _, kind = entry.name.partition(".")
            if kind == "json" and len(name) == 64:
                for fields in self._parse_manifests(entry.path):
                    yield from_hex(name), fields

    def sweep_temporary(self, folders: Iterable[Path] = ()) -> int:
        """Remove what dead processes left half-written, here and in these output folders; how many files."""
        return sum(temporary.sweep(folder) for folder in [self._temporary, *map(str, folders)])

    def _place(self, digest: Digest) -> str:
        """The blob's path as text; empty for what is no digest. Hexadecimal: it can't lead anywhere else."""
        try:
            name = to_hex(digest)
        except ValueError:
            return ""
        return f"{self._root}/{name[:2]}/{name}" if len(name) == 64 else ""

    def _need_place(self, digest: Digest) -> str:
        place = self._place(digest)
        if not place:
            raise KeyError(digest)
        return place

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """The files of all blob folders, in order of their names."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]/")):
            with os.scandir(folder) as entries:
                yield from sorted(entries, key=lambda entry: entry.name)

    def _stage(self, data: bytes, durable: bool = False) -> str:
        return temporary.write_new(
            self._temporary, lambda target: temporary.write_all(target, data), durable=durable
        )

    def _stage_copy(self, digest: Digest, data: bytes, folder: str) -> str:
        """A temporary file in `folder` that shares the blob's bytes, or holds a copy of them."""
        source = self._open(digest) if self._clones else None
        if source is None:
            return temporary.write_new(folder, lambda target: temporary.write_all(target, data))
        try:
            return temporary.write_new(folder, lambda target: self._clone_or_write(source, target, data))
        finally:
            os.close(source)

    def _open(self, digest: Digest) -> int | None:
        """None where the blob was read from the second store, and this one can't be written."""
        try:
            return os.open(self._need_place(digest), _READ)
        except FileNotFoundError:
            return None

    def _clone_or_write(self, source: int, target: int, data: bytes) -> None:
        self._clones = clone(source, target)
        if not self._clones:
            temporary.write_all(target, data)

    def _share(self, digest: Digest, data: bytes) -> None:
        """Write through to the second store, as far as it can be written."""
        if self._shares and self._second is not None and not self._second.has(digest):
            with suppress(OSError):
                self._second.add(data)

    def _read_second(self, digest: Digest) -> bytes | None:
        if self._second is None:
            return None
        try:
            data = self._second.read(digest)
        except (KeyError, OSError):
            return None
        with suppress(OSError):
            self.add(data)
        return data

    def _put(self, staged: str, place: str) -> None:
        """Give staged bytes their name: never between the look at a damaged blob and its removal."""
        with self._moving:
            temporary.move(staged, place)

    def _move_aside(self, place: str) -> bytes | None:
        """Move a damaged blob away, unless another thread has done so; its bytes where one has put them right."""
        with self._moving:
            data = _bytes_of(place)
            if data is None or _is_named(data, place):
                return data
            self.notes.append(f"a damaged blob was moved to {place}.bad")
            with suppress(OSError):
                os.replace(place, f"{place}.bad")
        return None

    def _parse_manifests(self, place: str) -> list[dict[str, Value]]:
        whole, damaged = manifest.parse(_bytes_of(place) or b"")
        if damaged:
            self.notes.append(f"a damaged manifest was skipped: {place}")
        return whole


def _bytes_of(place: str) -> bytes | None:
    try:
        descriptor = os.open(place, _READ)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        return file.read()


def _size_of(place: str) -> int | None:
    try:
        return os.stat(place).st_size
    except FileNotFoundError:
        return None


def _is_named(data: bytes, place: str) -> bool:
    return place.endswith(hashlib.sha256(data).hexdigest())


def _is_stored(place: str, data: bytes, exactly: bool) -> bool:
    """Whether the blob is there: by its size, or `exactly`, for what must not be lost, by its bytes."""
    return _bytes_of(place) == data if exactly else _size_of(place) == len(data)


def _copy(source: int, target: int) -> None:
    if clone(source, target):
        return
    while data := os.read(source, 1 << 20):
        temporary.write_all(target, data)
