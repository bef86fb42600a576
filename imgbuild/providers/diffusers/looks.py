"""What can be made of a picture before a ControlNet looks at it: how it is declared, and how that is read."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from imgbuild.providers.diffusers.part import Part, more_of, read_part, schema_of
from imgbuild.typed import convert
from imgbuild.types import Value


class Canny(Struct, frozen=True, kw_only=True):
    """Edges as OpenCV's Canny finds them. low, high: its two thresholds."""

    low: float = 100.0
    high: float = 200.0


class Depth(Struct, frozen=True, kw_only=True):
    """How near everything is, as a model for depth estimation sees it."""

    depth: Part


class Pose(Struct, frozen=True, kw_only=True):
    """How people hold themselves, as a model for pose estimation sees it.

    people: the model that finds them; None: the whole picture shows one. threshold: how sure either has to be of a
    person or a joint, in [0, 1].
    """

    pose: Part
    people: Part | None = None
    threshold: float = 0.3


class Segmentation(Struct, frozen=True, kw_only=True):
    """What is where, as a model for semantic segmentation sees it. colors: a file with the colour of each class."""

    segmentation: Part
    colors: Part


Look: TypeAlias = Canny | Depth | Pose | Segmentation


def parts_of(look: Look | None) -> list[tuple[str, Part]]:
    """The weights and files that a look needs, by the names that it has for them."""
    found = [(name, getattr(look, name)) for name in look.__struct_fields__] if look is not None else []
    return [(name, value) for name, value in found if isinstance(value, Part)]


_THRESHOLD = {"type": "number", "minimum": 0, "maximum": 1}
_CANNY = {
    "type": "object",
    "properties": {name: {"type": "number", "minimum": 0, "maximum": 10000} for name in ("low", "high")},
    "additionalProperties": False,
}
_POSE = schema_of(
    "a model for pose estimation",
    {"people": schema_of("a model for object detection, which finds people"), "threshold": _THRESHOLD},
)
_SEGMENTATION = schema_of(
    "a model for semantic segmentation",
    {
        "colors": {
            "type": "string",
            "minLength": 1,
            "description": "a JSON file with the colours of its classes: a list of [red, green, blue] or '#rrggbb'",
        }
    },
    needs=["source", "colors"],
)
PREPROCESS: dict[str, Value] = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["canny"]},
    "else": {
        "properties": {
            "canny": _CANNY,
            "depth": schema_of("a model for depth estimation"),
            "pose": _POSE,
            "segmentation": _SEGMENTATION,
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    },
}


def read_look(value: Value) -> Look | None:
    """The look that a `preprocess` asks for; it fits PREPROCESS."""
    if value is None:
        return None
    if isinstance(value, str):
        return Canny()
    ((name, item),) = value.items()
    if name == "canny":
        return convert(item, Canny)
    more = more_of(item)
    if name == "depth":
        return Depth(depth=read_part(item))
    if name == "pose":
        people = read_part(more["people"]) if "people" in more else None
        return Pose(
            pose=read_part(item), people=people, threshold=more.get("threshold", Pose.__struct_defaults__[-1])
        )
    return Segmentation(segmentation=read_part(item), colors=Part(source=more["colors"]))
