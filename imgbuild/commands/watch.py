"""`imgbuild watch`: build what a saved spec, table or input picture affects, until Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, TypeAlias

from msgspec.structs import replace

from imgbuild.commands.build import Flags, Manner, rebuild
from imgbuild.commands.interrupt import Stop, interruptible
from imgbuild.commands.last import last_of
from imgbuild.commands.session import Session
from imgbuild.errors import Exit, ImgbuildError
from imgbuild.files import Files, Stamp, stamp_of
from imgbuild.report.errors import print_error
from imgbuild.report.events import Event
from imgbuild.report.output import wants_color
from imgbuild.run.results import Built
from imgbuild.settings import Settings
from imgbuild.settings.load import profile_output
from imgbuild.watch import Listening, Seen, below, listening, rebuilds, watched


def run_watch(
    session: Session,
    paths: Sequence[str],
    select: Sequence[str],
    budget: float | None,
    *,
    trust: bool = False,
    open: bool = False,
) -> int:
    """Build, then build again whenever a source changes. Paid requests are sent only under a budget.

    open: whether the gallery is shown beside it.
    """
    flags = Flags(paths=tuple(paths), select=tuple(select), budget=budget, trust=trust)
    with interruptible() as stop, ExitStack() as stack:
        onlooker = stack.enter_context(_gallery(session, flags)) if open else None
        watching = Watching(session, flags, stop, onlooker)
        with listening(watched(session.root, watching.ignored, stop), stop) as changes:
            first = watching.build([], changes)
            if not stop.is_set():
                session.say("watching; Ctrl-C ends it")
            for _ in rebuilds(first, changes, lambda news: watching.build(news, changes)):
                pass
    return Exit.DONE


def _gallery(session: Session, flags: Flags) -> AbstractContextManager[Onlooker]:
    from imgbuild.commands.gallery import View, beside_watch

    return beside_watch(session, View(paths=flags.paths, select=flags.select, open=True))


class Onlooker(Protocol):
    """Who hears of a watch's builds, in its thread. Nothing here may wait."""

    def event(self, event: Event) -> None:
        """Each event of each build, as a reporter gets it."""

    def built(self, built: Built) -> None:
        """How a build ended; also one that was broken off."""

    def complain(self, error: ImgbuildError) -> None:
        """Why nothing could be built."""


OWN = ".lock"  # what builds write beside specs
Numbers: TypeAlias = tuple[int, int, int]


class Watching:
    """The builds of one watch. What is known of unchanged files is carried from build to build."""

    def __init__(self, session: Session, flags: Flags, stop: Stop, onlooker: Onlooker | None) -> None:
        """Raises SpecError, UsageError where the settings are broken."""
        self.session, self.flags, self.stop, self.onlooker = session, flags, stop, onlooker
        self._take(session.settings()[1])
        self.seen: Seen | None = None

    def ignored(self) -> tuple[str, ...]:
        """How the paths begin that only builds and git write to."""
        return self._ignored

    def _take(self, settings: Settings) -> None:
        """Follow settings that may name other folders."""
        outputs = [profile_output(settings, name) for name in settings.profiles]
        self._ignored = below(self.session.root, [settings.output, settings.store, *outputs, ".git"])

    def build(self, news: Sequence[str], changes: Listening) -> Seen:
        """One build, until it ends or is broken off for a change that comes meanwhile.

        A broken spec shows its error, keeps the last good pictures, and is watched on.
        """
        for path in news:
            self.session.say(f"changed: {self._shown(path)}")
        seen: Seen | None = None
        while seen is None:
            seen = self._build(news, changes)
        self.seen = seen
        return seen

    def _build(self, news: Sequence[str], changes: Listening) -> Seen | None:
        """None where what was read had changed by the time that it was to be built."""
        before = {path: stamp_of(path) for path in news}
        try:
            files, settings = self.session.settings()
        except ImgbuildError as error:
            return self._unread(before, error)
        self._take(settings)
        last = last_of(self.session, settings, self.flags.paths, again=False)
        with self.stop.part() as stop:
            run = _Run(files, settings, last.extra, stop)
            changes.hear = run.hear
            hear = self.onlooker.event if self.onlooker else None
            manner = Manner(frugal=True, outdated=run.is_outdated, hear=hear)
            try:
                built = rebuild(self.session, files, settings, self.flags, last, stop, manner)
                if built is None:
                    return None
                run.unsure = not built.stands
                if self.onlooker:
                    self.onlooker.built(built)
            except ImgbuildError as error:
                run.unsure = files.have_moved()
                if not (stop.is_set() or run.unsure):
                    self._tell(error)
        ours = {path: stamp for path, stamp in last.sources.items() if not os.path.isabs(path)}  # noqa: PTH117
        return run.seen({**files.seen, **ours}, self.seen.listed if self.seen else {})

    def _unread(self, news: Mapping[str, Stamp | None], error: ImgbuildError) -> Seen:
        """What was seen, where the settings are broken now: nothing is built until they are mended."""
        if self.seen is None:
            raise error
        self._tell(error)
        stamps = {self.seen.inside(path): stamp for path, stamp in news.items()}
        return replace(self.seen, stamps={**self.seen.stamps, **stamps}, partial=False)

    def _shown(self, path: str) -> str:
        inside = os.path.relpath(path, self.session.root)
        return path if inside.startswith("..") else inside

    def _tell(self, error: ImgbuildError) -> None:
        if self.onlooker:
            self.onlooker.complain(error)
        print_error(error, self.session.stderr, wants_color(self.session.stderr, self.session.environ))


class _Run:
    """One build under way, which a change of what it has read stops. files: which it reads through.

    unsure: whether it could not tell what is gone or wrong, since sources moved meanwhile, be it only a folder's stamp
    for a spec that went after it was listed: another one finds out, whether or not that comes as news.
    """

    def __init__(self, files: Files, settings: Settings, extra: Sequence[str], stop: Stop) -> None:
        self.files, self.settings, self.extra, self.stop = files, settings, tuple(extra), stop
        self._outdated = self.unsure = False

    def is_outdated(self) -> bool:
        return self._outdated

    def hear(self, paths: Collection[str]) -> None:
        """Stop for changes of what was read so far; in the thread that listens. The build itself writes locks."""
        if paths and not self._outdated:
            read = self.files.seen.copy()
            stamps = {path: stamp for path, stamp in read.items() if not path.endswith(OWN)}
            if self._seen(stamps).news([path for path in paths if not path.endswith(OWN)]):
                self._outdated = True
                self.stop.set()

    def seen(self, stamps: Mapping[str, Numbers | None], listed: Mapping[str, Sequence[str]]) -> Seen:
        """What it has read, once it has ended. listed: of folders that it had no need to look into again."""
        seen = self._seen(stamps)
        return replace(seen, listed={**listed, **seen.listed}, partial=self._outdated or self.unsure)

    def _seen(self, stamps: Mapping[str, Numbers | None]) -> Seen:
        young = self.files.young.copy()  # before the stamps: each file that is in it has one
        read = self.files.seen.copy()
        return Seen(
            root=self.files.root,
            settings=self.settings,
            stamps=stamps,
            young={path: digest for path, digest in young.items() if stamps.get(path) == read[path]},
            listed=self.files.listed.copy(),
            extra=self.extra,
        )
