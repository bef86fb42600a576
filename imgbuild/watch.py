"""Changed paths → which of them matter, and when to build again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from imgbuild.files import stamp_of
from imgbuild.settings import Settings
from imgbuild.spec.find import SUFFIXES

QUIET = 50  # milliseconds without a change that end a burst of saves
Changes = Iterable[set[tuple[Any, str]]]


class Seen(Struct, frozen=True, kw_only=True):
    """What the last build read: sources, locks and folders of specs by path from the root, with their stamps."""

    root: Path
    settings: Settings
    stamps: Mapping[str, tuple[int, int, int] | None]

    def inside(self, path: str) -> str:
        """A path that changed, from the root."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def is_news(self, path: str) -> bool:
        """Whether a path that changed is a source that is not as it was read, or a new spec."""
        inside = self.inside(path)
        if inside in self.stamps:
            return stamp_of(path) != self.stamps[inside] and not Path(path).is_dir()
        folders = map(str, PurePosixPath(inside).parents)
        return inside.endswith(SUFFIXES) and any(folder in self.stamps for folder in folders)


def watched(root: Path, ignored: Iterable[str], stop: threading.Event) -> Changes:
    """Bursts of changed paths below the root, until `stop` is set; empty ones where nothing changed for a while.

    What is below `ignored` folders is not told.
    """
    from watchfiles import watch

    skipped = tuple(f"{root}{os.sep}{folder}{os.sep}" for folder in (*ignored, ".git"))
    return watch(
        root,
        watch_filter=lambda _, path: not path.startswith(skipped),
        debounce=10 * QUIET,
        step=QUIET,
        stop_event=stop,
        rust_timeout=500,
        yield_on_timeout=True,
        raise_interrupt=False,
    )


def rebuilds(first: Seen, changes: Changes, build: Callable[[list[str]], Seen]) -> Iterator[Seen]:
    """Build again for each burst of changes that matters; what each build saw.

    With the first burst every source is looked at: nobody watched yet while the first build ran.
    """
    seen = first
    unwatched = {str(first.root / path) for path in first.stamps}
    for burst in changes:
        changed = {path for _, path in burst} | unwatched
        unwatched = set()
        news = sorted(path for path in changed if seen.is_news(path))
        if news:
            seen = build(news)
            yield seen
