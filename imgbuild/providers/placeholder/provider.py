"""The placeholder provider: every capability there is, at no cost, so that a spec can be tried before it is paid."""

from __future__ import annotations

from collections.abc import Sequence

from imgbuild.providers.base import Provider
from imgbuild.types import ROLES, Capabilities, Grade, Image, Model, Request, Value

# The entry "*" stands for any other parameter name: whatever a model of another provider takes, this one
# takes too, and it moves the picture.
PARAMS: dict[str, Value] = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
    "strength": {"type": "number", "minimum": 0, "maximum": 1},
    "scheduler": {"type": "string"},
    "*": {},
}

CAPABILITIES = Capabilities(
    takes=frozenset({"negative", "seed", *ROLES}),
    grade=Grade.BITWISE,
    params=PARAMS,
    min_side=8,
    max_side=8192,
    default_size=(1024, 1024),
    batch=1,
    concurrency=2,
    safety="none",
)


class Placeholder(Provider):
    """Abstract pictures: the palette from the prompt's colour words, the composition from the seed.

    The seed (and the model's source) alone decides the composition, so that a reworded prompt keeps it.
    steps: how much detail; guidance: how strong the colours; strength: how much of an input image is painted
    over. A mask protects what is dark in it; control images show as lines, references as insets.
    """

    name = "placeholder"
    apart = True

    def capabilities(self, model: Model) -> Capabilities:
        return CAPABILITIES

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        from imgbuild.providers.placeholder.drawing import draw

        return [Image(pixels=draw(request), seed=request.seed) for request in requests]
