"""What the locks should say after a run: new lines, carried ones, and those that nothing declares any more left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from imgbuild.lock.text import Lock
from imgbuild.pins import Name
from imgbuild.survey import Survey
from imgbuild.types import Line, Pin


def relock(
    found: Survey, made: Mapping[str, Line], chosen: Collection[str], *, whole: bool, prune: bool
) -> dict[str, Lock]:
    """Every lock as it should be now, by spec. `made`: the lines of this run, by whole id.

    whole: nothing was selected; a selection touches only its own lines. prune: also drop many lines at once.
    """
    locks = {}
    for name, base in found.book.base.items():
        kept = _kept_lines(name, base, found, chosen, prune=prune, whole=whole)
        locks[name] = Lock(models=_kept_pins(name, base, found, whole=whole), targets=kept)
    for id, line in _new_lines(found, made, chosen).items():
        spec = found.project.graph.targets[id].recipe.spec
        locks[spec].targets[id.removeprefix(f"{spec}/")] = line
    return locks


def _kept_lines(
    name: str, base: Lock, found: Survey, chosen: Collection[str], *, prune: bool, whole: bool
) -> dict[str, Line]:
    taken = {old for new, old in found.carried.items() if new in chosen}
    gone = set(found.gone.get(name, ())) if whole and (prune or name not in found.guarded) else set()
    return {id: line for id, line in base.targets.items() if id not in gone and f"{name}/{id}" not in taken}


def _new_lines(found: Survey, made: Mapping[str, Line], chosen: Collection[str]) -> dict[str, Line]:
    carried = {new: found.lines[new] for new in found.carried if new in chosen}
    return {**carried, **made}


def _kept_pins(name: str, base: Lock, found: Survey, *, whole: bool) -> dict[str, Pin]:
    declared = _declared_models(name, found)
    pins = {alias: pin for alias, pin in base.models.items() if alias in declared or not whole}
    pins.update({alias: pin for (home, alias), pin in found.pins.known.items() if home == name})
    return {alias: _with_choices((name, alias), pins[alias], base, found) for alias in sorted(pins)}


def _with_choices(name: Name, pin: Pin, base: Lock, found: Survey) -> Pin:
    """The pin with the choices by price that fell on its model; those of what was not looked at stay."""
    chosen = set(found.project.chosen.get(name, ()))
    is_read = any(spec.name == name[0] for spec in found.project.specs)
    if name[1] in base.models and not (found.project.is_whole and is_read):
        chosen.update(base.models[name[1]].chosen)
    return pin if tuple(sorted(chosen)) == pin.chosen else replace(pin, chosen=tuple(sorted(chosen)))


def _declared_models(name: str, found: Survey) -> set[str]:
    spec = next((spec for spec in found.project.specs if spec.name == name), None)
    return {alias for alias, model in spec.models.items() if model.home == name} if spec else set()
