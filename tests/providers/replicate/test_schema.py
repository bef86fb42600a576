"""What is kept of a model's OpenAPI document, whatever stands in it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.expand.fit import advice
from imgbuild.expand.schemas import complaint
from imgbuild.providers.replicate.schema import MOST, Found, found_in
from imgbuild.providers.replicate.takes import taken
from tests.vendors.replicate import BLACK, DOCUMENTS, SDXL, WHITE

NAMES = st.sampled_from(
    (
        "prompt",
        "seed",
        "width",
        "height",
        "image",
        "mask",
        "size",
        "resolution",
        "aspect_ratio",
        "num_outputs",
    )
)
KINDS = st.sampled_from(("string", "integer", "number", "boolean", "array", "object", "null", "file", 7))
CHOICES = st.lists(st.sampled_from(("1:1", "16:9", "512x768", "custom", "Off", "png", 512, 1.5, None, [])))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS,
            "enum": CHOICES | ANYTHING,
            "minimum": ANYTHING | st.just(float("inf")),
            "maximum": st.integers(-10, 5000) | ANYTHING,
            "multipleOf": ANYTHING | st.sampled_from((0, 0.5, -1, 16)),
            "default": ANYTHING | CHOICES,
            "format": st.sampled_from(("uri", "date", 1)),
            "description": st.text(max_size=20) | st.just("a multiple of 0 or divisible by 32"),
            "$ref": st.sampled_from(("#/components/schemas/prompt", "#/components/schemas/seed", "x", 3)),
            "pattern": st.just("(a+)+$"),
        },
    )
    | ANYTHING,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={"allOf": st.lists(inner, max_size=2), "anyOf": st.lists(inner, max_size=3), "items": inner},
    ),
    max_leaves=6,
)
WHOLE = st.fixed_dictionaries(
    {
        "components": st.fixed_dictionaries(
            {
                "schemas": st.dictionaries(NAMES, SCHEMAS, max_size=3).flatmap(
                    lambda shared: st.builds(
                        lambda properties, required: {
                            **shared,
                            "Input": {"properties": properties, "required": required},
                        },
                        st.dictionaries(NAMES | st.text(max_size=5), SCHEMAS, max_size=6),
                        st.lists(NAMES) | ANYTHING,
                    )
                )
            }
        )
    }
)


@given(ANYTHING | WHOLE)
def test_any_document_is_understood_or_left_alone(document):
    """It comes from whoever made the model. What a lock keeps of it is read back as it was."""
    found = found_in(document, SDXL)
    if found is None:
        return
    kept = msgspec.json.decode(msgspec.json.encode(found))
    assert msgspec.convert(kept, Found) == found
    capabilities = taken(found, SDXL)
    width, height = capabilities.default_size
    assert min(width, height) > 0
    assert not capabilities.sizes or (width, height) in capabilities.sizes
    assert (width % capabilities.multiple_of, height % capabilities.multiple_of) == (0, 0)
    for schema in capabilities.params.values():
        assert schema == {} or advice(schema)
        assert all(isinstance(complaint(value, schema), str) for value in (1, "1:1", [], True))
    assert not capabilities.takes - {"seed", "negative", "image", "mask", "control", "reference"}


def test_references_are_followed_and_no_words_are_kept():
    found = found_in(DOCUMENTS["black-forest-labs/flux-dev"], "", official=True)
    assert (found.required, found.official, found.black) == (("prompt",), True, ())
    assert found.inputs["aspect_ratio"] == {
        "type": "string",
        "enum": ["1:1", "16:9", "3:2"],
        "default": "1:1",
    }
    assert found.inputs["num_outputs"] == {"type": "integer", "minimum": 1, "maximum": 4, "default": 1}
    assert found.inputs["image"] == {"type": "string", "format": "uri"}
    assert len(msgspec.json.encode(found)) < 1000


def read(**inputs):
    """What is kept of these inputs."""
    return found_in({"components": {"schemas": {"Input": {"properties": inputs}}}}, "")


def test_forms_that_one_input_may_have():
    whole = {"type": "integer", "maximum": 9}
    found = read(
        a={"anyOf": [whole, {"type": "null"}]},
        b={"oneOf": [whole, {"type": "string"}]},
        c={"$ref": "#/components/schemas/nowhere"},
        d={"type": "array", "items": {"type": "string", "format": "uri", "title": "Item"}},
        e={"description": "no type"},
    )
    assert found.inputs == {
        "a": whole,
        "b": {},
        "c": {},
        "d": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "e": {},
    }


def test_references_in_a_circle_come_to_an_end():
    schemas = {
        "Input": {"properties": {"a": {"$ref": "#/components/schemas/b"}}},
        "b": {"allOf": [{"$ref": "#/components/schemas/b"}], "type": "string", "items": {"$ref": "#/b"}},
    }
    assert found_in({"components": {"schemas": schemas}}, "").inputs == {"a": {"type": "string"}}


def test_more_than_anybody_needs_is_not_kept():
    many = {f"input_{number}": {"type": "string"} for number in range(MOST + 50)}
    many["input_0"] = {"type": "string", "enum": [str(number) for number in range(MOST + 1)]}
    found = read(**many, **{"no name": {"type": "string"}})
    assert len(found.inputs) == MOST
    assert found.inputs["input_0"] == {"type": "string"}


def test_sides_tell_in_words_what_they_are_multiples_of():
    words = "Width. Will be rounded to the nearest multiple of 16."
    found = read(
        width={"type": "integer", "description": words}, count={"type": "integer", "description": words}
    )
    assert found.inputs == {"width": {"type": "integer", "multipleOf": 16}, "count": {"type": "integer"}}


MASKS = {
    WHITE["description"]: False,
    BLACK["description"]: True,
    "Black and white image. Black pixels are inpainted and white pixels are preserved. Experimental": True,
    "White pixels are inpainted and black pixels are preserved": False,
    "Black areas will be preserved and white areas will be inpainted": False,
    "WHITE = keep, BLACK = edit": True,
    "A black-and-white image that describes the part of the image to inpaint. White areas are inpainted": False,
    "Input mask for inpaint mode.": False,
}


@pytest.mark.parametrize("words", MASKS)
def test_what_masks_are_black_for(words):
    found = read(mask={"type": "string", "format": "uri", "description": words})
    assert found.black == (("mask",) if MASKS[words] else ())


def test_a_document_says_nothing():
    for document in (
        None,
        {},
        {"components": None},
        json.loads('{"components": {"schemas": {"Input": []}}}'),
    ):
        assert found_in(document, "") is None
