"""Weights of fewer bits: diffusers' own configuration, from what a model declares."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgbuild.errors import ProviderFailed
from imgbuild.extras import need
from imgbuild.providers.diffusers.settings import class_of
from imgbuild.types import Value
from imgbuild.weights.bundles import BODIES, INDEX, read_index
from imgbuild.weights.causes import check_settings, first_line

# What each back end is imported as.
_LIBRARIES = {
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "quanto": "optimum",
    "torchao": "torchao",
}
_IMPLIED = {"bitsandbytes_4bit": {"load_in_4bit": True}, "bitsandbytes_8bit": {"load_in_8bit": True}}


def quantization_of(folder: Path, asked: Mapping[str, Value] | None) -> Any:
    """What `from_pretrained` takes for its `quantization_config`. folder: of the pipeline. Raises ProviderFailed."""
    if asked is None:
        return None
    from diffusers import PipelineQuantizationConfig

    back_end = asked["backend"]
    library = _LIBRARIES[back_end]
    need(library, library, f"quantization by '{back_end}'", "quantize", ProviderFailed)
    index = read_index((folder / INDEX).read_bytes(), INDEX)
    names = asked.get("components") or [name for name in BODIES if name in index]
    if unknown := [name for name in names if not isinstance(index.get(name), list)]:
        raise ProviderFailed(
            f"the pipeline has no component '{unknown[0]}' to quantize",
            hint=f"it has {', '.join(sorted(name for name, value in index.items() if isinstance(value, list)))}",
        )
    settings = {name: value for name, value in asked.items() if name not in ("backend", "components")}
    mapping = {name: _config(back_end, index[name][0], settings) for name in names}
    return PipelineQuantizationConfig(quant_mapping=mapping)


def _config(back_end: str, library: str, settings: Mapping[str, Value]) -> Any:
    """The configuration of one component, in the words of the library that loads it."""
    from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as OF_DIFFUSERS
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as OF_TRANSFORMERS

    kind = (OF_TRANSFORMERS if library == "transformers" else OF_DIFFUSERS)[back_end]
    known = {*inspect.signature(kind.__init__).parameters} - {"self", "kwargs"}
    check_settings(f"quantization by '{back_end}'", settings, known)
    given = {**_IMPLIED.get(back_end, {}), **settings}
    if back_end == "torchao":
        given["quant_type"] = _quant_type(given.get("quant_type", "Int8WeightOnlyConfig"))
    try:
        return kind(**given)
    except (ValueError, TypeError, ImportError) as error:
        raise ProviderFailed(
            f"quantization by '{back_end}' can't be set up: {first_line(error)}", hint="see its settings"
        ) from error


def _quant_type(asked: Value) -> Any:
    """A configuration of torchao, by the name of its class, or {class, and its settings}."""
    from torchao import quantization

    name, settings = class_of(asked)
    kind = getattr(quantization, name, None)
    if not (isinstance(kind, type) and name.endswith("Config")):
        known = sorted(
            one for one in vars(quantization) if one.endswith(("WeightOnlyConfig", "WeightConfig"))
        )
        raise ProviderFailed(f"torchao has no quantization '{name}'", hint=f"it has {', '.join(known)}")
    try:
        return kind(**settings)
    except (TypeError, ValueError) as error:
        raise ProviderFailed(f"{name} can't be used: {first_line(error)}", hint="see its settings") from error
