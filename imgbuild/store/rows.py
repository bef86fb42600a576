"""A table of checksummed rows: SQLite finds a broken page, not a flipped bit inside a row.

All tables have one shape: two columns of text as the key, the value as MessagePack, and XXH3-64 over the
table's name and all three. A row that does not match is absent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec
import xxhash

V = TypeVar("V")
Key = tuple[str, str]

_MANY = 500  # keys in one statement; SQLite allows at least 999


class Rows(Generic[V]):
    """The rows of the table `name`, whose key columns are `first` and `second`; values are of `type`.

    bad: how many rows did not match their checksum since this was opened. schema: the table's declaration.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, first: str, second: str, type: Any) -> None:
        self.bad = 0
        self._connection = connection
        self._salt = f"{name}\0"
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(type).decode
        self.schema = (
            f"CREATE TABLE {name} ({first} TEXT, {second} TEXT, data BLOB, checksum INTEGER,"
            f" PRIMARY KEY ({first}, {second})) WITHOUT ROWID"
        )
        self._put = f"INSERT OR REPLACE INTO {name} VALUES (?, ?, ?, ?)"
        self._all = f"SELECT * FROM {name}"
        self._firsts = f"SELECT DISTINCT {first} FROM {name}"
        self._some = f"SELECT * FROM {name} WHERE {first} IN "
        self._get = f"SELECT * FROM {name} WHERE {first} = ? AND {second} IN "
        self._drop = f"DELETE FROM {name} WHERE {first} = ? AND {second} = ?"
        self._drop_first = f"DELETE FROM {name} WHERE {first} = ?"

    def put(self, rows: Iterable[tuple[Key, V]]) -> None:
        self._connection.executemany(self._put, map(self._row, rows))

    def all(self) -> Iterator[tuple[Key, V]]:
        """Every whole row."""
        return self._whole(self._connection.execute(self._all))

    def firsts(self) -> list[str]:
        """The first key column of every row, each once; nothing is read of the rows."""
        return [first for (first,) in self._connection.execute(self._firsts)]

    def some(self, firsts: Iterable[str]) -> Iterator[tuple[Key, V]]:
        """The whole rows whose first key column is one of these."""
        rest = iter(firsts)
        while chunk := list(islice(rest, _MANY)):
            marks = ",".join("?" * len(chunk))
            yield from self._whole(self._connection.execute(f"{self._some}({marks})", chunk))

    def get(self, first: str, seconds: Iterable[str]) -> Iterator[tuple[Key, V]]:
        """The whole rows with this first key column, and one of these as the second."""
        rest = iter(seconds)
        while chunk := list(islice(rest, _MANY)):
            marks = ",".join("?" * len(chunk))
            yield from self._whole(self._connection.execute(f"{self._get}({marks})", [first, *chunk]))

    def drop(self, keys: Iterable[Key]) -> None:
        self._connection.executemany(self._drop, keys)

    def drop_first(self, firsts: Iterable[str]) -> None:
        """Drop all rows with one of these as first key column."""
        self._connection.executemany(self._drop_first, ((first,) for first in firsts))

    def _row(self, row: tuple[Key, V]) -> tuple[str, str, bytes, int]:
        (first, second), value = row
        data = self._encode(value)
        return first, second, data, self._checksum(first, second, data)

    def _whole(self, rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Key, V]]:
        decode, checksum_of = self._decode, self._checksum
        for first, second, data, checksum in rows:
            if type(data) is not bytes or checksum_of(first, second, data) != checksum:
                self.bad += 1
                continue
            try:
                value = decode(data)
            except msgspec.DecodeError:  # of another version's shape
                self.bad += 1
                continue
            yield (first, second), value

    def _checksum(self, first: str, second: str, data: bytes) -> int:
        """Signed, as SQLite's integers are."""
        text = f"{self._salt}{first}\0{second}\0".encode()
        return xxhash.xxh3_64_intdigest(text + data) - (1 << 63)
