"""Which of several models a route takes: the cheapest of those that have what is needed and can take what is asked.

Prices come with each release of imgbuild, and so do lists of traits and tables of what models take; but a new release
must make nothing again. So a choice is made once, and then stands in the lock: the pin of the model that was chosen
holds a digest of all that was *declared* where it was. While that is declared, this model stays if it still is able
to, whatever others cost by now; `imgbuild lock --reroute` lets them be compared again. An edit of the models, the
needs, the size or the parameters is another declaration, and a choice of its own.

Why there: what is chosen must be a function of the sources and the lock. Ids of targets name their model, so the
lock's lines would tell the choice too; but renaming an asset, a label or an alias gives other ids, and would choose
anew; new rows would be drawn by another model than those beside them; and an edit that changes no choice would move all
lines. A date of the list, or the prices themselves, would have to be kept by every release, and say nothing of traits.
A digest knows no names, is one for all cells that ask the same, and moves with the pin that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from imgbuild.digest import digest_of
from imgbuild.errors import SpecError
from imgbuild.expand.asked import Asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.chain import Chain
from imgbuild.expand.faults import Fault
from imgbuild.expand.needs import too_dear
from imgbuild.expand.pricing import Pricing
from imgbuild.templates.varying import Varying
from imgbuild.types import Ask, Bound, Model, Needs, Value, Where

SHORT = 16  # characters of a digest: two that are equal would let a model stay, and no more
NOWHERE = Cell({}, (), ())
HINT = "list another model, ask for less in 'needs', or declare a model's 'traits', 'license' or 'price'"

# Of a model's declaration, what a choice hangs on. Names and what stands in no request are not in it.
_DECLARED = ("provider", "source", "revision", "size", "params", "price", "traits", "license", "unsupported")


class Offer(Struct, frozen=True, kw_only=True):
    """One of the listed models, for what a cell asks. price: US dollars; None where nobody knows.

    why_not: what keeps it from being taken, in short; empty where nothing does.
    """

    model: str
    price: float | None = None
    why_not: str = ""

    @property
    def rank(self) -> tuple[bool, float]:
        return self.price is None, self.price or 0.0


class Choice(Struct, frozen=True, kw_only=True):
    """The model that was taken, of which offers. digest: of what was declared for it.

    cheaper: who would be taken if the lock did not know this choice; None where that changes nothing.
    """

    taken: Offer
    offers: tuple[Offer, ...]
    digest: str
    cheaper: Offer | None = None
    fault: Fault | None = None


class Candidate(Struct, frozen=True, kw_only=True, eq=False):
    """One of the listed models. chain: where it can take what is asked of all cells; else why_not says why not.

    lacks: whether it has not what is needed, whatever it could take. pricings: of the model, then of each fallback.
    chosen: digests of choices that fell on it.
    """

    bound: Bound
    chain: Chain | None = None
    why_not: str = ""
    lacks: bool = False
    pricings: tuple[Pricing, ...]
    chosen: frozenset[str] = frozenset()


class Cheapest:
    """A choice among models, made once for each distinct set of the values that it hangs on.

    where: of the list. note: takes each choice that a cell comes to, with the model that it fell on.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        needs: Needs,
        asked: Asked,
        where: Where,
        note: Callable[[Bound, Choice], None],
    ) -> None:
        self.candidates, self.needs, self.where, self._note = candidates, needs, where, note
        self._pictures = asked.pictures
        self.able = [item for item in candidates if item.chain is not None]
        self._declared = Varying(_declared(candidates, needs, asked), where)
        self._known: dict[tuple[Any, ...], Choice] = {}
        if not self.able or (self.is_settled and self._choose(NOWHERE).fault):
            offers = self._choose(NOWHERE).offers if self.able else tuple(map(_excluded, candidates))
            raise SpecError(none_left(offers), where=where, hint=HINT)

    @property
    def is_settled(self) -> bool:
        """Whether every cell comes to the same."""
        return not self._declared.names

    def takes(self) -> list[Chain]:
        """The chains that a cell may come to."""
        chains = [item.chain for item in self.able if item.chain is not None]
        if not self.is_settled:
            return chains
        taken = self._choose(NOWHERE).taken.model
        return [chain for chain in chains if chain.alias == taken]

    def of(self, cell: Cell) -> Choice:
        """What this cell comes to. Raises SpecError where a parameter or size of it can't be rendered."""
        key = self._declared.key(cell.bindings)
        choice = self._known.get(key)
        if choice is None:
            choice = self._known[key] = self._choose(cell)
            if choice.fault is None:
                self._note(self._bound(choice), choice)
        return choice

    def _bound(self, choice: Choice) -> Bound:
        return next(item.bound for item in self.able if item.bound.alias == choice.taken.model)

    def _choose(self, cell: Cell) -> Choice:
        offers = tuple([self._offer(item, cell) for item in self.candidates])
        digest = digest_of("choice/1", {"declared": self._declared.of(cell.bindings)})[:SHORT]
        left = [offer for offer in offers if not offer.why_not]
        if not left:
            first = Offer(model=self.able[0].bound.alias)  # what can't be made needs a name, too
            return Choice(taken=first, offers=offers, digest=digest, fault=Fault(none_left(offers), HINT))
        kept = {item.bound.alias for item in self.candidates if digest in item.chosen}
        best = min(left, key=lambda offer: offer.rank)
        taken = min(
            (offer for offer in left if offer.model in kept), key=lambda offer: offer.rank, default=best
        )
        cheaper = best if best.rank < taken.rank else None
        return Choice(taken=taken, offers=offers, digest=digest, cheaper=cheaper)

    def _offer(self, item: Candidate, cell: Cell) -> Offer:
        if item.chain is None:
            return _excluded(item)
        faults: list[Fault] = []
        asks, alias = item.chain.asks(cell, "", "", faults), item.bound.alias
        if faults:
            return Offer(model=alias, why_not=_in_short(alias, faults[0].message))
        prices = [
            pricing.of((ask.width, ask.height), {**ask.params, **ask.unkeyed}, self._pictures_for(fit.bound))
            for pricing, ask, fit in zip(item.pricings, asks, item.chain.fits, strict=True)
        ]
        dear = [
            told
            for price, ask in zip(prices, asks, strict=True)
            if (told := self._too_dear(price, ask, alias))
        ]
        return Offer(model=alias, price=prices[0], why_not=dear[0] if dear else "")

    def _pictures_for(self, bound: Bound) -> int:
        takes = bound.capabilities.takes
        return sum(count for role, count in self._pictures.items() if role in takes)

    def _too_dear(self, price: float | None, ask: Ask, alias: str) -> str:
        told = too_dear(self.needs, price)
        return told if not told or ask.alias == alias else of_fallback(ask.alias, told)


def _declared(candidates: Sequence[Candidate], needs: Needs, asked: Asked) -> Mapping[str, Value]:
    """All that a choice hangs on, as the spec says it; templates in it are still to be filled in."""
    return {
        "models": [_given(item.bound.model, Model(provider=""), _DECLARED) for item in candidates],
        "needs": _given(needs, Needs(), Needs.__struct_fields__),
        "size": asked.size.value if asked.size is not None else "",
        "params": {name: wish.value for name, wish in {**asked.params, **asked.over}.items()},
        "pictures": dict(asked.pictures),
        "negative": asked.negative is not None,
    }


def _given(item: Struct, bare: Struct, names: Sequence[str]) -> dict[str, Value]:
    """Without what is left out, so that a key of a later release changes no digest."""
    given = {name: value for name in names if (value := getattr(item, name)) != getattr(bare, name)}
    plain: dict[str, Value] = to_builtins(given)
    return plain


def _excluded(item: Candidate) -> Offer:
    return Offer(model=item.bound.alias, why_not=item.why_not)


def of_fallback(alias: str, lacks: str) -> str:
    """What a fallback has not, which is needed of it too: it may be the one that draws."""
    return f"its fallback '{alias}': {lacks}"


def unfit(alias: str, error: SpecError) -> str:
    """Why a model can't take what an asset asks, in short."""
    return _in_short(alias, error.message)


def _in_short(alias: str, message: str) -> str:
    return message.removeprefix(f"model '{alias}' ")


def none_left(offers: Sequence[Offer]) -> str:
    """That no model can be taken, and for each why not."""
    told = "; ".join(f"'{offer.model}': {offer.why_not}" for offer in offers)
    return f"no model of the route can make this: {told}"
