"""How differently two pictures look: the distance between what a network sees in them.

LPIPS, version 0.1: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018.
Its trunks were learnt to sort pictures: Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
arXiv:1404.5997 (AlexNet); Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015 (VGG of 16 layers). Names of tensors are those of torchvision and of the authors' package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from imgbuild.errors import TargetError
from imgbuild.weights.networks import Weights
from imgbuild.weights.state import state_of

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

MEAN, SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of levels from -1 to 1
TINY = 1e-10  # added to lengths, which may be 0
LEAST, MOST = 64, 512  # pixels a side: what is compared is enlarged to it, or scaled down

# Stages of a trunk, which end in what is compared: the layers, and pixels pooled before them by steps of two (0: none).
ALEXNET = (((0,), 0), ((3,), 3), ((6,), 3), ((8,), 0), ((10,), 0))
VGG = (((0, 2), 0), ((5, 7), 2), ((10, 12, 14), 2), ((17, 19, 21), 2), ((24, 26, 28), 2))
PADDING = {11: 2, 5: 2, 3: 1}  # by the side of a layer's window, in pixels
STRIDE = {11: 4}

_SLICED = re.compile(r"net\.slice\d\.(\d+\.(?:weight|bias))")  # as the authors' package saves a trunk


class Trunk:
    """The layers that see a picture. widths: how many features each stage gives."""

    def __init__(self, weights: Weights) -> None:
        state = {_SLICED.sub(r"features.\1", name): tensor for name, tensor in state_of(weights).items()}
        self.source = weights.source
        self.known: tuple[Hashable, list[Any]] = ("", [])
        try:
            window = state["features.0.weight"].shape[-1]
            self.stages = [
                ([(state[f"features.{at}.weight"], state[f"features.{at}.bias"]) for at in layers], pooled)
                for layers, pooled in (ALEXNET if window == 11 else VGG)
            ]
            self.widths = self._widths()
        except (KeyError, ValueError, IndexError) as error:
            raise TargetError(
                f"'{weights.source}' is no network that LPIPS looks through, or of a kind not known here",
                hint="known are AlexNet and the VGG of 16 layers, with torchvision's names",
            ) from error

    def _widths(self) -> list[int]:
        """Raises ValueError where the layers don't follow each other."""
        wide, found = 3, []
        for layers, _ in self.stages:
            for matrix, _ in layers:
                outer, inner, *window = matrix.shape
                if inner != wide or window not in [[side, side] for side in PADDING]:
                    raise ValueError(f"a layer of {inner} features, after one of {wide}")
                wide = outer
            found.append(wide)
        return found

    def see(self, picture: PILImage) -> list[Any]:
        """Of each stage, features × height × width; those of one place have the length 1. picture: RGB."""
        import numpy as np
        import torch
        from torch.nn.functional import conv2d, max_pool2d, relu

        levels = torch.from_numpy(np.array(picture, dtype=np.float32)) / 127.5 - 1
        levels = (levels - torch.tensor(MEAN)) / torch.tensor(SPREAD)
        deep = levels.permute(2, 0, 1)[None].contiguous()
        found = []
        for layers, pooled in self.stages:
            deep = max_pool2d(deep, pooled, 2) if pooled else deep
            for matrix, bias in layers:
                side = matrix.shape[-1]
                deep = relu(conv2d(deep, matrix, bias, STRIDE.get(side, 1), PADDING[side]))
            found.append((deep / (deep.square().sum(1, keepdim=True).sqrt() + TINY))[0])
        return found

    def see_once(self, name: Hashable, drawn: Callable[[], PILImage]) -> list[Any]:
        """The same for one picture that many are compared with. name: of it, and of its size."""
        if self.known[0] != name:
            self.known = (name, self.see(drawn()))
        return self.known[1]


class Heads:
    """How much each feature of each stage counts, as people's judgements have taught it."""

    def __init__(self, weights: Weights) -> None:
        state = state_of(weights)
        self.source = weights.source
        names = [f"lin{at}.model.1.weight" for at in range(len(ALEXNET))]
        if not all(name in state for name in names):
            raise TargetError(
                f"'{weights.source}' has no heads of LPIPS",
                hint="name by 'head' the file of them in the package lpips, such as weights/v0.1/alex.pth",
            )
        self.shares = [state[name].flatten() for name in names]

    def weigh(self, trunk: Trunk, one: Sequence[Any], other: Sequence[Any]) -> float:
        """The distance of what a trunk saw in two pictures of one size: 0 where that is equal. Raises TargetError."""
        if [len(share) for share in self.shares] != trunk.widths:
            raise TargetError(
                f"'{self.source}' has heads for another trunk than '{trunk.source}'",
                hint="take both for AlexNet, or both for VGG",
            )
        apart = [(a - b).square().mean((1, 2)) for a, b in zip(one, other, strict=True)]
        return float(sum((share * each).sum() for share, each in zip(self.shares, apart, strict=True)))


def fitting(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which pictures of this one are compared."""
    by = min(1.0, MOST / max(size))
    return max(LEAST, round(size[0] * by)), max(LEAST, round(size[1] * by))
