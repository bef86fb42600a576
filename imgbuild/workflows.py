"""ComfyUI's graphs: what an input comes from, along the links between nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

# By name, the inputs of each node: a value, or a link, which is [name of a node, number of an output].
Nodes = Mapping[str, Mapping[str, Any]]
Place = tuple[str, str]  # the name of a node, and of an input

TEXTS = ("text", "text_g", "t5xxl", "prompt", "text_l", "clip_l", "clip_g", "llama")  # the fullest first
_SIDES = ("positive", "negative")  # what goes on by its first output, and by its second


def source_of(value: Any) -> str | None:
    """The node that a value comes from, if it has the form of a link."""
    is_one = isinstance(value, list) and len(value) == 2 and isinstance(value[1], int)
    return value[0] if is_one and isinstance(value[0], str) else None


def is_link(value: Any, nodes: Nodes) -> TypeGuard[list[Any]]:
    """Whether a value is a link to one of the nodes."""
    return source_of(value) in nodes


def upstream(nodes: Nodes, values: Iterable[Any], *, sided: bool = False) -> Iterator[str]:
    """The nodes that values come from, nearest first, each once: a graph may be a circle.

    sided: whether, of nodes that both a positive and a negative pass through, only the side counts that was asked for.
    """
    found: set[str] = set()
    seen: set[tuple[str, int]] = set()
    waiting = deque(value for value in values if is_link(value, nodes))
    while waiting:
        name, output = waiting.popleft()
        if (name, output) in seen:
            continue
        seen.add((name, output))
        given = _passed(nodes[name], output) if sided else nodes[name].values()
        waiting.extend(value for value in given if is_link(value, nodes))
        if name not in found:
            found.add(name)
            yield name


def _passed(inputs: Mapping[str, Any], output: int) -> Iterable[Any]:
    """The inputs that an output comes from: of one side, if there are both."""
    if 0 <= output < len(_SIDES) and all(side in inputs for side in _SIDES):
        return [inputs[_SIDES[output]]]
    return inputs.values()


def settle(nodes: Nodes, place: Place, others: Iterable[str], kind: type | tuple[type, ...]) -> Place | None:
    """Where the value of an input is written: there, or at the end of its links. None where that can't be told.

    others: names that such a value has in nodes that only give it. kind: what it is.
    """
    seen: set[Place] = set()
    while place not in seen:
        seen.add(place)
        value = nodes[place[0]].get(place[1])
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
            return place
        if not is_link(value, nodes):
            return None
        source = value[0]
        place = next(((source, name) for name in others if name in nodes[source]), place)
    return None


def texts_at(nodes: Nodes, link: Any) -> list[Place]:
    """Where the text at the end of a link is written: in the nearest node that takes one. Some take it in parts."""
    for name in upstream(nodes, [link], sided=True):
        places = [settle(nodes, (name, key), ("value", "string", *TEXTS), str) for key in TEXTS]
        if found := [place for place in places if place is not None]:
            return list(dict.fromkeys(found))
    return []
