"""Where what a spec says goes in common workflows: found by following links from their samplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from imgbuild.errors import TargetError
from imgbuild.providers.comfyui.graph import Graph, called, nodes_of
from imgbuild.workflows import TEXTS, Place, settle, texts_at, upstream

Places = Mapping[str, Sequence[Place]]  # by the name of what goes in

_SEEDS = ("seed", "noise_seed")
_GIVEN = ("value", "int", "number")  # what nodes that only give a number call it
_NUMBER = (int, float)
# Parameters by the names that other providers have for them → the inputs they go into, the likeliest first.
_CALLED: Mapping[str, tuple[tuple[str, ...], type | tuple[type, ...]]] = {
    "steps": (("steps",), int),
    "guidance": (("guidance", "cfg"), _NUMBER),
    "sampler_name": (("sampler_name",), str),
    "scheduler": (("scheduler",), str),
    "strength": (("denoise",), _NUMBER),
}


def _seed(graph: Graph, found: Places, path: str) -> Sequence[Place]:
    """Every seed that there is: the image then hangs on nothing else. Raises TargetError where none can be set."""
    nodes = nodes_of(graph)
    places = [(name, key) for name, inputs in nodes.items() for key in _SEEDS if key in inputs]
    settled = [settle(nodes, place, (*_SEEDS, *_GIVEN), int) for place in places]
    known = list(dict.fromkeys(place for place in settled if place is not None))
    if places and not known:
        whose = called(graph, places[0][0])
        raise TargetError(
            f"it can't be told where the seed of {path} is written, which {whose} takes from elsewhere",
            hint="say so in the model's params: bind: {seed: …}, with a node and its input",
        )
    return known


def _prompt(graph: Graph, found: Places, path: str) -> Sequence[Place]:
    """Where the text is written that all samplers draw. Raises TargetError where that can't be told."""
    texts = _texts(graph, "positive") or _texts(graph, "conditioning", "cond1", of="Guider")
    if len(texts) == 1:
        return texts[0]
    known = [
        f"{name}.{key}"
        for name, node in graph.items()
        for key in TEXTS
        if isinstance(node.inputs.get(key), str)
    ]
    what = f"which text of {path} is the prompt" if texts else f"where the prompt of {path} goes"
    among = f", with one of {', '.join(known)}" if known else ""
    raise TargetError(
        f"it can't be told {what}", hint=f"say so in the model's params: bind: {{prompt: …}}{among}"
    )


def _negative(graph: Graph, found: Places, path: str) -> Sequence[Place]:
    """Where what must not be drawn is written. Some workflows make it of the prompt, and take none."""
    texts = [places for places in _texts(graph, "negative") if not {*places} & {*found.get("prompt", ())}]
    return texts[0] if len(texts) == 1 else ()


def _texts(graph: Graph, *keys: str, of: str = "") -> list[Sequence[Place]]:
    """The different texts that lead to inputs of these names. of: a word that the node's class has in it."""
    nodes = nodes_of(graph)
    found: list[Sequence[Place]] = []
    for name, node in graph.items():
        key = next((key for key in keys if key in node.inputs), None)
        if key is None or of not in node.kind:
            continue
        places = [(name, key)] if isinstance(node.inputs[key], str) else texts_at(nodes, node.inputs[key])
        if places and places not in found:
            found.append(places)
    return found


def _side(graph: Graph, found: Places, path: str, side: str) -> Sequence[Place]:
    """Where the width, or the height, of the latent image is written that samplers begin with."""
    nodes, pairs = nodes_of(graph), []
    for link in _latents(graph):
        pair = next((pair for name in upstream(nodes, [link]) if (pair := _size(graph, name))), None)
        if pair and pair not in pairs:
            pairs.append(pair)
    return [pairs[0][side]] if len(pairs) == 1 else ()


def _size(graph: Graph, name: str) -> Mapping[str, Place] | None:
    """Where the sides are written that a node makes an image of, if it has both."""
    nodes = nodes_of(graph)
    places = {side: settle(nodes, (name, side), (side, *_GIVEN), int) for side in ("width", "height")}
    found = {side: place for side, place in places.items() if place is not None}
    return found if len(found) == len(places) else None


def _latents(graph: Graph) -> Iterator[Any]:
    """What samplers begin with."""
    return (node.inputs["latent_image"] for node in graph.values() if "latent_image" in node.inputs)


def _image(graph: Graph, found: Places, path: str) -> Sequence[Place]:
    """The one picture that samplers begin with, if there is one."""
    return _loaded(graph, "LoadImage")


def _mask(graph: Graph, found: Places, path: str) -> Sequence[Place]:
    """The one mask on the way there: of a file of its own, or what is not opaque of the picture."""
    if places := _loaded(graph, "LoadImageMask"):
        return places
    sources = [name for name, _ in found.get("image", ()) if graph[name].kind == "LoadImage"]
    values = [value for node in graph.values() for value in node.inputs.values()]
    return found["image"] if len(sources) == 1 and [sources[0], 1] in values else ()


def _loaded(graph: Graph, kind: str) -> Sequence[Place]:
    ways = upstream(nodes_of(graph), _latents(graph))
    names = [
        name for name in ways if graph[name].kind == kind and isinstance(graph[name].inputs.get("image"), str)
    ]
    return [(names[0], "image")] if len(names) == 1 else ()


def _param(graph: Graph, found: Places, path: str, name: str) -> Sequence[Place]:
    """The one input of such a name; where there are several, it has to be said."""
    keys, kind = _CALLED[name]
    if name == "strength" and not found.get("image"):
        return ()
    for key in keys:
        places = [(node, key) for node, given in graph.items() if isinstance(given.inputs.get(key), kind)]
        if places:
            return places if len(places) == 1 else ()
    return ()


_Look = Callable[[Graph, Places, str], Sequence[Place]]


def _by(look: Callable[..., Sequence[Place]], name: str) -> _Look:
    return lambda graph, found, path: look(graph, found, path, name)


LOOKED_FOR: Mapping[str, _Look] = {
    "prompt": _prompt,
    "negative": _negative,
    "seed": _seed,
    "width": _by(_side, "width"),
    "height": _by(_side, "height"),
    "image": _image,
    "mask": _mask,
    **{name: _by(_param, name) for name in _CALLED},
}
