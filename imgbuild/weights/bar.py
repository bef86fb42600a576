"""How far a download of the hub's client is. The client tells progress bars; the one here draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias

Tell: TypeAlias = Callable[[int, int], None]  # bytes that are here, and how many there will be


def unheard(done: int, total: int) -> None:
    """Where nobody listens."""


class Bytes:
    """Counts for all bars of one download, in any of the client's threads. total: bytes to come."""

    def __init__(self, total: int, tell: Tell) -> None:
        self._total, self._tell = total, tell
        self._lock = Lock()
        self._done = 0
        if total:
            tell(0, total)

    def reach(self, count: float) -> None:
        """So many bytes are here, as one bar has it; the bar that is furthest is right."""
        with self._lock:
            done = min(self._total, int(count))
            if done > self._done:
                self._done = done
                self._tell(done, self._total)


def bar_of(counted: Bytes) -> type:
    """The class of bars to hand to `snapshot_download`.

    It makes several: of files, of bytes received and of bytes written, the last two of which need not agree.
    """
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):  # type: ignore[misc]  # without the hub's types it may be anything
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **{**options, "disable": True})
            self.counts_bytes = options.get("unit") == "B"
            self.here = 0.0

        def update(self, n: float | None = 1) -> None:
            self.here += n or 0
            if self.counts_bytes:
                counted.reach(self.here)

    return Bar
