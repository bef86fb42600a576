"""How far the records of earlier builds carry a target: each step's key leads to the pixels of the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.images import is_lossless
from imgbuild.keys import FindDigest, encode_key, process_key
from imgbuild.ledger import pixels_key
from imgbuild.process.base import Operation
from imgbuild.provenance.describe import described
from imgbuild.types import Digest, Format, Line, Recipe, Record, Rendered, Target, Value

Find = Callable[[Digest], Record | None]


class Reach(Struct, frozen=True, kw_only=True):
    """How far one rendition is known. blob, pixels: of its last known picture; no blob where that is the image itself.

    done: how many of its operations are known. image: its published bytes, where all is known.
    """

    pixels: Digest
    blob: Digest = ""
    done: int = 0
    image: Digest = ""


class Trace(Struct, frozen=True, kw_only=True):
    """A target's steps as far as they are known.

    key, manifest: of its first step (generate or import). first: that step's record. blob, pixels: of the last
    known picture. done: how many operations are known. image: the published bytes, where all is known; `phash`
    then is its perceptual hash. lossless: a blob that holds exactly `pixels`. renditions: how far they are known,
    in their order, once all operations are.
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
    renditions: tuple[Reach, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing left to make."""
        return bool(self.image) and all(reach.image for reach in self.renditions)


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
    process = target.recipe.process
    steps = known_steps(process, first.pixels, find, has_blob, digest)
    record, done = steps[-1] if steps else first, len(steps)
    trace = Trace(key=key, manifest=manifest, first=first, blob=record.blob, pixels=record.pixels, done=done)
    if done < len(process):
        return trace
    recipe = target.recipe
    reaches = [
        _reach(item, described(recipe, manifest, item), record.pixels, find, has_blob, digest)
        for item in recipe.renditions
    ]
    return _ended(target, replace(trace, renditions=tuple(reaches)), record, find, has_blob)


def known_steps(
    process: Sequence[Operation],
    pixels: Digest,
    find: Find,
    has_blob: Callable[[Digest], bool],
    digest: FindDigest | None,
) -> list[Record]:
    """The records of the operations on a picture with these pixels, as far as there are any."""
    steps: list[Record] = []
    for operation in process:
        following = find(process_key(operation, pixels, digest)[0])
        if following is None or not has_blob(following.blob):
            break
        steps.append(following)
        pixels = following.pixels
    return steps


def _reach(
    rendition: Rendered,
    told: Mapping[str, Value],
    pixels: Digest,
    find: Find,
    has_blob: Callable[[Digest], bool],
    digest: FindDigest | None,
) -> Reach:
    """How far a rendition of a picture with these pixels is known. told: what it says of itself."""
    steps = known_steps(rendition.process, pixels, find, has_blob, digest)
    reach = Reach(pixels=pixels, done=len(steps))
    if steps:
        reach = replace(reach, pixels=steps[-1].pixels, blob=steps[-1].blob)
    if reach.done == len(rendition.process):
        encoded = find(encode_key(rendition.format, reach.pixels, told)[0])
        if encoded is not None and has_blob(encoded.blob):
            return replace(reach, image=encoded.blob)
    return reach


def _ended(
    target: Target, trace: Trace, record: Record, find: Find, has_blob: Callable[[Digest], bool]
) -> Trace:
    """The trace with its published image, if that is known too."""
    assert trace.first is not None
    if untouched(target, str(trace.first.info.get("kind", ""))):
        last = record
    else:
        told = described(target.recipe, trace.manifest)
        encoded = find(encode_key(target.recipe.format, trace.pixels, told)[0])
        if encoded is None or not has_blob(encoded.blob):
            return trace
        last = encoded
    lossless = last.blob if is_lossless(target.recipe.format) else record.blob
    if not last.phash:
        return trace
    return replace(trace, image=last.blob, phash=last.phash, lossless=lossless)


def untouched(target: Target, kind: str) -> bool:
    """Whether the raw bytes are published as they are: nothing is asked of them but the type that they have."""
    format = target.recipe.format
    return is_untouched(target.recipe) and format == Format(type=format.type) and kind == format.type


def is_untouched(recipe: Recipe) -> bool:
    """Whether no operation is done, and nothing is written beside the pixels."""
    return not recipe.process and recipe.metadata.level == "none"


def lossless_blob(target: Target, line: Line, find: Find, has_blob: Callable[[Digest], bool]) -> Digest:
    """A blob at hand that holds exactly the pixels of a locked target; empty where there is none."""
    if is_lossless(target.recipe.format) and has_blob(line.image):
        return line.image
    if not target.recipe.process and has_blob(line.raw):
        return line.raw
    record = find(pixels_key(line.pixels))
    return record.blob if record is not None and has_blob(record.blob) else ""
