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


def is_link(value: Any, nodes: Nodes) -> TypeGuard[list[Any]]:
    """Whether a value is a link to one of the nodes."""
    return isinstance(value, list) and len(value) == 2 and str(value[0]) in nodes


def upstream(nodes: Nodes, values: Iterable[Any]) -> Iterator[str]:
    """The nodes that values come from, nearest first, each once: a graph may be a circle.

    Of a node that both a positive and a negative pass through, only the side is followed that it was asked for.
    """
    found: set[str] = set()
    seen: set[tuple[str, int]] = set()
    waiting = deque(value for value in values if is_link(value, nodes))
    while waiting:
        name, output = str((link := waiting.popleft())[0]), _number(link[1])
        if (name, output) in seen:
            continue
        seen.add((name, output))
        waiting.extend(value for value in _passed(nodes[name], output) if is_link(value, nodes))
        if name not in found:
            found.add(name)
            yield name


def _passed(inputs: Mapping[str, Any], output: int) -> list[Any]:
    """The inputs that an output comes from."""
    if 0 <= output < len(_SIDES) and all(side in inputs for side in _SIDES):
        return [inputs[_SIDES[output]]]
    return list(inputs.values())


def _number(output: Any) -> int:
    return output if isinstance(output, int) else 0


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
        source = str(value[0])
        place = next(((source, name) for name in others if name in nodes[source]), place)
    return None


def texts_at(nodes: Nodes, link: Any) -> list[Place]:
    """Where the text at the end of a link is written: in the nearest node that takes one. Some take it in parts."""
    for name in upstream(nodes, [link]):
        places = [settle(nodes, (name, key), ("value", "string", *TEXTS), str) for key in TEXTS]
        if found := [place for place in places if place is not None]:
            return list(dict.fromkeys(found))
    return []
