"""How far the records of earlier builds carry a target: each step's key leads to the pixels of the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.images import is_lossless
from imgbuild.keys import FindDigest, encode_key, process_key
from imgbuild.ledger import pixels_key
from imgbuild.types import Digest, Format, Line, Record, Target, Value

Find = Callable[[Digest], Record | None]


class Trace(Struct, frozen=True, kw_only=True):
    """A target's steps as far as they are known.

    key, manifest: of its first step (generate or import). first: that step's record. blob, pixels: of the last
    known picture. done: how many operations are known. image: the published bytes, where all is known; `phash`
    then is its perceptual hash. lossless: a blob that holds exactly `pixels`.
    """

    key: Digest
    manifest: Mapping[str, Value]
    first: Record | None = None
    blob: Digest = ""
    pixels: Digest = ""
    done: int = 0
    image: Digest = ""
    phash: str = ""
    lossless: Digest = ""


def follow(
    target: Target,
    key: Digest,
    manifest: Mapping[str, Value],
    find: Find,
    has_blob: Callable[[Digest], bool],
    digest: FindDigest | None = None,
) -> Trace:
    """The trace of a target whose first step has this key. digest: of files that operations read, by their paths."""
    first = find(key)
    if first is None or not has_blob(first.blob):
        return Trace(key=key, manifest=manifest)
    record, done = first, 0
    for operation in target.recipe.process:
        following = find(process_key(operation, record.pixels, digest)[0])
        if following is None or not has_blob(following.blob):
            break
        record, done = following, done + 1
    trace = Trace(key=key, manifest=manifest, first=first, blob=record.blob, pixels=record.pixels, done=done)
    return _ended(target, trace, record, find, has_blob) if done == len(target.recipe.process) else trace


def _ended(
    target: Target, trace: Trace, record: Record, find: Find, has_blob: Callable[[Digest], bool]
) -> Trace:
    """The trace with its published image, if that is known too."""
    assert trace.first is not None
    if untouched(target, str(trace.first.info.get("kind", ""))):
        last = record
    else:
        encoded = find(encode_key(target.recipe.format, trace.pixels)[0])
        if encoded is None or not has_blob(encoded.blob):
            return trace
        last = encoded
    lossless = last.blob if is_lossless(target.recipe.format) else record.blob
    if not last.phash:
        return trace
    return replace(trace, image=last.blob, phash=last.phash, lossless=lossless)


def untouched(target: Target, kind: str) -> bool:
    """Whether the raw bytes are published as they are: no operation, no encoder option, the type asked for."""
    format = target.recipe.format
    return not target.recipe.process and format == Format(type=format.type) and kind == format.type


def lossless_blob(target: Target, line: Line, find: Find, has_blob: Callable[[Digest], bool]) -> Digest:
    """A blob at hand that holds exactly the pixels of a locked target; empty where there is none."""
    if is_lossless(target.recipe.format) and has_blob(line.image):
        return line.image
    if not target.recipe.process and has_blob(line.raw):
        return line.raw
    record = find(pixels_key(line.pixels))
    return record.blob if record is not None and has_blob(record.blob) else ""
