"""How fast a provider may be asked: what the settings allow, and what its answers teach. Pure; time is handed in.

Calls in flight follow the rule of TCP's congestion control: one more for each round of answers, fewer at once where the
provider says that it is too much (AIMD; Chiu and Jain, 1989). Their pace is learnt too: that of the calls that were
taken while others were turned down is what the provider bears.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from msgspec import Struct

from imgbuild.settings import Limit
from imgbuild.types import Allowance

UNBOUND = 10_000  # calls in flight
SPAN = 2.0  # seconds over which calls are counted
ROUND = 0.25  # seconds in which several complaints are one
FEWER, SLOWER = 0.8, 0.95  # what is left of calls in flight, and of the pace, where it was too much
STARTING, FASTER = (
    1.0,
    0.05,
)  # a second: by how much of itself the pace grows, until it is too much, and from then on
LEAST = 0.1  # calls a second
LATE = 0.05  # seconds that a call may go out after its turn without a loss of pace
FALL, LOSS = (
    0.7,
    0.8,
)  # a pace that fell so far, with so much less taken: then it is not the pace that is too much
HOLD = 10.0  # seconds for which that is believed


class Rates(Struct, frozen=True, kw_only=True):
    """What the settings, or else the provider, allow at most.

    concurrency: calls in flight. per_second, per_minute: calls; None, any number.
    """

    concurrency: int
    per_second: float | None = None
    per_minute: float | None = None


def rates_of(limit: Limit | None) -> Rates:
    """What the settings of a provider allow, if there are any. Calls in flight are bound by its lane anyway."""
    limit = limit or Limit()
    return Rates(
        concurrency=limit.concurrency or UNBOUND, per_second=limit.per_second, per_minute=limit.per_minute
    )


class _Mark(NamedTuple):
    """A pace, and how many calls a second were taken at it."""

    pace: float
    taken: float


class Pacing:
    """When the next call may go out, and how many may be under way. Times are seconds of a clock that only goes on."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self.window = float(rates.concurrency)
        self.pace: float | None = None  # calls a second, once they were too many
        self.resting = 0.0  # until when the provider wants to be left alone
        self._growth = STARTING
        self._began: float | None = None
        self._last = float("-inf")  # when the last call went out, or should have
        self._sent: deque[float] = deque()  # within the last minute
        self._taken: deque[float] = deque()  # within SPAN
        self._cut_at = self._grown_at = self._held_until = float("-inf")
        self._mark: _Mark | None = None

    @property
    def room(self) -> int:
        """How many calls may be in flight now."""
        return max(1, int(self.window))

    def when(self) -> float:
        """The time from which on one more call may go out, as things are now."""
        rate = self._rate
        turn = self._last + 1 / rate if rate is not None else 0.0
        return max(self.resting, turn, self._after_a_minute())

    def sent(self, now: float) -> None:
        """A call goes out. One that is a little late for its turn does not make the next one late, too."""
        self._last = max(now - LATE, self.when()) if self._rate is not None else now
        self._began = now if self._began is None else self._began
        if self.rates.per_minute is not None:
            self._sent.append(now)

    def taken(self, now: float) -> None:
        """A call was answered: with an image, or a reason why there is none."""
        self._taken.append(now)
        self.window = min(float(self.rates.concurrency), self.window + 1 / self.window)
        if self.pace is not None:
            self.pace = min(self.pace * (1 + self._growth * min(now - self._grown_at, 1.0)), 1e6)
        self._grown_at = now

    def told(self, now: float, left: Allowance) -> None:
        """The provider says what it bears. As long as it takes some calls at once, that is no matter."""
        if left.calls:
            return
        if left.per_second is None:
            self.resting = max(self.resting, now + left.until)
        else:
            self.pace, self._growth, self._grown_at = max(LEAST, left.per_second), FASTER, now

    def turned_down(self, now: float, out: int, wait: float | None = None) -> None:
        """A call was one too many of `out` in flight. wait: seconds to leave the provider alone, if it says."""
        if wait is not None:
            self.resting = max(self.resting, now + wait)
        if now < max(self._cut_at + ROUND, self._held_until):
            return
        self._cut_at = self._grown_at = now
        self.window = max(1.0, min(self.window, out) * FEWER)
        taken = self._taken_a_second(now)
        if self.pace is None:
            self.pace = max(LEAST, taken) if taken else None
            self.resting = max(self.resting, now + ROUND)
        else:
            self._slow_down(self.pace, taken, now)

    def _slow_down(self, pace: float, taken: float, now: float) -> None:
        """A lower pace; or the one before it, where going slower only has cost calls that would have been taken."""
        if self._mark is not None and pace < self._mark.pace * FALL:
            if taken < self._mark.taken * LOSS:
                self.pace, self._mark, self._held_until = self._mark.pace, None, now + HOLD
                return
            self._mark = None
        if self._mark is None and self._growth == FASTER:
            self._mark = _Mark(pace, taken)
        lower = pace * SLOWER if self._growth == FASTER else max(taken, pace / 2)
        self.pace, self._growth = max(LEAST, lower), FASTER

    @property
    def _rate(self) -> float | None:
        """Calls a second that may go out; None: as many as there are."""
        allowed = self.rates.per_second
        if self.pace is None or allowed is None:
            return allowed if self.pace is None else self.pace
        return min(self.pace, allowed)

    def _taken_a_second(self, now: float) -> float:
        while self._taken and self._taken[0] < now - SPAN:
            self._taken.popleft()
        since = now if self._began is None else now - self._began
        return len(self._taken) / min(SPAN, max(ROUND, since))

    def _after_a_minute(self) -> float:
        """When so many calls as a minute allows will lie a minute back."""
        if self.rates.per_minute is None:
            return 0.0
        count = max(1, int(self.rates.per_minute))
        while len(self._sent) > count:
            self._sent.popleft()
        return self._sent[0] + 60.0 * count / self.rates.per_minute if len(self._sent) == count else 0.0
