"""What the same images would cost on another model, and which of them that can't make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.costs import Estimates, Sum
from imgbuild.errors import SpecError, UsageError, did_you_mean
from imgbuild.expand.instead import asked_instead, bind_instead
from imgbuild.expand.models import draws
from imgbuild.expand.policies import STAND_IN
from imgbuild.keys import DECLARED, Way
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.providers.listed import is_snapshot
from imgbuild.providers.prices import price_list
from imgbuild.types import Bound, Model, Size, Target


class Work(Struct, frozen=True, kw_only=True, eq=False):
    """A target that a model makes. seed, way: of the request for it.

    now, anew: whether a build sends one now, and whether one from nothing does.
    """

    target: Target
    seed: int
    way: Way
    now: bool
    anew: bool


Prices: TypeAlias = tuple[float | None, float | None]  # of what is to be done now, and from nothing


class Costs(NamedTuple):
    """now: of what is to be done. anew: of all that there is, from nothing."""

    now: Sum = Sum()
    anew: Sum = Sum()

    def plus(self, prices: Prices) -> Costs:
        return Costs(self.now.plus(prices[0]), self.anew.plus(prices[1]))


class Compared(Struct, frozen=True, kw_only=True):
    """Works on another model. name: as it was asked for.

    costs: of those that it takes. more: how much more than the same ones cost as they are declared.
    cannot: how many it can't take; first: of these, and reason: why. resized: how many come in another size.
    """

    name: str
    model: Model
    costs: Costs
    more: Costs
    cannot: int = 0
    first: str = ""
    reason: str = ""
    resized: int = 0


def works_of(decisions: Iterable[Decision], pending: Estimates, anew: Estimates) -> list[Work]:
    """Those of targets that a model makes; one at fault is not made. pending: knows what there is already."""
    return [
        Work(
            target=item.target,
            seed=item.seed,
            way=item.way,
            now=item.action in DOES_STEPS and pending.is_news(item.target, item.seed, item.way),
            anew=anew.is_news(item.target, item.seed),
        )
        for item in decisions
        if item.target.recipe.model is not None and not item.target.fault
    ]


def costs_of(works: Iterable[Work], estimates: Estimates) -> Costs:
    """What they cost as they are declared."""
    costs = Costs()
    for work in works:
        costs = costs.plus(_prices(work, estimates))
    return costs


def _prices(work: Work, estimates: Estimates) -> Prices:
    return (
        estimates.price_again(work.target, work.seed, work.way) if work.now else 0.0,
        estimates.price_again(work.target, work.seed) if work.anew else 0.0,
    )


def mix_of(works: Iterable[Work], estimates: Estimates) -> dict[tuple[str, str], Sum]:
    """What they cost from nothing, by asset and model."""
    groups: dict[tuple[str, str], list[Work]] = {}
    for work in works:
        recipe = work.target.recipe
        alias = recipe.model.alias if recipe.model else ""
        groups.setdefault((f"{recipe.spec}/{recipe.asset}", alias), []).append(work)
    return {name: costs_of(members, estimates).anew for name, members in sorted(groups.items())}


def find_model(project: Project, name: str) -> Bound:
    """The model that a person names: as a spec declares it, as `provider/source`, or as the list of prices has it.

    Raises UsageError where that is none, or several.
    """
    home, model = _declared(project, name) or (
        "",
        _of_provider(name) or _listed(name) or _none(project, name),
    )
    if not draws(model):
        hint = f"it is of provider '{model.provider}'; name one that draws"
        raise UsageError(f"model '{name}' makes no images", hint=hint)
    try:
        return bind_instead(project.drafts, home, name, model)
    except SpecError as error:
        raise UsageError(error.message, hint=error.hint) from error


def _declared(project: Project, name: str) -> tuple[str, Model] | None:
    found: dict[str, Model] = {}
    for spec in project.specs:
        if name in spec.models:
            found.setdefault(spec.models[name].home, spec.models[name].value)
    if any(model != other for model in found.values() for other in found.values()):
        listed = ", ".join(f"{model.provider}/{model.source} ({home})" for home, model in found.items())
        raise UsageError(f"several models are called '{name}'", hint=f"name one as provider/source: {listed}")
    if name == STAND_IN and not found:
        return "", Model(provider=STAND_IN)
    return next(iter(found.items()), None)


def _of_provider(name: str) -> Model | None:
    provider, slash, source = name.partition("/")
    return Model(provider=provider, source=source) if slash and provider in PROVIDERS.names() else None


def _listed(name: str) -> Model | None:
    providers = [
        provider
        for provider, models in price_list().models.items()
        if any(is_snapshot(name, listed) for listed in models)
    ]
    if len(providers) > 1:
        candidates = ", ".join(f"{provider}/{name}" for provider in providers)
        raise UsageError(f"several providers have a model '{name}'", hint=f"name one of {candidates}")
    return Model(provider=providers[0], source=name) if providers else None


def _none(project: Project, name: str) -> Model:
    declared = {alias for spec in project.specs for alias in spec.models}
    listed = {model for models in price_list().models.values() for model in models}
    near = get_close_matches(name, sorted(declared | listed), n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    here = did_you_mean("", declared, "models")
    raise UsageError(
        f"no model is called '{name}'", hint=f"{meant}{here}; any other one is named as provider/source"
    )


def compare(project: Project, works: Sequence[Work], bound: Bound, estimates: Estimates) -> Compared:
    """What the works would cost if this model made all of them."""
    answers = [(work, *answer) for work, answer in _instead(project, works, bound)]
    taken = [(work, target) for work, target, _ in answers if target is not None]
    cannot = [(work.target.id, reason) for work, target, reason in answers if target is None]
    costs, more = Costs(), Costs()
    for work, target in taken:
        here, there = _prices(work, estimates), _prices(replace(work, target=target, way=DECLARED), estimates)
        costs, more = costs.plus(there), more.plus((_more(there[0], here[0]), _more(there[1], here[1])))
    first, reason = cannot[0] if cannot else ("", "")
    return Compared(
        name=bound.alias,
        model=bound.model,
        costs=costs,
        more=more,
        cannot=len(cannot),
        first=first,
        reason=reason,
        resized=sum(_size(work.target) != _size(target) for work, target in taken),
    )


def _more(there: float | None, here: float | None) -> float | None:
    return None if there is None or here is None else there - here


def _instead(
    project: Project, works: Sequence[Work], bound: Bound
) -> Iterator[tuple[Work, tuple[Target | None, str]]]:
    """Each work with its target on this model or, where it can't make that, the reason."""
    members: dict[tuple[str, str], list[Work]] = {}
    for work in works:
        recipe = work.target.recipe
        members.setdefault((recipe.spec, recipe.asset), []).append(work)
    declared: dict[tuple[str, str], list[Target]] = {}
    for target in project.expansion.targets:
        declared.setdefault((target.recipe.spec, target.recipe.asset), []).append(target)
    for asset, own in members.items():
        answers = _answers(project, asset, declared[asset], bound)
        yield from ((work, answers[work.target.id]) for work in own)


def _answers(
    project: Project, asset: tuple[str, str], now: Sequence[Target], bound: Bound
) -> Mapping[str, tuple[Target | None, str]]:
    """For each target of an asset, by its id, what it is on this model, or why it is not."""
    try:
        made = asked_instead(project.drafts, asset, bound, now)
    except SpecError as error:
        return dict.fromkeys([target.id for target in now], (None, error.message))
    return {
        before.id: (None, target.fault) if target.fault else (target, "")
        for before, target in zip(now, made, strict=True)
    }


def _size(target: Target) -> Size:
    return target.asks[0].width, target.asks[0].height
