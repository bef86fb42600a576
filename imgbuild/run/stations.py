"""Processes that draw beside this one, each on a device of its own, with the model loaded there.

Requests and pictures go to and fro as plain data, and so does what the provider tells meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.files import Files, Stamp
from imgbuild.foreign import Broke, foreign
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.providers.keyring import Keyring
from imgbuild.run.crew import Fault, fault_of
from imgbuild.run.worker import Serve, Worker
from imgbuild.types import Activity, Digest, Image, Request

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Post(Struct, frozen=True, kw_only=True):
    """What a process needs to begin. root, digests: of the project's files, so that weights are not read again."""

    provider: str
    device: str
    root: Path
    digests: Mapping[str, tuple[Stamp, Digest]] = {}
    offline: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """What a call gave. environment: what beside the keys may have shaped the pixels."""

    images: Sequence[Image]
    environment: Mapping[str, str] = {}


class Station:
    """One process on one device, started when it is first asked, and anew after it ended."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self._lock = Lock()
        self._worker: Worker | None = None

    def generate(self, requests: Sequence[Request], tell: Callable[[Activity], None]) -> Answer:
        """The images of one call, in a thread. tell: takes what it is at.

        Raises what the provider raises, and Broke where it raises what it should not, or where the process ended.
        """
        with self._lock:
            try:
                self._worker = self._worker or Worker(_begin, self.post)
                (link,) = self._worker.links
                link.send(requests)
                while isinstance(said := link.recv(), Activity):
                    tell(said)
            except (EOFError, OSError) as error:
                self._end(at_work=False)
                raise Broke(
                    f"the process that draws on {self.post.device} ended",
                    hint="was it out of memory? build again",
                ) from error
        if isinstance(said, Fault):
            raise said.error()
        assert isinstance(said, Answer)
        return said

    def close(self) -> None:
        """End the process. One that is still at work is so because nobody waits for it any more."""
        self._end(at_work=self._lock.locked())

    def _end(self, *, at_work: bool) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(at_work=at_work)


class Stations:
    """The processes of one run: for each provider that is asked, one on each device."""

    def __init__(self, files: Files, *, offline: bool) -> None:
        self._files, self._offline = files, offline
        self._lock = Lock()
        self._all: dict[tuple[str, int], Station] = {}

    def at(self, provider: str, place: int, device: str) -> Station:
        """place: the device's among all, which may have one name twice."""
        with self._lock:
            if (provider, place) not in self._all:
                post = Post(
                    provider=provider,
                    device=device,
                    root=self._files.root,
                    digests=dict(self._files.digests()),
                    offline=self._offline,
                )
                self._all[provider, place] = Station(post)
            return self._all[provider, place]

    def close(self) -> None:
        for station in self._all.values():
            station.close()


def _begin(post: Post) -> Serve:
    provider, sending = hired(post), Lock()

    def serve(link: Connection) -> None:
        def send(said: object) -> None:
            with sending:
                link.send(said)

        provider.tell = send
        while True:
            send(answer(provider, link.recv()))

    return serve


def hired(post: Post) -> Provider:
    """The provider, as it is to work there."""
    provider = PROVIDERS.get(post.provider)()
    provider.files, provider.offline, provider.runs_on = Files(post.root), post.offline, post.device
    provider.files.remember(dict(post.digests))
    provider.environ = Keyring(os.environ, post.root)
    return provider


def answer(provider: Provider, requests: Sequence[Request]) -> Answer | Fault:
    try:
        with foreign(f"provider '{provider.name}'"):
            return asked(provider, requests)
    except TargetError as error:
        return fault_of(error)


def asked(provider: Provider, requests: Sequence[Request]) -> Answer:
    """What a provider gives in this process. Raises what it raises."""
    return Answer(images=provider.generate(requests), environment=provider.environment())
