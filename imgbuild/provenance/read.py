"""What any image says of itself: ours, and those of AUTOMATIC1111's web UI and of ComfyUI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from imgbuild.images import XMP_TAG, open_header
from imgbuild.provenance.exif import texts_of
from imgbuild.provenance.infotext import read_infotext
from imgbuild.provenance.segments import read_segments
from imgbuild.provenance.xmp import read_xmp
from imgbuild.types import Value

LONGEST = 1 << 22  # characters of a text that is read
_SAMPLING = {  # inputs of ComfyUI's samplers, in our terms
    "steps": "steps",
    "cfg": "guidance",
    "sampler_name": "scheduler",
    "scheduler": "sigmas",
    "denoise": "strength",
}


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an image says. tool: that wrote it, as far as that is told. width, height: pixels of the file.

    generation: prompt, negative, width, height, seed, params and model, as far as they are known.
    source: IPTC's digital source type.
    """

    width: int
    height: int
    format: str
    tool: str = ""
    source: str = ""
    license: str = ""
    credit: str = ""
    creator: str = ""
    copyright: str = ""
    generation: dict[str, Value] = {}


def read(data: bytes, name: str = "image") -> Found:
    """What the file says. Raises BadImage for what is no image, with `name` in it."""
    picture = open_header(data, name)
    texts = _texts(picture)
    segments = [data for _, data in getattr(picture, "applist", ())]  # of a JPEG
    said = read_xmp(_packet(picture), read_segments(segments))
    whole: dict[str, Any] = {
        "width": picture.width,
        "height": picture.height,
        "format": (picture.format or "").lower(),
    }
    fields = {
        name: said[name] for name in ("source", "license", "credit", "creator", "copyright") if name in said
    }
    return Found(**whole, **fields, **_made(texts, said))


def _texts(picture: Any) -> dict[str, str]:
    """All texts of a file, by the names of PNG's chunks and of EXIF's tags."""
    try:
        found = texts_of(picture.getexif())
    except Exception:  # EXIF readers raise anything on hostile bytes
        found = {}
    found |= {str(key): text for key, text in picture.info.items() if isinstance(text, str)}
    return {name: text for name, text in found.items() if len(text) <= LONGEST}


def _packet(picture: Any) -> bytes:
    found = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    if picture.format == "TIFF":
        found = picture.tag_v2.get(XMP_TAG, found)
    return found.encode() if isinstance(found, str) else bytes(found) if isinstance(found, bytes) else b""


def _made(texts: Mapping[str, str], said: Mapping[str, Value]) -> dict[str, Value]:
    """Tool and generation; what is exact goes before what was written for others."""
    if said.get("generation"):
        return {"tool": said.get("tool", ""), "generation": said["generation"]}
    for text in (texts.get("prompt", ""), texts.get("UserComment", "").removeprefix("Prompt:")):
        if generation := _workflow(text):
            return {"tool": "ComfyUI", "generation": generation}
    for name in ("parameters", "UserComment", "ImageDescription"):
        generation = read_infotext(texts.get(name, ""))
        if "seed" in generation or "width" in generation:
            return {"tool": "AUTOMATIC1111", "generation": generation}
    tool = said.get("tool", texts.get("Software", ""))
    return {"tool": tool, "generation": said["asked"]} if said.get("asked") else {"tool": tool}


def _workflow(text: str) -> dict[str, Value]:
    """The generation of a ComfyUI workflow in its API's format: what its first sampler was asked for."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    nodes = {key: node for key, node in found.items() if _is_node(node)} if isinstance(found, dict) else {}
    sampler = next((node for node in nodes.values() if {"steps", "positive"} <= node["inputs"].keys()), None)
    if sampler is None:
        return {}
    inputs = sampler["inputs"]
    generation: dict[str, Value] = {
        "prompt": _text(nodes, inputs["positive"]),
        "negative": _text(nodes, inputs.get("negative")),
        "params": {ours: inputs[key] for key, ours in _SAMPLING.items() if _is_plain(inputs.get(key))},
    }
    seed = inputs.get("seed", inputs.get("noise_seed"))
    if isinstance(seed, int):
        generation["seed"] = seed
    for node in _upstream(nodes, inputs):
        given = node["inputs"]
        if isinstance(source := given.get("ckpt_name", given.get("unet_name")), str):
            generation.setdefault("model", {"source": source})
        if isinstance(given.get("width"), int) and isinstance(given.get("height"), int):
            generation.setdefault("width", given["width"])
            generation.setdefault("height", given["height"])
    return generation


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("inputs"), dict)


def _upstream(nodes: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes that these inputs come from, nearest first, each once: a graph may be a circle."""
    seen: set[str] = set()
    waiting = [inputs]
    while waiting:
        for value in waiting.pop(0).values():
            key = str(value[0]) if isinstance(value, list) and value else ""
            if key in nodes and key not in seen:
                seen.add(key)
                waiting.append(nodes[key]["inputs"])
                yield nodes[key]


def _text(nodes: Mapping[str, Any], link: Any) -> str:
    """The text at the end of a link: of the nearest node that has one."""
    for node in _upstream(nodes, {"link": link}):
        for key in ("text", "text_g", "prompt"):
            if isinstance(found := node["inputs"].get(key), str):
                return found
    return ""
