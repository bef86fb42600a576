"""How far a build is: counters that events move, and the pace of the last images."""

from __future__ import annotations

from collections import Counter, deque

from msgspec import Struct, field

from imgbuild.report.events import Failure, Moved, Started, TargetMoved

ENDED: frozenset[Moved] = frozenset({"done", "restored", "fresh", "review", "failed", "skipped"})

# The pace is that of the last so many changes: half a minute of a fast build, the whole of a slow one.
_SAMPLES = 300


class Progress(Struct, kw_only=True):
    """Where the targets of one build stand.

    total: targets with work to do. cost, estimate: US dollars. running: id → when it started, oldest first.
    ended: id → its last state, so that a target which ends twice (a group rule rerolls it) counts once.
    """

    total: int = 0
    cost: float = 0.0
    estimate: float = 0.0
    running: dict[str, float] = field(default_factory=dict)
    ended: dict[str, Moved] = field(default_factory=dict)
    counts: Counter[Moved] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def begin(self, started: Started) -> None:
        self.total = started.restore + started.run + started.maybe
        self.estimate = started.cost

    def move(self, moved: TargetMoved, now: float = 0.0) -> None:
        """Count a target's new state. What was spent on it is counted when it ends."""
        before = self.ended.pop(moved.id, None)
        if before is not None:
            self.counts[before] -= 1
        if moved.state in ENDED:
            self.running.pop(moved.id, None)
            self.ended[moved.id] = moved.state
            self.counts[moved.state] += 1
            self.cost += moved.cost
        else:
            self.running.setdefault(moved.id, now)

    def finished(self) -> int:
        return len(self.ended)

    def worked(self) -> int:
        """Targets that ended after work; copying what is at hand says nothing of the pace to come."""
        return self.counts["done"] + self.counts["review"] + self.counts["failed"]


class Pace:
    """Images a second, smoothed; sampled whenever the display is drawn."""

    def __init__(self, start: float) -> None:
        self._samples = deque([(start, 0)], _SAMPLES)

    def rate(self, now: float, worked: int) -> float:
        """The pace up to `now` (seconds), with that many targets worked; 0 while there is nothing to go by."""
        if worked != self._samples[-1][1]:
            self._samples.append((now, worked))
        since, before = self._samples[0]
        return max(0.0, (worked - before) / (now - since)) if now > since else 0.0
