"""What providers tell while they work, made into events that name models as specs do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TypeAlias

from imgbuild.report.events import Draw, Fetch, Load, Underway
from imgbuild.types import Activity, Pin

Tell: TypeAlias = Callable[[Activity], None]

EVERY = 0.1  # seconds between two events of one activity: no display is drawn more often


class _Call:
    """One call of a provider, for so many images of a model on a device.

    since: when its activity began; told: its last event.
    first: the first step that was counted, and when: the pace is taken from there, past what comes before steps.
    """

    def __init__(self, model: str, images: int, batch: int, device: str) -> None:
        self.model, self.images, self.batch, self.device = model, images, batch, device
        self.activity: Activity | None = None
        self.since = self.told = 0.0
        self.first: tuple[int, float] | None = None

    def is_news(self, activity: Activity) -> bool:
        """Whether it is another activity than the last, and not more of the same."""
        last = self.activity
        return last is None or (last.doing, last.source) != (activity.doing, activity.source)

    def take(self, activity: Activity, now: float) -> None:
        if self.is_news(activity):
            self.since, self.first = now, None
        if self.first is None or activity.done <= self.first[0]:
            self.first = (activity.done, now) if activity.done else None
        self.activity = activity

    def event(self, now: float, *, ended: bool) -> Underway | None:
        if self.activity is None:
            return None
        done, total, seconds = self.activity.done, self.activity.total, round(now - self.since, 3)
        self.told = now
        if self.activity.doing == "load":
            return Load(model=self.model, device=self.device, seconds=seconds, ended=ended)
        if self.activity.doing == "fetch":
            source = self.activity.source or self.activity.pin.source
            return Fetch(
                model=self.model,
                source=source,
                device=self.device,
                done=done,
                total=total,
                seconds=seconds,
                ended=ended,
            )
        return Draw(
            model=self.model,
            device=self.device,
            batch=self.batch,
            images=self.images,
            step=done,
            steps=total,
            rate=self._rate(now),
            seconds=seconds,
            ended=ended,
        )

    def _rate(self, now: float) -> float:
        """Steps a second since the first; 0 while there is nothing to go by."""
        if self.first is None or self.activity is None or now <= self.first[1]:
            return 0.0
        return round((self.activity.done - self.first[0]) / (now - self.first[1]), 3)


def _drop(event: Underway) -> None:
    """What is told before a run listens."""


class Telling:
    """Hears providers, in any thread. give: takes the events, in the thread that caused them; a run sets it.

    clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.give: Callable[[Underway], None] = _drop
        self._clock = clock
        self._lock = Lock()
        self._calls: dict[Pin, _Call] = {}
        self._batches: Counter[Pin] = Counter()

    @contextmanager
    def call(self, pin: Pin, model: str, images: int, device: str = "") -> Iterator[Tell]:
        """Around a call for so many images of a model: whatever is told of its pin meanwhile belongs to it.

        Gives what hears of this call alone, for a pin that is used on several devices at once.
        """
        with self._lock:
            self._batches[pin] += 1
            call = self._calls[pin] = _Call(model, images, self._batches[pin], device)
        try:
            yield partial(self._hear, call)
        finally:
            with self._lock:
                if self._calls.get(pin) is call:
                    del self._calls[pin]
                self._end(call, self._clock())

    def tell(self, activity: Activity) -> None:
        """Hear what a call is at; cheap, and what comes too fast to be seen goes no further."""
        call = self._calls.get(activity.pin)
        if call is not None:
            self._hear(call, activity)

    def _hear(self, call: _Call, activity: Activity) -> None:
        with self._lock:
            now = self._clock()
            is_new = call.is_news(activity)
            if is_new:
                self._end(call, now)
            call.take(activity, now)
            if is_new or now >= call.told + EVERY:
                self._send(call.event(now, ended=False))

    def _end(self, call: _Call, now: float) -> None:
        self._send(call.event(now, ended=True))

    def _send(self, event: Underway | None) -> None:
        if event is not None:
            self.give(event)
