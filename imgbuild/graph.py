"""Targets → Graph: who needs whom, in what order. Pure and immutable; run state lives beside it, never in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.types import Recipe, Target

Name: TypeAlias = tuple[str, str]  # of an asset: its spec's, and its own
Circles: TypeAlias = Mapping[str, Sequence[str]]  # what is compared → the assets whose images are


class Graph(Struct, frozen=True, kw_only=True, eq=False):
    """All targets of a project in an order in which inputs come first.

    targets: id → target, in that order. needs, needed_by: ids, only for targets that have any.
    groups: (spec, asset) → ids of the assets that a rule judges as a group. Assets whose images a rule compares with
    each other, directly or through others, are one group, by the name of the first; joined: each of them → that name.
    across: for these groups, how they hang together: another way is another comparison.
    """

    targets: Mapping[str, Target]
    needs: Mapping[str, tuple[str, ...]]
    needed_by: Mapping[str, tuple[str, ...]]
    groups: Mapping[Name, tuple[str, ...]]
    joined: Mapping[Name, Name] = {}
    across: Mapping[Name, Circles] = {}

    def group_of(self, target: Target) -> Name:
        """The name of the group that a target is in, if its asset is in one."""
        name = target.recipe.spec, target.recipe.asset
        return self.joined.get(name, name)


def circles_of(recipe: Recipe) -> list[tuple[int, tuple[str, ...]]]:
    """For each rule over a group, its place, and the name of those that it judges together.

    Two rules of an asset that judge its own images are two; those that reach further are one where they are alike.
    """
    own = recipe.spec, recipe.asset
    ruled = [(place, rule.circle(recipe.spec)) for place, rule in enumerate(recipe.rules) if rule.group]
    return [(place, circle or (*own, str(place), "")) for place, circle in ruled]


def build_graph(targets: Sequence[Target]) -> Graph:
    """The graph of all targets. Raises SpecError with the whole cycle where targets need each other."""
    by_id = {target.id: target for target in targets}
    needs = _needs(targets)
    joined, across = _joined(targets)
    groups = _groups(targets, joined)
    order = list(by_id) if not needs else _ordered(by_id, _waits(by_id, needs, groups, joined), joined)
    return Graph(
        targets={name: by_id[name] for name in order},
        needs=needs,
        needed_by=_turned(needs),
        groups=groups,
        joined=joined,
        across=across,
    )


def _needs(targets: Iterable[Target]) -> dict[str, tuple[str, ...]]:
    needs = {}
    for target in targets:
        if target.inputs and any(item.target for item in target.inputs):
            needs[target.id] = tuple(dict.fromkeys(item.target for item in target.inputs if item.target))
    return needs


def _groups(targets: Iterable[Target], joined: Mapping[Name, Name]) -> dict[Name, tuple[str, ...]]:
    members: dict[Name, list[str]] = {}
    for target in targets:
        if any(rule.group for rule in target.recipe.rules):
            name = target.recipe.spec, target.recipe.asset
            members.setdefault(joined.get(name, name), []).append(target.id)
    return {name: tuple(ids) for name, ids in members.items()}


def _joined(targets: Iterable[Target]) -> tuple[dict[Name, Name], dict[Name, Circles]]:
    """The assets of groups that are wider than one → the name of their group; and how these hang together."""
    reach: dict[tuple[str, ...], set[Name]] = {}
    for recipe in {id(target.recipe): target.recipe for target in targets}.values():
        for rule in recipe.rules:
            if rule.group and (circle := rule.circle(recipe.spec)):
                reach.setdefault(circle, set()).add((recipe.spec, recipe.asset))
    joined: dict[Name, Name] = {}
    for assets in reach.values():
        merged = {joined.get(asset, asset) for asset in assets}
        first = min(merged)
        joined |= dict.fromkeys(assets, first)
        joined |= {asset: first for asset, name in joined.items() if name in merged}
    across: dict[Name, dict[str, Sequence[str]]] = {}
    for circle, assets in sorted(reach.items()):
        known = across.setdefault(joined[min(assets)], {})
        known[" ".join(circle)] = ["/".join(asset) for asset in sorted(assets)]
    return joined, dict(across)


def _turned(needs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    turned: dict[str, list[str]] = {}
    for name, inputs in needs.items():
        for needed in inputs:
            turned.setdefault(needed, []).append(name)
    return {name: tuple(users) for name, users in turned.items()}


Node = str | Name  # a target's id, or the name of a group


def _waits(
    by_id: Mapping[str, Target],
    needs: Mapping[str, tuple[str, ...]],
    groups: Mapping[Name, tuple[str, ...]],
    joined: Mapping[Name, Name],
) -> Callable[[Node], Iterator[Node]]:
    """What each node waits for. A target that needs a member of a group waits for the whole group, since any
    member may still be rerolled; the group is a node, so that it is looked through once."""

    def waits(node: Node) -> Iterator[Node]:
        if isinstance(node, tuple):
            yield from groups[node]
            return
        for needed in needs.get(node, ()):
            yield needed
            recipe = by_id[needed].recipe
            group = joined.get((recipe.spec, recipe.asset), (recipe.spec, recipe.asset))
            if group in groups:
                yield group

    return waits


def _ordered(
    by_id: Mapping[str, Target], waits: Callable[[Node], Iterator[Node]], joined: Mapping[Name, Name]
) -> list[str]:
    """Ids with what they wait for first, otherwise in the given order (an iterative depth-first walk)."""
    order: list[str] = []
    placed: dict[Node, bool] = {}  # False: on the path
    for root in by_id:
        if root in placed:
            continue
        path: list[tuple[Node, Iterator[Node]]] = [(root, waits(root))]
        placed[root] = False
        while path:
            node, rest = path[-1]
            step = next((item for item in rest if not placed.get(item)), None)
            if step is None:
                placed[node] = True
                order += [node] if isinstance(node, str) else []
                path.pop()
            elif step in placed:
                raise _cycle([item for item, _ in path], step, by_id, joined)
            else:
                placed[step] = False
                path.append((step, waits(step)))
    return order


def _cycle(
    path: Sequence[Node], again: Node, by_id: Mapping[str, Target], joined: Mapping[Name, Name]
) -> SpecError:
    loop = [*path[path.index(again) :], again]
    shown = [node if isinstance(node, str) else _all_of(node, joined) for node in loop]
    grouped = any(isinstance(node, tuple) for node in loop)
    hint = "an input must not depend on what is made from it; break the circle in 'inputs' or 'process'"
    return SpecError(
        f"targets need each other in a circle: {' → '.join(shown)}",
        where=next(by_id[node].recipe.where for node in loop if isinstance(node, str)),
        hint=f"{hint}, or leave out the rule that compares the whole asset" if grouped else hint,
    )


def _all_of(group: Name, joined: Mapping[Name, Name]) -> str:
    assets = sorted("/".join(asset) for asset, name in joined.items() if name == group)
    return f"all of {' and '.join(assets or ['/'.join(group)])}"


def closure(graph: Graph, ids: Iterable[str]) -> set[str]:
    """The given targets and all that they need, directly or not."""
    found: set[str] = set()
    todo = list(ids)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += graph.needs.get(name, ())
    return found
