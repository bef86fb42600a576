"""One walk over the fields of a target or a step gives both its digest and its readable manifest.

An explanation can therefore never differ from the hash. The canonical form is JSON with sorted keys, NFC text
and shortest floats, under a domain tag and a version, hashed with SHA-256. XXH3 only says whether a local
file changed since we last looked.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unicodedata import is_normalized, normalize

import msgspec
import xxhash

from imgbuild.types import Digest, Value

Manifest = dict[str, Value]

_encode = msgspec.json.Encoder(order="sorted").encode


def seal(domain: str, fields: Mapping[str, Any]) -> tuple[Digest, Manifest]:
    """The digest of `fields` under a domain tag ("generate/1"), and the manifest it was taken over.

    The fields must be canonical already (see `canonical`): documents and templates give NFC text, and a walk
    over every value again would cost more than the hash. Raises TypeError for what JSON can't hold.
    """
    manifest = {"domain": domain, **fields}
    return digest_bytes(_encode(manifest)), manifest


def digest_of(domain: str, fields: Mapping[str, Any]) -> Digest:
    """Only the digest of what `seal` would take it over."""
    return seal(domain, fields)[0]


def canonical(value: Any) -> Any:
    """The value with text in NFC and whole floats as integers, so that 6 and 6.0 are one parameter."""
    if isinstance(value, str):
        return value if value.isascii() or is_normalized("NFC", value) else normalize("NFC", value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, Mapping):
        return {canonical(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(canonical(item) for item in value)
    return value


def digest_bytes(data: bytes) -> Digest:
    """SHA-256 of the bytes, as 43 characters of base64url."""
    return urlsafe_b64encode(hashlib.sha256(data).digest())[:43].decode("ascii")


def digest_file(path: Path) -> Digest:
    """SHA-256 of a file's bytes, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return urlsafe_b64encode(hashlib.file_digest(file, "sha256").digest())[:43].decode("ascii")


def to_hex(digest: Digest) -> str:
    """The digest in hexadecimal, as blob files are named."""
    return urlsafe_b64decode(digest + "=").hex()


def from_hex(text: str) -> Digest:
    return urlsafe_b64encode(bytes.fromhex(text))[:43].decode("ascii")


def fingerprint(data: bytes) -> str:
    """XXH3-128 of the bytes in hexadecimal: for "did this local file change", never for identity."""
    return xxhash.xxh3_128_hexdigest(data)
