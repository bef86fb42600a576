"""What a model takes is found out when it is pinned, and kept in the lock; files of the project move their pins."""

import subprocess
import sys
from textwrap import dedent

import pytest

from imgbuild.errors import LockWouldChange, SpecError
from imgbuild.lock.text import read_lock

SPEC = """\
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2}}
assets:
  icon:
    prompt: "a {{ color }} icon"
    matrix: {color: [red, blue]}
"""
ID = "icon[color=red]@tiny#0"


def pin_of(made, alias="tiny"):
    return read_lock(made.locks()["specs/catalog.lock"], "catalog.lock").lock.models[alias]


def test_a_folder_is_pinned_by_its_files(sketch):
    made = sketch(SPEC)
    assert made.build().finished.generated == 2
    pin = pin_of(made)
    assert (pin.source, pin.revision, pin.takes["pipeline"]) == (
        "./models/tiny",
        "",
        "StableDiffusionPipeline",
    )
    assert pin.weights == pin.takes["weights"]
    assert made.looked == ["tiny"]
    assert made.build().finished.fresh == 2
    assert made.looked == ["tiny"]


def test_a_pin_that_is_resolved_anew_is_the_same(sketch):
    made = sketch(SPEC)
    made.build()
    before = made.locks()
    assert made.tell("lock", "--upgrade", "tiny").out == "catalog/tiny: same\n"
    assert made.locks() == before


EDITS = {
    "weights": ("models/tiny/unet/diffusion_pytorch_model.safetensors", b"edited", True),
    "a configuration": ("models/tiny/vae/config.json", '{"scale": 2}', True),
    "a new vocabulary": ("models/tiny/unet/more.txt", "words", True),
    "what is not loaded": ("models/tiny/README.md", "read this", False),
    "weights of another precision": ("models/tiny/unet/model.fp16.safetensors", b"half", False),
    "a part that the pipeline lacks": ("models/tiny/safety_checker/model.safetensors", b"safe", False),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_folder_moves_its_pin_and_reruns_its_targets(sketch, name):
    made = sketch(SPEC + "  flat: {prompt: a plate, models: [placeholder], size: 16x16}\n")
    made.edit(
        "specs/catalog.yaml",
        ("matrix: {color: [red, blue]}", "matrix: {color: [red, blue]}\n    models: [tiny]"),
    )
    made.build()
    path, content, moves = EDITS[name]
    made.write({path: content})
    again = "run" if moves else "fresh"
    assert made.actions() == {ID: again, ID.replace("red", "blue"): again, "flat@placeholder#0": "fresh"}
    if moves:
        assert "changed: model" in made.tell("plan").out
        assert "model.weights: " in made.why(f"catalog/{ID}")
        with pytest.raises(LockWouldChange, match="model 'tiny' is not pinned as it is declared"):
            made.build(locked=True)
    assert made.build().finished.generated == (2 if moves else 0)
    assert set(made.actions().values()) == {"fresh"}


def test_the_lock_is_enough_where_the_weights_are_not(sketch):
    made = sketch(SPEC)
    made.build()
    for path in sorted((made.root / "models").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert set(made.actions().values()) == {"fresh"}
    assert made.tell("lock", "--check").code == 0
    assert made.build(locked=True).finished.fresh == 2


def test_a_moved_folder_generates_nothing(sketch):
    made = sketch(SPEC)
    made.build()
    (made.root / "models/tiny").rename(made.root / "models/small")
    made.edit("specs/catalog.yaml", ("../models/tiny", "../models/small"))
    ended = made.build().finished
    assert (ended.generated, ended.fresh) == (0, 2)
    assert pin_of(made).source == "./models/small"


LORAS = {
    "its scale": ("scale: 0.5", "scale: 0.7", True),
    "its name": ("brand.safetensors", "house.safetensors", False),
}


@pytest.mark.parametrize("name", LORAS)
def test_a_lora_is_part_of_the_model(sketch, name):
    made = sketch(SPEC.replace("steps: 2", "steps: 2, lora: {file: ../loras/brand.safetensors, scale: 0.5}"))
    made.write({"loras/brand.safetensors": b"brand", "loras/house.safetensors": b"brand"})
    assert made.build().finished.generated == 2
    made.write({"loras/brand.safetensors": b"redrawn", "loras/house.safetensors": b"redrawn"})
    assert made.build().finished.generated == 2
    old, new, moves = LORAS[name]
    made.edit("specs/catalog.yaml", (old, new))
    assert made.build().finished.generated == (2 if moves else 0)


PARTS = {
    "an IP-Adapter": (
        "ip_adapter: {file: ../parts/ip.safetensors, scale: 0.5}",
        {"parts/ip.safetensors": b"ip", "parts/image_encoder/config.json": "{}"},
        ("parts/image_encoder/config.json", b'{"a": 1}'),
        ("scale: 0.5", "scale: 0.7"),
    ),
    "a refiner": (
        "refiner: {source: ../parts, at: 0.8}",
        {
            "parts/model_index.json": '{"_class_name": "A", "vae": ["diffusers", "V"]}',
            "parts/vae/config.json": "{}",
        },
        ("parts/vae/config.json", b'{"a": 1}'),
        ("at: 0.8", "at: 0.7"),
    ),
    "a model for depth": (
        "controlnet: {source: ../parts/net, preprocess: {depth: ../parts/eye}}",
        {"parts/net/config.json": "{}", "parts/eye/config.json": "{}"},
        ("parts/eye/config.json", b'{"a": 1}'),
        ("preprocess: {depth: ../parts/eye}", "preprocess: canny"),
    ),
    "a model for poses": (
        "controlnet: {source: ../parts/net, preprocess: {pose: {source: ../parts/eye, people: ../parts/people}}}",
        dict.fromkeys(("parts/net/config.json", "parts/eye/config.json", "parts/people/config.json"), "{}"),
        ("parts/people/config.json", b'{"a": 1}'),
        ("people: ../parts/people", "threshold: 0.3"),
    ),
    "a model for segmentation": (
        "controlnet: {source: ../parts/net, preprocess: {segmentation: {source: ../parts/eye, colors: ../parts/c.json}}}",
        {"parts/net/config.json": "{}", "parts/eye/config.json": "{}", "parts/c.json": "[]"},
        ("parts/c.json", b'["red"]'),
        ("preprocess: {segmentation: {source: ../parts/eye, colors: ../parts/c.json}}", "preprocess: canny"),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_each_part_and_how_it_is_used_are_in_the_pin(sketch, name):
    setting, files, edited, change = PARTS[name]
    made = sketch(SPEC.replace("steps: 2", f"steps: 2, {setting}"))
    made.write(files)
    assert made.build().finished.generated == 2
    assert made.build().finished.fresh == 2
    made.write(dict([edited]))
    assert made.build().finished.generated == 2
    made.edit("specs/catalog.yaml", change)
    assert made.build().finished.generated == 2


def test_more_words_than_the_encoder_reads(sketch):
    made = sketch(SPEC)
    made.edit("specs/catalog.yaml", ("{{ color }} icon", "{{ color }} icon" + " of a lamp" * 5))
    made.build()
    told = made.tell("plan")
    assert (
        "a prompt is longer than the 16 tokens that model 'tiny' reads: its end is lost"
        in told.out + told.err
    )


def test_a_missing_lora_fails_its_targets(sketch):
    made = sketch(SPEC.replace("steps: 2", "steps: 2, lora: ../loras/brand.safetensors"))
    ended = made.build()
    assert {(failure.cause, failure.hint) for failure in ended.failures} == {
        ("there is no LoRA at ./loras/brand.safetensors", "put it there, or leave it out")
    }


def test_a_folder_without_pipeline_fails_its_targets(sketch):
    ended = sketch(SPEC, {}).build()
    assert {(failure.cause, failure.hint) for failure in ended.failures} == {
        (
            "there is no pipeline in the folder models/tiny",
            "put one there, as `save_pretrained` of diffusers writes it",
        )
    }


def test_a_setting_that_changes_no_pixel_reruns_nothing(sketch):
    made = sketch(SPEC)
    made.build()
    made.edit("specs/catalog.yaml", ("steps: 2", "steps: 2, offload: model"))
    assert set(made.actions().values()) == {"fresh"}


@pytest.mark.parametrize(
    "setting",
    ["dtype: bfloat16", "batch: 4", "threads: 1", "vae_slicing: true", "vae_tiling: true", "channels_last: true",
     "deterministic: true", "device: cpu", "scheduler: EulerDiscreteScheduler", "attention: native", "compile: true",
     "quantization: {backend: torchao}"],
)  # fmt: skip
def test_a_setting_that_may_change_pixels_reruns(sketch, setting):
    made = sketch(SPEC)
    made.build()
    made.edit("specs/catalog.yaml", ("steps: 2", f"steps: 2, {setting}"))
    assert set(made.actions().values()) == {"run"}


# --- what a model does not take ---------------------------------------------------------------------------

MISTAKES = {
    "no source": (
        ("source: ../models/tiny, ", ""),
        """
        specs/catalog.yaml:2:20: a model of provider 'diffusers' needs a 'source'
            2 |   tiny: {provider: diffusers, params: {steps: 2}}
              |                    ^^^^^^^^^
        hint: name a repository of the hub (owner/name), or a folder that begins with './'
        """,
    ),
    "a folder outside": (
        ("../models/tiny", "../../tiny"),
        """
        specs/catalog.yaml:2:39: '../../tiny' leads out of the project
            2 |   tiny: {provider: diffusers, source: ../../tiny, params: {steps: 2}}
              |                                       ^^^^^^^^^^
        hint: move the file into the project
        """,
    ),
    "no source of ours": (
        ("../models/tiny", "models/tiny/more"),
        """
        specs/catalog.yaml:2:20: 'models/tiny/more' is no source of provider 'diffusers'
            2 |   tiny: {provider: diffusers, source: models/tiny/more, params: {steps: 2}}
              |                    ^^^^^^^^^
        hint: name a repository of the hub (owner/name), or a folder that begins with './'
        """,
    ),
    "the model's own, given by an asset": (
        ("    matrix", "    params: {batch: 8}\n    matrix"),
        """
        specs/catalog.yaml:6:14: parameter 'batch' of model 'tiny' can't differ between its images
            6 |     params: {batch: 8}
              |              ^^^^^
        hint: give it in the model's own declaration; declare another model for another value
        """,
    ),
    "strength without a picture": (
        ("    matrix", "    params: {strength: 0.5}\n    matrix"),
        """
        specs/catalog.yaml:6:14: parameter 'strength' of model 'tiny' means nothing without an input 'image'
            6 |     params: {strength: 0.5}
              |              ^^^^^^^^
        hint: leave it out, or give 'inputs: {image: …}'
        """,
    ),
    "a LoRA of nowhere": (
        ("steps: 2", "lora: {file: brand.safetensors}"),
        """
        specs/catalog.yaml:2:20: 'lora' names no source
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {lora: {file: brand.safetensors}}}
              |                    ^^^^^^^^^
        hint: give it as {source: …}: a path of the project that begins with './', or a repository of the hub
        """,
    ),
    "a LoRA that is no path": (
        ("steps: 2", "lora: [loras/brand/ink]"),
        """
        specs/catalog.yaml:2:20: 'loras/brand/ink' is no source of 'lora'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {lora: [loras/brand/ink]}}
              |                    ^^^^^^^^^
        hint: name a repository of the hub (owner/name), or a folder that begins with './'
        """,
    ),
    "a path with a revision": (
        ("steps: 2", "vae: {source: ../vae, revision: v2}"),
        """
        specs/catalog.yaml:2:20: './vae' of 'vae' is a path, which has no revision, subfolder or file beside it
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {vae: {source: ../vae, revision: v2}}}
              |                    ^^^^^^^^^
        hint: write the whole path as its source
        """,
    ),
    "a part that is not said right": (
        ("steps: 2", "vae: {source: ../vae, scale: 2}"),
        """
        specs/catalog.yaml:2:69: parameter 'vae' of model 'tiny' takes no 'scale'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {vae: {source: ../vae, scale: 2}}}
              |                                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: it takes text or a mapping: a VAE: a path of the project that begins with './', or a repository of the \
hub; {source, revision}
        """,
    ),
    "a control without ControlNet": (
        ("    matrix", "    inputs: {control: ../lines.png}\n    matrix"),
        """
        specs/catalog.yaml:6:14: model 'tiny' takes no input 'control'
            6 |     inputs: {control: ../lines.png}
              |              ^^^^^^^
        hint: give the model a 'controlnet' among its params, leave it out, or let the model say \
'unsupported: {control: drop}'
        """,
    ),
    "a mask alone": (
        ("    matrix", "    inputs: {mask: ../mask.png}\n    matrix"),
        """
        specs/catalog.yaml:6:14: input 'mask' of model 'tiny' means nothing without an input 'image'
            6 |     inputs: {mask: ../mask.png}
              |              ^^^^
        hint: give both, or leave 'mask' out
        """,
    ),
    "two pictures": (
        ("    matrix", "    inputs: {image: [../a.png, ../b.png]}\n    matrix"),
        """
        specs/catalog.yaml:6:14: model 'tiny' takes one picture for input 'image', not 2
            6 |     inputs: {image: [../a.png, ../b.png]}
              |              ^^^^^
        hint: give one path
        """,
    ),
    "a control for one of two ControlNets": (
        ("steps: 2}}", "steps: 2, controlnet: [../nets/lines, ../nets/depth]}}"),
        ("    matrix", "    inputs: {control: ../lines.png}\n    matrix"),
        """
        specs/catalog.yaml:6:14: model 'tiny' takes 2 pictures for input 'control', not 1
            6 |     inputs: {control: ../lines.png}
              |              ^^^^^^^
        hint: give a list of 2
        """,
    ),
    "a batch with a cache": (
        ("steps: 2", "batch: 4, cache: FirstBlockCache"),
        """
        specs/catalog.yaml:2:20: a model with 'cache' draws each picture alone, not 4 in a batch
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {batch: 4, cache: FirstBlockCache}}
              |                    ^^^^^^^^^
        hint: leave 'batch' out: else a picture would depend on those that are drawn with it
        """,
    ),
    "a batch with weights of eight bits that look for outliers": (
        ("steps: 2", "batch: 4, quantization: {backend: bitsandbytes_8bit}"),
        """
        specs/catalog.yaml:2:20: a model with 'quantization: bitsandbytes_8bit' draws each picture alone, not 4 in a batch
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {batch: 4, quantization: {backend: bitsandbytes_8bit}}}
              |                    ^^^^^^^^^
        hint: leave 'batch' out: else a picture would depend on those that are drawn with it
        """,
    ),
    "attention that is a program of the hub": (
        ("steps: 2", "attention: flash_hub"),
        """
        specs/catalog.yaml:2:20: attention 'flash_hub' would fetch and run a program from the hub
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {attention: flash_hub}}
              |                    ^^^^^^^^^
        hint: install the library that it is named for, and leave '_hub' out
        """,
    ),
    "colours that are no file": (
        (
            "steps: 2",
            "controlnet: {source: acme/net, preprocess: {segmentation: {source: acme/eye, colors: ade20k}}}",
        ),
        """
        specs/catalog.yaml:2:20: 'ade20k' is no file of the project
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {controlnet: {source: acme/net, preprocess: {segmentation: {source: acme/eye, colors: ade20k}}}}}
              |                    ^^^^^^^^^
        hint: 'colors' is a path that begins with './'
        """,
    ),
    "two ways to see": (
        ("steps: 2", "controlnet: {source: acme/net, preprocess: {depth: acme/a, pose: acme/b}}"),
        """
        specs/catalog.yaml:2:76: parameter 'controlnet' of model 'tiny' 'preprocess' must hold at most 1 values
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {controlnet: {source: acme/net, preprocess: {depth: acme/a, pose: acme/b}}}}
              |                                                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: it takes text, a mapping or a list: a ControlNet: a path of the project that begins with './', or a repository of the hub; {source, revision, preprocess}; or several
        """,
    ),
    "a part of a refiner": (
        ("steps: 2", "refiner: {source: acme/refiner, subfolder: unet}"),
        """
        specs/catalog.yaml:2:20: a refiner is a whole pipeline
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {refiner: {source: acme/refiner, subfolder: unet}}}
              |                    ^^^^^^^^^
        hint: leave 'file' and 'subfolder' out
        """,
    ),
    "IP-Adapters that read by different models": (
        ("steps: 2", "ip_adapter: [../a/ip.safetensors, ../b/ip.safetensors]"),
        """
        specs/catalog.yaml:2:20: the IP-Adapters of a model share one image encoder
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {ip_adapter: [../a/ip.safetensors, ../b/ip.safetensors]}}
              |                    ^^^^^^^^^
        hint: give all the same 'image_encoder', or declare a model for each
        """,
    ),
    "a reference without IP-Adapter": (
        ("    matrix", "    inputs: {reference: ../lamp.png}\n    matrix"),
        """
        specs/catalog.yaml:6:14: model 'tiny' takes no input 'reference'
            6 |     inputs: {reference: ../lamp.png}
              |              ^^^^^^^^^
        hint: give the model an 'ip_adapter' among its params, leave it out, or let the model say \
'unsupported: {reference: drop}'
        """,
    ),
    "no such value": (
        ("steps: 2", "offload: disk"),
        """
        specs/catalog.yaml:2:73: parameter 'offload' of model 'tiny' can't be 'disk'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {offload: disk}}
              |                                                                         ^^^^
        hint: it takes one of none, model, sequential, group
        """,
    ),
}

# Known once the model has been looked at.
LATER = {
    "a parameter": (
        ("steps: 2", "sigma: 2"),
        """
        specs/catalog.yaml:2:64: model 'tiny' takes no parameter 'sigma'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {sigma: 2}}
              |                                                                ^^^^^
        hint: leave it out, or let the model say 'unsupported: {sigma: drop}'; its parameters: allow_pickle, attention, \
batch, channels_last, clip_skip, compile, controlnet, controlnet_conditioning_scale, deterministic, device, dtype, eta, \
guess_mode, guidance, guidance_rescale, ip_adapter, lora, offload, padding_mask_crop, quantization, refiner, scheduler, \
steps, strength, threads, trust_remote_code, vae, vae_slicing, vae_tiling, variant
        """,
    ),
    "a cache that the model can't use": (
        ("steps: 2", "cache: FirstBlockCache"),
        """
        specs/catalog.yaml:2:64: model 'tiny' takes no parameter 'cache'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {cache: FirstBlockCache}}
              |                                                                ^^^^^
        hint: did you mean 'batch'? Else leave it out, or let the model say 'unsupported: {cache: drop}'; its parameters: allow_pickle, attention, \
batch, channels_last, clip_skip, compile, controlnet, controlnet_conditioning_scale, deterministic, device, dtype, eta, \
guess_mode, guidance, guidance_rescale, ip_adapter, lora, offload, padding_mask_crop, quantization, refiner, scheduler, \
steps, strength, threads, trust_remote_code, vae, vae_slicing, vae_tiling, variant
        """,
    ),
    "a ControlNet's parameter without its picture": (
        ("steps: 2", "steps: 2, controlnet: ../nets/lines"),
        ("    matrix", "    params: {guess_mode: true}\n    matrix"),
        """
        specs/catalog.yaml:6:14: parameter 'guess_mode' of model 'tiny' means nothing without an input 'control'
            6 |     params: {guess_mode: true}
              |              ^^^^^^^^^^
        hint: leave it out, or give 'inputs: {control: …}'
        """,
    ),
    "a size": (
        ("    matrix", "    size: 68x64\n    matrix"),
        """
        specs/catalog.yaml:6:11: model 'tiny' makes no images of 68x64
            6 |     size: 68x64
              |           ^^^^^
        hint: leave it out, or let the model say 'unsupported: {size: drop}'; sides must be multiples of 8
        """,
    ),
    "a scheduler": (
        ("steps: 2", "scheduler: FlowMatchEulerDiscreteScheduler"),
        """
        specs/catalog.yaml:2:75: parameter 'scheduler' of model 'tiny' can't be 'FlowMatchEulerDiscreteScheduler'
            2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {scheduler: FlowMatchEulerDiscreteScheduler}}
              |                                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: it takes text or a mapping: the name of a scheduler's class, or {class, and its settings}
        """,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_before_anything_is_pinned(sketch, name):
    made = sketch(SPEC)
    *edits, error = MISTAKES[name]
    made.edit("specs/catalog.yaml", *edits)
    told = made.tell("plan")
    assert (told.err, told.code) == (dedent(error).lstrip(), 2)


@pytest.mark.parametrize("name", LATER)
def test_what_a_model_does_not_take_is_told_when_it_is_pinned(sketch, name):
    made = sketch(SPEC)
    *edits, error = LATER[name]
    made.write({"nets/lines/config.json": "{}", "nets/lines/net.safetensors": b"lines"})
    made.edit("specs/catalog.yaml", *edits)
    assert made.tell("plan").code == 0
    with pytest.raises(SpecError) as caught:
        made.build()
    assert f"{caught.value}\n" == dedent(error).lstrip()
    assert made.outputs() == {}


def test_and_from_then_on_by_a_plan(sketch):
    made = sketch(SPEC)
    made.build()
    edit, error = LATER["a size"]
    made.edit("specs/catalog.yaml", edit)
    told = made.tell("plan")
    assert (told.err, told.code) == (dedent(error).lstrip(), 2)


def test_the_size_it_was_made_for_is_its_own(sketch):
    made = sketch(SPEC)
    made.build()
    told = made.tell("models")
    assert "  image, mask, negative, seed; 8–8192 px by 8  " in told.out
    from PIL import Image

    with Image.open(made.root / "out/icon/red_0.png") as picture:
        assert picture.size == (64, 64)


# --- what is not loaded -----------------------------------------------------------------------------------

QUIET = """
import sys
from imgbuild.cli import run
run(sys.argv[1:])
assert not {'torch', 'diffusers', 'transformers', 'huggingface_hub'} & {*sys.modules}
"""


@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["ls"],
        ["why", "icon/red_0.png"],
        ["lock", "--check"],
        ["models"],
        ["build"],
        ["build", "-n"],
    ],
    ids=" ".join,
)
def test_looking_imports_no_torch(sketch, command):
    made = sketch(SPEC)
    made.build()
    subprocess.run([sys.executable, "-c", QUIET, *command], cwd=made.root, check=True, capture_output=True)


def test_without_the_libraries_the_extra_is_named(sketch, monkeypatch):
    from imgbuild.providers.diffusers import environment, provider

    made = sketch(SPEC)
    monkeypatch.setattr(provider, "check_installed", environment.check_installed)
    monkeypatch.setattr(environment, "find_spec", lambda name: None if name in ("torch", "peft") else name)
    (failure, other) = made.build().failures
    assert (
        failure.cause
        == other.cause
        == "provider 'diffusers' needs libraries that are not installed: torch, peft"
    )
    assert failure.hint == "install them with `pip install 'imgbuild[local]'`"
    assert failure.where == "specs/catalog.yaml:4:3"


def test_the_model_in_the_box_is_named_where_it_is_not_there(sketch, monkeypatch):
    from imgbuild.providers.diffusers import source

    monkeypatch.setitem(source.BOX, "imgbuild/tiny-icons", "nowhere")
    made = sketch(SPEC.replace("../models/tiny", "imgbuild/tiny-icons"))
    (failure, _) = made.build().failures
    assert failure.cause == "the model 'imgbuild/tiny-icons' is not in this installation of imgbuild"
    assert failure.hint == "install imgbuild again, or name another source"
