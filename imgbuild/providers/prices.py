"""What vendors ask for an image, by a list with a date. What a model's `price` states goes before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from imgbuild.types import Value

SQUARE = "1024x1024"


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars that one model costs. source: the page that said so.

    tokens: for a million of them, by kind. images: for an image, by quality and size.
    """

    source: str
    tokens: dict[str, float] = {}
    images: dict[str, dict[str, float]] = {}

    def of_image(self, quality: str, width: int, height: int) -> float | None:
        """An image of that size; of one that is not listed, by its share of the square's pixels."""
        listed = self.images.get(quality)
        if not listed:
            return None
        known = listed.get(f"{width}x{height}")
        if known is None and SQUARE in listed:
            known = listed[SQUARE] * width * height / 1024**2
        return known

    def of_tokens(self, used: Mapping[str, int]) -> float | None:
        """So many tokens of each kind; None where the price of a kind is not known."""
        if not used or any(kind not in self.tokens for kind, count in used.items() if count):
            return None
        return sum(count * self.tokens.get(kind, 0.0) for kind, count in used.items()) / 1e6


class PriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """read: the date at which all was looked up. models: by provider and model."""

    read: str
    models: dict[str, dict[str, Price]]


@cache
def price_list() -> PriceList:
    text = (files("imgbuild.providers") / "prices.json").read_bytes()
    return msgspec.json.decode(text, type=PriceList)


def price_of(provider: str, model: str) -> Price | None:
    """The price of a model, or of the one whose dated snapshot it is."""
    listed = price_list().models.get(provider, {})
    return next((listed[name] for name in sorted(listed, reverse=True) if is_snapshot(model, name)), None)


def price_at(provider: str, model: str, params: Mapping[str, Value]) -> Price | None:
    """The same, of a model with these parameters: at another server than the vendor's, nobody here knows it."""
    return None if "base_url" in params else price_of(provider, model)


def is_snapshot(model: str, name: str) -> bool:
    """Whether a model is that one, or its snapshot of some day: `name-2026-04-21`."""
    rest = model.removeprefix(name)
    return model.startswith(name) and (not rest or (rest[0] == "-" and rest[1:5].isdigit()))
