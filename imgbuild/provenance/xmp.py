"""XMP packets: IPTC's digital source type, credit and rights, what the prompt was and which model drew, and the whole
generation in a field of our own.

Names are those of the IPTC Photo Metadata Standard 2025.1 and of Adobe's XMP specification. Who wrote a prompt
(AIPromptWriterName) is not known, and so not written: it need not be the creator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from imgbuild.provenance.infotext import NEGATIVE, read_prompts
from imgbuild.provenance.strangers import parse_object
from imgbuild.types import Value

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "imgbuild": "urn:imgbuild:1:",
}
LARGEST = 1 << 22  # bytes of a packet that is read
_AI = ("PromptInformation", "PromptWriterName", "SystemUsed", "SystemVersionUsed")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xmp(described: Mapping[str, Value], extension: str = "") -> bytes:
    """The packet of what `describe` gives: the same bytes for the same fields. extension: the name of its extension."""
    more = [_element("xmpNote:HasExtendedXMP", extension)] if extension else []
    fields = "".join([_element("xmp:CreatorTool", "imgbuild"), *more, *_stated(described)])
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{_graph(fields)}<?xpacket end="r"?>'
    ).encode()


def write_extension(described: Mapping[str, Value]) -> bytes:
    """The same for a part of it, as an extension of a packet."""
    return _graph("".join(_stated(described))).encode()


def _graph(fields: str) -> str:
    spaces = " ".join(f'xmlns:{name}="{address}"' for name, address in SPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}><rdf:Description rdf:about="">{fields}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def _stated(described: Mapping[str, Value]) -> Iterator[str]:
    """The fields of what `describe` gives."""
    if described.get("source"):
        yield _element("Iptc4xmpExt:DigitalSourceType", SOURCES + described["source"])
    if described.get("creator"):
        yield f"<dc:creator><rdf:Seq>{_element('rdf:li', described['creator'])}</rdf:Seq></dc:creator>"
    if described.get("copyright"):
        yield _language("dc:rights", described["copyright"])
    if described.get("credit"):
        yield _element("photoshop:Credit", described["credit"])
    if described.get("license"):
        is_page = re.match(r"https?://", described["license"])
        name = "xmpRights:WebStatement" if is_page else "xmpRights:UsageTerms"
        yield (_element if is_page else _language)(name, described["license"])
    yield from _generated(described.get("generation", {}))


def _generated(generation: Mapping[str, Value]) -> Iterator[str]:
    """The fields that say how it was made, where that is told."""
    if not generation:
        return
    prompt, negative, model = generation["prompt"], generation.get("negative"), generation.get("model", {})
    yield _language("dc:description", prompt)
    yield _element(
        "Iptc4xmpExt:AIPromptInformation", f"{prompt}\n{NEGATIVE} {negative}" if negative else prompt
    )
    for name, value in (("Used", model.get("source")), ("VersionUsed", model.get("revision"))):
        if value:
            yield _element(f"Iptc4xmpExt:AISystem{name}", value)
    exact = json.dumps(generation, sort_keys=True)  # ASCII: any text stays as it is
    yield _element("imgbuild:Generation", exact)


def _element(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text)}</{name}>"


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)


def _language(name: str, text: str) -> str:
    item = f'<rdf:li xml:lang="x-default">{_escaped(text)}</rdf:li>'
    return f"<{name}><rdf:Alt>{item}</rdf:Alt></{name}>"


def read_xmp(packet: bytes, extensions: Mapping[str, bytes] | None = None) -> dict[str, Value]:
    """What a packet says, in the fields that `write_xmp` takes; nothing for one that can't be read safely.

    extensions: those in the same file, by their names; what the packet itself says goes first.
    asked: what IPTC's properties say of a generation, where the packet has none that is exact.
    """
    root = _parsed(packet)
    if root is None:
        return {}
    extension = _parsed((extensions or {}).get(_text(root, "xmpNote:HasExtendedXMP"), b""))
    if extension is not None:
        root.append(extension)
    names = {
        "source": "Iptc4xmpExt:DigitalSourceType",
        "creator": "dc:creator",
        "copyright": "dc:rights",
        "credit": "photoshop:Credit",
        "tool": "xmp:CreatorTool",
    }
    found: dict[str, Value] = {key: text for key, name in names.items() if (text := _text(root, name))}
    if license := _text(root, "xmpRights:WebStatement") or _text(root, "xmpRights:UsageTerms"):
        found["license"] = license
    if "source" in found:
        found["source"] = found["source"].rpartition("/")[2]
    if generation := parse_object(_text(root, "imgbuild:Generation")):
        return {**found, "generation": generation}
    asked = _asked(root)
    return {**found, "asked": asked} if asked else found


def _parsed(packet: bytes) -> Element | None:
    """The root of a packet; None where it can't be read safely."""
    if len(packet) > LARGEST or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    from xml.etree import ElementTree as etree

    try:
        return etree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (etree.ParseError, ValueError, LookupError):
        return None


def _asked(root: Element) -> dict[str, Value]:
    """What IPTC's properties say of a generation, in the terms of one; nothing where they are not there."""
    texts = {name: _text(root, f"Iptc4xmpExt:AI{name}") for name in _AI}
    if not any(texts.values()):
        return {}
    prompt, negative = read_prompts(texts["PromptInformation"])
    model = {"source": texts["SystemUsed"], "revision": texts["SystemVersionUsed"]}
    made: dict[str, Value] = {
        "prompt": prompt,
        "negative": negative,
        "prompt_writer": texts["PromptWriterName"],
    }
    made["model"] = {name: text for name, text in model.items() if text}
    return {name: value for name, value in made.items() if value}


def _text(root: Element, name: str) -> str:
    """Of an element, its list's first item, or an attribute of that name, as other writers have it."""
    space, _, local = name.partition(":")
    tag = f"{{{SPACES[space]}}}{local}"
    for element in root.iter():
        if tag in element.attrib:
            return element.attrib[tag]
        if element.tag == tag:
            item = element.find(f".//{{{SPACES['rdf']}}}li")
            return ((element if item is None else item).text or "").strip()
    return ""
