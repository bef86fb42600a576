"""Reads a lock line by line where it can't be read whole: conflicts, damage, a file cut short."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct, field

from imgbuild.lock.lines import LineText, PinText, flaw_of
from imgbuild.lock.markers import Placed, Side, place_lines

# The lines that are no pin and no target, in order, without their space and the comma at their end.
_FRAME = [b'{"version":1', b'"models":{', b'"":null', b"}", b'"targets":{', b'"":null', b"}}"]
_LONGEST = 24  # bytes: no line of the frame is longer, space included
_NAME = re.compile(rb'\s*"((?:[^"\\]|\\.)+)"')

_decode_lines = msgspec.json.Decoder(dict[str, LineText]).decode
_decode_pins = msgspec.json.Decoder(dict[str, PinText]).decode


class Half(Struct, kw_only=True):
    """One side of a conflict: its sound lines, and the lines of the frame as they came."""

    models: dict[str, PinText] = field(default_factory=dict)
    targets: dict[str, LineText] = field(default_factory=dict)
    frame: list[bytes] = field(default_factory=list)


class Salvage:
    """What could be read of a lock: ours and theirs, equal unless `conflict`; and what could not, in words."""

    def __init__(self, data: bytes, file: str) -> None:
        self.ours = Half()
        self.theirs = Half()
        self.conflict = False
        self.faults: list[str] = []
        self._file = file
        for placed in place_lines(data):
            self._take(placed)
        self._check_frame()

    def _take(self, placed: Placed) -> None:
        self.conflict |= placed.side is not Side.BOTH
        if placed.side is Side.BASE:
            return
        part = frame_part(placed.text)
        if part:
            for half in self._halves(placed.side):
                half.frame.append(part)
            return
        try:
            texts = decode_member(placed.text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._report(placed, reason_of(error))
            return
        for name, text in texts.items():
            self._keep(placed, name, text)

    def _keep(self, placed: Placed, name: str, text: LineText | PinText) -> None:
        if flaw := flaw_of(name, text):
            self._report(placed, flaw)
            return
        ours, theirs = section_of(self.ours, text), section_of(self.theirs, text)
        own = theirs if placed.side is Side.THEIRS else ours
        if name in own:  # the first is ours and the last is theirs, as `merge=union` leaves them
            self.faults.append(f"{self._file}:{placed.number}: '{name}' is here twice")
            self.conflict |= ours.get(name) != text
            theirs[name] = text
            return
        own[name] = text
        if placed.side is Side.BOTH:
            theirs[name] = text

    def _halves(self, side: Side) -> list[Half]:
        return {Side.OURS: [self.ours], Side.THEIRS: [self.theirs]}.get(side, [self.ours, self.theirs])

    def _report(self, placed: Placed, reason: str) -> None:
        found = _NAME.match(placed.text)
        what = f"the line of '{found[1].decode(errors='replace')}'" if found else "this line"
        self.faults.append(f"{self._file}:{placed.number}: {what} is damaged and was left out: {reason}")

    def _check_frame(self) -> None:
        frame = self.ours.frame if self.ours.frame != _FRAME else self.theirs.frame
        if frame == _FRAME[: len(frame)] and len(frame) < len(_FRAME):
            self.faults.append(f"{self._file}: the file is cut short: its last lines are missing")
        elif frame != _FRAME:
            self.faults.append(f"{self._file}: a bracket or the head of a section is damaged")


def frame_part(text: bytes) -> bytes:
    """The line of the frame that this is; empty where it is another line."""
    bare = b"".join(text.split()).removesuffix(b",") if len(text) <= _LONGEST else b""
    return bare if bare in _FRAME else b""


def decode_member(text: bytes) -> dict[str, LineText] | dict[str, PinText]:
    """The members on this line, one unless a line break was lost. Raises DecodeError, UnicodeDecodeError."""
    decode = _decode_pins if b'"provider":' in text else _decode_lines
    return decode(b"{%b}" % text.removesuffix(b","))


def reason_of(error: Exception) -> str:
    if not isinstance(error, msgspec.ValidationError):
        return "it is not JSON"
    return str(error).replace(" - at `$[...]`", "").replace("$[...].", "")


def section_of(half: Half, text: LineText | PinText) -> dict[str, Any]:
    return half.targets if isinstance(text, LineText) else half.models
