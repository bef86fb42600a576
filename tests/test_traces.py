"""How far records carry a target: from key to pixels to the next key, as long as the bytes are there."""

import pytest
from msgspec.structs import replace

from imgbuild.keys import encode_key, process_key
from imgbuild.ledger import pixels_key
from imgbuild.process.adjust import Adjust
from imgbuild.process.resize import Resize
from imgbuild.traces import follow, lossless_blob, untouched
from imgbuild.types import Format, Line, Record

STEPS = (Resize(width=8, height=8), Adjust(gamma=1.2))
WEBP = Format(type="webp", quality=90)
KEY = "the key of its first step"


class Store:
    """Records and blobs of one target that was built: pixels 0 are those generated, 1 and 2 those of the steps."""

    def __init__(self, format, steps=STEPS, kind="png"):
        pixels = [f"pixels {place}" for place in range(len(steps) + 1)]
        first = Record(key=KEY, step="generate", blob="blob 0", pixels=pixels[0], info={"kind": kind})
        self.records = {KEY: first}
        for place, step in enumerate(steps):
            key = process_key(step, pixels[place])[0]
            made = Record(key=key, step=step.name, blob=f"blob {place + 1}", pixels=pixels[place + 1])
            self.records[key] = made
        key = encode_key(format, pixels[-1])[0]
        self.records[key] = Record(key=key, step="encode", blob="the file", pixels=pixels[-1], phash="f0" * 8)
        self.blobs = {record.blob for record in self.records.values()}

    def follow(self, target):
        return follow(target, KEY, {"prompt": "a lamp"}, self.records.get, self.blobs.__contains__)


@pytest.fixture
def lamp(target):
    return lambda format=WEBP, process=STEPS: target(process=process, format=format)


def test_nothing_is_known(lamp):
    store = Store(WEBP)
    store.records.clear()
    trace = store.follow(lamp())
    assert (trace.key, trace.manifest, trace.first) == (KEY, {"prompt": "a lamp"}, None)
    assert (trace.blob, trace.pixels, trace.done, trace.image) == ("", "", 0, "")


def test_all_is_known(lamp):
    trace = Store(WEBP).follow(lamp())
    assert trace.first.blob == "blob 0"
    assert (trace.blob, trace.pixels, trace.done) == ("blob 2", "pixels 2", 2)
    assert (trace.image, trace.phash, trace.lossless) == ("the file", "f0" * 8, "blob 2")


def test_a_lossless_file_holds_the_pixels_itself(lamp):
    png = Format(compress_level=9)
    assert Store(png).follow(lamp(png)).lossless == "the file"


@pytest.mark.parametrize(
    ("missing", "done", "pixels", "blob"),
    [
        ("blob 1", 0, "pixels 0", "blob 0"),
        ("blob 2", 1, "pixels 1", "blob 1"),
        ("the file", 2, "pixels 2", "blob 2"),
    ],
)
@pytest.mark.parametrize("lost", ["blob", "record"])
def test_up_to_the_first_step_that_is_lost(lamp, missing, done, pixels, blob, lost):
    store = Store(WEBP)
    if lost == "blob":
        store.blobs.discard(missing)
    else:
        store.records = {key: item for key, item in store.records.items() if item.blob != missing}
    trace = store.follow(lamp())
    assert (trace.done, trace.pixels, trace.blob, trace.image) == (done, pixels, blob, "")


def test_without_the_generated_bytes_nothing_is_known(lamp):
    store = Store(WEBP)
    store.blobs.discard("blob 0")
    assert store.follow(lamp()).first is None


def test_an_edited_step_keeps_what_comes_before_it(lamp):
    trace = Store(WEBP).follow(lamp(process=(STEPS[0], Adjust(gamma=1.3))))
    assert (trace.done, trace.pixels, trace.image) == (1, "pixels 1", "")


def test_another_encoding_keeps_every_step(lamp):
    trace = Store(WEBP).follow(lamp(Format(type="webp", quality=80)))
    assert (trace.done, trace.pixels, trace.image) == (2, "pixels 2", "")


def test_without_its_perceptual_hash_the_image_is_not_known(lamp):
    store = Store(WEBP)
    key = encode_key(WEBP, "pixels 2")[0]
    store.records[key] = replace(store.records[key], phash="")
    assert store.follow(lamp()).image == ""


def test_raw_bytes_that_are_published_as_they_are(lamp):
    store = Store(Format(), steps=())
    store.records[KEY] = replace(store.records[KEY], phash="0f" * 8)
    trace = store.follow(lamp(Format(), ()))
    assert (trace.image, trace.phash, trace.lossless) == ("blob 0", "0f" * 8, "blob 0")


@pytest.mark.parametrize(
    ("format", "process", "kind", "same"),
    [
        (Format(), (), "png", True),
        (Format(type="webp"), (), "webp", True),
        (Format(), (), "webp", False),
        (Format(type="webp"), (), "png", False),
        (Format(compress_level=9), (), "png", False),
        (WEBP, (), "webp", False),
        (Format(), STEPS, "png", False),
        (Format(), (), "", False),
    ],
)
def test_when_raw_bytes_are_published_as_they_are(lamp, format, process, kind, same):
    assert untouched(lamp(format, process), kind) is same


LINE = Line(seed=1, attempt=0, raw="raw", image="image", pixels="pixels")
KEPT = Record(key=pixels_key("pixels"), step="pixels", blob="kept", pixels="pixels")

HELD = {
    "a lossless file": (Format(), STEPS, {"image", "raw", "kept"}, "image"),
    "a lossless file that is gone": (Format(), STEPS, {"raw", "kept"}, "kept"),
    "a lossy file that nothing was done to": (WEBP, (), {"image", "raw"}, "raw"),
    "a lossy file after steps": (WEBP, STEPS, {"image", "raw", "kept"}, "kept"),
    "a lossy file after steps that were not kept": (WEBP, STEPS, {"image", "raw"}, ""),
    "nothing": (WEBP, (), set(), ""),
    "a lossless webp, which keeps no gray": (Format(type="webp", lossless=True), STEPS, {"image"}, ""),
    "a tiff": (Format(type="tiff"), STEPS, {"image"}, "image"),
    "a jpeg": (Format(type="jpeg"), STEPS, {"image"}, ""),
}


@pytest.mark.parametrize("name", HELD)
def test_a_blob_that_holds_exactly_the_pixels(lamp, name):
    format, process, blobs, wanted = HELD[name]
    find = {KEPT.key: KEPT}.get
    assert lossless_blob(lamp(format, process), LINE, find, blobs.__contains__) == wanted
