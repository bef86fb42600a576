"""How a run used its devices: how much of the time they were at work, and how much memory that took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from msgspec import Struct


class _Lane(Struct):
    """Seconds by the clock: from the first call to the end of the last, and how many of them in calls."""

    first: float
    last: float = 0.0
    busy: float = 0.0


class Usage:
    """What calls on devices took; they are noted in the threads that make them. clock: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._lanes: dict[str, _Lane] = {}
        self._memory = 0

    @contextmanager
    def call(self, lane: str) -> Iterator[None]:
        """Around a call on a device; calls of one lane don't overlap."""
        began = self._clock()
        with self._lock:
            used = self._lanes.setdefault(lane, _Lane(first=began))
        try:
            yield
        finally:
            ended = self._clock()
            with self._lock:
                used.last, used.busy = ended, used.busy + ended - began

    def took(self, memory: int) -> None:
        """An image took so many bytes."""
        with self._lock:
            self._memory = max(self._memory, memory)

    def busy(self) -> float:
        """The part of their time that the devices were in calls: 0 to 1, and 0 where none was used."""
        whole = sum(lane.last - lane.first for lane in self._lanes.values())
        return min(1.0, sum(lane.busy for lane in self._lanes.values()) / whole) if whole > 0 else 0.0

    def memory(self) -> int:
        """The most bytes that any image took; 0 where nobody says."""
        return self._memory
