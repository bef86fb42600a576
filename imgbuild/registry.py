"""Finds what is registered under a name: built in, or brought by another package's entry point.

A built-in is named as "module:Class" and imported only when it is asked for, so that a registry costs nothing
to look at. Third parties register under the entry point groups imgbuild.providers, imgbuild.rules and
imgbuild.process.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from imgbuild.errors import SpecError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names → classes of one kind. `kind` is the word for errors ("provider", "rule", "operation")."""

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str]) -> None:
        self.kind = kind
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
            return cast(T, point.load())
        except Exception as error:  # another package's code, run at import
            raise SpecError(
                f"{self.kind} '{point.name}' can't be loaded from {point.value}: {error}",
                hint=f"mend or uninstall the package '{point.dist.name}' that brings it",
            ) from error

    def _plug_ins(self) -> dict[str, Any]:
        if self._found is None:
            self._found = {point.name: point for point in entry_points(group=self.group)}
        return self._found
