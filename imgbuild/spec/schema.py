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
from imgbuild.errors import SpecError
from imgbuild.process import OPERATIONS
from imgbuild.registry import Registry
from imgbuild.rules import RULES
from imgbuild.rules.base import Rule
from imgbuild.settings.schema import settings_schema
from imgbuild.spec.fragments import FRAGMENTS, SHEET, TABLE
from imgbuild.types import Edge, Line, Pick, Pin, Seeds, SpecFile, Table

__all__ = ["lock_schema", "settings_schema", "spec_schema", "write_schemas"]


@cache
def spec_schema() -> dict[str, Any]:
    """The schema of one spec file, with the operations and rules that are registered."""
    (reference,), definitions = shapes.components([SpecFile])
    definitions |= shapes.components([Edge, Pick, Seeds, Table])[1]
    definitions["Table"] |= TABLE
    definitions["Sheet"] |= SHEET
    process = _entries(OPERATIONS, "operation", definitions)
    entries = {
        "Asset.process": process,
        "Rendition.process": process,
        "Asset.validate": _entries(RULES, "rule", definitions, sets=True),
        "SpecFile.rules": shapes.mapping_of(_entries(RULES, "rule", definitions, sets=True)),
    }
    shapes.amend(definitions, FRAGMENTS | entries)
    return shapes.whole("imgbuild spec", reference, definitions)


def _entries(
    registry: Registry[Any], title: str, definitions: dict[str, Any], *, sets: bool = False
) -> dict[str, Any]:
    """A list of one-key mappings, name → parameters; a name alone where every parameter has a default.

    sets: a name alone may be that of a set, too, which only the spec knows.
    """
    names = registry.names()
    kinds = {name: kind for name in names if (kind := _loaded(registry, name)) is not None}
    references, found = shapes.components(kinds.values(), f"{title}.")
    _describe_shared(found)
    definitions |= found
    needing = [name for name, kind in kinds.items() if _needs(kind)]
    alone: dict[str, Any] = {"examples": names} if sets else {"enum": names, "title": title}
    if needing:
        alone["allOf"] = [_refused(name, kinds[name]) for name in needing]
    mapping = {
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"enum": names, "title": title},
        "properties": {name: {} for name in names} | dict(zip(kinds, references, strict=True)),
    }
    item = {"type": ["string", "object"], "if": {"type": "string"}, "then": alone, "else": mapping}
    return {"type": "array", "items": item}


def _loaded(registry: Registry[Any], name: str) -> type[msgspec.Struct] | None:
    """The class of that name; None where its package can't be used, which is told where a spec names it."""
    try:
        kind: type[msgspec.Struct] = registry.get(name)
    except SpecError:
        return None
    return kind


def _refused(name: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A name that can't stand alone, since it has a parameter without default."""
    required = next(field.encode_name for field in msgspec.structs.fields(kind) if field.required)
    return {
        "not": {"const": name},
        "errorMessage": f"needs its parameters: write '{name}: {{{required}: …}}'",
    }


def _needs(kind: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))


def _describe_shared(definitions: dict[str, Any]) -> None:
    """Every rule has `on_fail` and `adjust`, and only the contract's docstring tells of them."""
    told = shapes.components([Rule])[1]["Rule"]["properties"]
    for definition in definitions.values():
        if "on_fail" in definition.get("properties", {}):
            definition["properties"] |= told


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
