"""Likeness as a network sees it: against the definition in NumPy, on small trunks of our own with weights of chance."""

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import TargetError
from imgbuild.images import Picture, encode
from imgbuild.rules.differs_from import DiffersFrom
from imgbuild.rules.lpips import Trunk, fitting
from imgbuild.rules.similar_to import SimilarTo
from imgbuild.types import Finding, Format
from imgbuild.weights.networks import Networks, Weights

# Layers: number, features, window, stride, padding; and the pixels that are pooled before. Ends: what is compared.
ALEX = [
    (0, 8, 11, 4, 2, 0),
    (3, 12, 5, 1, 2, 3),
    (6, 16, 3, 1, 1, 3),
    (8, 10, 3, 1, 1, 0),
    (10, 6, 3, 1, 1, 0),
]
VGG = [
    (at, 4 + stage, 3, 1, 1, 2 if stage and at == first else 0)
    for stage, (first, *rest) in enumerate([(0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)])
    for at in (first, *rest)
]
ENDS = {"alex": (0, 3, 6, 8, 10), "vgg": (2, 7, 14, 21, 28)}
KINDS = {"alex": ALEX, "vgg": VGG}


def weights_of(kind, seed=0):
    """The tensors of a trunk and of its heads, as torchvision and the authors' package name them."""
    rng = np.random.default_rng(seed)
    trunk, heads, wide = {}, {}, 3
    for at, outer, side, *_ in KINDS[kind]:
        spread = np.sqrt(2 / (wide * side * side))
        trunk[f"features.{at}.weight"] = rng.normal(0, spread, (outer, wide, side, side)).astype(np.float32)
        trunk[f"features.{at}.bias"] = rng.normal(0, 0.1, outer).astype(np.float32)
        wide = outer
        if at in ENDS[kind]:
            head = f"lin{ENDS[kind].index(at)}.model.1.weight"
            heads[head] = rng.uniform(0, 1, (1, outer, 1, 1)).astype(np.float32)
    return trunk, heads


def windows(levels, side, stride):
    found = np.lib.stride_tricks.sliding_window_view(levels, (side, side), (1, 2))
    return found[:, ::stride, ::stride]


def features(kind, trunk, picture):
    """What each stage gives, in double precision."""
    levels = np.asarray(picture, dtype=float) / 127.5 - 1
    deep = ((levels - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]).transpose(2, 0, 1)
    found = []
    for at, _, side, stride, padding, pooled in KINDS[kind]:
        if pooled:
            deep = windows(deep, pooled, 2).max((3, 4))
        wide = windows(np.pad(deep, ((0, 0), (padding,) * 2, (padding,) * 2)), side, stride)
        deep = np.einsum("cyxij,ocij->oyx", wide, trunk[f"features.{at}.weight"].astype(float), optimize=True)
        deep = np.maximum(deep + trunk[f"features.{at}.bias"][:, None, None], 0)
        if at in ENDS[kind]:
            found.append(deep)
    return found


def slow_lpips(kind, trunk, heads, one, other):
    """The definition: features of each place made 1 long, their squared differences weighed, averaged, and added up."""
    total = 0
    for at, (a, b) in enumerate(zip(*(features(kind, trunk, each) for each in (one, other)), strict=True)):
        a, b = (each / (np.sqrt((each**2).sum(0)) + 1e-10) for each in (a, b))
        share = heads[f"lin{at}.model.1.weight"].reshape(-1, 1, 1)
        total += ((a - b) ** 2 * share).sum(0).mean()
    return total


def photo(seed, size=(96, 80)):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return pillow.fromarray(coarse).resize(size, pillow.Resampling.BICUBIC)


@pytest.fixture
def saved(tmp_path):
    """A function: tensors by their names, or bytes, and a file's name → networks that know it by this name."""
    from safetensors.numpy import save_file

    def save(**files):
        for name, tensors in files.items():
            path = tmp_path / f"{name}.safetensors"
            path.write_bytes(tensors) if isinstance(tensors, bytes) else save_file(tensors, path)

        def find(name):
            return Weights(source=f"./{name}", path=tmp_path / f"{name}.safetensors", digest=name)

        return Networks(find)

    return save


def measured(networks, picture, reference, head="head"):
    rule = SimilarTo(reference="a.png", by="lpips", model="trunk", head=head)
    return rule.measure_by(Picture(b"", picture), {"a.png": encode(reference, Format())}, networks)["lpips"]


@pytest.mark.parametrize("kind", ["alex", "vgg"])
def test_it_is_the_definition(saved, kind):
    trunk, heads = weights_of(kind)
    networks = saved(trunk=trunk, head=heads)
    for seed in (2, 3):
        expected = slow_lpips(kind, trunk, heads, photo(1), photo(seed))
        assert expected > 0.01
        assert measured(networks, photo(1), photo(seed)) == pytest.approx(expected, rel=1e-3)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**31),
    st.sampled_from(["alex", "vgg"]),
    st.tuples(st.integers(1, 150), st.integers(1, 150)),
)
def test_equal_pictures_are_at_0_and_both_ways_are_as_long(saved, seed, kind, size):
    trunk, heads = weights_of(kind)
    networks = saved(trunk=trunk, head=heads)
    one, other = photo(seed, size), photo(seed + 1, size)
    assert measured(networks, one, one) == 0
    there, back = measured(networks, one, other), measured(networks, other, one)
    assert there == pytest.approx(back, rel=1e-4)
    assert there >= 0


def test_a_slight_change_is_nearer_than_another_picture(saved):
    trunk, heads = weights_of("alex")
    networks = saved(trunk=trunk, head=heads)
    slight = photo(1).point(lambda level: min(255, level + 3))
    assert 0 < measured(networks, slight, photo(1)) < measured(networks, photo(2), photo(1))


def test_a_reference_is_looked_at_once_for_each_size(saved, monkeypatch):
    trunk, heads = weights_of("alex")
    networks, seen = saved(trunk=trunk, head=heads), []
    see = Trunk.see
    monkeypatch.setattr(Trunk, "see", lambda self, picture: seen.append(picture.size) or see(self, picture))
    found = [measured(networks, photo(seed), photo(9)) for seed in (1, 2, 3)]
    assert len(seen) == 4
    assert measured(networks, photo(1, (80, 80)), photo(9)) > 0
    assert len(seen) == 6
    assert measured(networks, photo(2), photo(9)) == found[1]
    assert measured(networks, photo(9), photo(8)) == measured(networks, photo(8), photo(9))


def test_a_reference_of_another_size_and_kind_is_fitted(saved):
    trunk, heads = weights_of("alex")
    networks = saved(trunk=trunk, head=heads)
    assert measured(networks, photo(1), photo(1, (300, 250))) < measured(networks, photo(1), photo(2)) / 10
    grey = photo(1).convert("L")
    assert measured(networks, grey.convert("RGBA"), grey) == 0


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((64, 64), (64, 64)),
        ((512, 300), (512, 300)),
        ((3000, 1500), (512, 256)),
        ((2000, 10), (512, 64)),
        ((8, 8), (64, 64)),
    ],
)
def test_the_size_at_which_pictures_are_compared(size, found):
    assert fitting(size) == found


def test_one_file_has_both_as_the_authors_package_saves_it(saved):
    trunk, heads = weights_of("alex")
    apart = saved(trunk=trunk, head=heads)
    expected = measured(apart, photo(1), photo(2))
    stages = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    sliced = {}
    for name, tensor in trunk.items():
        _, at, what = name.split(".")
        sliced[f"net.slice{stages[int(at)]}.{at}.{what}"] = tensor
    assert measured(saved(trunk={**sliced, **heads}), photo(1), photo(2), head=None) == expected


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            lambda trunk, heads: {"trunk": heads, "head": heads},
            "'./trunk' is no network that LPIPS looks through, or of a kind not known here|"
            "known are AlexNet and the VGG of 16 layers, with torchvision's names",
        ),
        (
            lambda trunk, heads: {
                "trunk": {**trunk, "features.3.weight": trunk["features.0.weight"]},
                "head": heads,
            },
            "'./trunk' is no network that LPIPS looks through, or of a kind not known here|"
            "known are AlexNet and the VGG of 16 layers, with torchvision's names",
        ),
        (
            lambda trunk, heads: {"trunk": trunk, "head": trunk},
            "'./head' has no heads of LPIPS|"
            "name by 'head' the file of them in the package lpips, such as weights/v0.1/alex.pth",
        ),
        (
            lambda trunk, heads: {"trunk": trunk, "head": weights_of("vgg")[1]},
            "'./head' has heads for another trunk than './trunk'|take both for AlexNet, or both for VGG",
        ),
    ],
)
def test_files_of_another_kind(saved, files, said):
    with pytest.raises(TargetError) as caught:
        measured(saved(**files(*weights_of("alex"))), photo(1), photo(2))
    message, hint = said.split("|")
    assert str(caught.value) == f"error: {message}\nhint: {hint}"


def test_torch_is_asked_for(saved, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(TargetError) as caught:
        measured(saved(), photo(1), photo(1))
    assert str(caught.value) == (
        "error: rule 'similar_to' by lpips needs torch, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[local]'`"
    )


@pytest.mark.parametrize(
    ("rule", "figure", "finding"),
    [
        (SimilarTo(reference="a", by="lpips", model="m"), 0.2, (True, "at most 0.2 from a")),
        (SimilarTo(reference="a", by="lpips", model="m", max=0.1), 0.2, (False, "at most 0.1 from a")),
        (DiffersFrom(reference="a", by="lpips", model="m"), 0.2, (False, "more than 0.2 from a")),
        (DiffersFrom(reference="a", by="lpips", model="m", min=0.1), 0.2, (True, "more than 0.1 from a")),
    ],
)
def test_a_distance_is_judged(rule, figure, finding):
    ok, limit = finding
    assert rule.judge({"lpips": figure}) == Finding(ok=ok, figure=figure, limit=limit)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: SimilarTo(reference="a", by="lpips"),
            "lpips needs a model: the AlexNet or VGG that it looks through",
        ),
        (lambda: SimilarTo(reference="a", max=0.1), "max is of lpips: say 'by: lpips', or leave it out"),
        (
            lambda: DiffersFrom(reference="a", model="m"),
            "model is of lpips: say 'by: lpips', or leave it out",
        ),
        (
            lambda: DiffersFrom(reference="a", by="ssim", head="m"),
            "head is of lpips: say 'by: lpips', or leave it out",
        ),
        (
            lambda: SimilarTo(reference="a", by="lpips", model="m", distance=3),
            "distance is of phash: leave 'by' out, or give a max",
        ),
        (
            lambda: DiffersFrom(reference="a", by="lpips", model="m", similarity=0.5),
            "similarity is of ssim: say 'by: ssim', or give a min",
        ),
        (lambda: SimilarTo(reference="a", by="lpips", model="m", max=-1), "max must be at least 0, not -1"),
    ],
)
def test_parameters_that_cant_be_meant(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text


SPEC = """
    models:
      hand: {provider: painter}
      trunk: {provider: weights, source: ./trunk.safetensors}
      head: {provider: weights, source: ./head.safetensors}
    assets:
      lamp:
        prompt: a lamp
        models: [hand]
        size: 64x64
        validate: [{similar_to: {reference: a.png, by: lpips, model: trunk, head: head, max: 9}}]
"""


def test_a_build_measures_again_for_other_heads_and_not_for_another_threshold(
    bench, painter, saved, tmp_path
):
    trunk, heads = weights_of("alex")
    saved(trunk=trunk, head=heads)
    files = {
        f"specs/{name}": (tmp_path / name).read_bytes() for name in ("trunk.safetensors", "head.safetensors")
    }
    project = bench({"specs/shop.yaml": SPEC, "specs/a.png": encode(photo(1), Format()), **files})

    def figure():
        assert project.build().failures == ()
        (line,) = project.tell("check", "--json").out.splitlines()
        return msgspec.json.decode(line)["figure"]

    first = figure()
    assert first > 0
    project.edit("specs/shop.yaml", ("max: 9", "max: 8"))
    assert figure() == first
    saved(head={name: 2 * tensor for name, tensor in heads.items()})
    project.write({"specs/head.safetensors": (tmp_path / "head.safetensors").read_bytes()})
    assert figure() == pytest.approx(2 * first, rel=1e-3)
