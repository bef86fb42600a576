"""Clients of a vendor that are kept from call to call."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import get_ident
from typing import Generic, Protocol, TypeVar


class Client(Protocol):
    """What keeps connections."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Client)


class Clients(Generic[C]):
    """One for each thread and server: of a pool that threads share, each call looks through all connections."""

    def __init__(self) -> None:
        self._all: dict[tuple[Hashable, ...], C] = {}

    def of(self, make: Callable[[], C], *server: Hashable) -> C:
        """This thread's client of a server, made where there is none. server: all that tells it from others."""
        own = (get_ident(), *server)
        if own not in self._all:  # which no other thread looks for
            self._all[own] = make()
        return self._all[own]

    def close(self) -> None:
        """End all connections."""
        for client in self._all.values():
            client.close()
        self._all.clear()
