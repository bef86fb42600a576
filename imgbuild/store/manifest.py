"""The file beside a blob: one line for each step that gave it, checksummed, from which records are rebuilt."""

from __future__ import annotations

import msgspec
import xxhash

from imgbuild.types import Value

Fields = dict[str, Value]


class _Line(msgspec.Struct, frozen=True):
    """sum: XXH3-64 of the record's JSON as it stands."""

    sum: str
    record: msgspec.Raw


_line = msgspec.json.Decoder(_Line)
_fields = msgspec.json.Decoder(Fields)


def merge(known: bytes, manifest: bytes) -> bytes:
    """The file's bytes with `manifest`, a JSON object, added; it replaces an older one of the same "key".

    Raises msgspec.DecodeError where the manifest is no JSON object.
    """
    fields = _fields.decode(manifest)
    others = [line for line in known.split(b"\n") if line and _is_other(line, fields)]
    record = msgspec.json.format(manifest, indent=-1)
    added = msgspec.json.encode(_Line(_checksum(record), msgspec.Raw(record)))
    return b"\n".join([*others, added, b""])


def parse(text: bytes) -> tuple[list[Fields], int]:
    """The manifests of a file, oldest first, and how many of its lines are damaged."""
    lines = [_parse_line(line) for line in text.split(b"\n") if line]
    whole = [fields for fields in lines if fields is not None]
    return whole, len(lines) - len(whole)


def _parse_line(line: bytes) -> Fields | None:
    try:
        parsed = _line.decode(line)
        record = bytes(parsed.record)
        return _fields.decode(record) if parsed.sum == _checksum(record) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_other(line: bytes, fields: Fields) -> bool:
    known = _parse_line(line)
    return known is not None and known.get("key") != fields.get("key")


def _checksum(record: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(record)
