"""What vendors ask for an image, by a list with a date. What a model's `price` states goes before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from imgbuild.price import Price
from imgbuild.providers.listed import find_listed, read_list
from imgbuild.types import Value


class PriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """read: the date at which all was looked up. models: by provider and model."""

    read: str
    models: dict[str, dict[str, Price]]


@cache
def price_list() -> PriceList:
    return read_list("prices.json", PriceList)


def price_of(provider: str, model: str) -> Price | None:
    """The price of a model, or of the one whose dated snapshot it is."""
    return find_listed(price_list().models.get(provider, {}), model)


def price_at(provider: str, model: str, params: Mapping[str, Value]) -> Price | None:
    """The same, of a model with these parameters: at another server than the vendor's, nobody here knows it."""
    return None if "base_url" in params else price_of(provider, model)
