"""Text found and read by small networks of our own: one finds what is bright, the other reads brightness as letters."""

import pytest
from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.images import Picture
from imgbuild.rules.text import SIDE, Text, boxes, spelled
from imgbuild.weights.networks import Networks, Weights


def saved(path, nodes, constants, given, made):
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, made)],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def finder(path):
    """As DB: how likely each place is to be text; here, how bright it is."""
    from onnx import TensorProto, helper

    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        helper.make_tensor("dark", TensorProto.FLOAT, [1], [0.45]),
        helper.make_tensor("low", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("high", TensorProto.FLOAT, [], [1.0]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["in", "axes"], ["grey"], keepdims=1),
        helper.make_node("Add", ["grey", "dark"], ["light"]),
        helper.make_node("Clip", ["light", "low", "high"], ["out"]),
    ]
    saved(path, nodes, constants, [1, 3, SIDE, SIDE], [1, 1, SIDE, SIDE])


def reader(path, channels=1):
    """As CRNN: for each of 25 columns, nothing, the first letter (white) or the second (grey)."""
    from onnx import TensorProto, helper

    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        helper.make_tensor("rows", TensorProto.INT64, [3], [25, 1, 1]),
        helper.make_tensor("mid", TensorProto.FLOAT, [25, 1, 1], [0.4] * 25),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["in", "axes"], ["grey"], keepdims=1),
        helper.make_node("MaxPool", ["grey"], ["pool"], kernel_shape=[32, 4], strides=[32, 4]),
        helper.make_node("Reshape", ["pool", "rows"], ["white"]),
        helper.make_node("Neg", ["white"], ["dark"]),
        helper.make_node("Concat", ["dark", "white", "mid"], ["out"], axis=2),
    ]
    saved(path, nodes, constants, [1, channels, 32, 100], [25, 1, 3])


@pytest.fixture
def measure(tmp_path):
    """A function: rule and picture → what is measured."""
    finder(tmp_path / "finder.onnx")
    reader(tmp_path / "reader.onnx")

    def find(name):
        return Weights(source=f"./{name}.onnx", path=tmp_path / f"{name}.onnx", digest=name)

    return lambda rule, picture: rule.measure_by(picture, {}, Networks(find))


def sign(*lines):
    """A dark picture with signs one below the other: levels from left to right."""
    picture = pillow.new("RGB", (SIDE, SIDE))
    for at, levels in enumerate(lines):
        for step, level in enumerate(levels):
            left, top = 100 + step * 120, 100 + at * 200
            picture.paste((level,) * 3, (left, top, left + 120, top + 60))
    return Picture(b"", picture)


def test_lines_are_counted(measure):
    rule = Text(model="finder", max=1)
    assert measure(rule, sign()) == {"lines": []}
    assert measure(rule, sign([255, 255])) == {"lines": [""]}
    two = measure(rule, sign([255, 255], [255, 255, 255]))
    assert two == {"lines": ["", ""]}
    finding = rule.judge(two)
    assert (finding.ok, finding.figure, finding.unit, finding.limit) == (False, 2, "lines", "at most 1")
    assert rule.judge({"lines": [""]}).ok


@pytest.mark.parametrize("channels", [1, 3])
def test_lines_are_read_from_the_top(measure, tmp_path, channels):
    reader(tmp_path / "reader.onnx", channels)
    rule = Text(model="finder", reader="reader", contains=["BA"], letters="ab")
    measured = measure(rule, sign([255, 255, 255, 255], [140, 140, 140, 255, 255, 255]))
    assert measured == {"lines": ["a", "ba"]}
    assert rule.judge(measured).ok
    finding = Text(model="finder", reader="reader", contains=["c"]).judge(measured)
    assert (finding.ok, finding.figure, finding.limit) == (False, " ".join(measured["lines"]), "contains c")


@pytest.mark.parametrize("broken", ["finder", "reader"])
def test_a_file_that_is_no_network(measure, tmp_path, broken):
    (tmp_path / f"{broken}.onnx").write_bytes(b"no network")
    with pytest.raises(TargetError) as caught:
        measure(Text(model="finder", reader="reader", contains=["a"]), sign([255]))
    assert caught.value.message.startswith(f"the network './{broken}.onnx' can't be loaded: ")
    assert caught.value.hint == "it must be one file in the ONNX format"


def test_more_letters_than_the_network_knows(measure):
    with pytest.raises(TargetError) as caught:
        measure(Text(model="finder", reader="reader", contains=["a"], letters="abc"), sign([255]))
    assert str(caught.value) == (
        "error: './reader.onnx' is no network that reads these 3 letters: it knows 2\n"
        "hint: known are PP-OCR's, and CRNN as OpenCV's zoo has it"
    )


@pytest.mark.parametrize(
    ("places", "said"), [([], ""), ([0, 0], ""), ([1, 1, 0, 1, 2, 2], "aab"), ([2, 1, 1, 3], "ba ")]
)
def test_letters_that_go_on_are_one(places, said):
    assert spelled(places, "ab") == said


def test_a_turned_line_is_one_box_around_it():
    import numpy as np

    drawn = pillow.new("L", (200, 200))
    drawn.paste(255, (40, 90, 160, 110))
    likely = np.asarray(drawn.rotate(20)) / np.float32(255)
    (corners,) = boxes(likely)
    sides = [float(np.linalg.norm(corners[at] - corners[at - 1])) for at in (1, 2)]
    grown = 2 * 1.6 * 120 * 20 / (2 * 140)
    assert sides == pytest.approx([120 + grown, 20 + grown], abs=4)
    assert corners.mean(axis=0).tolist() == pytest.approx([100, 100], abs=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "text has nothing to check: give max, contains or both"),
        (
            {"contains": ["sale"]},
            "contains and reader go together: one says what is to be read, the other by what",
        ),
        ({"max": -1}, "max must be at least 0, not -1"),
    ],
)
def test_what_cant_be_meant(given, said):
    with pytest.raises(ValueError) as caught:
        Text(model="finder", **given)
    assert str(caught.value) == said
