"""Backgrounds removed by a network: a small one of our own, which finds what is bright."""

import pytest
from msgspec.structs import asdict
from PIL import Image as pillow
from PIL.Image import Resampling

from imgbuild.errors import TargetError
from imgbuild.keys import operation_fields
from imgbuild.process.remove_background import RemoveBackground
from imgbuild.weights.networks import Networks, Weights

SIDE = 32


def network(path, channels=3):
    """Of the shape of U²-Net: how bright each place is, on average of its colours."""
    import onnx
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, channels, SIDE, SIDE])
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    node = helper.make_node("ReduceMean", ["in", "axes"], ["out"], keepdims=1)
    graph = helper.make_graph([node], "matte", [given], [made], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)


def removed(path, picture, **given):
    networks = Networks(lambda name: Weights(source="./matte.onnx", path=path, digest="d"))
    return RemoveBackground(model="matte", **given).apply_by(picture, {}, networks)


def photo(size=(80, 60)):
    return pillow.merge("RGB", [pillow.effect_noise(size, 90 + step) for step in range(3)])


@pytest.mark.parametrize(
    ("how", "mean", "spread"),
    [("u2net", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ("isnet", (0.5, 0.5, 0.5), (1, 1, 1))],
)
def test_the_mask_is_what_the_network_gives(tmp_path, how, mean, spread):
    import numpy as np

    network(tmp_path / "net.onnx")
    picture = photo()
    levels = np.asarray(picture.resize((SIDE, SIDE), Resampling.LANCZOS)) / 255.0
    levels = levels / levels.max()
    seen = ((levels - mean) / spread).mean(axis=2)
    seen = (seen - seen.min()) / (seen.max() - seen.min())
    mask = pillow.fromarray((seen * 255 + 0.5).astype(np.uint8)).resize(picture.size, Resampling.LANCZOS)
    made = removed(tmp_path / "net.onnx", picture, prepare=how)
    assert made.mode == "RGBA"
    assert made.convert("RGB").tobytes() == picture.tobytes()
    apart = np.abs(np.asarray(made.getchannel("A"), dtype=int) - np.asarray(mask, dtype=int))
    assert apart.max() <= 2


def test_its_own_alpha_counts_too(tmp_path):
    network(tmp_path / "net.onnx")
    picture = photo()
    picture.putalpha(128)
    assert removed(tmp_path / "net.onnx", picture).getchannel("A").getextrema()[1] <= 128


@pytest.mark.parametrize(
    ("channels", "told", "said"),
    [
        (1, b"", "'./matte.onnx' is no network that finds backgrounds: it takes no picture of three colours"),
        (3, b"no network", "the network './matte.onnx' can't be loaded: "),
    ],
)
def test_a_file_of_another_kind(tmp_path, channels, told, said):
    network(tmp_path / "net.onnx", channels)
    if told:
        (tmp_path / "net.onnx").write_bytes(told)
    with pytest.raises(TargetError) as caught:
        removed(tmp_path / "net.onnx", photo())
    assert caught.value.message.startswith(said)


def test_nothing_stands_out(tmp_path):
    network(tmp_path / "net.onnx")
    with pytest.raises(TargetError) as caught:
        removed(tmp_path / "net.onnx", pillow.new("RGB", (40, 40), "white"))
    assert str(caught.value) == (
        "error: './matte.onnx' sees nothing in the picture that stands out\nhint: try another network"
    )


def test_parameters_that_came_later_are_in_no_key_where_they_are_left_out():
    assert {"model", "prepare"} < set(asdict(RemoveBackground()))
    assert set(operation_fields(RemoveBackground())) == {"name", "version", "method", "contrast", "feather"}


def test_what_is_prepared_for_nobody():
    with pytest.raises(ValueError) as caught:
        RemoveBackground(prepare="isnet")
    assert str(caught.value) == "prepare only matters where a model is named"
