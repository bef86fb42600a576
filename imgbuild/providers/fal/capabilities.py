"""What a model of fal takes, in the words of a build: as it is known, or as the spec states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.errors import SpecError
from imgbuild.providers.fal.families import KNOWN
from imgbuild.providers.fal.fields import AS_RATIO, IN_PIXELS, Takes
from imgbuild.providers.keys import OF_MODEL, UNKEYED
from imgbuild.providers.ratios import MEGAPIXEL, sizes_of
from imgbuild.types import ROLES, Capabilities, Grade, Model, Value

FIELDS = "fields"
_NAME: Value = {"type": "string", "minLength": 1}
_OTHERS = ("size", "seed", "negative", "format")
_OWN: Mapping[str, Value] = {
    FIELDS: {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "size": {"type": "string", "enum": [IN_PIXELS, AS_RATIO]},
            **dict.fromkeys(("seed", "negative", "format", *ROLES), _NAME),
        },
        "description": "what the model calls that which is given to it; what is not named is not sent",
    },
    **OF_MODEL,
}
OWN = frozenset(_OWN)  # parameters that are no fields of a model

_STATE = "{fields: {size: image_size, seed: seed, format: output_format}}"
# What the spec says elsewhere, and what would make several images, or none that can be fetched.
_NEVER = ("prompt", "num_images", "sync_mode")


def takes_of(source: str, params: Mapping[str, Value]) -> Takes:
    """As the spec's `fields` say, else as it is known. Raises SpecError where it is not."""
    named = params.get(FIELDS)
    if isinstance(named, Mapping):
        roles = {role: named[role] for role in ROLES if role in named}
        others = {name: named.get(name, "") for name in _OTHERS}
        return Takes(**others, pictures=roles, params={"*": {}}, stated=True)
    if source not in KNOWN:
        raise SpecError(
            f"it is not known what model '{source}' of provider 'fal' takes",
            hint=f"say it in its 'params', by the names on the model's page, such as {_STATE}",
        )
    return KNOWN[source]


def capabilities_of(model: Model) -> Capabilities:
    """No model has a version that can be asked for, so that a seed promises no picture. Raises SpecError."""
    takes = takes_of(model.source, model.params)
    filled = _filled(takes)
    _refuse(takes, filled.intersection(model.params))
    sizes: dict[str, Any] = {}
    if takes.size == AS_RATIO:
        known = sizes_of(takes.ratios, MEGAPIXEL)
        sizes = {"sizes": known, "default_size": known[0]}
    given = {"negative": takes.negative, "seed": takes.seed, **takes.pictures}
    return Capabilities(
        takes=frozenset(name for name, field in given.items() if field),
        grade=Grade.STORED,
        params={**takes.params, **_OWN},
        of_model=OWN | filled,
        unkeyed=UNKEYED,
        needs=_needs(takes),
        pictures={role: 1 for role, field in takes.pictures.items() if not field.endswith("s")},
        concurrency=8,
        **sizes,
    )


def _filled(takes: Takes) -> frozenset[str]:
    """Where the spec names the fields: those that are no parameters, since they are filled from elsewhere."""
    if not takes.stated:
        return frozenset()
    named = (takes.size, takes.seed, takes.negative, takes.format, *takes.pictures.values())
    return frozenset(_NEVER).union(field for field in named if field)


def _refuse(takes: Takes, names: frozenset[str]) -> None:
    """Raise SpecError for parameters that are filled in, and for a field of one picture that is named for two."""
    if names:
        name = min(names)
        raise SpecError(
            f"'{name}' of a model of provider 'fal' is no parameter: it is filled in", hint="leave it out"
        )
    single = [field for field in takes.pictures.values() if not field.endswith("s")]
    if twice := sorted({field for field in single if single.count(field) > 1}):
        raise SpecError(f"'{twice[0]}' takes one picture, and is named for several", hint="name it once")


def _needs(takes: Takes) -> Mapping[str, str]:
    """What means nothing without a picture."""
    known = {"strength": "image", "mask": "image", "image_prompt_strength": "reference"}
    return {
        name: role
        for name, role in known.items()
        if role in takes.pictures and (name in takes.params or name in takes.pictures)
    }
