"""The parameters that belong to a local model itself: what they may be, and what holds where they are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.providers.diffusers import attached
from imgbuild.providers.diffusers.attached import Adapter, ControlNet, Lora, Refiner
from imgbuild.providers.diffusers.looks import parts_of
from imgbuild.providers.diffusers.part import WHENCE, Part, read_part
from imgbuild.providers.diffusers.source import check_source
from imgbuild.types import Value
from imgbuild.weights.source import is_folder

_SWITCH = {"type": "boolean"}
_NAME = {"type": "string", "minLength": 1}
BACK_ENDS = ("bitsandbytes_4bit", "bitsandbytes_8bit", "quanto", "torchao")

# A change of a default changes pixels that are locked: it needs a new version of the adapter.
OF_MODEL: dict[str, Value] = {
    "batch": {"type": "integer", "minimum": 1, "maximum": 64},
    "threads": {"type": "integer", "minimum": 1, "maximum": 256},
    "dtype": {"type": "string", "enum": ["float32", "bfloat16", "float16"]},
    "device": {"type": "string", "pattern": r"^(auto|cpu|mps|(cuda|xpu)(:[0-9]+)?)$"},
    "offload": {"type": "string", "enum": ["none", "model", "sequential", "group"]},
    "variant": {"type": "string"},
    "vae": attached.VAE,
    "lora": attached.LORA,
    "controlnet": attached.CONTROLNET,
    "ip_adapter": attached.IP_ADAPTER,
    "refiner": attached.REFINER,
    "vae_slicing": _SWITCH,
    "vae_tiling": _SWITCH,
    "channels_last": _SWITCH,
    "attention": {
        **_NAME,
        "description": "an attention back end of diffusers: native, flash, sage, xformers, …",
    },
    "compile": _SWITCH,
    "cache": {
        "type": ["string", "object"],
        "properties": {"class": _NAME},
        "required": ["class"],
        "description": "a cache of diffusers, such as FirstBlockCache, or {class, and its settings}",
    },
    "quantization": {
        "type": "object",
        "properties": {
            "backend": {"enum": list(BACK_ENDS)},
            "components": {"type": "array", "items": _NAME, "minItems": 1},
        },
        "required": ["backend"],
        "description": "{backend, components, and the settings of its configuration in diffusers}",
    },
    "deterministic": _SWITCH,
    "allow_pickle": {**_SWITCH, "description": "true, to read weights that could run a program"},
    "trust_remote_code": {**_SWITCH, "description": "true, to run the code that is beside the weights"},
}

# Where weights lie while they wait changes no pixel; which weights there are is said by the pin.
UNKEYED = frozenset(
    {
        *("offload", "variant", "allow_pickle", "trust_remote_code"),
        *("vae", "lora", "controlnet", "ip_adapter", "refiner"),
    }
)


class Setup(Struct, frozen=True, kw_only=True):
    """How a model is loaded and run. vae: None where it is the pipeline's own. attention: "": diffusers' choice.

    cache: a class, and its settings. quantization: as declared; None for weights as they are.
    """

    batch: int = 1
    threads: int = 2
    dtype: str = "float32"
    device: str = "auto"
    offload: str = "none"
    variant: str = ""
    vae: Part | None = None
    lora: tuple[Lora, ...] = ()
    controlnet: tuple[ControlNet, ...] = ()
    ip_adapter: tuple[Adapter, ...] = ()
    refiner: Refiner | None = None
    vae_slicing: bool = False
    vae_tiling: bool = False
    channels_last: bool = False
    attention: str = ""
    compile: bool = False
    cache: str | dict[str, Value] | None = None
    quantization: dict[str, Value] | None = None
    deterministic: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False

    @property
    def parts(self) -> list[tuple[str, Part]]:
        """All that is beside the pipeline, each with what it is: a name of KINDS."""
        return [
            *([("vae", self.vae)] if self.vae is not None else []),
            *(("lora", lora.part) for lora in self.lora),
            *(("controlnet", net.part) for net in self.controlnet),
            *(found for net in self.controlnet for found in parts_of(net.preprocess)),
            *(("ip_adapter", adapter.part) for adapter in self.ip_adapter),
            *(("image_encoder", adapter.encoder) for adapter in self.ip_adapter),
            *([("refiner", self.refiner.part)] if self.refiner is not None else []),
        ]


_READ: Mapping[str, Callable[[Value], Any]] = {
    "vae": read_part,
    "lora": attached.read_loras,
    "controlnet": attached.read_controlnets,
    "ip_adapter": attached.read_adapters,
    "refiner": attached.read_refiner,
}


def setup_of(params: Mapping[str, Value]) -> Setup:
    """The setup that a model's parameters ask for. They fit OF_MODEL."""
    given = {name: params[name] for name in OF_MODEL if name in params}
    return Setup(**{name: _READ[name](value) if name in _READ else value for name, value in given.items()})


def class_of(asked: Value) -> tuple[str, dict[str, Value]]:
    """A class by its name, and its settings: of "Name", or {class: Name, and its settings}."""
    settings = {} if isinstance(asked, str) else dict(asked)
    return (asked if isinstance(asked, str) else settings.pop("class", "")), settings


def check_setup(params: Mapping[str, Value]) -> None:
    """Raise SpecError where the parameters of a model contradict each other, or a part can't be found by them.

    What does not fit OF_MODEL is passed over: the schema's own message is better.
    """
    try:
        setup = setup_of(params)
        found, batch, _ = setup.parts, int(setup.batch), _alone(setup)
    except (TypeError, ValueError, KeyError, AttributeError):
        return
    for kind, part in found:
        _check_part(kind, part)
    if len({adapter.encoder for adapter in setup.ip_adapter}) > 1:
        raise SpecError(
            "the IP-Adapters of a model share one image encoder",
            hint="give all the same 'image_encoder', or declare a model for each",
        )
    if setup.attention.endswith("_hub"):
        raise SpecError(
            f"attention '{setup.attention}' would fetch and run a program from the hub",
            hint="install the library that it is named for, and leave '_hub' out",
        )
    for name in _alone(setup):
        if batch > 1:
            raise SpecError(
                f"a model with '{name}' draws each picture alone, not {batch} in a batch",
                hint="leave 'batch' out: else a picture would depend on those that are drawn with it",
            )


def _alone(setup: Setup) -> list[str]:
    """The settings with which the pictures of a batch would shape each other."""
    eight = (setup.quantization or {}).get(
        "backend"
    ) == "bitsandbytes_8bit"  # looks for outliers among all of them
    found = {"cache": setup.cache, "ip_adapter": setup.ip_adapter, "quantization: bitsandbytes_8bit": eight}
    return [name for name, given in found.items() if given]


def _check_part(kind: str, part: Part) -> None:
    if not part.source:
        raise SpecError(f"'{kind}' names no source", hint=f"give it as {{source: …}}: {WHENCE}")
    check_source(part.source, kind)
    if kind == "colors" and not is_folder(part.source):
        raise SpecError(
            f"'{part.source}' is no file of the project", hint="'colors' is a path that begins with './'"
        )
    if is_folder(part.source) and (part.file or part.subfolder or part.revision):
        raise SpecError(
            f"'{part.source}' of '{kind}' is a path, which has no revision, subfolder or file beside it",
            hint="write the whole path as its source",
        )
    if kind == "refiner" and (part.file or part.subfolder):
        raise SpecError("a refiner is a whole pipeline", hint="leave 'file' and 'subfolder' out")
