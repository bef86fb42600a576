"""The JSON Schema of a settings file."""

from __future__ import annotations

from functools import cache
from typing import Any

from imgbuild.document import shapes
from imgbuild.settings.nouns import SettingsFile
from imgbuild.settings.size import SIZE


@cache
def settings_schema() -> dict[str, Any]:
    """The JSON Schema of a settings file."""
    (reference,), definitions = shapes.components([SettingsFile])
    shapes.amend(definitions, _fragments())
    return shapes.whole("imgbuild settings", reference, definitions)


def _fragments() -> dict[str, Any]:
    """What the types can't say."""
    text = {"type": "string", "minLength": 1}
    above_zero = {"type": "number", "exclusiveMinimum": 0}
    count = {"type": "integer", "minimum": 1}
    model = {
        "type": ["string", "object"],
        "minLength": 1,
        "if": {"type": "object"},
        "then": {"$ref": "#/$defs/Model"},
    }
    folders = {"type": ["string", "array"], "minLength": 1, "items": text, "minItems": 1}
    size = {"type": "string", "pattern": f"^{SIZE.pattern}$", "errorMessage": "must be a size such as 10 GB"}
    return {
        "SettingsFile.specs": folders,
        "SettingsFile.output": text,
        "SettingsFile.store": text,
        "SettingsFile.cache": text,
        "SettingsFile.profiles": shapes.mapping_of({"$ref": "#/$defs/Profile"}),
        "SettingsFile.store_limit": size,
        "SettingsFile.jobs": count,
        "Limit.concurrency": count,
        "Limit.per_second": above_zero,
        "Limit.per_minute": above_zero,
        "Budget.build": {"type": "number", "minimum": 0},
        "Budget.month": {"type": "number", "minimum": 0},
        "Policy.prompt_length": count,
        "Profile.models": {"type": "object", "additionalProperties": model},
        "Profile.size": shapes.SIZE,
        "Profile.attempts": count,
        "Profile.output": text,
        "Model.provider": text,
        "Model.size": shapes.SIZE,
        "Model.unsupported": shapes.UNSUPPORTED,
    }
