"""What work would cost, before it is done."""

from __future__ import annotations

from collections.abc import Mapping

from imgbuild.keys import bound_at
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.types import Pin, Request, Target


def estimate(decision: Decision, pins: Mapping[tuple[str, str], Pin]) -> float | None:
    """US dollars that one target may cost: nothing where no step runs, None where the provider can't say.

    An attempt that a rule turns down costs as much again; that is not counted here.
    """
    if decision.action not in DOES_STEPS or decision.target.recipe.model is None:
        return 0.0
    return price(decision.target, pins, decision.seed)


def price(target: Target, pins: Mapping[tuple[str, str], Pin], seed: int = 0) -> float | None:
    """US dollars for one image of a target's own model."""
    bound = bound_at(target, 0)
    provider = PROVIDERS.get(bound.model.provider)()
    ask = target.asks[0]
    pin = pins.get((bound.home, bound.alias)) or Pin(provider=bound.model.provider, source=bound.model.source)
    request = Request(
        pin=pin,
        prompt=ask.prompt,
        negative=ask.negative,
        width=ask.width,
        height=ask.height,
        seed=seed,
        params=ask.params,
    )
    return provider.price(request)
