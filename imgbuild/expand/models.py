"""Models as recipes use them: found by name, under the active profile, with what they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Protocol

from msgspec.structs import replace

from imgbuild.errors import Misdeclared, SpecError, did_you_mean
from imgbuild.expand.context import Context
from imgbuild.expand.policies import STAND_IN, refuse_model
from imgbuild.files import Files
from imgbuild.foreign import Broke, foreign
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.settings import profile_place
from imgbuild.spec.declared import Declared, Spec
from imgbuild.spec.located import Place, located
from imgbuild.templates.template import narrow
from imgbuild.types import Bound, Capabilities, Model, Pin, Where


def bind(context: Context, spec: Spec, alias: str, where: Where) -> Bound:
    """The model of that name, which makes images. where: what names it. Raises SpecError."""
    bound = _found(context, spec, alias, where)
    if not draws(bound.model):
        raise SpecError(
            f"model '{alias}' is of provider '{bound.model.provider}', which makes no images",
            where=where,
            hint="rules and operations name it; an asset needs a model that draws",
        )
    return bound


def bind_weights(context: Context, spec: Spec, alias: str, where: Where) -> Bound:
    """The model of that name, whose weights a rule or an operation uses. Raises SpecError."""
    others = [name for name, declared in spec.models.items() if not draws(declared.value)]
    if alias not in spec.models:
        raise _unknown_weights(alias, others, where)
    bound = _found(context, spec, alias, where)
    if draws(bound.model):
        raise SpecError(
            f"model '{alias}' is of provider '{bound.model.provider}', which makes images",
            where=where,
            hint=f"name one that makes none: {', '.join(sorted(others))}" if others else _entry("name"),
        )
    return bound


def _unknown_weights(alias: str, others: Sequence[str], where: Where) -> SpecError:
    if alias.startswith(".") or "/" in alias:
        message = f"'{alias}' says where weights are, and the name of a declared model is needed"
        return SpecError(message, where=where, hint=_entry("name", alias))
    hint = did_you_mean(alias, others, "models") if others else _entry(alias)
    return SpecError(f"unknown model '{alias}'", where=where, hint=hint)


def _entry(name: str, source: str = "…") -> str:
    return f"declare it: `models: {{{name}: {{provider: weights, source: {source}}}}}`"


def draws(model: Model) -> bool:
    """Whether it makes images; so says its provider, and what one does that nobody knows is told elsewhere."""
    try:
        return PROVIDERS.get(model.provider).draws
    except SpecError:
        return True


def _found(context: Context, spec: Spec, alias: str, where: Where) -> Bound:
    declared = spec.models.get(alias)
    if declared is None and alias != STAND_IN:
        raise SpecError(
            f"unknown model '{alias}'", where=where, hint=did_you_mean(alias, spec.models, "models")
        )
    home = declared.home if declared else spec.name
    known = context.bounds.get((home, alias))
    if known is None:
        known = context.bounds[home, alias] = _bind(context, spec, alias, declared, where)
    return known


def fallbacks(context: Context, spec: Spec, bound: Bound) -> tuple[Bound, ...]:
    """The models that take over from this one, in order. Raises SpecError."""
    others = [
        alias for alias in bound.model.fallback if alias != bound.alias
    ]  # a profile may make it its own
    return tuple(bind(context, spec, alias, bound.where) for alias in others)


def _bind(context: Context, spec: Spec, alias: str, declared: Declared[Model] | None, where: Where) -> Bound:
    place = declared.where(key=True) if declared else where
    model = _profiled(context, spec, alias, declared.value if declared else Model(provider=STAND_IN), place)

    def at(*path: str | int, key: bool = False) -> Where:
        if declared and declared.value is model:
            return declared.where(*path, key=key or not path)
        return _profile_place(context, alias, *map(str, path)) or place

    refuse_model(context, alias, model, at)
    home = declared.home if declared else spec.name
    return Bound(
        alias=alias,
        home=home,
        model=model,
        capabilities=capabilities_of(model, at, context.files, lambda: context.pins(home, alias, model)),
        where=place,
    )


def _profiled(context: Context, spec: Spec, alias: str, model: Model, where: Where) -> Model:
    """The model that the active profile puts in place of this one, or the model itself."""
    profile = context.settings.profile
    if profile is None:
        return model
    stands_in = (
        profile.models.get("*", model) if draws(model) else model
    )  # what draws is no stand-in for weights
    other = profile.models.get(alias, stands_in)
    if not isinstance(other, str):
        return located(other, partial(_locate_of_profile, context, alias))
    declared = next(
        (one.models[other] for one in (spec, *context.specs.values()) if other in one.models), None
    )
    if declared is not None:
        return declared.value
    if other == STAND_IN:
        return replace(model, provider=STAND_IN, source="", revision="", price=None, fallback=[])
    raise SpecError(
        f"profile '{context.settings.profile_name}' puts '{other}' in place of '{alias}', which is no model here",
        where=_profile_place(context, alias) or where,
        hint=did_you_mean(other, [*spec.models, STAND_IN], "models"),
    )


def _locate_of_profile(context: Context, alias: str, path: str, place: Place) -> str:
    named = takewhile(lambda step: isinstance(step, str), place)
    return context.files.locate(path, "", _profile_place(context, alias, *map(str, named)))


def _profile_place(context: Context, alias: str, *path: str) -> Where | None:
    """Where the active profile names what stands in for this model."""
    profile = context.settings.profile
    name = alias if profile is not None and alias in profile.models else "*"
    return profile_place(context.settings, "models", name, *path)


class At(Protocol):
    """The place of a key's value within a declaration, or of the key itself; the nearest where it is absent."""

    def __call__(self, *path: str | int, key: bool = False) -> Where: ...


def capabilities_of(model: Model, at: At, files: Files, pin: Callable[[], Pin | None]) -> Capabilities:
    """What the model's provider says that it takes. at: of its declaration. Raises SpecError.

    pin: what it is pinned to, if it is; only asked for a provider that has to look at its models.
    """
    try:
        kind = PROVIDERS.get(model.provider)
        known = pin() if kind.pinned is not Provider.pinned else None
        with foreign(f"provider '{model.provider}'"):
            provider = kind()
            provider.files = files
            return provider.capabilities(model) if known is None else provider.pinned(model, known)
    except Misdeclared as error:
        where = at(*error.path, key=error.key)
        raise SpecError(error.message, where=narrow(where, error.word), hint=error.hint) from error
    except (SpecError, Broke) as error:
        raise SpecError(error.message, where=error.where or at("provider"), hint=error.hint) from error


def default_model(context: Context, spec: Spec, asset: str, where: Where) -> Bound:
    """The model of an asset that names none: the one that is declared, or the stand-in where none is."""
    drawing = [alias for alias, declared in spec.models.items() if draws(declared.value)]
    names: Sequence[str] = drawing or [STAND_IN]
    if len(names) > 1:
        raise SpecError(
            f"asset '{asset}' does not say which model makes it",
            where=where,
            hint=f"add 'models: [{names[0]}]'. Models here: {', '.join(sorted(names))}",
        )
    return bind(context, spec, names[0], where)
