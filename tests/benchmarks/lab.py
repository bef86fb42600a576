"""A row of the table, and where it is measured: projects that are made once, and commands that are timed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import ground, tools
from tests.benchmarks.clock import Ran, run


class Row(NamedTuple):
    """One line of the table. ratio: `ours` over `theirs`, or over what the goal allows; at most `goal` is met.

    ours, theirs: medians, in `unit`: seconds, bytes or nodes. peak: bytes. touched: how many targets it was about.
    """

    name: str
    targets: int
    touched: int
    unit: str
    ours: float
    peer: str
    theirs: float | None
    goal: float
    peak: int = 0

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.theirs else None


class Lab:
    """A temporary folder of projects, each made once. runs: how often each figure is taken."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs
        self.environ = tools.environment(folder / "home")
        self._built: dict[int, tuple[Path, int]] = {}
        self._count = 0

    def place(self, name: str) -> Path:
        """A folder that nobody has used: what was removed just before slows down making new files."""
        self._count += 1
        return self.folder / f"{name}-{self._count}"

    def call(self, folder: Path, *words: str) -> Ran:
        return run([*tools.imgbuild(), *words], folder, self.environ)

    def fresh(self, targets: int) -> tuple[Path, int]:
        """A project that was never built, and how many targets it has."""
        root = self.place("project")
        return root, ground.write_project(root, targets)

    def built(self, targets: int) -> tuple[Path, int]:
        """A project that is up to date."""
        if targets not in self._built:
            self._built[targets] = root, _ = self.fresh(targets)
            self.call(root, "build", "--quiet")
        return self._built[targets]

    def ninja(self, count: int) -> tuple[list[str], Path] | None:
        """The call of ninja, and a folder where it has nothing built yet."""
        words = tools.peer("ninja")
        if words is None:
            return None
        root = self.place("ninja")
        ground.write_ninja(root, count)
        return [*words, "--quiet"], root

    @contextmanager
    def running(self, folder: Path, *words: str) -> Iterator[Iterator[str]]:
        """A command that runs until Ctrl-C, which it gets at the end: the lines that it says."""
        with subprocess.Popen(
            [*tools.imgbuild(), *words],
            cwd=folder,
            env={**self.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate()


def said(lines: Iterator[str], start: str) -> str:
    """What is said after these words, in the first line that starts with them. Raises RuntimeError where none does."""
    for line in lines:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise RuntimeError(f"nobody said '{start}'")
