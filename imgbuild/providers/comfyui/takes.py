"""What a workflow takes, from what was bound when it was pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.providers.comfyui.binding import TEXT, WHOLE
from imgbuild.providers.comfyui.finding import Places
from imgbuild.providers.comfyui.graph import Graph
from imgbuild.providers.servers import of_server
from imgbuild.types import ROLES, Capabilities, Grade, Model, Value
from imgbuild.weights.source import is_folder

ADDRESS = "http://127.0.0.1:8188"
OWN = (*TEXT, *WHOLE)  # what is bound and is no parameter
LARGEST = 16384  # pixels a side, to ComfyUI

_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
_PLACE = {"type": "string", "minLength": 1}
OF_MODEL: dict[str, Value] = {
    **of_server("ComfyUI", ADDRESS),
    "bind": {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": {**_PLACE, "type": ["string", "array"], "items": _PLACE},
        "description": "for each name the input it goes into, by its node's number or title: {prompt: 6.text}",
    },
    "output": {
        "type": ["string", "integer"],
        "description": "the node whose image is taken, by its number or title",
    },
    "custom_nodes": {
        "type": "boolean",
        "description": "true, to let the workflow use nodes that others than ComfyUI's makers wrote",
    },
}
# What is bound, and where, is said by the pin; the rest changes no pixel.
UNKEYED = frozenset({"key", "timeout", "bind", "output", "custom_nodes"})
_KNOWN: dict[str, Value] = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 10000},
    "strength": {"type": "number", "minimum": 0, "maximum": 1},
}
_LOADS = "bind it to a node of the workflow that loads an image"
_WAYS = {
    **dict.fromkeys(ROLES, _LOADS),
    "negative": "bind it to a text of the workflow",
    "size": "bind 'width' and 'height' to inputs of the workflow",
}


class Found(Struct, frozen=True, kw_only=True):
    """What was found out about a workflow; kept in the lock.

    output: the node whose image is taken. bound: for each name the nodes and inputs it goes into. kinds: of the
    parameters among them, the JSON types. size: what it draws by itself, in pixels; None where it can't be told one.
    blocks: whether sides are multiples of 8, as those of latent images are.
    """

    output: str
    bound: Mapping[str, Sequence[tuple[str, str]]]
    kinds: Mapping[str, str]
    size: tuple[int, int] | None = None
    blocks: bool = False


def found_of(graph: Graph, output: str, bound: Places) -> Found:
    """What the graph tells of what is bound."""
    return Found(
        output=output,
        bound={name: [*places] for name, places in bound.items()},
        kinds={name: _kind(graph, places) for name, places in bound.items() if name not in OWN},
        size=_size(graph, bound),
        blocks=any("Latent" in graph[node].kind for node, _ in bound.get("width", ())),
    )


def _size(graph: Graph, bound: Places) -> tuple[int, int] | None:
    """What the sides are in the file, if they are any."""
    if "width" not in bound:
        return None
    (width, height) = (graph[node].inputs[key] for node, key in (bound["width"][0], bound["height"][0]))
    return (width, height) if min(width, height) > 0 else None


def _kind(graph: Graph, places: Sequence[tuple[str, str]]) -> str:
    """The JSON type of what an input holds; "" where it is neither text, number nor truth value."""
    value = graph[places[0][0]].inputs[places[0][1]]
    names: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}
    return names.get(type(value), "")


def check_model(model: Model) -> None:
    """Raise SpecError where the declaration can't be one of a workflow."""
    hint = "name a file of the project that ComfyUI exported for its API, such as ./flows/portrait.json"
    if not model.source:
        raise SpecError("a model of provider 'comfyui' needs a 'source'", hint=hint)
    if not is_folder(model.source):
        raise SpecError(f"'{model.source}' is no source of provider 'comfyui'", hint=hint)
    if model.revision:
        raise SpecError("a workflow has no 'revision'", hint="leave it out: what the file says is pinned")
    bind = model.params.get("bind")
    for name in bind if isinstance(bind, dict) else ():
        if name in OF_MODEL:
            raise SpecError(
                f"'{name}' says something else of a model, and can't be bound", hint="bind it by another name"
            )


def unpinned() -> Capabilities:
    """What may be asked of a workflow that nobody has looked at."""
    return _capabilities(frozenset({"negative", "seed", *ROLES}), {"*": {}})


def taken(found: Found) -> Capabilities:
    """What the workflow takes."""
    roles = {role: len(found.bound[role]) for role in ROLES if role in found.bound}
    needs = {"strength": "image"} if "image" in roles else {}
    if "mask" in roles and found.bound["mask"] == found.bound.get("image"):
        needs["mask"] = "image"  # they go along in one file
    return _capabilities(
        frozenset({*roles, *({"negative", "seed"} & {*found.bound})}),
        {name: _schema(found, name) for name in found.kinds},
        needs=needs,
        pictures=roles,
        sized="width" in found.bound,
        multiple_of=8 if found.blocks else 1,
        min_side=16 if found.blocks else 1,
        default_size=found.size or (1024, 1024),
    )


def _schema(found: Found, name: str) -> Value:
    node, key = found.bound[name][0]
    kind = found.kinds[name]
    known = _KNOWN.get(name, {}) if kind == "number" else {}
    return {
        **({"type": kind} if kind else {}),
        **known,
        "description": f"'{key}' of node {node} in the workflow",
    }


def _capabilities(takes: frozenset[str], params: Mapping[str, Value], **more: Any) -> Capabilities:
    return Capabilities(
        takes=takes,
        grade=Grade.PERCEPTUAL,
        params={**params, **OF_MODEL},
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        ways=_WAYS,
        max_side=LARGEST,
        concurrency=2,  # one is drawn while the next waits, so that the server never does
        **more,
    )
