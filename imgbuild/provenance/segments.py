"""An XMP packet that is more than a segment of a JPEG holds: part of it in segments of its own, and put together again.

After Adobe's XMP specification, part 3, 1.1.3.1: the packet names an extension by its MD5 digest; each segment of that
has the digest, the length of the whole, and where in it the segment's bytes belong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import md5

SEGMENT = 65533  # bytes that one holds
_PACKET, _EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_NAME = 32  # bytes of a digest in hexadecimal digits
_HEAD = len(_EXTENSION) + _NAME + 8
LARGEST_PACKET = 65502  # bytes, as the specification has it


def name_extension(extension: bytes) -> str:
    """What a packet calls it."""
    return md5(extension, usedforsecurity=False).hexdigest().upper()


def write_segments(packet: bytes, extension: bytes) -> bytes:
    """The segments of both. The packet has at most LARGEST_PACKET bytes."""
    size = SEGMENT - _HEAD
    head = _EXTENSION + name_extension(extension).encode() + struct.pack(">I", len(extension))
    portions = [
        head + struct.pack(">I", at) + extension[at : at + size] for at in range(0, len(extension), size)
    ]
    return b"".join(_segment(data) for data in (_PACKET + packet, *portions))


def _segment(data: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


def read_segments(segments: Iterable[bytes]) -> dict[str, bytes]:
    """The extensions in a file's segments, by their names; none that is not whole."""
    found: dict[str, dict[int, bytes]] = {}
    for data in segments:
        if data.startswith(_EXTENSION) and len(data) >= _HEAD:
            name = data[len(_EXTENSION) :][:_NAME].decode("latin-1")
            (at,) = struct.unpack(">I", data[_HEAD - 4 : _HEAD])
            found.setdefault(name, {})[at] = data[_HEAD:]
    whole = {
        name: b"".join(portion for _, portion in sorted(portions.items())) for name, portions in found.items()
    }
    return {name: extension for name, extension in whole.items() if name_extension(extension) == name}
