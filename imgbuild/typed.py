"""Plain data into types, for whoever may do so in several threads.

msgspec finds out what a type is made of when it is first asked for it. Two threads that ask at the same time may
end the process (a segmentation fault, still so in 0.22); so one asks after the other.
"""

from __future__ import annotations

from threading import RLock
from typing import TypeVar

import msgspec

T = TypeVar("T")

_ONE_AT_A_TIME = RLock()


def decode(text: bytes | str, kind: type[T]) -> T:
    """What a JSON text says. Raises msgspec.DecodeError, or its ValidationError where it is of another type."""
    with _ONE_AT_A_TIME:
        return msgspec.json.decode(text, type=kind)


def convert(data: object, kind: type[T]) -> T:
    """The same of what JSON has become. Raises msgspec.ValidationError."""
    with _ONE_AT_A_TIME:
        return msgspec.convert(data, kind)
