"""Events for programs: one JSON object a line, written at once."""

from __future__ import annotations

from typing import TextIO

from msgspec.json import Encoder

from imgbuild.report.events import Event
from imgbuild.report.output import emit


class JsonReporter:
    """Writes every event as it is; the field `event` names its kind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoder = Encoder()

    def event(self, event: Event) -> None:
        emit(self._stream, f"{self._encoder.encode(event).decode()}\n")

    def close(self) -> None:
        """Nothing is held back."""
