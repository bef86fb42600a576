"""Pictures enlarged: by filtering, and by small networks of the ESRGAN family whose weights are of chance."""

from itertools import pairwise

import pytest
from msgspec.structs import replace
from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.process.tiles import spans
from imgbuild.process.upscale import Upscale
from imgbuild.weights.networks import Networks, Weights


def photo(size=(90, 70), mode="RGB"):
    noise = [pillow.effect_noise((size[0] // 4, size[1] // 4), 90).resize(size) for _ in mode]
    return pillow.merge(mode, noise) if len(mode) > 1 else noise[0]


def compact(scale=2, features=8, layers=2):
    """SRVGGNetCompact as its authors build it."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    body = [nn.Conv2d(3, features, 3, 1, 1), nn.PReLU(features)]
    for _ in range(layers):
        body += [nn.Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
    body.append(nn.Conv2d(features, 3 * scale * scale, 3, 1, 1))
    net = nn.ModuleDict({"body": nn.ModuleList(body)})

    def run(given):
        deep = given
        for layer in body:
            deep = layer(deep)
        return nn.PixelShuffle(scale)(deep) + nn.functional.interpolate(given, scale_factor=scale)

    return net.state_dict(), run


def dense(scale=4, features=8, growth=4, blocks=1):
    """RRDBNet as its authors build it, with small weights, so that what it makes stays near 0…1."""
    import torch
    from torch import nn

    torch.manual_seed(2)
    state = {}

    def layer(name, inner, outer):
        made = nn.Conv2d(inner, outer, 3, 1, 1)
        state[f"{name}.weight"], state[f"{name}.bias"] = made.weight.data, made.bias.data
        return made

    step = {4: 1, 2: 2, 1: 4}[scale]
    first = layer("conv_first", 3 * step * step, features)
    body = [
        [
            [
                layer(f"body.{b}.rdb{r}.conv{c}", features + (c - 1) * growth, growth if c < 5 else features)
                for c in range(1, 6)
            ]
            for r in (1, 2, 3)
        ]
        for b in range(blocks)
    ]
    trunk, up1, up2 = (layer(name, features, features) for name in ("conv_body", "conv_up1", "conv_up2"))
    hr, last = layer("conv_hr", features, features), layer("conv_last", features, 3)
    act = nn.LeakyReLU(0.2)

    def rdb(convs, x):
        x1 = act(convs[0](x))
        x2 = act(convs[1](torch.cat((x, x1), 1)))
        x3 = act(convs[2](torch.cat((x, x1, x2), 1)))
        x4 = act(convs[3](torch.cat((x, x1, x2, x3), 1)))
        return convs[4](torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x

    def run(given):
        start = first(nn.PixelUnshuffle(step)(given))
        deep = start
        for block in body:
            out = deep
            for convs in block:
                out = rdb(convs, out)
            deep = out * 0.2 + deep
        deep = start + trunk(deep)
        for up in (up1, up2):
            deep = act(up(nn.functional.interpolate(deep, scale_factor=2)))
        return last(act(hr(deep)))

    return state, run


def old_names(state):
    """As BasicSR named the same tensors before."""
    outer = {"conv_first": "model.0", "conv_up1": "model.3", "conv_up2": "model.6"}
    outer |= {"conv_hr": "model.8", "conv_last": "model.10", "conv_body": "model.1.sub.1"}
    found = {}
    for name, tensor in state.items():
        stem, kind = name.rsplit(".", 1)
        if stem.startswith("body."):
            _, block, rdb, conv = stem.split(".")
            found[f"model.1.sub.{block}.{rdb.upper()}.{conv}.0.{kind}"] = tensor
        else:
            found[f"{outer[stem]}.{kind}"] = tensor
    return found


@pytest.fixture
def upscaled(tmp_path):
    """A function: a state dict, a picture and parameters → the picture enlarged."""
    from safetensors.torch import save_file

    def upscale(state, picture, **given):
        path = tmp_path / "net.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        networks = Networks(lambda name: Weights(source="./net", path=path, digest="d"))
        return Upscale(model="net", **given).apply_by(picture, {}, networks)

    return upscale


def expected(run, picture):
    import numpy as np
    import torch

    given = torch.from_numpy(np.asarray(picture).astype("float32") / 255).permute(2, 0, 1)[None]
    with torch.no_grad():
        made = run(given)[0].permute(1, 2, 0).clamp(0, 1).numpy()
    return np.rint(made * 255)


def apart(one, other):
    """By how many levels two pictures differ at most."""
    import numpy as np

    return int(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).max())


@pytest.mark.parametrize(("make", "scale"), [(compact, 2), (compact, 3), (dense, 4), (dense, 2), (dense, 1)])
def test_it_is_what_the_network_makes(upscaled, make, scale):
    state, run = make(scale)
    picture = photo((64, 48))
    made = upscaled(state, picture, factor=max(scale, 2))
    if scale > 1:
        assert made.size == (64 * scale, 48 * scale)
        assert apart(made, expected(run, picture)) <= 1
    else:
        assert made.size == (128, 96)


def test_old_names_are_the_same_network(upscaled):
    state, _ = dense()
    picture = photo((40, 40))
    one, other = upscaled(state, picture, factor=4), upscaled(old_names(state), picture, factor=4)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("make", "scale", "most"), [(compact, 2, 1), (dense, 2, 3), (dense, 4, 3)])
def test_tiles_leave_no_seam(upscaled, make, scale, most):
    state, _ = make(scale)
    picture = photo((150, 101))
    whole = upscaled(state, picture, factor=scale, tile=512)
    for tile in (64, 100):
        assert apart(upscaled(state, picture, factor=scale, tile=tile, overlap=32), whole) <= most


@pytest.mark.parametrize("side", [1, 31, 32, 33, 64, 65, 200, 511])
def test_tiles_cover_all_and_lap_over(side):
    found = spans(side, 64, 32)
    assert (found[0][0], found[-1][1]) == (0, side)
    assert all(one[1] - other[0] == 32 for one, other in pairwise(found))


def test_alpha_and_grey_stay(upscaled):
    state, _ = compact()
    clear = photo(mode="RGBA")
    made = upscaled(state, clear, factor=2)
    assert made.mode == "RGBA"
    assert made.getchannel("A").tobytes() == Upscale().apply(clear.getchannel("A")).tobytes()
    assert upscaled(state, photo(mode="L"), factor=2).mode == "L"


def test_what_the_network_leaves_is_scaled(upscaled):
    state, _ = compact()
    picture = photo((40, 30))
    made = upscaled(state, picture, width=120)
    assert made.size == (120, 90)
    assert (
        made.tobytes()
        == upscaled(state, picture, factor=2).resize((120, 90), pillow.Resampling.LANCZOS).tobytes()
    )


def test_without_a_model_it_is_lanczos():
    picture = photo((40, 30))
    assert (
        Upscale(height=45).apply(picture).tobytes()
        == picture.resize((60, 45), pillow.Resampling.LANCZOS).tobytes()
    )
    assert Upscale(width=20).apply(picture) is picture


def test_weights_of_another_kind(upscaled):
    import torch

    with pytest.raises(TargetError) as caught:
        upscaled({"body.0.weight": torch.ones(4, 4, 3, 3)}, photo(), factor=2)
    assert str(caught.value) == (
        "error: './net' is no network that enlarges pictures, or of a kind not known here\n"
        "hint: known are RRDBNet (ESRGAN, Real-ESRGAN) and SRVGGNetCompact, with three colours"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"factor": 2, "width": 9}, "upscale takes one of factor, width and height"),
        ({"factor": 0.5}, "factor must be between 1 and 16, not 0.5"),
        ({"overlap": 2}, "overlap must be between 8 and 256 pixels, not 2"),
        ({"tile": 60, "overlap": 32}, "tile must be between twice the overlap and 4096 pixels, not 60"),
    ],
)
def test_what_cant_be_meant(given, said):
    with pytest.raises(ValueError) as caught:
        Upscale(**given)
    assert str(caught.value) == said


def test_a_network_is_loaded_once_and_the_oldest_is_let_go(tmp_path):
    loads = []
    networks = Networks(lambda name: replace(Weights(source=name, path=tmp_path, digest=name), source=name))

    def load(weights):
        loads.append(weights.digest)
        return weights.digest

    for name in ("a", "a", "b", "c", "d", "a", "e", "b"):
        with networks.at_work("any", name, load) as found:
            assert found == name
    assert loads == ["a", "b", "c", "d", "e", "b"]
