"""EXIF: the tool, the creator, the rights, and the infotext as a comment, where JPEG, WebP and AVIF readers look."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import ExifTags
from PIL import Image as pillow

from imgbuild.types import Value

_UNICODE = b"UNICODE\0"
_ASCII = b"ASCII\0\0\0"
_TEXTS = {ExifTags.Base.Artist: "creator", ExifTags.Base.Copyright: "copyright"}


def write_exif(described: Mapping[str, Value], parameters: str) -> bytes:
    """The block of what `describe` gives. parameters: the infotext; empty for none."""
    exif = pillow.Exif()
    exif[ExifTags.Base.Software] = "imgbuild"
    for tag, name in _TEXTS.items():
        if described.get(name):
            exif[tag] = described[name].encode()  # the standard knows ASCII alone, and readers know UTF-8
    if parameters:
        comment = _UNICODE + parameters.encode("utf-16-be", "surrogatepass")
        exif[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: comment}
    return exif.tobytes()


def comment_of(exif: pillow.Exif) -> str:
    """The text of the comment, in whichever of EXIF's encodings it is; empty where there is none."""
    data = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    if isinstance(data, str):
        return data
    if not isinstance(data, bytes):
        return ""
    code, text = data[:8], data[8:]
    if code != _UNICODE:
        return (text if code == _ASCII else data).decode("utf-8", "replace").strip("\0 ")
    # Writers don't agree on the order of bytes: in the right one, most of a text's code units are small.
    orders = [text.decode(order, "replace") for order in ("utf-16-be", "utf-16-le")]
    return min(orders, key=lambda found: sum(ord(mark) > 0x24FF for mark in found)).strip("\0")
