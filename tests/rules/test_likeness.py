"""The rules on perceptual hashes: likeness to a reference, and uniqueness in a group."""

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import BadImage, TargetError
from imgbuild.images import Picture, encode, hamming, perceptual_hash
from imgbuild.rules.differs_from import DiffersFrom
from imgbuild.rules.likeness import ssim
from imgbuild.rules.similar_to import SimilarTo
from imgbuild.rules.unique import BLOCK, Unique
from imgbuild.types import Finding, Format


def photo(seed, side=64):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return pillow.fromarray(coarse).resize((side, side), pillow.Resampling.BICUBIC)


# --- similar_to ---------------------------------------------------------------------------------------


def distance(picture, reference):
    rule = SimilarTo(reference="refs/a.png")
    assert rule.files() == ("refs/a.png",)
    return rule.measure(Picture(b"", picture), {"refs/a.png": reference})["distance"]


def test_distance_to_a_reference():
    reference = encode(photo(1), Format())
    assert distance(photo(1), reference) == 0
    assert distance(photo(1, 300), reference) <= 4
    assert distance(photo(2), reference) == hamming(perceptual_hash(photo(2)), perceptual_hash(photo(1)))
    assert distance(photo(2), reference) > 20


def test_a_finding_names_the_reference():
    assert SimilarTo(reference="a.png").judge({"distance": 10}) == Finding(
        ok=True, figure=10, unit="bits of 64", limit="at most 10 from a.png"
    )
    assert not SimilarTo(reference="a.png", distance=9).judge({"distance": 10}).ok


def test_what_differs_is_more_than_so_far_away():
    assert DiffersFrom(reference="a.png").judge({"distance": 11}) == Finding(
        ok=True, figure=11, unit="bits of 64", limit="more than 10 from a.png"
    )
    assert not DiffersFrom(reference="a.png").judge({"distance": 10}).ok
    assert DiffersFrom(reference="a.png", distance=9).judge({"distance": 10}).ok


def similarity(picture, reference):
    rule = SimilarTo(reference="a.png", by="ssim")
    return rule.measure(Picture(b"", picture), {"a.png": encode(reference, Format())})["ssim"]


def slow_ssim(one, other):
    """The definition, with the window of 11×11 pixels at every pixel that it fits at, weighed by a Gaussian of 1.5."""
    away = np.arange(11) - 5
    weights = np.exp(-(away**2) / (2 * 1.5**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for y in range(one.shape[0] - 10):
        for x in range(one.shape[1] - 10):
            a, b = (each[y : y + 11, x : x + 11].astype(float) for each in (one, other))
            ma, mb = (a * weights).sum(), (b * weights).sum()
            va, vb = ((a - ma) ** 2 * weights).sum(), ((b - mb) ** 2 * weights).sum()
            both = ((a - ma) * (b - mb) * weights).sum()
            found.append((2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(found)


def test_structural_similarity_is_the_definition():
    one, other = (photo(seed, 24).convert("L") for seed in (1, 2))
    assert ssim(one, other) == pytest.approx(slow_ssim(np.asarray(one), np.asarray(other)))
    assert ssim(one, one) == 1


def test_structural_similarity_to_a_reference():
    assert similarity(photo(1), photo(1)) == 1
    assert similarity(photo(1, 300), photo(1)) > 0.95
    assert similarity(photo(2), photo(1)) < 0.3
    assert similarity(photo(1, 4), photo(1, 4)) == 1  # below the window


@pytest.mark.parametrize(
    ("rule", "figure", "finding"),
    [
        (SimilarTo(reference="a", by="ssim"), 0.9, (True, "at least 0.9 to a")),
        (SimilarTo(reference="a", by="ssim", similarity=0.95), 0.9, (False, "at least 0.95 to a")),
        (DiffersFrom(reference="a", by="ssim"), 0.9, (False, "below 0.9 to a")),
        (DiffersFrom(reference="a", by="ssim", similarity=0.95), 0.9, (True, "below 0.95 to a")),
    ],
)
def test_a_similarity_is_judged(rule, figure, finding):
    found = rule.judge({"ssim": figure})
    assert (found.ok, found.limit) == finding
    assert (found.figure, found.unit) == (figure, "SSIM")


def test_ssim_names_what_is_missing(monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(TargetError) as caught:
        similarity(photo(1), photo(1))
    assert str(caught.value) == (
        "error: rule 'similar_to' by ssim needs scikit-image, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[rules]'`"
    )


def test_a_broken_reference_is_named():
    with pytest.raises(BadImage) as caught:
        distance(photo(1), b"no image")
    assert str(caught.value).startswith("error: refs/a.png is not an image that can be read\n")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SimilarTo(reference=""), "reference must name a picture"),
        (
            lambda: SimilarTo(reference="a", similarity=0.9),
            "similarity is of ssim: say 'by: ssim', or give a distance",
        ),
        (
            lambda: DiffersFrom(reference="a", by="ssim", distance=3),
            "distance is of phash: leave 'by' out, or give a similarity",
        ),
        (lambda: SimilarTo(reference="a", distance=65), "distance must be between 0 and 64, not 65"),
        (lambda: Unique(distance=-1), "distance must be between 0 and 64, not -1"),
    ],
)
def test_parameters_that_cant_be_meant(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text


# --- unique -------------------------------------------------------------------------------------------


def bits(count):
    return {"phash": f"{(1 << count) - 1:016x}"}


def test_what_is_measured_is_the_hash_of_the_lock():
    for picture in (photo(1), photo(1).convert("L"), photo(1).convert("RGBA")):
        assert Unique().measure(Picture(b"", picture), {}) == {"phash": perceptual_hash(picture)}


def test_the_later_of_a_pair_is_blamed():
    findings = Unique(distance=4).judge_group([("a", bits(0)), ("b", bits(30)), ("c", bits(4))])
    limit = {"unit": "bits of 64", "limit": "more than 4 from every other"}
    assert findings == {
        "a": Finding(ok=True, figure=None, **limit),
        "b": Finding(ok=True, figure=30, **limit),
        "c": Finding(ok=False, figure=4, others=("a",), **limit),
    }


def test_a_blamed_member_blames_no_other():
    findings = Unique(distance=4).judge_group([("a", bits(0)), ("b", bits(4)), ("c", bits(8))])
    assert {id: (found.ok, found.figure) for id, found in findings.items()} == {
        "a": (True, None),
        "b": (False, 4),
        "c": (True, 8),
    }


def test_all_clashes_are_named():
    findings = Unique(distance=6).judge_group([("a", bits(0)), ("b", bits(10)), ("c", bits(5))])
    assert findings["c"].others == ("a", "b")


def test_one_and_none():
    assert Unique().judge_group([]) == {}
    assert Unique().judge_group([("a", bits(9))])["a"].ok


def blamed_pair_by_pair(members, most):
    kept, blamed = [], {}
    for id, measured in members:
        near = [hamming(measured["phash"], other["phash"]) for _, other in kept]
        others = tuple(other for (other, _), off in zip(kept, near, strict=True) if off <= most)
        blamed[id] = (not others, min(near, default=None), others)
        if not others:
            kept.append((id, measured))
    return blamed


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 20), st.integers(0, 30))
def test_the_same_as_pair_by_pair(rng, most, spread):
    centres = [rng.getrandbits(64) for _ in range(5)]
    members = []
    for number in range(rng.randrange(80)):
        flipped = sum(1 << bit for bit in rng.sample(range(64), rng.randint(0, spread)))
        members.append((f"m{number}", {"phash": f"{rng.choice(centres) ^ flipped:016x}"}))
    findings = Unique(distance=most).judge_group(members)
    shown = {id: (found.ok, found.figure, found.others) for id, found in findings.items()}
    assert shown == blamed_pair_by_pair(members, most)


def test_the_same_as_pair_by_pair_over_several_blocks():
    rng = random.Random(1)
    members = [(f"m{n}", {"phash": f"{rng.getrandbits(12):016x}"}) for n in range(2 * BLOCK + 5)]
    findings = Unique(distance=2).judge_group(members)
    shown = {id: (found.ok, found.figure, found.others) for id, found in findings.items()}
    assert shown == blamed_pair_by_pair(members, 2)


def test_ten_thousand_members_are_not_compared_pair_by_pair(calls):
    rng = random.Random(1)
    members = [(f"m{n}", {"phash": f"{rng.getrandbits(64):016x}"}) for n in range(10_000)]
    assert calls(lambda: Unique().judge_group(members)) < 60 * 10_000  # pair by pair would be fifty million
    assert len(Unique().judge_group(members)) == 10_000


@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3).map(lambda bit: 1 << bit), max_size=12),
    st.sampled_from([0, 1, 2, 24, 64]),
)
def test_clusters_are_what_hangs_together_pair_by_pair(hashes, most):
    members = [(f"m{place:02}", bits_of(value)) for place, value in enumerate(hashes)]
    ids = dict(zip((id for id, _ in members), hashes, strict=True))
    together = {id: {id} for id in ids}
    for one, other in combinations(ids, 2):
        if (ids[one] ^ ids[other]).bit_count() <= most:
            joined = together[one] | together[other]
            together |= dict.fromkeys(joined, joined)
    expected = {tuple(sorted(group)) for group in together.values() if len(group) > 1}
    found = Unique(distance=most).clusters(members)
    assert {tuple(near.id for near in cluster) for cluster in found} == expected
    for near in (near for cluster in found for near in cluster):
        distances = {id: (ids[id] ^ ids[near.id]).bit_count() for id in ids if id != near.id}
        assert (near.distance, distances[near.to]) == (min(distances.values()),) * 2


def bits_of(value):
    return {"phash": f"{value:016x}"}


def test_clusters_of_10000_equal_images_cost_little(calls):
    members = [(f"m{place:05}", bits_of(place % 3)) for place in range(10_000)]
    found = []
    assert calls(lambda: found.append(Unique(distance=0).clusters(members))) < 60 * 10_000
    assert [len(cluster) for cluster in found[0]] == [3334, 3333, 3333]


def test_clusters_of_many_unlike_images_cost_little_however_far_the_rule_reaches(calls):
    members = [(f"m{place:05}", bits_of(place * 0x9E3779B97F4A7C15 % 2**64)) for place in range(3000)]
    found = []
    assert calls(lambda: found.append(Unique(distance=64).clusters(members))) < 100 * 3000
    assert [len(cluster) for cluster in found[0]] == [3000]
