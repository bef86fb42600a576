"""How models are told a size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.providers.replicate.sizes import Sizes, sizes_of, taken_by_sizes

SIDE = {"type": "integer", "minimum": 256, "maximum": 1440, "multipleOf": 32}


def choices(*values, default=None):
    return {"type": "string", "enum": list(values), **({"default": default} if default else {})}


def test_by_its_sides():
    sizes = sizes_of({"width": {**SIDE, "default": 768}, "height": SIDE, "seed": {"type": "integer"}})
    assert sizes == Sizes(least=256, most=1440, multiple=32, default=(768, 1024))
    assert sizes.told((320, 512)) == {"width": 320, "height": 512}


def test_by_sides_that_have_to_be_asked_for():
    ratio = choices("1:1", "match_input_image", "custom", default="1:1")
    inputs = {"width": SIDE, "height": SIDE, "aspect_ratio": ratio}
    assert sizes_of(inputs).told((320, 512)) == {"width": 320, "height": 512, "aspect_ratio": "custom"}
    assert taken_by_sizes(inputs) == {"width": (), "height": (), "aspect_ratio": ["1:1", "custom"]}


def test_by_sides_of_which_there_are_some():
    side = {"type": "integer", "enum": [512, 768]}
    sizes = sizes_of({"width": {**side, "default": 512}, "height": {**side, "default": 768}})
    assert (sizes.default, len(sizes.known)) == ((512, 768), 4)
    assert sizes.told((768, 512)) == {"width": 768, "height": 512}
    assert sizes.told((640, 512)) is None
    assert sizes_of({"width": side, "height": side}).default == (768, 768)


def test_by_a_list():
    inputs = {
        "resolution": choices("None", "512x1536", "1024 x 1024", "1536*512", default="None"),
        "aspect_ratio": choices("1:1", "16:9", default="1:1"),
    }
    sizes = sizes_of(inputs)
    assert sizes.default == (1024, 1024)
    assert sizes.told((1536, 512)) == {"resolution": "1536*512"}
    assert sizes.told((512, 512)) is None
    assert taken_by_sizes(inputs)["aspect_ratio"] == ["1:1", "16:9"]


def test_by_a_ratio():
    inputs = {"aspect_ratio": choices("match_input_image", "16:9", "1:1", "2:2", default="16:9")}
    sizes = sizes_of(inputs)
    assert sizes.known == {(1280, 720): {"aspect_ratio": "16:9"}, (1024, 1024): {"aspect_ratio": "1:1"}}
    assert sizes.default == (1280, 720)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"resolution": choices("1K", "2K")},
        {"width": {"type": "integer"}},
        {"aspect_ratio": choices("landscape", "9999:1")},
    ],
)
def test_not_at_all(inputs):
    assert sizes_of(inputs) == Sizes(known={(1024, 1024): {}})


BOUND = st.integers(-64, 8192)


@given(st.fixed_dictionaries({}, optional={"minimum": BOUND, "maximum": BOUND, "default": BOUND}))
def test_the_default_is_within_the_bounds_where_there_is_anything_within(side):
    sizes = sizes_of({"width": {"type": "integer", "multipleOf": 8, **side}, "height": SIDE})
    able = [each for each in range(32, 8192, 32) if sizes.least <= each <= sizes.most]
    assert not able or all(each in able for each in sizes.default)
