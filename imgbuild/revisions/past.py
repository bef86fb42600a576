"""The locks as they were committed at a revision of git. Reads only, and the working tree plays no part in it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from imgbuild.errors import UsageError
from imgbuild.git import ask_git
from imgbuild.lock.book import lock_path
from imgbuild.lock.text import read_lock
from imgbuild.settings import Settings
from imgbuild.spec.declared import Spec
from imgbuild.spec.find import spec_name
from imgbuild.types import Line

_BEGINS = b'{"version": 1,'


class Past(Struct, frozen=True, kw_only=True):
    """What was locked. revision: as it was asked for. commit: its whole name. lines: by whole target id.

    faults: a sentence for each line that could not be read.
    """

    revision: str
    commit: str
    lines: Mapping[str, Line]
    faults: Sequence[str] = ()


def past_of(settings: Settings, specs: Sequence[Spec], revision: str) -> Past:
    """The lines at a revision; none of a lock that was not there. specs: of now; those of then are found beside them.

    Raises UsageError where there is no such revision, or git can't tell; SpecError for a lock of a newer imgbuild.
    """
    if settings.profile is not None and not settings.profile.lock:
        raise UsageError(
            f"profile '{settings.profile_name}' has its locks in the store, and git knows none of them",
            hint="give the profile `lock: true`, build, and commit what that writes",
        )
    commit = _commit(settings.root, revision)
    there = _files(settings.root, commit)
    names = _names(settings, specs, there)
    lines: dict[str, Line] = {}
    faults: list[str] = []
    for path, data in _contents(settings.root, {path: there[path] for path in names}):
        if names[path][1] or data.startswith(_BEGINS):
            read = read_lock(data, f"{revision}:{path}")
            lines.update((f"{names[path][0]}/{id}", line) for id, line in read.lock.targets.items())
            faults += read.faults
    return Past(revision=revision, commit=commit, lines=lines, faults=faults)


def _commit(root: Path, revision: str) -> str:
    """The whole name of the commit that a revision means."""
    here = ask_git(root, "rev-parse", "--is-shallow-repository")
    if here.code:
        raise UsageError(
            f"there is no history to compare with: {here.why}",
            hint="commit specs and locks to a git repository",
        )
    found = ask_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.code:
        hint = "name a commit, a branch or a tag; `git log --oneline` lists commits"
        if here.out.strip() == b"true":
            hint = "this clone has only the newest commits: `git fetch --unshallow` brings the others"
        raise UsageError(f"git knows no revision '{revision}'", hint=hint)
    return found.out.decode().strip()


def _files(root: Path, commit: str) -> dict[str, str]:
    """The locks below the project's root, any program's: their paths from there, and git's names for their bytes."""
    told = ask_git(root, "ls-tree", "-r", "-z", commit)
    if told.code:
        raise _unreadable(commit, told.why)
    found = {}
    for entry in told.out.split(b"\0")[:-1]:
        about, _, path = entry.partition(b"\t")
        mode, _, blob = about.decode().split(" ")
        if mode.startswith("100") and path.endswith(b".lock"):
            found[os.fsdecode(path)] = blob
    return found


def _names(settings: Settings, specs: Sequence[Spec], paths: Collection[str]) -> dict[str, tuple[str, bool]]:
    """Those that may be ours: the name of the spec that each was beside, and whether that one is there now, too."""
    known = {lock_path(settings, spec.file): (spec.name, True) for spec in specs}
    ending = f".{settings.profile_name}.lock" if settings.profile is not None else ".lock"
    others = [f".{name}.lock" for name in settings.profiles] if settings.profile is None else []
    found = {}
    for path in paths:
        if path in known:
            found[path] = known[path]
        elif (
            path.endswith(ending)
            and _is_below(path, settings.specs)
            and not _is_profiled(path, others, paths)
        ):
            found[path] = spec_name(f"{path.removesuffix(ending)}.yaml", settings), False
    return found


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(folder == "." or path.startswith(f"{folder}/") for folder in folders)


def _is_profiled(path: str, endings: Sequence[str], paths: Collection[str]) -> bool:
    """Whether it is a profile's lock, beside the one of the default build."""
    return any(path.endswith(ending) and f"{path.removesuffix(ending)}.lock" in paths for ending in endings)


def _contents(root: Path, blobs: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Each path with its bytes, by one call of git."""
    if not blobs:
        return
    told = ask_git(
        root, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs.values()).encode()
    )
    at = 0
    for path, blob in blobs.items():
        end = told.out.find(b"\n", at)
        head = told.out[at:end].decode().split(" ")
        if told.code or end < 0 or head[:2] != [blob, "blob"]:
            raise _unreadable(path, told.why or "this clone does not have its bytes")
        at = end + 1 + int(head[2])
        yield path, told.out[end + 1 : at]
        at += 1


def _unreadable(what: str, why: str) -> UsageError:
    return UsageError(f"git can't read {what}: {why}", hint="`git fsck` looks the repository over")
