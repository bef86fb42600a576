"""A document against a JSON Schema: what doesn't fit, as sentences with places and hints.

Beside the keywords of JSON Schema it reads `errorMessage`, as editors do: the sentence for a value that a
schema refuses, after the value's name ("must be WIDTHxHEIGHT in pixels").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from imgbuild.document import hints
from imgbuild.errors import ImgbuildError, SpecError, did_you_mean, raise_all

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from imgbuild.document.document import Document

MOST = 20  # complaints shown at once

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
    errors = _validator(schema).iter_errors(document.data)
    faults = list(islice((_known(leaf) for error in errors for leaf in _leaves(error)), MOST))
    told = [fault for fault in faults if not _follows(fault, faults)]
    found = [error for fault in told for error in _complain(document, fault, schema)]
    raise_all(sorted(found[:MOST], key=_order))


def complaint(value: Any, schema: Schema) -> str:
    """What is wrong with a value by itself, as a sentence to follow its name; empty where it fits."""
    for error in _validator(schema).iter_errors(value):
        fault = _known(next(_leaves(error)))
        sentence, _ = _SENTENCES.get(fault.validator, _other)(fault, schema)
        return f"{_name(fault.path)} {sentence}" if fault.path else sentence
    return ""


def _follows(fault: _Fault, faults: list[_Fault]) -> bool:
    """Whether it is only a consequence of another fault: of two keys in one item, of a misspelt key."""
    if fault.validator == "required":
        missing = next(name for name in fault.limit if name not in fault.instance)
        return hints.is_misspelt(missing, fault.instance, fault.schema.get("properties", {}))
    crowded = [other.path for other in faults if other.validator == "maxProperties" and other is not fault]
    return any(fault.path[: len(path)] == path for path in crowded)


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
    elif fault.validator == "enum" and "title" in fault.schema and isinstance(fault.instance, str):
        title, hint = (
            fault.schema["title"],
            did_you_mean(fault.instance, fault.limit, f"{fault.schema['title']}s"),
        )
        yield _error(document, path, f"unknown {title} '{fault.instance}'", hint)
    elif fault.validator == "maxProperties" and fault.limit == 1:
        first, second = list(fault.instance)[:2]
        hint = f"begin each with '- ', and indent what belongs to '{first}' further than it"
        yield _error(document, [*path, second], f"{_name(path)} must hold one key", hint, key=True)
    elif "errorMessage" in fault.schema:
        yield _error(document, path, f"{_name(path)} {fault.schema['errorMessage']}")
    elif fault.validator == "additionalProperties":
        yield from _unknown_keys(document, path, fault)
    else:
        describe = _SENTENCES.get(fault.validator, _other)
        sentence, hint = describe(fault, root)
        if fault.validator in ("type", "anyOf", "oneOf"):
            where = document.where(path)
            hint = hints.for_type(fault.instance, sentence, fault.schema, where.text[where.column - 1 :])
        yield _error(document, path, f"{_name(path)} {sentence}", hint, key=fault.validator in _OF_KEYS)


def _error(document: Document, path: Steps, message: str, hint: str = "", *, key: bool = False) -> SpecError:
    return SpecError(message, where=document.where(path, key=key and bool(path)), hint=hint)


def _unknown_keys(document: Document, path: Steps, fault: _Fault) -> Iterator[SpecError]:
    known = fault.schema.get("properties", {})
    for name in fault.instance:
        if name not in known:
            hint = hints.for_unknown_key(name, known)
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
    return f"must be {shape(fault.schema, root)}", ""


def _choice(fault: _Fault, root: Schema) -> tuple[str, str]:
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


def _required(fault: _Fault, root: Schema) -> tuple[str, str]:
    missing = next(name for name in fault.limit if name not in fault.instance)
    return f"needs '{missing}'", hints.for_missing_key(missing, fault.schema)


def _one_of(fault: _Fault, root: Schema) -> tuple[str, str]:
    known = fault.limit
    if len(known) == 1:
        return f"must be {known[0]}", ""
    if isinstance(fault.instance, str):
        return f"can't be '{fault.instance}'", did_you_mean(fault.instance, map(str, known), "values")
    return f"must be one of {', '.join(map(str, known))}", ""


def _bound(words: str) -> Callable[[_Fault, Schema], tuple[str, str]]:
    return lambda fault, root: (f"must be {words} {fault.limit}", "")


def _empty(fault: _Fault, root: Schema) -> tuple[str, str]:
    if fault.limit == 1:
        return "must not be empty", "give it a value, or leave the key out"
    return f"must hold at least {fault.limit} values", ""


def _full(fault: _Fault, root: Schema) -> tuple[str, str]:
    return f"must hold at most {fault.limit} values", ""


def _pattern(fault: _Fault, root: Schema) -> tuple[str, str]:
    return "is not written as it must be", f"its pattern is {fault.limit}"


def _other(fault: _Fault, root: Schema) -> tuple[str, str]:
    return f"does not fit the schema's '{fault.validator}'", ""


_OF_KEYS = ("required", "minProperties", "minItems")
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
