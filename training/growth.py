"""A deeper UNet that begins as the same function: a second layer in each block, which at first adds nothing.

Function-preserving growth (Chen et al., "Net2Net", 2016): what was learned stays, and the new layers learn what the
narrow first ones could not, which are straight edges and thin lines.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from training.icons import Icon

LAYERS = 2
"""Layers of each block after growth; there was one before."""


@torch.no_grad()
def grow(small: UNet2DConditionModel) -> UNet2DConditionModel:
    """A UNet with two layers a block that says what `small`, with one, says.

    Its down blocks hand on twice as many skips. The middle layer of an up block takes the new one, and lets through
    what comes from below it.
    """
    told = {key: value for key, value in small.config.items() if not key.startswith("_")}
    torch.manual_seed(5)
    large = UNet2DConditionModel(**{**told, "layers_per_block": LAYERS})
    _take(large, small, ("conv_in", "time_embedding", "mid_block", "conv_norm_out", "conv_out"))
    for new, old in zip(large.down_blocks, small.down_blocks, strict=True):
        _fill(new, old, {0: 0})
        _take(new, old, ("downsamplers",))
    for new, old in zip(large.up_blocks, small.up_blocks, strict=True):
        _fill(new, old, {0: 0, LAYERS: 1})
        _take(new, old, ("upsamplers",))
    return large.to(memory_format=torch.channels_last)


def _take(new: nn.Module, old: nn.Module, names: Sequence[str]) -> None:
    for name in names:
        if getattr(old, name, None) is not None:
            getattr(new, name).load_state_dict(getattr(old, name).state_dict())


def _fill(new: Any, old: Any, taken: dict[int, int]) -> None:
    """Layers of a block: those of `taken` (new place: old place) as they were, the others adding nothing."""
    attentions = getattr(new, "attentions", None)
    for at, layer in enumerate(new.resnets):
        if at in taken:
            layer.load_state_dict(old.resnets[taken[at]].state_dict())
        else:
            _let_through(layer)
        if attentions is not None and at in taken:
            attentions[at].load_state_dict(old.attentions[taken[at]].state_dict())
        elif attentions is not None:
            nn.init.zeros_(attentions[at].proj_out.weight)
            nn.init.zeros_(attentions[at].proj_out.bias)


def _let_through(layer: Any) -> None:
    """Let a ResNet layer give what it takes; of a skip beside that, nothing."""
    nn.init.zeros_(layer.conv2.weight)
    nn.init.zeros_(layer.conv2.bias)
    if layer.conv_shortcut is not None:
        nn.init.zeros_(layer.conv_shortcut.weight)
        nn.init.zeros_(layer.conv_shortcut.bias)
        out = layer.conv_shortcut.weight.shape[0]
        layer.conv_shortcut.weight[:, :out, 0, 0].copy_(torch.eye(out))


def emphasis(icons: Sequence[Icon], count: int) -> np.ndarray:
    """The first `count` pictures, those more than once that are harder: one shape, and above all an outlined one."""

    def times(icon: Icon) -> int:
        if len(icon.things) > 1:
            return 1
        return 3 if icon.things[0].style == "outlined" else 2

    return np.repeat(np.arange(count), [times(icon) for icon in icons[:count]])
