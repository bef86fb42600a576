"""`imgbuild watch`: build what a saved spec, table or input picture affects, until Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from imgbuild.commands.build import Flags, rebuild
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.last import last_of
from imgbuild.commands.session import Session
from imgbuild.errors import Exit, ImgbuildError
from imgbuild.files import Stamp, stamp_of
from imgbuild.report.errors import print_error
from imgbuild.report.output import wants_color
from imgbuild.watch import Seen, rebuilds, watched


def run_watch(
    session: Session,
    paths: Sequence[str],
    select: Sequence[str],
    budget: float | None,
    *,
    trust: bool = False,
) -> int:
    """Build, then build again whenever a source changes. Paid requests are sent only under a budget."""
    with interruptible() as stop:
        flags = Flags(paths=tuple(paths), select=tuple(select), budget=budget or 0.0, trust=trust)
        watching = _Watching(session, flags, stop)
        first = watching.build([])
        session.say("watching; Ctrl-C ends it")
        ignored = (first.settings.output, first.settings.store)
        for _ in rebuilds(first, watched(session.root, ignored, stop), watching.build):
            pass
    return Exit.DONE


class _Watching:
    """The builds of one watch. What is known of unchanged files is carried from build to build."""

    def __init__(self, session: Session, flags: Flags, stop: threading.Event) -> None:
        self.session, self.flags, self.stop = session, flags, stop
        self.seen: Seen | None = None

    def build(self, news: Sequence[str]) -> Seen:
        """One build; a broken spec shows its error, keeps the last good pictures, and is watched on."""
        for path in news:
            self.session.say(f"changed: {os.path.relpath(path, self.session.root)}")
        before = {path: stamp_of(path) for path in news}
        try:
            files, settings = self.session.settings()
        except ImgbuildError as error:
            self.seen = self._unread(before, error)
            return self.seen
        last = last_of(self.session, settings, self.flags.paths, again=False)
        try:
            if rebuild(self.session, files, settings, self.flags, last, self.stop) is None:
                return self.build([])
        except ImgbuildError as error:
            self._tell(error)
        self.seen = Seen(root=files.root, settings=settings, stamps={**files.seen, **last.sources})
        return self.seen

    def _unread(self, news: Mapping[str, Stamp | None], error: ImgbuildError) -> Seen:
        """What was seen, where the settings are broken now: nothing is built until they are mended."""
        if self.seen is None:
            raise error
        self._tell(error)
        stamps = {self.seen.inside(path): stamp for path, stamp in news.items()}
        return replace(self.seen, stamps={**self.seen.stamps, **stamps})

    def _tell(self, error: ImgbuildError) -> None:
        print_error(error, self.session.stderr, wants_color(self.session.stderr, self.session.environ))
