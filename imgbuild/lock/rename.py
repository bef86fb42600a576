"""Renaming copies: ids that appear take over the lines of ids that vanished with the same intent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imgbuild.types import Digest, Line


def carry_over(old: Mapping[str, Line], wanted: Mapping[str, Digest]) -> dict[str, str]:
    """For each new id the old one whose line it takes over; an old line goes to one new id at most.

    old: the locked lines; wanted: the intents of all targets there are now. Among equal intents, ids that end
    in the same `#index` are paired first, in sorted order, then whatever is left, in sorted order.
    """
    vanished = _by_intent((line.intent, id) for id, line in old.items() if id not in wanted)
    appeared = _by_intent((intent, id) for id, intent in wanted.items() if id not in old)
    pairs: dict[str, str] = {}
    for intent, new in appeared.items():
        if intent in vanished:
            pairs.update(_pair(new, vanished[intent]))
    return pairs


def _by_intent(ids: Iterable[tuple[Digest, str]]) -> dict[Digest, list[str]]:
    """Ids by intent, sorted. What a line without one is to be nobody knows: there is nothing to take over."""
    groups: dict[Digest, list[str]] = {}
    for intent, id in ids:
        if intent:
            groups.setdefault(intent, []).append(id)
    for group in groups.values():
        group.sort()
    return groups


def _pair(new: list[str], old: list[str]) -> dict[str, str]:
    """New → old; both sorted."""
    by_index: dict[str, list[str]] = {}
    for id in reversed(old):
        by_index.setdefault(_index(id), []).append(id)
    pairs = {id: by_index[_index(id)].pop() for id in new if by_index.get(_index(id))}
    taken = set(pairs.values())
    left = [id for id in new if id not in pairs]
    pairs.update(zip(left, [id for id in old if id not in taken], strict=False))
    return pairs


def _index(id: str) -> str:
    return id.rpartition("#")[2]
