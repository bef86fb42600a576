"""What the schema can't see: names that nothing declares, keys that exclude each other, what goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imgbuild.errors import SpecError, did_you_mean, place
from imgbuild.rules import RULES
from imgbuild.spec.circles import circles
from imgbuild.spec.declared import Declared, Spec
from imgbuild.types import Asset, Model, Needs, Value

Sets = Declared[list[Value]]

MOST = 20  # faults of one file told at once
STAND_IN = "placeholder"  # the model that is there without being declared

# What steers generation has no meaning for pictures that no model makes.
OF_MODELS = (
    "template",
    "prompt",
    "negative",
    "requires",
    "forbid",
    "models",
    "route",
    "seeds",
    "size",
    "params",
    "inputs",
)


def crosscheck(spec: Spec, *, whole: bool = True) -> list[SpecError]:
    """The faults of a spec's own declarations. whole: every include was read, so an unknown name is a fault."""
    own = {name: model for name, model in spec.models.items() if model.document is spec.document}
    errors = [error for model in own.values() for error in _fallbacks(model, spec, whole)]
    errors += _circles(own)
    sets = {name: rules for name, rules in spec.rules.items() if rules.document is spec.document}
    errors += _shadowing(sets)
    errors += _nesting(sets)
    for rules in sets.values() if whole else ():
        errors += _unknown_rules(rules, rules.value, (), spec)
    for name, asset in spec.assets.items():
        errors += _exclusions(name, asset)
        errors += _unknown_names(asset, spec) if whole else ()
    return sorted(errors, key=_order)[:MOST]


def _order(error: SpecError) -> tuple[int, int]:
    return (error.where.line, error.where.column) if error.where is not None else (0, 0)


def _fallbacks(model: Declared[Model], spec: Spec, whole: bool) -> Iterator[SpecError]:
    for index, alias in enumerate(model.value.fallback):
        if whole and not _is_known(alias, spec):
            yield _unknown_model(alias, spec, model, ("fallback", index))


def _unknown_names(asset: Declared[Asset], spec: Spec) -> Iterator[SpecError]:
    written = asset.value
    if written.template and written.template not in spec.templates:
        hint = did_you_mean(written.template, spec.templates, "templates")
        yield SpecError(f"unknown template '{written.template}'", where=asset.where("template"), hint=hint)
    for index, alias in enumerate(written.models):
        if not _is_known(alias, spec):
            yield _unknown_model(alias, spec, asset, ("models", index))
    for path, line in written.routes:
        places = (
            [(*path, "model")]
            if line.model
            else [(*path, "cheapest", at) for at in range(len(line.cheapest))]
        )
        for place_of, alias in zip(places, line.models, strict=True):
            if not _is_known(alias, spec):
                yield _unknown_model(alias, spec, asset, place_of)
    yield from _unknown_rules(asset, written.validate, ("validate",), spec)


def _unknown_rules(
    declared: Declared[Any], items: Sequence[Value], path: tuple[str, ...], spec: Spec
) -> Iterator[SpecError]:
    """Names that are neither of a rule nor of a set, among the items at `path` of an asset or a set."""
    for index, item in enumerate(items):
        if isinstance(item, str) and item not in spec.rules and item not in RULES.names():
            hint = did_you_mean(item, [*spec.rules, *RULES.names()], "rules and rule sets")
            yield SpecError(f"unknown rule '{item}'", where=declared.where(*path, index), hint=hint)


def _shadowing(sets: Mapping[str, Sets]) -> Iterator[SpecError]:
    """Sets of rules that are called like a rule."""
    for name, declared in sets.items():
        if name in RULES.names():
            yield SpecError(
                f"'{name}' is the name of a rule", where=declared.where(key=True), hint="give the set another"
            )


def _is_known(alias: str, spec: Spec) -> bool:
    return alias in spec.models or alias == STAND_IN


def _unknown_model(
    alias: str, spec: Spec, declared: Declared[Asset] | Declared[Model], path: tuple[str | int, ...]
) -> SpecError:
    hint = did_you_mean(alias, spec.models, "models")
    return SpecError(f"unknown model '{alias}'", where=declared.where(*path), hint=hint)


def _exclusions(name: str, asset: Declared[Asset]) -> Iterator[SpecError]:
    """Keys of which an asset takes one only."""
    keys = asset.document.data["assets"][name]
    if "from" in keys and "sheet" in keys:
        hint = "a sheet is made of the pictures of another asset; remove one of the two"
        yield _at_key(asset, "sheet", f"asset '{name}' has both existing pictures and a sheet", hint)
        return
    if unmade := next((key for key in ("from", "sheet") if key in keys), ""):
        what = "existing pictures are" if unmade == "from" else "a sheet is"
        for key in OF_MODELS:
            if key in keys:
                hint = f"{what} not generated; remove one of the two"
                yield _at_key(asset, key, f"'{key}' has no meaning beside '{unmade}'", hint)
        return
    if "template" in keys and "prompt" in keys:
        yield _at_key(
            asset, "prompt", f"asset '{name}' has both a template and a prompt", "remove one of the two"
        )
    if "template" not in keys and "prompt" not in keys:
        hint = "add 'template', 'prompt' or, for existing pictures, 'from'"
        message = f"asset '{name}' has neither a template nor a prompt"
        yield SpecError(message, where=asset.where(key=True), hint=hint)
    yield from _lines(asset)
    if "models" in keys and "route" in keys:
        hint = (
            "'models' builds every cell with each of them, 'route' picks one per cell; remove one of the two"
        )
        yield _at_key(asset, "route", f"asset '{name}' has both models and a route", hint)


def _lines(asset: Declared[Asset]) -> Iterator[SpecError]:
    """Lines of a route that name no model, or name them in two ways."""
    for path, line in asset.value.routes:
        where, hint = asset.where(*path), "write 'model: …' for one, or 'cheapest: […]' to take the cheapest"
        if line.model and line.cheapest:
            where, hint = asset.where(*path, "cheapest", key=True), "remove one of the two"
            yield SpecError("a line of a route has both a model and a list of them", where=where, hint=hint)
        elif not line.models:
            yield SpecError("a line of a route names no model", where=where, hint=hint)
        elif line.model and line.needs != Needs():
            where = asset.where(*path, "needs", key=True)
            hint = (
                "a list of which the cheapest is taken has needs: write 'cheapest: […]' in place of 'model'"
            )
            yield SpecError("'needs' has no meaning beside 'model'", where=where, hint=hint)


def _at_key(asset: Declared[Asset], key: str, message: str, hint: str) -> SpecError:
    return SpecError(message, where=asset.where(key, key=True), hint=hint)


def _circles(models: Mapping[str, Declared[Model]]) -> Iterator[SpecError]:
    """Each circle of fallbacks once, at the place that closes it."""
    chains = {
        name: {alias: model.where("fallback", index) for index, alias in enumerate(model.value.fallback)}
        for name, model in models.items()
    }
    for circle in circles(chains):
        shown = " → ".join([*circle, circle[0]])
        where = chains[circle[-1]][circle[0]]
        hint = "each model of a chain may stand in it once"
        yield SpecError(f"fallbacks go round in a circle: {shown}", where=where, hint=hint)


def _nesting(sets: Mapping[str, Sets]) -> Iterator[SpecError]:
    """Each circle of rule sets once, at the place that closes it. A set of another file can name none of this one."""
    named = {
        name: {
            item: rules.where(index)
            for index, item in enumerate(rules.value)
            if isinstance(item, str) and item in sets
        }
        for name, rules in sets.items()
    }
    for circle in circles(named):
        shown = " → ".join([*circle, circle[0]])
        where = named[circle[-1]][circle[0]]
        hint = "a set can't hold itself"
        if len(circle) > 1:
            hint = f"'{circle[0]}' names '{circle[1]}' at {place(named[circle[0]][circle[1]])}; take one of them out"
        yield SpecError(f"rule sets go round in a circle: {shown}", where=where, hint=hint)
