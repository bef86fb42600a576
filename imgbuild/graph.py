"""Targets → Graph: who needs whom, in what order. Pure and immutable; run state lives beside it, never in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.types import Target


class Graph(Struct, frozen=True, kw_only=True, eq=False):
    """All targets of a project in an order in which inputs come first.

    targets: id → target, in that order. needs, needed_by: ids, only for targets that have any.
    groups: (spec, asset) → ids of the assets that a rule judges as a group.
    """

    targets: Mapping[str, Target]
    needs: Mapping[str, tuple[str, ...]]
    needed_by: Mapping[str, tuple[str, ...]]
    groups: Mapping[tuple[str, str], tuple[str, ...]]


def group_of(target: Target) -> tuple[str, str]:
    """The name of the group that a target is in, if its asset is one."""
    return target.recipe.spec, target.recipe.asset


def build_graph(targets: Sequence[Target]) -> Graph:
    """The graph of all targets. Raises SpecError with the whole cycle where targets need each other."""
    by_id = {target.id: target for target in targets}
    needs = _needs(targets)
    groups = _groups(targets)
    order = list(by_id) if not needs else _ordered(by_id, _waits(by_id, needs, groups))
    return Graph(
        targets={name: by_id[name] for name in order},
        needs=needs,
        needed_by=_turned(needs),
        groups=groups,
    )


def _needs(targets: Iterable[Target]) -> dict[str, tuple[str, ...]]:
    needs = {}
    for target in targets:
        if target.inputs and any(item.target for item in target.inputs):
            needs[target.id] = tuple(dict.fromkeys(item.target for item in target.inputs if item.target))
    return needs


def _groups(targets: Iterable[Target]) -> dict[tuple[str, str], tuple[str, ...]]:
    members: dict[tuple[str, str], list[str]] = {}
    for target in targets:
        if any(rule.group for rule in target.recipe.rules):
            members.setdefault(group_of(target), []).append(target.id)
    return {name: tuple(ids) for name, ids in members.items()}


def _turned(needs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    turned: dict[str, list[str]] = {}
    for name, inputs in needs.items():
        for needed in inputs:
            turned.setdefault(needed, []).append(name)
    return {name: tuple(users) for name, users in turned.items()}


Node = str | tuple[str, str]  # a target's id, or the name of a group


def _waits(
    by_id: Mapping[str, Target],
    needs: Mapping[str, tuple[str, ...]],
    groups: Mapping[tuple[str, str], tuple[str, ...]],
) -> Callable[[Node], Iterator[Node]]:
    """What each node waits for. A target that needs a member of a group waits for the whole group, since any
    member may still be rerolled; the group is a node, so that it is looked through once."""

    def waits(node: Node) -> Iterator[Node]:
        if isinstance(node, tuple):
            yield from groups[node]
            return
        for needed in needs.get(node, ()):
            yield needed
            group = group_of(by_id[needed])
            if group in groups:
                yield group

    return waits


def _ordered(by_id: Mapping[str, Target], waits: Callable[[Node], Iterator[Node]]) -> list[str]:
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
                raise _cycle([item for item, _ in path], step, by_id)
            else:
                placed[step] = False
                path.append((step, waits(step)))
    return order


def _cycle(path: Sequence[Node], again: Node, by_id: Mapping[str, Target]) -> SpecError:
    loop = [*path[path.index(again) :], again]
    shown = [node if isinstance(node, str) else f"all of {'/'.join(node)}" for node in loop]
    grouped = any(isinstance(node, tuple) for node in loop)
    hint = "an input must not depend on what is made from it; break the circle in 'inputs'"
    return SpecError(
        f"targets need each other in a circle: {' → '.join(shown)}",
        where=next(by_id[node].recipe.where for node in loop if isinstance(node, str)),
        hint=f"{hint}, or leave out the rule that compares the whole asset" if grouped else hint,
    )


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
