"""What a workflow takes, once it was looked at, and what a declaration of one can't say."""

import json

import pytest

from imgbuild.errors import SpecError
from imgbuild.providers.comfyui import ComfyUI
from imgbuild.providers.comfyui.takes import OF_MODEL
from imgbuild.types import ROLES, Concern, Grade, Model
from tests.vendors.comfyui_flows import ERASED, PORTRAIT, REPAINT, edited, node


def taken(provider, model):
    """What it takes, by its file; and by a pin as a lock gives it back, where there is none."""
    pin = provider.pin(model)
    assert json.loads(json.dumps(pin.takes)) == pin.takes
    found = provider.capabilities(model)
    assert provider.pinned(model, pin) == ComfyUI().pinned(model, pin) == found
    return found


def own(takes):
    return {name: schema for name, schema in takes.params.items() if name not in OF_MODEL}


BROKEN = ["{", '{"nodes": []}', edited(PORTRAIT, n3={"seed": ["4", 0]})]


def test_where_nothing_can_be_said_of_a_workflow_anything_may_be_asked(provider, model, tmp_path):
    declared = model()
    pin, known = provider.pin(declared), provider.capabilities(declared)
    for takes in (
        ComfyUI().capabilities(declared),
        *(provider.pinned(model(flow), pin) for flow in BROKEN),
        *(provider.capabilities(model(bind=bind)) for bind in (3, {"seed": 3}, {"seed": [3]}, {"x": "x"})),
    ):
        assert takes.takes == {"negative", "seed", *ROLES}
        assert own(takes) == {"*": {}}
        assert (takes.grade, takes.concurrency, takes.batch) == (Grade.PERCEPTUAL, 2, 1)
    (tmp_path / "flows/a.json").unlink()
    assert provider.pinned(declared, pin) == known


def test_an_edited_workflow_takes_what_it_says_now(provider, model):
    pin = provider.pin(model())
    assert provider.pinned(model(REPAINT), pin) == provider.capabilities(model(REPAINT))


def test_what_is_bound_is_taken(provider, model):
    takes = taken(provider, model())
    assert takes.takes == {"negative", "seed"}
    assert own(takes) == {
        "steps": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10000,
            "description": "'steps' of node 3 in the workflow",
        },
        "guidance": {"type": "number", "description": "'cfg' of node 3 in the workflow"},
        "sampler_name": {"type": "string", "description": "'sampler_name' of node 3 in the workflow"},
        "scheduler": {"type": "string", "description": "'scheduler' of node 3 in the workflow"},
    }
    assert (takes.sized, takes.default_size, takes.multiple_of) == (True, (64, 48), 8)
    assert (takes.min_side, takes.max_side) == (16, 16384)
    assert takes.of_model == OF_MODEL.keys()
    assert takes.unkeyed == {"bind", "custom_nodes", "key", "output", "timeout"}


def test_pictures_are_taken_where_they_are_loaded(provider, model):
    takes = taken(provider, model(REPAINT))
    assert takes.takes == {"negative", "seed", "image", "mask"}
    assert (takes.pictures, takes.needs) == ({"image": 1, "mask": 1}, {"strength": "image"})
    assert (takes.sized, takes.default_size) == (False, (1024, 1024))
    assert takes.ways["size"] == "bind 'width' and 'height' to inputs of the workflow"
    takes = taken(provider, model(ERASED))
    assert takes.needs == {"strength": "image", "mask": "image"}


def test_parameters_have_the_kind_of_what_they_replace(provider, model):
    flow = edited(PORTRAIT, n8={"tiled": True, "fraction": 0.5, "name": "x", "more": {"a": 1}, "none": None})
    names = ("tiled", "fraction", "name", "more", "none")
    takes = taken(provider, model(flow, bind={name: f"8.{name}" for name in names}))
    kinds = {name: own(takes)[name].get("type") for name in names}
    assert kinds == {"tiled": "boolean", "fraction": "number", "name": "string", "more": None, "none": None}


def test_several_nodes_take_several_pictures(provider, model):
    flow = edited(PORTRAIT, n8={"a": ["10", 0], "b": ["11", 0]})
    flow |= {"10": node("LoadImage", image="a.png"), "11": node("LoadImage", image="b.png")}
    takes = taken(provider, model(flow, bind={"reference": ["10.image", "11.image"]}))
    assert (takes.takes, takes.pictures) == ({"negative", "seed", "reference"}, {"reference": 2})


def test_a_size_that_is_no_latent_s_may_be_any(provider, model):
    flow = edited(PORTRAIT, n8={"width": 33, "height": 0})
    takes = taken(provider, model(flow, bind={"width": "8.width", "height": "8.height"}))
    assert (takes.sized, takes.multiple_of, takes.min_side, takes.default_size) == (True, 1, 1, (1024, 1024))


SOURCE = "name a file of the project that ComfyUI exported for its API, such as ./flows/portrait.json"
WRONG = {
    "no source": ({}, "a model of provider 'comfyui' needs a 'source'", SOURCE),
    "no path": ({"source": "sdxl"}, "'sdxl' is no source of provider 'comfyui'", SOURCE),
    "a revision": (
        {"source": "./a.json", "revision": "2"},
        "a workflow has no 'revision'",
        "leave it out: what the file says is pinned",
    ),
    "a name with another meaning": (
        {"source": "./a.json", "params": {"bind": {"timeout": "3.steps"}}},
        "'timeout' says something else of a model, and can't be bound",
        "bind it by another name",
    ),
}


@pytest.mark.parametrize(("declared", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_no_workflow_has(declared, message, hint):
    with pytest.raises(SpecError) as raised:
        ComfyUI().capabilities(Model(provider="comfyui", **declared))
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_other_machines_and_the_nodes_of_others_need_consent(provider, model):
    assert provider.concerns(model()) == []
    assert provider.concerns(model(base_url="http://gpu.lan:8188", custom_nodes=True)) == [
        Concern(
            wants="sends prompts and pictures to gpu.lan:8188, which is another machine",
            place=("params", "base_url"),
        ),
        Concern(
            wants="lets ComfyUI run nodes that others than its makers wrote, as flows/a.json says: "
            "such a node can run any program there",
            place=("params", "custom_nodes"),
            files=("flows/a.json",),
        ),
    ]
