"""The last build's snapshot: taken up by the next build, dropped before anything changes, and left anew."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import TypeAlias

from imgbuild.commands.session import Session
from imgbuild.digest import to_hex
from imgbuild.files import TORN, Files, Stamp, is_settled, stamp_of
from imgbuild.narrow import outline
from imgbuild.process import OPERATIONS
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.report.events import Finished, Note
from imgbuild.report.plain import PlainReporter
from imgbuild.rules import RULES
from imgbuild.run.results import Built
from imgbuild.settings import Settings
from imgbuild.spec.find import find_specs
from imgbuild.store import snapshot
from imgbuild.store.snapshot import Snapshot

# Seconds in which a file system that counts nanoseconds gives two writes one stamp: the kernel's clock ticks at least
# a hundred times a second.
TICK = 0.02

Sources: TypeAlias = Mapping[str, tuple[int, int, int] | None]  # path from the root → stamp


class Last:
    """Where a build notes what it saw. path: of the file. sources: of the build that was noted here last.

    command: what may end at once where nothing changed, as `snapshot.identity` gives it; empty: nothing may.
    scope: all that must be the same beside the sources for a build to look only at what changed.
    extra: spec files and folders beside the project's own, from the root. quiet: whether only what went wrong is said.
    """

    def __init__(
        self, path: str, command: bytes, scope: bytes, extra: Sequence[str] = (), *, quiet: bool = False
    ) -> None:
        self.path, self.command, self.scope, self.extra, self.quiet = path, command, scope, extra, quiet
        self.sources: Sources = {}
        self._stamp = stamp_of(path)

    def read(self) -> Snapshot | None:
        """The snapshot; None where there is none, or it is damaged. It may be an old one unless it `stands`."""
        try:
            return snapshot.read(self.path)
        except (OSError, ValueError):
            return None

    def stands(self) -> bool:
        """Whether no other build has left its own since; only who holds the project can rely on it."""
        return stamp_of(self.path) == self._stamp

    def drop(self) -> None:
        """Whatever happens from here on, what was seen is no more."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)  # noqa: PTH108 - text

    def leave(self, built: Built, before: Snapshot | None) -> None:
        """Note what this build saw; in the file, where it is known what the next one has to look at, if anything.

        before: the snapshot that the project was loaded since, if only a part of it was.
        """
        if built.project.is_whole:
            before = None
        self.sources = self._sources(built, before)
        if built.lasting or built.open is not None:
            with suppress(OverflowError):  # a time stamp that no number of the file can hold
                snapshot.write(self.path, self._snapshot(built, before))

    def _sources(self, built: Built, before: Snapshot | None) -> Sources:
        """Every source with its stamp from before it was read; what was not read again stands as it stood."""
        project, files = built.project, built.project.files
        kept = before.sources if before is not None else {}
        locks = {path: stamp_of(files.root / path) for path in built.locks}
        plug_ins = {path: stamp_of(path) for path in plug_in_files()}
        return {**kept, **files.seen, **_folders(project, self.extra), **locks, **plug_ins}

    def _snapshot(self, built: Built, before: Snapshot | None) -> Snapshot:
        project = built.project
        if before is None:
            parts, total = snapshot.parts_of(built.outputs), len(project.graph.targets)
        else:
            parts, total = snapshot.with_outputs(before.parts, built.outputs), before.total
        young = _young(project.files, self.sources, before)
        return Snapshot(
            command=self.command if built.lasting else b"",
            root=str(project.files.root),
            sources=self.sources,
            young=_still_young(project.files, self.sources, young) if built.lasting else young,
            output=project.settings.output,
            parts=parts,
            total=total,
            text=_again(built, quiet=self.quiet) if built.lasting else "",
            code=int(built.finished.exit_code),
            outline=self._outline(built),
        )

    def _outline(self, built: Built) -> bytes:
        if built.open is None:
            return b""
        return outline(built.project, self.scope, built.open, built.remarks)


def last_of(session: Session, settings: Settings, paths: Sequence[str], *, again: bool) -> Last:
    """Where builds of the session's project note what they saw.

    again: whether this very command may end at once where nothing changed.
    """
    extra = [session.inside(path) for path in paths]
    folder = os.getcwd()  # noqa: PTH109 - as the entry point spells it
    name = snapshot.file_name(settings.profile_name)
    return Last(
        f"{settings.root / settings.store}/{name}",
        snapshot.identity(session.arguments, session.environ, folder) if again else b"",
        snapshot.identity([settings.profile_name, *extra], session.environ, str(session.root)),
        extra,
        quiet=session.quiet,
    )


def plug_in_files() -> list[str]:
    """The files of other packages that this build used: a new release of one may change what is to be done."""
    return [*PROVIDERS.origins(), *RULES.origins(), *OPERATIONS.origins()]


def _folders(project: Project, extra: Sequence[str]) -> Mapping[str, Stamp | None]:
    """Stamps of the folders of specs as writing locks has left them; none where a spec came or went meanwhile."""
    files = Files(project.files.root)
    found = find_specs(files, project.settings, extra)
    loaded = {spec.file for spec in project.specs if not spec.included}
    if set(found.values()) != loaded:
        return {}
    torn = {path for path, stamp in project.files.seen.items() if stamp == TORN}
    return {path: stamp for path, stamp in files.seen.items() if path not in torn}


def _young(files: Files, sources: Sources, before: Snapshot | None) -> dict[str, str]:
    """SHA-256 in hexadecimal of the sources of which a stamp can't tell every later edit, as they were when read."""
    kept = before.young if before is not None else {}
    young = {}
    for path, stamp in sources.items():
        if path not in files.seen and path in kept:
            young[path] = kept[path]
        elif path in files.young and files.seen[path] == stamp:  # a lock may have been written since
            young[path] = to_hex(files.young[path])
        elif stamp is not None and not is_settled(Stamp(*stamp)):
            young[path] = snapshot.digest(str(files.root / path))
    return young


def _still_young(files: Files, sources: Sources, young: Mapping[str, str]) -> dict[str, str]:
    """Those of them that are so after a tick: a build without work need not read the others."""
    if young:
        time.sleep(TICK)
    return {
        path: digest for path, digest in young.items() if not _has_aged(files, path, sources[path], digest)
    }


def _has_aged(files: Files, path: str, stamp: tuple[int, int, int] | None, digest: str) -> bool:
    """Whether a source that is a tick old by now is still what was read: any later edit gives it another stamp.

    A file system that counts whole seconds would give the same one.
    """
    if stamp is None or not any(number % 10**9 for number in stamp[:2]):
        return False
    place = str(files.root / path)
    return stamp_of(place) == stamp and snapshot.digest(place) == digest


def _again(built: Built, *, quiet: bool) -> str:
    """What the same build would say if it were run again now."""
    ended = built.finished
    rest = ended.fresh + ended.built + ended.restored
    text = io.StringIO()
    with closing(PlainReporter(text, width=None, quiet=quiet)) as reporter:
        for remark in built.remarks:
            reporter.event(Note(text=built.project.told(remark)))
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
