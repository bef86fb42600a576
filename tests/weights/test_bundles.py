"""Which files of a network are taken."""

import pytest

from imgbuild.errors import TargetError
from imgbuild.weights.bundles import network_bundle

TEXTS = ["config.json", "preprocessor_config.json", "vocab.txt"]


def chosen(*names, pickles=False, shards=b'{"weight_map": {"a": "model-00001-of-00001.safetensors"}}'):
    return network_bundle(pickles=pickles).choose([*TEXTS, *names], lambda name: shards)


def test_safetensors_are_taken_and_nothing_beside_them():
    others = (
        "pytorch_model.bin",
        "README.md",
        "model.fp16.safetensors",
        "onnx/model.onnx",
        "flax_model.msgpack",
    )
    assert chosen("model.safetensors", *others) == sorted([*TEXTS, "model.safetensors"])
    assert chosen("model.safetensors", *others, pickles=True) == sorted([*TEXTS, "model.safetensors"])


def test_pickles_are_taken_where_there_is_nothing_else_and_they_may_be():
    assert chosen("pytorch_model.bin", pickles=True) == sorted([*TEXTS, "pytorch_model.bin"])
    with pytest.raises(TargetError) as caught:
        chosen("pytorch_model.bin")
    assert str(caught.value) == (
        "error: pytorch_model.bin is pickled, and could run a program when it is read\n"
        "hint: give the model 'allow_pickle: true', if you trust whoever made it, or save it in safetensors"
    )


def test_a_folder_without_weights():
    with pytest.raises(TargetError) as caught:
        chosen()
    assert str(caught.value) == (
        "error: there are no weights beside config.json\nhint: put them there, in safetensors"
    )


def test_shards_are_taken_and_must_lie_beside_their_index():
    names = ("model-00001-of-00001.safetensors", "model.safetensors.index.json")
    assert chosen(*names) == sorted([*TEXTS, *names])
    with pytest.raises(TargetError) as caught:
        chosen(*names, shards=b'{"weight_map": {"a": "../model.safetensors"}}')
    assert caught.value.message == "model.safetensors.index.json names other files than weights beside it"
