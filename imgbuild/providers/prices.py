"""What vendors ask for an image, by a list with a date. What a model's `price` states goes before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from imgbuild.price import Price
from imgbuild.types import Value


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
