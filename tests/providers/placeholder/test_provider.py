"""The placeholder provider: any request gives its picture, always the same one, and all of it counts."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image as pillow

from imgbuild.images import pixel_digest
from imgbuild.providers import PROVIDERS
from imgbuild.types import ROLES, Grade, Model, Pin, Request

PROVIDER = PROVIDERS.get("placeholder")()
PROMPT = "Product photo of a mug on a white background, 45-degree angle, red, high detail"
SIZES = st.integers(8, 48)
SEEDS = st.integers(0, 2**31 - 1)


def request(
    prompt: str = PROMPT,
    seed: int = 42,
    size: tuple[int, int] = (96, 96),
    negative: str = "",
    params: Mapping[str, Any] = {},
    inputs: Mapping[str, Any] = {},
    source: str = "",
) -> Request:
    pin = Pin(provider="placeholder", source=source)
    return Request(
        pin=pin, prompt=prompt, negative=negative, width=size[0], height=size[1], seed=seed, params=params,
        inputs=inputs,
    )  # fmt: skip


def picture(**parts: Any) -> pillow.Image:
    [image] = PROVIDER.generate([request(**parts)])
    assert image.pixels is not None
    return image.pixels


def digest(**parts: Any) -> str:
    return pixel_digest(picture(**parts))


def photo(width: int = 96, height: int = 96) -> pillow.Image:
    return picture(prompt="forest green and gold", seed=1002, size=(width, height))


# A change here means that every machine draws something else than before: a new version of the adapter.
GOLDEN = [
    ({"seed": 1, "size": (8, 8)}, "ZWjlzfBheJgZuTA6QF3mC3051hpfF-_pUWZoextGeqU"),
    ({"seed": 2, "size": (64, 64)}, "QmUS0qRQdhtSujyoiNxgrtQosY2DZgwc1qSeexCpyO0"),
    (
        {"seed": 3, "size": (200, 160), "params": {"steps": 40, "guidance": 6.5}},
        "6Jdhr5ztAyaMiqC-8XtqaGnd-XMDbR948Ht-2zeQidA",
    ),
    (
        {"seed": 6, "size": (320, 200), "prompt": "ein Haus in Grün, 東京, navy blue", "negative": "blurry"},
        "FDdg7NGRio9v0hz5hXxY3lbJ94b3fw7b_o8C0V0QIk4",
    ),
    (
        {"seed": 24, "size": (1024, 768), "prompt": "a moody lamp at night"},
        "KcCg6kbmtaiYK5iRCS2TF-AA7egx4_-fW-nzqpGo6-s",
    ),
    ({"seed": 51, "size": (1100, 300), "source": "other"}, "gf-E1eWhQxhMyaRACXOlBAO5tkhcD8hT1B7ED1_SFlA"),
]


@pytest.mark.parametrize(("parts", "expected"), GOLDEN)
def test_golden_pixels(parts: dict[str, Any], expected: str) -> None:
    assert digest(**parts) == expected


def test_every_scene_has_golden_pixels() -> None:
    """One digest over many seeds, so that each composition and product is in it."""
    pixels = b"".join(picture(seed=seed, size=(100, 100)).tobytes() for seed in range(64))
    assert (
        pixel_digest(pillow.frombytes("RGB", (100, 6400), pixels))
        == "5m8t4nz8Ds4FN-IIDPA5aAbfkoflNgybwbgNuwwM3FY"
    )


@given(prompt=st.text(), negative=st.text(), seed=SEEDS, width=SIZES, height=SIZES)
@settings(max_examples=120, deadline=None)
def test_any_request_gives_its_size_and_twice_the_same(
    prompt: str, negative: str, seed: int, width: int, height: int
) -> None:
    parts = {"prompt": prompt, "negative": negative, "seed": seed, "size": (width, height)}
    first, second = picture(**parts), picture(**parts)
    assert first.mode == "RGB"
    assert first.size == (width, height)
    assert pixel_digest(first) == pixel_digest(second)


@given(
    prompt=st.text(),
    negative=st.text(),
    seed=SEEDS,
    width=st.integers(160, 260),
    height=st.integers(96, 130),
    params=st.fixed_dictionaries({}, optional={"steps": st.integers(1, 1000), "guidance": st.floats(0, 100)}),
)
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_captioned(
    prompt: str, negative: str, seed: int, width: int, height: int, params: dict[str, Any]
) -> None:
    drawn = picture(prompt=prompt, negative=negative, seed=seed, size=(width, height), params=params)
    assert drawn.size == (width, height)


@given(seeds=st.lists(SEEDS, min_size=2, max_size=2, unique=True), width=SIZES, height=SIZES)
@settings(max_examples=80, deadline=None)
def test_other_seeds_give_other_pixels(seeds: list[int], width: int, height: int) -> None:
    assert digest(seed=seeds[0], size=(width, height)) != digest(seed=seeds[1], size=(width, height))


@given(prompts=st.lists(st.text(), min_size=2, max_size=2, unique=True), width=SIZES, height=SIZES)
@settings(max_examples=80, deadline=None)
def test_other_prompts_give_other_pixels(prompts: list[str], width: int, height: int) -> None:
    one, other = (picture(prompt=prompt, size=(width, height)).tobytes() for prompt in prompts)
    assert (one != other) or _same_text(*prompts)


def _same_text(one: str, other: str) -> bool:
    from unicodedata import normalize

    return normalize("NFC", one) == normalize("NFC", other)


@pytest.mark.parametrize(
    "change",
    [
        {"negative": "blurry"},
        {"seed": 43},
        {"source": "another"},
        {"params": {"steps": 30}},
        {"params": {"steps": 31}},
        {"params": {"guidance": 7.5}},
        {"params": {"guidance": 7.51}},
        {"params": {"scheduler": "euler"}},
        {"params": {"anything": {"else": [1, None]}}},
        {"inputs": {"image": [photo()]}},
        {"inputs": {"image": [photo()]}, "params": {"strength": 0.2}},
        {"inputs": {"mask": [pillow.new("L", (5, 5), 90)]}},
        {"inputs": {"control": [photo()]}},
        {"inputs": {"reference": [photo()]}},
        {"inputs": {"reference": [photo(), photo(50, 20)]}},
        {"inputs": {"image": [photo(), photo(50, 20)]}},
    ],
)
@pytest.mark.parametrize("size", [(24, 24), (200, 200)])
def test_all_that_is_asked_for_counts(change: dict[str, Any], size: tuple[int, int]) -> None:
    assert digest(size=size, **change) != digest(size=size)


def test_steps_and_guidance_are_more_than_a_shade() -> None:
    few, many = (np.asarray(picture(seed=6, params={"steps": steps})).astype(int) for steps in (2, 900))
    assert (np.abs(few - many).max(axis=2) > 16).mean() > 0.02
    pale, strong = (picture(params={"guidance": guidance}).convert("HSV") for guidance in (0, 20))
    assert np.asarray(pale)[:, :, 1].mean() < np.asarray(strong)[:, :, 1].mean()


def test_a_reworded_prompt_keeps_the_composition() -> None:
    """The places where colours change are those of the seed, whatever the colours are."""

    def edges(prompt: str) -> Any:
        light = np.asarray(picture(prompt=prompt, seed=2)).astype(int)
        return np.abs(np.diff(light, axis=1)).max(axis=2) > 12

    one, other = edges("a red mug"), edges("a navy blue mug, with gold")
    assert (one & other).sum() > 0.8 * min(one.sum(), other.sum())


@given(
    seed=SEEDS, width=SIZES, height=SIZES, split=st.integers(0, 48), strength=st.sampled_from([0.0, 0.4, 1.0])
)
@settings(max_examples=40, deadline=None)
def test_a_mask_keeps_what_it_protects(
    seed: int, width: int, height: int, split: int, strength: float
) -> None:
    light = np.zeros((height, width), np.uint8)
    light[:, split:] = 255
    inputs = {"image": [photo(width, height)], "mask": [pillow.fromarray(light)]}
    drawn = np.asarray(picture(seed=seed, size=(width, height), inputs=inputs, params={"strength": strength}))
    free = np.asarray(
        picture(
            seed=seed, size=(width, height), inputs={"image": inputs["image"]}, params={"strength": strength}
        )
    )
    assert np.array_equal(drawn[:, :split], np.asarray(inputs["image"][0])[:, :split])
    assert np.array_equal(drawn[:, split:], free[:, split:])


def test_a_mask_protects_from_caption_insets_and_edges() -> None:
    base = photo(240, 160)
    inputs = {
        "image": [base],
        "mask": [pillow.new("L", (3, 3), 0)],
        "control": [photo(80, 80)],
        "reference": [photo(40, 40)],
    }
    assert pixel_digest(picture(size=(240, 160), inputs=inputs)) == pixel_digest(base)


def test_strength_goes_from_the_input_to_the_scene() -> None:
    base = photo()
    none, all_of_it = (
        picture(inputs={"image": [base]}, params={"strength": strength}) for strength in (0.0, 1.0)
    )
    assert pixel_digest(none) == pixel_digest(base)
    assert pixel_digest(all_of_it) == digest(params={"strength": 1.0})


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_pictures_of_any_mode_are_taken(mode: str) -> None:
    given_picture = pillow.new(mode, (31, 17))
    for role in ROLES:
        assert picture(inputs={role: [given_picture]}).size == (96, 96)


def test_what_it_takes() -> None:
    taken = PROVIDER.capabilities(Model(provider="placeholder"))
    assert taken.takes == {"negative", "seed", "image", "mask", "control", "reference"}
    assert taken.grade is Grade.BITWISE
    assert (taken.min_side, taken.max_side, taken.default_size) == (8, 8192, (1024, 1024))
    assert set(taken.params) == {"steps", "guidance", "strength", "scheduler", "*"}
    for schema in taken.params.values():
        Draft202012Validator.check_schema(schema)


def test_it_costs_nothing_and_needs_no_network() -> None:
    assert PROVIDER.price(request()) == 0.0
    assert (PROVIDER.paid, PROVIDER.network, PROVIDER.env) == (False, False, ())
    assert PROVIDER.pin(Model(provider="placeholder")) == Pin(provider="placeholder")


def test_asking_what_it_takes_imports_nothing_heavy() -> None:
    code = (
        "import sys; from imgbuild.providers import PROVIDERS; from imgbuild.types import Model;"
        "PROVIDERS.get('placeholder')().capabilities(Model(provider='placeholder'));"
        "print(sorted({'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_caption_on_a_small_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just under the limit the letters change nothing; at the limit they do."""
    sizes = [(159, 120), (300, 95), (160, 96)]
    drawn = [digest(size=size) for size in sizes]
    monkeypatch.setattr("imgbuild.providers.placeholder.drawing.write_caption", lambda *_: None)
    assert [digest(size=size) == before for size, before in zip(sizes, drawn, strict=True)] == [
        True,
        True,
        False,
    ]
