"""A build after an edit looks only at the targets that the edit affects, where nothing else can have changed.

The last build left a snapshot: the stamps of all it read and published, and an outline of what the sources declared.
If nothing but specs and tables has changed since, and no id came or went, the targets whose values did not change are
as they were then, and need not even be made. Those that were not as they should be, for a newer edit stopped that build
or something failed, count as changed: the outline does not know what they were made from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod

import msgspec
from msgspec.structs import replace

from imgbuild.expand import Drafts
from imgbuild.expand.draft import Moved
from imgbuild.expand.outline import Outline, affected, outline_of
from imgbuild.files import Files
from imgbuild.project import Project, Remark, load_drafts, project_of
from imgbuild.settings import Settings
from imgbuild.store.snapshot import Snapshot, changed, look_beside
from imgbuild.store.store import Store

SHARE = 8  # where more than one target in so many is affected, looking at all of them costs less

_decode = msgspec.msgpack.Decoder(tuple[bytes, Outline, tuple[Remark, ...]]).decode
_encode = msgspec.msgpack.Encoder().encode


def load_since(
    files: Files, settings: Settings, extra: Sequence[str], seen: Snapshot | None, scope: bytes
) -> Project:
    """The project: only what edits since `seen` affect, where that is enough, as far as the sources tell.

    scope: all that must be the same beside the sources. Raises SpecError, Errors.
    """
    known = _known(seen, str(files.root), scope)
    if seen is None or known is None:
        return project_of(files, settings, *load_drafts(files, settings, extra))
    old, remarks = known
    outputs_stand = look_beside(seen)
    try:
        specs, drafts = load_drafts(files, settings, extra)
        only = _moved(seen, old, drafts)
    finally:  # also where a spec is broken: nobody else waits for those who look
        stand = outputs_stand()
    project = project_of(files, settings, specs, drafts, only if stand else None, seen.total)
    return project if project.is_whole else replace(project, remarks=remarks)


def is_enough(project: Project, store: Store) -> bool:
    """Whether a part is all that has to be looked at, as far as the store tells: nothing of it is gone or had to be
    mended, and every target has been published at the place it has now, so that no name can clash and no id is new.

    A whole project needs no such proof.
    """
    if project.is_whole:
        return True
    targets = project.graph.targets.values()
    owners = {path: target.id for target in targets for path in target.paths}
    known = store.records.outputs(project.settings.profile_name, list(owners))
    return not (store.is_new or store.notes or project.expansion.warnings) and all(
        path in known and known[path].target == id for path, id in owners.items()
    )


def outline(project: Project, scope: bytes, open: Collection[str], remarks: Sequence[Remark]) -> bytes:
    """What a snapshot keeps of the sources, and what there was to say of them, for `load_since`.

    open: the targets that are to be looked at again.
    """
    targets = [project.graph.targets[name] for name in open]
    return _encode((scope, outline_of(project.drafts, targets), remarks))


def _known(seen: Snapshot | None, root: str, scope: bytes) -> tuple[Outline, tuple[Remark, ...]] | None:
    """The outline and the remarks that a snapshot keeps, if it is of this project: a copied folder has another's."""
    if seen is None or seen.root != root:
        return None
    try:
        known, old, remarks = _decode(seen.outline)
    except msgspec.DecodeError:
        return None
    return (old, remarks) if known == scope else None


def _moved(seen: Snapshot, old: Outline, drafts: Drafts) -> Mapping[tuple[str, str], Moved] | None:
    """The assets, and their choices, that changed since; None where the whole project has to be looked at."""
    new = outline_of(drafts)
    if old.texts != new.texts or drafts.context.notices:
        return None
    only = affected(old, new, drafts)
    if only is None or _count(only, drafts) * SHARE > seen.total:
        return None
    return only if old.texts.issuperset(changed(seen)) else None


def _count(only: Mapping[tuple[str, str], Moved], drafts: Drafts) -> int:
    """How many targets are affected, at most."""
    total = 0
    for key, moved in only.items():
        draft = drafts.assets[key]
        axes = [len(axis.choices) for axis in draft.matrix.axes]
        still = [size - len(gone) for size, gone in zip(axes, moved, strict=True)] if moved else [0]
        total += draft.count - prod(still) * draft.lineup.per_cell * draft.seeding.count
    return total
