"""How the threads of a process take turns in Python, where each of them mostly waits for others.

Only one of them runs at a time, and each call of the system hands the turn on: as like as not to a thread on another
processor, which has first to fetch all that they share. On one processor, a turn costs a good deal less.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

LONG = 0.05  # seconds that whoever has the turn may keep it: it gives it away long before, when it waits


class Turns:
    """Of a process that is the first, second… (`number` 0, 1…) of several, which share out the processors."""

    def __init__(self, number: int, of: int) -> None:
        sys.setswitchinterval(LONG)
        self._all = _processors()
        self._own = _share(self._all, number, of)
        self._thread = threading.local()

    def keep(self, *, here: bool) -> None:
        """Whether this thread, and whatever it starts, keeps to the process's own processor from now on.

        Where the system has no word on that, or does not allow it, it runs where the system likes.
        """
        if self._own and here != getattr(self._thread, "here", False):
            self._thread.here = here
            _run_on(self._own if here else self._all)


def _processors() -> list[int]:
    """Those that this process may run on; none where the system does not say."""
    if sys.platform == "linux":
        with suppress(OSError):
            return sorted(os.sched_getaffinity(0))
    return []


def _run_on(processors: list[int]) -> None:
    if sys.platform == "linux":
        # A sandbox may not allow it, and a container's processors may be others by now.
        with suppress(OSError):
            os.sched_setaffinity(0, processors)


def _share(processors: list[int], number: int, of: int) -> list[int]:
    """One of them. Builds side by side begin at different ones."""
    if not processors:
        return []
    place = os.getppid() + number * max(1, len(processors) // of)
    return [processors[place % len(processors)]]
