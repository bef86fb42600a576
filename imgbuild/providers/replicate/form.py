"""Where the input of a model has what imgbuild sends: found by the names that models of this vendor usually give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imgbuild.providers.replicate.sizes import Inputs, taken_by_sizes
from imgbuild.types import Value

PROMPTS = ("prompt", "text_prompt")
NEGATIVES = ("negative_prompt",)
SEEDS = ("seed",)
ROLES = {
    "image": (
        *("image", "input_image", "image_input", "input_images", "images", "init_image", "source_image"),
        *("image_url", "img", "input", "photo"),
    ),
    "mask": ("mask", "mask_image", "image_mask", "input_mask"),
    "control": ("control_image", "controlnet_image", "condition_image", "conditioning_image"),
    "reference": (
        *("reference_images", "reference_image", "image_prompt", "image_prompts", "redux_image"),
        *("style_reference_images", "style_reference_image", "style_image", "ip_adapter_image"),
        *("character_reference_image", "character_reference_images", "subject_image"),
    ),
}
# Names that mean the same for every model, and for other providers.
CALLED = {
    "steps": ("steps", "num_inference_steps", "num_steps", "inference_steps"),
    "guidance": ("guidance", "guidance_scale", "cfg", "cfg_scale"),
    "strength": ("strength", "prompt_strength", "denoising_strength"),
}
COUNTS = ("num_outputs", "num_images", "number_of_images", "num_samples", "batch_size", "max_images")
FORMATS = ("output_format", "format", "image_format")
# What has the words rewritten before anything is drawn.
REWRITES = (
    *("prompt_upsampling", "enhance_prompt", "prompt_enhancement", "prompt_optimizer", "optimize_prompt"),
    *("prompt_extend", "expand_prompt", "magic_prompt_option", "magic_prompt", "use_prompt_enhancer"),
)


class Form(Struct, frozen=True, kw_only=True):
    """Names of a model's inputs; empty where it has no such.

    roles: of each role that it takes. called: of each parameter with a common name. always: what is sent with every
    request. unless: what is sent where the spec says nothing else. own: the inputs that a spec may set, by their names
    there, each with its JSON Schema.
    """

    prompt: str
    negative: str
    seed: str
    roles: Mapping[str, str]
    called: Mapping[str, str]
    always: Mapping[str, Value]
    unless: Mapping[str, Value]
    own: Inputs


def form_of(inputs: Inputs) -> Form:
    prompt, negative = _first(inputs, PROMPTS, "string"), _first(inputs, NEGATIVES, "string")
    seed, roles, always = _first(inputs, SEEDS, "integer"), _roles(inputs), _always(inputs)
    called = {short: found for short, names in CALLED.items() if (found := _first(inputs, names))}
    sent = {prompt, negative, seed, *roles.values(), *always}
    return Form(
        prompt=prompt,
        negative=negative,
        seed=seed,
        roles=roles,
        called=called,
        always=always,
        unless={name: off for name in REWRITES if (off := _off(inputs.get(name, {}))) is not None},
        own=_own({name: schema for name, schema in inputs.items() if name not in sent}, called),
    )


def is_many(schema: Value) -> bool:
    """Whether an input takes a list."""
    return bool(schema.get("type") == "array")


def _own(inputs: Inputs, called: Mapping[str, str]) -> Inputs:
    """What is left for a spec to set. Choices that tell a size are not, and inputs that do nothing else."""
    taken, short = taken_by_sizes(inputs), {name: title for title, name in called.items()}
    own: dict[str, Value] = {}
    for name, schema in inputs.items():
        rest = [choice for choice in schema.get("enum", ()) if choice not in taken.get(name, ())]
        if name in taken and not rest:
            continue
        kept = {key: value for key, value in schema.items() if key not in ("default", "format")}
        own[short.get(name, name)] = kept | ({"enum": rest} if rest else {})
    return own


def _roles(inputs: Inputs) -> Mapping[str, str]:
    """Of each role the input that takes its pictures. Further ones join those of a list that takes images."""
    pictures = {name: schema for name, schema in inputs.items() if _is_picture(schema)}
    found = {role: name for role, names in ROLES.items() if (name := _first(pictures, names))}
    rest = [name for name in pictures if name not in found.values() and "image" in name]
    if "image" not in found and len(rest) == 1:
        found["image"] = rest[0]
    if "reference" not in found and "image" in found and is_many(inputs[found["image"]]):
        found["reference"] = found["image"]
    return found


def _is_picture(schema: Value) -> bool:
    one = schema.get("items", {}) if is_many(schema) else schema
    return bool(one.get("format") == "uri")


def _always(inputs: Inputs) -> Mapping[str, Value]:
    """One image, and without loss, wherever that can be asked for."""
    counts = {name: one for name in COUNTS if (one := _one(inputs.get(name, {}))) is not None}
    formats = {name: "png" for name in FORMATS if "png" in inputs.get(name, {}).get("enum", ())}
    return {**counts, **formats}


def _one(schema: Value) -> Value | None:
    if "enum" in schema:
        return next((choice for choice in schema["enum"] if str(choice) == "1"), None)
    able = schema.get("type") == "integer" and schema.get("minimum", 1) <= 1 <= schema.get("maximum", 1)
    return 1 if able else None


def _off(schema: Value) -> Value | None:
    if schema.get("type") == "boolean":
        return False
    return next((choice for choice in schema.get("enum", ()) if str(choice).casefold() == "off"), None)


def _first(inputs: Inputs, names: Sequence[str], kind: str = "") -> str:
    able = (name for name in names if name in inputs and kind in ("", inputs[name].get("type")))
    return next(able, "")
