"""Faces counted, each bright square being one."""

import pytest
from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.images import Picture
from imgbuild.rules.faces import Faces
from imgbuild.weights.networks import Networks, Weights
from tests.weights.yunet import SQUARE, network


def crowd(*levels):
    """A dark picture with a square of each level."""
    picture = pillow.new("RGB", (256, 128))
    for at, level in enumerate(levels):
        left = 2 * SQUARE * at
        picture.paste((level,) * 3, (left, SQUARE, left + SQUARE, 2 * SQUARE))
    return Picture(b"", picture)


@pytest.fixture
def measure(tmp_path):
    """A function: what the rule measures on a picture."""
    network(tmp_path / "net.onnx")
    networks = Networks(lambda name: Weights(source="./faces.onnx", path=tmp_path / "net.onnx", digest="d"))
    return lambda picture: Faces(model="yunet", min=0).measure_by(picture, {}, networks)


def test_faces_are_counted(measure):
    measured = measure(crowd(255, 204, 102))
    assert measured == {
        "faces": [[1.0, 0.25], [pytest.approx(0.8, abs=1e-3), 0.25], [pytest.approx(0.4, abs=1e-3), 0.25]]
    }
    assert Faces(model="yunet", min=1, max=1, sure=0.9).judge(measured).figure == 1
    assert not Faces(model="yunet", max=2, sure=0.3).judge(measured).ok
    finding = Faces(model="yunet", min=1, size=0.3).judge(measured)
    assert (finding.ok, finding.figure, finding.unit, finding.limit) == (False, 0, "faces", "at least 1")


def test_no_face(measure):
    assert measure(crowd()) == {"faces": []}


def test_a_large_picture_is_scaled_down(measure):
    large = Picture(b"", crowd(255).pixels.resize((2048, 1024), pillow.Resampling.NEAREST))
    found = measure(large)["faces"]
    assert found
    assert all(size == SQUARE / 512 for _, size in found)


def test_a_file_of_another_kind(tmp_path, measure):
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(TargetError) as caught:
        measure(crowd())
    assert str(caught.value) == (
        "error: './faces.onnx' is no network that finds faces\nhint: take YuNet of OpenCV's zoo"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "faces has nothing to check: give min, max or both"),
        ({"min": 3, "max": 2}, "min 3 is above max 2: nothing would pass"),
        ({"min": 1, "sure": 0.1}, "sure must be between 0.3 and 1, not 0.1"),
        ({"min": 1, "size": 2}, "size must be between 0 and 1, not 2"),
    ],
)
def test_what_cant_be_meant(given, said):
    with pytest.raises(ValueError) as caught:
        Faces(model="yunet", **given)
    assert str(caught.value) == said
