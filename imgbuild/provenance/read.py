"""What any image says of itself: ours, and those of AUTOMATIC1111's web UI, ComfyUI, InvokeAI, NovelAI and Fooocus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from imgbuild.images import XMP_TAG, open_header
from imgbuild.provenance.comfyui import read_comfyui
from imgbuild.provenance.exif import texts_of
from imgbuild.provenance.fooocus import read_fooocus
from imgbuild.provenance.infotext import read_infotext
from imgbuild.provenance.invokeai import read_invokeai
from imgbuild.provenance.novelai import read_novelai
from imgbuild.provenance.segments import read_segments
from imgbuild.provenance.strangers import plain
from imgbuild.provenance.xmp import read_xmp
from imgbuild.types import Value

LONGEST = 1 << 22  # characters of a text that is read
_TOOLS = {
    "ComfyUI": read_comfyui,
    "InvokeAI": read_invokeai,
    "NovelAI": read_novelai,
    "Fooocus": read_fooocus,
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
    tool = said.get("tool", texts.get("Software", ""))
    if said.get("generation"):
        return {"tool": said.get("tool", ""), "generation": plain(said["generation"])}
    for name, read_tool in _TOOLS.items():
        if generation := read_tool(texts):
            return {"tool": name, "generation": plain(generation)}
    for name in ("parameters", "UserComment", "ImageDescription"):
        generation = read_infotext(texts.get(name, ""))
        if "seed" in generation or "width" in generation:
            writer = str(generation["params"].get("Version", ""))
            tool = "Fooocus" if writer.startswith("Fooocus") else "AUTOMATIC1111"
            return {"tool": tool, "generation": plain(generation)}
    return {"tool": tool, "generation": said["asked"]} if said.get("asked") else {"tool": tool}
