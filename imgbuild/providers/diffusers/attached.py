"""What can be attached to a pipeline: its nouns, the schemas of their declarations, and how those are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from imgbuild.providers.diffusers.looks import PREPROCESS, Look, read_look
from imgbuild.providers.diffusers.part import Part, more_of, read_part, schema_of
from imgbuild.types import Value
from imgbuild.weights.source import is_folder


class Lora(Struct, frozen=True, kw_only=True):
    """A LoRA and how strongly it is applied."""

    part: Part
    scale: float = 1.0


class ControlNet(Struct, frozen=True, kw_only=True):
    """A ControlNet, and what is made of the picture before it looks at it (None: nothing)."""

    part: Part
    preprocess: Look | None = None


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


_SCALE = {"type": "number"}
VAE = schema_of("a VAE")
LORA = schema_of("a LoRA", {"scale": _SCALE}, several=True)
CONTROLNET = schema_of("a ControlNet", {"preprocess": PREPROCESS}, several=True)
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


def read_loras(value: Value) -> tuple[Lora, ...]:
    return tuple(
        Lora(part=read_part(item), scale=more_of(item).get("scale", 1.0)) for item in _several(value)
    )


def read_controlnets(value: Value) -> tuple[ControlNet, ...]:
    return tuple(
        ControlNet(part=read_part(item), preprocess=read_look(more_of(item).get("preprocess")))
        for item in _several(value)
    )


def read_adapters(value: Value) -> tuple[Adapter, ...]:
    return tuple(_read_adapter(item) for item in _several(value))


def _read_adapter(item: Value) -> Adapter:
    part, more = read_part(item), more_of(item)
    encoder = read_part(more["image_encoder"]) if "image_encoder" in more else _beside(part)
    return Adapter(part=part, encoder=encoder, scale=more.get("scale", 1.0))


def _beside(part: Part) -> Part:
    """Where an IP-Adapter's image encoder is unless it says so: in a folder beside its file."""
    if is_folder(part.source):
        return Part(source=f"{part.source.rpartition('/')[0]}/{_ENCODER}")
    above = part.file.rpartition("/")[0]
    return Part(source=part.source, revision=part.revision, subfolder=f"{above}/{_ENCODER}".lstrip("/"))


def read_refiner(item: Value) -> Refiner:
    return Refiner(part=read_part(item), at=more_of(item).get("at", Refiner.__struct_defaults__[-1]))


def _several(value: Value) -> Sequence[Value]:
    return value if isinstance(value, list) else [value]
