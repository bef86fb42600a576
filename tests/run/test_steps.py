"""The steps of one target: what they run, store, record and measure, and what is kept when one fails."""

import io
from typing import ClassVar

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.digest import digest_bytes
from imgbuild.errors import TargetError
from imgbuild.foreign import Broke
from imgbuild.images import decode, encode, perceptual_hash, pixel_digest
from imgbuild.keys import encode_key, process_key
from imgbuild.process.adjust import Adjust
from imgbuild.process.base import Operation
from imgbuild.process.resize import Resize
from imgbuild.rules.base import Rule
from imgbuild.rules.dimensions import Dimensions
from imgbuild.rules.similar_to import SimilarTo
from imgbuild.run.steps import RAW, Job, Start, Unfinished, finish, measure
from imgbuild.store.blobs import Blobs
from imgbuild.types import Format, Image, Record

HALF, DARK = Resize(width=8, height=8), Adjust(brightness=0.5)
WEBP = Format(type="webp", quality=90)


class Broken(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "broken"

    def apply(self, picture):
        raise TargetError("can't be done", hint="leave it out")


class Buggy(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "buggy"

    def apply(self, picture):
        return picture.no_such_thing


class Blind(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "blind"

    def measure(self, picture, files):
        return {}["nothing"]


class Counting(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "counting"
    looked: ClassVar[list] = []

    max: int
    of: str = ""

    def measured_by(self):
        return {"of": self.of}

    def measure(self, picture, files):
        self.looked.append(self.of)
        return {"n": len(self.looked)}


@pytest.fixture(scope="module")
def picture():
    return pillow.linear_gradient("L").resize((16, 16)).convert("RGB")


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "store")


def png(picture, **options):
    out = io.BytesIO()
    picture.save(out, "png", **options)
    return out.getvalue()


def generated(picture, **own):
    start = {"image": Image(pixels=picture, cost=0.25, info={"request": "r1"}), "key": "the key", "seed": 42}
    return Start(
        **{**start, "manifest": {"prompt": "a lamp"}, "seconds": 1.5, "environment": {"gpu": "h"}, **own}
    )


def job(start, *operations, format=RAW, **own):
    return Job(start=start, operations=operations, format=format, untouched=not operations, **own)


def steps(made):
    return [(record.step, record.blob, record.pixels) for record in made.records]


# --- what runs ---------------------------------------------------------------------------------------------


def test_pixels_are_kept_and_published_as_they_are(picture, blobs):
    made = finish(job(generated(picture)), blobs)
    data = encode(picture, RAW)
    assert made.raw == made.image == made.lossless == digest_bytes(data)
    assert blobs.read(made.image) == data
    assert (made.pixels, made.phash) == (pixel_digest(picture), perceptual_hash(picture))
    assert (made.ran, made.cost) == (("generate",), 0.25)
    assert made.seconds >= 1.5


def test_the_record_of_a_generated_image(picture, blobs):
    made = finish(job(generated(picture)), blobs)
    (record,) = made.records
    assert record.created > 0
    assert msgspec.structs.replace(record, created=0) == Record(
        key="the key",
        step="generate",
        blob=made.raw,
        pixels=made.pixels,
        phash=made.phash,
        seed=42,
        seconds=1.5,
        cost=0.25,
        manifest={"prompt": "a lamp"},
        environment={"gpu": "h"},
        info={"kind": "png", "request": "r1"},
    )


def test_the_record_lies_beside_its_blob(picture, blobs):
    made = finish(job(generated(picture), HALF), blobs)
    (manifest,) = blobs.manifests_of(made.raw)
    assert msgspec.convert(manifest, Record) == made.records[0]


def test_bytes_of_a_vendor_are_kept_bit_for_bit(picture, blobs):
    data = png(picture, optimize=True)
    made = finish(job(generated(picture, image=Image(data=data))), blobs)
    assert (blobs.read(made.raw), made.image, made.ran) == (data, made.raw, ("generate",))


def test_bytes_of_another_type_are_encoded(picture, blobs):
    made = finish(job(generated(picture, image=Image(data=png(picture))), format=WEBP), blobs)
    assert made.ran == ("generate", "encode")
    assert blobs.read(made.image) == encode(picture, WEBP)
    assert made.lossless == made.raw != made.image
    assert steps(made)[1] == ("encode", made.image, made.pixels)
    assert made.records[1].key == encode_key(WEBP, made.pixels)[0]


def test_each_operation_is_a_step(picture, blobs):
    made = finish(job(generated(picture), HALF, DARK, format=WEBP), blobs)
    small, dark = HALF.apply(picture), DARK.apply(HALF.apply(picture))
    assert made.ran == ("generate", "resize", "adjust", "encode")
    assert [pixels for _, _, pixels in steps(made)] == [
        pixel_digest(picture),
        pixel_digest(small),
        pixel_digest(dark),
        pixel_digest(dark),
    ]
    assert [record.key for record in made.records[1:]] == [
        process_key(HALF, pixel_digest(picture))[0],
        process_key(DARK, pixel_digest(small))[0],
        encode_key(WEBP, pixel_digest(dark))[0],
    ]
    assert [pixel_digest(decode(blobs.read(record.blob))) for record in made.records[:3]] == [
        record.pixels for record in made.records[:3]
    ]
    assert [record.phash for record in made.records] == ["", "", "", made.phash]
    assert made.lossless == made.records[2].blob


def test_the_last_pixels_are_kept_once_where_the_file_holds_them(picture, blobs):
    made = finish(job(generated(picture), HALF), blobs)
    assert made.ran == ("generate", "resize", "encode")
    assert made.records[1].blob == made.records[2].blob == made.image == made.lossless


def test_a_file_is_taken_in(picture, blobs):
    data = png(picture)
    made = finish(job(Start(file=data, key="its key"), HALF), blobs)
    assert made.ran == ("import", "resize", "encode")
    assert (made.records[0].step, made.records[0].key, made.raw) == ("import", "its key", digest_bytes(data))
    assert blobs.manifests_of(made.raw) == []


def test_what_is_known_is_not_run_again(picture, blobs):
    whole = finish(job(generated(picture), HALF, DARK, format=WEBP), blobs)
    small = whole.records[1]
    start = Start(blob=small.blob, pixels=small.pixels, raw=whole.raw, kind="png")
    made = finish(job(start, DARK, format=WEBP), blobs)
    assert made.ran == ("adjust", "encode")
    assert (made.raw, made.image, made.pixels, made.phash, made.lossless) == (
        whole.raw,
        whole.image,
        whole.pixels,
        whole.phash,
        whole.lossless,
    )
    assert made.cost == 0


def test_only_the_encoding_is_left(picture, blobs):
    whole = finish(job(generated(picture), HALF, format=WEBP), blobs)
    known = whole.records[1]
    start = Start(blob=known.blob, pixels=known.pixels, raw=whole.raw, kind="png")
    made = finish(Job(start=start, operations=(), format=Format(type="jpeg")), blobs)
    assert (made.ran, made.pixels, made.lossless) == (("encode",), whole.pixels, known.blob)


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "CMYK", "1"])
def test_any_mode_is_made_into_one_that_files_hold(picture, blobs, mode):
    other = picture.convert(mode)
    made = finish(job(generated(other), HALF), blobs)
    assert decode(blobs.read(made.image)).size == (8, 8)
    assert pixel_digest(decode(blobs.read(made.lossless))) == made.pixels


# --- measuring ----------------------------------------------------------------------------------------------


def test_rules_are_measured_on_what_is_published(picture, blobs):
    rules = {2: Dimensions(width=8, height=8)}
    made = finish(job(generated(picture), HALF, format=WEBP, rules=rules), blobs)
    assert made.measured == {2: {"width": 8, "height": 8}}
    assert measure(blobs.read(made.image), rules, {}) == made.measured


def test_what_rules_measure_alike_is_measured_once(picture):
    """Bounds may differ; what changes the measurement may not."""
    same, other = Counting(max=1), Counting(max=2, of="width")
    Counting.looked.clear()
    found = measure(png(picture), {0: same, 2: Counting(max=7), 3: other, 4: same}, {})
    assert found == {0: {"n": 1}, 2: {"n": 1}, 3: {"n": 2}, 4: {"n": 1}}
    assert Counting.looked == ["", "width"]


def test_references_are_read_for_rules_alone(picture, blobs):
    read = []

    def references():
        read.append(1)
        return {"refs/a.png": png(picture)}

    finish(job(generated(picture), references=references), blobs)
    assert read == []
    made = finish(
        job(generated(picture), rules={0: SimilarTo(reference="refs/a.png")}, references=references), blobs
    )
    assert (made.measured, read) == ({0: {"distance": 0}}, [1])


# --- what fails ---------------------------------------------------------------------------------------------


def failed(job, blobs):
    with pytest.raises(Unfinished) as caught:
        finish(job, blobs)
    return caught.value


def test_the_steps_before_a_failed_one_are_told(picture, blobs):
    error = failed(job(generated(picture), HALF, Broken()), blobs)
    assert str(error) == "error: can't be done\nhint: leave it out"
    assert [record.step for record in error.records] == ["generate", "resize"]
    assert error.cost == 0.25


def test_an_operation_that_breaks_is_named(picture, blobs):
    error = failed(job(generated(picture), Buggy()), blobs)
    assert (
        error.message
        == "operation 'buggy' broke: AttributeError: 'Image' object has no attribute 'no_such_thing'"
    )
    assert "tests/run/test_steps.py:" in error.hint


def test_a_rule_that_breaks_is_named(picture, blobs):
    error = failed(job(generated(picture), rules={0: Blind()}), blobs)
    assert error.message == "rule 'blind' broke: KeyError: 'nothing'"
    assert [record.step for record in error.records] == ["generate"]
    with pytest.raises(Broke):
        measure(png(picture), {0: Blind()}, {})


def test_bytes_that_are_no_picture_are_told_with_their_cost(picture, blobs):
    error = failed(job(generated(picture, image=Image(data=b"sorry", cost=0.5), name="shop/lamps#0")), blobs)
    assert error.message == "shop/lamps#0 is not an image that can be read"
    assert (error.records, error.cost) == ((), 0.5)


def test_what_was_paid_for_is_kept_on_the_disk_whatever_fails(picture, blobs, monkeypatch):
    synced = []
    monkeypatch.setattr(blobs, "sync", synced.append)
    error = failed(job(generated(picture, durable=True), Broken()), blobs)
    (record,) = error.records
    assert synced == [record.blob]
    assert blobs.read(record.blob) == encode(picture, RAW)
    assert [manifest["key"] for manifest in blobs.manifests_of(record.blob)] == ["the key"]


def test_bytes_that_are_gone_fail_the_target(blobs):
    error = failed(job(Start(blob=digest_bytes(b"never kept"), pixels="p", raw="r", kind="png")), blobs)
    assert str(error) == "error: what it was made of is gone from the store\nhint: build again"


def test_a_picture_that_its_format_cant_hold(blobs):
    error = failed(job(generated(pillow.new("L", (16384, 1))), format=WEBP), blobs)
    assert error.message.startswith("a picture of 16384×1 can't be written as webp:")
    assert [record.step for record in error.records] == ["generate"]
