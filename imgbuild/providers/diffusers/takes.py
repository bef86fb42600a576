"""What a pipeline takes, from what was found out about it when it was pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.providers.diffusers.settings import OF_MODEL, UNKEYED, setup_of
from imgbuild.types import Capabilities, Grade, Model, Value

# Names that mean the same for every pipeline, and for other providers; any other parameter has the pipeline's own name.
CALLED = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
NEEDS = {"strength": "image", "padding_mask_crop": "mask", "mask": "image"}
WAYS = {
    "control": "give the model a 'controlnet' among its params",
    "reference": "give the model an 'ip_adapter' among its params",
}
LOADED = ("lora", "ip_adapter", "cache")  # of OF_MODEL, what not every pipeline can load
DRAWN = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
    "strength": {"type": "number", "minimum": 0, "maximum": 1},
    "clip_skip": {"type": "integer", "minimum": 0, "maximum": 12},
}
SAFETY = {True: "safety checker", False: "none", None: "not known"}
LARGEST = 8192  # pixels a side: what is larger is a slip, and no model was made for it


class Found(Struct, frozen=True, kw_only=True):
    """What the probe tells of a pipeline; kept in the lock.

    pipeline: its class. roles: "image", "mask". negative: whether it takes a negative prompt. params: the call's
    own names → JSON types ("number[]": one, or a list). scheduler: class of its own one; schedulers: those that may
    stand in its place. multiple, size: pixels. control: what the call takes besides where a ControlNet is beside it;
    None where it takes none. loads: of LOADED; None where it was pinned by an imgbuild that did not look. tokens: of a
    prompt that its text encoders read; 0 where that is not known. checked: whether a safety checker of its own looks at
    its pictures; None where it was pinned by an imgbuild that did not look.
    """

    pipeline: str
    roles: Sequence[str]
    negative: bool
    params: Mapping[str, str]
    scheduler: str
    schedulers: Sequence[str]
    multiple: int
    size: tuple[int, int]
    control: Mapping[str, str] | None = None
    loads: Sequence[str] | None = None
    tokens: int = 0
    checked: bool | None = None


def unpinned(model: Model) -> Capabilities:
    """What may be asked of a pipeline that nobody has looked at: anything that a pipeline could take."""
    params = {**DRAWN, "scheduler": _scheduler([]), "*": {}}
    takes = frozenset({"image", "mask", "negative", "control", "reference"})
    return _capabilities(model, params, NEEDS, takes, 1, (512, 512))


def taken(model: Model, found: Found) -> Capabilities:
    """What the pipeline takes."""
    control = found.control or {}
    own = {name: DRAWN.get(name, _schema(kind)) for name, kind in {**control, **found.params}.items()}
    named = {short: DRAWN[short] for short, name in CALLED.items() if own.pop(name, None) is not None}
    if found.scheduler:
        named["scheduler"] = _scheduler(sorted({found.scheduler, *found.schedulers}))
    takes = {*found.roles, *(["negative"] if found.negative else [])}
    takes |= {"control"} if found.control is not None else set()
    takes |= {"reference"} if found.loads is None or "ip_adapter" in found.loads else set()
    needs = {**dict.fromkeys({*control} - {*found.params}, "control"), **NEEDS}
    made = _capabilities(model, {**own, **named}, needs, frozenset(takes), found.multiple, found.size)
    absent = {*LOADED} - {*(LOADED if found.loads is None else found.loads)}
    params = {name: schema for name, schema in made.params.items() if name not in absent}
    return replace(made, params=params, prompt_tokens=_tokens(model, found), safety=SAFETY[found.checked])


def _tokens(model: Model, found: Found) -> int:
    """What is read of a prompt; where the pipeline lets a model say how much that is, what the model says."""
    asked = model.params.get("max_sequence_length", found.tokens)
    return asked if found.tokens and isinstance(asked, int) else found.tokens


def _schema(kind: str) -> Value:
    one = kind.removesuffix("[]")
    return {"type": kind} if one == kind else {"type": [one, "array"], "items": {"type": one}}


def _capabilities(
    model: Model,
    params: Mapping[str, Value],
    needs: Mapping[str, str],
    takes: frozenset[str],
    multiple: int,
    size: tuple[int, int],
) -> Capabilities:
    controls, adapters = _count(model, "controlnet"), _count(model, "ip_adapter")
    absent = {role for role, count in (("control", controls), ("reference", adapters)) if not count}
    pictures = {"image": 1, "mask": 1, "control": controls}
    if adapters > 1:  # one alone looks at any number
        pictures["reference"] = adapters
    of_model = {
        name: schema for name, schema in OF_MODEL.items() if name != "controlnet" or "control" in takes
    }
    return Capabilities(
        takes=(takes - absent) | {"seed"},
        grade=Grade.BITWISE,
        params={**params, **of_model},
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        needs=needs,
        pictures=pictures,
        ways={role: way for role, way in WAYS.items() if role in takes},
        multiple_of=multiple,
        min_side=multiple,
        max_side=LARGEST,
        default_size=size,
        batch=_batch_of(model),
        concurrency=1,
    )


def _count(model: Model, name: str) -> int:
    """How many parts of a kind are declared; what does not fit the schema is told elsewhere."""
    parts = model.params.get(name, [])
    return len(parts) if isinstance(parts, list) else 1


def _batch_of(model: Model) -> int:
    """The declared batch; what does not fit its schema is told elsewhere."""
    batch = model.params.get("batch")
    return batch if isinstance(batch, int) and batch > 0 else setup_of({}).batch


def _scheduler(names: Sequence[str]) -> Value:
    known = {"enum": list(names)} if names else {}
    return {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": known,
        "else": {"required": ["class"], "properties": {"class": {"type": "string", **known}}},
        "description": "the name of a scheduler's class, or {class, and its settings}",
    }
