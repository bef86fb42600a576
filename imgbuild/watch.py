"""Changed paths → which of them matter, and when to build again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from typing import Any

from msgspec import Struct

from imgbuild.digest import digest_file
from imgbuild.errors import ImgbuildError
from imgbuild.files import TORN, names_in, stamp_of
from imgbuild.settings import Settings
from imgbuild.spec.find import SUFFIXES
from imgbuild.types import Digest

QUIET = 25  # milliseconds between two looks; a burst of saves has ended where nothing changed from one to the next
LONGEST = 500  # milliseconds after which a burst is told though it goes on, and between tellings that nothing changed

Changes = Iterable[set[tuple[Any, str]]]


class Seen(Struct, frozen=True, kw_only=True):
    """What a build read: sources, locks and folders, with their stamps; by path from the root, absolute outside of it.

    young, listed: as Files has them. extra: files and folders of specs beside the project's own.
    partial: the build was broken off for an edit, so that another one has to follow.
    """

    root: Path
    settings: Settings
    stamps: Mapping[str, tuple[int, int, int] | None]
    young: Mapping[str, Digest] = {}
    listed: Mapping[str, Sequence[str]] = {}
    extra: tuple[str, ...] = ()
    partial: bool = False

    def inside(self, path: str) -> str:
        """A path that changed, as `stamps` has it."""
        inside = os.path.relpath(path, self.root).replace(os.sep, "/")
        return path if inside.startswith("../") else inside

    def is_news(self, path: str) -> bool:
        """Whether a path that changed is a source that is not as it was read, or a new spec."""
        inside = self.inside(path)
        try:
            return self._has_moved(path, inside) if inside in self.stamps else self._is_new_spec(inside)
        except OSError:  # it went a moment ago, or must not be looked at any more: a build tells
            return True

    def _has_moved(self, path: str, inside: str) -> bool:
        """Raises OSError."""
        if inside in self.listed:
            return names_in(path) != self.listed[inside]
        if stamp_of(path) != self.stamps[inside]:
            return self.stamps[inside] == TORN or not (self._is_of_specs(inside) and _is_folder(path))
        return inside in self.young and Path(path).is_file() and digest_file(Path(path)) != self.young[inside]

    def news(self, changed: Collection[str]) -> list[str]:
        """Those of the changed paths that matter. What is not known by its name may have brought or taken others: a
        folder that was moved, a file behind a link. Then all sources are looked at; those outside always are.
        """
        found = {path for path in (*changed, *self._outside()) if self.is_news(path)}
        if any(self.inside(path) not in self.stamps or _is_folder(path) for path in changed):
            found.update(self.all_news())
        return sorted(found)

    def all_news(self) -> list[str]:
        """Every source that is not as it was read, and every new spec, whatever was told of them."""
        moved = [path for path, stamp in self.stamps.items() if _stamp(f"{self.root}/", path) != stamp]
        found = {str(self.root / path) for path in moved if self.is_news(str(self.root / path))}
        for path in moved:
            if self._is_of_specs(path):
                found.update(self._new_specs(self.root / path))
        return sorted(found)

    def _outside(self) -> list[str]:
        return [path for path in self.stamps if path[:1] == "/"]

    def _is_of_specs(self, inside: str) -> bool:
        """Whether it is a folder of specs, or below one: writing a lock moves its stamp, too."""
        folders = {inside, *map(str, PurePosixPath(inside).parents)}
        return not folders.isdisjoint((*self.settings.specs, *self.extra))

    def _is_new_spec(self, inside: str) -> bool:
        """Whether it would be found in a folder that was searched for specs."""
        if not inside.endswith(SUFFIXES) or any(part.startswith(".") for part in inside.split("/")):
            return False
        searched = any(str(folder) in self.stamps for folder in PurePosixPath(inside).parents)
        return searched and stamp_of(self.root / inside) is not None

    def _new_specs(self, folder: Path) -> Iterator[str]:
        """Specs that came into a folder, and below folders that came into it."""
        for place, folders, names in os.walk(folder):
            inside = Path(place).relative_to(self.root)
            folders[:] = [name for name in folders if (inside / name).as_posix() not in self.stamps]
            paths = [f"{place}/{name}" for name in names if (inside / name).as_posix() not in self.stamps]
            yield from (path for path in paths if self.is_news(path))


def _is_folder(path: str) -> bool:
    """False too where it must not be looked at."""
    return os.path.isdir(path)  # noqa: PTH112 - a Path raises


def _stamp(root: str, path: str) -> object:
    """Its stamp, as `stamps` has it; "" where it must not be looked at."""
    try:
        return stamp_of(path if path[:1] == "/" else root + path)
    except OSError:
        return ""


def below(root: Path, folders: Iterable[str]) -> tuple[str, ...]:
    """How paths begin that are below these folders, given from the root."""
    return tuple(os.path.join(root, folder, "") for folder in folders)  # noqa: PTH118 - text


def watched(root: Path, ignored: Callable[[], tuple[str, ...]], stop: threading.Event) -> Changes:
    """Bursts of changed paths below the root, until `stop` is set; empty ones where nothing changed for a while.

    What begins as one of those that `ignored` gives is not told. Raises ImgbuildError.
    """
    from watchfiles import watch

    try:
        yield from watch(
            root,
            watch_filter=lambda _, path: not path.startswith(ignored()),
            debounce=LONGEST,
            step=QUIET,
            stop_event=stop,
            rust_timeout=LONGEST,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
    except OSError as error:
        raise ImgbuildError(
            f"{root} can't be watched: {error}",
            hint="where too many files are watched, raise fs.inotify.max_user_watches, or end other watches",
        ) from error


class Listening:
    """Changes that are taken in by a thread of their own, so that none is missed while a build runs.

    hear: given each burst as it comes, in that thread; it must not wait.
    """

    def __init__(self, changes: Changes) -> None:
        self.hear: Callable[[Collection[str]], None] = _ignore
        self._changes = changes
        self._bursts: SimpleQueue[set[str] | BaseException | None] = SimpleQueue()

    def run(self) -> None:
        """Take in all that comes, until it ends; in the thread."""
        try:
            for burst in self._changes:
                paths = {path for _, path in burst}
                if paths or self._bursts.empty():
                    self._bursts.put(paths)  # first, so that whoever is stopped for it finds it
                self.hear(paths)
            self._bursts.put(None)
        except BaseException as error:  # handed to the thread that waits, where it is told
            self._bursts.put(error)

    def __iter__(self) -> Iterator[set[str]]:
        """The bursts, each as soon as it is there; no empty one while others wait. Raises what ended the thread."""
        while (burst := self._bursts.get()) is not None:
            if isinstance(burst, BaseException):
                raise burst
            yield burst


def _ignore(paths: Collection[str]) -> None:
    """Nobody listens."""


@contextmanager
def listening(changes: Changes, stop: threading.Event) -> Iterator[Listening]:
    """Take in changes meanwhile; `stop`, which ends them, is set at the end."""
    taken = Listening(changes)
    thread = threading.Thread(target=taken.run, name="watch")
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def _is_time_to_look(quiet: int) -> bool:
    """After how many bursts that told of nothing: at once, after 1, 3, 7, …, and each minute in the end."""
    return (quiet + 1) & quiet == 0 or quiet % (60_000 // LONGEST) == 0


def rebuilds(
    first: Seen, bursts: Iterable[Collection[str]], build: Callable[[list[str]], Seen]
) -> Iterator[Seen]:
    """Build again for each burst of changes that matters, and after a build that was broken off; what each saw.

    With the first burst, and after each that told of anything, every source is looked at: nobody watched yet while
    the first build began, and what is made in a new folder may come before that is watched. While nothing is told,
    every source is looked at ever more rarely, for what a file system does not tell: one of the network, or a full
    queue of the kernel's.
    """
    seen, quiet = first, 0
    for burst in bursts:
        news = sorted({*seen.news(burst), *(seen.all_news() if _is_time_to_look(quiet) else ())})
        quiet = 0 if burst else quiet + 1
        if news or seen.partial:
            seen = build(news)
            yield seen
