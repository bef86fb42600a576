"""Who serves models of the hub, and what each is asked for, as far as the vendor's SDK hands it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.providers.keys import OF_MODEL, UNKEYED
from imgbuild.types import Capabilities, Grade, Model, Value


class Serves(Struct, frozen=True, kw_only=True):
    """One of them. plain: is handed on no more than prompt and size. edits: takes a picture to draw over.

    target: the size of an edit is one field. address: a picture goes as an address that holds it, else as its bytes.
    png: has to be asked for PNG. scheduler: hands it on.
    """

    plain: bool = False
    edits: bool = False
    target: bool = False
    address: bool = False
    png: bool = False
    scheduler: bool = False


SERVERS: Mapping[str, Serves] = {
    "fal-ai": Serves(edits=True, target=True, address=True, png=True),
    "hf-inference": Serves(edits=True, target=True, scheduler=True),
    "nscale": Serves(plain=True),
    "replicate": Serves(edits=True, address=True, png=True),
    "together": Serves(edits=True, address=True, png=True),
    "wavespeed": Serves(edits=True, png=True),
    "zai-org": Serves(plain=True),
}

BY, EXTRA = "served_by", "extra_body"
NAMES = {"steps": "num_inference_steps", "guidance": "guidance_scale", "scheduler": "scheduler"}
_STEPS: Mapping[str, Value] = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
}
_SCHEDULER: Mapping[str, Value] = {"scheduler": {"type": "string", "minLength": 1}}
_OWN: Mapping[str, Value] = {
    BY: {"type": "string", "enum": list(SERVERS)},
    EXTRA: {
        "type": "object",
        "description": "what else the model is told, by the names on its server's page",
    },
    **OF_MODEL,
}
_FILLED = {"prompt", "negative_prompt", "width", "height", "target_size", "seed", "model", "image", "inputs"}


def capabilities_of(model: Model) -> Capabilities:
    """Nobody who serves a model says which weights these are, nor can be asked for a commit of them.

    So a seed promises no picture, whoever serves. Raises SpecError.
    """
    _check(model)
    serves = SERVERS[model.params[BY]]
    takes = set() if serves.plain else {"negative", "seed"}
    params: dict[str, Any] = {**({} if serves.plain else _STEPS), **(_SCHEDULER if serves.scheduler else {})}
    return Capabilities(
        takes=frozenset(takes | ({"image"} if serves.edits else set())),
        grade=Grade.STORED,
        params={**params, **_OWN},
        of_model=frozenset(_OWN),
        unkeyed=UNKEYED,
        pictures={"image": 1} if serves.edits else {},
        concurrency=4,
    )


def _check(model: Model) -> None:
    """Raise SpecError where it is not said which model is meant, and who serves it."""
    if model.source.count("/") != 1:
        said = f"'{model.source}' is no model of" if model.source else "a 'source' is needed by"
        raise SpecError(
            f"{said} provider 'huggingface'", hint="such as source: black-forest-labs/FLUX.1-schnell"
        )
    if model.revision:
        raise SpecError(
            "models of provider 'huggingface' have no revisions: who serves them chooses",
            hint="leave 'revision' out",
        )
    if model.params.get(BY) not in SERVERS:
        raise SpecError(
            f"a model of provider 'huggingface' needs a '{BY}'",
            hint=f"its page of the hub says who serves it; known here are {', '.join(SERVERS)}",
        )
    extra = model.params.get(EXTRA)
    if isinstance(extra, Mapping) and (filled := _FILLED.union(NAMES.values()).intersection(extra)):
        raise SpecError(f"'{min(filled)}' has no place in '{EXTRA}': it is filled in", hint="leave it out")
