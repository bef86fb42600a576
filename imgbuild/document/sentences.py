"""What a schema asks of a value, as a sentence that follows the value's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

from imgbuild.document import hints
from imgbuild.errors import did_you_mean

Schema: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = list[str | int]

_WORDS = {
    "integer": ["a whole number"],
    "number": ["a number"],
    "string": ["text"],
    "boolean": ["true", "false"],
    "object": ["a mapping"],
    "null": ["empty"],
}
_MANY = {"integer": "whole numbers", "number": "numbers", "string": "texts", "object": "mappings"}


class Fault(Struct, frozen=True, kw_only=True):
    """One keyword of a schema that a value breaks. limit: the keyword's own value; of_key: it is about a key."""

    validator: str
    limit: Any
    schema: Schema
    instance: Any
    path: Steps
    of_key: bool


def describe(fault: Fault, root: Schema) -> tuple[str, str]:
    """The sentence, and the way out where the schema alone shows it."""
    return _SENTENCES.get(fault.validator, _other)(fault, root)


def _type(fault: Fault, root: Schema) -> tuple[str, str]:
    return f"must be {shape(fault.schema, root)}", ""


def _choice(fault: Fault, root: Schema) -> tuple[str, str]:
    shapes = [shape(branch, root) for branch in fault.schema[fault.validator]]
    return f"must be {_or(shapes)}", ""


def shape(schema: Schema, root: Schema = MappingProxyType({})) -> str:
    """What a schema takes, in words: 'a whole number, a list of whole numbers or a mapping'."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return _or([word for kind in kinds for word in ([_list(schema)] if kind == "array" else _WORDS[kind])])


def _list(schema: Schema) -> str:
    kind = schema.get("items", {}).get("type")
    return f"a list of {_MANY[kind]}" if isinstance(kind, str) and kind in _MANY else "a list"


def _or(words: list[str]) -> str:
    distinct = list(dict.fromkeys(words))
    return " or ".join(part for part in (", ".join(distinct[:-1]), distinct[-1]) if part)


def _required(fault: Fault, root: Schema) -> tuple[str, str]:
    missing = next(name for name in fault.limit if name not in fault.instance)
    return f"needs '{missing}'", hints.for_missing_key(missing, fault.schema)


def _one_of(fault: Fault, root: Schema) -> tuple[str, str]:
    known = fault.limit
    if len(known) == 1:
        return f"must be {known[0]}", ""
    if isinstance(fault.instance, str):
        return f"can't be '{fault.instance}'", did_you_mean(fault.instance, map(str, known), "values")
    return f"must be one of {', '.join(map(str, known))}", ""


def _bound(words: str) -> Callable[[Fault, Schema], tuple[str, str]]:
    return lambda fault, root: (f"must be {words} {fault.limit}", "")


def _empty(fault: Fault, root: Schema) -> tuple[str, str]:
    if fault.limit == 1:
        return "must not be empty", "give it a value, or leave the key out"
    return f"must hold at least {fault.limit} values", ""


def _full(fault: Fault, root: Schema) -> tuple[str, str]:
    return f"must hold at most {fault.limit} values", ""


def _pattern(fault: Fault, root: Schema) -> tuple[str, str]:
    return "is not written as it must be", f"its pattern is {fault.limit}"


def _unknown(fault: Fault, root: Schema) -> tuple[str, str]:
    known = fault.schema.get("properties", {})
    found = next(name for name in fault.instance if name not in known)
    return f"takes no '{found}'", did_you_mean(found, known, "keys")


def _other(fault: Fault, root: Schema) -> tuple[str, str]:
    return f"does not fit the schema's '{fault.validator}'", ""


_SENTENCES: dict[str, Callable[[Fault, Schema], tuple[str, str]]] = {
    "type": _type,
    "anyOf": _choice,
    "oneOf": _choice,
    "required": _required,
    "additionalProperties": _unknown,
    "enum": _one_of,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("above"),
    "exclusiveMaximum": _bound("below"),
    "multipleOf": _bound("a multiple of"),
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "maxItems": _full,
    "maxProperties": _full,
    "pattern": _pattern,
}
