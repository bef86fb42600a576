"""A workflow as ComfyUI exports it for its API: read, and cut to what one image needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from imgbuild.errors import TargetError, did_you_mean
from imgbuild.types import Value
from imgbuild.workflows import Nodes, source_of

LARGEST = 8 * 1024 * 1024  # bytes of a file
EXPORT = "export it from ComfyUI by Workflow → Export (API)"
_SENT = "SaveImageWebsocket"  # shows its images to who listens, and keeps none


class Node(Struct, frozen=True, kw_only=True):
    """kind: its class. title: as the editor shows it. inputs: by name, values and links to other nodes."""

    kind: str
    title: str
    inputs: Mapping[str, Value]


Graph = Mapping[str, Node]  # by the numbers that nodes have in the file


def read_graph(data: bytes, path: str) -> Graph:
    """The nodes of a file. Raises TargetError where it is no such workflow."""
    try:
        found = json.loads(data, parse_constant=_refuse)
        msgspec.json.encode(found)  # whatever can't be sent, or digested
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise TargetError(f"{path} is no JSON: {why}", hint=EXPORT) from None
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise TargetError(
            f"{path} is a workflow as ComfyUI's editor keeps it, not as its API takes it", hint=EXPORT
        )
    if not isinstance(found, dict) or not found:
        raise TargetError(f"{path} has no nodes", hint=EXPORT)
    graph = {name: _node(name, node, path) for name, node in found.items()}
    _check_links(graph, path)
    return graph


def _refuse(constant: str) -> Value:
    raise ValueError(f"{constant} is no number")


def _node(name: str, node: Value, path: str) -> Node:
    kind = node.get("class_type") if isinstance(node, dict) else None
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if not isinstance(kind, str) or not isinstance(inputs, dict):
        raise TargetError(f"'{name}' of {path} is no node: it has no class and inputs", hint=EXPORT)
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return Node(kind=kind, title=title if isinstance(title, str) and title else kind, inputs=inputs)


def _check_links(graph: Graph, path: str) -> None:
    """Raise TargetError where a node takes something from one that is not there."""
    for name, node in graph.items():
        for key, value in node.inputs.items():
            source = source_of(value)
            if source is not None and source not in graph:
                raise TargetError(
                    f"{called(graph, name)} of {path} takes '{key}' from node {source}, which is not there",
                    hint=EXPORT,
                )


def called(graph: Graph, name: str) -> str:
    """A node as errors name it."""
    return f"node '{graph[name].title}' ({name})"


def nodes_of(graph: Graph) -> Nodes:
    """The inputs of its nodes."""
    return {name: node.inputs for name, node in graph.items()}


def named(graph: Graph, word: str) -> Sequence[str]:
    """The nodes of that number or, where there is none, of that title."""
    return [word] if word in graph else [name for name, node in graph.items() if node.title == word]


def output_of(graph: Graph, asked: str, path: str) -> str:
    """The node whose image is taken. asked: its number or title; "" where it is the only one that saves any."""
    found = named(graph, asked) if asked else _savers(graph)
    if len(found) == 1:
        return found[0]
    if found:
        many = ", ".join(called(graph, name) for name in found)
        what = f"are called '{asked}'" if asked else "save images"
        hint = f"name one by its number: params: {{output: '{found[0]}'}}"
        raise TargetError(f"several nodes of {path} {what}: {many}", hint=hint)
    if not asked:
        hint = "add a Save Image node, and export it again"
        raise TargetError(f"no node of {path} saves an image", hint=hint)
    hint = did_you_mean(asked, {node.title for node in graph.values()}, "nodes")
    raise TargetError(f"{path} has no node '{asked}' to take as 'output'", hint=hint)


def _savers(graph: Graph) -> Sequence[str]:
    """The nodes that images end in; those that only show them count where no other does."""
    sources = {source_of(value) for node in graph.values() for value in node.inputs.values()}
    ends = [
        name
        for name, node in graph.items()
        if name not in sources
        and node.kind != _SENT
        and any(source_of(node.inputs.get(key)) for key in ("images", "image"))
    ]
    return [name for name in ends if not graph[name].kind.startswith("Preview")] or ends


def cut(graph: Graph, output: str) -> Graph:
    """The nodes that lead to the output, in the order of the file."""
    kept, waiting = {output}, [output]
    while waiting:
        for value in graph[waiting.pop()].inputs.values():
            if (source := source_of(value)) is not None and source not in kept:
                kept.add(source)
                waiting.append(source)
    return {name: node for name, node in graph.items() if name in kept}
