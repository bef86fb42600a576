"""Ctrl-C: the first lets what runs end cleanly, the second ends it at once."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType


class Stop(threading.Event):
    """An event that is set for good, and may be so from a signal handler.

    A handler runs between any two instructions of the main thread: also where that thread holds the lock of a
    `threading.Event`, for which `set` would then wait for ever. A `SimpleQueue` may be put to at any moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._within: tuple[Stop, ...] = ()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._wake.put(None)
        for stop in self._within:
            stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set, once it is or after so many seconds."""
        if not self._is_set:
            try:
                self._wake.get(timeout=timeout)
            except Empty:
                return self._is_set
            self._wake.put(None)  # for whoever waits beside
        return True

    @contextmanager
    def part(self) -> Iterator[Stop]:
        """An event for a part of what this one stops: set by itself, or with this one. One at a time."""
        stop = Stop()
        self._within = (stop,)
        try:
            if self._is_set:
                stop.set()
            yield stop
        finally:
            self._within = ()


@contextmanager
def interruptible() -> Iterator[Stop]:
    """An event that the first Ctrl-C sets, so that what runs can end cleanly; the second one raises at once."""
    stop = Stop()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with _not_swallowed():
            yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _not_swallowed() -> Iterator[None]:
    """A Ctrl-C that comes within a finaliser, from which Python lets nothing out, comes again a moment later."""

    def unraisable(told: sys.UnraisableHookArgs) -> None:
        if told.exc_type is KeyboardInterrupt:
            # Bare: a finaliser may have come upon whoever holds a lock of `threading`.
            _thread.start_new_thread(press_again, ())
        else:
            before(told)

    def press_again() -> None:
        time.sleep(0.01)
        _thread.interrupt_main()

    before, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        yield
    finally:
        sys.unraisablehook = before
