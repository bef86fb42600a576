"""What every command starts from: where it was called, with which flags, and how it opens the project."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TextIO

import msgspec
from msgspec import Struct

from imgbuild.errors import UsageError
from imgbuild.files import Files
from imgbuild.plan import Options
from imgbuild.project import Project, load_project, open_settings
from imgbuild.providers.keyring import Keyring
from imgbuild.report import Reporter, reporter_for
from imgbuild.report.output import emit, width_of
from imgbuild.report.table import render_table
from imgbuild.report.text import printable
from imgbuild.select import Selection, choose
from imgbuild.settings import Settings
from imgbuild.store.hold import hold
from imgbuild.store.store import Store, open_store
from imgbuild.survey import Adapters, Survey, open_book, states_of, survey
from imgbuild.types import Target


class Session(Struct, frozen=True, kw_only=True):
    """One call of the command line. folder: where it was given; root: of the project it is in.

    clock: seconds since the epoch.
    """

    arguments: tuple[str, ...]
    folder: Path
    root: Path
    environ: Mapping[str, str]
    profile: str = ""
    json: bool = False
    plain: bool = False
    quiet: bool = False
    verbose: bool = False
    stdout: TextIO = sys.stdout
    stderr: TextIO = sys.stderr
    clock: Callable[[], float] = time.time

    def settings(self, flags: Mapping[str, object] | None = None) -> tuple[Files, Settings]:
        return open_settings(self.root, self.environ, Path.home(), self.profile, flags)

    def project(self, paths: Sequence[str] = (), flags: Mapping[str, object] | None = None) -> Project:
        """The whole project, and spec files named on the command line beside it."""
        files, settings = self.settings(flags)
        return load_project(files, settings, [self.inside(path) for path in paths])

    def today(self) -> date:
        """The day, as budgets count it."""
        return datetime.fromtimestamp(self.clock(), UTC).date()

    def keys(self) -> Keyring:
        """What is set, and what the project's `.env` says."""
        return Keyring(self.environ, self.root)

    def inside(self, path: str) -> str:
        """A path as given, from the project's root. Raises UsageError where it leads out of the project."""
        whole = os.path.normpath(self.folder / path)
        inside = os.path.relpath(whole, self.root).replace(os.sep, "/")
        if inside == ".." or inside.startswith("../"):
            raise UsageError(f"'{path}' is not in the project {self.root}", hint="go there, or use -C")
        return inside

    def reporter(self) -> Reporter:
        return reporter_for(
            json=self.json,
            plain=self.plain,
            quiet=self.quiet,
            verbose=self.verbose,
            stream=self.stdout,
            environ=self.environ,
        )

    def say(self, text: str) -> None:
        emit(self.stdout, f"{text}\n")

    def warn(self, text: str) -> None:
        """Something worth knowing that stops nothing, beside what the command prints."""
        emit(self.stderr, f"warning: {printable(text)}\n")

    def give(self, event: object) -> None:
        """One object of `--json`, on a line of its own."""
        self.say(msgspec.json.encode(event).decode())

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()
    ) -> None:
        """A table as wide as the terminal; uncut in a pipe, and with --verbose."""
        width = None if self.verbose else width_of(self.stdout, self.environ)
        self.say(render_table(headers, rows, width, right=right))

    @contextmanager
    def held(self, project: Project) -> Iterator[Store]:
        """The store of a loaded project, to write in, held for this process."""
        with self.writing(project.settings) as store:
            yield store

    @contextmanager
    def writing(
        self, settings: Settings, *, wait: bool = True, stop: threading.Event | None = None
    ) -> Iterator[Store]:
        """The store, to write in, held for this process. Raises Busy where another holds it and `wait` is False,
        Interrupted where it is waited for when `stop` is set.
        """

        def waiting(holder: str) -> None:
            emit(self.stderr, f"{holder}; waiting for it\n")

        folder, cache = settings.root / settings.store, settings.cache
        with (
            hold(folder / "lock", wait=wait, waiting=waiting, stop=stop),
            open_store(folder, settings.root / cache if cache else None, write=True) as store,
        ):
            yield store

    @contextmanager
    def reading(self, project: Project) -> Iterator[Store]:
        """The store, to look at; nobody waits and nothing changes."""
        with open_store(project.store, project.cache, write=False) as store:
            yield store

    def survey(self, project: Project, store: Store, options: Options | None = None) -> Survey:
        project.files.remember(store.records.file_digests())
        book, pins = open_book(project)
        pins.weigh(Adapters(project.files).__getitem__)
        return survey(project, store, options or Options(), pins, book)

    def choose(self, found: Survey, store: Store, selection: Selection) -> list[Target]:
        targets = list(found.project.graph.targets.values())
        return choose(targets, selection, states_of(found, store), found.project.settings.output)


def selection_of(
    project: Project,
    session: Session,
    paths: Sequence[str],
    patterns: Sequence[str],
    sample: int | None = None,
    shard: str = "",
) -> Selection:
    """The selection that a command's arguments mean. Paths that cover every spec select nothing in particular."""
    specs = tuple(spec.name for spec in project.specs if not paths or _covers(session, paths, spec.file))
    every = len(specs) == len(project.specs)
    return Selection(
        specs=() if every else specs,
        patterns=tuple(patterns),
        sample=sample,
        shard=_shard(shard) if shard else None,
    )


def _covers(session: Session, paths: Sequence[str], file: str) -> bool:
    inside = [session.inside(path) for path in paths]
    return any(path in (".", file) or file.startswith(f"{path}/") for path in inside)


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise UsageError(f"'{text}' is not a shard", hint="write number/count, such as 1/4")
    return int(number), int(of)
