"""`imgbuild clean`: remove published images, as long as they are still what was published."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click
import msgspec
from msgspec import Struct

from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit, UsageError
from imgbuild.project import Project
from imgbuild.report.text import plural
from imgbuild.store.records import Output
from imgbuild.store.store import Store


class Sorted(Struct, frozen=True, kw_only=True):
    """Published paths: still as published, edited since, and not there any more."""

    ours: tuple[str, ...]
    edited: tuple[str, ...]
    absent: tuple[str, ...]


def run_clean(
    session: Session, paths: Sequence[str], select: Sequence[str], *, dry_run: bool, yes: bool
) -> int:
    """Remove the chosen targets' images. Raises SpecError, UsageError where nobody can be asked."""
    project = session.project(paths)
    if dry_run:
        with session.reading(project) as store:
            return _tell(
                session, project, _sort(project, _chosen(session, project, store, paths, select)), ""
            )
    with session.held(project) as store:
        outputs = _chosen(session, project, store, paths, select)
        found = _sort(project, outputs)
        if found.ours and not yes and not _agreed(session, project, len(found.ours)):
            session.say("nothing was removed")
            return Exit.DONE
        _remove(project, store, outputs, found)
    return _tell(session, project, found, "removed")


def _chosen(
    session: Session, project: Project, store: Store, paths: Sequence[str], select: Sequence[str]
) -> Mapping[str, Output]:
    """What was published for the chosen targets; without a choice also for those that are declared no more."""
    published = store.records.outputs(project.settings.profile_name)
    selection = selection_of(project, session, paths, select)
    if selection.is_all():
        return published
    chosen = {target.id for target in session.choose(session.survey(project, store), store, selection)}
    return {path: output for path, output in published.items() if output.target in chosen}


def _sort(project: Project, published: Mapping[str, Output]) -> Sorted:
    outputs = project.outputs
    ours, edited, absent = [], [], []
    for path, output in sorted(published.items()):
        stamp = outputs.stamp(path)
        if stamp is None:
            absent.append(path)
        elif stamp == output.stamp or outputs.digest(path) == output.digest:
            ours.append(path)
        else:
            edited.append(path)
    return Sorted(ours=tuple(ours), edited=tuple(edited), absent=tuple(absent))


def _agreed(session: Session, project: Project, count: int) -> bool:
    if session.json or not sys.stdin.isatty():
        raise UsageError(
            f"{plural(count, 'image')} would be removed, and there is nobody to ask",
            hint="say so with --yes, or look first with --dry-run",
        )
    return click.confirm(f"remove {plural(count, 'image')} from {project.settings.output}/?", err=True)


def _remove(project: Project, store: Store, published: Mapping[str, Output], found: Sorted) -> None:
    """Bytes that only the output folder holds go into the store first: no image is lost by cleaning."""
    outputs = project.outputs
    for path in found.ours:
        if not store.blobs.has(published[path].digest):
            store.blobs.add_file(outputs.folder / path)
    outputs.remove(found.ours)
    gone = [path for path in (*found.ours, *found.absent) if outputs.stamp(path) is None]
    store.records.drop_outputs(project.settings.profile_name, gone)


def _tell(session: Session, project: Project, found: Sorted, done: str) -> int:
    event = done or "would remove"
    if session.json:
        for name, paths in ((event, found.ours), ("kept", found.edited)):
            for path in paths:
                session.say(msgspec.json.encode({"event": name, "output": path}).decode())
        return Exit.DONE
    folder = project.settings.output
    for path in found.ours if not done or session.verbose else ():
        session.say(f"{event} {folder}/{path}")
    for path in found.edited:
        session.say(f"kept {folder}/{path}: it was edited since it was published")
    if not session.quiet:
        back = "; `imgbuild build` puts them back" if done and found.ours else ""
        session.say(f"{event} {plural(len(found.ours), 'image')} from {folder}/{back}")
    return Exit.DONE
