"""Workflows that are read, and cut to what leads to one image."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.errors import TargetError
from imgbuild.providers.comfyui.graph import EXPORT, Node, cut, output_of, read_graph
from tests.vendors.comfyui_flows import PORTRAIT, node

PATH = "flows/a.json"


def read(flow):
    return read_graph(json.dumps(flow).encode(), PATH)


def test_nodes_have_a_class_a_title_and_inputs():
    graph = read({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}, **PORTRAIT})
    assert graph["1"] == Node(kind="LoadImage", title="LoadImage", inputs={"image": "a.png"})
    assert graph["6"].title == "Positive prompt"
    assert list(graph) == ["1", *PORTRAIT]


NO_WORKFLOW = {
    "no JSON": (
        b"{",
        "flows/a.json is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    "no number": (
        b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}',
        "flows/a.json is no JSON: NaN is no number",
    ),
    "half a letter": (
        b'{"1": {"class_type": "A", "inputs": {"x": "\\ud800"}}}',
        "flows/a.json is no JSON: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
    ),
    "deep": (
        b"[" * 100_000,
        "flows/a.json is no JSON: it is nested too deeply",
    ),
    "of the editor": (
        b'{"last_node_id": 9, "nodes": [], "links": [], "version": 0.4}',
        "flows/a.json is a workflow as ComfyUI's editor keeps it, not as its API takes it",
    ),
    "a list": (b"[]", "flows/a.json has no nodes"),
    "empty": (b"{}", "flows/a.json has no nodes"),
    "no class": (b'{"1": {"inputs": {}}}', "'1' of flows/a.json is no node: it has no class and inputs"),
    "no inputs": (
        b'{"1": {"class_type": "A", "inputs": []}}',
        "'1' of flows/a.json is no node: it has no class and inputs",
    ),
    "a text": (b'{"prompt": "a"}', "'prompt' of flows/a.json is no node: it has no class and inputs"),
    "a link to nowhere": (
        b'{"3": {"class_type": "A", "inputs": {"model": ["4", 0]}, "_meta": {"title": "Draw"}}}',
        "node 'Draw' (3) of flows/a.json takes 'model' from node 4, which is not there",
    ),
}


@pytest.mark.parametrize(("data", "message"), NO_WORKFLOW.values(), ids=NO_WORKFLOW)
def test_what_is_no_workflow(data, message):
    with pytest.raises(TargetError) as raised:
        read_graph(data, PATH)
    assert (raised.value.message, raised.value.hint) == (message, EXPORT)


@settings(deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_file_is_a_workflow_or_told(data):
    try:
        read_graph(data, PATH)
    except TargetError as error:
        assert error.message.startswith(PATH) or f" of {PATH} " in error.message


TWO = {**PORTRAIT, "12": node("SaveImage", "Save Image", filename_prefix="b", images=["8", 0])}


def test_the_image_is_that_of_the_only_node_that_saves_one():
    shown = {
        **PORTRAIT,
        "12": node("PreviewImage", images=["8", 0]),
        "13": node("SaveImageWebsocket", images=["8", 0]),
    }
    assert output_of(read(shown), "", PATH) == "9"
    assert output_of(read({name: item for name, item in shown.items() if name != "9"}), "", PATH) == "12"
    assert output_of(read(TWO), "12", PATH) == "12"
    assert output_of(read(PORTRAIT), "Save Image", PATH) == "9"


NO_OUTPUT = {
    "none": (
        {name: item for name, item in PORTRAIT.items() if name != "9"},
        "",
        "no node of flows/a.json saves an image",
        "add a Save Image node, and export it again",
    ),
    "several": (
        TWO,
        "",
        "several nodes of flows/a.json save images: node 'Save Image' (9), node 'Save Image' (12)",
        "name one by its number: params: {output: '9'}",
    ),
    "several of a name": (
        TWO,
        "Save Image",
        "several nodes of flows/a.json are called 'Save Image': node 'Save Image' (9), node 'Save Image' (12)",
        "name one by its number: params: {output: '9'}",
    ),
    "another name": (
        PORTRAIT,
        "Save Images",
        "flows/a.json has no node 'Save Images' to take as 'output'",
        "did you mean 'Save Image'? Nodes here: Empty Latent Image, KSampler, Load Checkpoint, "
        "Negative prompt, Positive prompt, Save Image, VAE Decode",
    ),
}


@pytest.mark.parametrize(("flow", "asked", "message", "hint"), NO_OUTPUT.values(), ids=NO_OUTPUT)
def test_which_image_it_is_has_to_be_said_where_it_can_not_be_told(flow, asked, message, hint):
    with pytest.raises(TargetError) as raised:
        output_of(read(flow), asked, PATH)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_only_what_leads_to_the_image_is_kept():
    more = {
        **PORTRAIT,
        "12": node("SaveImage", images=["13", 0]),
        "13": node("VAEDecode", samples=["14", 0], vae=["4", 2]),
        "14": node("KSampler", latent_image=["3", 0]),
    }
    assert cut(read(more), "9") == read(PORTRAIT)
    assert list(cut(read(more), "14")) == ["3", "4", "5", "6", "7", "14"]
    circle = {"1": node("A", x=["2", 0]), "2": node("B", x=["1", 0])}
    assert list(cut(read(circle), "1")) == ["1", "2"]
