"""What the locks said at revisions of git: which images are others since, and what an image was before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from msgspec import Struct

from imgbuild.errors import ImgbuildError, UsageError
from imgbuild.gallery.look import Look, hex_of
from imgbuild.revisions import Difference, Past, compare, past_of
from imgbuild.select import handle
from imgbuild.types import Digest, Line, Target

HEAD = "HEAD"
FRESH = 5.0  # seconds for which a revision is taken to name the same commit
MOST = 8  # revisions that are kept, with the images that they name
MAX_NAME = 200  # characters of a revision


class Pair(Struct, frozen=True, kw_only=True):
    """A target's images, as SHA-256 in hexadecimal; empty where there is none."""

    id: str
    handle: str
    before: str = ""
    after: str = ""


class Since(Struct, frozen=True, kw_only=True):
    """What differs from a revision. Renamed targets with the same image are left out."""

    rev: str
    commit: str
    changed: tuple[Pair, ...]
    new: tuple[Pair, ...]
    gone: tuple[Pair, ...]


class History:
    """The revisions that were asked for. clock: seconds that never run backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._one = clock, Lock()
        self._known: dict[str, tuple[float, Past]] = {}

    def past(self, look: Look, revision: str) -> Past:
        """The locks at a revision. Raises UsageError where there is none of that name, or no git."""
        if not revision or len(revision) > MAX_NAME or "\0" in revision:
            raise UsageError("that is no name of a revision", hint="name a commit, a branch or a tag")
        with self._one:
            known = self._known.pop(revision, None)
            if known is None or self._clock() - known[0] > FRESH:
                project = look.found.project
                known = self._clock(), past_of(project.settings, project.specs, revision)
            self._known[revision] = known
            while len(self._known) > MOST:
                self._known.pop(next(iter(self._known)))
            return known[1]

    def since(self, look: Look, revision: str) -> Since:
        """What differs of the targets that are shown, and of those that are gone. Raises UsageError."""
        past = self.past(look, revision)
        shown = {target.id for target in look.chosen}
        lines = {id: line for id, line in look.found.lines.items() if id in look.found.plan.decisions}
        found = [item for item in compare(past.lines, lines) if item.kind == "gone" or item.id in shown]
        moved = [item for item in found if item.kind in ("changed", "renamed") and _has_other_image(item)]
        return Since(
            rev=revision,
            commit=past.commit,
            changed=tuple(map(_pair, moved)),
            new=tuple(_pair(item) for item in found if item.kind == "new"),
            gone=tuple(_pair(item) for item in found if item.kind == "gone"),
        )

    def before(self, look: Look, target: Target) -> dict[str, str] | None:
        """The target's image in the last commit, where that is another one; None also where git can't tell."""
        try:
            line = self.past(look, HEAD).lines.get(target.id)
        except ImgbuildError:
            return None
        if line is None or line.image == look.digest_of(target) or not _image(line):
            return None
        return {"image": _image(line), "revision": HEAD}

    def images(self) -> Mapping[str, Digest]:
        """Every image that these revisions name, by SHA-256 in hexadecimal."""
        with self._one:
            pasts = [past for _, past in self._known.values()]
        lines = [line for past in pasts for line in past.lines.values()]
        return {image: line.image for line in lines if (image := _image(line))}


def _has_other_image(item: Difference) -> bool:
    return _image(item.before) != _image(item.after)


def _pair(item: Difference) -> Pair:
    return Pair(id=item.id, handle=handle(item.id), before=_image(item.before), after=_image(item.after))


def _image(line: Line | None) -> str:
    return hex_of(line.image) if line is not None else ""
