"""The report for pipes, logs and plain terminals: one line a finished target, then failures and a summary."""

from __future__ import annotations

from typing import TextIO

from imgbuild.columns import columns
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
from imgbuild.report.failures import failure_lines
from imgbuild.report.output import emit
from imgbuild.report.progress import ENDED, Progress
from imgbuild.report.summary import device_line, has_trouble, summary
from imgbuild.report.text import duration, money, printable, shorten
from imgbuild.report.underway import log_line


class PlainReporter:
    """Writes lines as things happen. width: columns that ids are cut to; None cuts nothing.

    quiet: only warnings, failures, and the summary of a build that had some. verbose: also what starts and
    what is tried again, with reasons.
    """

    def __init__(
        self, stream: TextIO, *, width: int | None = None, quiet: bool = False, verbose: bool = False
    ) -> None:
        self._stream = stream
        self._width = width
        self._quiet = quiet
        self._verbose = verbose
        self._progress = Progress()

    def event(self, event: Event) -> None:
        match event:
            case TargetMoved():
                self._move(event)
            case Fetch() | Load() | Draw():
                self._tell_work(event)
            case Failure():
                self._progress.failures.append(event)
            case Note():
                self._tell(event)
            case NearBudget():
                self._tell(budget_note(event))
            case Started():
                self._start(event)
            case Finished():
                self._finish(event)

    def close(self) -> None:
        """Nothing is held back."""

    def _start(self, started: Started) -> None:
        self._progress.begin(started)
        if started.cost and not self._quiet:
            emit(self._stream, f"this build costs about {money(started.cost)}\n")

    def _move(self, moved: TargetMoved) -> None:
        self._progress.move(moved)
        told = moved.state in ENDED and moved.state != "fresh"
        if not self._quiet and (self._verbose or told):
            emit(self._stream, f"{self._target_line(moved)}\n")

    def _target_line(self, moved: TargetMoved) -> str:
        finished = self._progress.finished()
        total = str(max(self._progress.total, finished))
        head = f"[{finished:>{len(total)}}/{total}] {moved.state:<8} "
        name = printable(moved.id)
        tail = f"  {duration(moved.seconds)}" if moved.seconds else ""
        if self._width is not None and not self._verbose:
            name = shorten(name, max(8, self._width - len(head) - columns(tail)))
        return f"{head}{name}{tail}{self._reason(moved)}"

    def _reason(self, moved: TargetMoved) -> str:
        told = moved.why and (self._verbose or moved.state in ("review", "failed", "skipped"))
        return f"  ({printable(moved.why)})" if told else ""

    def _tell_work(self, event: Underway) -> None:
        line = log_line(event, verbose=self._verbose)
        if line and not self._quiet:
            emit(self._stream, f"{line}\n")

    def _tell(self, note: Note) -> None:
        if not self._quiet or note.level == "warning":
            emit(self._stream, f"{note_line(note)}\n")

    def _finish(self, finished: Finished) -> None:
        lines = failure_lines(self._progress.failures, self._width, everything=self._verbose)
        spacer = [""] if lines and self._progress.ended and not self._quiet else []
        last = [] if self._quiet and not has_trouble(finished) else [summary(finished)]
        if (used := device_line(finished)) and not self._quiet:
            last.insert(0, used)
        self._progress = Progress()
        emit(self._stream, "".join(f"{line}\n" for line in [*spacer, *lines, *last]))


def note_line(note: Note) -> str:
    word = "warning" if note.level == "warning" else "note"
    return f"{word}: {printable(note.text)}"
