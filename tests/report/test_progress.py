"""Counters of a build, and its pace."""

import pytest

from imgbuild.report.events import Moved, Started, TargetMoved
from imgbuild.report.progress import Pace, Progress


def moved(name: str, state: Moved, cost: float = 0.0) -> TargetMoved:
    return TargetMoved(id=name, state=state, output=f"{name}.png", cost=cost)


def test_only_targets_with_work_count() -> None:
    progress = Progress()
    progress.begin(Started(targets=20, fresh=10, restore=3, run=5, maybe=2, cost=0.5))
    assert (progress.total, progress.estimate) == (10, 0.5)


def test_running_keeps_its_start_through_retries() -> None:
    progress = Progress()
    progress.move(moved("a", "running"), 1.0)
    progress.move(moved("a", "retry"), 2.0)
    progress.move(moved("b", "running"), 3.0)
    assert progress.running == {"a": 1.0, "b": 3.0}
    progress.move(moved("a", "done", 0.25), 4.0)
    assert progress.running == {"b": 3.0}
    assert (progress.finished(), progress.worked(), progress.cost) == (1, 1, 0.25)


def test_a_target_that_ends_twice_counts_once() -> None:
    progress = Progress()
    for state in ("done", "running", "failed"):
        progress.move(moved("a", state))
    assert (progress.finished(), progress.counts["done"], progress.counts["failed"]) == (1, 0, 1)


def test_restoring_says_nothing_of_the_pace() -> None:
    progress = Progress()
    progress.move(moved("a", "restored"))
    progress.move(moved("b", "skipped"))
    assert (progress.finished(), progress.worked()) == (2, 0)


def test_pace_is_that_of_the_last_changes() -> None:
    pace = Pace(0.0)
    assert pace.rate(0.0, 0) == 0.0
    for second in range(1, 301):
        pace.rate(float(second), second)
    for second in range(301, 601):
        rate = pace.rate(float(second), 300 + 10 * (second - 300))
    assert rate == pytest.approx(10.0)
    assert pace.rate(899.0, 3300) == pytest.approx(5.0)  # nothing came for as long again
