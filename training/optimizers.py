"""Muon for matrices and kernels, AdamW for the rest, and a running average of the weights.

Muon is momentum whose update is made orthogonal by five Newton-Schulz steps (Jordan et al., "Muon: an optimizer for
hidden layers in neural networks", 2024). Kernels are read as matrices of (out channels, everything else).
"""

from collections.abc import Iterable, Sequence

import torch
from torch import nn

Named = Iterable[tuple[str, nn.Parameter]]

ADAM_ONLY = ("conv_in", "conv_out", "embed", "norm", "head")
"""Parts of names of weights that are no hidden matrices: first and last layers, embeddings, norms."""


def orthogonalise(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest (semi-)orthogonal matrices, roughly; (b, m, n)."""
    wide = matrices.mT if matrices.shape[1] > matrices.shape[2] else matrices
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.mT if matrices.shape[1] > matrices.shape[2] else x


class Muon:
    """Muon over equal-shaped groups of matrices, one batch of products a group."""

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float, momentum: float = 0.95) -> None:
        self.rate, self.momentum = rate, momentum
        self.groups: dict[tuple[int, int], list[nn.Parameter]] = {}
        for parameter in parameters:
            shape = (parameter.shape[0], parameter[0].numel())
            self.groups.setdefault(shape, []).append(parameter)
        self.velocities = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}

    @torch.no_grad()
    def step(self, scale: float) -> None:
        for shape, parameters in self.groups.items():
            slopes = torch.stack([p.grad.reshape(shape) for p in parameters])
            velocity = self.velocities[shape].mul_(self.momentum).add_(slopes, alpha=1 - self.momentum)
            updates = orthogonalise(torch.lerp(slopes, velocity, self.momentum))
            length = self.rate * scale * max(1.0, shape[0] / shape[1]) ** 0.5
            for parameter, update in zip(parameters, updates, strict=True):
                parameter.add_(update.reshape(parameter.shape), alpha=-length)


class Optimizer:
    """Muon where it fits and AdamW elsewhere, behind one step; gradients are clipped to norm 1."""

    def __init__(self, named: Named, *, muon: float, adam: float) -> None:
        hidden: list[nn.Parameter] = []
        other: list[nn.Parameter] = []
        for name, parameter in named:
            inner = parameter.ndim >= 2 and not any(part in name for part in ADAM_ONLY)
            (hidden if inner else other).append(parameter)
        self.parameters = hidden + other
        self.muon = Muon(hidden, muon)
        self.adam = torch.optim.AdamW(other, lr=adam, betas=(0.9, 0.99), weight_decay=0.0)
        self.adam_rate = adam

    def step(self, scale: float) -> None:
        """Take one step at `scale` times the full rate, and forget the gradients."""
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * scale
        self.adam.step()
        self.muon.step(scale)
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict:
        return {"adam": self.adam.state_dict(), "muon": list(self.muon.velocities.values())}

    def load_state_dict(self, state: dict) -> None:
        self.adam.load_state_dict(state["adam"])
        for velocity, saved in zip(self.muon.velocities.values(), state["muon"], strict=True):
            velocity.copy_(saved)


class Average:
    """An exponential average of weights, quick at first: the weights that are kept in the end."""

    def __init__(self, parameters: Iterable[nn.Parameter], most: float) -> None:
        self.parameters = list(parameters)
        self.values = [p.detach().clone() for p in self.parameters]
        self.most, self.steps = most, 0

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        keep = min(self.most, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.values, [p.detach() for p in self.parameters], 1 - keep)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their average; a second call puts them back."""
        for parameter, value in zip(self.parameters, self.values, strict=True):
            held = parameter.clone()
            parameter.copy_(value)
            value.copy_(held)

    def state_dict(self) -> dict:
        return {"values": self.values, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        for value, saved in zip(self.values, state["values"], strict=True):
            value.copy_(saved)
