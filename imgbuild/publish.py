"""Outputs: putting blobs at their places, telling whose a file is, removing what no spec declares."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from imgbuild.digest import digest_file
from imgbuild.errors import TargetError
from imgbuild.files import Stamp, stamp_of
from imgbuild.store.blobs import Blobs
from imgbuild.types import Digest

GUARD_SHARE, GUARD_COUNT = 0.1, 10  # removing more than both of these of a spec's targets waits for --prune


class Outputs:
    """The output folder. Paths are below it, with '/'. Every write stays inside it, symbolic links included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = os.path.realpath(folder)
        self._safe: set[str] = set()
        self._hashed: dict[str, tuple[Stamp, Digest]] = {}

    def stamp(self, path: str) -> Stamp | None:
        return stamp_of(f"{self.folder}/{path}")

    def digest(self, path: str) -> Digest | None:
        """SHA-256 of the file there now, or None; a file is read once as long as its stamp stands."""
        stamp = self.stamp(path)
        if stamp is None:
            return None
        known = self._hashed.get(path)
        if known is None or known[0] != stamp:
            try:
                known = self._hashed[path] = (stamp, digest_file(self.folder / path))
            except OSError:  # a folder, or not readable: certainly not what was published
                return ""
        return known[1]

    def publish(self, blobs: Blobs, digest: Digest, path: str) -> Stamp:
        """Put a blob's bytes at a path, at once or not at all. Raises TargetError."""
        self._make_folder(path)
        place = self.folder / path
        try:
            blobs.publish(digest, place)
        except TargetError:
            raise
        except KeyError as error:
            raise TargetError(
                f"the image of {path} is gone from the store",
                hint="build again: what can be made again will be",
            ) from error
        except OSError as error:
            raise TargetError(
                f"{path} can't be written: {error.strerror}", hint="see to its folder's permissions and space"
            ) from error
        stamp = stamp_of(place)
        if stamp is None:
            raise TargetError(
                f"{path} vanished while it was written", hint="is something cleaning the output folder?"
            )
        return stamp

    def _make_folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder in self._safe:
            return
        self._check_inside(path)
        try:
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TargetError(
                f"the folder of {path} can't be made: {error.strerror}", hint="move away what is in its place"
            ) from error
        self._safe.add(folder)

    def _check_inside(self, path: str) -> None:
        real = os.path.realpath(self.folder / path.rpartition("/")[0])
        if real != self._root and not real.startswith(f"{self._root}{os.sep}"):
            raise TargetError(
                f"the folder of {path} leads out of the output folder through a symbolic link",
                hint="replace the link by a folder",
            )

    def remove(self, paths: Iterable[str]) -> list[str]:
        """Remove files and the folders that this leaves empty; those that were there, and not behind a link."""
        removed = []
        for path in paths:
            try:
                self._check_inside(path)
                (self.folder / path).unlink()
            except (OSError, TargetError):
                continue
            removed.append(path)
            self._remove_empty(path.rpartition("/")[0])
        return removed

    def _remove_empty(self, folder: str) -> None:
        while folder:
            try:
                (self.folder / folder).rmdir()
            except OSError:
                return
            self._safe.discard(folder)
            folder = folder.rpartition("/")[0]

    def strays(self, known: Collection[str], apart: Collection[Path] = ()) -> list[str]:
        """Files below the output folder that are not among the known paths, sorted; no links.

        apart: folders that are not looked into.
        """
        found = []
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if Path(folder, name) not in apart]
            inside = os.path.relpath(folder, self.folder).replace(os.sep, "/")
            found += [name if inside == "." else f"{inside}/{name}" for name in names]
        return [path for path in sorted(set(found) - set(known)) if not (self.folder / path).is_symlink()]

    def recognise(self, images: Mapping[Digest, str], strays: Iterable[str]) -> dict[str, str]:
        """Of these files those that hold the images, and what each is of: ids by digest in, ids by path out.

        An image that several of them hold is left out: one may be a copy that somebody made.
        """
        holders: dict[Digest, list[str]] = {}
        for path in strays:
            digest = self.digest(path)
            if digest is not None and digest in images:
                holders.setdefault(digest, []).append(path)
        return {paths[0]: images[digest] for digest, paths in holders.items() if len(paths) == 1}


def is_mass_removal(gone: int, total: int) -> bool:
    """Whether so many of a spec's targets are gone that somebody should say so first."""
    return gone > GUARD_COUNT and gone > GUARD_SHARE * total
