"""What a browser records of a page for its own developer tools: the tasks of the page's main thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Page

CATEGORIES = ("disabled-by-default-devtools.timeline", "blink.user_timing")
MARK = "benchmark"  # made by the page's own code, it tells which of the threads is the page's


class Task(NamedTuple):
    """One task, which nothing else of the page can interrupt. wall, cpu: seconds."""

    wall: float
    cpu: float


class Tasks(list[Task]):
    """Those of a page's main thread, once it is no longer recorded."""

    def longest(self) -> Task:
        """The longest by wall time, and by CPU time, which are not always the same one."""
        return Task(max(task.wall for task in self), max(task.cpu for task in self))


@contextmanager
def recorded(page: Page) -> Iterator[Tasks]:
    """What the page does while the context lasts."""
    browser, tasks = page.context.browser, Tasks()
    assert browser is not None, "it was not started by a browser"
    browser.start_tracing(page=page, categories=[*CATEGORIES])
    try:
        yield tasks
        page.evaluate("name => void performance.mark(name)", MARK)
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    tasks.extend(_tasks(events))


def _tasks(events: Sequence[Mapping[str, Any]]) -> Iterator[Task]:
    """Durations stand in microseconds; that of a task that is still under way is not told."""
    [ours] = {(event["pid"], event["tid"]) for event in events if event["name"] == MARK}
    for event in events:
        if event["name"] == "RunTask" and (event["pid"], event["tid"]) == ours and "dur" in event:
            yield Task(event["dur"] / 1e6, event.get("tdur", 0) / 1e6)
