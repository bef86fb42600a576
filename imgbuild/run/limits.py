"""One policy for every provider: how fast it is asked, how a call is tried again, when it is left alone."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from msgspec import Struct

from imgbuild.errors import ProviderFailed, TargetError, Throttled, Transient, Unanswered, Unavailable
from imgbuild.run.pacing import Pacing, Rates
from imgbuild.types import Allowance

T = TypeVar("T")

TICK = 0.1  # seconds after which whoever waits looks whether the build was stopped
IN_A_ROW = 5  # calls that failed for the provider's own sake, after which it is left alone
REST = 60.0  # seconds after which it is tried once more


class Retry(Struct, frozen=True, kw_only=True):
    """first, longest: seconds of waiting before full jitter; deadline: seconds after which a call is given up."""

    first: float = 0.5
    longest: float = 30.0
    deadline: float = 300.0


class Closed(ProviderFailed):
    """A provider failed so often that it is left alone. A fallback may take over."""


class Breaker:
    """Whether a provider is worth asking: no more after it failed some times in a row, but for one call now and then.

    What it can't do for anyone (a key that it does not take, no credit) leaves it alone for the rest of the build.
    """

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._failed = 0
        self._until = 0.0
        self._why: TargetError | None = None

    def check(self, now: float) -> None:
        """Raise Closed, or the error that nobody can get past, unless it is to be asked now."""
        if isinstance(self._why, Unavailable):
            raise Unavailable(self._why.message, hint=self._why.hint)
        if self._why is not None and now < self._until:
            raise Closed(
                f"'{self.provider}' failed {self._failed} times in a row, and is left alone: {self._why.message}",
                hint=self._why.hint or "build again later",
            )
        if self._why is not None:  # whoever asks now finds out for all
            self._until = now + REST

    def is_due(self, now: float) -> bool:
        """Whether whoever goes next is to find out for all."""
        return self._why is not None and not isinstance(self._why, Unavailable) and now >= self._until

    def worked(self) -> None:
        """It answered, if only to say no to one image."""
        if not isinstance(self._why, Unavailable):
            self._failed, self._why = 0, None

    def failed(self, error: TargetError, now: float) -> None:
        self._failed += 1
        if isinstance(error, Unavailable) or self._failed >= IN_A_ROW:
            self._why, self._until = error, now + REST


class Limiter:
    """One provider's limits. Safe to use from several threads."""

    def __init__(
        self, provider: str, rates: Rates, retry: Retry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.retry, self.clock = retry, clock
        self.pacing, self.breaker = Pacing(rates), Breaker(provider)
        self._out = 0
        self._turn = threading.Condition()

    def call(self, send: Callable[[], T], stopped: threading.Event) -> T:
        """What `send` gives. A Transient error is tried again, with full jitter, until the deadline or a stop.

        A provider's own word on how long to wait is a lower bound. Raises the last error, or what the breaker says.
        """
        tries, since = 0, float("inf")
        while True:
            try:
                with self._place(stopped):
                    _ASKED.set(self)
                    return send()
            except Transient as error:
                now = self.clock()
                tries, since = tries + 1, min(since, now)
                wait = self._wait(error, tries)
                if now - since + wait > self.retry.deadline or stopped.wait(wait):
                    self._gave_up(error)
                    raise

    def learn(self, left: Allowance) -> None:
        """What the provider says is left: where that is nothing, it is not asked for the sake of a no."""
        with self._turn:
            self.pacing.told(self.clock(), left)

    def _wait(self, error: Transient, tries: int) -> float:
        """Seconds until the next try. Of what was one too many, the pace has learnt; so it need not back off, too."""
        most = self.retry.first
        if not isinstance(error, Throttled):
            most = min(self.retry.longest, self.retry.first * 2 ** min(tries, 99))
        return (error.retry_after or 0.0) + random.uniform(0, most)

    @contextmanager
    def _place(self, stopped: threading.Event) -> Iterator[None]:
        """A place among the calls in flight, when its time has come; what comes of it is learnt from."""
        self._enter(stopped)
        try:
            yield
        except BaseException as error:
            self._leave(error)
            raise
        self._leave(None)

    def _enter(self, stopped: threading.Event) -> None:
        with self._turn:
            while True:
                now, at = self.clock(), self.pacing.when()
                may_go = self._out < self.pacing.room and at <= now
                if may_go or not self.breaker.is_due(
                    now
                ):  # who has to wait is not the one that finds out for all
                    self.breaker.check(now)
                if may_go:
                    self.pacing.sent(now)
                    self._out += 1
                    return
                if stopped.is_set():
                    raise Transient("the build was stopped")
                self._turn.wait(min(TICK, max(0.0, at - now)) or TICK)

    def _leave(self, error: BaseException | None) -> None:
        with self._turn:
            now = self.clock()
            if isinstance(error, Throttled):
                self.pacing.turned_down(now, self._out, error.retry_after)
            else:
                self.pacing.taken(now)
            if isinstance(error, Unanswered | Unavailable):
                self.breaker.failed(error, now)
            elif not isinstance(error, Transient):
                self.breaker.worked()
            self._out -= 1
            self._turn.notify_all()

    def _gave_up(self, error: Transient) -> None:
        with self._turn:
            self.breaker.failed(error, self.clock())
            self._turn.notify_all()


_ASKED: ContextVar[Limiter] = ContextVar("limiter")


def learn(left: Allowance) -> None:
    """What a provider says is left to those who ask what this thread asks it: a provider has several servers."""
    _ASKED.get().learn(left)


class Limits:
    """The limiters of one run, by the provider's name. rates: gives what is allowed at most."""

    def __init__(self, retry: Retry, rates: Callable[[str], Rates]) -> None:
        self._retry, self._rates = retry, rates
        self._all: dict[tuple[str, str], Limiter] = {}
        self._lock = threading.Lock()

    def of(self, provider: str, server: str = "") -> Limiter:
        """server: whom a request goes to; those of one provider know nothing of each other."""
        with self._lock:
            name = provider, server
            if name not in self._all:
                self._all[name] = Limiter(provider, self._rates(provider), self._retry)
            return self._all[name]
