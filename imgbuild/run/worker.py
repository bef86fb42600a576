"""A process beside this one that does things for its threads: each of them has a link to it, and a thread there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from imgbuild.programs import Programs

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Serve: TypeAlias = "Callable[[Connection], None]"


class Worker:
    """The process. It ends with this one, whatever ends this one.

    begin, given: `begin(*given)` gives there what serves one link: it answers what comes until the link is closed.
    """

    def __init__(self, begin: Callable[..., Serve], *given: object, links: int = 1) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")  # a fork would take over threads that don't run there, nor use a GPU
        self._leash, leash = context.Pipe()
        pairs = [context.Pipe() for _ in range(links)]
        self.links, theirs = [ours for ours, _ in pairs], [other for _, other in pairs]
        self._process = context.Process(target=_live, args=(leash, theirs, begin, *given), daemon=True)
        self._process.start()
        for link in (leash, *theirs):
            link.close()

    def end(self, *, at_work: bool) -> None:
        """at_work: whether threads still wait for it, which then learn that it ended."""
        if at_work:
            self._process.terminate()
        else:
            for link in self.links:
                link.close()
        self._leash.close()
        self._process.join()


def _live(leash: Connection, links: list[Connection], begin: Callable[..., Serve], *given: object) -> None:
    """Serve the links until the other side lets go of the leash. An interrupt is the other side's to handle.

    It ends a process that is at work by a signal; then programs that run there are ended, too, their folders removed.
    """
    programs = Programs()

    def end(number: int, frame: FrameType | None) -> None:
        programs.end()
        os._exit(128 + number)  # whatever is at work would be in the way of a finer end

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    serve = begin(*given)
    for link in links:
        threading.Thread(target=_serve, args=(serve, link, programs), daemon=True).start()
    with suppress(EOFError, OSError):
        leash.recv()
    programs.end()


def _serve(serve: Serve, link: Connection, programs: Programs) -> None:
    programs.adopt()
    # A link that nobody serves is closed: else the other side would wait.
    with link, suppress(EOFError, OSError):
        serve(link)
