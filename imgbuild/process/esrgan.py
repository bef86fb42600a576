"""Networks of the ESRGAN family that enlarge pictures, from their tensors alone.

RRDBNet: Wang et al., "ESRGAN", ECCV Workshops 2018, with the names of Real-ESRGAN and with the older ones of BasicSR.
SRVGGNetCompact: Wang et al., "Real-ESRGAN", ICCV Workshops 2021.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

from imgbuild.errors import TargetError
from imgbuild.weights.networks import Weights
from imgbuild.weights.state import state_of

_OLD = re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)")
SLOPE = 0.2  # of leaky rectifiers, and what a block adds to what goes into it


class Enlarger:
    """A network that enlarges by a whole number, `scale`. Raises TargetError where it is another."""

    def __init__(self, weights: Weights) -> None:
        state = _renamed(state_of(weights))
        try:
            self.net: _Blocks | _Compact = _Blocks(state) if "conv_first.weight" in state else _Compact(state)
        except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
            raise TargetError(
                f"'{weights.source}' is no network that enlarges pictures, or of a kind not known here",
                hint="known are RRDBNet (ESRGAN, Real-ESRGAN) and SRVGGNetCompact, with three colours",
            ) from error
        self.scale = self.net.scale

    def enlarge(self, colours: Any) -> Any:
        """1 × 3 × height × width of 0…1, scaled by `scale`."""
        from torch.nn.functional import pad

        step, (height, width) = self.net.step, colours.shape[-2:]
        more = (0, -width % step, 0, -height % step)
        made = self.net(pad(colours, more, mode="replicate") if any(more) else colours)
        return made[..., : height * self.scale, : width * self.scale]


def _renamed(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Old names of RRDBNet as new ones; others stay."""
    if "model.0.weight" not in state:
        return state
    outer = sorted({int(name.split(".")[1]) for name in state if re.fullmatch(r"model\.\d+\.weight", name)})
    ups = [f"conv_up{at + 1}" for at in range(len(outer) - 3)]
    names = dict(zip(outer, ["conv_first", *ups, "conv_hr", "conv_last"], strict=True))
    found = {}
    for name, tensor in state.items():
        if inner := _OLD.fullmatch(name):
            name = f"body.{inner[1]}.rdb{inner[2]}.conv{inner[3]}.{inner[4]}"
        elif trunk := re.fullmatch(r"model\.1\.sub\.\d+\.(weight|bias)", name):
            name = f"conv_body.{trunk[1]}"
        else:
            _, at, kind = name.split(".")
            name = f"{names[int(at)]}.{kind}"
        found[name] = tensor
    return found


class _Blocks:
    """RRDBNet: dense blocks within blocks, then doubled as often as it has layers for it."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        self.step = isqrt(state["conv_first.weight"].shape[1] // 3)  # of pixels taken together at the start
        self.ups = sum(1 for name in state if re.fullmatch(r"conv_up\d+\.weight", name))
        self.blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("body."))
        self.scale = 2**self.ups // self.step
        if state["conv_last.weight"].shape[0] != 3 or self.scale < 1:
            raise ValueError("it does not end in three colours")

    def __call__(self, colours: Any) -> Any:
        from torch.nn.functional import interpolate, pixel_unshuffle

        first = self._layer("conv_first", pixel_unshuffle(colours, self.step))
        deep = first
        for at in range(self.blocks):
            deep = self._block(f"body.{at}", deep)
        deep = first + self._layer("conv_body", deep)
        for at in range(self.ups):
            deep = _leaky(self._layer(f"conv_up{at + 1}", interpolate(deep, scale_factor=2, mode="nearest")))
        return self._layer("conv_last", _leaky(self._layer("conv_hr", deep)))

    def _block(self, name: str, given: Any) -> Any:
        deep = given
        for number in (1, 2, 3):
            deep = self._dense(f"{name}.rdb{number}", deep)
        return given + SLOPE * deep

    def _dense(self, name: str, given: Any) -> Any:
        """Five layers, each of which sees all that came before it."""
        import torch

        seen = given
        for number in (1, 2, 3, 4):
            seen = torch.cat((seen, _leaky(self._layer(f"{name}.conv{number}", seen))), 1)
        return given + SLOPE * self._layer(f"{name}.conv5", seen)

    def _layer(self, name: str, given: Any) -> Any:
        from torch.nn.functional import conv2d

        return conv2d(given, self.state[f"{name}.weight"], self.state[f"{name}.bias"], padding=1)


class _Compact:
    """SRVGGNetCompact: plain layers, whose result is added to the picture enlarged."""

    step = 1

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        self.places = sorted({int(name.split(".")[1]) for name in state if name.startswith("body.")})
        self.scale = isqrt(state[f"body.{self.places[-1]}.weight"].shape[0] // 3)
        if state["body.0.weight"].shape[1] != 3 or self.scale < 1:
            raise ValueError("it does not begin with three colours")

    def __call__(self, colours: Any) -> Any:
        from torch.nn.functional import conv2d, interpolate, pixel_shuffle, prelu

        deep = colours
        for at in self.places:
            weight, bias = self.state[f"body.{at}.weight"], self.state.get(f"body.{at}.bias")
            deep = prelu(deep, weight) if weight.ndim == 1 else conv2d(deep, weight, bias, padding=1)
        enlarged = interpolate(colours, scale_factor=self.scale, mode="nearest")
        return pixel_shuffle(deep, self.scale) + enlarged


def _leaky(given: Any) -> Any:
    from torch.nn.functional import leaky_relu

    return leaky_relu(given, SLOPE)
