"""What rules share that ask a program: its verdict as JSON."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.rules.base import Measured
from imgbuild.types import Finding, Value


class Said(Struct):
    """What a program prints; more than that is not looked at."""

    ok: bool
    figure: Value = None
    unit: str = ""
    limit: str = ""


def verdict_said(said: bytes, who: str) -> Measured:
    """The verdict that a program has printed. Raises TargetError where that is none."""
    try:
        return msgspec.to_builtins(msgspec.json.decode(said, type=Said))  # type: ignore[no-any-return]
    except msgspec.DecodeError as error:
        raise TargetError(
            f"{who} printed no verdict: {error}", hint='it has to print {"ok": true} or {"ok": false}'
        ) from error


def finding_of(measured: Measured, limit: str) -> Finding:
    """limit: where the program names none."""
    return Finding(
        ok=measured["ok"],
        figure=measured["figure"],
        unit=measured["unit"],
        limit=measured["limit"] or limit,
    )
