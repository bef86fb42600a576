"""Reading what images say: those of other tools as these write them, and anything at all."""

import io
import json
import re
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, PngImagePlugin
from PIL import Image as pillow

from imgbuild.commands.redraw import redrawing
from imgbuild.errors import BadImage, UsageError
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


FLUX = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lamp", "clip": ["2", 0]}},
    "4": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["3", 0]}},
    "6": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["4", 0]}},
    "5": {"class_type": "RandomNoise", "inputs": {"noise_seed": 42}},
    "7": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "8": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 20, "denoise": 1}},
    "9": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 8, "height": 4, "batch_size": 1}},
    "10": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["5", 0],
            "guider": ["6", 0],
            "sampler": ["7", 0],
            "sigmas": ["8", 0],
            "latent_image": ["9", 0],
        },
    },
}


def test_images_of_comfyui_s_flux():
    found = read(picture("PNG", pnginfo=chunks(prompt=json.dumps(FLUX))))
    params = {"steps": 20, "guidance": 3.5, "scheduler": "euler", "sigmas": "simple", "strength": 1}
    generation = {**SAID, "negative": "", "model": {"source": "flux1-dev.safetensors"}, "params": params}
    assert (found.tool, found.generation) == ("ComfyUI", generation)


def test_images_of_comfyui_s_controlnet():
    """Both prompts pass through one node, by its first output and its second."""
    both = {"positive": ["12", 0], "negative": ["12", 1]}
    sampler = {**WORKFLOW["3"], "inputs": {**WORKFLOW["3"]["inputs"], **both}}
    control = {"strength": 1, "positive": ["6", 0], "negative": ["7", 0]}
    graph = {**WORKFLOW, "3": sampler, "12": {"class_type": "ControlNetApplyAdvanced", "inputs": control}}
    found = read(picture("PNG", pnginfo=chunks(prompt=json.dumps(graph))))
    assert (found.generation["prompt"], found.generation["negative"]) == ("a lamp", "blurry")


def test_images_of_comfyui_s_that_were_drawn_twice():
    """The second sampler comes first in the file; the model and the size are found through the first."""
    again = {**WORKFLOW["3"]["inputs"], "latent_image": ["13", 0], "model": ["3", 0]}
    graph = {
        "12": {"class_type": "KSampler", "inputs": again},
        "13": {"class_type": "LatentUpscaleBy", "inputs": {"samples": ["3", 0], "scale_by": 2}},
        **WORKFLOW,
    }
    found = read(picture("PNG", pnginfo=chunks(prompt=json.dumps(graph))))
    assert (found.generation["width"], found.generation["model"]) == (8, {"source": "sdxl.safetensors"})


def drawn(number, kind, values=(), **links):
    """A node as ComfyUI's editor has it. links: its inputs, and the number of the link to each."""
    inputs = [{"name": name, "type": "ANY", "link": link} for name, link in links.items()]
    return {"id": number, "type": kind, "mode": 0, "inputs": inputs, "widgets_values": list(values)}


SAMPLER = drawn(
    3,
    "KSampler",
    [42, "randomize", 20, 7.5, "euler", "karras", 1],
    model=1,
    positive=4,
    negative=6,
    latent_image=2,
)
EDITED = {
    "last_node_id": 12,
    "nodes": [
        {**SAMPLER, "id": 12, "mode": 4, "widgets_values": [1, "fixed", 2, 3, "ddim", "normal", 1]},
        SAMPLER,
        drawn(4, "CheckpointLoaderSimple", ["sdxl.safetensors"]),
        drawn(10, "LoraLoader", ["brass.safetensors", 1, 1], model=9),
        drawn(5, "EmptyLatentImage", [8, 4, 1]),
        drawn(6, "CLIPTextEncode", ["a lamp"], clip=3),
        drawn(7, "CLIPTextEncode", ["blurry"], clip=5),
    ],
    "links": [
        [9, 4, 0, 10, 0, "MODEL"],
        [1, 10, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        {"id": 4, "origin_id": 6, "origin_slot": 0, "target_id": 3, "target_slot": 1, "type": "CONDITIONING"},
        [5, 4, 1, 7, 0, "CLIP"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
    ],
    "version": 0.4,
}


def camera(**texts):
    exif = pillow.Exif()
    for name, text in texts.items():
        exif[ExifTags.Base[name]] = text
    return exif


@pytest.mark.parametrize(
    "data",
    [
        picture("PNG", pnginfo=chunks(workflow=json.dumps(EDITED))),
        picture("WEBP", exif=camera(Make=f"workflow:{json.dumps(EDITED)}")),
        picture("WEBP", exif=camera(Model=f"prompt:{json.dumps(WORKFLOW)}", Make="workflow:{}")),
    ],
    ids=["png", "webp", "webp, as it was run"],
)
def test_images_of_comfyui_s_editor(data):
    params = {"steps": 20, "guidance": 7.5, "scheduler": "euler", "sigmas": "karras", "strength": 1}
    generation = {**SAID, "model": {"source": "sdxl.safetensors"}, "params": params}
    found = read(data)
    assert (found.tool, found.generation) == ("ComfyUI", generation)


INVOKEAI = {
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": "a lamp",
    "negative_prompt": "blurry",
    "width": 8,
    "height": 4,
    "seed": 42,
    "rand_device": "cpu",
    "cfg_scale": 7,
    "steps": 20,
    "scheduler": "euler_a",
    "model": {"key": "6a1b", "hash": "blake3:ab12", "name": "sdxl", "base": "sdxl", "type": "main"},
    "app_version": "5.4.2",
}
INVOKEAI_3 = {**INVOKEAI, "model": {"model_name": "sdxl", "base_model": "sdxl", "model_type": "main"}}
INVOKEAI_2 = {
    "model": "stable diffusion",
    "model_weights": "sdxl",
    "model_hash": "ab12",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.5",
    "image": {
        "prompt": [{"prompt": "a lamp [blurry]", "weight": 1.0}],
        "steps": 20,
        "cfg_scale": 7,
        "height": 4,
        "width": 8,
        "seed": 42,
        "type": "txt2img",
        "postprocessing": None,
        "sampler": "k_euler_a",
        "variations": [],
    },
}
NOVELAI = {
    "prompt": "a lamp",
    "steps": 20,
    "height": 4,
    "width": 8,
    "scale": 7,
    "uncond_scale": 0.0,
    "seed": 42,
    "n_samples": 1,
    "noise_schedule": "native",
    "sampler": "k_euler_ancestral",
    "uc": "blurry",
    "request_type": "PromptGenerateRequest",
}
V4 = {
    "v4_prompt": {"caption": {"base_caption": "a lamp", "char_captions": [{"char_caption": "a girl"}]}},
    "v4_negative_prompt": {"caption": {"base_caption": "blurry", "char_captions": []}},
}
NOVELAI_4 = {name: value for name, value in (NOVELAI | V4).items() if name not in ("prompt", "uc")}
NOVELAI_TEXTS = {
    "Title": "NovelAI generated image",
    "Description": "a lamp",
    "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4.5 4BDE2A90",
    "Comment": json.dumps(NOVELAI),
}
FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)",
    "base_model": "sdxl",
    "base_model_hash": "ab12",
    "full_prompt": ["a lamp", "cinematic still"],
    "guidance_scale": 7,
    "negative_prompt": "blurry",
    "performance": "Speed",
    "prompt": "a lamp",
    "resolution": "(8, 4)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "42",
    "sharpness": 2,
    "steps": 20,
    "styles": "['Fooocus V2']",
    "version": "Fooocus v2.5.5",
}
BY_FOOOCUS = {
    **SAID,
    "model": {"source": "sdxl", "weights": "ab12"},
    "params": {
        "steps": 20,
        "guidance": 7,
        "scheduler": "dpmpp_2m_sde_gpu",
        "sigmas": "karras",
        "styles": "['Fooocus V2']",
        "performance": "Speed",
        "sharpness": 2,
    },
}
FOOOCUS_EXIF = camera(UserComment=json.dumps(FOOOCUS), Software="Fooocus v2.5.5", MakerNote="fooocus")


def by_invokeai(prompt="a lamp", negative="blurry", scheduler="euler_a", **model):
    params = {"steps": 20, "guidance": 7, "scheduler": scheduler}
    return {
        **SAID,
        "prompt": prompt,
        "negative": negative,
        "model": {"source": "sdxl", **model},
        "params": params,
    }


def by_novelai(**more):
    params = {"steps": 20, "guidance": 7, "scheduler": "k_euler_ancestral", "sigmas": "native", **more}
    return {**SAID, "model": {"source": "NovelAI Diffusion V4.5 4BDE2A90"}, "params": params}


OTHERS = {
    "InvokeAI": (
        picture("PNG", pnginfo=chunks(invokeai_metadata=json.dumps(INVOKEAI), invokeai_graph="{}")),
        by_invokeai(weights="blake3:ab12"),
    ),
    "InvokeAI 3": (picture("PNG", pnginfo=chunks(invokeai_metadata=json.dumps(INVOKEAI_3))), by_invokeai()),
    "InvokeAI 2": (
        picture("PNG", pnginfo=chunks(**{"sd-metadata": json.dumps(INVOKEAI_2), "Dream": '"a lamp" -s 20'})),
        by_invokeai("a lamp [blurry]", "", "k_euler_a", weights="ab12"),
    ),
    "NovelAI": (picture("PNG", pnginfo=chunks(**NOVELAI_TEXTS)), by_novelai()),
    "NovelAI 4": (
        picture("PNG", pnginfo=chunks(**NOVELAI_TEXTS | {"Comment": json.dumps(NOVELAI_4)})),
        by_novelai(characters=["a girl"]),
    ),
    "NovelAI, WebP": (
        picture("WEBP", exif=comment(b"UNICODE\0" + json.dumps(NOVELAI_TEXTS).encode("utf-16-be"))),
        by_novelai(),
    ),
    "Fooocus": (
        picture("PNG", pnginfo=chunks(parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus")),
        BY_FOOOCUS,
    ),
    "Fooocus, JPEG": (picture("JPEG", exif=FOOOCUS_EXIF), BY_FOOOCUS),
    "Fooocus, WebP": (picture("WEBP", exif=FOOOCUS_EXIF), BY_FOOOCUS),
    "Fooocus, as the web UI": (
        picture(
            "PNG", pnginfo=chunks(parameters=f"{INFOTEXT}, Version: Fooocus v2.5.5", fooocus_scheme="a1111")
        ),
        {**SAID, "params": {**SAID["params"], "Version": "Fooocus v2.5.5"}},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_images_of_other_tools(name):
    data, generation = OTHERS[name]
    found = read(data)
    assert (found.tool, found.generation) == (re.match(r"\w+", name)[0], generation)


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


@st.composite
def bent(draw, whole):
    """An object of a tool, with anything in place of any of its values, however deep."""
    if draw(st.integers(0, 3)) == 0:
        return draw(anything)
    if isinstance(whole, dict):
        return {key: draw(bent(value)) for key, value in whole.items()}
    return [draw(bent(value)) for value in whole] if isinstance(whole, list) else whole


PLACES = {
    "workflow": EDITED,
    "prompt": FLUX,
    "invokeai_metadata": INVOKEAI,
    "sd-metadata": INVOKEAI_2,
    "Comment": NOVELAI_4,
    "parameters": FOOOCUS,
}


@given(st.sampled_from(list(PLACES)).flatmap(lambda name: st.tuples(st.just(name), bent(PLACES[name]))))
def test_whatever_tools_are_said_to_have_written_can_be_told_on(case):
    name, told = case
    found = read(picture("PNG", pnginfo=chunks(**{name: json.dumps(told), "Software": "NovelAI"})))
    msgspec.json.encode(found)
    with suppress(UsageError):
        redrawing(found, "a", "a.png", "")


HOSTILE = [
    "{",
    "{" * 10**5,
    "[" * 10**5,
    '{"prompt": ' * 10**5,
    '{"seed": ' + "9" * 5000 + "}",
    "{}",
    "[]",
    "null",
]


@pytest.mark.parametrize("name", [*PLACES, "UserComment"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_malformed_json_says_nothing(name, text):
    if name == "UserComment":
        found = read(picture("PNG", exif=comment(b"ASCII\0\0\0" + text.encode())))
    else:
        found = read(picture("PNG", pnginfo=chunks(**{name: text, "Software": "NovelAI"})))
    assert found.generation == {}


def test_what_no_file_can_hold_is_not_told_on():
    told = {
        **INVOKEAI,
        "seed": 2**63,
        "steps": 1e999,
        "cfg_scale": float("nan"),
        "positive_prompt": "a \ud800",
    }
    found = read(
        picture("PNG", pnginfo=chunks(invokeai_metadata=json.dumps(told).replace("Infinity", "1e999")))
    )
    assert found.generation["prompt"] == "a \ufffd"
    assert "seed" not in found.generation
    assert found.generation["params"] == {"scheduler": "euler_a"}


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_a_file_cut_anywhere_is_told_or_read(type, data):
    whole = picture(type, exif=comment(b"UNICODE\0" + INFOTEXT.encode("utf-16-be")))
    at, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    for broken in (whole[:at], whole[:at] + bytes([byte]) + whole[at + 1 :]):
        with suppress(BadImage):
            read(broken)
