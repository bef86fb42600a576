"""Links of ComfyUI's graphs: which nodes lead to an input, where a text is written, and on which side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.workflows import TEXTS, settle, source_of, texts_at, upstream

# Both sides of a sampler pass through one node, as with a ControlNet.
GRAPH = {
    "3": {"seed": 7, "positive": ["8", 0], "negative": ["8", 1], "latent_image": ["5", 0], "model": ["4", 0]},
    "4": {"ckpt_name": "sdxl.safetensors"},
    "5": {"width": ["9", 0], "height": 512},
    "6": {"text": "a lamp", "clip": ["4", 1]},
    "7": {"text": ["10", 0], "clip": ["4", 1]},
    "8": {"positive": ["6", 0], "negative": ["7", 0], "control_net": ["11", 0], "strength": 0.5},
    "9": {"value": 768},
    "10": {"value": "blurry"},
    "11": {"control_net_name": "canny"},
}


def test_the_nearest_nodes_come_first_and_each_once():
    assert list(upstream(GRAPH, GRAPH["3"].values())) == ["8", "5", "4", "6", "7", "11", "9", "10"]
    assert list(upstream(GRAPH, [["8", 0]])) == ["8", "6", "7", "11", "4", "10"]
    assert list(upstream(GRAPH, [["8", 0]], sided=True)) == ["8", "6", "4"]
    assert list(upstream(GRAPH, [["8", 1]], sided=True)) == ["8", "7", "10", "4"]
    assert list(upstream(GRAPH, [["8", 2]], sided=True)) == ["8", "6", "7", "11", "4", "10"]
    assert list(upstream(GRAPH, [["99", 0], "6", 6, None, ["6"]])) == []


def test_a_graph_may_be_a_circle():
    circle = {"1": {"text": ["2", 0]}, "2": {"text": ["1", 0]}}
    assert list(upstream(circle, [["1", 0]])) == ["1", "2"]
    assert texts_at(circle, ["1", 0]) == []
    assert settle(circle, ("1", "text"), TEXTS, str) is None


def test_a_text_is_found_on_the_side_that_was_asked_for():
    assert texts_at(GRAPH, GRAPH["3"]["positive"]) == [("6", "text")]
    assert texts_at(GRAPH, GRAPH["3"]["negative"]) == [("10", "value")]


def test_a_text_in_parts_is_found_whole():
    parts = {"1": {"clip_l": "a lamp", "t5xxl": "a brass lamp", "guidance": 3.5}}
    assert texts_at(parts, ["1", 0]) == [("1", "t5xxl"), ("1", "clip_l")]
    one = {"1": {"text_g": ["2", 0], "text_l": ["2", 0]}, "2": {"string": "a lamp"}}
    assert texts_at(one, ["1", 0]) == [("2", "string")]


def test_a_value_is_written_where_its_links_end():
    assert settle(GRAPH, ("5", "width"), ("value",), int) == ("9", "value")
    assert settle(GRAPH, ("5", "height"), ("value",), int) == ("5", "height")
    assert settle(GRAPH, ("5", "width"), ("number",), int) is None
    assert settle(GRAPH, ("5", "depth"), ("value",), int) is None
    assert settle({"1": {"steps": True}}, ("1", "steps"), (), int) is None


NAMES = st.sampled_from("123")
VALUES = st.one_of(
    st.text(max_size=2),
    st.integers(),
    st.lists(st.one_of(NAMES, st.integers(-3, 3), st.none()), max_size=3),
)
GRAPHS = st.dictionaries(NAMES, st.dictionaries(st.sampled_from((*TEXTS, "positive", "negative")), VALUES))


@settings(deadline=None)
@given(GRAPHS, VALUES)
def test_any_graph_can_be_walked(graph, link):
    found = list(upstream(graph, [link]))
    assert len(found) == len(set(found))
    assert set(found) <= graph.keys()
    assert all(isinstance(graph[name][key], str) for name, key in texts_at(graph, link))


@pytest.mark.parametrize("output", [0, 1, 2, -7])
def test_an_output_may_have_any_number(output):
    assert next(upstream(GRAPH, [["8", output]])) == "8"


@pytest.mark.parametrize(
    "value", [["8"], ["8", None], ["8", "0"], ["8", 0, 0], [8, 0], "8", None, ["a", "b"]]
)
def test_other_lists_are_no_links(value):
    assert source_of(value) is None
    assert list(upstream(GRAPH, [value])) == []
