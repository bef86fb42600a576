"""XMP packets: IPTC's digital source type, credit and rights, and the whole generation in a field of our own.

Names are those of the IPTC Photo Metadata Standard and of Adobe's XMP specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from imgbuild.types import Value

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "imgbuild": "urn:imgbuild:1:",
}
LARGEST = 1 << 22  # bytes of a packet that is read
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xmp(described: Mapping[str, Value]) -> bytes:
    """The packet of what `describe` gives: the same bytes for the same fields."""
    fields = ["<xmp:CreatorTool>imgbuild</xmp:CreatorTool>"]
    if described.get("source"):
        fields.append(_element("Iptc4xmpExt:DigitalSourceType", SOURCES + described["source"]))
    if described.get("creator"):
        fields.append(
            f"<dc:creator><rdf:Seq>{_element('rdf:li', described['creator'])}</rdf:Seq></dc:creator>"
        )
    if described.get("copyright"):
        fields.append(_language("dc:rights", described["copyright"]))
    if described.get("credit"):
        fields.append(_element("photoshop:Credit", described["credit"]))
    if described.get("license"):
        is_page = re.match(r"https?://", described["license"])
        name = "xmpRights:WebStatement" if is_page else "xmpRights:UsageTerms"
        fields.append((_element if is_page else _language)(name, described["license"]))
    if described.get("generation"):
        fields.append(_language("dc:description", described["generation"]["prompt"]))
        exact = json.dumps(described["generation"], sort_keys=True)  # ASCII: any text stays as it is
        fields.append(_element("imgbuild:Generation", exact))
    spaces = " ".join(f'xmlns:{name}="{address}"' for name, address in SPACES.items())
    inner = "".join(fields)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}><rdf:Description rdf:about="">{inner}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _element(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text)}</{name}>"


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)


def _language(name: str, text: str) -> str:
    item = f'<rdf:li xml:lang="x-default">{_escaped(text)}</rdf:li>'
    return f"<{name}><rdf:Alt>{item}</rdf:Alt></{name}>"


def read_xmp(packet: bytes) -> dict[str, Value]:
    """What a packet says, in the fields that `write_xmp` takes; nothing for one that can't be read safely."""
    if len(packet) > LARGEST or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return {}
    from xml.etree import ElementTree as etree

    try:
        root = etree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (etree.ParseError, ValueError, LookupError):
        return {}
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
    generation = _generation(_text(root, "imgbuild:Generation"))
    return {**found, "generation": generation} if generation else found


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


def _generation(text: str) -> dict[str, Value]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
