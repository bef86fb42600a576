"""The JSON Schemas of specs, locks and settings: written from the types and the registries.

`python -m imgbuild.spec.schema DIR` writes them there.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from imgbuild.document import shapes
from imgbuild.process import OPERATIONS
from imgbuild.registry import Registry
from imgbuild.rules import RULES
from imgbuild.rules.base import Rule
from imgbuild.settings.schema import settings_schema
from imgbuild.types import ROLES, Edge, Line, Pin, Seeds, SpecFile, Table

__all__ = ["lock_schema", "settings_schema", "spec_schema", "write_schemas"]

SEEDS_END = 2**31  # every provider takes a seed below it

_SCALAR = {"type": ["string", "number", "boolean"]}
_VARIABLE = {
    "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
    "errorMessage": "can't be a variable: use letters, digits and '_'",
}
_SEED = {"type": "integer", "minimum": 0, "maximum": SEEDS_END - 1}
_TEXT = {"type": "string", "minLength": 1}
_CELL = {"type": "object", "minProperties": 1, "propertyNames": _VARIABLE, "additionalProperties": _SCALAR}

# A mapping with `csv` or `json` is a table; any other gives each value a label.
_AXIS = {
    "description": "A list of values, a mapping of labels to values, or a table: {csv: products.csv, key: sku}.",
    "type": ["array", "object"],
    "items": _SCALAR,
    "minItems": 1,
    "minProperties": 1,
    "if": {"type": "object", "anyOf": [{"required": ["csv"]}, {"required": ["json"]}]},
    "then": {"$ref": "#/$defs/Table"},
    "else": {"additionalProperties": {"type": ["string", "number", "boolean", "array", "object"]}},
}
_MATRIX = {
    "type": "object",
    "propertyNames": _VARIABLE,
    "properties": {
        "exclude": {"description": "Cells to leave out.", "type": "array", "items": _CELL},
        "include": {"description": "Whole cells to add.", "type": "array", "items": _CELL},
    },
    "additionalProperties": _AXIS,
}
_IF_EDGE = {"if": {"type": "object"}, "then": {"$ref": "#/$defs/Edge"}}
_PICTURES = {
    "type": ["string", "object", "array"],
    "minLength": 1,
    "minItems": 1,
    "items": {"type": ["string", "object"], "minLength": 1, **_IF_EDGE},
    **_IF_EDGE,
}
_STRENGTH = {
    "description": "How far the picture may be left, 0 to 1.",
    "type": ["number", "string"],
    "minimum": 0,
    "maximum": 1,
    "pattern": r"\{\{",
    "errorMessage": "must be a number from 0 to 1",
}
_INPUTS = {
    "type": "object",
    "properties": {**dict.fromkeys(ROLES, _PICTURES), "strength": _STRENGTH},
    "additionalProperties": False,
}
_SEEDS = {
    "type": ["integer", "array", "object"],
    "minimum": 1,
    "items": _SEED,
    "minItems": 1,
    "if": {"type": "object"},
    "then": {"$ref": "#/$defs/Seeds"},
}


@cache
def spec_schema() -> dict[str, Any]:
    """The schema of one spec file, with the operations and rules that are registered."""
    (reference,), definitions = shapes.components([SpecFile])
    more = shapes.components([Edge, Seeds, Table])[1]
    definitions |= more
    process = _entries(OPERATIONS, "operation", definitions)
    validate = _entries(RULES, "rule", definitions)
    shapes.amend(definitions, _fragments(definitions, process, validate))
    return shapes.whole("imgbuild spec", reference, definitions)


def _fragments(definitions: dict[str, Any], process: Any, validate: Any) -> dict[str, Any]:
    """What the types can't say."""
    both = {"not": {"required": ["csv", "json"]}, "errorMessage": "must name a csv or a json file, not both"}
    definitions["Table"]["allOf"] = [both]
    names = {"type": "array", "items": _TEXT}
    format_types = definitions["Format"]["properties"]["type"]["enum"]
    return {
        "SpecFile.include": names,
        "SpecFile.models": shapes.mapping_of({"$ref": "#/$defs/Model"}),
        "SpecFile.templates": shapes.mapping_of({"$ref": "#/$defs/Template"}),
        "SpecFile.assets": shapes.mapping_of({"$ref": "#/$defs/Asset"}),
        "Model.provider": _TEXT,
        "Model.size": shapes.SIZE,
        "Model.unsupported": shapes.UNSUPPORTED,
        "Template.prompt": _TEXT,
        "Seeds.count": {"type": "integer", "minimum": 1},
        "Seeds.base": _SEED,
        "Table.key": _TEXT,
        "Table.csv": _TEXT,
        "Table.json": _TEXT,
        "Table.delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
        "Edge.asset": _TEXT,
        "Edge.index": {"type": "integer", "minimum": 0},
        "Format.quality": {"type": "integer", "minimum": 1, "maximum": 100},
        "Format.compress_level": {"type": "integer", "minimum": 0, "maximum": 9},
        "Asset.template": _TEXT,
        "Asset.prompt": _TEXT,
        "Asset.from": _TEXT,
        "Asset.output": _TEXT,
        "Asset.vars": {"type": "object", "propertyNames": _VARIABLE},
        "Asset.matrix": _MATRIX,
        "Asset.seeds": _SEEDS,
        "Asset.size": shapes.SIZE,
        "Asset.inputs": _INPUTS,
        "Asset.process": process,
        "Asset.validate": validate,
        "Asset.format": _format(format_types),
        "Asset.attempts": {"type": "integer", "minimum": 1, "maximum": 1000},
    }


def _format(types: list[str]) -> dict[str, Any]:
    return {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": types, "title": "type"},
        "else": {"$ref": "#/$defs/Format"},
    }


def _entries(registry: Registry[Any], title: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A list of one-key mappings, name → parameters; a name alone where every parameter has a default."""
    names = registry.names()
    references, found = shapes.components([registry.get(name) for name in names])
    _describe_on_fail(found)
    definitions |= found
    bare = [name for name in names if not _needs(registry.get(name))]
    needing = [name for name in names if name not in bare]
    alone: dict[str, Any] = {"enum": names, "title": title}
    if needing:
        refused = {"not": {"enum": needing}, "errorMessage": "needs its parameters: write '- name: {…}'"}
        alone["allOf"] = [refused]
    mapping = {
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"enum": names, "title": title},
        "properties": dict(zip(names, references, strict=True)),
    }
    item = {"type": ["string", "object"], "if": {"type": "string"}, "then": alone, "else": mapping}
    return {"type": "array", "items": item}


def _needs(kind: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))


def _describe_on_fail(definitions: dict[str, Any]) -> None:
    """Every rule has `on_fail`, and only the contract's docstring tells of it."""
    told = shapes.components([Rule])[1]["Rule"]["properties"]["on_fail"]
    for definition in definitions.values():
        if "on_fail" in definition.get("properties", {}):
            definition["properties"]["on_fail"] = told


@cache
def lock_schema() -> dict[str, Any]:
    """The schema of a lock: pins of the models that the spec declares, one line for each of its targets."""
    (pin, line), definitions = shapes.components([Pin, Line])
    properties = {
        "version": {"const": 1},
        "models": {"type": "object", "additionalProperties": pin},
        "targets": {"type": "object", "additionalProperties": line},
    }
    return {
        "$schema": shapes.DRAFT,
        "title": "imgbuild lock",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": definitions,
    }


def write_schemas(folder: Path) -> None:
    """Write spec, lock and settings schema as `<name>.schema.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def schema_texts() -> dict[str, str]:
    """File name → text of each schema."""
    schemas = {"spec": spec_schema(), "lock": lock_schema(), "settings": settings_schema()}
    return {f"{name}.schema.json": _text(schema) for name, schema in schemas.items()}


def _text(schema: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
