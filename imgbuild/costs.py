"""What work would cost, before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imgbuild.foreign import Broke, foreign
from imgbuild.keys import bound_at, generate_key, inputs_for
from imgbuild.pace import Pace
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.store.records import Records
from imgbuild.types import Bound, Digest, Pin, Request, Target


class Estimates:
    """Prices of requests, in US dollars, as they are asked for one after the other.

    Equal requests of a build are sent once: only the first that is asked for has a price. pins: of models.
    records: of earlier builds; an image that they have costs nothing again. pace: for providers that send no bill.
    """

    def __init__(
        self,
        pins: Mapping[tuple[str, str], Pin],
        records: Records | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._pins, self._records, self._pace = pins, records, pace
        self._providers: dict[str, Provider] = {}
        self._asked: set[Digest] = set()

    def of(self, decision: Decision) -> float | None:
        """What one target may cost: nothing where no step runs, None where the provider can't say.

        An attempt that a rule turns down costs as much once more; that is not counted here.
        """
        if decision.action not in DOES_STEPS or decision.target.recipe.model is None:
            return 0.0
        return self.price(decision.target, decision.seed, decision.position)

    def price(self, target: Target, seed: int = 0, position: int = 0) -> float | None:
        """What an image of a target's own model costs, or of the fallback at that position of the chain."""
        bound = bound_at(target, position)
        provider = self._provider(bound.model.provider)
        if _is_free(provider) and not self._has_hours(provider):
            return 0.0
        pin = self._pin(bound)
        cost = _price(provider, target, pin, seed, position)
        if self._pace is not None and self._has_hours(provider):
            hours = self._pace.price(target.asks[position], pin)
            cost = None if cost is None or hours is None else cost + hours
        return 0.0 if cost != 0 and self._is_had(target, pin, seed, position) else cost

    def total(self, decisions: Iterable[Decision]) -> float:
        """What all of them may cost, as far as it is known."""
        return sum(self.of(decision) or 0.0 for decision in decisions)

    def _has_hours(self, provider: Provider) -> bool:
        """Whether its work costs something by the hour, and no bill is sent for it."""
        return self._pace is not None and not provider.paid and self._pace.has_price(provider.name)

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            self._providers[name] = PROVIDERS.get(name)()
        return self._providers[name]

    def _pin(self, bound: Bound) -> Pin:
        """The model's pin; where it has none yet, what is declared stands for it."""
        model = bound.model
        declared = Pin(provider=model.provider, source=model.source, revision=model.revision)
        return self._pins.get((bound.home, bound.alias)) or declared

    def _is_had(self, target: Target, pin: Pin, seed: int, position: int) -> bool:
        """Whether an earlier build made this image, or an equal one was asked for already.

        The pixels of inputs are not known before they are made: their names stand for them, which no record has.
        """
        inputs: dict[str, list[str]] = {}
        for item in inputs_for(target, position):
            inputs.setdefault(item.role, []).append(item.target or item.file)
        key, _ = generate_key(target.asks[position], pin, seed, inputs)
        if key in self._asked:
            return True
        self._asked.add(key)
        return self._records is not None and self._records.get(key) is not None


def _is_free(provider: Provider) -> bool:
    return not provider.paid and type(provider).price is Provider.price


def _price(provider: Provider, target: Target, pin: Pin, seed: int, position: int) -> float | None:
    ask = target.asks[position]
    request = Request(
        pin=pin,
        prompt=ask.prompt,
        negative=ask.negative,
        width=ask.width,
        height=ask.height,
        seed=seed,
        params=ask.params,
    )
    try:
        with foreign(f"provider '{provider.name}'"):
            return provider.price(request)
    except Broke:  # told when the image is made
        return None
