"""`imgbuild build`: bring outputs and locks up to date."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing

from msgspec import Struct

from imgbuild.commands.asking import asks
from imgbuild.commands.consent import follow, require
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.last import Last, last_of
from imgbuild.commands.plan import print_plan
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit, UsageError
from imgbuild.files import Files
from imgbuild.narrow import is_enough, load_since
from imgbuild.pipeline import BuildOptions, build
from imgbuild.plan import Options
from imgbuild.project import Project, widened
from imgbuild.report import Reporter
from imgbuild.report.beside import Beside
from imgbuild.report.events import Event
from imgbuild.report.text import plural
from imgbuild.run.budget import TooDear
from imgbuild.run.results import Built
from imgbuild.settings import Settings


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
    resend: bool | None = None
    wait: bool = True
    budget: float | None = None
    trust: bool = False
    sheet: str = ""

    def chooses(self) -> bool:
        """Whether only some targets may be asked for."""
        return bool(self.select or self.shard or self.sample is not None)


class Manner(Struct, frozen=True, kw_only=True):
    """How a command builds, beside its flags. ask: puts a question to whoever is there. frugal, outdated: as
    BuildOptions has them. hear: is given each event beside the reporter; it must not wait.
    """

    ask: Callable[[str], bool] | None = None
    frugal: bool = False
    outdated: Callable[[], bool] = lambda: False
    hear: Callable[[Event], None] | None = None

    def reporter(self, session: Session) -> Reporter:
        own = session.reporter()
        return Beside(own, self.hear) if self.hear else own


def run_build(session: Session, flags: Flags) -> int:
    """Build; the exit code. Raises SpecError, Untrusted, LockWouldChange, Busy."""
    _check_sheet(session, flags)
    if flags.dry_run:
        return _dry_run(session, flags)
    built: Built | None = None
    with interruptible() as stop:
        while built is None:
            files, settings = session.settings({"jobs": flags.jobs})
            last = last_of(session, settings, flags.paths, again=not (session.json or flags.sheet))
            built = _begin(session, files, settings, flags, last, stop)
    if flags.sheet and not built.finished.interrupted:
        _draw_sheet(session, built, flags.sheet)
    return built.finished.exit_code


def _check_sheet(session: Session, flags: Flags) -> None:
    """Before anything is made: a sheet that can't be written would come too late. Raises UsageError."""
    if flags.sheet:
        from imgbuild.commands.contact import check_name

        check_name(session, flags.sheet)
        if flags.dry_run:
            raise UsageError("--sheet goes with a build, and --dry-run makes nothing", hint="leave one out")


def _draw_sheet(session: Session, built: Built, name: str) -> None:
    """A contact sheet of all that the build was about, whether or not it had to be made. Raises TargetError."""
    from imgbuild.commands.contact import check_name, pieces_of, write_contact

    with session.reading(built.project) as store:
        pieces = pieces_of(built.project, store, built.asked)
        if pieces:
            write_contact(check_name(session, name), pieces)
    missing = len(built.asked) - len(pieces)
    if session.json:
        session.give({"event": "sheet", "file": name, "images": len(pieces), "missing": missing})
    elif not session.quiet:
        left_out = f"; {missing:,} of {len(built.asked):,} targets have none" if missing else ""
        session.say(f"{name}: {plural(len(pieces), 'image') if pieces else 'not written'}{left_out}")


def _begin(
    session: Session, files: Files, settings: Settings, flags: Flags, last: Last, stop: threading.Event
) -> Built | None:
    """As `rebuild`; that its budget does not let it begin is told to others, too."""
    try:
        return rebuild(session, files, settings, flags, last, stop, Manner(ask=asks(session)))
    except TooDear as error:
        if settings.notify.url and not flags.offline:
            from imgbuild.commands.notify import tell_stop

            tell_stop(session, settings, error, stop)
        raise


def rebuild(
    session: Session,
    files: Files,
    settings: Settings,
    flags: Flags,
    last: Last,
    stop: threading.Event,
    manner: Manner,
) -> Built | None:
    """One build, of what changed since the last one where that is enough.

    None where what was read for it changed while it waited for another build. Raises as `run_build` does.
    """
    seen = None if flags.chooses() or flags.sheet else last.read()
    project = load_since(files, settings, last.extra, seen, last.scope)
    options = _options(session, project, flags, manner)
    unpinned = require(session, project, flags.paths, given=flags.trust)
    _check_notify(settings)
    with session.writing(settings, wait=flags.wait, stop=stop) as store:
        if files.have_moved() or not last.stands():
            return None
        if not (options.selection.is_all() and is_enough(project, store)):
            project = widened(project)
        last.drop()
        with closing(manner.reporter(session)) as reporter:
            built = build(project, store, options, reporter, stop)
        last.leave(built, seen)
    follow(session, built.project, unpinned)
    if settings.notify.url and not flags.offline:
        from imgbuild.commands.notify import tell_end

        tell_end(session, settings, built, stop)
    return built


def _check_notify(settings: Settings) -> None:
    """Nothing is loaded for it where there is no template to check. Raises SpecError."""
    if settings.notify.url and settings.notify.template:
        from imgbuild.commands.notify import check_template

        check_template(settings)


def _dry_run(session: Session, flags: Flags) -> int:
    project = session.project(flags.paths, {"jobs": flags.jobs})
    options = _options(session, project, flags, Manner())
    with session.reading(project) as store:
        print_plan(
            session,
            session.survey(project, store, options.plan),
            store,
            options.selection,
            flags.budget,
        )
    return Exit.DONE


def _options(session: Session, project: Project, flags: Flags, manner: Manner) -> BuildOptions:
    return BuildOptions(
        selection=selection_of(project, session, flags.paths, flags.select, flags.sample, flags.shard),
        plan=Options(force=flags.force, reroll=flags.reroll, retry=flags.retry_failed),
        jobs=project.settings.jobs or os.cpu_count() or 2,
        fail_fast=flags.fail_fast,
        locked=flags.locked,
        offline=flags.offline,
        prune=flags.prune,
        resend=flags.resend,
        ask=manner.ask,
        budget=flags.budget,
        today=session.today(),
        environ=session.environ,
        frugal=manner.frugal,
        outdated=manner.outdated,
    )
