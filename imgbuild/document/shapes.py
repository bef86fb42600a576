"""JSON Schemas of our structs, as editors like them: docstrings become descriptions, fields included.

A docstring describes its struct first; then, in the form `name: text.`, fields one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, get_args

import msgspec

from imgbuild.types import Trait, Value

DRAFT = "https://json-schema.org/draft/2020-12/schema"

NAME = {
    "pattern": r"^[^\s!-/:-@\[-^`{-~][^\s!-,/:-@\[-^`{-~]*$",
    "errorMessage": "can't be a name: use letters, digits, '_', '-' and '.'",
}

SIZE = {
    "type": "string",
    "pattern": r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$|\{\{",
    "errorMessage": "must be WIDTHxHEIGHT in pixels, such as 1024x768",
}

UNSUPPORTED = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["error", "drop", "fold"]},
    "else": {"additionalProperties": {"enum": ["error", "drop", "fold"]}},
}

_TRAIT = {"enum": list(get_args(Trait)), "title": "trait"}
TRAITS = {
    "type": ["array", "object"],
    "items": _TRAIT,
    "propertyNames": _TRAIT,
    "additionalProperties": {"type": "boolean"},
}

_COST = {"type": "number", "minimum": 0}
_COSTS = {"type": "object", "additionalProperties": _COST, "minProperties": 1}
_PLAIN_SIZE = {
    "pattern": r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
    "errorMessage": "is no size, such as 1024x768",
}

# What a model costs: a number, or an entry as the list of prices has it.
PRICES: dict[str, dict[str, Any]] = {
    "Model.price": {
        "type": ["number", "object"],
        "minimum": 0,
        "minProperties": 1,
        "if": {"type": "object"},
        "then": {"$ref": "#/$defs/Price"},
    },
    "Price.image": _COST,
    "Price.images": {
        "type": "object",
        "additionalProperties": {**_COSTS, "propertyNames": _PLAIN_SIZE},
        "minProperties": 1,
    },
    "Price.megapixel": _COST,
    "Price.first_megapixel": _COST,
    "Price.input_megapixel": _COST,
    "Price.tokens": _COSTS,
}

_FIELDS = re.compile(r"(?:^|(?<=[.;] ))((?:\w+, )*\w+): ")


def components(
    structs: Iterable[type[msgspec.Struct]], prefix: str = ""
) -> tuple[list[dict[str, Value]], dict[str, Any]]:
    """A reference to each struct's schema, and all definitions they need, for `$defs`, under prefixed names."""
    template = f"#/$defs/{prefix}{{name}}"
    references, definitions = msgspec.json.schema_components(list(structs), ref_template=template)
    for definition in definitions.values():
        _describe(definition)
        _tidy(definition)
    return list(references), {f"{prefix}{name}": schema for name, schema in definitions.items()}


def _describe(definition: dict[str, Any]) -> None:
    """Move what the docstring says of fields to the fields; another `word: …` is part of what stands before."""
    properties = definition.get("properties", {})
    said = {"": ""}
    last = [""]
    summary, *parts = _FIELDS.split(" ".join(cleandoc(definition.get("description", "")).split()))
    said[""] = summary
    for names, text in zip(parts[::2], parts[1::2], strict=True):
        known = [name for name in names.split(", ") if name in properties]
        for name in known or last:
            said[name] = text if known else f"{said[name]}{names}: {text}"
        last = known or last
    for name, text in said.items():
        if text.strip():
            described = properties[name] if name else definition
            described["description"] = text.strip()[0].upper() + text.strip()[1:]


def _tidy(definition: dict[str, Any]) -> None:
    """Leave out empty defaults, and the null that stands for a key left out."""
    for name, schema in definition.get("properties", {}).items():
        if not schema.get("default") or isinstance(schema["default"], dict):
            schema.pop("default", None)
        definition["properties"][name] = _without_null(schema)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**choices[0], **rest}
    if choices:
        schema["anyOf"] = choices
    return schema


def amend(definitions: Mapping[str, Any], fragments: Mapping[str, Mapping[str, Any]]) -> None:
    """Lay hand-written fragments ("Asset.matrix") over the generated ones, descriptions kept."""
    for path, fragment in fragments.items():
        struct, _, name = path.partition(".")
        properties = definitions[struct]["properties"]
        kept = {key: properties[name][key] for key in ("description", "default") if key in properties[name]}
        properties[name] = {**kept, **fragment}


def mapping_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a mapping from names to such values."""
    return {"type": "object", "propertyNames": NAME, "additionalProperties": dict(values)}


def whole(title: str, reference: Mapping[str, str], definitions: dict[str, Any]) -> dict[str, Any]:
    """A schema file whose root is the definition that `reference` names."""
    root = definitions.pop(reference["$ref"].rpartition("/")[2])
    return {"$schema": DRAFT, **root, "title": title, "$defs": definitions}
