"""What was asked for money: written to the disk before it is sent, and again as it goes on.

Each line is a checksum and the whole state of one request, so that the last whole line of a request tells all
of it and a damaged line costs no more than its own news. Only the process that holds the project appends.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Condition
from typing import Literal

import msgspec
import xxhash

from imgbuild.store.temporary import sync_folder, write_all
from imgbuild.types import Digest

LOOKED_FOR = "no answer was found"  # in the store, after a crash


class Purpose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request is for. Journals of earlier versions don't say.

    target: its id, of those that share the request the first; asset: `spec/asset`; model: the alias, source: the
    vendor's name of it; build: of the run that sent it.
    """

    target: str = ""
    asset: str = ""
    model: str = ""
    source: str = ""
    build: str = ""


NOT_NOTED = Purpose()


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One paid request. begun: seconds since the epoch; estimate, cost: US dollars, None where not known.

    key: of the step it was sent for; provider_id: the vendor's name for it; blob: the bytes it gave.
    reason: why it was abandoned, or that its answer was looked for in vain.
    """

    id: str
    key: Digest
    provider: str
    begun: float
    estimate: float | None = None
    state: Literal["in flight", "settled", "abandoned"] = "in flight"
    provider_id: str = ""
    cost: float | None = None
    blob: Digest | None = None
    reason: str = ""
    purpose: Purpose = NOT_NOTED


class Journal:
    """The requests of the journal at `path`. Every change is on the disk before its method returns.

    write: False for readers, who change nothing. notes: what was found damaged, one sentence each.
    Safe to use from several threads.
    """

    def __init__(self, path: Path, *, write: bool = True, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.notes: list[str] = []
        self._clock = clock
        self._lock = Condition()
        self._waiting: list[bytes] = []  # lines that are on no disk yet
        self._is_writing = False
        self._said = self._kept = 0  # lines that there ever were, and those of them that are on the disk
        self._entries: dict[str, Entry] = {}
        text = path.read_bytes() if path.exists() else b""
        self._load(text)
        if write and text and not text.endswith(b"\n"):
            self._mend(text)

    def begin(
        self, request_key: Digest, provider: str, cost_estimate: float | None, purpose: Purpose = NOT_NOTED
    ) -> str:
        """A request is about to be sent; its id in this journal."""
        entry = Entry(
            id=secrets.token_hex(8),
            key=request_key,
            provider=provider,
            begun=self._clock(),
            estimate=cost_estimate,
            purpose=purpose,
        )
        self._append(entry)
        return entry.id

    def known(self, id: str, provider_request_id: str) -> None:
        """The vendor has named the request: after a crash it can be asked for."""
        self._append(msgspec.structs.replace(self._entries[id], provider_id=provider_request_id))

    def settle(self, id: str, cost: float | None, blob: Digest | None) -> None:
        """The request is answered. cost: None where the vendor doesn't say; the estimate counts then."""
        self._append(msgspec.structs.replace(self._entries[id], state="settled", cost=cost, blob=blob))

    def abandon(self, id: str, reason: str) -> None:
        """The request was refused or never reached the vendor: it costs nothing."""
        self._append(msgspec.structs.replace(self._entries[id], state="abandoned", reason=reason))

    def lose(self, id: str, reason: str) -> None:
        """The answer was looked for after a crash, and is not here: it counts as spent, and stays in flight."""
        self._append(msgspec.structs.replace(self._entries[id], reason=reason))

    def in_flight(self) -> list[Entry]:
        """Requests whose end is not known, oldest first."""
        return [entry for entry in self.entries() if entry.state == "in flight"]

    def spent(self, since: datetime | None = None) -> float:
        """US dollars spent on requests begun since then (time zone given); of unknown cost, the estimate."""
        start = since.timestamp() if since is not None else 0.0
        return sum(cost_of(entry) for entry in self.entries() if entry.begun >= start)

    def bought(self) -> dict[Digest, Digest]:
        """For each key that was paid for, the blob it gave: nothing of this need ever be bought again."""
        return {entry.key: entry.blob for entry in self.entries() if entry.blob}

    def entries(self) -> list[Entry]:
        """Every request, oldest first."""
        with self._lock:
            return list(self._entries.values())

    def _append(self, entry: Entry) -> None:
        """Returns once it is on the disk. What several threads have to say by then goes there at once."""
        with self._lock:
            self._waiting.append(_line(entry))
            self._said = own = self._said + 1
            while self._kept < own and self._is_writing:
                self._lock.wait()
            lines = [] if self._kept >= own else self._waiting
            upto = self._said
            if lines:
                self._waiting, self._is_writing = [], True
        if lines:
            self._keep(lines, upto)
        with self._lock:
            self._entries[entry.id] = entry

    def _keep(self, lines: list[bytes], upto: int) -> None:
        """Bring what waited to the disk. Where that fails, it waits on, for the next one who tries."""
        kept = False
        try:
            self._write(b"".join(lines))
            kept = True
        finally:
            with self._lock:
                self._is_writing = False
                if kept:
                    self._kept = upto
                else:
                    self._waiting = lines + self._waiting
                self._lock.notify_all()

    def _write(self, text: bytes) -> None:
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            write_all(descriptor, text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(str(self.path.parent))

    def _load(self, text: bytes) -> None:
        lines = text.split(b"\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            entry = _parse(line)
            if entry is not None:
                self._entries[entry.id] = entry
            elif number == len(lines):
                self.notes.append(f"{self.path}: the last line was cut off and has been dropped")
            else:
                self.notes.append(f"{self.path}: line {number} is damaged and was skipped")

    def _mend(self, text: bytes) -> None:
        """Let the file end in a whole line, so that the next one starts on its own."""
        whole, _, last = text.rpartition(b"\n")
        with self.path.open("r+b") as file:
            if _parse(last) is not None:
                file.seek(len(text))
                file.write(b"\n")
            else:
                file.truncate(len(whole) + 1 if whole else 0)
            file.flush()
            os.fsync(file.fileno())


def cost_of(entry: Entry) -> float:
    """US dollars that a request counts for: the estimate where the vendor did not say, nothing if abandoned."""
    if entry.state == "abandoned":
        return 0.0
    return (entry.estimate if entry.cost is None else entry.cost) or 0.0


def _line(entry: Entry) -> bytes:
    text = msgspec.json.encode(entry)
    return xxhash.xxh3_64_hexdigest(text).encode() + b" " + text + b"\n"


def _parse(line: bytes) -> Entry | None:
    checksum, _, text = line.partition(b" ")
    if checksum != xxhash.xxh3_64_hexdigest(text).encode():
        return None
    try:
        return msgspec.json.decode(text, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
