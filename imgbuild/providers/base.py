"""The contract of a provider: the adapter that turns requests into images.

A provider gets plain data and gives plain data. It knows no store, no graph and no scheduler. The smallest
adapter gives `name`, `capabilities` and `generate`.

What `generate` raises says what became of the requests of that call, and of the money:

- Refused, ProviderFailed: turned down, and not charged for. A fallback may take over.
- Transient: certainly not taken (429, connection refused). The call is made again, after a while.
- Unanswered: sent, and perhaps taken and charged for (time-out, connection cut, 500). It is not made again by
  itself: a paid one counts as spent, and is sent again only with `--resend`. When in doubt, it is this one.

Anything else is a bug of the adapter, and counts as Unanswered does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from imgbuild.types import Capabilities, Image, Model, Pin, Request


class Provider(ABC):
    """One kind of image maker. Instances are shared between threads and hold no state of a build.

    name: as specs write it. version: of this adapter; part of every pin, so a change of what it sends moves
    pins only by `lock --upgrade`. paid: whether a request costs money, so that it is journaled before it is
    sent. network: whether it needs one. device: whether a call occupies a device that must not wait for other
    work, and prefers to go on with the model it has loaded. apart: whether a call keeps Python itself busy, so
    that many are made in processes beside this one, which each make an instance of their own. env: the
    environment variables that hold its keys.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    paid: ClassVar[bool] = False
    network: ClassVar[bool] = False
    device: ClassVar[bool] = False
    apart: ClassVar[bool] = False
    env: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def capabilities(self, model: Model) -> Capabilities:
        """What this model takes; pure, without network or heavy imports. Raises SpecError."""

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

    def price(self, request: Request) -> float | None:
        """Estimated US dollars for one image; None where it is not known."""
        return None if self.paid else 0.0

    def environment(self) -> Mapping[str, str]:
        """What beside the key may have shaped the pixels (library versions, device), for the record."""
        return {}
