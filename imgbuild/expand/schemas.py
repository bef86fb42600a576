"""Parameter values against the JSON Schemas that providers declare."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from imgbuild.expand.values import number_of
from imgbuild.types import Value


def complaint(value: Value, schema: Value) -> str:
    """What is wrong with the value, in one sentence; empty where it fits."""
    if not schema:
        return ""
    for error in _validator(msgspec.json.encode(schema)).iter_errors(value):
        return f"{error.message[:1].lower()}{error.message[1:200]}"
    return ""


def typed(value: Value, schema: Value) -> Value:
    """Text from a table as the number or truth value that the schema wants, if it looks like one."""
    kinds = schema.get("type", ()) if isinstance(schema, dict) else ()
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(value, str) or "string" in kinds:
        return value
    if "boolean" in kinds and value in ("true", "false"):
        return value == "true"
    number = number_of(value) if {"integer", "number"}.intersection(kinds) else None
    return value if number is None else number


@cache
def _validator(schema: bytes) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(msgspec.json.decode(schema))
