"""A document against a JSON Schema: what doesn't fit, as sentences with places and hints.

Beside the keywords of JSON Schema it reads `errorMessage`, as editors do: the sentence for a value that a
schema refuses, after the value's name ("must be WIDTHxHEIGHT in pixels").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from imgbuild.errors import ImgbuildError, SpecError, did_you_mean, raise_all

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from imgbuild.document.document import Document

MOST = 20  # complaints shown at once

Schema: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = list[str | int]

_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
_MANY = {"integer": "whole numbers", "number": "numbers", "string": "texts", "object": "mappings"}
_VALIDATORS: dict[int, tuple[Schema, Any]] = {}


class _Fault(Struct, frozen=True, kw_only=True):
    """One keyword of a schema that a value breaks. limit: the keyword's own value; of_key: it is about a key."""

    validator: str
    limit: Any
    schema: Schema
    instance: Any
    path: Steps
    of_key: bool


def check(document: Document, schema: Schema) -> None:
    """Raise what doesn't fit the schema (Draft 2020-12), at most MOST faults, in the order of their places."""
    faults = _validator(schema).iter_errors(document.data)
    leaves = (_known(leaf) for fault in faults for leaf in _leaves(fault))
    found = [error for leaf in islice(leaves, MOST) for error in _complain(document, leaf, schema)]
    raise_all(sorted(found[:MOST], key=_order))


def _order(error: ImgbuildError) -> tuple[int, int]:
    return (error.where.line, error.where.column) if error.where is not None else (0, 0)


def _validator(schema: Schema) -> Any:
    from jsonschema import Draft202012Validator

    if id(schema) not in _VALIDATORS:
        _VALIDATORS[id(schema)] = (schema, Draft202012Validator(schema))
    return _VALIDATORS[id(schema)][1]


def _leaves(fault: ValidationError) -> Iterator[ValidationError]:
    """The fault itself or, for a choice of shapes, the faults of the shape that was meant."""
    if fault.validator not in ("anyOf", "oneOf") or not fault.context:
        yield fault
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in fault.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    fitting = [branch for branch in branches.values() if not any(map(_is_other_kind, branch))]
    if not fitting:
        yield fault
        return
    for inner in min(fitting, key=_relevance):
        yield from _leaves(inner)


def _is_other_kind(fault: ValidationError) -> bool:
    return fault.validator == "type" and not fault.relative_path


def _relevance(branch: list[ValidationError]) -> tuple[int, Any]:
    from jsonschema.exceptions import relevance

    return len(branch), max(map(relevance, branch))


def _known(error: ValidationError) -> _Fault:
    """What we use of jsonschema's error."""
    schema_path = list(error.schema_path)
    return _Fault(
        validator=str(error.validator),
        limit=error.validator_value,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        instance=error.instance,
        path=list(error.absolute_path),
        of_key="propertyNames" in schema_path[-2:-1],
    )


def _complain(document: Document, fault: _Fault, root: Schema) -> Iterable[SpecError]:
    path = fault.path
    if fault.of_key:
        yield _unknown_name(document, path, fault)
    elif "errorMessage" in fault.schema:
        yield _error(document, path, f"{_name(path)} {fault.schema['errorMessage']}")
    elif fault.validator == "additionalProperties":
        yield from _unknown_keys(document, path, fault)
    else:
        describe = _SENTENCES.get(fault.validator, _other)
        sentence, hint = describe(fault, root)
        yield _error(document, path, f"{_name(path)} {sentence}", hint, key=fault.validator in _OF_KEYS)


def _error(document: Document, path: Steps, message: str, hint: str = "", *, key: bool = False) -> SpecError:
    return SpecError(message, where=document.where(path, key=key and bool(path)), hint=hint)


def _unknown_keys(document: Document, path: Steps, fault: _Fault) -> Iterator[SpecError]:
    known = fault.schema.get("properties", {})
    for name in fault.instance:
        if name not in known:
            hint = did_you_mean(name, known, "keys")
            yield _error(document, [*path, name], f"unknown key '{name}'", hint, key=True)


def _unknown_name(document: Document, path: Steps, fault: _Fault) -> SpecError:
    """A key outside the names that a mapping's keys may have."""
    schema, name = fault.schema, fault.instance
    where = [*path, name]
    if "errorMessage" in schema:
        return _error(document, where, f"'{name}' {schema['errorMessage']}", key=True)
    if "enum" not in schema:
        return _error(document, where, f"'{name}' can't be a key here", key=True)
    what = schema.get("title", "key")
    return _error(
        document, where, f"unknown {what} '{name}'", did_you_mean(name, schema["enum"], f"{what}s"), key=True
    )


def _name(path: Steps) -> str:
    """The value in words: 'seeds', item 2 of 'seeds', the file."""
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return f"'{last}'"
    return f"item {last + 1} of {_name(path[:-1])}"


def _type(fault: _Fault, root: Schema) -> tuple[str, str]:
    sentence = f"must be {_shape(fault.schema, root)}"
    return sentence, _type_hint(fault.instance, sentence)


def _type_hint(value: Any, sentence: str) -> str:
    if value is None:
        return "it is empty: give it a value, or leave the key out"
    if isinstance(value, bool | int | float) and "text" in sentence:
        return "put it in quotes"
    if isinstance(value, str) and "list of texts" in sentence:
        return "write it as a list: [" + (value if value.isalnum() else f'"{value[:40]}"') + "]"
    return ""


def _choice(fault: _Fault, root: Schema) -> tuple[str, str]:
    shapes = [_shape(branch, root) for branch in fault.schema[fault.validator]]
    sentence = f"must be {_or(shapes)}"
    return sentence, _type_hint(fault.instance, sentence)


def _shape(schema: Schema, root: Schema) -> str:
    """What a schema takes, in words: 'a whole number, a list of whole numbers or a mapping'."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return _or([_list(schema) if kind == "array" else _WORDS[kind] for kind in kinds])


def _list(schema: Schema) -> str:
    kind = schema.get("items", {}).get("type")
    return f"a list of {_MANY[kind]}" if isinstance(kind, str) and kind in _MANY else "a list"


def _or(words: list[str]) -> str:
    distinct = list(dict.fromkeys(words))
    return " or ".join(part for part in (", ".join(distinct[:-1]), distinct[-1]) if part)


def _required(fault: _Fault, root: Schema) -> tuple[str, str]:
    missing = next(name for name in fault.limit if name not in fault.instance)
    return f"needs '{missing}'", ""


def _one_of(fault: _Fault, root: Schema) -> tuple[str, str]:
    known = fault.limit
    if len(known) == 1:
        return f"must be {known[0]}", ""
    if isinstance(fault.instance, str):
        title = fault.schema.get("title", "value")
        return f"can't be '{fault.instance}'", did_you_mean(fault.instance, map(str, known), f"{title}s")
    return f"must be one of {', '.join(map(str, known))}", ""


def _bound(words: str) -> Callable[[_Fault, Schema], tuple[str, str]]:
    return lambda fault, root: (f"must be {words} {fault.limit}", "")


def _empty(fault: _Fault, root: Schema) -> tuple[str, str]:
    if fault.limit == 1:
        return "must not be empty", "give it a value, or leave the key out"
    return f"must hold at least {fault.limit} values", ""


def _full(fault: _Fault, root: Schema) -> tuple[str, str]:
    most = fault.limit
    return f"must hold {'one key' if most == 1 else f'at most {most} values'}", ""


def _pattern(fault: _Fault, root: Schema) -> tuple[str, str]:
    return "is not written as it must be", f"its pattern is {fault.limit}"


def _other(fault: _Fault, root: Schema) -> tuple[str, str]:
    return f"does not fit the schema's '{fault.validator}'", ""


_OF_KEYS = ("required", "minProperties", "maxProperties", "minItems")
_SENTENCES: dict[str, Callable[[_Fault, Schema], tuple[str, str]]] = {
    "type": _type,
    "anyOf": _choice,
    "oneOf": _choice,
    "required": _required,
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
