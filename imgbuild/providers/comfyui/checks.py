"""Whether a server can draw a workflow: it has the nodes, they take what is bound, and may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imgbuild.errors import ProviderFailed, TargetError
from imgbuild.providers.comfyui.graph import Graph, Node, called
from imgbuild.providers.comfyui.server import Server
from imgbuild.providers.comfyui.takes import Found
from imgbuild.types import Value


def check_nodes(server: Server, graph: Graph, found: Found, *, custom: bool) -> frozenset[str]:
    """What is bound to inputs of whole numbers, which cut off the rest of others.

    custom: whether the reader lets others' nodes run. Raises ProviderFailed where it can't be drawn; TargetError where
    it must not be, which no fallback mends.
    """
    known: dict[str, Mapping[str, Any] | None] = {}
    for name, node in graph.items():
        if node.kind not in known:
            known[node.kind] = server.node(node.kind)
        info = known[node.kind]
        if info is None:
            raise ProviderFailed(
                f"ComfyUI at {server.address} has no '{node.kind}', which {called(graph, name)} of the workflow is",
                hint="install there what brings it, or update ComfyUI",
            )
        _check_maker(called(graph, name), node, info, custom=custom)
    whole = set()
    for word, places in found.bound.items():
        for name, key in places:
            info = known[graph[name].kind] or {}
            _check_input(word, called(graph, name), key, info)
            if _inputs_of(info).get(key, [""])[0] == "INT":
                whole.add(word)
    return frozenset(whole)


def _check_maker(whose: str, node: Node, info: Mapping[str, Any], *, custom: bool) -> None:
    """Nodes of others can run any program; those that ask image APIs cost what nobody has agreed to."""
    module = str(info.get("python_module", ""))
    if info.get("api_node") or module.startswith("comfy_api_nodes"):
        raise TargetError(
            f"{whose} of the workflow is a '{node.kind}', which asks a paid service",
            hint="leave it out: its costs can't be told",
        )
    if not custom and not _is_own(module):
        raise TargetError(
            f"{whose} of the workflow is a '{node.kind}', which others than ComfyUI's makers wrote ({module or '?'})",
            hint="it can run any program; where you trust it, say so in the model's params: custom_nodes: true",
        )


def _is_own(module: str) -> bool:
    return module == "nodes" or module.startswith("comfy_extras.")


def _check_input(word: str, whose: str, key: str, info: Mapping[str, Any]) -> None:
    """What a node does not know it leaves out, without a word. Nodes of others may know more than they say."""
    known = _inputs_of(info)
    if key not in known and "." not in key and _is_own(str(info.get("python_module", ""))):
        raise ProviderFailed(
            f"'{word}' is bound to '{key}' of {whose}, which has no such input at this server",
            hint="export the workflow again from the ComfyUI that draws it",
        )


def _inputs_of(info: Mapping[str, Any]) -> dict[str, Sequence[Value]]:
    """The inputs of a class, each with its type first."""
    given = info.get("input")
    parts = [given.get(part) for part in ("required", "optional")] if isinstance(given, dict) else []
    found = {name: told for part in parts if isinstance(part, dict) for name, told in part.items()}
    return {name: told if isinstance(told, list) and told else [""] for name, told in found.items()}
