"""Pickled weights, and code beside them: not read and not run, unless the model asks for it and the reader agrees."""

import json
import os
import pickle
from textwrap import dedent

import pytest
from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.lock.text import read_lock
from imgbuild.providers.diffusers.probe import look, probe
from imgbuild.weights.bundles import pipeline_bundle, read_index

SPEC = """\
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2}}
assets:
  icon: {prompt: "an icon", size: 64x64}
"""
PICKLED = SPEC.replace("steps: 2", "steps: 2, allow_pickle: true")
CODE = SPEC.replace("steps: 2", "steps: 2, trust_remote_code: true")
UNET = "models/tiny/unet/diffusion_pytorch_model"
INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}


def pickled(made, name=UNET):
    (made.root / f"{name}.safetensors").rename(made.root / f"{name}.bin")


def failure(made):
    assert made.tell("build", "--trust").code == 1
    (found,) = made.build().failures
    return found.cause, found.hint


# --- which files ----------------------------------------------------------------------------------------

NO_PICKLES = (
    "unet/diffusion_pytorch_model.bin is pickled, and could run a program when it is read",
    "give the model 'allow_pickle: true', if you trust whoever made it, or save it in safetensors",
)
NO_CODE = (
    "{} is code of the model's own, which is not run",
    "give the model 'trust_remote_code: true', if you trust whoever wrote it",
)


def test_pickled_weights_are_refused_by_default(sketch):
    made = sketch(SPEC)
    pickled(made)
    assert failure(made) == NO_PICKLES
    assert made.looked == []


def test_pickled_weights_are_read_where_the_model_allows_it_and_pinned(sketch):
    made = sketch(PICKLED)
    pickled(made)
    assert made.tell("build", "--trust").code == 0
    assert made.looked == ["tiny"]
    made.write({f"{UNET}.bin": b"other"})
    assert set(made.actions().values()) == {"run"}


def test_pickles_beside_safetensors_are_no_weights(sketch):
    made = sketch(PICKLED)
    assert made.tell("build", "--trust").code == 0
    made.write({f"{UNET}.bin": b"pickle"})
    assert set(made.actions().values()) == {"fresh"}


def test_a_pipeline_of_its_own_code_is_refused_by_default(sketch):
    made = sketch(SPEC)
    made.write({"models/tiny/model_index.json": json.dumps({**INDEX, "_class_name": ["own", "Own"]})})
    made.write({"models/tiny/own.py": "import os"})
    assert failure(made) == (NO_CODE[0].format("own.py"), NO_CODE[1])
    assert made.looked == []


def test_a_part_of_its_own_code_is_refused_by_default(sketch):
    made = sketch(SPEC)
    made.write({"models/tiny/model_index.json": json.dumps({**INDEX, "unet": ["net", "Net"]})})
    made.write({"models/tiny/unet/net.py": "import os"})
    assert failure(made) == (NO_CODE[0].format("unet/net.py"), NO_CODE[1])


@pytest.mark.parametrize("file", ["own.py", "more.py", "unet/net.py"])
def test_code_that_may_be_run_is_pinned(sketch, file):
    made = sketch(CODE)
    made.write({"models/tiny/model_index.json": json.dumps({**INDEX, "_class_name": ["own", "Own"]})})
    made.write({"models/tiny/own.py": "import os", f"models/tiny/{file}": "import os"})
    assert made.tell("build", "--trust").code == 0
    assert made.looked == ["tiny, and its code"]
    made.write({f"models/tiny/{file}": "import sys"})
    assert set(made.actions().values()) == {"run"}


SHARDS = ["../other.safetensors", "/etc/passwd", "weights.bin", "weights", 1, None, "a\\b.safetensors"]


@pytest.mark.parametrize("shard", SHARDS)
def test_an_index_of_shards_names_only_weights_beside_it(sketch, shard):
    made = sketch(SPEC)
    index = json.dumps({"metadata": {}, "weight_map": {"a": shard}})
    made.write({f"{UNET}.safetensors.index.json": index})
    assert failure(made) == (
        "unet/diffusion_pytorch_model.safetensors.index.json names other files than weights beside it",
        "is it as `save_pretrained` of diffusers writes it?",
    )


def test_an_index_of_shards_that_is_sound(sketch):
    made = sketch(SPEC)
    shard = "diffusion_pytorch_model-00001-of-00001"
    index = {"metadata": {}, "weight_map": {"a": f"{shard}.safetensors"}}
    made.write({f"{UNET}.safetensors.index.json": json.dumps(index)})
    bins = {"metadata": {}, "weight_map": {"a": f"{shard}.bin"}}
    made.write({f"{UNET}.bin.index.json": json.dumps(bins)})
    assert made.tell("build").code == 0


@pytest.mark.parametrize("data", ["{", "[]", "{}", '{"weight_map": []}'])
def test_an_index_of_shards_that_is_none(sketch, data):
    made = sketch(SPEC)
    made.write({f"{UNET}.safetensors.index.json": data})
    assert failure(made)[0].endswith("names other files than weights beside it")


@pytest.mark.parametrize(
    "change",
    [
        {"unet": ["../../evil", "Net"]},
        {"unet": ["..\\evil", "Net"]},
        {"_class_name": ["../evil", "Own"]},
        {"_class_name": ["own"]},
        {"_class_name": [1, 2]},
    ],
)
def test_an_index_names_no_code_elsewhere(change):
    with pytest.raises(TargetError) as caught:
        read_index(json.dumps({**INDEX, **change}).encode(), "model_index.json")
    assert caught.value.lines() == [
        "error: model_index.json names no pipeline",
        "hint: is it as `save_pretrained` of diffusers writes it?",
    ]


FILES = {
    "the plain safetensors": (["m.safetensors", "m.fp16.safetensors", "m.bin"], "", ["m.safetensors"]),
    "pickles where there is nothing else": (["m.bin", "m.fp16.bin"], "", ["m.bin"]),
    "pickles of the variant": (["m.bin", "m.fp16.bin"], "fp16", ["m.fp16.bin"]),
    "the variant that is only pickled": (["m.safetensors", "m.fp16.bin"], "fp16", ["m.fp16.bin"]),
    "the variant in safetensors": (
        ["m.safetensors", "m.fp16.safetensors", "m.fp16.bin"],
        "fp16",
        ["m.fp16.safetensors"],
    ),
    "shards": (["m-00001-of-00002.bin", "m-00002-of-00002.bin"], "", ["m-00001-of-00002.bin", "m-00002-of-00002.bin"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_which_weights_are_read(name):
    inside, variant, wanted = FILES[name]
    names = ["model_index.json", "own.py", *(f"unet/{file}" for file in inside)]
    chosen = pipeline_bundle(variant, pickles=True).choose(names, lambda _: json.dumps(INDEX).encode())
    assert chosen == ["model_index.json", *(f"unet/{file}" for file in wanted)]


# --- the real thing -------------------------------------------------------------------------------------


class Evil:
    """What leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


LOOKS = (("plan",), ("ls",), ("why", "catalog/icon@tiny#0"), ("models",), ("build", "-n"), ("cost",))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_pickled_weights_draw_the_same(studio, weights, drawn):
    from diffusers import StableDiffusionPipeline

    made = studio(SPEC)
    assert made.tell("build").code == 0
    with pillow.open(made.root / "out/icon/0.png") as picture:
        before = picture.tobytes()
    whole = StableDiffusionPipeline.from_pretrained(weights / "pipeline", use_safetensors=True)
    for part in ("unet", "vae", "text_encoder"):
        for file in (made.root / "models/tiny" / part).glob("*.safetensors"):
            file.unlink()
    whole.save_pretrained(made.root / "models/tiny", safe_serialization=False)
    files = sorted(path.name for path in (made.root / "models/tiny").rglob("*.bin"))
    assert files[:2] == ["diffusion_pytorch_model.bin"] * 2
    made.edit("specs/catalog.yaml", ("steps: 2", "steps: 2, allow_pickle: true"))
    assert made.tell("build").code == 2
    assert drawn[1] == ["tiny"]
    assert made.tell("trust", "-y").code == 0
    assert made.tell("build").code == 0
    assert drawn[1] == ["tiny", "tiny"]
    with pillow.open(made.root / "out/icon/0.png") as picture:
        assert picture.tobytes() == before
    made.edit("specs/catalog.yaml", (", allow_pickle: true", ""), ("an icon", "a red icon"))
    cause, hint = failure(made)
    assert cause.endswith("/diffusion_pytorch_model.bin is pickled, and could run a program when it is read")
    assert hint.startswith(f"{NO_PICKLES[1]}; ")


@pytest.mark.slow
def test_a_pickle_that_runs_a_program_is_not_even_opened_without_consent(studio, drawn, tmp_path):
    made = studio(PICKLED)
    pickled(made)
    (made.root / f"{UNET}.bin").write_bytes(pickle.dumps(Evil(tmp_path / "mark")))
    for arguments in (*LOOKS, ("build",), ("verify",), ("lock", "--upgrade")):
        made.tell(*arguments)
    assert drawn[1] == []
    assert failure(made)[0].startswith("the pipeline in tiny can't be loaded: ")
    assert not (tmp_path / "mark").exists()  # torch itself unpickles no more than it must


OWN = """\
import os
from pathlib import Path

from diffusers import StableDiffusionPipeline

from .more import STEPS

Path({mark!r}).touch()


class Own(StableDiffusionPipeline):
    def __call__(
        self, prompt, num_inference_steps: int = 9, sparkle: float = 0.5, generator=None, output_type="", **size
    ):
        return super().__call__(
            prompt, num_inference_steps=STEPS, generator=generator, output_type=output_type, **size
        )
"""


@pytest.fixture
def own(studio, tmp_path, monkeypatch):
    """A function: a class's name in the index → a project whose pipeline has code of its own, and the mark it leaves."""
    from diffusers.utils import dynamic_modules_utils

    monkeypatch.setattr(dynamic_modules_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    mark = tmp_path / "mark"

    def make(name, module):
        made = studio(CODE)
        path = made.root / "models/tiny/model_index.json"
        index = json.loads(path.read_text())
        path.write_text(json.dumps({**index, "_class_name": name}))
        made.write({f"models/tiny/{module}.py": dedent(OWN.format(mark=str(mark)))})
        made.write({"models/tiny/more.py": "STEPS = 1\n"})
        return made, mark

    return make


CLASSES = {"named with its module": (["own", "Own"], "own"), "in the usual module": ("Own", "pipeline")}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_pipeline_with_code_of_its_own(own, name, drawn):
    made, mark = own(*CLASSES[name])
    for arguments in (*LOOKS, ("build",), ("verify",), ("lock", "--upgrade")):
        made.tell(*arguments)
    assert not mark.exists()
    assert made.tell("trust", "-y").code == 0
    told = made.tell("build")
    assert told.code == 0, told.out + told.err
    assert mark.exists()
    assert "sparkle" in read_lock(made.locks()["specs/catalog.lock"], "").lock.models["tiny"].takes["params"]
    first = made.outputs()
    made.write({"models/tiny/more.py": "STEPS = 5\n"})
    assert made.tell("build").code == 2
    assert made.tell("build", "--trust").code == 0
    assert made.outputs() != first
    assert drawn[1] == ["tiny", "tiny"]


@pytest.mark.slow
def test_the_probe_runs_code_in_its_own_process_and_only_if_it_may(own):
    made, mark = own(["own", "Own"], "own")
    folder = made.root / "models/tiny"
    with pytest.raises(LookupError):
        look(folder)
    with pytest.raises(TargetError):
        probe(folder)
    assert not mark.exists()
    assert probe(folder, code=True).pipeline == "Own"
    assert mark.exists()
