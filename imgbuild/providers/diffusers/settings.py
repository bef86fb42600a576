"""The parameters that belong to a local model itself: what they may be, and what holds where they are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.providers.diffusers.source import check_source, is_folder
from imgbuild.types import Value

_SWITCH = {"type": "boolean"}
_WHENCE = "a path of the project that begins with './', or a repository of the hub"


def _part(what: str, more: Mapping[str, Value], several: bool) -> dict[str, Value]:
    """The schema of one part beside the pipeline, or of several."""
    one: dict[str, Value] = {
        "properties": {**dict.fromkeys(("source", "file", "subfolder", "revision"), _TEXT), **more},
        "additionalProperties": False,
    }
    words = f"{what}: {_WHENCE}; {{{', '.join(['source', 'revision', *more])}}}"
    if not several:
        return {"type": ["string", "object"], "description": words, **one}
    items = {"type": ["string", "object"], **one}
    return {
        "type": ["string", "object", "array"],
        "description": f"{words}; or several",
        "items": items,
        **one,
    }


_TEXT = {"type": "string", "minLength": 1}
_CANNY = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["canny"]},
    "else": {
        "properties": {
            "canny": {
                "type": "object",
                "properties": {
                    name: {"type": "number", "minimum": 0, "maximum": 10000} for name in ("low", "high")
                },
                "additionalProperties": False,
            }
        },
        "required": ["canny"],
        "additionalProperties": False,
    },
}

# A change of a default changes pixels that are locked: it needs a new version of the adapter.
OF_MODEL: dict[str, Value] = {
    "batch": {"type": "integer", "minimum": 1, "maximum": 64},
    "threads": {"type": "integer", "minimum": 1, "maximum": 256},
    "dtype": {"type": "string", "enum": ["float32", "bfloat16", "float16"]},
    "device": {"type": "string", "pattern": r"^(auto|cpu|mps|(cuda|xpu)(:[0-9]+)?)$"},
    "offload": {"type": "string", "enum": ["none", "model", "sequential", "group"]},
    "variant": {"type": "string"},
    "vae": _part("a VAE", {}, several=False),
    "lora": _part("a LoRA", {"scale": {"type": "number"}}, several=True),
    "controlnet": _part("a ControlNet", {"preprocess": _CANNY}, several=True),
    "vae_slicing": _SWITCH,
    "vae_tiling": _SWITCH,
    "channels_last": _SWITCH,
    "deterministic": _SWITCH,
    "allow_pickle": {**_SWITCH, "description": "true, to read weights that could run a program"},
    "trust_remote_code": {**_SWITCH, "description": "true, to run the code that is beside the weights"},
}

# Where weights lie while they wait changes no pixel; which weights there are is said by the pin.
UNKEYED = frozenset({"offload", "variant", "vae", "lora", "controlnet", "allow_pickle", "trust_remote_code"})


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


class ControlNet(Struct, frozen=True, kw_only=True):
    """A ControlNet, and what is made of the picture before it looks at it (None: nothing)."""

    part: Part
    preprocess: Canny | None = None


class Setup(Struct, frozen=True, kw_only=True):
    """How a model is loaded and run. vae: None where it is the pipeline's own."""

    batch: int = 1
    threads: int = 2
    dtype: str = "float32"
    device: str = "auto"
    offload: str = "none"
    variant: str = ""
    vae: Part | None = None
    lora: tuple[Lora, ...] = ()
    controlnet: tuple[ControlNet, ...] = ()
    vae_slicing: bool = False
    vae_tiling: bool = False
    channels_last: bool = False
    deterministic: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False

    @property
    def parts(self) -> list[tuple[str, Part]]:
        """All that is beside the pipeline, each with what it is: "vae", "lora" or "controlnet"."""
        found = [("vae", self.vae)] if self.vae is not None else []
        return [
            *found,
            *(("lora", lora.part) for lora in self.lora),
            *(("controlnet", one.part) for one in self.controlnet),
        ]


def setup_of(params: Mapping[str, Value]) -> Setup:
    """The setup that a model's parameters ask for. They fit OF_MODEL."""
    given: dict[str, Any] = {name: params[name] for name in OF_MODEL if name in params}
    if "vae" in given:
        given["vae"] = _read_part(given["vae"])
    if "lora" in given:
        given["lora"] = tuple(
            Lora(part=_read_part(item), scale=_more(item).get("scale", 1.0))
            for item in _several(given["lora"])
        )
    if "controlnet" in given:
        given["controlnet"] = tuple(
            ControlNet(part=_read_part(item), preprocess=_read_canny(_more(item).get("preprocess")))
            for item in _several(given["controlnet"])
        )
    return Setup(**given)


def _several(value: Value) -> Sequence[Value]:
    return value if isinstance(value, list) else [value]


def _more(item: Value) -> Mapping[str, Value]:
    return item if isinstance(item, Mapping) else {}


def _read_part(item: Value) -> Part:
    if not isinstance(item, Mapping):
        return Part(source=item)
    told = {name: item[name] for name in Part.__struct_fields__ if name in item}
    if "source" not in told and is_folder(told.get("file", "")):  # a file of the project needs no other name
        told["source"] = told.pop("file")
    return Part(**{"source": "", **told})


def _read_canny(value: Value) -> Canny | None:
    if value is None:
        return None
    return Canny() if isinstance(value, str) else msgspec.convert(value["canny"], Canny)


def check_parts(params: Mapping[str, Value]) -> None:
    """Raise SpecError where a part can't be found by what is said of it. What does not fit OF_MODEL is passed over."""
    try:
        parts = setup_of(params).parts
    except (TypeError, ValueError, KeyError, AttributeError):
        return  # the schema's own message is better
    for kind, part in parts:
        if not part.source:
            raise SpecError(f"'{kind}' names no source", hint=f"give it as {{source: …}}: {_WHENCE}")
        check_source(part.source, kind)
        if is_folder(part.source) and (part.file or part.subfolder or part.revision):
            raise SpecError(
                f"'{part.source}' of '{kind}' is a path, which has no revision, subfolder or file beside it",
                hint="write the whole path as its source",
            )
