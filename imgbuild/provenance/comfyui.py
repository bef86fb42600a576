"""What ComfyUI writes: the graph that was run (`prompt`), and that of its editor (`workflow`); both are JSON.

PNG has them as texts of these names. In WebP, its nodes write `prompt:{…}` as the camera's model, `workflow:{…}` as its
make; others use the description or the comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from imgbuild.provenance.strangers import generation_of, parse_object
from imgbuild.types import Value
from imgbuild.workflows import Nodes, texts_at, upstream

_NAMES = {
    "prompt": "prompt",
    "negative": "negative",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "steps": "steps",
    "guidance": "cfg",
    "scheduler": "sampler_name",
    "sigmas": "scheduler",
    "strength": "denoise",
    "source": "source",
}
_WIDGETS = {  # the order of values in the editor's graph; "" is what happens to a seed after a run
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSDXL": ("", "", "", "", "", "", "text_g", "text_l"),
    "EmptyLatentImage": ("width", "height"),
    "EmptySD3LatentImage": ("width", "height"),
    "FluxGuidance": ("guidance",),
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "KSamplerSelect": ("sampler_name",),
    "RandomNoise": ("noise_seed",),
    "UNETLoader": ("unet_name",),
}
_PLACES = ("prompt", "workflow", "UserComment", "Model", "Make", "ImageDescription")
_IDLE = (2, 4)  # modes of nodes that are muted or passed by


def read_comfyui(texts: Mapping[str, str]) -> dict[str, Value]:
    """What the first sampler of a graph was asked for; empty where there is none. The graph that was run goes first."""
    given = [re.sub("^(prompt|workflow):", "", texts.get(name, ""), flags=re.I) for name in _PLACES]
    graphs = [graph for text in given if (graph := parse_object(text))]
    for nodes in (*map(_run, graphs), *map(_drawn, graphs)):
        if (asked := _asked(nodes)) and (made := generation_of(asked, _NAMES)):
            return made
    return {}


def _run(graph: Mapping[str, Any]) -> Nodes:
    """The nodes of a graph as it was run."""
    inputs = {name: node.get("inputs") for name, node in graph.items() if isinstance(node, dict)}
    return {name: given for name, given in inputs.items() if isinstance(given, dict)}


def _drawn(graph: Mapping[str, Any]) -> Nodes:
    """The nodes of an editor's graph, as far as their classes are known; of idle ones, only what they are linked to."""
    found = map(_link, _list(graph.get("links")))
    links = {str(link[0]): [str(link[1]), link[2] or 0] for link in found if len(link) > 2}
    nodes: dict[str, dict[str, Any]] = {}
    for node in _list(graph.get("nodes")):
        if not isinstance(node, dict):
            continue
        names = () if node.get("mode") in _IDLE else _WIDGETS.get(str(node.get("type")), ())
        values = _list(node.get("widgets_values"))
        inputs = {name: value for name, value in zip(names, values, strict=False) if name}
        for item in _list(node.get("inputs")):
            if isinstance(item, dict) and str(item.get("link")) in links:
                inputs[str(item.get("name"))] = links[str(item["link"])]
        nodes[str(node.get("id"))] = inputs
    return nodes


def _link(link: Any) -> list[Any]:
    """A link's name, the node it comes from, and by which output, in either of the editor's forms."""
    names = ("id", "origin_id", "origin_slot")
    return [link.get(name) for name in names] if isinstance(link, dict) else _list(link)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _asked(nodes: Nodes) -> dict[str, Any]:
    """What a sampler was asked for, in its own words, with the texts, the model and the size that lead to it."""
    inputs = next((given for given in nodes.values() if {"steps", "positive"} <= given.keys()), None)
    if inputs is None:
        inputs = _put_together(nodes)
    asked = {**inputs, "prompt": _text(nodes, inputs.get("positive"))}
    asked["negative"] = _text(nodes, inputs.get("negative"))
    asked["seed"] = inputs.get("seed", inputs.get("noise_seed"))
    for given in (*_upstream(nodes, [inputs.get("latent_image")]), *_upstream(nodes, inputs.values())):
        if isinstance(source := given.get("ckpt_name", given.get("unet_name")), str):
            asked.setdefault("source", source)
        if isinstance(given.get("width"), int) and isinstance(given.get("height"), int):
            asked.setdefault("width", given["width"])
            asked.setdefault("height", given["height"])
    return asked


def _put_together(nodes: Nodes) -> dict[str, Any]:
    """The inputs of a sampler whose noise, guidance and steps are nodes of their own: the nearest of each name."""
    sampler = next((given for given in nodes.values() if {"guider", "sigmas"} <= given.keys()), {})
    inputs = dict(sampler)
    for given in _upstream(nodes, sampler.values()):
        for name, value in given.items():
            inputs.setdefault(name, value)
    return {"positive": inputs.get("conditioning"), "cfg": inputs.get("guidance"), **inputs}


def _upstream(nodes: Nodes, values: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (nodes[name] for name in upstream(nodes, values))


def _text(nodes: Nodes, link: Any) -> str:
    """The text at the end of a link. Some samplers take it without one."""
    if isinstance(link, str):
        return link
    return next((nodes[name][key] for name, key in texts_at(nodes, link)), "")
