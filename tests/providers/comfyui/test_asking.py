"""What goes to the server for a request, what of a workflow is pinned, and by which name a prompt goes."""

import io
import json
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import ProviderFailed, TargetError
from imgbuild.providers.comfyui.asking import filled, name_of, pictures_of, saved_as, ticket_of
from imgbuild.providers.comfyui.graph import read_graph
from tests.vendors.comfyui_flows import ERASED, PORTRAIT, REPAINT, edited, node
from tests.vendors.comfyui_nodes import load_mask, loaded, words

DIGEST = "wjodJJo_XCySOHihHIRg84k1O-HzSrwywCmI8eR7mQE"


def asked(provider, request):
    """The nodes as they are sent, but for pictures."""
    graph, found = provider._look(request.pin.source, request.params)
    return filled(graph, found, request, {})


def test_a_workflow_with_everything_in_its_place(provider, model, request_of):
    request = request_of(model(), negative="blurry", size=(128, 64), steps=30, guidance=5.5)
    assert asked(provider, request) == edited(
        PORTRAIT,
        n3={"seed": 7, "steps": 30, "cfg": 5.5},
        n5={"width": 128, "height": 64},
        n6={"text": "a brass lamp"},
        n7={"text": "blurry"},
    )


def test_what_is_not_said_is_as_the_file_has_it(provider, model, request_of):
    told = asked(provider, request_of(model()))
    assert (told["7"], told["3"]["inputs"]["steps"]) == (PORTRAIT["7"], 20)


def test_a_value_goes_to_all_that_it_is_bound_to(provider, model, request_of):
    bind = {"width": ["5.width", "6.width"], "height": "5.height", "style": "7.text"}
    told = asked(provider, request_of(model(edited(PORTRAIT, n6={"width": 8}), bind=bind), style="x"))
    assert (told["5"]["inputs"]["width"], told["6"]["inputs"]["width"]) == (64, 64)
    assert told["7"]["inputs"]["text"] == "x"


def test_what_is_pinned(provider, model):
    pin = provider.pin(model())
    assert pin.weights == DIGEST
    assert (pin.source, pin.revision, pin.takes["output"]) == ("./flows/a.json", "", "9")


SAME = {
    "reformatted": (json.dumps(PORTRAIT, indent=2, sort_keys=True), {}),
    "whole numbers": (edited(PORTRAIT, n3={"cfg": 8.0}), {}),
    "titles": ({name: {**item, "_meta": {"title": f"My {name}"}} for name, item in PORTRAIT.items()}, {}),
    "no titles": (
        {
            name: {"class_type": item["class_type"], "inputs": item["inputs"]}
            for name, item in PORTRAIT.items()
        },
        {},
    ),
    "what is always told": (
        edited(PORTRAIT, n3={"seed": 1}, n5={"width": 8, "height": 8}, n6={"text": "x"}),
        {},
    ),
    "the name of the file": (edited(PORTRAIT, n9={"filename_prefix": "x"}), {}),
    "nodes aside": ({**PORTRAIT, "12": node("PreviewImage", images=["8", 0])}, {}),
    "said as it is found": (PORTRAIT, {"bind": {"prompt": "Positive prompt.text"}, "output": 9}),
}
OTHER = {
    "a value": (edited(PORTRAIT, n3={"steps": 21}), {}),
    "the negative": (edited(PORTRAIT, n7={"text": "x"}), {}),
    "a link": (edited(PORTRAIT, n3={"model": ["8", 0]}), {}),
    "a class": ({**PORTRAIT, "8": {**PORTRAIT["8"], "class_type": "VAEDecodeTiled"}}, {}),
    "bound": (PORTRAIT, {"bind": {"cfg": "3.cfg"}}),
    "output": ({**PORTRAIT, "12": node("SaveImage", images=["8", 0])}, {"output": "12"}),
}


@pytest.mark.parametrize(("flow", "params"), SAME.values(), ids=SAME)
def test_what_changes_no_image_moves_no_pin(provider, model, flow, params):
    pin = provider.pin(model())
    edited_model = model(flow, **params)
    assert provider.weights(edited_model, pin) == pin.weights
    assert provider.repin(edited_model, pin).weights == pin.weights


@pytest.mark.parametrize(("flow", "params"), OTHER.values(), ids=OTHER)
def test_what_changes_images_moves_the_pin(provider, model, flow, params):
    pin = provider.pin(model())
    moved = provider.weights(model(flow, **params), pin)
    assert moved not in (pin.weights, "", None)


def test_a_file_that_is_gone_moves_no_pin_and_a_broken_one_does(provider, model, tmp_path):
    declared = model()
    pin = provider.pin(declared)
    assert provider.weights(model("{"), pin) == ""
    (tmp_path / "flows/a.json").unlink()
    assert provider.weights(declared, pin) is None
    with pytest.raises(TargetError) as raised:
        provider.pin(declared)
    assert (raised.value.message, raised.value.hint) == (
        "flows/a.json can't be read: No such file or directory",
        "export it from ComfyUI by Workflow → Export (API)",
    )


def test_a_file_that_is_too_large(provider, model, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.comfyui.provider.LARGEST", 100)
    with pytest.raises(TargetError) as raised:
        provider.pin(model())
    assert raised.value.message == "flows/a.json is larger than 100 bytes"


def test_a_prompt_has_the_name_that_follows_from_it(provider, model, request_of):
    def name(**asked_for):
        return ticket_of(asked(provider, request_of(model(), **asked_for)))

    assert str(UUID(name())) == name() != name(seed=8)
    titled = {key: {**item, "_meta": {"title": "x"}} for key, item in PORTRAIT.items()}
    assert ticket_of(titled) == ticket_of(PORTRAIT)


def test_a_file_is_saved_by_a_name_of_its_own():
    assert saved_as(PORTRAIT, "9", "ab12") == edited(PORTRAIT, n9={"filename_prefix": "portraits/hero-ab12"})
    assert saved_as(PORTRAIT, "8", "ab12") == PORTRAIT


BLUE, HALF = pillow.new("RGB", (4, 4), "blue"), pillow.new("L", (4, 4))
HALF.paste(255, (0, 0, 2, 4))


def sent(provider, request):
    _, found = provider._look(request.pin.source, request.params)
    return pictures_of(request, found)


def test_a_mask_is_read_by_whatever_loads_it(provider, model, request_of):
    files = sent(
        provider, request_of(model(REPAINT), inputs={"image": [BLUE], "mask": [HALF.convert("RGBA")]})
    )
    assert loaded(files["image"][0])[0].getpixel((0, 0)) == (0, 0, 255)
    (mask,) = files["mask"]
    picture, rest = loaded(mask)
    assert [picture.getpixel((x, 0)) for x in (0, 3)] == [(255, 255, 255), (0, 0, 0)]
    assert [rest.getpixel((x, 0)) for x in (0, 3)] == [255, 0]
    for channel in ("alpha", "red", "green", "blue"):
        assert load_mask({"image": mask, "channel": channel}) == [words(HALF.tobytes())]


def test_a_picture_and_its_mask_go_into_one_file(provider, model, request_of):
    files = sent(provider, request_of(model(ERASED), inputs={"image": [BLUE], "mask": [HALF]}))
    assert files.keys() == {"image"}
    picture, mask = loaded(files["image"][0])
    assert (picture.size, picture.getpixel((0, 0)), mask.tobytes()) == ((4, 4), (0, 0, 255), HALF.tobytes())
    clear = pillow.new("RGBA", (4, 4), (0, 0, 255, 0))
    (whole,) = sent(provider, request_of(model(ERASED), inputs={"image": [clear]}))["image"]
    assert loaded(whole)[1].getpixel((0, 0)) == 255  # what it lacks itself


def test_a_mask_of_another_shape_would_be_distorted(provider, model, request_of):
    inputs = {"image": [BLUE], "mask": [HALF.resize((8, 8))]}
    assert loaded(sent(provider, request_of(model(ERASED), inputs=inputs))["image"][0])[1].size == (4, 4)
    with pytest.raises(ProviderFailed) as raised:
        sent(provider, request_of(model(ERASED), inputs={**inputs, "mask": [HALF.resize((16, 8))]}))
    assert (raised.value.message, raised.value.hint) == (
        "the picture for input 'mask' is 16x8, which is another shape than 4x4 of 'image'",
        "crop or pad it first, with an asset of its own",
    )


def test_equal_pictures_have_one_name():
    assert name_of(b"x") == name_of(b"x") != name_of(b"y")
    assert pillow.open(io.BytesIO(pictures())).size == (4, 4)
    assert len(name_of(b"x")) == 36


def pictures():
    out = io.BytesIO()
    BLUE.save(out, format="PNG")
    return out.getvalue()


VALUES = st.one_of(st.text(max_size=3), st.integers(-(2**63), 2**63), st.booleans(), st.none())


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES, max_size=4))
def test_any_values_have_a_name(inputs):
    flow = {"1": node("A", **inputs)}
    graph = read_graph(json.dumps(flow).encode(), "a.json")
    assert graph["1"].inputs == inputs
    assert UUID(ticket_of(flow)).version == 5
