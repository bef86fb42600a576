"""What a pipeline takes, from what was found out about it when it was pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imgbuild.providers.diffusers.settings import OF_MODEL, UNKEYED, setup_of
from imgbuild.types import Capabilities, Grade, Model, Value

# Names that mean the same for every pipeline, and for other providers; any other parameter has the pipeline's own name.
CALLED = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
NEEDS = {"strength": "image", "padding_mask_crop": "mask"}
DRAWN = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
    "strength": {"type": "number", "minimum": 0, "maximum": 1},
    "clip_skip": {"type": "integer", "minimum": 0, "maximum": 12},
}
LARGEST = 8192  # pixels a side: what is larger is a slip, and no model was made for it


class Found(Struct, frozen=True, kw_only=True):
    """What the probe tells of a pipeline; kept in the lock.

    pipeline: its class. roles: "image", "mask". negative: whether it takes a negative prompt. params: the call's
    own names → JSON types. scheduler: class of its own one; schedulers: those that may stand in its place.
    multiple, size: pixels.
    """

    pipeline: str
    roles: Sequence[str]
    negative: bool
    params: Mapping[str, str]
    scheduler: str
    schedulers: Sequence[str]
    multiple: int
    size: tuple[int, int]


def unpinned(model: Model) -> Capabilities:
    """What may be asked of a pipeline that nobody has looked at: anything that a pipeline could take."""
    params = {**DRAWN, "scheduler": _scheduler([]), "*": {}}
    return _capabilities(model, params, frozenset({"image", "mask", "negative"}), 1, (512, 512))


def taken(model: Model, found: Found) -> Capabilities:
    """What the pipeline takes."""
    own = {name: DRAWN.get(name, {"type": kind}) for name, kind in found.params.items()}
    named = {short: DRAWN[short] for short, name in CALLED.items() if own.pop(name, None) is not None}
    if found.scheduler:
        named["scheduler"] = _scheduler(sorted({found.scheduler, *found.schedulers}))
    takes = frozenset({*found.roles, *(["negative"] if found.negative else [])})
    return _capabilities(model, {**own, **named}, takes, found.multiple, found.size)


def _capabilities(
    model: Model, params: Mapping[str, Value], takes: frozenset[str], multiple: int, size: tuple[int, int]
) -> Capabilities:
    batch = model.params.get("batch")
    return Capabilities(
        takes=takes | {"seed"},
        grade=Grade.BITWISE,
        params={**params, **OF_MODEL},
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        needs=NEEDS,
        multiple_of=multiple,
        min_side=multiple,
        max_side=LARGEST,
        default_size=size,
        batch=batch if isinstance(batch, int) and batch > 0 else setup_of({}).batch,
        concurrency=1,
    )


def _scheduler(names: Sequence[str]) -> Value:
    known = {"enum": list(names)} if names else {}
    return {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": known,
        "else": {"required": ["class"], "properties": {"class": {"type": "string", **known}}},
        "description": "the name of a scheduler's class, or {class, and its settings}",
    }
