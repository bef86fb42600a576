"""Parameter values against the JSON Schemas that providers declare."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from imgbuild.templates.values import number_of
from imgbuild.types import Value


def complaint(value: Value, schema: Value) -> str:
    """What is wrong with the value, as a sentence to follow its name; empty where it fits."""
    if not schema:
        return ""
    from imgbuild.document import complaint as told

    return told(value, _kept(msgspec.json.encode(schema)))


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
def _kept(schema: bytes) -> Any:
    """One object for each schema, since validators are kept by it."""
    return msgspec.json.decode(schema)
