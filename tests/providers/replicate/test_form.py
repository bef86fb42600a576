"""Names that models give to what imgbuild sends."""

import pytest

from imgbuild.providers.replicate.asking import seed_within
from imgbuild.providers.replicate.form import form_of

TEXT, WHOLE, PICTURE = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "uri"}
MANY = {"type": "array", "items": PICTURE}
ROLES = {
    "one": ({"input_image": PICTURE, "lora": PICTURE}, {"image": "input_image"}),
    "a list takes what it is to be like, too": (
        {"image_input": MANY},
        {"image": "image_input", "reference": "image_input"},
    ),
    "each its own": (
        {"image": PICTURE, "mask": PICTURE, "control_image": PICTURE, "style_reference_images": MANY},
        {
            "image": "image",
            "mask": "mask",
            "control": "control_image",
            "reference": "style_reference_images",
        },
    ),
    "the only one there is": ({"main_face_image": PICTURE, "prompt": TEXT}, {"image": "main_face_image"}),
    "nobody knows which": ({"left_image": PICTURE, "right_image": PICTURE}, {}),
    "no picture by its name": ({"weights": PICTURE}, {}),
    "text of that name": ({"image": TEXT}, {}),
}


@pytest.mark.parametrize(("inputs", "roles"), ROLES.values(), ids=ROLES)
def test_which_input_takes_the_pictures_of_a_role(inputs, roles):
    assert form_of(inputs).roles == roles


def test_common_names_stand_for_the_models_own():
    form = form_of({"num_inference_steps": WHOLE, "guidance_scale": WHOLE, "prompt_strength": WHOLE})
    assert form.called == {
        "steps": "num_inference_steps",
        "guidance": "guidance_scale",
        "strength": "prompt_strength",
    }
    assert {*form.own} == {"steps", "guidance", "strength"}
    both = form_of({"guidance": WHOLE, "guidance_scale": WHOLE})
    assert (both.called, {*both.own}) == ({"guidance": "guidance"}, {"guidance", "guidance_scale"})


COUNTS = {
    "a number": ({"num_outputs": {**WHOLE, "minimum": 1, "maximum": 4}}, {"num_outputs": 1}),
    "a choice": ({"num_samples": {**TEXT, "enum": ["1", "4"]}}, {"num_samples": "1"}),
    "four at least": ({"num_outputs": {**WHOLE, "minimum": 4}}, {}),
    "a format": ({"output_format": {**TEXT, "enum": ["jpg", "png"]}}, {"output_format": "png"}),
    "no png": ({"output_format": {**TEXT, "enum": ["jpg", "webp"]}}, {}),
}


@pytest.mark.parametrize(("inputs", "always"), COUNTS.values(), ids=COUNTS)
def test_one_image_and_without_loss_where_that_can_be_asked_for(inputs, always):
    form = form_of(inputs)
    assert form.always == always
    assert {*form.own} == {*inputs} - {*always}


def test_prompts_are_left_alone_unless_the_spec_asks():
    form = form_of(
        {
            "prompt_upsampling": {"type": "boolean"},
            "magic_prompt_option": {**TEXT, "enum": ["Auto", "On", "Off"]},
            "enhance_prompt": TEXT,
        }
    )
    assert form.unless == {"prompt_upsampling": False, "magic_prompt_option": "Off"}
    assert {*form.own} == {"prompt_upsampling", "magic_prompt_option", "enhance_prompt"}


def test_choices_that_tell_a_size_are_not_for_a_spec_to_make():
    ratio = {**TEXT, "enum": ["1:1", "match_input_image"], "default": "1:1"}
    form = form_of(
        {"aspect_ratio": ratio, "ratio": {**TEXT, "enum": ["1:1"]}, "width": WHOLE, "height": WHOLE}
    )
    assert form.own == {"aspect_ratio": {**TEXT, "enum": ["match_input_image"]}}


SEEDS = [
    ({}, 2**31 - 1),
    ({"maximum": 2**32}, 2**31 - 1),
    ({"maximum": 999}, 647),
    ({"minimum": 1, "maximum": 1000}, 648),
]


@pytest.mark.parametrize(("schema", "seed"), SEEDS)
def test_a_model_that_takes_fewer_seeds_gets_one_of_those(schema, seed):
    assert seed_within(2**31 - 1, schema) == seed
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**31)
    assert all(low <= seed_within(each, schema) <= high for each in (0, 1, 999, 1000, 2**31 - 1))
