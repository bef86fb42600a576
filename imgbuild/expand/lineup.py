"""Which models make a cell: all that the asset lists, or the one that its route picks, each with its fallbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import SpecError
from imgbuild.expand.asked import Asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.chain import Chain, read_chain
from imgbuild.expand.cheapest import Candidate, Cheapest, Choice, Offer, of_fallback, unfit
from imgbuild.expand.context import Context
from imgbuild.expand.faults import Fault
from imgbuild.expand.models import bind, default_model, fallbacks
from imgbuild.expand.needs import in_words, lacking
from imgbuild.expand.pricing import Pricing
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.varying import Varying, is_varying
from imgbuild.types import Asset, Bound, Route, Where

TAGS = "tags"  # what conditions call the asset's tags, unless a variable has that name


class Condition:
    """When a line of a route holds. tags: of the asset."""

    def __init__(self, when: str, where: Where, tags: Sequence[str]) -> None:
        self.when = when
        self._expression = None
        self._more: Mapping[str, Sequence[str]] = {}
        if when:
            from imgbuild.templates.sandboxed import Expression

            self._expression = Expression(when, where)
            self._more = {TAGS: list(tags)} if TAGS in self._expression.names else {}

    def holds(self, cell: Cell) -> bool:
        if self._expression is None:
            return True
        bindings = {**self._more, **cell.bindings} if self._more else cell.bindings
        return self._expression.holds(bindings)


class Line(Struct, frozen=True, kw_only=True, eq=False):
    """One line of a route, read. chain: the position of the one that it picks; None where it takes the `cheapest`.

    number: which line it is, from 1; 0 where the route is no list. places: the positions of chains, by their alias.
    """

    condition: Condition
    chain: int | None = None
    cheapest: Cheapest | None = None
    number: int = 0
    places: Mapping[str, int]

    def pick(self, cell: Cell, faults: list[Fault]) -> int:
        """The position of the chain for this cell; where none can make it, that is added to `faults`."""
        if self.chain is not None:
            return self.chain
        assert self.cheapest is not None
        choice = self.cheapest.of(cell)
        if choice.fault is not None:
            faults.append(choice.fault)
        return self.places[choice.taken.model]


class Routed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a route came to a model. line: its number, from 1; 0 where the route is no list. when: its condition.

    needs: in words. offers: of all that were compared, in the order of the list; none where one was named outright.
    cheaper: who would be taken now, if the lock did not know this choice.
    """

    model: str
    line: int = 0
    when: str = ""
    needs: str = ""
    offers: tuple[Offer, ...] = ()
    cheaper: Offer | None = None


class Lineup(Struct, frozen=True, kw_only=True, eq=False):
    """The chains of an asset. route: what picks one for a cell; None where every chain makes every cell.

    several: whether more than one model is named outright, so that default names of outputs tell them apart; where the
    cheapest is taken, no name moves with prices. rivals: by alias, the models that may be taken in place of that one.
    """

    chains: tuple[Chain, ...]
    route: tuple[Line, ...] | None = None
    several: bool = False
    rivals: Mapping[str, tuple[Bound, ...]] = {}
    where: Where

    @property
    def per_cell(self) -> int:
        """How many models make a cell."""
        return len(self.chains) if self.route is None else 1

    @property
    def is_priced(self) -> bool:
        """Whether prices have a part in which model makes a cell."""
        return any(line.cheapest is not None for line in self.route or ())

    def of(self, cell: Cell, faults: list[Fault]) -> Sequence[int]:
        """The positions of the chains that make this cell; that none of them can is added to `faults`.

        Raises SpecError where the route names none.
        """
        if self.route is None:
            return range(len(self.chains))
        for line in self.route:
            if line.condition.holds(cell):
                return (line.pick(cell, faults) if line.chain is None else line.chain,)
        raise self._none_holds(cell)

    def routed(self, cell: Cell) -> Routed:
        """How the route came to the model of this cell. Raises SpecError."""
        line = self.line(cell)
        when, chosen = line.condition.when, line.cheapest
        if chosen is None:
            return Routed(model=self.chains[line.pick(cell, [])].alias, line=line.number, when=when)
        choice = chosen.of(cell)
        return Routed(
            model=choice.taken.model,
            line=line.number,
            when=when,
            needs=in_words(chosen.needs),
            offers=choice.offers,
            cheaper=choice.cheaper,
        )

    def line(self, cell: Cell) -> Line:
        """The line of the route that holds for this cell. Raises SpecError where none does."""
        for line in self.route or ():
            if line.condition.holds(cell):
                return line
        raise self._none_holds(cell)

    def _none_holds(self, cell: Cell) -> SpecError:
        return SpecError(
            f"no line of the route holds for cell [{','.join(cell.tags)}]",
            where=self.where,
            hint="end the route with a line without 'when'",
        )


def read_lineup(context: Context, spec: Spec, name: str, declared: Declared[Asset], asked: Asked) -> Lineup:
    """The models that the asset names, each fitted. Raises SpecError."""
    asset = declared.value
    if asset.route:
        return _Routing(context, spec, declared, asked).lineup()
    if asset.models:
        bounds = _bounds(context, spec, declared, asset.models, ("models",))
    else:
        bounds = [default_model(context, spec, name, declared.where(key=True))]
    chains = tuple(read_chain(context, spec, bound, asked) for bound in bounds)
    return Lineup(chains=chains, several=len(chains) > 1, where=declared.where(key=True))


def _bounds(
    context: Context,
    spec: Spec,
    declared: Declared[Asset],
    aliases: Sequence[str],
    path: tuple[str | int, ...],
) -> list[Bound]:
    """The models of a list at `path`, each named once. Raises SpecError."""
    places = [declared.where(*path, at) for at in range(len(aliases))]
    for at, alias in enumerate(aliases):
        if alias in aliases[:at]:
            raise SpecError(f"model '{alias}' is listed twice", where=places[at], hint="leave one out")
    return [bind(context, spec, alias, places[at]) for at, alias in enumerate(aliases)]


class _Routing:
    """A route, as it is read."""

    def __init__(self, context: Context, spec: Spec, declared: Declared[Asset], asked: Asked) -> None:
        self.context, self.spec, self.declared, self.asked = context, spec, declared, asked
        self.chains: list[Chain] = []
        self.places: dict[str, int] = {}
        self.named: set[str] = set()
        self.rivals: dict[str, dict[str, Bound]] = {}

    def lineup(self) -> Lineup:
        lines = tuple(self._line(path, line) for path, line in self.declared.value.routes)
        rivals = {alias: tuple(bounds.values()) for alias, bounds in self.rivals.items()}
        return Lineup(
            chains=tuple(self.chains),
            route=lines,
            several=len(self.named) > 1,
            rivals=rivals,
            where=self.declared.where("route", key=True),
        )

    def _line(self, path: tuple[str | int, ...], line: Route) -> Line:
        chain, cheapest = None, None
        if line.model:
            bound = bind(self.context, self.spec, line.model, self.declared.where(*path, "model"))
            self.named.add(line.model)
            chain = self._place(read_chain(self.context, self.spec, bound, self.asked))
        else:
            cheapest = self._cheapest(path, line)
            for taken in cheapest.takes():
                self._place(taken)
                self._rival(taken.alias, cheapest)
        condition = Condition(line.when, self.declared.where(*path, "when"), self.declared.value.tags)
        number = int(path[-1]) + 1 if len(path) > 1 else 0
        return Line(condition=condition, chain=chain, cheapest=cheapest, number=number, places=self.places)

    def _place(self, chain: Chain) -> int:
        """The position of the model's chain: of the first that there was."""
        if chain.alias not in self.places:
            self.places[chain.alias] = len(self.chains)
            self.chains.append(chain)
        return self.places[chain.alias]

    def _rival(self, alias: str, cheapest: Cheapest) -> None:
        """All that stand against a model must be pinned with it: what they take is known for certain only then."""
        known = self.rivals.setdefault(alias, {})
        for item in cheapest.candidates:
            if not item.lacks:
                others = fallbacks(self.context, self.spec, item.bound)
                known.update({bound.alias: bound for bound in (item.bound, *others)})

    def _cheapest(self, path: tuple[str | int, ...], line: Route) -> Cheapest:
        self._check_templates()
        bounds = _bounds(self.context, self.spec, self.declared, line.cheapest, (*path, "cheapest"))
        candidates = [self._candidate(bound, line) for bound in bounds]
        where = self.declared.where(*path, "cheapest", key=True)
        return Cheapest(candidates, line.needs, self.asked, where, partial(self._note, where))

    def _check_templates(self) -> None:
        """A template that is none is a fault of its own, and not of the models that are asked. Raises SpecError."""
        wishes = [*self.asked.params.values(), *self.asked.over.values()]
        for wish in [*wishes, *([self.asked.size] if self.asked.size is not None else [])]:
            if is_varying(wish.value):
                Varying(wish.value, wish.where)

    def _candidate(self, bound: Bound, line: Route) -> Candidate:
        """Raises SpecError for what is wrong with the model's own declaration, whatever is asked of it."""
        bare = replace(self.asked, negative=None, roles={}, pictures={}, params={}, over={}, size=None)
        read_chain(self.context, self.spec, bound, bare)
        models = [bound, *fallbacks(self.context, self.spec, bound)]
        pins = [self.context.pins(item.home, item.alias, item.model) for item in models]
        lacks = self._lacks(models, line)
        chain, why_not = None, lacks
        if not lacks:
            try:
                chain = read_chain(self.context, self.spec, bound, self.asked)
            except SpecError as error:
                why_not = unfit(bound.alias, error)
        return Candidate(
            bound=bound,
            chain=chain,
            why_not=why_not,
            lacks=bool(lacks),
            pricings=tuple(Pricing(item.model, pin) for item, pin in zip(models, pins, strict=True)),
            chosen=frozenset(pins[0].chosen if pins[0] is not None else ()),
        )

    def _lacks(self, models: Sequence[Bound], line: Route) -> str:
        """What the first of them, or else a fallback of it, has not; empty where all have what is needed."""
        lacks = [lacking(self.context, bound, line.needs) for bound in models]
        others = [
            of_fallback(bound.alias, told) for bound, told in zip(models[1:], lacks[1:], strict=True) if told
        ]
        return lacks[0] or next(iter(others), "")

    def _note(self, where: Where, bound: Bound, choice: Choice) -> None:
        """Remember a choice for the lock, and warn where it was made without all the prices."""
        self.context.chosen.setdefault((bound.home, bound.alias), {})[choice.digest] = choice
        left = [offer for offer in choice.offers if not offer.why_not]
        for offer in left if len(left) > 1 else ():
            if offer.price is None:
                told = f"what an image of model '{offer.model}' costs is not known, so that the route takes it last"
                self.context.warn(told, where)
