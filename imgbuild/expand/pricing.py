"""What an image of one model is estimated to cost, for routes that take the cheapest and for lists of models.

Nothing but the declaration, the pin and this release's list of prices is asked. What an hour of a local model costs
(`cost` in the settings) is not in it: how long its images take is known to the store alone, and no route may depend on
that. A model that sends no bill is free here unless it states a `price`.
"""

from __future__ import annotations

from collections.abc import Mapping

from imgbuild.foreign import Broke, foreign
from imgbuild.price import Price
from imgbuild.providers import PROVIDERS
from imgbuild.report.text import money
from imgbuild.types import Model, Pin, Request, Size, Value


def told_price(price: float | None) -> str:
    """A price in words: `$0.03`, `free`, `price not known`."""
    if price is None:
        return "price not known"
    return money(price) if price else "free"


class Pricing:
    """The prices of one model. pin: what it is pinned to, if it is."""

    def __init__(self, model: Model, pin: Pin | None) -> None:
        self._model = model
        self._provider = PROVIDERS.get(model.provider)()
        self._pin = pin or Pin(provider=model.provider, source=model.source, revision=model.revision)

    def of(self, size: Size, params: Mapping[str, Value], pictures: int = 0) -> float | None:
        """US dollars for an image of that size, in pixels; None where nobody knows. What the model states goes first.

        params: as they are asked for. pictures: how many go in; each counts as large as what is made of it.
        """
        stated, (width, height) = self._model.price, size
        if stated is not None and not isinstance(stated, Price):
            return stated
        request = Request(
            pin=self._pin,
            prompt="",
            negative="",
            width=width,
            height=height,
            seed=0,
            params=params,
            given={"image": [size] * pictures},
        )
        try:
            with foreign(f"provider '{self._provider.name}'"):
                if stated is None:
                    return self._provider.price(request)
                return self._provider.price_by(stated, request)
        except Broke:  # told when an image is made
            return None
