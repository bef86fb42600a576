"""One policy for every provider: how a call is tried again, and what may be spent."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from imgbuild.errors import TargetError, Transient
from imgbuild.report.text import money

T = TypeVar("T")


class Retry(Struct, frozen=True, kw_only=True):
    """first, longest: seconds of waiting before full jitter; deadline: seconds after which a call is given up."""

    first: float = 0.5
    longest: float = 30.0
    deadline: float = 300.0


def call(
    send: Callable[[], T],
    retry: Retry,
    stopped: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `send` gives; a Transient error is tried again with full jitter until the deadline or a stop.

    A provider's own word on how long to wait is a lower bound. Raises the last error.
    """
    began = clock()
    tries = 0
    while True:
        try:
            return send()
        except Transient as error:
            tries += 1
            wait = max(
                error.retry_after or 0.0,
                random.uniform(0, min(retry.longest, retry.first * 2 ** min(tries, 99))),
            )
            if clock() - began + wait > retry.deadline or stopped.wait(wait):
                raise


ROUNDING = 1e-9  # US dollars: sums of floats that are equal but for this are equal


class OverBudget(TargetError):
    """The image would cost more than is left."""


class Budget:
    """Money that may still be spent: reserved before a request is sent, settled when its cost is known."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self.spent = 0.0
        self._reserved = 0.0

    def reserve(self, cost: float) -> None:
        """Set `cost` dollars aside. Raises OverBudget, and reserves nothing, where too little is left."""
        if self.limit is not None and self.spent + self._reserved + cost > self.limit + ROUNDING:
            raise OverBudget(
                f"the budget of {money(self.limit)} would be crossed: {money(self.spent + self._reserved)} is spent "
                f"or under way, and this image costs about {money(cost)}",
                hint="raise --budget, or build a selection",
            )
        self._reserved += cost

    def settle(self, reserved: float, cost: float) -> None:
        self._reserved -= reserved
        self.spent += cost
