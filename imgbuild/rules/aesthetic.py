"""How beautiful people would find a picture, as a small head on top of CLIP has learnt from their votes.

Schuhmann et al., "LAION-5B", NeurIPS 2022 (LAION-Aesthetics): the head is one linear layer, or several with nothing
between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from imgbuild.errors import TargetError
from imgbuild.images import Picture
from imgbuild.rules.band import Band, rounded
from imgbuild.rules.base import Measured
from imgbuild.rules.clip import clip_at_work
from imgbuild.weights.networks import Networks, Weights
from imgbuild.weights.state import state_of


class Aesthetic(Band, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the score between `min` and `max`. Heads of LAION give from 1 to 10; most pictures have 4 to 7.

    model: a declared model of provider `weights` that is a CLIP. head: another, a file of weights: the linear layers
    that were learnt on top of that CLIP.
    """

    name: ClassVar[str] = "aesthetic"
    example: ClassVar[str] = "{model: clip, head: beauty, min: 5.5}"
    low: ClassVar[float] = -100
    model_fields: ClassVar[tuple[str, ...]] = ("model", "head")

    model: str
    head: str

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        with (
            clip_at_work(networks, self.model, self.name) as clip,
            networks.at_work("head", self.head, Head) as head,
        ):
            return {self.name: rounded(head.score(clip.see(picture)))}


class Head:
    """Linear layers, one after the other, down to one figure."""

    def __init__(self, weights: Weights) -> None:
        state = state_of(weights)
        found = [name.removesuffix("weight") for name in sorted(state, key=_place) if name.endswith("weight")]
        self.layers: Sequence[tuple[Any, Any]] = [
            (state[f"{name}weight"], state.get(f"{name}bias", 0)) for name in found
        ]
        self.source = weights.source
        sizes = [tuple(matrix.shape) for matrix, _ in self.layers]
        if not sizes or any(len(size) != 2 for size in sizes) or sizes[-1][0] != 1:
            raise self._misfit("it has no linear layers that end in one figure")

    def score(self, seen: Any) -> float:
        for matrix, bias in self.layers:
            if matrix.shape[1] != len(seen):
                raise self._misfit(f"it takes {matrix.shape[1]} figures, and there are {len(seen)}")
            seen = matrix @ seen + bias
        return float(seen)

    def _misfit(self, why: str) -> TargetError:
        return TargetError(
            f"'{self.source}' is no head for this CLIP: {why}",
            hint="take the CLIP that the head was learnt on",
        )


def _place(name: str) -> list[int]:
    """The numbers in a name, in the order of which layers follow each other."""
    return [int(number) for number in re.findall(r"\d+", name)]
