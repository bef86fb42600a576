"""What a model lacks of what a route needs: traits and licences."""

from __future__ import annotations

from collections.abc import Iterator

from imgbuild.expand.context import Context
from imgbuild.expand.licenses import license_of
from imgbuild.expand.policies import STAND_IN
from imgbuild.providers.traits import traits_of
from imgbuild.report.text import money
from imgbuild.types import Bound, Model, Needs, Trait

TRAITS: tuple[Trait, ...] = ("text", "photorealism", "people")
COMMERCIAL = "commercial"  # in place of a licence's name: any that is known to allow commercial use


def lacking(context: Context, bound: Bound, needs: Needs) -> str:
    """What the model has not, in short; empty where it has it all. A stand-in has whatever is not declared of it."""
    return ", ".join([*_traits(bound.model, needs), *_licence(context, bound, needs)])


def _traits(model: Model, needs: Needs) -> Iterator[str]:
    known = traits_of(model)
    for name in TRAITS:
        if getattr(needs, name) and not known.get(name, model.provider == STAND_IN):
            yield f"no {name}" if name in known else f"not known for {name}"


def _licence(context: Context, bound: Bound, needs: Needs) -> Iterator[str]:
    wanted, stated = licences(needs), bound.model.license.strip()
    if not wanted or stated.casefold() in wanted:
        return
    if not stated:
        yield from [] if bound.model.provider == STAND_IN else ["no licence stated"]
    elif COMMERCIAL not in wanted:
        yield f"licence '{stated}'"
    else:
        yield from _commercial(context, bound, stated)


def _commercial(context: Context, bound: Bound, stated: str) -> Iterator[str]:
    known = license_of(stated)
    if known is None:
        if stated.casefold() not in _names(context.settings.policy.licenses):
            yield f"licence '{stated}', not known to allow commercial use"
    elif known.commercial == "no":
        yield f"licence '{stated}', which forbids commercial use"
    elif known.commercial == "conditional" and not context.settings.policy.commercial:
        has = f"model '{bound.alias}' has the licence '{stated}'"
        context.warn(f"{has}, which allows commercial use on a condition: {known.note}", bound.where)


def licences(needs: Needs) -> list[str]:
    """The licences of which one is needed, in lower case."""
    return _names([needs.license] if isinstance(needs.license, str) else needs.license)


def _names(licenses: list[str]) -> list[str]:
    return [name.strip().casefold() for name in licenses if name.strip()]


def too_dear(needs: Needs, price: float | None) -> str:
    """That an image costs more than it may, in short; empty where it does not."""
    if needs.max_price is None or (price is not None and price <= needs.max_price):
        return ""
    return "price not known" if price is None else f"{money(price)}, more than {money(needs.max_price)}"


def in_words(needs: Needs) -> str:
    """What is needed: `text, commercial licence, at most $0.05`."""
    words: list[str] = [name for name in TRAITS if getattr(needs, name)]
    named = licences(needs)
    words += [f"{' or '.join(named)} licence"] if named else []
    words += [f"at most {money(needs.max_price)}"] if needs.max_price is not None else []
    return ", ".join(words)
