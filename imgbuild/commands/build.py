"""`imgbuild build`: bring outputs and locks up to date."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from types import FrameType

from msgspec import Struct

from imgbuild.commands.plan import print_plan
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.files import Files, Stamp, is_settled, stamp_of
from imgbuild.pipeline import BuildOptions, build
from imgbuild.plan import Options
from imgbuild.process import OPERATIONS
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.report.events import Finished
from imgbuild.report.plain import PlainReporter
from imgbuild.rules import RULES
from imgbuild.run.results import Built
from imgbuild.spec.find import find_specs
from imgbuild.store import snapshot


class Flags(Struct, frozen=True, kw_only=True):
    """What the command line gives to `build`; the names are those of its options."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    jobs: int | None = None
    dry_run: bool = False
    sample: int | None = None
    shard: str = ""
    fail_fast: bool = False
    force: bool = False
    reroll: bool = False
    retry_failed: bool = False
    locked: bool = False
    offline: bool = False
    prune: bool = False
    resend: bool = False
    wait: bool = True
    budget: float | None = None


def run_build(session: Session, flags: Flags) -> int:
    """Build; the exit code. Raises SpecError, LockWouldChange, Busy."""
    project = session.project(flags.paths, {"jobs": flags.jobs})
    options = _options(session, project, flags)
    if flags.dry_run:
        with session.reading(project) as store:
            print_plan(session, session.survey(project, store, options.plan), store, options.selection)
        return Exit.DONE
    with (
        interruptible() as stop,
        session.held(project, wait=flags.wait) as store,
        closing(session.reporter()) as reporter,
    ):
        built = build(project, store, options, reporter, stop)
    if built.lasting and not session.json:
        leave_snapshot(session, project, built, flags.paths)
    return built.finished.exit_code


def _options(session: Session, project: Project, flags: Flags) -> BuildOptions:
    return BuildOptions(
        selection=selection_of(project, session, flags.paths, flags.select, flags.sample, flags.shard),
        plan=Options(force=flags.force, reroll=flags.reroll, retry=flags.retry_failed),
        jobs=project.settings.jobs or os.cpu_count() or 2,
        fail_fast=flags.fail_fast,
        locked=flags.locked,
        offline=flags.offline,
        prune=flags.prune,
        resend=flags.resend,
        budget=flags.budget,
    )


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that what runs can end cleanly; the second one raises at once."""
    stop = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def leave_snapshot(session: Session, project: Project, built: Built, paths: Sequence[str]) -> None:
    """Note what this build saw, so that the same command can tell by stat alone that nothing changed."""
    files = project.files
    locks = {path: stamp_of(files.root / path) for path in built.locks}
    plug_ins = {path: stamp_of(path) for path in plug_in_files()}
    sources = {**files.seen, **_folders(session, project, paths), **locks, **plug_ins}
    young = {
        path: _sha256(project, path)
        for path, stamp in sources.items()
        if stamp and _is_young_file(project, path, stamp)
    }
    snapshot.write(
        str(project.store / snapshot.file_name(project.settings.profile_name)),
        arguments=session.arguments,
        environ=session.environ,
        folder=os.getcwd(),  # noqa: PTH109 - as the entry point spells it
        root=str(files.root),
        sources=sources,
        young=young,
        output=project.settings.output,
        outputs=built.outputs,
        text=_again(built),
        code=built.finished.exit_code,
    )


def plug_in_files() -> list[str]:
    """The files of other packages that this build used: a new release of one may change what is to be done."""
    return [*PROVIDERS.origins(), *RULES.origins(), *OPERATIONS.origins()]


def _folders(session: Session, project: Project, paths: Sequence[str]) -> Mapping[str, Stamp | None]:
    """Stamps of the folders of specs as writing locks has left them; none where a spec came or went meanwhile."""
    files = Files(project.files.root)
    found = find_specs(files, project.settings, [session.inside(path) for path in paths])
    loaded = {spec.file for spec in project.specs if not spec.included}
    return files.seen if set(found.values()) == loaded else {}


def _is_young_file(project: Project, path: str, stamp: Stamp) -> bool:
    return not is_settled(stamp) and (project.files.root / path).is_file()


def _sha256(project: Project, path: str) -> str:
    return hashlib.sha256((project.files.root / path).read_bytes()).hexdigest()


def _again(built: Built) -> str:
    """What the same build would say if it were run again now."""
    ended = built.finished
    rest = ended.fresh + ended.built + ended.restored
    text = io.StringIO()
    with closing(PlainReporter(text, width=None)) as reporter:
        for failure in built.failures:
            reporter.event(failure)
        reporter.event(
            Finished(
                fresh=rest,
                failed=ended.failed,
                review=ended.review,
                skipped=ended.skipped,
                exit_code=ended.exit_code,
            )
        )
    return text.getvalue().rstrip("\n")
