"""`imgbuild clean`: remove published images, as long as they are still what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.commands.asking import agreed
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit
from imgbuild.project import Project
from imgbuild.report.text import plural
from imgbuild.store.records import Output
from imgbuild.store.store import Store


class Sorted(Struct, frozen=True, kw_only=True):
    """Published paths: still as published, edited since, not there any more; and ours that would not go."""

    ours: tuple[str, ...]
    edited: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()


def run_clean(
    session: Session, paths: Sequence[str], select: Sequence[str], *, dry_run: bool, yes: bool
) -> int:
    """Remove the chosen targets' images. Raises SpecError, UsageError where nobody can be asked."""
    project = session.project(paths)
    if dry_run:
        with session.reading(project) as store:
            outputs = _chosen(session, project, store, paths, select)
        return _tell(session, project, _sort(project, outputs), "would remove")
    with session.held(project) as store:
        outputs = _chosen(session, project, store, paths, select)
        found = _sort(project, outputs)
        if found.ours and not yes and not _agreed(session, project, len(found.ours)):
            session.say("nothing was removed")
            return Exit.DONE
        found = _remove(project, store, outputs, found)
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
    images = plural(count, "image")
    return agreed(
        session,
        f"remove {images} from {project.settings.output}/?",
        would=f"{images} would be removed",
        hint="say so with --yes, or look first with --dry-run",
    )


def _remove(project: Project, store: Store, published: Mapping[str, Output], found: Sorted) -> Sorted:
    """Bytes that only the output folder holds go into the store first: no image is lost by cleaning."""
    outputs = project.outputs
    for path in found.ours:
        if not store.blobs.has(published[path].digest):
            store.blobs.add_file(outputs.folder / path)
    removed = set(outputs.remove(found.ours))
    store.records.drop_outputs(project.settings.profile_name, [*removed, *found.absent])
    return replace(
        found,
        ours=tuple(path for path in found.ours if path in removed),
        stuck=tuple(path for path in found.ours if path not in removed),
    )


def _tell(session: Session, project: Project, found: Sorted, event: str) -> int:
    done = event == "removed"
    if session.json:
        for name, paths in ((event, found.ours), ("kept", found.edited), ("stuck", found.stuck)):
            for path in paths:
                session.give({"event": name, "output": path})
        return Exit.TARGET_FAILED if found.stuck else Exit.DONE
    folder = project.settings.output
    for path in found.ours if not done or session.verbose else ():
        session.say(f"{event} {folder}/{path}")
    for path in found.edited:
        session.say(f"kept {folder}/{path}: it was edited since it was published")
    for path in found.stuck:
        session.say(f"kept {folder}/{path}: it can't be removed, see to its folder")
    if not session.quiet:
        back = "; `imgbuild build` puts them back" if done and found.ours else ""
        session.say(f"{event} {plural(len(found.ours), 'image')} from {folder}/{back}")
    return Exit.TARGET_FAILED if found.stuck else Exit.DONE
