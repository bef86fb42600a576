"""What can be beside a pipeline: its nouns, the schemas of their declarations, and how those are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from imgbuild.providers.diffusers.source import is_folder
from imgbuild.types import Value

WHENCE = "a path of the project that begins with './', or a repository of the hub"


class Part(Struct, frozen=True, kw_only=True):
    """Weights beside the pipeline.

    source: './' and a path from the project's root, or a name as a model's source is one. file: the one of that
    repository to take. subfolder: of it. revision: a branch, tag or commit of it.
    """

    source: str
    file: str = ""
    subfolder: str = ""
    revision: str = ""

    @property
    def name(self) -> str:
        """What a pin knows it by: "acme/styles@v2:ink.safetensors"."""
        inside = "/".join(filter(None, (self.subfolder, self.file)))
        return "".join(
            [self.source, f"@{self.revision}" if self.revision else "", f":{inside}" if inside else ""]
        )


class Lora(Struct, frozen=True, kw_only=True):
    """A LoRA and how strongly it is applied."""

    part: Part
    scale: float = 1.0


class Canny(Struct, frozen=True, kw_only=True):
    """Edges as OpenCV's Canny finds them. low, high: its two thresholds."""

    low: float = 100.0
    high: float = 200.0


class Depth(Struct, frozen=True, kw_only=True):
    """How near everything is, as a model for depth estimation sees it."""

    part: Part


Preprocess: TypeAlias = Canny | Depth


class ControlNet(Struct, frozen=True, kw_only=True):
    """A ControlNet, and what is made of the picture before it looks at it (None: nothing)."""

    part: Part
    preprocess: Preprocess | None = None


class Adapter(Struct, frozen=True, kw_only=True):
    """An IP-Adapter, which lets reference pictures speak as the prompt does.

    encoder: the model that reads them. scale: how strongly they are heard, or that of each block, as diffusers'
    `set_ip_adapter_scale` takes it.
    """

    part: Part
    encoder: Part
    scale: Any = 1.0


class Refiner(Struct, frozen=True, kw_only=True):
    """A pipeline that finishes what another began. at: the part of the steps after which it takes over."""

    part: Part
    at: float = 0.8


_TEXT = {"type": "string", "minLength": 1}
_SCALE = {"type": "number"}


def schema_of(
    what: str, more: Mapping[str, Value] | None = None, *, several: bool = False, needs: Sequence[str] = ()
) -> dict[str, Value]:
    """The schema of one part beside the pipeline, or of several. more: what is said of it besides where it is."""
    more = more or {}
    kinds = ["object"] if needs else ["string", "object"]
    one: dict[str, Value] = {
        "properties": {**dict.fromkeys(("source", "file", "subfolder", "revision"), _TEXT), **more},
        "additionalProperties": False,
        **({"required": list(needs)} if needs else {}),
    }
    words = f"{what}: {WHENCE}; {{{', '.join(['source', 'revision', *more])}}}"
    if not several:
        return {"type": kinds, "description": words, **one}
    return {
        "type": [*kinds, "array"],
        "description": f"{words}; or several",
        "items": {"type": kinds, **one},
        **one,
    }


_CANNY = {
    "type": "object",
    "properties": {name: {"type": "number", "minimum": 0, "maximum": 10000} for name in ("low", "high")},
    "additionalProperties": False,
}
_PREPROCESS = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["canny"]},
    "else": {
        "properties": {"canny": _CANNY, "depth": schema_of("a model for depth estimation")},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    },
}

VAE = schema_of("a VAE")
LORA = schema_of("a LoRA", {"scale": _SCALE}, several=True)
CONTROLNET = schema_of("a ControlNet", {"preprocess": _PREPROCESS}, several=True)
IP_ADAPTER = schema_of(
    "an IP-Adapter",
    {
        "scale": {"type": ["number", "object"]},
        "image_encoder": schema_of("the model that reads its pictures"),
    },
    several=True,
)
REFINER = schema_of("a refiner", {"at": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}})

_ENCODER = "image_encoder"  # the folder beside an IP-Adapter's file that has it, where nothing else is said


def read_part(item: Value) -> Part:
    if not isinstance(item, Mapping):
        return Part(source=item)
    told = {name: item[name] for name in Part.__struct_fields__ if name in item}
    if "source" not in told and is_folder(told.get("file", "")):  # a file of the project needs no other name
        told["source"] = told.pop("file")
    return Part(**{"source": "", **told})


def read_loras(value: Value) -> tuple[Lora, ...]:
    return tuple(Lora(part=read_part(item), scale=_more(item).get("scale", 1.0)) for item in _several(value))


def read_controlnets(value: Value) -> tuple[ControlNet, ...]:
    return tuple(
        ControlNet(part=read_part(item), preprocess=_read_preprocess(_more(item).get("preprocess")))
        for item in _several(value)
    )


def _read_preprocess(value: Value) -> Preprocess | None:
    if value is None:
        return None
    if isinstance(value, str):
        return Canny()
    return (
        Depth(part=read_part(value["depth"])) if "depth" in value else msgspec.convert(value["canny"], Canny)
    )


def read_adapters(value: Value) -> tuple[Adapter, ...]:
    return tuple(_read_adapter(item) for item in _several(value))


def _read_adapter(item: Value) -> Adapter:
    part, more = read_part(item), _more(item)
    encoder = read_part(more["image_encoder"]) if "image_encoder" in more else _beside(part)
    return Adapter(part=part, encoder=encoder, scale=more.get("scale", 1.0))


def _beside(part: Part) -> Part:
    """Where an IP-Adapter's image encoder is unless it says so: in a folder beside its file."""
    if is_folder(part.source):
        return Part(source=f"{part.source.rpartition('/')[0]}/{_ENCODER}")
    above = part.file.rpartition("/")[0]
    return Part(source=part.source, revision=part.revision, subfolder=f"{above}/{_ENCODER}".lstrip("/"))


def read_refiner(item: Value) -> Refiner:
    return Refiner(part=read_part(item), at=_more(item).get("at", Refiner.__struct_defaults__[-1]))


def _several(value: Value) -> Sequence[Value]:
    return value if isinstance(value, list) else [value]


def _more(item: Value) -> Mapping[str, Value]:
    return item if isinstance(item, Mapping) else {}
