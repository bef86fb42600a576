"""A document against a JSON Schema: what doesn't fit, as sentences with places and hints.

Beside the keywords of JSON Schema it reads `errorMessage`, as editors do: the sentence for a value that a
schema refuses, after the value's name ("must be WIDTHxHEIGHT in pixels").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from imgbuild.document import hints
from imgbuild.document.sentences import Fault, Schema, Steps, describe
from imgbuild.errors import ImgbuildError, SpecError, did_you_mean, raise_all

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from imgbuild.document.document import Document

MOST = 20  # complaints shown at once

_KINDS = ("type", "anyOf", "oneOf")
_OF_KEYS = ("required", "minProperties", "minItems")
_VALIDATORS: dict[int, tuple[Schema, Any]] = {}


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
        sentence, _ = describe(fault, schema)
        return f"{_name(fault.path)} {sentence}" if fault.path else sentence
    return ""


class Misfit(Struct, frozen=True, kw_only=True):
    """What in a value does not fit a schema. path: the way to it; of_key: it is about that key itself."""

    sentence: str
    path: tuple[str | int, ...] = ()
    hint: str = ""
    of_key: bool = False


def first_misfit(value: Any, schema: Schema, name: str) -> Misfit | None:
    """The first thing in a value that does not fit, for whoever knows its place. name: of the value, in words."""
    errors = sorted(
        _validator(schema).iter_errors(value), key=lambda error: list(map(str, error.absolute_path))
    )
    if not errors:
        return None
    fault = _known(next(_leaves(errors[0])))
    path, told = tuple(fault.path), _name(fault.path) if fault.path else name
    if fault.validator == "additionalProperties":
        known = fault.schema.get("properties", {})
        unknown = next(key for key in fault.instance if key not in known)
        hint = hints.for_unknown_key(unknown, known)
        return Misfit(sentence=f"unknown key '{unknown}'", path=(*path, unknown), hint=hint, of_key=True)
    if "errorMessage" in fault.schema:
        return Misfit(sentence=f"{told} {fault.schema['errorMessage']}", path=path)
    sentence, hint = describe(fault, schema)
    if fault.validator in _KINDS:
        hint = hints.for_type(fault.instance, sentence, fault.schema, "")
    return Misfit(sentence=f"{told} {sentence}", path=path, hint=hint, of_key=fault.validator in _OF_KEYS)


def _follows(fault: Fault, faults: list[Fault]) -> bool:
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


def _known(error: ValidationError) -> Fault:
    """What we use of jsonschema's error."""
    schema_path = list(error.schema_path)
    return Fault(
        validator=str(error.validator),
        limit=error.validator_value,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        instance=error.instance,
        path=list(error.absolute_path),
        of_key="propertyNames" in schema_path[-2:-1],
    )


def _complain(document: Document, fault: Fault, root: Schema) -> Iterator[SpecError]:
    path = fault.path
    if fault.of_key:
        yield _unknown_name(document, path, fault)
    elif fault.validator == "enum" and "title" in fault.schema and isinstance(fault.instance, str):
        yield _unknown(document, path, fault.schema, fault.instance)
    elif fault.validator == "maxProperties" and fault.limit == 1:
        yield _crowded(document, path, fault)
    elif "errorMessage" in fault.schema:
        yield _error(document, path, f"{_name(path)} {fault.schema['errorMessage']}")
    elif fault.validator == "additionalProperties":
        yield from _unknown_keys(document, path, fault)
    else:
        yield _unfit(document, path, fault, root)


def _unfit(document: Document, path: Steps, fault: Fault, root: Schema) -> SpecError:
    sentence, hint = describe(fault, root)
    if fault.validator in _KINDS:
        where = document.where(path)
        hint = hints.for_type(fault.instance, sentence, fault.schema, where.text[where.column - 1 :])
    return _error(document, path, f"{_name(path)} {sentence}", hint, key=fault.validator in _OF_KEYS)


def _crowded(document: Document, path: Steps, fault: Fault) -> SpecError:
    """More than one key where one is taken; the second is shown."""
    first, second = list(fault.instance)[:2]
    hint = f"begin each with '- ', and indent what belongs to '{first}' further than it"
    return _error(document, [*path, second], f"{_name(path)} must hold one key", hint, key=True)


def _error(document: Document, path: Steps, message: str, hint: str = "", *, key: bool = False) -> SpecError:
    return SpecError(message, where=document.where(path, key=key and bool(path)), hint=hint)


def _unknown_keys(document: Document, path: Steps, fault: Fault) -> Iterator[SpecError]:
    known = fault.schema.get("properties", {})
    for name in fault.instance:
        if name not in known:
            hint = hints.for_unknown_key(name, known)
            yield _error(document, [*path, name], f"unknown key '{name}'", hint, key=True)


def _unknown_name(document: Document, path: Steps, fault: Fault) -> SpecError:
    """A key outside the names that a mapping's keys may have."""
    schema, name = fault.schema, fault.instance
    if "enum" in schema:
        return _unknown(document, [*path, name], schema, name, key=True)
    sentence = schema.get("errorMessage", "can't be a key here")
    return _error(document, [*path, name], f"'{name}' {sentence}", key=True)


def _unknown(document: Document, path: Steps, schema: Schema, name: str, *, key: bool = False) -> SpecError:
    """A name that is none of those that a schema lists. Its title says what they are names of."""
    what = schema.get("title", "key")
    hint = did_you_mean(name, schema["enum"], f"{what}s")
    return _error(document, path, f"unknown {what} '{name}'", hint, key=key)


def _name(path: Steps) -> str:
    """The value in words: 'seeds', item 2 of 'seeds', the file."""
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return f"'{last}'"
    return f"item {last + 1} of {_name(path[:-1])}"
