"""Which spec files there are, and what each is called."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from imgbuild.errors import SpecError
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec.nearby import nearby

SUFFIXES = (".yaml", ".yml")


def find_specs(files: Files, settings: Settings, extra: Sequence[str] = ()) -> dict[str, str]:
    """Spec name → file, sorted by name: all below the specs folders, and the files and folders in `extra`.

    `extra` holds paths from the root. Raises SpecError where two files would have one name.
    """
    found: dict[str, str] = {}
    for file in _files(files, settings, extra):
        name = spec_name(file, settings)
        other = found.setdefault(name, file)
        if other != file:
            raise SpecError(
                f"{other} and {file} would both be the spec '{name}'",
                hint="rename one, since its name is part of target ids",
            )
    return dict(sorted(found.items()))


def spec_name(file: str, settings: Settings) -> str:
    """The path below its specs folder, else from the root, without suffix."""
    stem = os.path.splitext(file)[0]  # noqa: PTH122 - text, not a path on disk
    for folder in sorted(settings.specs, key=len, reverse=True):
        if stem.startswith(f"{folder}/"):
            return stem[len(folder) + 1 :]
    return stem


def skipped_folders(settings: Settings) -> frozenset[str]:
    """Where no source is: what builds write to, from the root."""
    outputs = [profile.output for profile in settings.profiles.values()]
    return frozenset([settings.output, settings.store, *outputs])


def _files(files: Files, settings: Settings, extra: Sequence[str]) -> Iterator[str]:
    skipped = skipped_folders(settings)
    for name in settings.specs:
        yield from _below(files, name, skipped)
    for name in extra:
        path = files.locate(name)
        if (files.root / path).is_dir():
            yield from _below(files, path, skipped)
        elif files.is_file(path):
            yield path
        else:
            hint = nearby(files, path, "give a spec, or a folder that holds specs")
            raise SpecError(f"there is no file '{name}'", hint=hint)


def _below(files: Files, path: str, skipped: Collection[str]) -> Iterator[str]:
    """Every spec in the folder and below; or the path itself, where it is a file."""
    if (files.root / path).is_file():
        yield path
        return
    for inner in files.below(path, skipped):
        if inner.endswith(SUFFIXES) and inner != "imgbuild.yaml":
            yield files.locate(inner)
