"""What work would cost, before it is done."""

from __future__ import annotations

from collections.abc import Mapping

from imgbuild.keys import bound_at, generate_key
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.store.records import Records
from imgbuild.types import Pin, Request, Target


def estimate(
    decision: Decision, pins: Mapping[tuple[str, str], Pin], records: Records | None = None
) -> float | None:
    """US dollars that one target may cost: nothing where no step runs, None where the provider can't say.

    records: of earlier builds; an image that they have costs nothing again. An attempt that a rule turns down
    costs as much once more; that is not counted here.
    """
    if decision.action not in DOES_STEPS or decision.target.recipe.model is None:
        return 0.0
    cost = price(decision.target, pins, decision.seed, decision.position)
    return 0.0 if cost and records is not None and _is_recorded(decision, pins, records) else cost


def _is_recorded(decision: Decision, pins: Mapping[tuple[str, str], Pin], records: Records) -> bool:
    """Whether an earlier build made this image; one with inputs is counted as new, since they may change."""
    bound = bound_at(decision.target, decision.position)
    pin = pins.get((bound.home, bound.alias))
    if pin is None or decision.target.inputs:
        return False
    key, _ = generate_key(decision.target.asks[decision.position], pin, decision.seed, {})
    return bool(records.get_records([key]))


def price(
    target: Target, pins: Mapping[tuple[str, str], Pin], seed: int = 0, position: int = 0
) -> float | None:
    """US dollars for one image of a target's own model, or of the fallback at that position of the chain."""
    bound = bound_at(target, position)
    provider = PROVIDERS.get(bound.model.provider)()
    ask = target.asks[position]
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
