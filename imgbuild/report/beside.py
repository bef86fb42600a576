"""A reporter, and somebody beside it who hears of the same events."""

from __future__ import annotations

from collections.abc import Callable

from imgbuild.report import Reporter
from imgbuild.report.events import Event


class Beside:
    """hear: is given each event once it has been told; it must not wait."""

    def __init__(self, reporter: Reporter, hear: Callable[[Event], None]) -> None:
        self._reporter, self._hear = reporter, hear

    def event(self, event: Event) -> None:
        self._reporter.event(event)
        self._hear(event)

    def close(self) -> None:
        self._reporter.close()
