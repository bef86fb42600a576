"""What files say of themselves: the same in every format, read by Pillow, and equal bytes for equal fields."""

import io
import struct
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image as pillow

from imgbuild.images import decode, encode, pixel_digest
from imgbuild.keys import METADATA
from imgbuild.provenance.describe import blocks_of, describe
from imgbuild.provenance.exif import texts_of
from imgbuild.provenance.read import read
from imgbuild.provenance.xmp import read_xmp
from imgbuild.types import Format, Metadata

STATED = {
    "license": "https://shop.example/terms",
    "credit": "The Shop",
    "creator": "Zoë",
    "copyright": "© The Shop",
}
MANIFEST = {
    "model": {"provider": "painter", "source": "house/lamps", "revision": "", "weights": "abc", "adapter": 1},
    "prompt": 'a <lamp> & "brass"',
    "negative": "",
    "width": 8,
    "height": 4,
    "params": {"steps": 3},
    "seed": 7,
    "inputs": {},
}
GENERATION = {
    "prompt": 'a <lamp> & "brass"',
    "negative": "",
    "width": 8,
    "height": 4,
    "params": {"steps": 3},
    "seed": 7,
    "model": {"provider": "painter", "source": "house/lamps", "weights": "abc"},
}
TYPES = ("png", "jpeg", "webp", "avif", "tiff")


def written(told, type="png"):
    data = encode(pillow.new("RGB", (8, 4), "teal"), Format(type=type), blocks_of(told, type))
    return data, pillow.open(io.BytesIO(data))


def packet(picture):
    found = picture.info["xmp"]
    return found if isinstance(found, bytes) else found.encode()


def test_other_bytes_want_another_version():
    """Where this fails, stores would give files with the old bytes for new ones: raise METADATA, then mend it."""
    told = describe(Metadata(level="full", **STATED), MANIFEST)
    long = describe(Metadata(level="full"), {**MANIFEST, "prompt": "lamp " * 10_000})
    blocks = [blocks_of(told, "png"), blocks_of(told, "jpeg"), blocks_of(long, "jpeg")]
    assert (METADATA, sha256(repr(blocks).encode()).hexdigest()[:12]) == (2, "81874add3c4b")


def test_levels():
    assert describe(Metadata(level="none", **STATED), MANIFEST) == {}
    minimal = {**STATED, "source": "trainedAlgorithmicMedia"}
    assert describe(Metadata(level="minimal", **STATED), MANIFEST) == minimal
    assert describe(Metadata(level="full", **STATED), MANIFEST) == {**minimal, "generation": GENERATION}


def test_what_is_no_model_s_alone():
    minimal = Metadata(level="minimal")
    mixed = {"source": "compositeWithTrainedAlgorithmicMedia"}
    assert describe(minimal, MANIFEST, composite=True) == mixed
    assert describe(minimal, {**MANIFEST, "inputs": {"image": ["abc"]}}) == mixed
    assert describe(minimal, {"file": "abc"}) == {}  # a photograph says nothing of models
    assert describe(minimal, {"file": "abc"}, composite=True, takes_drawn=True) == mixed


@pytest.mark.parametrize("type", TYPES)
def test_every_format_says_the_same(type):
    told = describe(Metadata(level="full", **STATED), MANIFEST)
    data, picture = written(told, type)
    assert written(told, type)[0] == data
    assert read_xmp(packet(picture)) == {**told, "tool": "imgbuild"}
    exif = picture.getexif()
    assert exif[ExifTags.Base.Software] == "imgbuild"
    assert exif[ExifTags.Base.Copyright].encode("latin-1").decode() == "© The Shop"
    texts = texts_of(exif)
    assert texts["ImageDescription" if type == "tiff" else "UserComment"] == blocks_of(told, type).parameters
    if type in ("png", "tiff"):
        assert pixel_digest(decode(data)) == pixel_digest(pillow.new("RGB", (8, 4), "teal"))


def test_the_comment_has_the_type_that_readers_want():
    exif = blocks_of(describe(Metadata(level="full"), MANIFEST), "jpeg").exif
    assert exif.count(struct.pack(">HH", ExifTags.Base.UserComment, 7)) == 1  # undefined


def test_png_has_the_web_ui_s_text():
    told = describe(Metadata(level="full"), MANIFEST)
    assert written(told)[1].text["parameters"] == blocks_of(told, "png").parameters


@pytest.mark.parametrize("prompt", ["a lamp", "Zoë's lamp ☃\nof brass", "a\0b", "lamp " * 4000])
def test_tiff_has_it_where_its_readers_look(prompt):
    told = describe(Metadata(level="full"), {**MANIFEST, "prompt": prompt})
    data, picture = written(told, "tiff")
    text = picture.tag_v2[ExifTags.Base.ImageDescription].encode("latin-1").decode()
    assert text == blocks_of(told, "png").parameters.replace("\0", " ")
    assert written(told, "tiff")[0] == data


def test_a_jpeg_holds_the_longest_prompts():
    long = {**MANIFEST, "prompt": "a lamp ☃ " * 2000, "negative": "dark " * 4000}
    told = describe(Metadata(level="full", **STATED), long)
    data, picture = written(told, "jpeg")
    assert written(told, "jpeg")[0] == data
    found = read(data)
    assert (found.generation, found.creator) == (told["generation"], "Zoë")
    kept = read_xmp(packet(picture))  # of readers that know of no extensions
    assert kept == {**{name: told[name] for name in told if name != "generation"}, "tool": "imgbuild"}
    exif = picture.getexif()  # there is no room for the comment, and nothing to put it elsewhere
    assert exif[ExifTags.Base.Artist].encode("latin-1").decode() == "Zoë"
    assert ExifTags.IFD.Exif not in exif


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("name", STATED)
def test_any_format_holds_the_longest_statements(name, type):
    told = describe(Metadata(level="full", **{**STATED, name: "©ÿ " * 30_000}), MANIFEST)
    found = read(written(told, type)[0])
    assert {name: getattr(found, name) for name in STATED} == {field: told[field].strip() for field in STATED}
    assert found.generation == told["generation"]


@pytest.mark.parametrize("type", TYPES)
def test_the_least_says_nothing_of_how(type):
    data, _ = written(describe(Metadata(level="minimal", **STATED), MANIFEST), type)
    for word in (b"lamp", b"steps", b"Seed", b"AISystem", b"AIPrompt", "lamp".encode("utf-16-be")):
        assert word not in data


@given(st.text(), st.sampled_from(TYPES))
def test_any_prompt_comes_back_exactly(prompt, type):
    told = describe(Metadata(level="full"), {**MANIFEST, "prompt": prompt})
    _, picture = written(told, type)
    assert read_xmp(packet(picture))["generation"]["prompt"] == prompt


def test_iptc_s_properties_say_what_the_prompt_was_and_which_model_drew():
    manifest = {**MANIFEST, "negative": "dark", "model": {**MANIFEST["model"], "revision": "v2"}}
    packet = blocks_of(describe(Metadata(level="full"), manifest), "jpeg").xmp.decode()
    for element in (
        '<Iptc4xmpExt:AIPromptInformation>a &lt;lamp&gt; &amp; "brass"\nNegative prompt: dark<',
        "<Iptc4xmpExt:AISystemUsed>house/lamps<",
        "<Iptc4xmpExt:AISystemVersionUsed>v2<",
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
    ):
        assert element in packet
    assert "AIPromptWriterName" not in packet


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<x",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        b"\xff\xfe<",
        b"<x/>",
        b"<?xml encoding='no'?>",
    ],
)
def test_packets_that_say_nothing(data):
    assert read_xmp(data) == {}


@given(st.binary())
def test_any_bytes_are_no_worse_than_nothing(data):
    read_xmp(data)
