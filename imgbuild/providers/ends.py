"""Models that end: the day that their vendor announced, and what it names in their place. A list with a date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache

from msgspec import Struct

from imgbuild.providers.listed import find_listed, read_list
from imgbuild.types import Model, Pin


class End(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a model is shut down. source: the page that said so. instead: models that the vendor names in its place.

    earliest: it may be later than that day, as the vendor has it.
    """

    day: date
    source: str
    instead: list[str] = []
    earliest: bool = False


class EndList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """read: the day at which all was looked up. vendors: their names, by provider. models: by provider and model."""

    read: date
    vendors: dict[str, str]
    models: dict[str, dict[str, End]]


@cache
def end_list() -> EndList:
    return read_list("ends.json", EndList)


def end_of(model: Model, pin: Pin | None = None) -> End | None:
    """The end of a declared model, or of the snapshot that it is pinned to; None where no end is known.

    At another server than the vendor's, nobody here knows of any.
    """
    if "base_url" in model.params:
        return None
    names = (pin.revision if pin is not None else "", model.revision, model.source)
    listed = end_list().models.get(model.provider, {})
    return next((found for name in names if (found := find_listed(listed, name))), None)


def end_named(name: str) -> End | None:
    """The end of a model of that name, whoever's it is."""
    return next(
        (found for listed in end_list().models.values() if (found := find_listed(listed, name))), None
    )


def instead_of(end: End) -> list[str]:
    """What takes the model's place: of those named that end themselves, what takes theirs in turn."""
    return list(dict.fromkeys(_lasting(end.instead, frozenset())))


def vendor_of(provider: str) -> str:
    return end_list().vendors[provider]


def _lasting(names: Iterable[str], seen: frozenset[str]) -> Iterator[str]:
    for name in names:
        end = end_named(name)
        if end is None:
            yield name
        elif name not in seen:
            yield from _lasting(end.instead, seen | {name})
