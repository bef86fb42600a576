"""Real pictures of real libraries: equal bits whatever else is drawn, and other bits for every setting that says so."""

import json
import multiprocessing
from functools import wraps

import pytest
from PIL import Image, ImageChops

from imgbuild.providers.diffusers import drawing
from imgbuild.report.events import Draw, Load
from imgbuild.store.store import open_store

pytestmark = [
    pytest.mark.slow,
    # The schedulers of Euler's kind hand tensors to NumPy, which wants `copy` in their __array__.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

SPEC = """
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2, batch: 2}}
assets:
  icon:
    prompt: "a {{ color }} icon"
    matrix: {color: [red, blue, green]}
  soft:
    prompt: "a soft {{ color }} icon"
    matrix: {color: [red]}
    inputs: {image: {asset: icon}, strength: 0.5}
"""
ICONS = ["icon/blue_0.png", "icon/green_0.png", "icon/red_0.png"]


@pytest.fixture
def built(studio):
    """A project, built."""
    made = studio(SPEC)
    ended = made.build()
    assert (ended.finished.generated, ended.failures) == (4, ())
    return made


def test_it_draws(built, drawn):
    calls, loads = drawn
    with Image.open(built.root / "out/icon/red_0.png") as picture:
        assert (picture.size, picture.mode) == ((64, 64), "RGB")
        assert max(high - low for low, high in picture.getextrema()) > 50
    assert built.build().finished.fresh == 4
    assert (calls, loads) == ([], [])


def test_equal_bits_alone_and_among_others(built, drawn):
    calls, loads = drawn
    before = built.outputs()
    assert built.again("icon/red_0.png") == 1
    assert built.outputs() == {"icon/red_0.png": before["icon/red_0.png"]}
    assert built.build(locked=True).finished.generated == 3
    assert built.outputs() == before
    assert [len(call) for call in calls] == [1, 2, 1]
    assert loads == ["tiny", "tiny"]


def test_the_place_in_a_batch_is_of_no_matter(built):
    before = built.outputs()
    built.edit("specs/catalog.yaml", ("[red, blue, green]", "[white, green, red, blue]"))
    built.build()
    assert built.again() == 5
    after = built.outputs()
    assert {name: after[name] for name in before} == before
    assert len({after[name] for name in after}) == 5


def test_each_step_is_told(built):
    built.edit("specs/catalog.yaml", ("steps: 2", "steps: 4"))
    built.build()
    work = [event for event in built.events if isinstance(event, Load | Draw) and event.ended]
    assert [(type(event).__name__, event.model) for event in work] == [
        ("Load", "tiny"),
        ("Draw", "tiny"),
        ("Draw", "tiny"),
        ("Draw", "tiny"),
    ]
    assert [(event.batch, event.images, event.step, event.steps) for event in work[1:]] == [
        (1, 2, 4, 4),
        (2, 1, 4, 4),
        (3, 1, 2, 2),  # half of the steps, for a picture that goes in
    ]


def test_telling_changes_no_bit(built, monkeypatch):
    before, told = built.outputs(), []

    def untold(pipeline, tell):
        told.append(type(pipeline).__name__)
        return {}

    monkeypatch.setattr(drawing, "told", untold)
    assert built.again() == 4
    assert built.outputs() == before
    assert told == ["StableDiffusionPipeline", "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"]


def test_verify_finds_equal_bits(built):
    told = built.tell("verify")
    assert told.code == 0, told.out
    assert "4 targets compared with the lock: 4 bitwise" in told.out


def test_the_record_says_what_shaped_the_pixels(built):
    with open_store(built.root / ".imgbuild", write=False) as store:
        records = [record for record in store.records.all_records().values() if record.step == "generate"]
    assert {record.info["pipeline"] for record in records} == {
        "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline",
    }
    environment = records[0].environment
    assert {"torch", "diffusers", "transformers", "device", "cpu"} <= {*environment}
    assert records[0].info == {**records[0].info, "threads": 2, "dtype": "float32", "batch": 2}
    for record in records:  # torch alone takes more than so much, and what was taken once stays the most
        assert 50_000_000 < record.info["memory"] <= record.info["ram"]


def test_the_end_says_how_the_device_was_used(studio):
    made = studio(SPEC)
    ended = made.build().finished
    assert 0 < ended.busy <= 1
    assert ended.memory > 50_000_000
    again = made.build().finished
    assert (again.busy, again.memory) == (0.0, 0)


def test_two_models_are_loaded_once_each(studio, drawn):
    calls, loads = drawn
    made = studio(
        """
        models:
          tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 1, batch: 4}}
          other: {provider: diffusers, source: ../models/tiny, params: {steps: 1, batch: 4, vae: ../models/vae}}
        assets:
          icon:
            prompt: "a {{ color }} icon"
            matrix: {color: [red, blue, green, white]}
            models: [tiny, other]
            seeds: 15
          large:
            prompt: "a {{ color }} thing"
            matrix: {color: [red, blue, green, white]}
            models: [tiny, other]
            size: 72x64
            seeds: 10
        """
    )
    assert made.build().finished.generated == 200
    assert len(loads) == 2
    assert [len(call) for call in calls] == [4] * 50


TWO = """
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2, batch: 2}}
  other: {provider: diffusers, source: ../models/tiny, params: {steps: 2, batch: 2, vae: ../models/vae}}
assets:
  icon:
    prompt: "a {{ color }} icon"
    matrix: {color: [red, blue, green]}
    models: [tiny, other]
  soft: {prompt: "a soft icon", models: [tiny], inputs: {image: ../refs/base.png, strength: 0.5}}
"""


def test_two_devices_give_the_bits_of_one(studio):
    picture = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    projects = {name: studio(TWO, name) for name in ("one", "two")}
    for made in projects.values():
        (made.root / "refs").mkdir()
        picture.save(made.root / "refs/base.png")
    one, two = projects["one"], projects["two"]
    two.write({"imgbuild.yaml": "devices: [cpu, cpu]\n"})
    assert one.build().finished.generated == two.build().finished.generated == 7
    assert two.outputs() == one.outputs()
    assert two.locks() == one.locks()
    loads = [event.model for event in two.events if isinstance(event, Load) and event.ended]
    assert sorted(loads) == ["other", "tiny"]
    drawn = [event for event in two.events if isinstance(event, Draw) and event.ended]
    assert {(event.model, event.device, event.step) for event in drawn} >= {
        ("tiny", "cpu", 2),
        ("other", "cpu", 2),
    }
    with open_store(two.root / ".imgbuild", write=False) as store:
        records = [record for record in store.records.all_records().values() if record.step == "generate"]
    assert {record.environment["device"] for record in records} == {"cpu"}
    assert multiprocessing.active_children() == []
    assert "7 targets compared with the lock: 7 bitwise" in two.tell("verify").out
    assert multiprocessing.active_children() == []


def test_a_device_of_the_settings_is_for_models_that_name_none(studio):
    made = studio(ALONE)
    made.write({"imgbuild.yaml": "devices: [xpu]\n"})
    (failure,) = made.build().failures
    assert (failure.cause, failure.hint) == (
        "this machine has no device 'xpu'",
        "leave 'device' out, or say 'cpu'",
    )
    made.edit("specs/catalog.yaml", ("steps: 4", "steps: 4, device: cpu"))
    assert made.build().failures == ()


# --- settings --------------------------------------------------------------------------------------------

ALONE = """
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 4, guidance: 5}}
assets:
  icon:
    prompt: "a red icon"
    models: [tiny]
"""
OTHERS = {
    "a scheduler": ("steps: 4", "steps: 4, scheduler: EulerDiscreteScheduler"),
    "a scheduler's setting": (
        "steps: 4",
        "steps: 4, scheduler: {class: EulerDiscreteScheduler, use_karras_sigmas: true}",
    ),
    "an ancestral scheduler": ("steps: 4", "steps: 4, scheduler: EulerAncestralDiscreteScheduler"),
    "a LoRA": ("steps: 4", "steps: 4, lora: ../models/lora.safetensors"),
    "a LoRA's scale": ("steps: 4", "steps: 4, lora: [{file: ../models/lora.safetensors, scale: 3}]"),
    "another VAE": ("steps: 4", "steps: 4, vae: ../models/vae"),
    "steps": ("steps: 4", "steps: 3"),
    "guidance": ("guidance: 5", "guidance: 2"),
    "precision": ("steps: 4", "steps: 4, dtype: bfloat16"),
    "layers left out": ("steps: 4", "steps: 4, clip_skip: 1"),
    "what it must not show": ("    models", '    negative: "blue"\n    models'),
}


@pytest.fixture(scope="module")
def plain(weights):
    """The bits of ALONE as it stands, kept by the tests of this module."""
    return {}


def picture_of(made):
    (digest,) = made.outputs().values()
    return digest


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_the_key_changes_the_picture_and_can_be_made_again(studio, plain, name):
    made = studio(ALONE)
    if not plain:
        made.build()
        plain["image"] = picture_of(made)
    made.edit("specs/catalog.yaml", OTHERS[name])
    ended = made.build()
    assert (ended.finished.generated, ended.failures) == (1, ())
    other = picture_of(made)
    assert other != plain["image"]
    assert made.again() == 1
    assert picture_of(made) == other


def test_offload_changes_nothing(studio, drawn):
    _, loads = drawn
    made = studio(ALONE)
    made.build()
    before = picture_of(made)
    made.edit("specs/catalog.yaml", ("steps: 4", "steps: 4, offload: model"))
    assert made.build().finished.fresh == 1
    assert made.again() == 1
    assert (picture_of(made), len(loads)) == (before, 2)


def test_deterministic_algorithms(studio):
    import torch

    made = studio(
        ALONE.replace("steps: 4", "steps: 4, deterministic: true, vae_slicing: true, channels_last: true")
    )
    try:
        assert made.build().failures == ()
        assert torch.are_deterministic_algorithms_enabled()
        before = picture_of(made)
        assert made.again() == 1
        assert picture_of(made) == before
    finally:
        torch.use_deterministic_algorithms(False)


def test_edited_weights_rerun_exactly_their_targets(studio, weights):
    made = studio(ALONE + "  flat: {prompt: a plate, models: [placeholder], size: 16x16}\n")
    made.build()
    before = made.outputs()
    vae = made.root / "models/tiny/vae/diffusion_pytorch_model.safetensors"
    vae.write_bytes((weights / "vae/diffusion_pytorch_model.safetensors").read_bytes())
    assert made.build().finished.generated == 1
    after = made.outputs()
    assert {name for name in after if after[name] != before[name]} == {next(n for n in after if "icon" in n)}


# --- pictures that go in ---------------------------------------------------------------------------------

EDITED = """
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 4}}
assets:
  icon:
    prompt: "a red icon"
    inputs: {image: ../refs/base.png%s, strength: 0.5}
"""


def test_a_picture_goes_in(studio, refs):
    made = studio(EDITED % "")
    made.write(refs)
    assert made.build().failures == ()
    first = made.only()
    made.edit("specs/catalog.yaml", ("strength: 0.5", "strength: 1.0"))
    assert made.build().finished.generated == 1
    assert made.only().tobytes() != first.tobytes()
    made.edit("specs/catalog.yaml", ("strength: 1.0", "strength: 0.5"))
    made.build()
    assert made.again() == 1
    assert made.only().tobytes() == first.tobytes()


def test_a_mask_says_what_is_drawn_anew(studio, refs):
    made = studio(EDITED % ", mask: ../refs/half.png")
    made.write(refs)
    assert made.build().failures == ()
    first = made.only()
    made.write({"refs/half.png": refs["refs/base.png"]})
    assert made.build().finished.generated == 1
    assert ImageChops.difference(made.only(), first).getbbox() is not None
    made.write({"refs/half.png": refs["refs/half.png"]})
    made.build()
    assert made.again() == 1
    assert made.only().tobytes() == first.tobytes()


FAULTS = {
    "a negative prompt without guidance": (
        ('prompt: "a red icon"', 'prompt: "a red icon"\n    negative: "blue"\n    params: {guidance: 1}'),
        "a negative prompt has no effect with so little guidance",
        "give 'guidance' above 1, or leave the negative prompt out",
    ),
    "another shape": (
        ("refs/base.png", "refs/long.png"),
        "the picture for input 'image' is 64x32, which is another shape than 64x64",
        "crop or pad it first, with an asset of its own",
    ),
    "a parameter of another task": (
        ("steps: 4", "steps: 4, guidance_rescale: 0.5"),
        "a StableDiffusionImg2ImgPipeline takes no 'guidance_rescale'",
        "with an input picture other parameters hold than without one; leave it out",
    ),
    "a setting that a scheduler lacks": (
        ("steps: 4", "steps: 4, scheduler: {class: DDPMScheduler, sigma: 3}"),
        "DDPMScheduler has no setting 'sigma'",
        None,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_can_only_be_told_when_it_is_drawn(studio, refs, name):
    edit, cause, hint = FAULTS[name]
    made = studio(EDITED % "")
    made.write(refs)
    made.edit("specs/catalog.yaml", edit)
    (failure,) = made.build().failures
    assert failure.cause == cause
    assert hint is None or failure.hint == hint


def test_a_larger_picture_is_made_smaller(studio, refs):
    made = studio((EDITED % "").replace("base.png", "large.png"))
    made.write(refs)
    assert made.build().failures == ()
    assert made.only().size == (64, 64)


def test_a_picture_is_drawn_further_than_it_goes(studio, refs):
    made = studio(
        """
        models:
          tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 4}}
        assets:
          canvas: {from: ../refs/base.png, process: [{pad: {width: 96, anchor: left}}]}
          mask: {from: ../refs/base.png, process: [{pad_mask: {width: 96, anchor: left, overlap: 8}}]}
          wide:
            prompt: "a red icon"
            size: 96x64
            inputs: {image: {asset: canvas}, mask: {asset: mask}}
        """
    )
    made.write(refs)
    assert made.build().failures == ()
    with Image.open(made.root / "out/wide/0.png") as picture:
        assert picture.size == (96, 64)
    first = made.outputs()
    made.edit("specs/catalog.yaml", ("overlap: 8", "overlap: 16"))
    assert made.build().finished.generated == 1
    assert {name for name, digest in made.outputs().items() if digest != first[name]} == {
        "mask/0.png",
        "wide/0.png",
    }


CONTROLLED = """
models:
  tiny:
    provider: diffusers
    source: ../models/tiny
    params: {steps: 4, controlnet: {source: ../models/net, preprocess: canny}}
assets:
  icon:
    prompt: "a red icon"
    inputs: {control: ../refs/half.png%s}
"""


@pytest.mark.parametrize(
    "more", ["", ", image: ../refs/base.png", ", image: ../refs/base.png, mask: ../refs/half.png"]
)
def test_a_controlnet_follows_its_picture(studio, refs, more):
    made = studio(CONTROLLED % more)
    made.write(refs)
    assert made.build().failures == ()
    first = made.only()
    for old, new in [
        ("control: ../refs/half.png", "control: ../refs/base.png"),
        ("preprocess: canny", "preprocess: {canny: {low: 5, high: 10}}"),
        ("steps: 4", "steps: 4, controlnet_conditioning_scale: 0.2"),
    ]:
        made.edit("specs/catalog.yaml", (old, new))
        assert made.build().finished.generated == 1
        second = made.only()
        assert second.tobytes() != first.tobytes()
        first = second
    assert made.again() == 1
    assert made.only().tobytes() == first.tobytes()


def test_several_controlnets_look_at_a_picture_each(studio, refs):
    made = studio(CONTROLLED % "")
    made.write(refs)
    made.build()
    first = made.only()
    made.edit(
        "specs/catalog.yaml",
        (
            "{source: ../models/net, preprocess: canny}",
            "[{source: ../models/net, preprocess: canny}, ../models/net]",
        ),
        ("control: ../refs/half.png", "control: [../refs/half.png, ../refs/base.png]"),
        ("steps: 4", "steps: 4, controlnet_conditioning_scale: [1, 0.5]"),
    )
    ended = made.build()
    assert (ended.failures, ended.finished.generated) == ((), 1)
    assert made.only().tobytes() != first.tobytes()


def test_a_controlnet_is_not_in_the_way_of_pictures_without_control(studio, refs):
    made = studio(CONTROLLED % "" + "  plain: {prompt: a red icon, seeds: [7]}\n")
    made.write(refs)
    assert made.build().failures == ()
    before = made.outputs()["plain/0.png"]
    alone = studio(
        ALONE.replace("guidance: 5", "batch: 1").replace('"a red icon"', '"a red icon"\n    seeds: [7]'),
        "alone",
    )
    alone.build()
    assert picture_of(alone) == before


# --- what goes wrong -------------------------------------------------------------------------------------


def test_out_of_memory_names_the_settings_that_need_less(studio, monkeypatch):
    import torch
    from diffusers import StableDiffusionPipeline

    @wraps(StableDiffusionPipeline.__call__)
    def full(self, *_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    made = studio(ALONE.replace("steps: 4", "steps: 4, batch: 4"))
    monkeypatch.setattr(StableDiffusionPipeline, "__call__", full)
    (failure,) = made.build().failures
    assert failure.cause == "cpu ran out of memory for 4 of 64x64"
    assert failure.hint == (
        "give the model 'batch: 2' or 'dtype: bfloat16' or 'vae_tiling: true', or ask for a smaller size"
    )


def test_weights_that_are_no_weights(studio):
    made = studio(ALONE)
    (made.root / "models/tiny/unet/diffusion_pytorch_model.safetensors").write_bytes(b"nothing")
    (failure,) = made.build().failures
    assert failure.cause.startswith("the pipeline in tiny can't be loaded: ")
    assert failure.hint == "does `DiffusionPipeline.from_pretrained` load it?"


def test_pickled_weights_are_not_read(studio):
    made = studio(ALONE)
    vae = made.root / "models/tiny/vae"
    (vae / "diffusion_pytorch_model.safetensors").rename(vae / "diffusion_pytorch_model.bin")
    (failure,) = made.build().failures
    assert failure.cause == (
        "vae/diffusion_pytorch_model.bin is pickled, and could run a program when it is read"
    )


def test_files_edited_while_they_are_loaded(studio, monkeypatch):
    from imgbuild.providers.diffusers import loading

    made, load = studio(ALONE), loading.load

    def edited(folder, setup, places):
        loaded = load(folder, setup, places)
        (folder / "scheduler/scheduler_config.json").write_text("{}")
        return loaded

    monkeypatch.setattr(loading, "load", edited)
    (failure,) = made.build().failures
    assert failure.cause == "the files of the model './models/tiny' are not those that it is pinned to"
    assert failure.hint == "were they edited or removed meanwhile? Build again"


def test_the_probe_looks_in_a_process_of_its_own(weights):
    from imgbuild.errors import TargetError
    from imgbuild.providers.diffusers.probe import look, probe

    found = probe(weights / "pipeline")
    assert found == look(weights / "pipeline")
    assert (found.pipeline, found.roles, found.size, found.multiple) == (
        "StableDiffusionPipeline",
        ["image", "mask"],
        (64, 64),
        8,
    )
    index = json.loads((weights / "pipeline/model_index.json").read_text())
    other = weights / "strange"
    other.mkdir()
    (other / "model_index.json").write_text(json.dumps({**index, "_class_name": "NoSuchPipeline"}))
    with pytest.raises(TargetError) as caught:
        probe(other)
    assert caught.value.lines() == [
        "error: the pipeline in strange can't be looked at: its class 'NoSuchPipeline' needs a newer diffusers",
        "hint: update diffusers; if its code is beside the weights, 'trust_remote_code: true' runs that",
    ]
