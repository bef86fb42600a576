"""Finds what is registered under a name: built in, or brought by another package's entry point.

A built-in is named as "module:Class" and imported only when it is asked for, so that a registry costs nothing
to look at. Third parties register under the entry point groups imgbuild.providers, imgbuild.rules and
imgbuild.process.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from imgbuild.errors import SpecError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names → classes of one kind, made from `base`. `kind` is the word for errors ("provider", "rule")."""

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str], base: type = object) -> None:
        self.kind = kind
        self.base = base
        self.group = group
        self._built_in = built_in
        self._loaded: dict[str, T] = {}
        self._found: dict[str, Any] | None = None

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({*self._built_in, *self._plug_ins()})

    def get(self, name: str) -> T:
        """The class of that name. Raises SpecError where there is none, or its package can't be imported."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def origins(self) -> list[str]:
        """The files that define the plug-ins loaded so far."""
        plug_ins = [found for name, found in self._loaded.items() if name not in self._built_in]
        modules = [sys.modules.get(getattr(found, "__module__", "")) for found in plug_ins]
        return sorted({module.__file__ for module in modules if module is not None and module.__file__})

    def _load(self, name: str) -> T:
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            return cast(T, getattr(import_module(module), attribute))
        if name in self._plug_ins():
            return self._load_plug_in(self._plug_ins()[name])
        raise SpecError(
            f"unknown {self.kind} '{name}'", hint=did_you_mean(name, self.names(), f"{self.kind}s")
        )

    def _load_plug_in(self, point: Any) -> T:
        try:
            found = point.load()
        except Exception as error:  # another package's code, run at import
            raise self._unusable(point, str(error) or type(error).__name__) from error
        if not isinstance(found, type) or not issubclass(found, self.base):
            raise self._unusable(point, f"it is no {self.base.__name__}")
        own = getattr(found, "name", point.name)
        if own != point.name:
            raise self._unusable(point, f"it names itself '{own}'")
        return cast(T, found)

    def _unusable(self, point: Any, why: str) -> SpecError:
        package = f"the package '{point.dist.name}'" if point.dist is not None else "the package"
        return SpecError(
            f"{self.kind} '{point.name}' can't be loaded from {point.value}: {why}",
            hint=f"mend or uninstall {package} that brings it",
        )

    def _plug_ins(self) -> dict[str, Any]:
        if self._found is None:
            self._found = {point.name: point for point in entry_points(group=self.group)}
        return self._found
