"""What the page is told as it happens: a build's events, and that the catalogue has changed. Server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.report.events import Event, Failure, Finished, Note, Started, TargetMoved

MOST = 4096  # told events that wait for one reader; who is further behind fetches the catalogue again
BEAT = 15.0  # seconds without an event after which something is sent, so that who has gone is noticed
_ENDED = {"done", "restored", "review", "failed", "skipped"}


class Progress(Struct, frozen=True, kw_only=True):
    """How far a build is: targets of it, and US dollars, as estimated and as spent. running: it goes on."""

    done: int = 0
    total: int = 0
    cost: float = 0.0
    spent: float = 0.0
    running: bool = False


class Feed:
    """Events from any thread, to every reader in order. Readers live in the server's event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers: set[asyncio.Queue[bytes | None]] = set()
        self._progress = Progress()
        self._guard = Lock()
        self.is_closed = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def tell(self, event: Event) -> None:
        """Pass on what a build in this process tells."""
        with self._guard:
            self._progress = _further(self._progress, event)
            progress = self._progress
        if isinstance(event, TargetMoved):
            self.send("moved", _moved(event))
        elif isinstance(event, Note):
            self.send("note", {"text": event.text, "level": event.level})
        elif isinstance(event, Failure):
            self.send("note", {"text": f"{event.id}: {event.cause}", "level": "warning"})
        if isinstance(event, Started | TargetMoved | Finished):
            self.send("progress", progress)

    def send(self, name: str, data: Any) -> None:
        """Tell every reader; nobody waits, and without readers nothing is kept."""
        self._from_loop(told_event(name, data))

    def close(self) -> None:
        """Every reader comes to its end."""
        self.is_closed = True
        self._from_loop(None)

    def _from_loop(self, text: bytes | None) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._put, text)

    def _put(self, text: bytes | None) -> None:
        for queue in list(self._readers):
            if text is not None and queue.qsize() >= MOST:
                self._readers.discard(queue)  # its connection ends, and the browser opens another one
                text = None
            queue.put_nowait(text)

    async def read(self, first: bytes = b"") -> AsyncIterator[bytes]:
        """All events from now on, as they are sent; `first` comes before them."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._readers.add(queue)
        try:
            yield first or b": here\n\n"
            text = None if self.is_closed else await _next(queue)
            while text is not None:
                yield text
                text = await _next(queue)
        finally:
            self._readers.discard(queue)


async def _next(queue: asyncio.Queue[bytes | None]) -> bytes | None:
    try:
        return await asyncio.wait_for(queue.get(), BEAT)
    except TimeoutError:
        return b": still here\n\n"


def told_event(name: str, data: Any) -> bytes:
    """An event as it is sent; JSON has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def _further(progress: Progress, event: Event) -> Progress:
    if isinstance(event, Started):
        total = event.restore + event.run + event.maybe
        return Progress(total=total, cost=event.cost, running=True)
    if isinstance(event, TargetMoved):
        done = progress.done + (event.state in _ENDED)
        return msgspec.structs.replace(progress, done=done, spent=progress.spent + event.cost)
    if isinstance(event, Finished):
        return msgspec.structs.replace(progress, spent=event.cost, running=False)
    return progress


def _moved(event: TargetMoved) -> dict[str, Any]:
    names = ("id", "state", "attempt", "why", "cost")
    return {name: getattr(event, name) for name in names}
