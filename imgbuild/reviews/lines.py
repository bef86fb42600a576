"""Decisions as text: JSON, one a line, only ever added to, so that git merges two people's by keeping both.

Where git has left the marks of a conflict, what is between them counts like any other line, and a line that is there
twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from imgbuild.types import Digest

Kind: TypeAlias = Literal["approve", "pick", "reject", "comment", "star", "unstar"]
_MARKS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody said of one picture.

    target: without its spec. decision: who picks a winner among others approves it with that.
    pixels: digest of the picture that was looked at; another picture is another matter.
    who: as git knows them. when: UTC, as in 2026-11-27T06:30:00.123456Z. note: in their words.
    ticked: of the checklist.
    """

    target: str
    pixels: Digest
    decision: Kind
    who: str
    when: str
    note: str = ""
    ticked: tuple[str, ...] = ()


def write_line(decision: Decision) -> bytes:
    return msgspec.json.encode(decision) + b"\n"


def read_lines(data: bytes, file: str) -> tuple[list[Decision], list[str]]:
    """The decisions, the oldest first, and a sentence for each line that is none. file: names it there."""
    found: dict[Decision, None] = {}
    faults = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip() or line.startswith(_MARKS):
            continue
        try:
            found[msgspec.json.decode(line, type=Decision)] = None
        except (msgspec.DecodeError, UnicodeDecodeError):
            faults.append(f"{file}:{number}: this is no decision, and does not count")
    return in_order(found), faults


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """The oldest first; those of one second as they stand."""
    return sorted(decisions, key=lambda decision: decision.when)
