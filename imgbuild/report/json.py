"""Events for programs: one JSON object a line, written at once.

What is under way (`fetch`, `load`, `draw`) is told when it begins and ends, and in between at most once a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from msgspec.json import Encoder

from imgbuild.report.events import Event, Underway
from imgbuild.report.output import emit

EVERY = 1.0  # seconds between two lines on what is under way


class JsonReporter:
    """Writes events as they are; the field `event` names their kind. clock: seconds, monotonic."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._encoder = Encoder()
        self._told = 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, Underway):
            now = self._clock()
            if event.seconds and not event.ended and now < self._told + EVERY:
                return
            self._told = now
        emit(self._stream, f"{self._encoder.encode(event).decode()}\n")

    def close(self) -> None:
        """Nothing is held back."""
