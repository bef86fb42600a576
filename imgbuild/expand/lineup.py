"""Which models make a cell: all that the asset lists, or the one that its route picks, each with its fallbacks."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.expand.asked import Asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.faults import Fault
from imgbuild.expand.fit import Fit
from imgbuild.expand.models import bind, default_model, fallbacks
from imgbuild.spec.declared import Declared, Spec
from imgbuild.types import Ask, Asset, Bound, Where


class Chain(Struct, frozen=True, kw_only=True, eq=False):
    """A model and those that take over from it, fitted to what the asset asks; empty for existing pictures."""

    fits: tuple[Fit, ...] = ()

    @property
    def alias(self) -> str:
        return self.fits[0].bound.alias if self.fits else ""

    def asks(self, cell: Cell, prompt: str, negative: str, faults: list[Fault]) -> tuple[Ask, ...]:
        """For the model, then for each fallback."""
        return tuple([fit.ask(cell, prompt, negative, faults) for fit in self.fits])


class Condition:
    """One line of a route: the chain it picks, and when."""

    def __init__(self, chain: int, when: str, where: Where) -> None:
        self.chain = chain
        self._expression = None
        if when:
            from imgbuild.expand.sandboxed import Expression

            self._expression = Expression(when, where)

    def holds(self, cell: Cell) -> bool:
        return self._expression is None or self._expression.holds(cell.bindings)


class Lineup(Struct, frozen=True, kw_only=True, eq=False):
    """The chains of an asset. route: what picks one for a cell; None where every chain makes every cell."""

    chains: tuple[Chain, ...]
    route: tuple[Condition, ...] | None = None
    where: Where

    @property
    def per_cell(self) -> int:
        """How many models make a cell."""
        return len(self.chains) if self.route is None else 1

    def of(self, cell: Cell) -> Sequence[int]:
        """The positions of the chains that make this cell. Raises SpecError where the route names none."""
        if self.route is None:
            return range(len(self.chains))
        for condition in self.route:
            if condition.holds(cell):
                return (condition.chain,)
        raise SpecError(
            f"no line of the route holds for cell [{','.join(cell.tags)}]",
            where=self.where,
            hint="end the route with a line without 'when'",
        )


def read_lineup(context: Context, spec: Spec, name: str, declared: Declared[Asset], asked: Asked) -> Lineup:
    """The models that the asset names, each fitted. Raises SpecError."""
    asset = declared.value
    if asset.route:
        return _route(context, spec, declared, asked)
    if asset.models:
        places = [declared.where("models", at) for at in range(len(asset.models))]
        _check_once(asset.models, places)
        bounds = [bind(context, spec, alias, places[at]) for at, alias in enumerate(asset.models)]
    else:
        bounds = [default_model(context, spec, name, declared.where(key=True))]
    chains = tuple(_chain(context, spec, bound, asked) for bound in bounds)
    return Lineup(chains=chains, where=declared.where(key=True))


def _check_once(aliases: Sequence[str], places: Sequence[Where]) -> None:
    for at, alias in enumerate(aliases):
        if alias in aliases[:at]:
            raise SpecError(f"model '{alias}' is listed twice", where=places[at], hint="leave one out")


def _route(context: Context, spec: Spec, declared: Declared[Asset], asked: Asked) -> Lineup:
    aliases = list(dict.fromkeys(line.model for line in declared.value.route))
    conditions: list[Condition] = []
    bounds: dict[str, Bound] = {}
    for at, line in enumerate(declared.value.route):
        bounds[line.model] = bind(context, spec, line.model, declared.where("route", at, "model"))
        place = declared.where("route", at, "when")
        conditions.append(Condition(aliases.index(line.model), line.when, place))
    chains = tuple(_chain(context, spec, bounds[alias], asked) for alias in aliases)
    return Lineup(chains=chains, route=tuple(conditions), where=declared.where("route", key=True))


def _chain(context: Context, spec: Spec, bound: Bound, asked: Asked) -> Chain:
    others = fallbacks(context, spec, bound)
    first = Fit(bound, asked.of(spec, bound))
    return Chain(fits=(first, *(Fit(other, asked.of(spec, other), bound.alias) for other in others)))
