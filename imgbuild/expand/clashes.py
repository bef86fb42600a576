"""Output names are unique over the project, also for file systems that fold case, and no file is a folder too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from unicodedata import normalize

from imgbuild.errors import SpecError
from imgbuild.expand.draft import Draft
from imgbuild.types import Target, Where

DraftOf = Callable[[Target], Draft]
Owner = tuple[Target, str]  # with one of its paths


def check_unique(targets: Iterable[Target], draft_of: DraftOf, further: Iterable[Owner] = ()) -> None:
    """Raise SpecError for the first two targets that can't both be published. further: places of winners."""
    owners: dict[str, Owner] = {}
    folders: dict[str, Owner] = {}
    for target, paths in chain(
        ((each, each.paths) for each in targets), ((one, (at,)) for one, at in further)
    ):
        for path in paths:
            name, owner = fold(path), (target, path)
            other = owners.setdefault(name, owner)
            if other is not owner:
                raise _clash(other, owner, draft_of)
            folder = name.rpartition("/")[0]
            while folder and folder not in folders:
                folders[folder] = owner
                folder = folder.rpartition("/")[0]
    for folder, owner in folders.items():
        if folder in owners:
            raise _file_and_folder(owners[folder], owner, draft_of)


def fold(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return name.lower() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())


def _clash(first: Owner, second: Owner, draft_of: DraftOf) -> SpecError:
    (one, path), (other, same) = first, second
    names = f"'{same}'" if path == same else f"'{path}' and '{same}', one file where case is folded"
    ids = f"two files of '{other.id}'" if one is other else f"'{one.id}' and '{other.id}'"
    draft = draft_of(other)
    is_place = same not in other.paths or (one is other and path == same == one.output)  # of a winner
    if path == one.output and same == other.output and not is_place:
        hint = _way_out(one, other, draft)
    elif is_place:
        hint = "give the 'output' of 'pick' another name, or one for each group: by what does not compete"
    elif one is other:
        hint = "set the rendition's 'output' to another path, or add {{ file }} to it"
    else:
        hint = "add {{ stem }} to the rendition's 'output': it is the path of the image, without its suffix"
    where = draft.trial.naming.where if is_place and draft.trial is not None else _where(draft, second)
    return SpecError(f"{ids} would both be {names}", where=where, hint=hint)


def _where(draft: Draft, owner: Owner) -> Where:
    """The place of the name that made this path."""
    target, path = owner
    if path in target.files:
        return draft.files.files[target.files.index(path)].where
    if draft.trial is not None and path != target.output:
        return draft.trial.naming.where
    return draft.naming.where


def _way_out(first: Target, second: Target, draft: Draft) -> str:
    """Names the variable that differs and that the output template doesn't use."""
    used = draft.naming.template.names if draft.naming.template else frozenset[str]()
    differing = _differing(first, second)
    missing = [name for name in differing if name not in used]
    if draft.naming.template is None and {"asset", "spec"}.intersection(differing):
        return "rename one of the assets, or set its 'output'"
    if draft.naming.template is None or not missing:
        return f"their values of {', '.join(differing)} differ too little for file names: change one, or set 'output'"
    hole = draft.matrix.hole(missing[0])
    return f"the output does not use '{missing[0]}': add {{{{ {hole} }}}}"


def _differing(first: Target, second: Target) -> list[str]:
    """The variables of output templates in which the two targets differ."""
    ours, theirs = dict(first.cell), dict(second.cell)
    built_in = {
        "index": first.index != second.index,
        "model": _alias(first) != _alias(second),
        "asset": first.recipe.asset != second.recipe.asset,
        "spec": first.recipe.spec != second.recipe.spec,
    }
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    own = [name for name, differs in built_in.items() if differs]
    return own + names if first.recipe.asset != second.recipe.asset else names + own


def _alias(target: Target) -> str:
    return target.recipe.model.alias if target.recipe.model else ""


def _file_and_folder(file: Owner, inside: Owner, draft_of: DraftOf) -> SpecError:
    return SpecError(
        f"'{file[1]}' of '{file[0].id}' would be a file, and a folder for '{inside[0].id}'",
        where=_where(draft_of(inside[0]), inside),
        hint="rename one of the two",
    )
