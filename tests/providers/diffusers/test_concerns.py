"""What in a local model's declaration needs consent, and what is asked again when files change."""

import pytest

from imgbuild.providers.diffusers.concerns import concerns
from imgbuild.types import Concern, Model

PICKLED = "reads pickled weights of {}: whoever made them could run any program on this machine"
CODE = "runs the Python code in {}: whoever wrote it can do whatever you can on this machine"
SPEC = """\
models:
  tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2, allow_pickle: true}}
assets:
  icon: {prompt: "an icon", size: 64x64}
"""
REFUSED = (
    2,
    "",
    f"specs/catalog.yaml:2:88: model 'tiny' {PICKLED.format('the folder models/tiny')}\n"
    "    2 |   tiny: {provider: diffusers, source: ../models/tiny, params: {steps: 2, allow_pickle: true}}\n"
    "      |                                                                                        ^^^^\n"
    "hint: if you trust whoever that is, say so by `imgbuild trust`; --trust does for this run alone\n",
)


def model(source, **params):
    return Model(provider="diffusers", source=source, revision="main", params=params)


SOURCES = {"./models/tiny": "the folder models/tiny", "acme/xl": "the hub's repository acme/xl at main"}


@pytest.mark.parametrize("source", SOURCES)
def test_each_switch_is_a_concern_with_its_place(source):
    assert concerns(model(source, steps=2, allow_pickle=False)) == []
    assert concerns(model(source, allow_pickle=True, trust_remote_code=True)) == [
        Concern(wants=PICKLED.format(SOURCES[source]), place=("params", "allow_pickle")),
        Concern(wants=CODE.format(SOURCES[source]), place=("params", "trust_remote_code")),
    ]


def test_what_ships_with_imgbuild_is_of_no_concern():
    assert concerns(model("imgbuild/tiny-icons", allow_pickle=True, trust_remote_code=True)) == []


def test_neither_is_read_or_run_without_consent(sketch):
    made = sketch(SPEC)
    before = made.state()
    assert made.tell("build") == REFUSED
    assert (made.looked, made.state()) == ([], before)
    assert made.tell("build", "--trust").code == 0
    assert made.looked == ["tiny"]


@pytest.mark.parametrize("where", ["an asset", "a profile"])
def test_only_the_model_itself_can_ask(sketch, where):
    made = sketch(SPEC.replace(", allow_pickle: true", ""))
    if where == "an asset":
        made.edit("specs/catalog.yaml", ("size: 64x64", "size: 64x64, params: {allow_pickle: true}"))
    else:
        made.write({"imgbuild.yaml": "profiles: {wild: {params: {allow_pickle: true}}}\n"})
    told = made.tell("build", "--trust", *(["--profile", "wild"] if where == "a profile" else []))
    assert told.code == 2
    assert "parameter 'allow_pickle' of model 'tiny' can't differ between its images" in told.err


CHANGES = {
    "a pickle": ("unet/diffusion_pytorch_model.bin", b"other", True),
    "a pickle by another name": ("unet/notes", b"other", True),
    "which files are loaded": ("unet/diffusion_pytorch_model.bin.index.json", b"{}", True),
    "the index": ("model_index.json", '{"_class_name": "Other", "unet": ["diffusers", "UNet"]}', True),
    "code": ("pipeline.py", b"import os", True),
    "numbers": ("vae/diffusion_pytorch_model.safetensors", b"other", False),
    "a part that the pipeline lacks": ("more/model.bin", b"other", False),
    "the model card": ("README.md", b"other", True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_what_could_run_asks_again(sketch, name):
    made = sketch(SPEC)
    made.write({"models/tiny/unet/diffusion_pytorch_model.bin": b"pickle"})
    assert made.tell("trust", "-y").code == 0
    assert made.tell("build").code == 0
    path, content, asks = CHANGES[name]
    made.write({f"models/tiny/{path}": content})
    made.edit("specs/catalog.yaml", ("an icon", "a red icon"))
    told = made.tell("build")
    assert told == REFUSED if asks else told.code == 0


def test_a_broken_index_is_no_way_around(sketch):
    made = sketch(SPEC)
    made.write({"models/tiny/model_index.json": "{"})
    assert made.tell("build") == REFUSED
    made.write({"models/tiny/model_index.json": None})
    assert made.tell("build") == REFUSED


@pytest.mark.parametrize("part", ["..", "../..", "/etc", "unet/.."])
def test_parts_lead_nowhere_else(sketch, part):
    made = sketch(SPEC)
    made.write({"models/tiny/model_index.json": f'{{"_class_name": "P", "{part}": ["a", "b"]}}'})
    assert made.tell("build") == REFUSED


def test_pickles_behind_a_link_in_the_project_are_looked_at_too(sketch):
    made = sketch(SPEC)
    (made.root / "models/tiny/unet").rename(made.root / "models/unet")
    (made.root / "models/tiny/unet").symlink_to("../unet")
    assert made.tell("trust", "-y").code == 0
    assert made.tell("build").code == 0
    made.write({"models/unet/diffusion_pytorch_model.bin": b"pickle"})
    made.edit("specs/catalog.yaml", ("an icon", "a red icon"))
    assert made.tell("build") == REFUSED
