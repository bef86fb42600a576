"""The steps of one target as plain functions: bytes and pixels in, blobs and records out.

They run in worker threads, touch nothing but the blob store, and are handed all they need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from imgbuild.digest import digest_bytes
from imgbuild.errors import TargetError
from imgbuild.foreign import foreign
from imgbuild.images import (
    Picture,
    decode,
    encode,
    is_lossless,
    normal,
    open_header,
    perceptual_hash,
    pixel_digest,
)
from imgbuild.keys import FindDigest, encode_key, process_key
from imgbuild.process.base import Operation
from imgbuild.provenance.describe import blocks_of
from imgbuild.rules.base import Measured, Rule
from imgbuild.store.blobs import Blobs
from imgbuild.types import Digest, Format, Image, Record, Value
from imgbuild.weights.networks import Networks, is_model

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

RAW = Format(type="png")  # how pixels of a local model are kept

SCRATCH = Format(type="png", compress_level=1)  # how pixels between two steps are kept


class Assembled(Struct, frozen=True, kw_only=True):
    """A picture that is put together of others, and what its record is to tell of that."""

    picture: PILImage
    info: Mapping[str, Value]


class Start(Struct, frozen=True, kw_only=True):
    """Where the work on a target begins: a fresh image, or a blob that an earlier build left.

    assemble: gives the picture, where it is put together of others. info: of the first step's record, if there is one.
    blob, pixels: of the picture that `operations` start from (the raw one, or that of the last step known).
    raw: the generated blob. kind: file type of the raw bytes. name: of the picture, for errors.
    """

    name: str = "image"
    image: Image | None = None
    assemble: Callable[[], Assembled] | None = None
    info: Mapping[str, Value] = {}
    file: bytes | None = None
    key: Digest = ""
    manifest: Mapping[str, Value] = {}
    blob: Digest = ""
    pixels: Digest = ""
    raw: Digest = ""
    kind: str = ""
    seed: int | None = None
    seconds: float = 0.0
    environment: Mapping[str, str] = {}
    durable: bool = False


class Published(Struct, frozen=True, kw_only=True):
    """An image as it is published. lossless: a blob that holds exactly its pixels."""

    image: Digest
    phash: str
    lossless: Digest


class Further(Struct, frozen=True, kw_only=True):
    """A rendition, and what is left to do for it. blob, pixels: to start from, where it is not the image itself.

    image: its bytes, where there is nothing left. described: what it says of itself.
    """

    name: str
    described: Mapping[str, Value] = {}
    operations: Sequence[Operation]
    format: Format
    blob: Digest = ""
    pixels: Digest = ""
    image: Digest = ""


# Of the first step's info, and of the image's digest and that of its pixels: texts by their names.
WriteTexts = Callable[[Mapping[str, Value], Digest, Digest], Mapping[str, bytes]]


class Job(Struct, frozen=True, kw_only=True):
    """What is left to do for one target.

    described: what its image says of itself. published: the image, where only further files are left. texts: writes
    those that are text.
    rules: those to be measured, by their place in the recipe; measured: what is known of the others.
    references: reads the files that rules compare with, and those that operations read. upstream: digests of the
    pixels of other targets among these. networks: those that rules and operations name, if any does.
    """

    start: Start
    operations: Sequence[Operation]
    format: Format
    described: Mapping[str, Value] = {}
    published: Published | None = None
    renditions: Sequence[Further] = ()
    texts: WriteTexts | None = None
    rules: Mapping[int, Rule] = {}
    measured: Mapping[int, Measured] = {}
    references: Callable[[], Mapping[str, bytes]] = dict
    upstream: Mapping[str, Digest] = {}
    untouched: bool = False
    networks: Networks | None = None


class Made(Struct, frozen=True, kw_only=True):
    """A finished image and everything that was learnt on the way.

    raw, image, pixels, files: as in the lock. lossless: a blob that holds exactly `pixels`.
    ran: names of the steps that ran.
    """

    raw: Digest
    image: Digest
    pixels: Digest
    phash: str
    lossless: Digest
    files: Mapping[str, Digest] = {}
    ran: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    measured: Mapping[int, Measured] = {}
    seconds: float = 0.0
    cost: float = 0.0


class Unfinished(TargetError):
    """A step failed. records: of the steps before it, which need not run again; cost: US dollars spent on them."""

    def __init__(self, error: TargetError, records: Sequence[Record], cost: float) -> None:
        super().__init__(error.message, hint=error.hint)
        self.records, self.cost = tuple(records), cost


def finish(job: Job, blobs: Blobs) -> Made:
    """Run the steps that are left, store what they give, measure the rules. Raises Unfinished."""
    finishing = _Finishing(job, blobs)
    try:
        return finishing.run()
    except TargetError as error:
        raise Unfinished(error, finishing.records, finishing.cost) from error


class _Drawn(NamedTuple):
    """A picture on its way. blob: holds exactly its pixels."""

    picture: PILImage
    pixels: Digest
    blob: Digest


class _Finishing:
    def __init__(self, job: Job, blobs: Blobs) -> None:
        self.job, self.blobs = job, blobs
        self.began = time.perf_counter()
        self.records: list[Record] = []
        self.ran: list[str] = []
        self.info: Mapping[str, Value] = job.start.info
        self.cost = (job.start.image.cost or 0.0) if job.start.image else 0.0

    @cached_property
    def references(self) -> Mapping[str, bytes]:
        return self.job.references()

    def run(self) -> Made:
        data, picture, raw, kind = self.begin()
        pixels = self.job.start.pixels or pixel_digest(picture)
        drawn = _Drawn(picture, pixels, self.note_start(raw, picture, pixels, kind))
        drawn, encoded = self.draw(self.job.operations, self.job.format, drawn)
        if self.is_publishable(kind):
            published = self.publish_raw(raw, drawn)
            encoded = data
        else:
            published, encoded = self.publish(drawn, encoded)
        return Made(
            raw=raw,
            image=published.image,
            pixels=drawn.pixels,
            phash=published.phash,
            lossless=published.lossless,
            files={**self.render(drawn), **self.write(published.image, drawn.pixels)},
            ran=tuple(self.ran),
            records=tuple(self.records),
            measured={**self.job.measured, **self.measure(published, encoded, drawn.picture)},
            seconds=time.perf_counter() - self.began + self.job.start.seconds,
            cost=self.cost,
        )

    def begin(self) -> tuple[bytes, PILImage, Digest, str]:
        """Bytes, pixels, raw blob and file type to start from."""
        start = self.job.start
        pixels = start.image.pixels if start.image is not None else None
        if start.assemble is not None:
            assembled = start.assemble()
            pixels, self.info = assembled.picture, assembled.info
        if pixels is not None:
            picture = normal(pixels)
            data = encode(picture, RAW)
            return data, picture, self.blobs.add(data, durable=start.durable), RAW.type
        given = (
            start.file if start.file is not None else start.image.data if start.image is not None else None
        )
        if given is not None:
            kind = (open_header(given, start.name).format or "").lower()
            picture = normal(decode(given, start.name), start.name)
            return given, picture, self.blobs.add(given, durable=start.durable), kind
        data = self.read(start.blob)
        return data, normal(decode(data)), start.raw, start.kind

    def read(self, blob: Digest) -> bytes:
        try:
            return self.blobs.read(blob)
        except TargetError:
            raise
        except KeyError as error:
            raise TargetError("what it was made of is gone from the store", hint="build again") from error

    def note_start(self, raw: Digest, picture: PILImage, pixels: Digest, kind: str) -> Digest:
        """Record a generate or import step that just ran; the lossless blob of its pixels, if there is one."""
        start = self.job.start
        if start.key:
            step = "sheet" if start.assemble else "import" if start.file is not None else "generate"
            image = start.image
            self.info = {"kind": kind, **self.info, **(_info(image) if image else {})}
            record = Record(
                key=start.key,
                step=step,
                blob=raw,
                pixels=pixels,
                phash=perceptual_hash(picture) if self.is_publishable(kind) else "",
                seed=start.seed,
                seconds=start.seconds,
                cost=self.cost,
                created=time.time(),
                manifest=dict(start.manifest),
                environment=dict(start.environment),
                info=dict(self.info),
            )
            self.records.append(record)
            self.ran.append(step)
            if step == "generate":
                self.leave_manifest(record)
        return start.blob or raw

    def leave_manifest(self, record: Record) -> None:
        """A generated blob keeps its record beside it: a lost database is rebuilt from it, whatever comes after."""
        durable = self.job.start.durable
        self.blobs.manifest_add(record.blob, msgspec.json.encode(record), durable=durable)
        if durable:
            self.blobs.sync(record.blob)

    def draw(
        self, operations: Sequence[Operation], format: Format, drawn: _Drawn
    ) -> tuple[_Drawn, bytes | None]:
        """All the operations; the encoded picture, where it was encoded in that format already."""
        encoded = None
        for place, operation in enumerate(operations):
            last = place == len(operations) - 1
            drawn, encoded = self.operate(operation, drawn, format if last else SCRATCH)
        return drawn, encoded

    def operate(self, operation: Operation, drawn: _Drawn, format: Format) -> tuple[_Drawn, bytes | None]:
        """One operation; its pixels are kept, as a file in this format where that holds them exactly."""
        began = time.perf_counter()
        files = {path: self.references[path] for path in operation.files()}
        key, manifest = process_key(operation, drawn.pixels, self.digests(files))
        with foreign(f"operation '{operation.name}'"):
            picture = normal(_applied(operation, drawn.picture, files, self.job.networks))
        self.ran.append(operation.name)
        exact = format if is_lossless(format) else SCRATCH
        data = encode(picture, exact)
        drawn = _Drawn(picture, pixel_digest(picture), self.blobs.add(data))
        self.keep(key, operation.name, drawn.blob, drawn.pixels, manifest, began)
        return drawn, data if exact is format else None

    def digests(self, files: Mapping[str, bytes]) -> FindDigest:
        """Finds the digest of what an operation reads. files: by their paths."""
        return lambda name: self.job.upstream.get(name) or digest_read(name, files, self.job.networks)

    def is_publishable(self, kind: str) -> bool:
        """Whether the raw bytes are published as they are: nothing was asked of them."""
        format = self.job.format
        return self.job.untouched and format == Format(type=format.type) and kind == format.type

    def publish_raw(self, raw: Digest, drawn: _Drawn) -> Published:
        phash = self.records[-1].phash if self.records else perceptual_hash(drawn.picture)
        return Published(image=raw, phash=phash, lossless=raw if is_lossless(self.job.format) else drawn.blob)

    def publish(self, drawn: _Drawn, encoded: bytes | None) -> tuple[Published, bytes | None]:
        """The image as it is published; its bytes, where it had to be encoded now."""
        if self.job.published is not None:
            return self.job.published, None
        format = self.job.format
        record, encoded = self.encode(format, self.job.described, drawn, encoded)
        lossless = record.blob if is_lossless(format) else drawn.blob
        return Published(image=record.blob, phash=record.phash, lossless=lossless), encoded

    def encode(
        self, format: Format, described: Mapping[str, Value], drawn: _Drawn, encoded: bytes | None
    ) -> tuple[Record, bytes]:
        """encoded: the picture in that format, without anything besides, where it is at hand."""
        key, manifest = encode_key(format, drawn.pixels, described)
        began = time.perf_counter()
        if described:
            encoded = encode(drawn.picture, format, blocks_of(described, format.type))
        encoded = encoded or encode(drawn.picture, format)
        image = self.blobs.add(encoded)
        self.ran.append("encode")
        phash = perceptual_hash(drawn.picture)
        return self.keep(key, "encode", image, drawn.pixels, manifest, began, phash), encoded

    def render(self, drawn: _Drawn) -> dict[str, Digest]:
        """The bytes of all renditions, by their names; those that were not there before are made now."""
        return {item.name: item.image or self.rendition(item, drawn) for item in self.job.renditions}

    def write(self, image: Digest, pixels: Digest) -> dict[str, Digest]:
        """The texts beside the image, by their names."""
        texts = self.job.texts(self.info, image, pixels) if self.job.texts is not None else {}
        return {name: self.blobs.add(text) for name, text in texts.items()}

    def rendition(self, item: Further, drawn: _Drawn) -> Digest:
        if item.blob:
            drawn = _Drawn(normal(decode(self.read(item.blob))), item.pixels, item.blob)
        drawn, encoded = self.draw(item.operations, item.format, drawn)
        return self.encode(item.format, item.described, drawn, encoded)[0].blob

    def keep(
        self,
        key: Digest,
        step: str,
        blob: Digest,
        pixels: Digest,
        manifest: dict[str, Value],
        began: float,
        phash: str = "",
    ) -> Record:
        record = Record(
            key=key,
            step=step,
            blob=blob,
            pixels=pixels,
            phash=phash,
            seconds=time.perf_counter() - began,
            created=time.time(),
            manifest=manifest,
        )
        self.records.append(record)
        return record

    def measure(self, published: Published, encoded: bytes | None, picture: PILImage) -> dict[int, Measured]:
        if not self.job.rules:
            return {}
        return measure(
            encoded if encoded is not None else self.read(published.image),
            self.job.rules,
            self.references,
            picture if is_lossless(self.job.format) else None,
            networks=self.job.networks,
        )


def _info(image: Image) -> dict[str, Value]:
    return {**image.info, **({"memory": image.memory} if image.memory else {})}


def digest_read(name: str, files: Mapping[str, bytes], networks: Networks | None) -> Digest:
    """The digest of what a rule or an operation reads: of a model's weights, or of a file's bytes."""
    if networks is not None and is_model(name):
        return networks.digest(name)
    return digest_bytes(files[name])


def measure(
    data: bytes,
    rules: Mapping[int, Rule],
    references: Mapping[str, bytes],
    pixels: PILImage | None = None,
    name: str = "image",
    networks: Networks | None = None,
) -> dict[int, Measured]:
    """What the rules measure on one published image, by place; the image is decoded once. name: of it in errors.

    What several of them measure alike is measured once. networks: those that rules name, if any does.
    """
    shown = Picture(data, pixels, name)
    found: dict[int, Measured] = {}
    for place, rule in rules.items():
        with foreign(f"rule '{rule.name}'"):
            alike = next((before for before in found if _measures_alike(rules[before], rule)), None)
            if alike is not None:
                found[place] = found[alike]
                continue
            files = {path: references[path] for path in rule.files()}
            found[place] = (
                rule.measure(shown, files) if networks is None else rule.measure_by(shown, files, networks)
            )
    return found


def _measures_alike(one: Rule, other: Rule) -> bool:
    """Whether two rules hold the same measurement to bounds of their own."""
    return one.name == other.name and (
        (one.measured_by(), one.files(), one.models()) == (other.measured_by(), other.files(), other.models())
    )


def _applied(
    operation: Operation, picture: PILImage, files: Mapping[str, bytes], networks: Networks | None
) -> PILImage:
    if networks is None:
        return operation.apply_with(picture, files)
    return operation.apply_by(picture, files, networks)
