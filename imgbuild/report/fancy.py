"""The report for people at a terminal: events move counters, and a thread of its own draws them.

rich is loaded only once there is work to show: a build that has nothing to do pays nothing for it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from imgbuild.report.budgets import budget_note
from imgbuild.report.events import (
    Draw,
    Event,
    Failure,
    Fetch,
    Finished,
    Load,
    NearBudget,
    Note,
    Started,
    TargetMoved,
    Underway,
)
from imgbuild.report.failures import cause_of
from imgbuild.report.output import emit
from imgbuild.report.plain import note_line
from imgbuild.report.progress import Pace, Progress
from imgbuild.report.summary import device_line, summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from imgbuild.report.display import Display
    from imgbuild.report.frame import Look

_ABOVE = 3  # failures of one cause printed as they happen; the table has the rest
_ASKED = 16  # running targets handed to the frame, which shows as many as fit


class FancyReporter:
    """A live display while there is work, then the failures and a summary.

    clock: seconds, monotonic. console: where tests look; made from the stream otherwise.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        verbose: bool = False,
        console: Console | None = None,
    ) -> None:
        self._stream = stream
        self._environ = environ
        self._clock = clock
        self._verbose = verbose
        self._console = console
        self._display: Display | None = None
        self._lock = Lock()  # events come from the build's thread, frames are drawn by another
        self._reset()

    def event(self, event: Event) -> None:
        match event:
            case TargetMoved():
                self._move(event)
            case Fetch() | Load() | Draw():
                self._work(event)
            case Failure():
                self._fail(event)
            case Note():
                self._tell(event)
            case NearBudget():
                self._tell(budget_note(event))
            case Started():
                self._start(event)
            case Finished():
                self._finish(event)

    def close(self) -> None:
        """Wipe the display and show the cursor again."""
        display, self._display = self._display, None
        if display is not None:
            display.stop()

    def look(self) -> Look:
        """The state to draw now."""
        from imgbuild.report.frame import Look

        now = self._clock()
        with self._lock:
            state = self._progress
            running = tuple((name, now - since) for name, since in islice(state.running.items(), _ASKED))
            return Look(
                total=state.total,
                finished=state.finished(),
                failed=state.counts["failed"],
                review=state.counts["review"],
                rate=self._pace.rate(now, state.worked()),
                cost=state.cost,
                estimate=state.estimate,
                running=running,
                others=len(state.running) - len(running),
                underway=tuple((event, now - since) for event, since in self._underway.values()),
            )

    def _take(self) -> list[Text]:
        from imgbuild.report.styled import said

        with self._lock:
            events = self._said[:]
            self._said.clear()
        return [said(event) for event in events]

    def _move(self, moved: TargetMoved) -> None:
        now = self._clock()
        with self._lock:
            self._progress.move(moved, now)
            if self._verbose and self._display is not None:
                self._said.append(moved)

    def _work(self, event: Underway) -> None:
        now = self._clock()
        with self._lock:
            if event.ended:
                self._underway.pop((event.model, event.device), None)
            else:
                self._underway[event.model, event.device] = event, now

    def _fail(self, failure: Failure) -> None:
        with self._lock:
            self._progress.failures.append(failure)
            cause = cause_of(failure)
            self._causes[cause] += 1
            if self._causes[cause] <= _ABOVE and failure.kind != "skipped" and self._display is not None:
                self._said.append(failure)

    def _tell(self, note: Note) -> None:
        if self._display is None:
            emit(self._stream, f"{note_line(note)}\n")
            return
        with self._lock:
            self._said.append(note)

    def _start(self, started: Started) -> None:
        self.close()
        with self._lock:
            self._progress.begin(started)
            self._pace = Pace(self._clock())
        if self._progress.total:
            from imgbuild.report.display import Display

            self._display = Display(self._opened(), self.look, self._take)
            self._display.start()

    def _finish(self, finished: Finished) -> None:
        self.close()
        failures = self._progress.failures
        self._reset()
        if self._console is None and not failures:
            lines = [line for line in (device_line(finished), summary(finished)) if line]
            emit(self._stream, "".join(f"{line}\n" for line in lines))
            return
        from imgbuild.report.styled import print_end

        with suppress(OSError):  # the terminal may have gone
            print_end(self._opened(), failures, finished, everything=self._verbose)

    def _opened(self) -> Console:
        if self._console is None:
            from imgbuild.report.display import open_console

            self._console = open_console(self._stream, self._environ)
        return self._console

    def _reset(self) -> None:
        self._progress = Progress()
        self._pace = Pace(self._clock())
        self._causes: Counter[str] = Counter()
        self._underway: dict[
            tuple[str, str], tuple[Underway, float]
        ] = {}  # by model and device; when it was told
        self._said: list[TargetMoved | Failure | Note] = []
