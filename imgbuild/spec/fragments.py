"""Pieces of the spec's JSON Schema that the types can't say: matrices, inputs, seeds, bounds."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from imgbuild.document import shapes
from imgbuild.types import ROLES, Format

SEEDS_END = 2**31  # every provider takes a seed below it

_SCALAR = {"type": ["string", "number", "boolean"]}
_VALUE = {"type": ["string", "number", "boolean", "array", "object"]}
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
    "else": {"additionalProperties": _VALUE},
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
_IF_PICK = {"if": {"required": ["pick"]}, "then": {"$ref": "#/$defs/Pick"}, "else": {"$ref": "#/$defs/Edge"}}
_IF_EDGE = {"if": {"type": "object"}, "then": _IF_PICK}
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
_FORMAT = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": list(get_args(get_type_hints(Format)["type"])), "title": "type"},
    "else": {"$ref": "#/$defs/Format"},
}
_METADATA = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["none", "minimal", "full"], "title": "level"},
    "else": {"$ref": "#/$defs/Metadata"},
}
# Their bounds are those of `images`, which is not imported here: a build that reads no picture needs no Pillow.
_SIDES = {"type": "array", "minItems": 1, "uniqueItems": True}
_RENDITION = {
    "type": ["string", "object"],
    "minLength": 1,
    "if": {"type": "object"},
    "then": {"$ref": "#/$defs/Rendition"},
}
_SHEET = {
    "type": ["string", "object"],
    "minLength": 1,
    "if": {"type": "object"},
    "then": {"$ref": "#/$defs/Sheet"},
}
_ROUTE = {
    "type": ["array", "object"],
    "items": {"$ref": "#/$defs/Route"},
    "if": {"type": "object"},
    "then": {"$ref": "#/$defs/Route"},
}
_LICENCE = {"type": ["string", "array"], "items": _TEXT, "minItems": 1, "minLength": 1}
_GAP = {"type": "integer", "minimum": 0, "maximum": 65535}
_CELL_SIZE = {
    "type": "string",
    "pattern": r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
    "errorMessage": shapes.SIZE["errorMessage"],
}
_FILE = {"not": {"required": ["csv", "json"]}, "errorMessage": "must name a csv or a json file, not both"}

TABLE = {"allOf": [_FILE]}
SHEET = {
    "if": {"required": ["pick"]},
    "then": {"not": {"required": ["asset"]}, "errorMessage": "must name an asset or a pick, not both"},
    "else": {"required": ["asset"]},
}
FRAGMENTS: dict[str, dict[str, Any]] = {
    "SpecFile.include": {"type": "array", "items": _TEXT},
    "SpecFile.models": shapes.mapping_of({"$ref": "#/$defs/Model"}),
    "SpecFile.templates": shapes.mapping_of({"$ref": "#/$defs/Template"}),
    "SpecFile.assets": shapes.mapping_of({"$ref": "#/$defs/Asset"}),
    "Model.provider": _TEXT,
    "Model.size": shapes.SIZE,
    **shapes.PRICES,
    "Model.traits": shapes.TRAITS,
    "Model.unsupported": shapes.UNSUPPORTED,
    "Template.prompt": _TEXT,
    "Seeds.count": {"type": "integer", "minimum": 1},
    "Seeds.base": _SEED,
    "Table.key": _TEXT,
    "Table.csv": _TEXT,
    "Table.json": _TEXT,
    "Table.delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
    "Route.model": _TEXT,
    "Route.cheapest": {"type": "array", "items": _TEXT, "minItems": 1},
    "Needs.license": _LICENCE,
    "Needs.max_price": {"type": "number", "minimum": 0},
    "Edge.asset": _TEXT,
    "Edge.index": {"type": "integer", "minimum": 0},
    "Trial.over": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
    "Trial.output": _TEXT,
    "Pick.pick": _TEXT,
    "Pick.index": {"type": "integer", "minimum": 0},
    "Sheet.asset": _TEXT,
    "Sheet.pick": _TEXT,
    "Sheet.index": {"type": "integer", "minimum": 0},
    "Sheet.columns": {"type": "integer", "minimum": 1, "maximum": 65535},
    "Sheet.cell": _CELL_SIZE,
    "Sheet.gap": _GAP,
    "Sheet.margin": _GAP,
    "Format.quality": {"type": "integer", "minimum": 1, "maximum": 100},
    "Format.compress_level": {"type": "integer", "minimum": 0, "maximum": 9},
    "Format.sizes": _SIDES | {"items": {"type": "integer", "minimum": 1, "maximum": 256}},
    "Rendition.preset": _TEXT,
    "Rendition.widths": _SIDES | {"items": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "Rendition.formats": {"type": "array", "items": _FORMAT, "minItems": 1},
    "Rendition.format": _FORMAT,
    "Rendition.output": _TEXT,
    "Asset.template": _TEXT,
    "Asset.prompt": _TEXT,
    "Asset.from": _TEXT,
    "Asset.sheet": _SHEET,
    "Asset.output": _TEXT,
    "Asset.vars": {"type": "object", "propertyNames": _VARIABLE, "additionalProperties": _VALUE},
    "Asset.matrix": _MATRIX,
    "Asset.route": _ROUTE,
    "Asset.seeds": _SEEDS,
    "Asset.size": shapes.SIZE,
    "Asset.inputs": _INPUTS,
    "Asset.format": _FORMAT,
    "Asset.attempts": {"type": "integer", "minimum": 1, "maximum": 1000},
    "Asset.metadata": _METADATA,
    "Asset.renditions": shapes.mapping_of(_RENDITION),
}
