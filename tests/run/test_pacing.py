"""Providers that bear so much, played by a clock that nobody waits for: how much of it is used, and how often it is too much."""

import heapq
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.run.pacing import Pacing, Rates
from imgbuild.types import Allowance


class Played:
    """A provider, and threads that ask it. Seconds are counted, not waited for.

    rate, burst: of the calls that it takes, by the rule of the token bucket; else it says no. seconds: that a call
    takes. active: how many calls it takes at a time. busy: the share of images whose first call it turns down whatever.
    says: whether it tells how long to wait. tells: whether it tells, with each image, what is left of the bucket.
    window: seconds after which the bucket is full again, in place of filling up all the time.
    """

    def __init__(
        self,
        rates,
        *,
        rate=1e9,
        burst=None,
        seconds=0.1,
        active=None,
        busy=0.0,
        says=False,
        tells=False,
        window=None,
    ):
        self.pacing = Pacing(rates)
        self.rate, self.burst = rate, burst if burst is not None else rate
        self.seconds, self.active, self.busy, self.says = seconds, active, busy, says
        self.tells, self.window = tells, window
        self.dice, self.numbers = random.Random(0), itertools.count()
        self.tokens, self.filled, self.out = self.burst, 0.0, 0
        self.calls, self.most, self.sent, self.done = 0, 0, [], []

    def make(self, images, threads):
        """Seconds at which each image was there."""
        self.events, self.ready, self.left, self.wakes = [], [], images, float("inf")
        for _ in range(threads):
            self._later(0.0, self._next, 0)
        while self.events:
            now, _, what, *given = heapq.heappop(self.events)
            what(now, *given)
        assert len(self.done) == images
        return self.done

    def _later(self, at, what, *given):
        heapq.heappush(self.events, (at, next(self.numbers), what, *given))

    def _next(self, now, tries):
        if tries or self.left:
            self.left -= not tries
            self.ready.append(tries)
            self._send(now)

    def _send(self, now):
        while self.ready and self.out < self.pacing.room:
            at = self.pacing.when()
            if at > now + 1e-9:
                if at < self.wakes - 1e-6:
                    self.wakes = at
                    self._later(at, self._wake, at)
                return
            self.pacing.sent(now)
            self.sent.append(now)
            self.out += 1
            self.calls += 1
            self.most = max(self.most, self.out)
            tries = self.ready.pop(0)
            takes = self._takes(now, tries)
            self._later(
                now + self.seconds * (1 if takes else 0.2), self._answered, tries, takes, self._left(now)
            )

    def _wake(self, now, at):
        if at == self.wakes:  # else another one came before it
            self.wakes = float("inf")
            self._send(now)

    def _left(self, now):
        if self.window is None:
            return Allowance(calls=int(self.tokens), per_second=self.rate)
        return Allowance(calls=int(self.tokens), until=self.window - now % self.window)

    def _takes(self, now, tries):
        if self.window is None:
            self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        elif now // self.window > self.filled // self.window:
            self.tokens = self.burst
        self.filled = now
        if self.tokens < 1 or (self.active and self.out > self.active):
            return False
        if not tries and self.dice.random() < self.busy:
            return False
        self.tokens -= 1
        return True

    def _answered(self, now, tries, takes, left):
        if self.tells and takes:
            self.pacing.told(now, left)
        if takes:
            self.pacing.taken(now)
            self.done.append(now)
            self._later(now, self._next, 0)
        else:
            wait = (1 - self.tokens) / self.rate if self.says and self.tokens < 1 else None
            self.pacing.turned_down(now, self.out, wait)
            self._later(now + (wait or 0.0) + self.dice.uniform(0, 0.5), self._next, tries + 1)
        self.out -= 1
        self._send(now)


def sustained(done):
    """Images a second after a fifth of them, and before the last few, for which threads are left over."""
    first, last = len(done) // 5, int(len(done) * 0.97)
    return (last - first) / (done[last] - done[first])


@pytest.mark.parametrize("says", [False, True], ids=["that says no more", "that says how long"])
@pytest.mark.parametrize("rate", [5, 50, 500])
def test_what_a_provider_bears_is_learnt_and_used(rate, says):
    played = Played(Rates(concurrency=64), rate=rate, seconds=0.1 if rate < 500 else 0.05, says=says)
    assert sustained(played.make(rate * 40, 64)) >= 0.95 * rate


@pytest.mark.parametrize("rate", [5, 50, 500])
def test_what_a_provider_tells_of_its_limit_is_used_without_trying_it(rate):
    played = Played(Rates(concurrency=64), rate=rate, seconds=0.1 if rate < 500 else 0.05, tells=True)
    done = played.make(rate * 40, 64)
    assert sustained(done) >= 0.95 * rate
    assert played.calls <= 1.02 * len(done) + 64  # those of the start, of which nobody knew


def test_where_nothing_is_left_the_next_window_is_waited_for():
    played = Played(Rates(concurrency=8), burst=100, window=60.0, tells=True)
    done = played.make(1000, 8)
    assert played.calls <= 1000 + 9 * 8  # those under way when the last of a window was given
    assert done[-1] < 9 * 60 + 10


@pytest.mark.parametrize("rate", [5, 50, 500])
def test_what_the_settings_allow_is_kept_and_used(rate):
    rates = Rates(concurrency=64, per_second=rate)
    played = Played(rates, rate=rate, seconds=0.1 if rate < 500 else 0.05)
    done = played.make(rate * 40, 64)
    assert sustained(done) >= 0.95 * rate
    assert played.calls == len(done)


def test_calls_that_are_too_many_at_a_time_become_fewer():
    played = Played(Rates(concurrency=64), seconds=1.0, active=24)
    done = played.make(1500, 64)
    assert played.calls <= 1.5 * len(done)
    assert sustained(done) >= 0.6 * 24


def test_a_provider_that_is_busy_now_and_then_is_not_asked_ever_slower():
    played = Played(Rates(concurrency=16), busy=1 / 3)
    done = played.make(2000, 16)
    assert played.calls <= 1.6 * len(done)
    assert done[-1] < 120


@given(st.integers(1, 30), st.integers(1, 60), st.floats(0.01, 5))
def test_in_no_minute_go_out_more_than_allowed(limit, images, seconds):
    played = Played(Rates(concurrency=8, per_minute=limit), seconds=seconds)
    played.make(images, 8)
    for at, later in zip(played.sent, played.sent[limit:], strict=False):
        assert later - at >= 60 - 1e-6
    assert played.sent[min(limit, len(played.sent)) - 1] <= seconds * (limit // 8 + 1)  # nobody waits before


@given(st.floats(0.5, 100), st.integers(1, 60))
def test_in_no_second_go_out_more_than_allowed(limit, images):
    played = Played(Rates(concurrency=8, per_second=limit), seconds=0.01)
    played.make(images, 8)
    for first in range(len(played.sent)):
        last = first + int(limit) + 1 + int(0.05 * limit) + 1
        if last < len(played.sent):
            assert played.sent[last] - played.sent[first] >= 1 - 1e-6


@given(st.integers(1, 40), st.data())
def test_never_more_in_flight_than_allowed(concurrency, data):
    active = data.draw(st.none() | st.integers(1, 60))
    played = Played(Rates(concurrency=concurrency), active=active, busy=data.draw(st.floats(0, 0.5)))
    played.make(100, 64)
    assert played.most <= concurrency
