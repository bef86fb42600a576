"""Pins of the models that targets use: kept while their declaration is, resolved where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.files import Files
from imgbuild.foreign import foreign
from imgbuild.keys import FindDigest, bound_at
from imgbuild.process.base import is_upstream
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.types import Bound, Digest, Model, Pin, Recipe, Target
from imgbuild.weights.networks import Judge, Weights, declared_name, is_model

Name = tuple[str, str]  # the declaring spec's name, and the alias


class Pins:
    """known: pins that hold. missing: models that have none yet. failed: why one could not be resolved.

    chosen: what the lock's pins say beside: the choices by price that fell on a model.
    moved: models whose files are not those that the lock's pin was taken from; known holds what they weigh now.
    """

    def __init__(
        self, targets: Iterable[Target], locked: Mapping[Name, Pin], more: Iterable[Bound] = ()
    ) -> None:
        """more: models that no target uses."""
        self.models = {**used_models(targets), **{(bound.home, bound.alias): bound for bound in more}}
        found = {name: pin for name, bound in self.models.items() if (pin := kept(name, bound.model, locked))}
        self.known = {name: bare(pin) for name, pin in found.items()}
        self.chosen = {name: pin.chosen for name, pin in found.items()}
        self.missing = [name for name in self.models if name not in self.known]
        self.moved: list[Name] = []
        self.failed: dict[Name, TargetError] = {}

    def weigh(self, provider: Callable[[str], Provider]) -> None:
        """Let the pins follow the files of the project that their models are made of; files that are gone move none."""
        for name, pin in self.known.items():
            model = self.models[name].model
            with suppress(TargetError), foreign(f"provider '{model.provider}'"):
                weights = provider(model.provider).weights(model, pin)
                if weights is not None and weights != pin.weights:
                    self.known[name] = replace(pin, weights=weights)
                    self.moved.append(name)

    def resolve(self, provider: Callable[[str], Provider], *, offline: bool) -> list[Name]:
        """Pin what is missing, and anew what has moved; the names of those that now have another pin.

        A model that can't be pinned fails its own targets, not the build.
        """
        resolved = []
        for name in (*self.missing, *self.moved):
            moved = self.known.pop(name, None)
            model = self.models[name].model
            adapter = provider(model.provider)
            try:
                if offline and adapter.network:
                    raise TargetError(
                        f"pinning '{name[1]}' needs the network", hint="build without --offline"
                    )
                with foreign(f"provider '{model.provider}'"):
                    self.known[name] = adapter.repin(model, moved) if moved else adapter.pin(model)
                    resolved.append(name)
            except TargetError as error:
                self.failed[name] = error
        self.missing = [name for name in self.models if name not in self.known]
        self.moved = []
        return resolved

    def as_locked(self) -> dict[Name, Pin]:
        """The pins that hold, with the choices that the lock knows."""
        return {name: replace(pin, chosen=self.chosen.get(name, ())) for name, pin in self.known.items()}

    def digest(self, name: str) -> Digest | None:
        """The digest of a model's weights, by its name as rules and operations have it; None where it has no pin."""
        pin = self.known.get(declared_name(name))
        return pin.weights if pin is not None else None

    def weights(self, name: str, provider: Callable[[str], Provider]) -> Weights | Judge:
        """The weights of a model, by its name as rules and operations have it, or the service. Raises TargetError."""
        declared = declared_name(name)
        pin, model = self.known.get(declared), self.models[declared].model
        if pin is None:
            raise self.failed.get(declared) or TargetError(
                f"model '{declared[1]}' is not pinned yet", hint="`imgbuild build` pins it"
            )
        with foreign(f"provider '{model.provider}'"):
            return provider(model.provider).fetched(model, pin)

    def why_missing(self, target: Target) -> tuple[str, str]:
        """Why a target's model, or one that its operations use, has no pin, and a hint."""
        asked = [bound_at(target, position) for position in range(len(target.asks))]
        for bound in (*asked, *target.recipe.weights):
            error = self.failed.get((bound.home, bound.alias))
            if error is not None:
                return error.message, error.hint
        return "its model is not pinned yet", "`imgbuild build` pins it"


def digests_of(files: Files, pins: Pins) -> FindDigest:
    """Finds the digest of what a rule or an operation reads: a file, by its path, or a model's weights, by its name.

    Of the pictures of other targets there is none here: what these are is known to each target alone.
    """

    def find(name: str) -> Digest | None:
        if is_upstream(name):
            return None
        return pins.digest(name) if is_model(name) else files.digest(name)

    return find


def used_models(targets: Iterable[Target]) -> dict[Name, Bound]:
    """The models that any target may be made by, fallbacks and rivals included."""
    return models_of({id(target.recipe): target.recipe for target in targets}.values())


def models_of(recipes: Iterable[Recipe]) -> dict[Name, Bound]:
    """The models of recipes: fallbacks, rivals, and those whose weights rules and operations use, included."""
    models: dict[Name, Bound] = {}
    for recipe in recipes:
        for bound in (recipe.model, *recipe.fallbacks, *recipe.rivals, *recipe.weights):
            if bound is not None:
                models.setdefault((bound.home, bound.alias), bound)
    return models


def kept(name: Name, model: Model, locked: Mapping[Name, Pin]) -> Pin | None:
    """The lock's pin while the declaration is what it was resolved from; a renamed model takes over its pin."""
    own = locked.get(name)
    if own is not None:
        return own if is_of(own, model) else None
    found = (name for name, pin in locked.items() if is_of(pin, model))
    return locked[first] if (first := min(found, default=None)) is not None else None


def bare(pin: Pin) -> Pin:
    """The pin without the choices that only locks hold."""
    return replace(pin, chosen=()) if pin.chosen else pin


def is_of(pin: Pin, model: Model) -> bool:
    return (pin.provider, pin.source, pin.declared) == (model.provider, model.source, model.revision)


def outdated(pins: Mapping[Name, Pin]) -> list[Name]:
    """Models whose adapter has a newer version than the pin: `lock --upgrade` moves them, nothing else does."""
    return [name for name, pin in pins.items() if pin.adapter < PROVIDERS.get(pin.provider).version]
