"""One line of a lock: its fields as written, strictly checked, sealed by a short sum.

Git merges a lock by line, so each line vouches for itself: `sum` is the XXH3-64 of the line's own text before
it, cut to 48 bits, in 8 characters of base64url. It tells damage, not malice: whoever can write a lock can sum.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from xxhash import xxh3_64_digest

from imgbuild.types import Grade, Line, Pin, Value

_DIGEST = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # the last of the 43 carries four bits, not six
_PHASH = "[0-9a-f]{16}"

# The patterns are for the schema; one match of _SHAPE over a line costs a tenth of one a field.
DigestText = Annotated[str, Meta(max_length=43, extra_json_schema={"pattern": f"^({_DIGEST})?$"})]
PhashText = Annotated[str, Meta(max_length=16, extra_json_schema={"pattern": f"^({_PHASH})?$"})]
SumText = Annotated[str, Meta(max_length=8, extra_json_schema={"pattern": "^[A-Za-z0-9_-]{8}$"})]
SeedNumber = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0)]


class LineText(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A target's line as written: the fields of `Line` in the lock's order, then the sum."""

    intent: DigestText = ""
    seed: SeedNumber
    attempt: Count
    inputs: DigestText = ""
    raw: DigestText = ""
    image: DigestText = ""
    pixels: DigestText = ""
    phash: PhashText = ""
    grade: Grade
    via: str = ""
    adjusted: tuple[str, ...] = ()
    files: dict[str, DigestText] = {}
    sum: SumText = ""


class PinText(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A model's line as written: the fields of `Pin`, then the sum."""

    provider: str
    source: str = ""
    revision: str = ""
    weights: str = ""
    declared: str = ""
    adapter: Count
    takes: dict[str, Value] = {}
    chosen: tuple[str, ...] = ()
    sum: SumText = ""


class LockText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file as written; the member `"": null` closes each section."""

    version: Literal[1]
    models: dict[str, PinText | None]
    targets: dict[str, LineText | None]


encode = msgspec.json.Encoder().encode
_UNSUMMED = len(b',"sum":"AAAAAAAA"}')
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SHAPE = re.compile(
    rf'{{("intent":"{_DIGEST}",)?"seed":\d+,"attempt":\d+,("inputs":"{_DIGEST}",)?("raw":"{_DIGEST}",)?'
    rf'("image":"{_DIGEST}",)?("pixels":"{_DIGEST}",)?("phash":"{_PHASH}",)?"grade":'.encode()
)
_IS_DIGEST = re.compile(_DIGEST).fullmatch


def seal_line(key: str, text: LineText | PinText) -> bytes:
    """The member `"key": {…,"sum":"…"}` of a text that has no sum yet."""
    body = b"%b: %b" % (encode(key), encode(text)[:-1])
    return b'%b,"sum":"%b"}' % (body, sum_of(body))


def flaw_of(key: str, text: LineText | PinText) -> str:
    """What is wrong with a decoded line, beyond the types of its fields; empty where nothing is."""
    line = encode(text)
    if sum_of(b"%b: %b" % (encode(key), line[:-_UNSUMMED])) != text.sum.encode():
        return "its sum does not fit its text"
    if isinstance(text, LineText) and not (_SHAPE.match(line) and all(map(_IS_DIGEST, text.files.values()))):
        return "one of its digests is malformed"
    return "" if key else "it has no name"


def sum_of(body: bytes) -> bytes:
    return b2a_base64(xxh3_64_digest(body)[:6], newline=False).translate(_URL_SAFE)


def line_texts(lines: Mapping[str, Line]) -> dict[str, LineText]:
    return msgspec.convert(lines, dict[str, LineText], from_attributes=True)


def pin_texts(pins: Mapping[str, Pin]) -> dict[str, PinText]:
    return msgspec.convert(pins, dict[str, PinText], from_attributes=True)


def lines_of(texts: Mapping[str, LineText]) -> dict[str, Line]:
    return msgspec.convert(texts, dict[str, Line], from_attributes=True)


def pins_of(texts: Mapping[str, PinText]) -> dict[str, Pin]:
    return msgspec.convert(texts, dict[str, Pin], from_attributes=True)
