"""Processes that make and finish images beside this one, where there is more to do in Python than one can do.

Threads of one process take turns in Python; each thread that hands its errands to the crew waits here instead. What
keeps Python itself busy has a process of its own; of those that wait for a vendor, one process takes many at a time.
What goes out and comes back is plain data: pixels stay there.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from traceback import format_exc
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.costs import bill_of
from imgbuild.errors import TargetError, Transient
from imgbuild.files import Files
from imgbuild.foreign import Broke, foreign
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider, unheard
from imgbuild.providers.keyring import Keyring
from imgbuild.run.steps import Job, Made, Unfinished, finish
from imgbuild.run.turns import Turns
from imgbuild.run.worker import Serve, Worker
from imgbuild.store.blobs import Blobs
from imgbuild.types import Allowance, Model, Record, Request

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CREW_PAYS = 500  # images to make from which a crew does; it takes half a second to start
MOST = 8  # processes: what they make together is then more than the one loop can put in place
CALLS = 16  # calls to a vendor that keep a process busy, where each takes no longer than it must
ERRANDS = 8  # at most so many in one message, which costs about a quarter of making a picture of 64×64
AREA = 1 << 15  # pixels of the pictures in one message: more keeps one process busy while others have none


class Errand(Struct, frozen=True, kw_only=True):
    """One image to make and finish. request: without pictures. model: as it is declared, which may state a price.

    job: reads no files; the image of its start has no pixels yet, only what it is estimated to cost.
    """

    provider: str
    model: Model
    request: Request
    job: Job


def errands_at_a_time(width: int, height: int) -> int:
    """How many errands for pictures of that size go into one message."""
    return max(1, min(ERRANDS, AREA // (width * height)))


def is_quick(errand: Errand) -> bool:
    """Whether it is little more than a request: the picture is small, and no program of the user's looks at it."""
    job = errand.job
    operations = [*job.operations, *(step for item in job.renditions for step in item.operations)]
    runs = any(step.concerns() for step in operations) or any(rule.concerns() for rule in job.rules.values())
    return errand.request.width * errand.request.height <= AREA and not runs


class Fault(Struct, frozen=True, kw_only=True):
    """An error on its way between processes. records, cost: of the steps that were taken before."""

    kind: type[TargetError]
    message: str
    hint: str
    records: tuple[Record, ...] = ()
    cost: float = 0.0
    retry_after: float | None = None

    def error(self) -> TargetError:
        if self.kind is Unfinished:
            return Unfinished(TargetError(self.message, hint=self.hint), self.records, self.cost)
        if issubclass(self.kind, Transient):
            return self.kind(self.message, retry_after=self.retry_after, hint=self.hint)
        return self.kind(self.message, hint=self.hint)


def fault_of(error: TargetError) -> Fault:
    fault = Fault(kind=type(error), message=error.message, hint=error.hint)
    if isinstance(error, Unfinished):
        return replace(fault, records=error.records, cost=error.cost)
    return replace(fault, retry_after=error.retry_after) if isinstance(error, Transient) else fault


class Places(Struct, frozen=True, kw_only=True):
    """blobs, second: the folders of the store's blobs. root: of the project."""

    blobs: Path
    second: Path | None = None
    root: Path


class Crew:
    """At most `size` processes, each started when a thread first finds no link idle. They end when this one does.

    links: to each process, which does so many things at a time.
    """

    def __init__(self, size: int, places: Places, links: int = 1) -> None:
        self.size = min(size, MOST)
        self.links = links
        self._places = places
        self._changed = threading.Condition()
        self._idle: deque[Connection] = deque()
        self._usable = 0  # links that have not failed
        self._is_closed = False
        self._all: list[Worker] = []

    def run(
        self, errands: Sequence[Errand], hear: Callable[[Allowance], None] = unheard
    ) -> list[Made | TargetError]:
        """Do the errands in one of the processes; in a thread. hear: takes what a vendor says of its rate limit.

        Raises Broke where it ended under them, OSError where the system refused something there, RuntimeError with
        what it printed where it met a bug, Transient after `close`.
        """
        link = self._send(errands)
        try:
            while isinstance(said := link.recv(), Allowance):
                hear(said)
        except (EOFError, OSError) as error:
            self._drop()
            raise Broke(
                "the process that made this image ended", hint="was it out of memory? build again"
            ) from error
        self._give_back(link)
        if isinstance(said, OSError):
            raise said
        if isinstance(said, str):
            raise RuntimeError(said)
        return [answer.error() if isinstance(answer, Fault) else answer for answer in said]

    def close(self) -> None:
        """End the processes. Those that are still at work are so because nobody waits for them any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            idle = set(self._idle)
        for worker in self._all:
            worker.end(at_work=not idle.issuperset(worker.links))

    def _send(self, errands: Sequence[Errand]) -> Connection:
        """Hand them to a process that is there to take them; what can't be sent to one that ended, it did not begin."""
        while True:
            link = self._take()
            try:
                link.send(errands)
            except OSError:
                self._drop()
            else:
                return link

    def _take(self) -> Connection:
        """A link that is idle now; of a new process, where there may be one more."""
        with self._changed:
            while self._is_closed or not self._idle:
                if self._is_closed:
                    raise Transient("the build was stopped")
                if self._usable + self.links <= self.size * self.links:
                    share = (len(self._all), self.size) if self.links > 1 else None
                    self._all.append(Worker(_begin, self._places, share, links=self.links))
                    self._idle.extend(self._all[-1].links)
                    self._usable += self.links
                else:
                    self._changed.wait()
            return self._idle.popleft()

    def _give_back(self, link: Connection) -> None:
        with self._changed:
            self._idle.append(link)
            self._changed.notify()

    def _drop(self) -> None:
        """A link has failed, and is not given back."""
        with self._changed:
            self._usable -= 1
            self._changed.notify()


def crew_for(provider: Provider, calls: int, jobs: int, places: Places) -> Crew | None:
    """Who makes what a provider is asked for; None where this process is enough.

    calls: to a vendor at a time, as the settings allow; 0 where they do not say, since vendors then allow few.
    """
    if provider.apart:
        return Crew(jobs, places)
    size = min(jobs, MOST, calls // CALLS)
    return Crew(size, places, links=-(-calls // size)) if provider.network and size > 1 else None


class Hired(dict[str, Provider]):
    """The providers that have been asked here, each made when it first is. root: of the project, for files and keys."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._files, self._keys = Files(root), Keyring(os.environ, root)
        self._lock = threading.Lock()

    def __missing__(self, name: str) -> Provider:
        with self._lock:
            if name not in self:
                self[name] = self._hire(PROVIDERS.get(name)())
            return self[name]

    def _hire(self, provider: Provider) -> Provider:
        provider.files, provider.environ, provider.tell_left = self._files, self._keys, _tell_left
        return provider


_ASKING: ContextVar[Connection] = ContextVar("link")


def _tell_left(left: Allowance) -> None:
    """Said to the thread that waits for what this one does."""
    _ASKING.get().send(left)


def _begin(places: Places, share: tuple[int, int] | None) -> Serve:
    """share: the process's number, and of how many, where several threads take turns there."""
    blobs, providers = Blobs(places.blobs, places.second), Hired(places.root)
    turns = Turns(*share) if share is not None else None

    def serve(link: Connection) -> None:
        _ASKING.set(link)
        while True:
            errands = link.recv()
            if turns is not None:
                turns.keep(here=all(map(is_quick, errands)))
            link.send(_answers(errands, blobs, providers))

    return serve


def _answers(
    errands: Sequence[Errand], blobs: Blobs, providers: Mapping[str, Provider]
) -> list[Made | Fault] | OSError | str:
    try:
        return [do(errand, blobs, providers) for errand in errands]
    except OSError as error:
        return error
    except Exception:  # a bug, to be told where bugs are told
        return format_exc()


def do(errand: Errand, blobs: Blobs, providers: Mapping[str, Provider]) -> Made | Fault:
    """Make and finish one image. providers: by name."""
    try:
        return _made(errand, providers[errand.provider], blobs)
    except TargetError as error:
        return fault_of(error)


def _made(errand: Errand, provider: Provider, blobs: Blobs) -> Made:
    began = time.perf_counter()
    with foreign(f"provider '{provider.name}'"):
        (image,) = provider.generate([errand.request])
        cost = bill_of(errand.model, provider, errand.request, image)
    seconds = time.perf_counter() - began
    start = errand.job.start
    if cost is None and start.image is not None:
        cost = start.image.cost
    start = replace(start, image=replace(image, cost=cost), seconds=seconds)
    return finish(replace(errand.job, start=start), blobs)
