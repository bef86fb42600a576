"""What work would cost, before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imgbuild.adjustments import ask_at
from imgbuild.foreign import Broke, foreign
from imgbuild.keys import DECLARED, Way, bound_at, generate_key, inputs_for
from imgbuild.pace import Pace
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.store.records import Records
from imgbuild.types import Ask, Bound, Digest, Model, Pin, Request, Target


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
        return self.price(decision.target, decision.seed, decision.way)

    def price(self, target: Target, seed: int = 0, way: Way = DECLARED) -> float | None:
        """What an image of a target costs that is asked for in this way."""
        bound = bound_at(target, way.position)
        provider = self._provider(bound.model.provider)
        if _is_free(provider) and not self._has_hours(provider):
            return 0.0
        pin = self._pin(bound)
        ask = ask_at(target, *way)
        cost = _price(bound.model, provider, ask, pin, seed)
        if self._pace is not None and self._has_hours(provider):
            hours = self._pace.price(ask, pin)
            cost = None if cost is None or hours is None else cost + hours
        return 0.0 if cost != 0 and self._is_had(target, pin, seed, way) else cost

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

    def _is_had(self, target: Target, pin: Pin, seed: int, way: Way) -> bool:
        """Whether an earlier build made this image, or an equal one was asked for already.

        The pixels of inputs are not known before they are made: their names stand for them, which no record has.
        """
        inputs: dict[str, list[str]] = {}
        for item in inputs_for(target, way.position):
            inputs.setdefault(item.role, []).append(item.target or item.file)
        key, _ = generate_key(ask_at(target, *way), pin, seed, inputs)
        if key in self._asked:
            return True
        self._asked.add(key)
        return self._records is not None and self._records.get(key) is not None


def _is_free(provider: Provider) -> bool:
    return not provider.paid and type(provider).price is Provider.price


def price_of(model: Model, provider: Provider, request: Request) -> float | None:
    """US dollars for an image: what the model states goes before what the provider knows. None: neither does."""
    return model.price if model.price is not None and provider.paid else provider.price(request)


def _price(model: Model, provider: Provider, ask: Ask, pin: Pin, seed: int) -> float | None:
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
            return price_of(model, provider, request)
    except Broke:  # told when the image is made
        return None
