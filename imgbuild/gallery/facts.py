"""What was found out of images when they were looked at: their size and mean colour, one line an image in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct

from imgbuild.store import temporary

NAME = "facts"
_SHA = re.compile(r"[0-9a-f]{64}")
_COLOR = re.compile(r"#[0-9a-f]{6}")


class Fact(Struct, frozen=True, kw_only=True):
    """Of one image. width, height: in pixels; 0 where nobody has looked. color: its mean, `#rrggbb`."""

    image: str = ""
    width: int = 0
    height: int = 0
    color: str = "#808080"


UNKNOWN = Fact()


class Facts(dict[str, Fact]):
    """By SHA-256 in hexadecimal. What is noted is kept in the folder, where there is one that can be written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(read_facts(folder / NAME))
        self._path, self._writing = folder / NAME, Lock()

    def note(self, fact: Fact) -> None:
        """Keep it for later starts, too; a file that can't be written costs no more than another look."""
        with self._writing:
            if fact.image in self:
                return
            self[fact.image] = fact
            with suppress(OSError):
                _append(self._path, msgspec.json.encode(fact) + b"\n")


def read_facts(path: Path) -> dict[str, Fact]:
    """Those in a file; lines that are none, of which a crash may leave one, count for nothing."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return {}
    found = {}
    for line in lines:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            fact = msgspec.json.decode(line, type=Fact)
            if _SHA.fullmatch(fact.image) and _COLOR.fullmatch(fact.color):
                found[fact.image] = fact
    return found


def keep_facts(path: Path, images: Collection[str]) -> None:
    """Write the file again with those of these images alone."""
    known = read_facts(path)
    kept = [fact for image, fact in known.items() if image in images]
    if len(kept) == len(known):
        return
    text = b"".join(msgspec.json.encode(fact) + b"\n" for fact in kept)
    staged = temporary.write_new(str(path.parent), lambda file: temporary.write_all(file, text))
    temporary.move(staged, str(path))


def _append(path: Path, line: bytes) -> None:
    """By one call, so that what several processes note does not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        os.write(file, line)
    finally:
        os.close(file)
