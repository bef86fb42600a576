"""What can be beside a pipeline, and how its weights and its attention can be: real pictures of real libraries."""

import shutil
from itertools import pairwise

import pytest

from imgbuild.errors import SpecError
from imgbuild.providers.diffusers import loading
from imgbuild.store.store import open_store

pytestmark = [
    pytest.mark.slow,
    # What NumPy, bound into OpenCV and the schedulers, says of itself.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    # torch.compile looks at what torch itself calls old.
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]

ADAPTED = """
models:
  tiny:
    provider: diffusers
    source: ../models/tiny
    params: {steps: 4, guidance: 5, ip_adapter: {file: ../models/adapter.safetensors, scale: 0.5}}
assets:
  icon:
    prompt: "a red icon"
    inputs: {reference: ../refs/half.png}
"""


def build(made):
    ended = made.build()
    assert (ended.failures, ended.finished.generated) == ((), 1)
    return made.only().tobytes()


# --- IP-Adapters -------------------------------------------------------------------------------------------


def test_an_ip_adapter_hears_its_references(studio, refs):
    made = studio(ADAPTED)
    made.write(refs)
    seen = [build(made)]
    for change in [
        ("reference: ../refs/half.png", "reference: ../refs/base.png"),
        ("scale: 0.5", "scale: 1"),
        ("scale: 1", "scale: {down: {block_1: [1.0]}}"),
        ("reference: ../refs/base.png", "reference: [../refs/base.png, ../refs/half.png]"),
        ("reference:", "image: ../refs/base.png, reference:"),
    ]:
        made.edit("specs/catalog.yaml", change)
        seen.append(build(made))
    assert len({*seen}) == 6
    assert made.again() == 1
    assert made.only().tobytes() == seen[-1]


def test_an_ip_adapter_is_not_in_the_way_of_pictures_without_reference(studio, refs):
    made = studio(ADAPTED.replace("reference: ../refs/half.png", "image: ../refs/half.png"))
    plain = studio(made.text("specs/catalog.yaml"), "plain")
    plain.edit("specs/catalog.yaml", (", ip_adapter: {file: ../models/adapter.safetensors, scale: 0.5}", ""))
    for each in (made, plain):
        each.write(refs)
    assert build(made) == build(plain)


def test_several_ip_adapters_look_at_a_picture_each(studio, refs):
    made = studio(ADAPTED)
    made.write(refs)
    one = build(made)
    made.edit(
        "specs/catalog.yaml",
        ("{file: ../models/adapter.safetensors, scale: 0.5}", "[../models/adapter.safetensors, ../models/adapter.safetensors]"),
        ("reference: ../refs/half.png", "reference: [../refs/half.png, ../refs/base.png]"),
    )  # fmt: skip
    assert build(made) != one
    made.edit("specs/catalog.yaml", (", ../refs/base.png]", "]"))
    with pytest.raises(SpecError, match="model 'tiny' takes 2 pictures for input 'reference', not 1"):
        made.build()


def test_an_edited_image_encoder_reruns(studio, refs):
    made = studio(ADAPTED)
    made.write(refs)
    before = build(made)
    config = made.root / "models/image_encoder/config.json"
    config.write_text(config.read_text().replace('"layer_norm_eps": 1e-05', '"layer_norm_eps": 0.1'))
    assert build(made) != before


# --- a refiner ---------------------------------------------------------------------------------------------

REFINED = """
models:
  tiny:
    provider: diffusers
    source: ../models/tiny
    params: {steps: 5, guidance: 5}
assets:
  icon:
    prompt: "a red icon"
    negative: "blue"
"""


def test_a_refiner_finishes_the_picture(studio):
    made = studio(REFINED)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 5", "steps: 5, refiner: {source: ../models/refiner, at: 0.8}"))
    late = build(made)
    made.edit("specs/catalog.yaml", ("at: 0.8", "at: 0.2"))
    early = build(made)
    assert len({plain, late, early}) == 3
    assert made.again() == 1
    assert made.only().tobytes() == early
    weights = made.root / "models/refiner/unet/diffusion_pytorch_model.safetensors"
    shutil.copy(made.root / "models/tiny/unet/diffusion_pytorch_model.safetensors", weights)
    assert build(made) not in (early, late)


def test_a_refiner_takes_over_latents_where_both_can(studio, xl, monkeypatch):
    made = studio(REFINED)
    for name in ("tiny", "refiner"):
        shutil.rmtree(made.root / "models" / name)
        shutil.copytree(xl[name], made.root / "models" / name)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 5", "steps: 5, refiner: {source: ../models/refiner, at: 0.8}"))
    calls = steps_of_calls(monkeypatch)
    refined = build(made)
    assert refined != plain
    assert calls == [
        ("StableDiffusionXLPipeline", {"denoising_end": 0.8, "output_type": "latent"}),
        ("StableDiffusionXLImg2ImgPipeline", {"denoising_start": 0.8, "output_type": "pil"}),
    ]
    assert made.again() == 1
    assert made.only().tobytes() == refined


def steps_of_calls(monkeypatch):
    """Every call of a pipeline of Stable Diffusion XL, with what it says of how far it goes."""
    import diffusers

    found = []
    for name in ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"):
        kind = getattr(diffusers, name)
        monkeypatch.setattr(kind, "__call__", _noted(kind.__call__, name, found))
    return found


def _noted(call, name, found):
    from functools import wraps

    names = ("denoising_start", "denoising_end", "strength", "output_type")

    @wraps(call)
    def noted(*args, **given):
        found.append((name, {key: given[key] for key in names if key in given}))
        return call(*args, **given)

    return noted


def difference(one, other):
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


# --- what ControlNets look at --------------------------------------------------------------------------------

LOOKS = {
    "depth": ["{depth: ../models/depth}"],
    "pose": [
        "{pose: ../models/pose}",
        "{pose: {source: ../models/pose, people: ../models/people, threshold: 0}}",
    ],
    "segmentation": [
        "{segmentation: {source: ../models/segmentation, colors: ../models/bright.json}}",
        "{segmentation: {source: ../models/segmentation, colors: ../models/dim.json}}",
    ],
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_model_sees_for_a_controlnet(studio, refs, eyes, name):
    first, *others = looks = LOOKS[name]
    made = studio(
        ALONE.replace("steps: 4", f"steps: 4, controlnet: {{source: ../models/net, preprocess: {first}}}")
    )
    shutil.copytree(eyes, made.root / "models", dirs_exist_ok=True)
    made.write({**refs, "models/bright.json": '["red", "lime", "#00f", [255, 255, 0]]'})
    made.write({"models/dim.json": '["#800000", [0, 128, 0], "#008", [0, 0, 0]]'})
    made.edit("specs/catalog.yaml", ('"a red icon"', '"a red icon", inputs: {control: ../refs/base.png}'))
    seen = [build(made)]
    assert made.again() == 1
    assert made.only().tobytes() == seen[0]
    for old, new in pairwise(looks):
        made.edit("specs/catalog.yaml", (old, new))
        seen.append(build(made))
    made.edit("specs/catalog.yaml", ("control: ../refs/base.png", "control: ../refs/half.png"))
    seen.append(build(made))
    config = made.root / "models" / name / "preprocessor_config.json"
    config.write_text(config.read_text().replace('"do_normalize": true', '"do_normalize": false'))
    seen.append(build(made))
    made.edit("specs/catalog.yaml", (f", preprocess: {looks[-1]}", ""))
    seen.append(build(made))
    assert len({*seen}) == len(looks) + 3


# --- how weights and steps are computed ----------------------------------------------------------------------

ALONE = """
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 4, guidance: 5}}
assets:
  icon: {prompt: "a red icon"}
"""


def test_weights_of_fewer_bits(studio):
    made = studio(ALONE)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 4", "steps: 4, quantization: {backend: torchao}"))
    eight = build(made)
    assert 0 < difference(eight, plain) < 10
    with open_store(made.root / ".imgbuild", write=False) as store:
        (last,) = [
            record for record in store.records.all_records().values() if "torchao" in record.environment
        ]
    assert last.step == "generate"
    made.edit(
        "specs/catalog.yaml", ("backend: torchao", "backend: quanto, weights_dtype: int4, components: [unet]")
    )
    four = build(made)
    assert difference(four, plain) > difference(eight, plain)
    assert made.again() == 1
    assert made.only().tobytes() == four


def test_compiled_blocks(studio):
    made = studio(ALONE)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 4", "steps: 4, compile: true"))
    compiled = build(made)
    assert difference(compiled, plain) < 1
    assert made.again() == 1
    assert made.only().tobytes() == compiled


def test_a_cache_skips_what_hardly_changes(studio, flux):
    made = transformer(studio, flux)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 6", "steps: 6, cache: {class: FirstBlockCache, threshold: 10}"))
    skipped = build(made)
    assert skipped != plain
    made.edit("specs/catalog.yaml", ("threshold: 10", "threshold: 0"))
    assert build(made) == plain
    made.edit("specs/catalog.yaml", ("threshold: 0", "threshold: 10"))
    made.build()
    assert made.again() == 1
    assert made.only().tobytes() == skipped


def test_attention_of_another_back_end(studio, flux):
    made = transformer(studio, flux)
    plain = build(made)
    made.edit("specs/catalog.yaml", ("steps: 6", "steps: 6, attention: _native_math"))
    assert difference(build(made), plain) < 1
    made.edit("specs/catalog.yaml", ("attention: _native_math", "attention: native"))
    assert build(made) == plain  # whatever the model before it was told


def transformer(studio, flux):
    """A project whose model has a transformer for a body."""
    made = studio(ALONE)
    made.edit(
        "specs/catalog.yaml",
        ("steps: 4, guidance: 5", "steps: 6, guidance: 3.5"),
        ('"a red icon"', '"a red icon", size: 64x64'),
    )
    shutil.rmtree(made.root / "models/tiny")
    shutil.copytree(flux, made.root / "models/tiny")
    return made


# --- what goes wrong ---------------------------------------------------------------------------------------

WRONG = {
    "weights that are no IP-Adapter": (
        "ip_adapter: {file: ../models/lora.safetensors, image_encoder: ../models/image_encoder}",
        "the IP-Adapter ./models/lora.safetensors can't be loaded: it has no 'latents'\n"
        "hint: is it made for this model?",
    ),
    "an image encoder that is none": (
        "ip_adapter: {file: ../models/adapter.safetensors, image_encoder: ../models/net}",
        "the image encoder in net can't be loaded: its configuration names no CLIP and no SigLIP\n"
        "hint: it is a folder with a config.json and weights in safetensors; 'image_encoder' says where",
    ),
    "a refiner that is a ControlNet": (
        "refiner: ../models/net",
        "there is no pipeline at ./models/net\nhint: put it there, or leave it out",
    ),
    "a model for depth that is a ControlNet": (
        "controlnet: {source: ../models/net, preprocess: {depth: ../models/net}}",
        "the model for depth estimation in net can't be loaded: "
        "Can't load image processor for '{root}/models/net'. If you were trying to load it from "
        "'https://huggingface.co/models', make sure you don't have a local directory with the same name. Otherwise, "
        "make sure '{root}/models/net' is the correct path to a directory containing a preprocessor_config.json file\n"
        "hint: it is a folder as transformers writes it, with weights in safetensors",
    ),
    "an attention that a UNet can't take": (
        "attention: flash",
        "a UNet2DConditionModel can't take its attention from 'flash'\n"
        "hint: 'native' and 'xformers' are what it knows; leave it out",
    ),
    "a component that is not there": (
        "quantization: {backend: torchao, components: [transformer]}",
        "the pipeline has no component 'transformer' to quantize\n"
        "hint: it has feature_extractor, image_encoder, safety_checker, scheduler, text_encoder, tokenizer, unet, vae",
    ),
    "a setting that torchao has not": (
        "quantization: {backend: torchao, bits: 3}",
        "quantization by 'torchao' has no setting 'bits'\nhint: its settings: modules_to_not_convert, quant_type",
    ),
    "a library that is not installed": (
        "quantization: {backend: bitsandbytes_4bit}",
        "quantization by 'bitsandbytes_4bit' needs bitsandbytes, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[quantize]'`",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_only_be_told_when_it_is_loaded(studio, name):
    setting, error = WRONG[name]
    made = studio(ALONE.replace("steps: 4", f"steps: 4, {setting}"))
    ended = made.build()
    error = error.replace("{root}", str(made.root))
    assert [f"{each.cause}\nhint: {each.hint}" for each in ended.failures] == [error]


CACHES = {
    "a cache that is none": ("Teacache", "diffusers has no cache 'Teacache'"),
    "a setting that it has not": (
        "{class: FirstBlockCache, limit: 1}",
        "FirstBlockCache has no setting 'limit'",
    ),
}


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_that_can_not_be_used(studio, flux, name):
    cache, error = CACHES[name]
    made = transformer(studio, flux)
    made.edit("specs/catalog.yaml", ("steps: 6", f"steps: 6, cache: {cache}"))
    assert [each.cause for each in made.build().failures] == [error]


def test_a_part_is_loaded_once_for_all_pictures(studio, refs, monkeypatch):
    loads = []
    load = loading.load
    monkeypatch.setattr(loading, "load", lambda *given: loads.append(given[0].name) or load(*given))
    made = studio(ADAPTED + "  other: {prompt: a blue icon}\n")
    made.write(refs)
    assert made.build().finished.generated == 2
    assert loads == ["tiny"]
