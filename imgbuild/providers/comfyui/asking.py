"""What a ComfyUI server is asked for: a workflow with everything in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from imgbuild.digest import canonical, digest_of, to_hex
from imgbuild.errors import ProviderFailed
from imgbuild.providers.comfyui.graph import Graph
from imgbuild.providers.comfyui.takes import Found
from imgbuild.providers.pictures import png
from imgbuild.types import ROLES, Digest, Request
from imgbuild.workflows import Place

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

ALWAYS = ("prompt", "seed", "width", "height")  # told each time: what the file has there does not count
Files = Mapping[str, Sequence[str]]  # for each role, the names that the server has for its pictures


def fingerprint(graph: Graph, found: Found) -> Digest:
    """The digest of all in a workflow that can change an image: not titles, nor what takes the place of its values."""
    replaced = {place for name in ALWAYS for place in found.bound.get(name, ())}
    replaced |= {(found.output, "filename_prefix")}
    nodes = {
        name: [node.kind, {key: value for key, value in node.inputs.items() if (name, key) not in replaced}]
        for name, node in graph.items()
    }
    fields = {"nodes": nodes, "bound": found.bound, "output": found.output}
    return digest_of("workflow/1", canonical(fields))


def filled(graph: Graph, found: Found, request: Request, files: Files) -> dict[str, Any]:
    """The nodes as the API takes them. What the request does not say is as the file has it."""
    put: dict[Place, Any] = {}
    for name, value in _values(request).items():
        put |= dict.fromkeys(found.bound.get(name, ()), value)
    for role, names in files.items():
        put |= zip(found.bound[role], names, strict=True)
    return {
        name: {
            "inputs": {key: put.get((name, key), value) for key, value in node.inputs.items()},
            "class_type": node.kind,
            "_meta": {"title": node.title},
        }
        for name, node in graph.items()
    }


def _values(request: Request) -> dict[str, Any]:
    values = {
        "prompt": request.prompt,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        **request.params,
    }
    return {**values, "negative": request.negative} if request.negative else values


def ticket_of(nodes: Mapping[str, Any]) -> str:
    """The name that a prompt goes by at the server: the same for the same nodes, so that another build finds it."""
    said = {name: [node["class_type"], node["inputs"]] for name, node in nodes.items()}
    return str(UUID(hex=to_hex(digest_of("prompt/1", canonical(said)))[:32], version=5))


def saved_as(nodes: Mapping[str, Any], output: str, mark: str) -> dict[str, Any]:
    """The nodes with a mark in the name of the saved file: a server does not save again what it has saved so."""
    node = nodes[output]
    prefix = node["inputs"].get("filename_prefix")
    if not isinstance(prefix, str):
        return dict(nodes)
    inputs = {**node["inputs"], "filename_prefix": f"{prefix}-{mark}"}
    return {**nodes, output: {**node, "inputs": inputs}}


def pictures_of(request: Request, found: Found) -> dict[str, list[bytes]]:
    """For each role the files to upload. A mask that goes into the same input as the picture is what it lacks."""
    given = {role: [*request.inputs[role]] for role in ROLES if request.inputs.get(role)}
    masks = [_mask(mask) for mask in given.pop("mask", [])]
    if masks and found.bound["mask"] == found.bound.get("image"):
        given["image"] = [_without(given["image"][0], masks[0])]
        masks = []
    files = {role: [png(picture) for picture in pictures] for role, pictures in given.items()}
    return {**files, "mask": [png(mask) for mask in masks]} if masks else files


def _mask(mask: PILImage) -> PILImage:
    """A mask as every node reads it that loads one: white, and not opaque, is what is drawn anew."""
    gray = mask.convert("L")
    picture = gray.convert("RGB")
    picture.putalpha(gray.point(lambda level: 255 - level))
    return picture


def _without(picture: PILImage, mask: PILImage) -> PILImage:
    """The picture, as transparent as the mask. Raises ProviderFailed where that would be distorted."""
    (width, height), (wide, high) = picture.size, mask.size
    if abs(width * high - height * wide) > max(wide, high):
        raise ProviderFailed(
            f"the picture for input 'mask' is {wide}x{high}, which is another shape than {width}x{height} of 'image'",
            hint="crop or pad it first, with an asset of its own",
        )
    whole = picture.convert("RGB")
    whole.putalpha(mask.getchannel("A").resize(picture.size))
    return whole


def name_of(data: bytes) -> str:
    """What an uploaded file is called: by what is in it, so that the same is there once."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}.png"
