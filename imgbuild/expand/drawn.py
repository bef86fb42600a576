"""Which existing pictures models had a part in: those that take in what is drawn, however far upstream."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from imgbuild.expand.draft import Draft

Name = tuple[str, str]  # of a spec, and of an asset in it


def note_drawn(drafts: Mapping[Name, Draft]) -> dict[Name, Draft]:
    """The drafts, with `takes_drawn` in the recipes of all whose layers show what a model made.

    Each edge is looked at once. An asset that a model draws need not be noted for what goes into that.
    """
    drawn = [name for name, draft in drafts.items() if draft.wording is not None]
    into: dict[Name, list[Name]] = {}
    for name, draft in drafts.items():
        for upstream in draft.layers:
            into.setdefault(upstream, []).append(name)
    noted: set[Name] = set()
    while drawn:
        for name in into.get(drawn.pop(), ()):
            if name not in noted:
                noted.add(name)
                drawn.append(name)
    return {name: _noted(draft) if name in noted else draft for name, draft in drafts.items()}


def _noted(draft: Draft) -> Draft:
    return replace(draft, recipes=tuple(replace(recipe, takes_drawn=True) for recipe in draft.recipes))
