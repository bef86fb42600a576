"""The lock as text: written for git to merge by line, read whole or, where that fails, line by line.

Each section closes with the constant member `"": null`, so every real line ends in a comma, and adding a last
one leaves the line before it alone. Two branches that add, change or remove different lines then merge by
themselves, unless these are neighbours or are added at the same place of the order: there git leaves markers,
and `read_lock` gives both sides. Under `merge=union` git leaves two lines for one name instead; that reads the
same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.lock.lines import (
    LineText,
    LockText,
    PinText,
    flaw_of,
    line_texts,
    lines_of,
    pin_texts,
    pins_of,
    seal_line,
)
from imgbuild.lock.salvage import Half, Salvage
from imgbuild.types import Line, Pin

T = TypeVar("T", LineText, PinText)


class Lock(Struct, frozen=True, kw_only=True):
    """Pins by the model's alias, lines by the target's id without its spec ("thumbnails[sku=A1]@sdxl#0")."""

    models: dict[str, Pin] = {}
    targets: dict[str, Line] = {}


class ReadLock(Struct, frozen=True, kw_only=True):
    """What a lock's text holds.

    sides: ours and theirs, where the text holds a conflict; `lock` is then what both agree on.
    faults: a sentence for each line that is damaged, cut off or there twice; all the others were read.
    """

    lock: Lock
    sides: tuple[Lock, Lock] | None = None
    faults: list[str] = []


_HEAD = b'{"version": 1,\n "models": {\n'
MIDDLE = b'  "": null\n },\n "targets": {\n'
END = b'  "": null\n }}\n'
_VERSION = re.compile(rb'\s*\{\s*"version"\s*:\s*([1-9][0-9]*)')
_decode = msgspec.json.Decoder(LockText).decode


def write_lock(lock: Lock) -> bytes:
    """The lock's text: one line a model and a target, sorted by name; equal locks give equal bytes."""
    models, targets = _section(pin_texts(lock.models)), _section(line_texts(lock.targets))
    return b"".join((_HEAD, models, MIDDLE, targets, END))


def _section(texts: Mapping[str, LineText | PinText]) -> bytes:
    return b"".join([b"  %b,\n" % seal_line(name, texts[name]) for name in sorted(texts)])


def read_lock(data: bytes, file: str) -> ReadLock:
    """What `data` holds; `file` names it in faults. Raises SpecError for a lock of a later version."""
    _check_version(data, file)
    lock = _read_whole(data)
    return ReadLock(lock=lock) if lock is not None else _read_lines(data, file)


def _check_version(data: bytes, file: str) -> None:
    found = _VERSION.match(data[:200])
    if found is not None and found[1] != b"1":
        raise SpecError(
            f"{file} is a lock of version {found[1].decode()}, written by a newer imgbuild",
            hint="update imgbuild, or take the lock's last version of git",
        )


def _read_whole(data: bytes) -> Lock | None:
    """The lock, if nothing at all is wrong with its text."""
    try:
        text = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    models, targets = _sound(text.models), _sound(text.targets)
    if models is None or targets is None:
        return None
    # A name that is there twice would be lost here; inside of strings quotes are escaped, so this counts lines.
    if data.count(b'"sum":') != len(models) + len(targets):
        return None
    return Lock(models=pins_of(models), targets=lines_of(targets))


def _sound(section: dict[str, T | None]) -> dict[str, T] | None:
    """The section without its closing member, if that is there and no line has a flaw."""
    closed = section.pop("", section) is None
    texts = {name: text for name, text in section.items() if text is not None and not flaw_of(name, text)}
    return texts if closed and len(texts) == len(section) else None


def _read_lines(data: bytes, file: str) -> ReadLock:
    found = Salvage(data, file)
    ours = _lock_of(found.ours)
    if not found.conflict:
        return ReadLock(lock=ours, faults=found.faults or [f"{file}: the text between its lines is damaged"])
    theirs = _lock_of(found.theirs)
    agreed = Lock(
        models={name: pin for name, pin in ours.models.items() if theirs.models.get(name) == pin},
        targets={name: line for name, line in ours.targets.items() if theirs.targets.get(name) == line},
    )
    return ReadLock(lock=agreed, sides=(ours, theirs), faults=found.faults)


def _lock_of(half: Half) -> Lock:
    return Lock(models=pins_of(half.models), targets=lines_of(half.targets))
