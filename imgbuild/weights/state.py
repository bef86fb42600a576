"""The tensors of one file of weights, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.errors import TargetError
from imgbuild.weights.bundles import SAFE
from imgbuild.weights.causes import must_load
from imgbuild.weights.networks import Weights

WRAPS = ("params_ema", "params", "state_dict", "model")  # what training programs put around the tensors


def state_of(weights: Weights) -> Mapping[str, Any]:
    """Name → tensor, in float32, on the CPU. A pickle is read as tensors alone. Raises TargetError."""
    import torch

    if not weights.path.is_file():
        raise TargetError(
            f"'{weights.source}' is a folder, and one file of weights is needed", hint="name the file in it"
        )
    with must_load(f"the weights '{weights.source}'", "is it a file of tensors by their names?"):
        found = _read(weights)
        for name in WRAPS:
            found = found[name] if isinstance(found.get(name), Mapping) else found
        return {
            name: tensor.float()
            for name, tensor in found.items()
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
        }


def _read(weights: Weights) -> Mapping[str, Any]:
    if weights.path.suffix == SAFE:
        from safetensors.torch import load_file

        safe: Mapping[str, Any] = load_file(weights.path)
        return safe
    import torch

    pickled: Mapping[str, Any] = torch.load(weights.path, map_location="cpu", weights_only=True)
    return pickled
