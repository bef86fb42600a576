"""All lock files of a project under one profile: which file holds which line, read at once and written at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from imgbuild.digest import fingerprint
from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.files import Files
from imgbuild.lock.conflict import AtHand, merge_newer, merge_sides
from imgbuild.lock.part import Part
from imgbuild.lock.text import Lock, ReadLock, read_lock, write_lock
from imgbuild.settings import Settings
from imgbuild.spec.declared import Spec
from imgbuild.spec.find import skipped_folders
from imgbuild.types import Line, Pin

Fits = Callable[[str, Line], bool]
EMPTY = Lock(models={}, targets={})


class LockBook:
    """The locks beside the specs, or, for a profile that commits none, in the store.

    notes: what was damaged, merged or left behind, one sentence each. only: by spec, the targets whose lines are
    read, without the spec's name; all others stay as they are. None: every line is. is_overtaken: whether a lock was
    found, when it was to be written, that says other things than were read: what they come to is not built yet.
    """

    def __init__(
        self,
        files: Files,
        settings: Settings,
        specs: Sequence[Spec],
        only: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.files, self.settings, self._only = files, settings, only
        self.paths = {spec.name: lock_path(settings, spec.file) for spec in specs}
        self.notes: list[str] = []
        self._read_bytes: dict[str, str] = {}
        self._vanished: set[str] = set()
        self.is_overtaken = False
        self.orphans = self._orphans()
        self.found = {name: self._read(name, path) for name, path in (self.paths | self.orphans).items()}
        self.base = {name: read.lock for name, read in self.found.items()}

    def _read(self, name: str, path: str) -> ReadLock:
        if not os.path.isabs(path):  # noqa: PTH117 - text
            self.files.locate(path)
        try:
            data = self.files.read(path)
        except FileNotFoundError:
            return ReadLock(lock=EMPTY)
        except OSError as error:
            raise SpecError(f"{path} can't be read: {error.strerror}", hint="is it a file?") from error
        self._read_bytes[path] = fingerprint(data)
        if self._only is not None:
            return ReadLock(lock=Part(data).lock(self._only.get(name, ())))
        read = read_lock(data, path)
        self.notes += read.faults
        return read

    def _orphans(self) -> dict[str, str]:
        """Locks whose spec is gone, by the name it had: a renamed file's lines are taken over from there."""
        found = orphaned(self.files, self.settings, self.paths.values(), ".lock")
        return {name: path for name, path in found.items() if _is_ours(self.files, path)}

    @property
    def has_sides(self) -> bool:
        return any(read.sides for read in self.found.values())

    def merge_pins(self) -> None:
        """Settle the pins of conflicted locks, which the lines' intents are then taken with."""
        for name, read in self.found.items():
            if read.sides:
                ours, theirs = (replace(side, targets={}) for side in read.sides)
                merged, notes = merge_sides(ours, theirs, lambda *_: True, lambda _: False)
                self.notes += [f"{self.path(name)}: {note}" for note in notes]
                self.base[name] = replace(self.base[name], models=merged.models)

    def merge_lines(self, fits: Fits, at_hand: AtHand) -> None:
        """Settle the lines of conflicted locks. `fits` takes whole ids."""
        for name, read in self.found.items():
            if read.sides:
                ours, theirs = (replace(side, models={}) for side in read.sides)
                merged, notes = merge_sides(ours, theirs, _prefixed(name, fits), at_hand)
                self.notes += [f"{self.path(name)}: {note}" for note in notes]
                self.base[name] = replace(self.base[name], targets=merged.targets)

    def path(self, name: str) -> str:
        return self.paths.get(name) or self.orphans[name]

    def lines(self) -> dict[str, Line]:
        """Every line, by whole target id."""
        return {f"{name}/{id}": line for name, lock in self.base.items() for id, line in lock.targets.items()}

    def pins(self) -> dict[tuple[str, str], Pin]:
        """Every pin, by the declaring spec's name and the alias."""
        return {(name, alias): pin for name, lock in self.base.items() for alias, pin in lock.models.items()}

    def changes(self, wanted: Mapping[str, Lock]) -> dict[str, bytes | None]:
        """Lock files, by path, whose bytes would change; None where a file goes (nothing is locked in it).

        A file is read again, and merged, if it changed since this book was opened.
        """
        changes: dict[str, bytes | None] = {}
        for name, lock in wanted.items():
            now = self._bytes(self.path(name))
            as_read = self._is_as_read(self.path(name), now)
            self.is_overtaken |= not as_read
            if as_read and lock == self.found[name].lock and self._is_sound(name):
                continue
            data = self._text(name, now, lock if as_read else self._merged(name, now, lock))
            if data != now:
                changes[self.path(name)] = data
            if now is None and not as_read:
                self._vanished.add(self.path(name))
        return changes

    def _merged(self, name: str, now: bytes | None, lock: Lock) -> Lock:
        """The lock together with what somebody else wrote since this book was opened.

        Raises ImgbuildError for a conflict or damage that came meanwhile: it is not written over.
        """
        newer = read_lock(now, self.path(name)) if now is not None else ReadLock(lock=EMPTY)
        if newer.sides or newer.faults:
            raise ImgbuildError(
                f"{self.path(name)} changed during this build, and holds a conflict or damage now",
                hint="build again: what was made is kept, and the next build settles it",
            )
        return merge_newer(newer.lock, self.base[name], lock)

    def _text(self, name: str, now: bytes | None, lock: Lock) -> bytes | None:
        """The lock's text; lines that were not read stay as they are in `now`."""
        if self._only is not None and now is not None:
            found = self.found[name].lock
            if lock.models == found.models and lock.targets.keys() == found.targets.keys():
                moved = {id: line for id, line in lock.targets.items() if line != found.targets[id]}
                return Part(now).replaced(moved)
            lock = Lock(models=lock.models, targets={**read_lock(now, "").lock.targets, **lock.targets})
        return write_lock(lock) if lock.models or lock.targets else None

    def _is_as_read(self, path: str, now: bytes | None) -> bool:
        return self._read_bytes.get(path) == (None if now is None else fingerprint(now))

    def _is_sound(self, name: str) -> bool:
        read = self.found[name]
        return read.sides is None and not read.faults

    def _bytes(self, path: str) -> bytes | None:
        try:
            return (self.files.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, wanted: Mapping[str, Lock]) -> list[str]:
        """Write the locks that change, each at once; their paths. A damaged file is kept beside its mended one.

        Raises ImgbuildError, once the others are written, for one that went since this book was opened, or whose folder
        did, and the spec with it: neither is made anew, for it may be about to come back, with lines that nobody else
        has.
        """
        changes = self.changes(wanted)
        damaged = {self.path(name) for name, read in self.found.items() if read.faults}
        gone = [path for path, data in sorted(changes.items()) if not self._put(path, data, path in damaged)]
        if gone:
            raise ImgbuildError(
                f"{gone[0]} went during this build, or its folder did",
                hint="build again once it is back: what was made is kept",
            )
        return sorted(changes)

    def _put(self, path: str, data: bytes | None, damaged: bool) -> bool:
        """Write one lock, or remove it; whether it, or at least its folder, was there."""
        place = self.files.root / path
        if data is not None and path in self._vanished:
            return False
        if path.startswith(f"{self.settings.store}/"):
            place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if damaged:
                _write(place.with_name(f"{place.name}.bad"), place.read_bytes())
            if data is None:
                place.unlink(missing_ok=True)
            else:
                _write(place, data)
        except FileNotFoundError:
            return False
        return True


def lock_path(settings: Settings, file: str) -> str:
    """Where the lock of a spec file lies, from the root."""
    stem = os.path.splitext(file)[0]  # noqa: PTH122 - text
    if settings.profile is None:
        return f"{stem}.lock"
    if settings.profile.lock:
        return f"{stem}.{settings.profile_name}.lock"
    return f"{settings.store}/profiles/{settings.profile_name}/{stem}.lock"


def orphaned(files: Files, settings: Settings, known: Collection[str], suffix: str) -> dict[str, str]:
    """Files beside where specs are that are no spec's now, by the name that theirs had; under a profile, none.

    known: those of the specs there are, by their paths from the root.
    """
    if settings.profile is not None:
        return {}
    stems = {path.removesuffix(suffix) for path in known}
    spoken_for = {*known, *(f"{stem}.{name}{suffix}" for stem in stems for name in settings.profiles)}
    found = {}
    for folder in settings.specs:
        for path in files.below(folder, skipped_folders(settings)):
            if path.endswith(suffix) and path not in spoken_for and files.is_file(path):
                found[path.removeprefix(f"{folder}/").removesuffix(suffix)] = path
    return found


def _prefixed(name: str, fits: Fits) -> Fits:
    return lambda id, line: fits(f"{name}/{id}", line)


def _is_ours(files: Files, path: str) -> bool:
    """Whether a *.lock file is one of imgbuild's, by how it begins."""
    try:
        return files.read(path).startswith(b'{"version": 1,')
    except (OSError, SpecError):
        return False


def _write(place: Path, data: bytes) -> None:
    """Raises FileNotFoundError where its folder is not there."""
    temporary = place.with_name(f".{place.name}.tmp")  # one name: what a crash left goes with the next write
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
