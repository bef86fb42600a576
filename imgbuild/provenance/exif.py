"""EXIF: the tool, the creator, the rights, and the infotext as a comment, where JPEG, WebP and AVIF readers look."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from PIL import ExifTags
from PIL import Image as pillow

from imgbuild.types import Value

_ASCII, _LONG, _UNDEFINED = 2, 4, 7  # types of a value
_HEAD = b"Exif\0\0MM\0*" + struct.pack(">I", 8)
_TEXTS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
)
_CODE, _PLAIN = b"UNICODE\0", b"ASCII\0\0\0"


def write_exif(described: Mapping[str, Value], parameters: str) -> bytes:
    """The block of what `describe` gives. parameters: the infotext; empty for none.

    Texts are UTF-8, as EXIF 3.0 has it. The comment is of the type "undefined", without which AUTOMATIC1111's web UI
    can't read it: Pillow would write numbers.
    """
    texts = {
        ExifTags.Base.Software: "imgbuild",
        ExifTags.Base.Artist: described.get("creator", ""),
        ExifTags.Base.Copyright: described.get("copyright", ""),
    }
    entries = [(tag, _ASCII, text.replace("\0", " ").encode() + b"\0") for tag, text in texts.items() if text]
    if not parameters:
        return _HEAD + _directory(entries, 8)
    at = 8 + len(_directory([*entries, (ExifTags.IFD.Exif, _LONG, bytes(4))], 8))
    outer = _directory([*entries, (ExifTags.IFD.Exif, _LONG, struct.pack(">I", at))], 8)
    comment = _CODE + parameters.encode("utf-16-be", "surrogatepass")
    return _HEAD + outer + _directory([(ExifTags.Base.UserComment, _UNDEFINED, comment)], at)


def _directory(entries: Sequence[tuple[int, int, bytes]], at: int) -> bytes:
    """A directory as TIFF 6.0 has it, section 2, with its values after it: (tag, type, value) each. at: its offset."""
    after = at + 2 + 12 * len(entries) + 4
    table, values = struct.pack(">H", len(entries)), b""
    for tag, kind, value in sorted(entries):
        count = 1 if kind == _LONG else len(value)
        here = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(">I", after + len(values))
        table += struct.pack(">HHI", tag, kind, count) + here
        values += b"" if len(value) <= 4 else value + bytes(len(value) % 2)
    return table + bytes(4) + values


def texts_of(exif: pillow.Exif) -> dict[str, str]:
    """The texts of a block that tools keep what they know in, by EXIF's names of their tags."""
    found = {tag.name or "": _utf8(exif.get(tag)) for tag in _TEXTS}
    return {name: text for name, text in (found | {"UserComment": comment_of(exif)}).items() if text}


def _utf8(value: object) -> str:
    """What Pillow read as Latin-1, as EXIF 3.0 means it, or as it is."""
    try:
        return value.encode("latin-1").decode() if isinstance(value, str) else ""
    except ValueError:
        return str(value)


def comment_of(exif: pillow.Exif) -> str:
    """The text of the comment, in whichever of EXIF's encodings it is; empty where there is none."""
    tag = ExifTags.Base.UserComment  # some have it in the outer directory
    data = exif.get_ifd(ExifTags.IFD.Exif).get(tag) or exif.get(tag, b"")
    if isinstance(data, str):
        return data
    if not isinstance(data, bytes):
        return ""
    code, text = data[:8], data[8:]
    if code != _CODE:
        return (text if code == _PLAIN else data).decode("utf-8", "replace").strip("\0 ")
    # Writers don't agree on the order of bytes: in the right one, most of a text's code units are small.
    orders = [text.decode(order, "replace") for order in ("utf-16-be", "utf-16-le")]
    return min(orders, key=lambda found: sum(ord(mark) > 0x24FF for mark in found)).strip("\0")
