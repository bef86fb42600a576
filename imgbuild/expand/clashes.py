"""Output names are unique over the project, also for file systems that fold case, and no file is a folder too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from unicodedata import normalize

from imgbuild.errors import SpecError
from imgbuild.expand.draft import Draft
from imgbuild.types import Target

DraftOf = Callable[[Target], Draft]


def check_unique(targets: Iterable[Target], draft_of: DraftOf) -> None:
    """Raise SpecError for the first two targets that can't both be published."""
    owners: dict[str, Target] = {}
    folders: dict[str, Target] = {}
    for target in targets:
        name = fold(target.output)
        other = owners.setdefault(name, target)
        if other is not target:
            raise _clash(other, target, draft_of)
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders[folder] = target
            folder = folder.rpartition("/")[0]
    for folder, target in folders.items():
        if folder in owners:
            raise _file_and_folder(owners[folder], target, draft_of)


def fold(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return name.lower() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())


def _clash(first: Target, second: Target, draft_of: DraftOf) -> SpecError:
    draft = draft_of(second)
    same = first.output == second.output
    name = (
        f"'{second.output}'"
        if same
        else f"'{first.output}' and '{second.output}', one file where case is folded"
    )
    return SpecError(
        f"'{first.id}' and '{second.id}' would both be {name}",
        where=draft.naming.where,
        hint=_way_out(first, second, draft),
    )


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


def _file_and_folder(file: Target, inside: Target, draft_of: DraftOf) -> SpecError:
    return SpecError(
        f"'{file.output}' of '{file.id}' would be a file, and a folder for '{inside.id}'",
        where=draft_of(inside).naming.where,
        hint="rename one of the two",
    )
