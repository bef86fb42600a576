"""A file that lines are added to, bounded in size: a damaged line costs no more than itself, the oldest go first.

Each line is a checksum and one entry as JSON, as in the journal; but nobody waits for the disk. Only the process that
holds the project adds to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import xxhash

from imgbuild.store.temporary import move, write_all, write_new

T = TypeVar("T")


class Log(Generic[T]):
    """The log at `path` of entries of `type`, a struct. limit: bytes; above it, the older half is dropped."""

    def __init__(self, path: Path, type: Any, limit: int) -> None:
        self.path, self.limit = path, limit
        self._decode = msgspec.json.Decoder(type).decode

    def add(self, entries: Iterable[T]) -> None:
        """Add these, on lines of their own even where the last one was cut off. Raises OSError."""
        text = b"".join(map(_line, entries))
        with self.path.open("a+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                text = text if file.read(1) == b"\n" else b"\n" + text
            write_all(file.fileno(), text)
        if size + len(text) > self.limit:
            self._shorten()

    def read(self) -> tuple[list[T], int]:
        """The whole entries, oldest first, and how many lines are damaged. Raises OSError."""
        lines = [line for line in self._latest(self.limit).split(b"\n") if line]
        entries = [entry for line in lines if (entry := self._parse(line)) is not None]
        return entries, len(lines) - len(entries)

    def _latest(self, size: int) -> bytes:
        """The last whole lines, as many as `size` bytes hold; a file may have been made larger by others."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - size)
            file.seek(start)
            text = file.read(size)
            return text.partition(b"\n")[2] if start else text
        return b""

    def _shorten(self) -> None:
        kept = self._latest(self.limit // 2)
        temporary = write_new(str(self.path.parent), lambda descriptor: write_all(descriptor, kept))
        move(temporary, str(self.path))

    def _parse(self, line: bytes) -> T | None:
        checksum, _, text = line.partition(b" ")
        if checksum != xxhash.xxh3_64_hexdigest(text).encode():
            return None
        try:
            entry: T = self._decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):  # of another version's shape
            return None
        return entry


def _line(entry: object) -> bytes:
    text = msgspec.json.encode(entry)
    return xxhash.xxh3_64_hexdigest(text).encode() + b" " + text + b"\n"
