"""The contract of a provider: the adapter that turns requests into images.

A provider gets plain data and gives plain data. It knows no store, no graph and no scheduler. The smallest
adapter gives `name`, `capabilities` and `generate`.

What `generate` raises says what became of the requests of that call, and of the money:

- Refused, ProviderFailed: turned down, and not charged for. A fallback may take over.
- Transient: certainly not taken (429, connection refused). The call is made again, after a while.
- Throttled: so is that, and whoever asks the same provider goes slower.
- Unavailable: nothing is made for this account (key, credit). The provider is left alone, and no fallback takes over.
- Unanswered: sent, and perhaps taken and charged for (time-out, connection cut, a gateway's 502). It is not made again
  by itself: a paid one counts as spent, and is sent again only with `--resend`. When in doubt, it is this one.

Anything else is a bug of the adapter, and counts as Unanswered does.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from imgbuild.files import Files
from imgbuild.price import ANY, Price
from imgbuild.providers.allowance import allowance_of
from imgbuild.types import (
    Account,
    Activity,
    Allowance,
    Capabilities,
    Concern,
    Digest,
    Image,
    Model,
    Pin,
    Request,
)
from imgbuild.weights.networks import Judge, Weights


def unheard(said: Activity | Allowance) -> None:
    """What is told where nobody listens."""


class Provider(ABC):
    """One kind of image maker. Instances are shared between threads; of a build they hold a loaded model at most.

    name: as specs write it. version: of this adapter; part of every pin, so a change of what it sends moves
    pins only by `lock --upgrade`. draws: whether it makes images; else it brings weights to rules and operations, and
    gives `fetched` in place of `generate`. labels: of a service that judges pictures, what it tells them by.
    paid: whether a request costs money, so that it is journaled before it is sent. network: whether it needs one.
    device: whether a call occupies a device that must not wait for other work, and prefers to go on with the
    model it has loaded. apart: whether a call keeps Python itself busy, so that many are made in processes beside
    this one, which each make an instance of their own; so it is with a network, where the settings allow very
    many calls at a time. env: the environment variables that hold its keys. files: the project's files, for those
    whose models lie among them; whoever asks for more than `capabilities`, or for those of a project's models,
    has set it.
    offline: whether to leave the network alone.
    runs_on: the device that the settings name, for models that name none; empty: the best there is.
    environ: where its keys are looked up; of a run, the environment and the project's `.env`.
    tell: takes what a call is at, from any thread and at once, so that a person can see a slow one move; a run sets it.
    tell_left: takes what the vendor says is left of its rate limit, in the thread that asked it; a run sets it, too.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    draws: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ()
    paid: ClassVar[bool] = False
    network: ClassVar[bool] = False
    device: ClassVar[bool] = False
    apart: ClassVar[bool] = False
    env: ClassVar[tuple[str, ...]] = ()

    files: Files | None = None
    offline: bool = False
    runs_on: str = ""
    environ: Mapping[str, str] = os.environ
    tell: Callable[[Activity], None] = staticmethod(unheard)
    tell_left: Callable[[Allowance], None] = staticmethod(unheard)

    def hear(self, headers: Mapping[str, str]) -> None:
        """Pass on what the headers of an answer say of the vendor's rate limit, if anything."""
        if (left := allowance_of(headers)) is not None:
            self.tell_left(left)

    @abstractmethod
    def capabilities(self, model: Model) -> Capabilities:
        """What this model takes; without network or heavy imports, and pure but for small files that say so.

        Raises SpecError.
        """

    def pinned(self, model: Model, pin: Pin) -> Capabilities:
        """What it takes for certain, from what `pin` found out: for models that must be looked at. As pure."""
        return self.capabilities(model)

    def concerns(self, model: Model) -> Sequence[Concern]:
        """What in the declaration could harm the reader: nothing of it is done before they consented to all of it.

        A program that is run, code or data that can run one, a key or picture sent to a host that is not the vendor's
        own. Looks at names of the project's files at most; no network, no heavy imports. Raises SpecError.
        """
        return ()

    @abstractmethod
    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        """One image for each request, in order; at most `capabilities.batch` at a time.

        Raises Refused, ProviderFailed, Transient, Unanswered; see above.
        """

    def pin(self, model: Model) -> Pin:
        """The model resolved to something that does not move. Raises TargetError, also when it is gone."""
        return Pin(
            provider=self.name,
            source=model.source,
            revision=model.revision,
            declared=model.revision,
            adapter=self.version,
        )

    def repin(self, model: Model, pin: Pin) -> Pin:
        """A pin for a model whose files moved since `pin` was taken. What they are not part of may stay as it was."""
        return self.pin(model)

    def weights(self, model: Model, pin: Pin) -> Digest | None:
        """What `pin.weights` should be now, where files of the project are in it; None where none are, or none is here.

        A pin holds only while this is as it was. Without network or heavy imports. Raises SpecError, TargetError.
        """
        return None

    def fetched(self, model: Model, pin: Pin) -> Weights | Judge:
        """The weights that it is pinned to, on this machine, or the service. Raises TargetError without these."""
        raise TypeError(f"provider '{self.name}' makes images")

    def server(self, request: Request) -> str:
        """Whom a request goes to, where that differs between models: each has limits and failures of its own."""
        return ""

    def price(self, request: Request) -> float | None:
        """Estimated US dollars for one image, by the list of prices; None where it is not known."""
        if not self.paid:
            return 0.0
        from imgbuild.providers.prices import price_at

        known = price_at(self.name, request.pin.revision or request.pin.source, request.params)
        return None if known is None else self.price_by(known, request)

    def price_by(self, price: Price, request: Request) -> float | None:
        """The same by this price, which is of the list, or what the model states."""
        return price.of_image(ANY, request.width, request.height, pixels_given(request))

    def variables(self, model: Model) -> Sequence[Sequence[str]]:
        """The environment variables that this model is asked with: of each item, one that is set is enough."""
        named = model.params.get("key")
        return [(str(named),)] if named else [self.env] if self.env else []

    def desk(self, model: Model) -> str:
        """The address of the server that `account` asks, where it is another than the vendor's own."""
        return str(model.params.get("base_url", ""))

    def account(self, model: Model) -> Account | None:
        """What a server says to the key that this model is asked with: by one request, free, that changes nothing.

        model: for its address and its key; one that names neither has the vendor's own. None: there is no such request.
        Raises TargetError, and Unavailable where the key is not taken.
        """
        return None

    def close(self) -> None:
        """Give up what is kept between calls, such as connections. Nothing is asked of it after that."""
        return

    def environment(self) -> Mapping[str, str]:
        """What beside the key may have shaped the pixels (library versions, device), for the record."""
        return {}


def pixels_given(request: Request) -> list[int]:
    """Pixels of each picture that goes in, as far as they are known."""
    return [width * height for sizes in request.given.values() for width, height in sizes]


class Queued(Provider):
    """A provider that takes a request first, and answers later: what it took can be asked for, by another build too.

    One that has models of both kinds says by `queues` which it is, and answers the others from `generate`.
    """

    def queues(self, request: Request) -> bool:
        """Whether this request is handed in and collected. If not, it has no ticket, and is as any other's."""
        return True

    @abstractmethod
    def submit(self, request: Request) -> str:
        """Hand the request in; its ticket: all that is needed to ask for it, in the vendor's words.

        Raises as `generate` does. Once it has returned, the request is never handed in again.
        """

    @abstractmethod
    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        """The image of a request that was taken, when it is there. pause: waits for so many seconds, or ends the wait.

        A Transient error is one of asking: it is asked again. Raises Gone where the vendor knows it no more; else as
        `generate` does.
        """

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self.collect(self.submit(request), request, time.sleep) for request in requests]
