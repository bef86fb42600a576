"""The project's files as sources: every read stays inside the project and is remembered with its stamp.

A stamp is taken before its file is read, so an edit during a build is never missed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from errno import EISDIR
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from imgbuild.digest import digest_bytes, digest_file
from imgbuild.errors import SpecError, TargetError
from imgbuild.types import Digest, Where


class Stamp(NamedTuple):
    """What stat says of a file. Equal stamps of a file older than YOUNG mean equal bytes."""

    mtime_ns: int
    ctime_ns: int
    size: int


TORN = Stamp(0, 0, 0)  # no file has it: of what went or changed while it was used, to be looked at again
YOUNG = 2_000_000_000  # nanoseconds: a file this young may change again within its time stamp's grain
MAX_TEXT = 64 * 1024 * 1024  # bytes of one spec or table
MAX_INPUT = 512 * 1024 * 1024  # bytes of one input picture


class Files:
    """Reads below `root`. `seen` maps each path read (from the root, with '/') to its stamp before reading.

    A path that was asked for and is absent is remembered as None, so that its appearing is noticed. `young` has the
    digests, as they were read, of files whose stamp can't tell a later edit yet. `listed` has the names of the files in
    those folders of which each counts. Digests that were asked for stay what they were: whoever uses `content` makes
    things of the bytes that they are named after.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.seen: dict[str, Stamp | None] = {}
        self.young: dict[str, Digest] = {}
        self.listed: dict[str, list[str]] = {}
        self._root = str(self.root)
        self._folders: dict[str, str] = {}
        self._digests: dict[str, tuple[Stamp, Digest]] = {}
        self._asked: dict[str, Digest | None] = {}

    def locate(self, name: str, base: str = "", where: Where | None = None) -> str:
        """The path `name`, written in a file of folder `base`, as a path from the root.

        Raises SpecError where it is absolute, or leaves the project, by `..` or through a symbolic link.
        """
        if not name or "\0" in name or name[0] == "/" or "\\" in name or name[1:2] == ":":
            raise SpecError(
                f"'{name}' is not a path inside the project",
                where=where,
                hint="write a relative path with '/'",
            )
        joined = os.path.normpath(os.path.join(base, name))  # noqa: PTH118 - text, not a path on disk
        if joined == ".." or joined.startswith("../"):
            raise SpecError(
                f"'{name}' leads out of the project", where=where, hint="move the file into the project"
            )
        if not self._is_inside(joined):
            raise SpecError(
                f"'{name}' leads out of the project through a symbolic link",
                where=where,
                hint="copy the file into the project",
            )
        return joined

    def _is_inside(self, path: str) -> bool:
        """Whether the path, its links followed, is inside the project. Folders are looked up once."""
        folder, _, name = path.rpartition("/")
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(f"{self._root}/{folder}")
        full = f"{real}/{name}"
        if name == ".." or os.path.islink(full):  # noqa: PTH114 - text, for speed
            full = os.path.realpath(full)
        return full == self._root or full.startswith(f"{self._root}/")

    def read(self, path: str, limit: int = MAX_TEXT) -> bytes:
        """The bytes of a located path. Raises OSError where it can't be read, SpecError above `limit` bytes."""
        stamp = self.stamp(path)
        try:
            if not S_ISREG((self.root / path).stat().st_mode):  # a pipe would be waited for without end
                raise IsADirectoryError(EISDIR, "it is not a file", path)
            with (self.root / path).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            self.lose(path)
            raise
        if len(data) > limit:
            raise SpecError(
                f"{path} is larger than {limit} bytes", hint="split it, or leave out what is not needed"
            )
        if stamp is not None and not is_settled(stamp):
            self.young.setdefault(path, digest_bytes(data))
        return data

    def stamp(self, path: str) -> Stamp | None:
        """The path's stamp now, remembered the first time; None where there is nothing."""
        stamp = stamp_of(self.root / path)
        if path not in self.seen:
            self.seen[path] = stamp
        elif stamp is None:
            self.lose(path)
        return stamp

    def is_file(self, path: str) -> bool:
        """Whether there is a file at a located path, which is a source from now on."""
        self.stamp(path)
        try:
            return S_ISREG((self.root / path).stat().st_mode)
        except OSError:
            self.lose(path)
            return False

    def below(self, path: str, skipped: Collection[str]) -> Iterator[str]:
        """What is in a located folder and below and is no folder, sorted; each folder is a source, too.

        Hidden ones, linked folders and the `skipped` folders are left out. There is nothing in what is not there.
        """
        for entry in self._entries(path):
            inner = entry.name if path == "." else f"{path}/{entry.name}"
            if entry.name.startswith(".") or inner in skipped:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self.below(inner, skipped)
            else:
                yield inner

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        if self.stamp(path) is None:
            return []
        try:
            with os.scandir(f"{self._root}/{path}") as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            self.lose(path)
            return []

    def names(self, path: str) -> list[str]:
        """The files of a located folder; the folder itself is a source too, so that new files are noticed."""
        self.stamp(path)
        self.listed[path] = names_in(f"{self._root}/{path}")
        return self.listed[path]

    def digest(self, path: str, limit: int = MAX_INPUT) -> Digest | None:
        """SHA-256 of a located file's bytes, as they were when it was first asked for here.

        None where it is absent, or can't be an input: above `limit` bytes, not to be read, a folder, or a pipe
        that would be waited for.
        """
        if path not in self._asked:
            self._asked[path] = self.digest_now(path, limit)
        return self._asked[path]

    def content(self, path: str, limit: int = MAX_INPUT) -> bytes:
        """The bytes that `digest` was taken of. Raises TargetError where there are others now, and what `read` does."""
        digest = self.digest(path, limit)
        data = self.read(path, limit)
        if not self._is_untouched(path) and digest_bytes(data) != digest:
            self.seen[path] = TORN
            raise TargetError(
                f"{path} has changed since it was looked at",
                hint="build again, for what is there now",
            )
        return data

    def _is_untouched(self, path: str) -> bool:
        """Whether its stamp alone tells that it is what was asked for."""
        stamp, digest = self._digests.get(path, (None, None))
        return stamp is not None and digest == self._asked[path] and stamp_of(self.root / path) == stamp

    def digest_now(self, path: str, limit: int = MAX_INPUT) -> Digest | None:
        """As `digest`, of the bytes there are now; read again only if its stamp changed, or can't tell."""
        stamp = self.stamp(path)
        known = self._digests.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        can_tell = stamp is not None and is_settled(stamp)  # of all edits from here on
        try:
            digest = self._digest(path, limit)
        except FileNotFoundError:
            self.lose(path)
            return None
        if stamp is None or digest is None:
            return None
        if can_tell:
            self._digests[path] = (stamp, digest)
        else:
            self.young.setdefault(path, digest)
        return digest

    def _digest(self, path: str, limit: int) -> Digest | None:
        """Raises FileNotFoundError."""
        try:
            found = (self.root / path).stat()
            return (
                digest_file(self.root / path) if S_ISREG(found.st_mode) and found.st_size <= limit else None
            )
        except FileNotFoundError:
            raise
        except OSError:
            return None

    def lose(self, path: str) -> None:
        """It is not there. Where it was before, it may come back with the stamp that was taken then."""
        if self.seen[path] is not None:
            self.seen[path] = TORN

    def have_moved(self) -> bool:
        """Whether any source is not as it was when it was read."""
        return any(stamp_of(self.root / path) != stamp for path, stamp in self.seen.items())

    def remember(self, digests: dict[str, tuple[Stamp, Digest]]) -> None:
        """Take over digests of an earlier run; each holds only while its stamp does."""
        self._digests.update(digests)

    def digests(self) -> dict[str, tuple[Stamp, Digest]]:
        return self._digests


def stamp_of(path: Path | str) -> Stamp | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - a Path object a file would cost more than the call
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Stamp(stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)


def names_in(folder: str) -> list[str]:
    """The files of a folder; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_settled(stamp: Stamp) -> bool:
    """Whether the file is old enough for its stamp to tell every later edit."""
    return time.time_ns() - max(stamp.mtime_ns, stamp.ctime_ns) > YOUNG
