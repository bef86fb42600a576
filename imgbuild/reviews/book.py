"""All decisions of a project under one profile: read at once, added to one by one."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from imgbuild.errors import SpecError
from imgbuild.files import Files
from imgbuild.lock.book import lock_path, orphaned
from imgbuild.reviews.lines import Decision, in_order, read_lines, write_line
from imgbuild.reviews.standing import Standing, standing_of
from imgbuild.settings import Settings
from imgbuild.spec.declared import Spec
from imgbuild.types import Digest, Line

SUFFIX = ".reviews"


class ReviewBook:
    """The decisions beside the locks. names: of the targets that the specs declare; those of others were renamed.

    faults: a sentence for each line that is none.
    """

    def __init__(
        self, files: Files, settings: Settings, specs: Sequence[Spec], names: Collection[str]
    ) -> None:
        self.root, self._names = files.root, names
        self.paths = {spec.name: reviews_path(settings, spec.file) for spec in specs}
        self.faults: list[str] = []
        self._of_target: dict[str, list[Decision]] = {}
        self._of_pixels: dict[Digest, list[tuple[str, Decision]]] = {}
        for spec, path in {**self.paths, **orphaned(files, settings, self.paths.values(), SUFFIX)}.items():
            for decision in self._read(files, path):
                self._take(f"{spec}/{decision.target}", decision)

    def _read(self, files: Files, path: str) -> list[Decision]:
        if not os.path.isabs(path):  # noqa: PTH117 - text
            files.locate(path)
        try:
            data = files.read(path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SpecError(f"{path} can't be read: {error.strerror}", hint="is it a file?") from error
        found, faults = read_lines(data, path)
        self.faults += faults
        return found

    def _take(self, name: str, decision: Decision) -> None:
        self._of_target.setdefault(name, []).append(decision)
        self._of_pixels.setdefault(decision.pixels, []).append((name, decision))

    def picks(self) -> list[tuple[str, Decision]]:
        """Every pick of a winner with its target's whole name, the oldest first."""
        said = [(name, item) for name, items in self._of_target.items() for item in items]
        return sorted((pair for pair in said if pair[1].decision == "pick"), key=lambda pair: pair[1].when)

    def declares(self, name: str) -> bool:
        """Whether the specs declare a target of that name; else it has another one now, or is gone."""
        return name in self._names

    def of(self, name: str, pixels: Digest) -> Standing:
        """What is decided on a target's picture, also under a name that it had before."""
        said = [
            decision
            for target, decision in self._of_pixels.get(pixels, ())
            if target == name or target not in self._names
        ]
        return standing_of(said, self._of_target.get(name, ()))

    def all_of(self, name: str) -> list[Decision]:
        """All that was said of a target's pictures, of earlier ones too, the oldest first."""
        return in_order(self._of_target.get(name, ()))

    def approved(self, lines: Mapping[str, Line]) -> frozenset[str]:
        """Those whose locked picture is approved. lines: by target."""
        return frozenset(
            name
            for name, line in lines.items()
            if line.pixels and self.of(name, line.pixels).state == "approved"
        )

    def add(self, spec: str, decisions: Sequence[Decision]) -> str:
        """Add decisions on targets of a spec to its file; the file's path. Raises OSError."""
        path = self.paths[spec]
        _append(self.root / path, b"".join(map(write_line, decisions)))
        for decision in decisions:
            self._take(f"{spec}/{decision.target}", decision)
        return path


def reviews_path(settings: Settings, file: str) -> str:
    """Where the decisions on a spec's pictures lie, from the root: beside its lock."""
    return f"{os.path.splitext(lock_path(settings, file))[0]}{SUFFIX}"  # noqa: PTH122 - text


def _append(place: Path, text: bytes) -> None:
    """At once, and on a line of its own whatever the file ends in: somebody else may write to it, too."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a+b", buffering=0) as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            text = text if file.read(1) == b"\n" else b"\n" + text
        file.write(text)
        os.fsync(file.fileno())
