"""The parameters that belong to a local model itself: what they may be, and what holds where they are left out."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from imgbuild.types import Value

_SWITCH = {"type": "boolean"}
_PATH = "of the project, whose path begins with './'"
_LORA = {
    "properties": {
        "file": {"type": "string", "pattern": r"^\./"},
        "scale": {"type": "number"},
    },
    "required": ["file"],
    "additionalProperties": False,
    "pattern": r"^\./",
}

# A change of a default changes pixels that are locked: it needs a new version of the adapter.
OF_MODEL: dict[str, Value] = {
    "batch": {"type": "integer", "minimum": 1, "maximum": 64},
    "threads": {"type": "integer", "minimum": 1, "maximum": 256},
    "dtype": {"type": "string", "enum": ["float32", "bfloat16", "float16"]},
    "device": {"type": "string", "pattern": r"^(auto|cpu|mps|(cuda|xpu)(:[0-9]+)?)$"},
    "offload": {"type": "string", "enum": ["none", "model", "sequential", "group"]},
    "variant": {"type": "string"},
    "vae": {"type": "string", "pattern": r"^\./", "description": f"a folder {_PATH}"},
    "lora": {
        "type": ["string", "object", "array"],
        "items": {"type": ["string", "object"], **_LORA},
        "description": f"a file {_PATH}, or {{file, scale}}, or several",
        **_LORA,
    },
    "vae_slicing": _SWITCH,
    "vae_tiling": _SWITCH,
    "channels_last": _SWITCH,
    "deterministic": _SWITCH,
}

# Where weights lie while they wait changes no pixel; which weights there are is said by the pin.
UNKEYED = frozenset({"offload", "variant", "vae", "lora"})


class Lora(Struct, frozen=True, kw_only=True):
    """One LoRA: its file, './' and the path from the project's root, and how strongly it is applied."""

    file: str
    scale: float = 1.0


class Setup(Struct, frozen=True, kw_only=True):
    """How a model is loaded and run. vae: a folder, './' and the path from the project's root; empty: its own."""

    batch: int = 1
    threads: int = 2
    dtype: str = "float32"
    device: str = "auto"
    offload: str = "none"
    variant: str = ""
    vae: str = ""
    lora: tuple[Lora, ...] = ()
    vae_slicing: bool = False
    vae_tiling: bool = False
    channels_last: bool = False
    deterministic: bool = False


def setup_of(params: Mapping[str, Value]) -> Setup:
    """The setup that a model's parameters ask for. They fit OF_MODEL."""
    given = {name: params[name] for name in OF_MODEL if name in params}
    if "lora" in given:
        listed = given["lora"] if isinstance(given["lora"], list) else [given["lora"]]
        given["lora"] = tuple(Lora(file=item) if isinstance(item, str) else Lora(**item) for item in listed)
    return Setup(**given)
