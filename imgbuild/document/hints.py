"""The way out for a value that a schema refuses: what people mostly meant when they wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from imgbuild.errors import did_you_mean

SHOWN = 10  # keys named in one hint
_NO_SPACE = re.compile(r"[\w-]+:\S")
_ANY_LIST = re.compile(r"a list(?! of)")


def for_type(value: Any, sentence: str, schema: Mapping[str, Any], line: str) -> str:
    """A value of another kind than the sentence asks for. line: the source from where the value begins."""
    if value is None:
        return _for_nothing(line)
    if isinstance(value, str) and _NO_SPACE.match(value):
        return "a space is missing after the ':'"
    if isinstance(value, str | bool | int | float):
        return _for_scalar(value, sentence, schema)
    if isinstance(value, Mapping) and "a list" in sentence:
        dashed = any(name.startswith("-") for name in value)
        return "a space is missing after the '-'" if dashed else "begin each item with '- '"
    if isinstance(value, list) and "a mapping" in sentence:
        return "write 'name: value' lines in place of a list"
    return ""


def _for_nothing(line: str) -> str:
    if line.lstrip().startswith("#"):
        return "'#' begins a comment: text that holds it needs quotes"
    return "it is empty: give it a value, or leave the key out"


def _for_scalar(value: str | float, sentence: str, schema: Mapping[str, Any]) -> str:
    if not isinstance(value, str) and "text" in sentence:
        return "put it in quotes"
    if isinstance(value, str) and ("a list of texts" in sentence or _ANY_LIST.search(sentence)):
        return "write it as a list: [" + (value if value.isalnum() else f'"{value[:40]}"') + "]"
    known = sorted(schema.get("properties", ()))
    if sentence.endswith("be a mapping") and known:
        meant = [name for name in known if _takes(schema["properties"][name], value)]
        meant = [name for name in meant if name in schema.get("required", ())] or meant
        if len(meant) == 1:
            return f"write {{{meant[0]}: {_written(value)}}}"
        return f"give it keys of its own: {', '.join(known[:SHOWN])}{', …' if len(known) > SHOWN else ''}"
    return ""


def _takes(schema: Mapping[str, Any], value: str | float) -> bool:
    """Whether the value would fit there; one whose schema stands elsewhere is not looked at."""
    from jsonschema import Draft202012Validator

    return "$ref" not in schema and bool(Draft202012Validator(schema).is_valid(value))


def _written(value: str | float) -> str:
    """A scalar as YAML; what would be read as something else than text needs quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        is_plain = value.isidentifier() and value.lower() not in ("true", "false", "null")
        return value if is_plain else f'"{value}"'
    return f"{value:g}"


def for_unknown_key(name: str, known: Mapping[str, Any]) -> str:
    """A key that nothing here has."""
    hint = did_you_mean(name, known, "keys")
    if "params" in known and not hint.startswith("did you mean"):
        return f"what a model itself takes stands under 'params'. {hint}"
    return hint


def for_missing_key(name: str, schema: Mapping[str, Any]) -> str:
    """What the missing key is, as the schema describes it."""
    described = str(schema.get("properties", {}).get(name, {}).get("description", "")).rstrip(".")
    return f"{name}: {described[0].lower()}{described[1:]}" if described else ""


def is_misspelt(missing: str, instance: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a key that nothing here has was meant to be the missing one."""
    unknown = [name for name in instance if name not in known]
    return bool(get_close_matches(missing, unknown, n=1))
