"""Targets → Graph: who needs whom, in what order. Pure and immutable; run state lives beside it, never in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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


def build_graph(targets: Sequence[Target]) -> Graph:
    """The graph of all targets. Raises SpecError with the whole cycle where targets need each other."""
    by_id = {target.id: target for target in targets}
    needs = _needs(targets)
    groups = _groups(targets)
    order = list(by_id) if not needs else _ordered(by_id, needs, groups)
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
            members.setdefault((target.recipe.spec, target.recipe.asset), []).append(target.id)
    return {name: tuple(ids) for name, ids in members.items()}


def _turned(needs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    turned: dict[str, list[str]] = {}
    for name, inputs in needs.items():
        for needed in inputs:
            turned.setdefault(needed, []).append(name)
    return {name: tuple(users) for name, users in turned.items()}


def _ordered(
    by_id: Mapping[str, Target],
    needs: Mapping[str, tuple[str, ...]],
    groups: Mapping[tuple[str, str], tuple[str, ...]],
) -> list[str]:
    """Ids with inputs first, otherwise in the given order (an iterative depth-first walk).

    A target that needs a member of a group waits for the whole group, since any member may still be rerolled.
    """
    waits = _with_groups(by_id, needs, groups)
    order: list[str] = []
    state: dict[str, int] = {}  # 1: on the path; 2: placed
    for root in by_id:
        if root in state:
            continue
        path = [(root, iter(waits(root)))]
        state[root] = 1
        while path:
            name, rest = path[-1]
            step = next((item for item in rest if state.get(item) != 2), None)
            if step is None:
                state[name] = 2
                order.append(name)
                path.pop()
            elif state.get(step) == 1:
                raise _cycle([item for item, _ in path], step, by_id)
            else:
                state[step] = 1
                path.append((step, iter(waits(step))))
    return order


class _with_groups:
    """What a target waits for: its inputs, and the other members of an input's group."""

    def __init__(
        self,
        by_id: Mapping[str, Target],
        needs: Mapping[str, tuple[str, ...]],
        groups: Mapping[tuple[str, str], tuple[str, ...]],
    ) -> None:
        self.by_id, self.needs, self.groups = by_id, needs, groups

    def __call__(self, name: str) -> list[str]:
        waits: list[str] = []
        for needed in self.needs.get(name, ()):
            recipe = self.by_id[needed].recipe
            waits += [needed, *self.groups.get((recipe.spec, recipe.asset), ())]
        return waits


def _cycle(path: Sequence[str], again: str, by_id: Mapping[str, Target]) -> SpecError:
    loop = [*path[path.index(again) :], again] if again in path else [*path, again]
    return SpecError(
        f"targets need each other in a circle: {' → '.join(loop)}",
        where=by_id[again].recipe.where,
        hint="an input must not depend on what is made from it; break the circle in 'inputs'",
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
