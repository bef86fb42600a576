"""Which existing pictures models had a part in: those that take in what is drawn, however far upstream."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from imgbuild.expand.draft import Draft

Name = tuple[str, str]  # of a spec, and of an asset in it


def note_drawn(drafts: Mapping[Name, Draft]) -> dict[Name, Draft]:
    """The drafts, with `takes_drawn` in the recipes and renditions that take in what a model made, or had a part in.

    Each edge is looked at once. An asset that a model draws need not be noted for what goes into that.
    """
    drawn = {name for name, draft in drafts.items() if draft.wording is not None}
    into: dict[Name, list[Name]] = {}
    for name, draft in drafts.items():
        for upstream in draft.mixed:
            into.setdefault(upstream, []).append(name)
    noted: set[Name] = set()
    todo = list(drawn)
    while todo:
        for name in into.get(todo.pop(), ()):
            if name not in noted:
                noted.add(name)
                todo.append(name)
    drawn |= noted
    return {name: _noted(draft, drawn, takes_drawn=name in noted) for name, draft in drafts.items()}


def _noted(draft: Draft, drawn: AbstractSet[Name], *, takes_drawn: bool) -> Draft:
    renditions = tuple(
        replace(file.rendered, takes_drawn=any(layer.upstream in drawn for layer in file.layers))
        if file.layers
        else file.rendered
        for file in draft.files.files
    )
    if not takes_drawn and not any(item.takes_drawn for item in renditions):
        return draft
    recipes = (replace(recipe, takes_drawn=takes_drawn, renditions=renditions) for recipe in draft.recipes)
    return replace(draft, recipes=tuple(recipes))
