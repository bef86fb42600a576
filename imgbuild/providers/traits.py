"""What well-known models are good at, by a list with a date. What a model's `traits` state goes before it.

A trait that nobody has published, for or against, is in no list: it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from imgbuild.providers.listed import find_listed, read_list
from imgbuild.types import Model, Trait


class Known(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of one model. source: the pages that say so. traits: true or false, where they say it."""

    source: str
    traits: dict[Trait, bool]


class TraitList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """read: the date at which all was looked up. models: by provider and model."""

    read: str
    models: dict[str, dict[str, Known]]


@cache
def trait_list() -> TraitList:
    return read_list("traits.json", TraitList)


def traits_of(model: Model) -> Mapping[Trait, bool]:
    """What is known of a model: true, false, or nothing. At another server than the vendor's, only what it declares."""
    own = model.traits if isinstance(model.traits, dict) else dict.fromkeys(model.traits, True)
    return {**_listed(model), **own}


def _listed(model: Model) -> Mapping[Trait, bool]:
    if "base_url" in model.params:
        return {}
    known = find_listed(trait_list().models.get(model.provider, {}), model.source)
    return known.traits if known is not None else {}
