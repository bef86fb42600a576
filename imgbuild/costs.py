"""What work would cost, before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from imgbuild.adjustments import ask_at
from imgbuild.foreign import Broke, foreign
from imgbuild.given import Given
from imgbuild.keys import DECLARED, Way, bound_at, generate_key, inputs_for
from imgbuild.pace import Pace
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.price import Price
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.report.text import money
from imgbuild.store.records import Records
from imgbuild.types import Ask, Bound, Digest, Image, Model, Pin, Request, Size, Target


class Sum(Struct, frozen=True):
    """So many images, US dollars for those whose price is known, and how many have no known price."""

    images: int = 0
    cost: float = 0.0
    unknown: int = 0

    def plus(self, cost: float | None) -> Sum:
        return Sum(self.images + 1, self.cost + (cost or 0.0), self.unknown + (cost is None))

    def told(self) -> str:
        """`$1.20`, `unknown`, or `$1.20 + 3 unknown`."""
        if self.unknown == self.images and self.images:
            return "unknown"
        return f"{money(self.cost)}{f' + {self.unknown:,} unknown' if self.unknown else ''}"


def total(sums: Iterable[Sum]) -> Sum:
    found = Sum()
    for item in sums:
        found = Sum(found.images + item.images, found.cost + item.cost, found.unknown + item.unknown)
    return found


class Estimates:
    """Prices of requests, in US dollars, as they are asked for one after the other.

    Equal requests of a build are sent once: only the first that is asked for has a price. pins: of models.
    records: of earlier builds; an image that they have costs nothing again. pace: for providers that send no bill.
    given: for those that charge for what goes in, too.
    """

    def __init__(
        self,
        pins: Mapping[tuple[str, str], Pin],
        records: Records | None = None,
        pace: Pace | None = None,
        given: Given | None = None,
    ) -> None:
        self._pins, self._records, self._pace, self._given = pins, records, pace, given
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
        cost = self.price_again(target, seed, way)
        return 0.0 if cost != 0 and not self.is_news(target, seed, way) else cost

    def price_again(self, target: Target, seed: int = 0, way: Way = DECLARED) -> float | None:
        """The same, whether or not there is such an image already."""
        bound = bound_at(target, way.position)
        provider = self._provider(bound.model.provider)
        if _is_free(provider) and not self._has_hours(provider):
            return 0.0
        pin, ask = self._pin(bound), ask_at(target, *way)
        request = _request(ask, pin, seed, self._sizes(provider, target, way.position))
        cost = _price(bound.model, provider, request)
        if self._pace is not None and self._has_hours(provider):
            hours = self._pace.price(ask, pin)
            cost = None if cost is None or hours is None else cost + hours
        return cost

    def is_news(self, target: Target, seed: int = 0, way: Way = DECLARED) -> bool:
        """Whether a request is sent: no earlier build made this image, and no equal one was asked for before.

        The pixels of inputs are not known before they are made: their names stand for them, which no record has.
        """
        inputs: dict[str, list[str]] = {}
        for item in inputs_for(target, way.position):
            inputs.setdefault(item.role, []).append(item.target or item.file)
        pin = self._pin(bound_at(target, way.position))
        key, _ = generate_key(ask_at(target, *way), pin, seed, inputs)
        if key in self._asked:
            return False
        self._asked.add(key)
        return self._records is None or self._records.get(key) is None

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

    def _sizes(self, provider: Provider, target: Target, position: int) -> Mapping[str, list[Size]]:
        return self._given.sizes(target, position) if self._given and provider.paid else {}


def _is_free(provider: Provider) -> bool:
    return not provider.paid and type(provider).price is Provider.price


def price_of(model: Model, provider: Provider, request: Request) -> float | None:
    """US dollars for an image: what the model states goes before what the provider knows. None: neither does."""
    stated = model.price if provider.paid else None
    if isinstance(stated, Price):
        return provider.price_by(stated, request)
    return provider.price(request) if stated is None else stated


def bill_of(model: Model, provider: Provider, request: Request, image: Image) -> float | None:
    """US dollars that an image has cost: as the model states it, else as the vendor says. None: neither does."""
    stated = model.price if provider.paid else None
    if isinstance(stated, Price):
        by_tokens = stated.of_tokens(image.tokens)
        stated = provider.price_by(stated, request) if by_tokens is None else by_tokens
    return image.cost if stated is None else stated


def _request(ask: Ask, pin: Pin, seed: int, given: Mapping[str, list[Size]]) -> Request:
    return Request(
        pin=pin,
        prompt=ask.prompt,
        negative=ask.negative,
        width=ask.width,
        height=ask.height,
        seed=seed,
        params=ask.params,
        given=given,
    )


def _price(model: Model, provider: Provider, request: Request) -> float | None:
    try:
        with foreign(f"provider '{provider.name}'"):
            return price_of(model, provider, request)
    except Broke:  # told when the image is made
        return None
