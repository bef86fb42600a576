"""Reading what images say: those of other tools as these write them, and anything at all."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, PngImagePlugin
from PIL import Image as pillow

from imgbuild.errors import BadImage
from imgbuild.images import encode
from imgbuild.provenance.describe import blocks_of, describe
from imgbuild.provenance.read import Found, read
from imgbuild.types import Format, Metadata

INFOTEXT = "a lamp\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 8x4, Model: sdxl"
SAID = {
    "prompt": "a lamp",
    "negative": "blurry",
    "width": 8,
    "height": 4,
    "seed": 42,
    "model": {"source": "sdxl"},
    "params": {"steps": 20, "scheduler": "Euler a", "guidance": 7},
}
WORKFLOW = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler",
            "scheduler": "karras",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 8, "height": 4, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lamp", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "brass", "model": ["4", 0], "loop": ["10", 0]},
    },
}


def picture(type, **said):
    out = io.BytesIO()
    pillow.new("RGB", (8, 4)).save(out, format=type, **said)
    return out.getvalue()


def chunks(**texts):
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    return info


def comment(data):
    exif = pillow.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.UserComment: data}
    return exif


@pytest.mark.parametrize(
    "data",
    [
        picture("PNG", pnginfo=chunks(parameters=INFOTEXT)),
        picture("JPEG", exif=comment(b"UNICODE\0" + INFOTEXT.encode("utf-16-be"))),
        picture("WEBP", exif=comment(b"UNICODE\0" + INFOTEXT.encode("utf-16-le"))),
        picture("AVIF", exif=comment(b"ASCII\0\0\0" + INFOTEXT.encode())),
        picture("TIFF", description=INFOTEXT),
    ],
    ids=["png", "jpeg", "webp", "avif", "tiff"],
)
def test_images_of_the_web_ui(data):
    found = read(data)
    assert (found.tool, found.generation) == ("AUTOMATIC1111", SAID)


def test_images_of_comfyui():
    found = read(picture("PNG", pnginfo=chunks(prompt=json.dumps(WORKFLOW), workflow="{}")))
    params = {"steps": 20, "guidance": 7.5, "scheduler": "euler", "sigmas": "karras", "strength": 1}
    generation = {**SAID, "model": {"source": "sdxl.safetensors"}, "params": params}
    assert (found.tool, found.generation) == ("ComfyUI", generation)


@pytest.mark.parametrize("type", ["png", "jpeg", "webp", "avif", "tiff"])
def test_our_own(type):
    manifest = {
        "prompt": "a lamp",
        "negative": "",
        "width": 8,
        "height": 4,
        "seed": 7,
        "params": {},
        "model": {},
    }
    told = describe(Metadata(level="full", credit="The Shop"), manifest)
    data = encode(pillow.new("RGB", (8, 4)), Format(type=type), blocks_of(told, type))
    assert read(data) == Found(
        width=8,
        height=4,
        format=type,
        tool="imgbuild",
        source="trainedAlgorithmicMedia",
        credit="The Shop",
        generation=told["generation"],
    )


IPTC = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {}/>'
    "</rdf:RDF></x:xmpmeta>"
)


def test_images_that_have_only_iptc_s_properties():
    told = (
        'Iptc4xmpExt:AIPromptInformation="a lamp&#10;Negative prompt: dark" Iptc4xmpExt:AISystemUsed="Painter" '
        'Iptc4xmpExt:AISystemVersionUsed="3" Iptc4xmpExt:AIPromptWriterName="Zoë"'
    )
    found = read(picture("JPEG", xmp=IPTC.format(told).encode()))
    assert (found.tool, found.generation) == (
        "",
        {
            "prompt": "a lamp",
            "negative": "dark",
            "prompt_writer": "Zoë",
            "model": {"source": "Painter", "revision": "3"},
        },
    )
    exact = picture("JPEG", xmp=IPTC.format(told).encode(), exif=comment(b"ASCII\0\0\0" + INFOTEXT.encode()))
    assert read(exact).generation == SAID


def test_a_picture_that_says_nothing():
    assert read(picture("PNG")) == Found(width=8, height=4, format="png")


def test_no_picture():
    with pytest.raises(BadImage) as caught:
        read(b"words", "a.png")
    assert str(caught.value).splitlines()[0] == "error: a.png is not an image that can be read"


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)
links = st.one_of(anything, st.tuples(st.sampled_from(["1", "2", "3"]), st.integers()).map(list))
nodes = st.fixed_dictionaries(
    {
        "inputs": st.dictionaries(
            st.sampled_from(["steps", "positive", "negative", "seed", "text", "width"]), links
        )
    }
)


@given(st.one_of(anything, st.dictionaries(st.sampled_from(["1", "2", "3"]), nodes)))
def test_any_graph_is_read_as_something(graph):
    read(picture("PNG", pnginfo=chunks(prompt=json.dumps(graph))))


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_a_file_cut_anywhere_is_told_or_read(type, data):
    whole = picture(type, exif=comment(b"UNICODE\0" + INFOTEXT.encode("utf-16-be")))
    at, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    for broken in (whole[:at], whole[:at] + bytes([byte]) + whole[at + 1 :]):
        with suppress(BadImage):
            read(broken)
