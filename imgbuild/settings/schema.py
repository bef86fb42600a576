"""The JSON Schema of a settings file."""

from __future__ import annotations

from functools import cache
from typing import Any

from imgbuild.document import shapes
from imgbuild.settings.nouns import SettingsFile
from imgbuild.settings.size import SIZE

_TEXT = {"type": "string", "minLength": 1}
_ABOVE_ZERO = {"type": "number", "exclusiveMinimum": 0}
_COUNT = {"type": "integer", "minimum": 1}
_MODEL = {
    "type": ["string", "object"],
    "minLength": 1,
    "if": {"type": "object"},
    "then": {"$ref": "#/$defs/Model"},
}
_FOLDERS = {"type": ["string", "array"], "minLength": 1, "items": _TEXT, "minItems": 1}
_SIZE = {"type": "string", "pattern": f"^{SIZE.pattern}$", "errorMessage": "must be a size such as 10 GB"}
_DEVICE = {
    "type": "string",
    "pattern": r"^(cpu|mps|(cuda|xpu)(:[0-9]+)?)$",
    "errorMessage": "must be a device such as cuda:0, mps or cpu",
}
_FRAGMENTS = {  # what the types can't say
    "SettingsFile.specs": _FOLDERS,
    "SettingsFile.output": _TEXT,
    "SettingsFile.store": _TEXT,
    "SettingsFile.cache": _TEXT,
    "SettingsFile.profiles": shapes.mapping_of({"$ref": "#/$defs/Profile"}),
    "SettingsFile.store_limit": _SIZE,
    "SettingsFile.jobs": _COUNT,
    "SettingsFile.devices": {"type": "array", "items": _DEVICE},
    "Limit.concurrency": _COUNT,
    "Limit.per_second": _ABOVE_ZERO,
    "Limit.per_minute": _ABOVE_ZERO,
    "Budget.build": {"type": "number", "minimum": 0},
    "Budget.month": {"type": "number", "minimum": 0},
    "Cost.per_hour": {"type": "number", "minimum": 0},
    "Credentials.certificate": _TEXT,
    "Credentials.output": _TEXT,
    "Notify.url": _TEXT,
    "Policy.prompt_length": _COUNT,
    "Profile.models": {"type": "object", "additionalProperties": _MODEL},
    "Profile.size": shapes.SIZE,
    "Profile.attempts": _COUNT,
    "Profile.output": _TEXT,
    "Model.provider": _TEXT,
    "Model.size": shapes.SIZE,
    **shapes.PRICES,
    "Model.traits": shapes.TRAITS,
    "Model.unsupported": shapes.UNSUPPORTED,
}


@cache
def settings_schema() -> dict[str, Any]:
    """The JSON Schema of a settings file."""
    (reference,), definitions = shapes.components([SettingsFile])
    shapes.amend(definitions, _FRAGMENTS)
    return shapes.whole("imgbuild settings", reference, definitions)
