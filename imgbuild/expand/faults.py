"""Faults of one row: they stay with its targets, and the rest is built."""

from __future__ import annotations

from msgspec import Struct


class Fault(Struct, frozen=True):
    """Why the targets of one cell can't be made, and the way out."""

    message: str
    hint: str


NO_FAULT = Fault("", "")
