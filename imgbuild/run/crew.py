"""Processes that make and finish images beside this one, where Python itself is what keeps a provider busy.

Threads of one process take turns in Python; each thread that hands its errands to the crew waits here instead,
and has a process of its own to wait for. What goes out and comes back is plain data: pixels stay there.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from traceback import format_exc
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.foreign import Broke, foreign
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.providers.keyring import Keyring
from imgbuild.run.steps import Job, Made, Unfinished, finish
from imgbuild.store.blobs import Blobs
from imgbuild.types import Record, Request

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

CREW_PAYS = 500  # images to make from which a crew does; it takes half a second to start
MOST = 8  # processes: what they make together is then more than the one loop can put in place
ERRANDS = 8  # at most so many in one message, which costs about a quarter of making a picture of 64×64
AREA = (
    1 << 15
)  # pixels of the pictures in one message, so that no process has long work while others have none


class Errand(Struct, frozen=True, kw_only=True):
    """One image to make and finish. request: without pictures.

    job: reads no files; the image of its start has no pixels yet, only what it is estimated to cost.
    """

    provider: str
    request: Request
    job: Job


def errands_at_a_time(width: int, height: int) -> int:
    """How many errands for pictures of that size go into one message."""
    return max(1, min(ERRANDS, AREA // (width * height)))


class Fault(Struct, frozen=True, kw_only=True):
    """An error on its way between processes. records, cost: of the steps that were taken before."""

    kind: type[TargetError]
    message: str
    hint: str
    records: tuple[Record, ...] = ()
    cost: float = 0.0

    def error(self) -> TargetError:
        error = TargetError(self.message, hint=self.hint)
        if self.kind is Unfinished:
            return Unfinished(error, self.records, self.cost)
        return self.kind(self.message, hint=self.hint)


def fault_of(error: TargetError) -> Fault:
    return Fault(kind=type(error), message=error.message, hint=error.hint)


class Crew:
    """At most `jobs` processes, each started when a thread first finds none idle. They end when this one does.

    blobs, second: the folders of the store's blobs. root: of the project.
    """

    def __init__(self, jobs: int, blobs: Path, second: Path | None, root: Path) -> None:
        self.size = min(jobs, MOST)
        self._places = (blobs, second, root)
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._all: list[tuple[Connection, BaseProcess]] = []

    def run(self, errands: Sequence[Errand]) -> list[Made | TargetError]:
        """Do the errands in one of the processes; in a thread.

        Raises Broke where it ended under them, RuntimeError with what it printed where it met a bug.
        """
        link = self._take()
        try:
            link.send(errands)
            answers: list[Made | Fault] | str = link.recv()
        except (EOFError, OSError) as error:
            raise Broke(
                "the process that made this image ended", hint="was it out of memory? build again"
            ) from error
        self._idle.put(link)
        if isinstance(answers, str):
            raise RuntimeError(answers)
        return [answer.error() if isinstance(answer, Fault) else answer for answer in answers]

    def close(self) -> None:
        """End the processes. Those that are still at work are so because nobody waits for them any more."""
        idle = set()
        with suppress(Empty):
            while True:
                idle.add(self._idle.get_nowait())
        for link, process in self._all:
            if link in idle:
                link.close()
            else:
                process.terminate()
            process.join()

    def _take(self) -> Connection:
        with suppress(Empty):
            return self._idle.get_nowait()
        ours, process = start_beside(_serve, *self._places)
        self._all.append((ours, process))
        return ours


def start_beside(serve: Callable[..., None], *given: object) -> tuple[Connection, BaseProcess]:
    """A process that runs `serve(link, *given)`, with the other end of its link; it ends with this one."""
    from multiprocessing import get_context

    context = get_context(
        "spawn"
    )  # a fork would take over threads that don't run there, nor can it use a GPU
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *given), daemon=True)
    process.start()
    theirs.close()
    return ours, process


class Hired(dict[str, Provider]):
    """The providers that have been asked here, each made when it first is. root: of the project, for their keys."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._keys = Keyring(os.environ, root)

    def __missing__(self, name: str) -> Provider:
        provider = self[name] = PROVIDERS.get(name)()
        provider.environ = self._keys
        return provider


def _serve(link: Connection, folder: Path, second: Path | None, root: Path) -> None:
    """Do errands until the other side is gone. An interrupt is the other side's to handle.

    It ends this process by a signal; then programs that run for an errand are ended, too, and their folders removed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    blobs, providers = Blobs(folder, second), Hired(root)
    with suppress(EOFError, OSError):
        while True:
            link.send(_answers(link.recv(), blobs, providers))


def _answers(
    errands: Sequence[Errand], blobs: Blobs, providers: Mapping[str, Provider]
) -> list[Made | Fault] | str:
    try:
        return [do(errand, blobs, providers) for errand in errands]
    except Exception:  # a bug, to be told where bugs are told
        return format_exc()


def do(errand: Errand, blobs: Blobs, providers: Mapping[str, Provider]) -> Made | Fault:
    """Make and finish one image. providers: by name."""
    provider = providers[errand.provider]
    try:
        return _made(errand, provider, blobs)
    except Unfinished as error:
        return Fault(
            kind=Unfinished, message=error.message, hint=error.hint, records=error.records, cost=error.cost
        )
    except TargetError as error:
        return fault_of(error)


def _made(errand: Errand, provider: Provider, blobs: Blobs) -> Made:
    began = time.perf_counter()
    with foreign(f"provider '{provider.name}'"):
        (image,) = provider.generate([errand.request])
    seconds = time.perf_counter() - began
    if image.cost is None and errand.job.start.image is not None:
        image = replace(image, cost=errand.job.start.image.cost)
    start = replace(errand.job.start, image=image, seconds=seconds)
    return finish(replace(errand.job, start=start), blobs)
