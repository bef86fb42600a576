"""The steps of one target as plain functions: bytes and pixels in, blobs and records out.

They run in worker threads, touch nothing but the blob store, and are handed all they need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

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
from imgbuild.rules.base import Measured, Rule
from imgbuild.store.blobs import Blobs
from imgbuild.types import Digest, Format, Image, Record, Value
from imgbuild.weights.networks import Networks, is_model

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

RAW = Format(type="png")  # how pixels of a local model are kept

SCRATCH = Format(type="png", compress_level=1)  # how pixels between two steps are kept


class Start(Struct, frozen=True, kw_only=True):
    """Where the work on a target begins: a fresh image, or a blob that an earlier build left.

    blob, pixels: of the picture that `operations` start from (the raw one, or that of the last step known).
    raw: the generated blob. kind: file type of the raw bytes. name: of the picture, for errors.
    """

    name: str = "image"
    image: Image | None = None
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


class Job(Struct, frozen=True, kw_only=True):
    """What is left to do for one target.

    rules: those to be measured, by their place in the recipe. references: reads the files that they compare with,
    and those that operations read. networks: those that rules and operations name, if any does.
    """

    start: Start
    operations: Sequence[Operation]
    format: Format
    rules: Mapping[int, Rule] = {}
    references: Callable[[], Mapping[str, bytes]] = dict
    untouched: bool = False
    networks: Networks | None = None


class Made(Struct, frozen=True, kw_only=True):
    """A finished image and everything that was learnt on the way.

    raw, image, pixels: as in the lock. lossless: a blob that holds exactly `pixels`. ran: names of the steps that ran.
    """

    raw: Digest
    image: Digest
    pixels: Digest
    phash: str
    lossless: Digest
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


class _Finishing:
    def __init__(self, job: Job, blobs: Blobs) -> None:
        self.job, self.blobs = job, blobs
        self.began = time.perf_counter()
        self.records: list[Record] = []
        self.ran: list[str] = []
        self.encoded: bytes | None = None
        self.cost = (job.start.image.cost or 0.0) if job.start.image else 0.0

    @cached_property
    def references(self) -> Mapping[str, bytes]:
        return self.job.references()

    def run(self) -> Made:
        data, picture, raw, kind = self.begin()
        pixels = self.job.start.pixels or pixel_digest(picture)
        lossless = self.note_start(raw, pixels, kind)
        for place, operation in enumerate(self.job.operations):
            last = place == len(self.job.operations) - 1
            picture, pixels, lossless = self.operate(operation, picture, pixels, last)
        image, published = self.publishable(data, kind, picture, pixels, raw)
        if is_lossless(self.job.format):
            lossless = image
        phash = perceptual_hash(picture)
        self.records[-1:] = [msgspec.structs.replace(record, phash=phash) for record in self.records[-1:]]
        self.leave_manifest()
        return Made(
            raw=raw,
            image=image,
            pixels=pixels,
            phash=phash,
            lossless=lossless,
            ran=tuple(self.ran),
            records=tuple(self.records),
            measured=self.measure(published, picture),
            seconds=time.perf_counter() - self.began + self.job.start.seconds,
            cost=self.cost,
        )

    def leave_manifest(self) -> None:
        """A generated blob keeps its record beside it, from which a lost database is rebuilt."""
        for record in self.records:
            if record.step == "generate":
                self.blobs.manifest_add(
                    record.blob, msgspec.json.encode(record), durable=self.job.start.durable
                )

    def begin(self) -> tuple[bytes, PILImage, Digest, str]:
        """Bytes, pixels, raw blob and file type to start from."""
        start = self.job.start
        if start.image is not None and start.image.pixels is not None:
            picture = normal(start.image.pixels)
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

    def note_start(self, raw: Digest, pixels: Digest, kind: str) -> Digest:
        """Record a generate or import step that just ran; the lossless blob of its pixels, if there is one."""
        start = self.job.start
        if start.key:
            step = "import" if start.file is not None else "generate"
            image = start.image
            record = Record(
                key=start.key,
                step=step,
                blob=raw,
                pixels=pixels,
                seed=start.seed,
                seconds=start.seconds,
                cost=self.cost,
                created=time.time(),
                manifest=dict(start.manifest),
                environment=dict(start.environment),
                info={"kind": kind, **(_info(image) if image else {})},
            )
            self.records.append(record)
            self.ran.append(step)
            if start.durable:  # what was paid for is kept even if no later step succeeds
                self.leave_manifest()
        return start.blob or raw

    def operate(
        self, operation: Operation, picture: PILImage, pixels: Digest, last: bool
    ) -> tuple[PILImage, Digest, Digest]:
        """One operation; its pixels are kept, unless the published file is going to hold them exactly."""
        began = time.perf_counter()
        files = {path: self.references[path] for path in operation.files()}
        key, manifest = process_key(operation, pixels, self.digests(files))
        with foreign(f"operation '{operation.name}'"):
            picture = normal(_applied(operation, picture, files, self.job.networks))
        pixels = pixel_digest(picture)
        self.ran.append(operation.name)
        if last and is_lossless(self.job.format):
            data = self.encoded = encode(picture, self.job.format)
        else:
            data = encode(picture, SCRATCH)
        blob = self.blobs.add(data)
        self.keep(key, operation.name, blob, pixels, manifest, time.perf_counter() - began)
        return picture, pixels, blob

    def digests(self, files: Mapping[str, bytes]) -> FindDigest:
        """Finds the digest of what an operation reads. files: by their paths."""
        networks = self.job.networks

        def find(name: str) -> Digest:
            if networks is not None and is_model(name):
                return networks.weights(name).digest
            return digest_bytes(files[name])

        return find

    def publishable(
        self, data: bytes, kind: str, picture: PILImage, pixels: Digest, raw: Digest
    ) -> tuple[Digest, bytes]:
        """The bytes to publish: the raw ones where nothing was asked of them, else the encoded picture."""
        if (
            self.job.untouched
            and self.job.format == Format(type=self.job.format.type)
            and kind == self.job.format.type
        ):
            return raw, data
        key, manifest = encode_key(self.job.format, pixels)
        began = time.perf_counter()
        encoded = self.encoded or encode(picture, self.job.format)
        image = self.blobs.add(encoded)
        self.ran.append("encode")
        self.keep(key, "encode", image, pixels, manifest, time.perf_counter() - began)
        return image, encoded

    def keep(
        self, key: Digest, step: str, blob: Digest, pixels: Digest, manifest: dict[str, Value], seconds: float
    ) -> None:
        self.records.append(
            Record(
                key=key,
                step=step,
                blob=blob,
                pixels=pixels,
                seconds=seconds,
                created=time.time(),
                manifest=manifest,
            )
        )

    def measure(self, published: bytes, picture: PILImage) -> dict[int, Measured]:
        if not self.job.rules:
            return {}
        return measure(
            published,
            self.job.rules,
            self.references,
            picture if is_lossless(self.job.format) else None,
            networks=self.job.networks,
        )


def _info(image: Image) -> dict[str, Value]:
    return {**image.info, **({"memory": image.memory} if image.memory else {})}


def measure(
    data: bytes,
    rules: Mapping[int, Rule],
    references: Mapping[str, bytes],
    pixels: PILImage | None = None,
    name: str = "image",
    networks: Networks | None = None,
) -> dict[int, Measured]:
    """What the rules measure on one published image, by place; the image is decoded once. name: of it in errors.

    networks: those that rules name, if any does.
    """
    shown = Picture(data, pixels, name)
    found = {}
    for place, rule in rules.items():
        with foreign(f"rule '{rule.name}'"):
            files = {path: references[path] for path in rule.files()}
            found[place] = (
                rule.measure(shown, files) if networks is None else rule.measure_by(shown, files, networks)
            )
    return found


def _applied(
    operation: Operation, picture: PILImage, files: Mapping[str, bytes], networks: Networks | None
) -> PILImage:
    if networks is None:
        return operation.apply_with(picture, files)
    return operation.apply_by(picture, files, networks)
