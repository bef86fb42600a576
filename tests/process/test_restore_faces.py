"""Faces restored by small networks of our own: where they are cut out, how they are laid back, what stays."""

from cmath import exp, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow
from PIL import ImageOps

from imgbuild.errors import TargetError
from imgbuild.images import pixel_digest
from imgbuild.process.aligned import OF, TEMPLATE, square_of
from imgbuild.process.restore_faces import RestoreFaces
from imgbuild.weights.networks import Networks, Weights
from tests.weights.yunet import SQUARE, network

SIDE = 64
POINTS = tuple(2 * place / OF - 0.5 - 0.5j for place in TEMPLATE)  # of a face twice as large as its square


def restorer(path, kind="Neg", channels=3, figures=(), outer=None):
    """A network that takes and gives a face of SIDE pixels: Neg, its negative; Identity, itself; or dulled by a figure.

    figures: the types of what it wants beside the face; with one, the levels are times as much.
    """
    import onnx
    from onnx import TensorProto, helper

    given = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, channels, SIDE, SIDE])]
    given += [helper.make_tensor_value_info(f"w{at}", kind, []) for at, kind in enumerate(figures)]
    nodes = [helper.make_node(kind, ["input"], ["out"])]
    if figures:
        nodes = [
            helper.make_node("Cast", ["w0"], ["w"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["input", "w"], ["out"]),
        ]
    size = outer or [1, channels, SIDE, SIDE]
    made = [helper.make_tensor_value_info("out", TensorProto.FLOAT, size)]
    graph = helper.make_graph(nodes, "restorer", given, made)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.fixture
def restored(tmp_path):
    """A function: a picture and parameters → the picture with its faces restored."""
    network(tmp_path / "yunet.onnx", POINTS)
    restorer(tmp_path / "net.onnx")

    def find(name):
        return Weights(source=f"./{name}.onnx", path=tmp_path / f"{name}.onnx", digest=name)

    def restore(picture, **given):
        return RestoreFaces(model="net", faces="yunet", **given).apply_by(picture, {}, Networks(find))

    return restore


def photo(mode="RGB", faces=((2, 1),), size=(256, 128)):
    """Dark noise with a bright face in some of its squares."""
    noise = pillow.merge(
        "RGB", [pillow.linear_gradient("L").rotate(turn).resize(size) for turn in (0, 90, 180)]
    )
    picture = noise.point(lambda level: level // 8)
    for x, y in faces:
        picture.paste((255, 250, 245), tuple(SQUARE * at for at in (x, y, x + 1, y + 1)))
    picture = picture.convert(mode)
    if "A" in mode:
        picture.putalpha(pillow.linear_gradient("L").resize(size).point(lambda level: 255 - level // 4))
    return picture


def levels(picture):
    return np.asarray(picture).astype(int)


# --- what is laid back --------------------------------------------------------------------------------


def test_what_the_network_gives_is_where_the_face_was(restored):
    picture = photo()
    made, negative = levels(restored(picture)), levels(ImageOps.invert(picture))
    # The face is twice its square, with soft borders of an eighth: this much is wholly the network's.
    inner = np.s_[SQUARE : 2 * SQUARE, 2 * SQUARE : 3 * SQUARE]
    assert np.abs(made[inner] - negative[inner]).max() <= 1
    outside = np.ones(made.shape[:2], dtype=bool)
    outside[SQUARE // 2 : 5 * SQUARE // 2, 3 * SQUARE // 2 : 7 * SQUARE // 2] = False
    assert (made[outside] == levels(picture)[outside]).all()


def test_borders_are_soft(restored):
    ground = pillow.new("RGB", (256, 128))
    ground.paste((255,) * 3, (2 * SQUARE, SQUARE, 3 * SQUARE, 2 * SQUARE))
    row = levels(restored(ground).convert("L"))[SQUARE * 3 // 2, SQUARE * 3 // 2 :][: SQUARE // 4]
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < 80
    assert row[0] < 30
    assert row[-1] > 225


def test_every_face_is_restored(restored):
    picture = photo(faces=((1, 1), (4, 2)))
    both = levels(restored(picture))
    for one in (((1, 1),), ((4, 2),)):
        x, y = (SQUARE * at for at in one[0])
        inner = np.s_[y : y + SQUARE, x : x + SQUARE]
        assert (both[inner] == levels(restored(photo(faces=one)))[inner]).all()


def test_one_that_lies_over_the_border_is_restored_as_far_as_it_is_there(restored):
    picture = photo(faces=((0, 0),))
    made = levels(restored(picture))
    assert (
        np.abs(made[:SQUARE, :SQUARE] - levels(ImageOps.invert(picture))[:SQUARE, :SQUARE])[8:, 8:].max() <= 1
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_modes_and_alpha_stay(restored, mode):
    picture = photo(mode)
    made = restored(picture)
    assert (made.mode, made.size) == (mode, picture.size)
    assert made.tobytes() != picture.tobytes()
    if "A" in mode:
        assert made.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    assert made.tobytes() == restored(picture).tobytes()


def test_a_picture_without_faces_is_the_same(restored):
    picture = photo(faces=())
    assert restored(picture) is picture


def test_a_face_that_is_not_sure_stays(restored):
    dim = pillow.new("RGB", (256, 128))
    dim.paste((128,) * 3, (2 * SQUARE, SQUARE, 3 * SQUARE, 2 * SQUARE))
    assert restored(dim) is dim
    assert restored(dim, sure=0.4).tobytes() != dim.tobytes()


def test_a_large_picture_is_looked_at_in_small_and_restored_in_large(restored):
    picture = photo()
    large = picture.resize(
        (2048, 1024), pillow.Resampling.NEAREST
    )  # seen at half its size, as four squares a face
    made = restored(large)
    assert made.size == large.size
    assert made.tobytes() != large.tobytes()


def test_points_that_are_no_faces_leave_the_picture(restored, tmp_path):
    network(tmp_path / "yunet.onnx")
    assert restored(photo()).tobytes() == photo().tobytes()


# --- how much -----------------------------------------------------------------------------------------


def test_a_blend_is_between_what_was_and_what_is_made(restored):
    picture = photo()
    whole = levels(restored(picture))
    assert restored(picture, blend=0) is picture
    for blend in (0.25, 0.5, 0.75):
        mixed = (1 - blend) * levels(picture) + blend * whole
        assert np.abs(levels(restored(picture, blend=blend)) - mixed).max() <= 2


@pytest.mark.parametrize("kind", [1, 11])  # float, double
def test_fidelity_goes_to_the_network(restored, tmp_path, kind):
    restorer(tmp_path / "net.onnx", figures=[kind])
    picture, middle = photo(), (5 * SQUARE // 2, 3 * SQUARE // 2)
    given = picture.getpixel(middle)[0] - 127.5
    for fidelity, share in ((0, 0), (1, 1), (0.25, 0.25), (None, 0.5)):
        made = restored(picture, fidelity=fidelity).getpixel(middle)[0]
        assert made == pytest.approx(127.5 + share * given, abs=1)


# --- where a face is ----------------------------------------------------------------------------------


@given(
    st.floats(0.02, 50),
    st.floats(-pi, pi),
    st.tuples(st.floats(0, 4000), st.floats(0, 4000)),
)
def test_any_turn_size_and_place_is_found_again(size, angle, place):
    turn, shift = size * exp(1j * angle), complex(*place)
    square = square_of(tuple(turn * point + shift for point in TEMPLATE), OF, (30_000, 30_000))
    assert square is not None
    assert abs(square.turn - 1 / turn) < 1e-6 * abs(1 / turn)
    assert abs(square.shift + shift / turn) < 1e-4 * max(1, abs(shift / turn))


@settings(deadline=None, max_examples=20)
@given(st.floats(-pi, pi), st.floats(0.3, 3))
def test_a_square_cut_out_and_laid_back_is_the_picture(angle, size):
    smooth = pillow.merge("RGB", [pillow.linear_gradient("L").rotate(turn) for turn in (0, 90, 180)])
    turn = size * exp(1j * angle) * 64 / OF
    points = tuple(turn * (point - OF / 2 * (1 + 1j)) + 128 + 128j for point in TEMPLATE)
    square = square_of(points, SIDE, smooth.size)
    back = smooth.copy()
    square.lay(square.cut(smooth), back, 1)
    assert np.abs(levels(back) - levels(smooth)).max() <= 6


@pytest.mark.parametrize("points", [(0j,) * 5, tuple(place * 1e-3 for place in TEMPLATE)])
def test_points_in_one_place_are_no_face(points):
    assert square_of(points, SIDE, (256, 128)) is None


# --- networks and parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"channels": 1}, "it takes no square of three colours"),
        ({"figures": [1, 1]}, "it wants more than a picture and one figure"),
        ({"figures": [7]}, "it wants more than a picture and one figure"),
        (
            {"kind": "GlobalAveragePool", "outer": [1, 3, 1, 1]},
            "it gives no picture of the size of what it takes",
        ),
        ({"kind": "Log"}, "it gives no picture of the size of what it takes"),
    ],
)
def test_a_network_of_another_kind(restored, tmp_path, given, why):
    restorer(tmp_path / "net.onnx", **given)
    with pytest.raises(TargetError) as caught:
        restored(photo())
    assert str(caught.value) == (
        f"error: './net.onnx' is no network that restores faces: {why}\n"
        "hint: known are GFPGAN, CodeFormer, and others that take and give the same"
    )


def test_a_network_without_fidelity(restored):
    with pytest.raises(TargetError) as caught:
        restored(photo(), fidelity=0.5)
    assert str(caught.value) == "error: './net.onnx' takes no fidelity\nhint: leave 'fidelity' out"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sure": 0.2}, "sure must be between 0.3 and 1, not 0.2"),
        ({"blend": 1.5}, "blend must be between 0 and 1, not 1.5"),
        ({"fidelity": -1}, "fidelity must be between 0 and 1, not -1"),
    ],
)
def test_what_cant_be_meant(given, said):
    with pytest.raises(ValueError) as caught:
        RestoreFaces(model="net", faces="yunet", **given)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("missing", "title", "extra"), [("cv2", "OpenCV", "local"), ("onnxruntime", "ONNX Runtime", "onnx")]
)
def test_what_is_missing_is_named(restored, monkeypatch, missing, title, extra):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None if name == missing else name)
    with pytest.raises(TargetError) as caught:
        restored(photo())
    assert str(caught.value) == (
        f"error: 'restore_faces' needs {title}, which is not installed\n"
        f"hint: install it with `pip install 'imgbuild[{extra}]'`"
    )


def test_golden_pixels(restored):
    assert (
        pixel_digest(restored(photo(faces=((2, 1), (5, 1))), blend=0.8))
        == "4CLddmqyYrdJpjODMK7XL0udKoDWw_nnDJfKhOuGtSE"
    )


# --- a build ------------------------------------------------------------------------------------------

SPEC = """
    models:
      net: {provider: weights, source: ./net.onnx}
      yunet: {provider: weights, source: ./yunet.onnx}
    assets: {crowd: {from: photo.png, output: crowd.png, process: [{restore_faces: {model: net, faces: yunet}}]}}
"""


def test_a_build_restores_and_does_it_again_for_other_weights(bench, restored, tmp_path):
    from imgbuild.images import decode, encode
    from imgbuild.types import Format

    nets = {f"specs/{name}": (tmp_path / name).read_bytes() for name in ("net.onnx", "yunet.onnx")}
    project = bench({"specs/shop.yaml": SPEC, "specs/photo.png": encode(photo(), Format()), **nets})
    built = project.build()
    assert (built.failures, dict(built.ran)) == ((), {"import": 1, "restore_faces": 1, "encode": 1})
    out = project.root / "out/crowd.png"
    assert decode(out.read_bytes()).tobytes() == restored(photo()).tobytes()
    assert project.build().finished.fresh == 1
    restorer(project.root / "specs/net.onnx", "Identity")
    assert dict(project.build().ran) == {"restore_faces": 1, "encode": 1}
    network(project.root / "specs/yunet.onnx")
    assert dict(project.build().ran) == {"restore_faces": 1, "encode": 1}
