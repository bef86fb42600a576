"""What a model says of its input, trimmed to what is looked at later, so that a lock stays short."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import Struct

from imgbuild.types import Value

MOST = 200  # inputs of a model, and choices of an input
DEEPEST = 4  # references that lead to references
SIDES = ("width", "height")
_KINDS = ("string", "integer", "number", "boolean", "array", "object")
_NUMBERS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf")
_MULTIPLE = re.compile(r"(?:multiples? of|divisible by) (\d{1,3})\b", re.IGNORECASE)
# "Black pixels are inpainted", and not "Black areas will be preserved, white areas will be inpainted".
_BLACK = re.compile(
    r"\bblack\b(?:(?!white|preserv|kept|keep|unchanged|[.;,]).)*?(?:inpaint|edit|redraw|replac|fill|chang|generat)",
    re.IGNORECASE | re.DOTALL,
)


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the vendor tells of a model; kept in the lock.

    version: whose input it is, if that is told. official: whether the vendor keeps it up to date, under its name alone.
    required: inputs without which nothing is made. inputs: the JSON Schema of each. black: inputs that are masks whose
    black is drawn anew.
    """

    version: str = ""
    official: bool = False
    required: tuple[str, ...] = ()
    inputs: Mapping[str, Value] = {}
    black: tuple[str, ...] = ()


def found_in(document: Any, version: str, *, official: bool = False) -> Found | None:
    """What the OpenAPI document of a version says of the input; None where it says nothing."""
    shared = _mapping(_mapping(_mapping(document).get("components")).get("schemas"))
    given = _mapping(shared.get("Input"))
    told = {
        name: _whole(schema, shared)
        for name, schema in list(_mapping(given.get("properties")).items())[:MOST]
        if isinstance(name, str) and name.isidentifier()
    }
    if not told:
        return None
    return Found(
        version=version,
        official=official,
        required=tuple(sorted(name for name in told if name in _items(given.get("required")))),
        inputs={name: _trimmed(schema, side=name in SIDES) for name, schema in told.items()},
        black=tuple(sorted(name for name, schema in told.items() if _BLACK.search(_said(schema)))),
    )


def _whole(schema: Any, shared: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A schema with all that it refers to, or is made up of, in it. What has several forms is left open."""
    given = _mapping(schema)
    if depth > DEEPEST:
        return {}
    forms = [form for name in ("anyOf", "oneOf") for form in _items(given.get(name))]
    forms = [form for form in forms if _mapping(form).get("type") != "null"]
    parts = [*_items(given.get("allOf")), *(forms if len(forms) == 1 else ())]
    if isinstance(given.get("$ref"), str):
        parts.append(shared.get(given["$ref"].rpartition("/")[2]))
    found: dict[str, Any] = {}
    for part in parts:
        found |= _whole(part, shared, depth + 1)
    found |= given
    if "items" in found:
        found["items"] = _whole(found["items"], shared, depth + 1)
    return found


def _trimmed(schema: Mapping[str, Any], *, side: bool = False) -> dict[str, Value]:
    """What a value is checked by, and what tells pictures, sizes and their defaults. side: of a picture."""
    kind, choices = schema.get("type"), _choices(schema.get("enum"))
    if kind not in _KINDS and not choices:
        return {}
    kept: dict[str, Value] = {"type": kind} if kind in _KINDS else {}
    kept |= {"enum": choices} if choices else {}
    kept |= {name: schema[name] for name in _NUMBERS if _is_number(schema.get(name))}
    if kept.get("multipleOf", 1) <= 0:
        del kept["multipleOf"]
    kept |= {"format": "uri"} if schema.get("format") == "uri" else {}
    default = schema.get("default")
    kept |= {"default": default} if _is_number(default) or default in choices else {}
    if kind == "array":
        kept["items"] = _trimmed(_mapping(schema.get("items")))
    multiple = _MULTIPLE.search(_said(schema)) if side else None
    if multiple and int(multiple[1]):
        kept.setdefault("multipleOf", int(multiple[1]))
    return kept


def _choices(given: Any) -> list[Value]:
    choices = [choice for choice in _items(given) if isinstance(choice, str | int | float)]
    return choices if len(choices) <= MOST else []


def _said(schema: Mapping[str, Any]) -> str:
    said = schema.get("description")
    return said[:2000] if isinstance(said, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
