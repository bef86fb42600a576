"""What strangers wrote: JSON of any shape, and what of it can be told on without harm."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from imgbuild.types import Value

DEEPEST = 16  # lists and objects in each other that are kept
WHOLE = 1 << 63  # whole numbers are below that, which any format holds
_TEXTS, _WHOLE, _MODEL = ("prompt", "negative"), ("seed", "width", "height"), ("source", "weights")
_LONE = re.compile("[\ud800-\udfff]")  # halves of marks, which no file can hold


def parse_object(text: str) -> dict[str, Any]:
    """The object that a text is in JSON; empty for any other text."""
    try:
        found = json.loads(text, parse_constant=lambda _: None) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def plain(value: Value, depth: int = DEEPEST) -> Value:
    """A value of parsed JSON as every format can hold it: what is too large, too deep or no number is None."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, int):
        return value if -WHOLE <= value < WHOLE else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth and isinstance(value, dict):
        return {str(plain(str(key))): plain(inner, depth - 1) for key, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [plain(inner, depth - 1) for inner in value]
    return None


def generation_of(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Value]:
    """A generation in our terms; empty where there is neither prompt nor seed. names: ours → theirs.

    What is no text, or no number, where one belongs, is passed over. Texts and numbers that are neither prompts,
    seed, size nor model are parameters.
    """
    given = {
        ours: value for ours, name in names.items() if (value := plain(told.get(name))) not in (None, "")
    }
    made: dict[str, Value] = {name: _text(given.get(name)) for name in _TEXTS}
    made |= {name: number for name in _WHOLE if (number := whole(given.get(name))) is not None}
    if not made["prompt"] and "seed" not in made:
        return {}
    if model := {name: text for name in _MODEL if (text := _text(given.get(name)))}:
        made["model"] = model
    others = given.keys() - {*_TEXTS, *_WHOLE, *_MODEL}
    params = {name: given[name] for name in names if name in others and _is_plain(given[name])}
    return {**made, "params": params}


def whole(value: Any) -> int | None:
    """A whole number that is not negative, also one that is written as a text; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < WHOLE else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
