"""A project, loaded: settings, specs, targets and graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from imgbuild.expand import Expansion, expand
from imgbuild.files import Files
from imgbuild.graph import Graph, build_graph
from imgbuild.lock.book import LockBook
from imgbuild.pins import Name, kept
from imgbuild.publish import Outputs
from imgbuild.settings import Settings, load_settings
from imgbuild.spec.declared import Spec
from imgbuild.spec.load import load
from imgbuild.types import Model, Pin


class Project(Struct, frozen=True, kw_only=True, eq=False):
    """All that the sources say. Nothing of what was built is in it."""

    settings: Settings
    files: Files
    specs: tuple[Spec, ...]
    expansion: Expansion
    graph: Graph

    @property
    def outputs(self) -> Outputs:
        return Outputs(self.settings.root / self.settings.output)

    @property
    def store(self) -> Path:
        return self.settings.root / self.settings.store

    @property
    def cache(self) -> Path | None:
        return self.settings.root / self.settings.cache if self.settings.cache else None


def open_settings(
    root: Path,
    environ: Mapping[str, str],
    home: Path,
    profile: str = "",
    flags: Mapping[str, object] | None = None,
) -> tuple[Files, Settings]:
    """The settings in force, and the files they were read through. Raises SpecError, UsageError."""
    files = Files(root)
    return files, load_settings(files, environ=environ, home=home, profile=profile, flags=flags)


def load_project(files: Files, settings: Settings, extra: Sequence[str] = ()) -> Project:
    """Load, expand and connect all specs of the project. Raises SpecError, Errors."""
    return expanded(files, settings, load(files, settings, extra))


def expanded(
    files: Files, settings: Settings, specs: tuple[Spec, ...], pins: Mapping[Name, Pin] | None = None
) -> Project:
    """The specs, expanded and connected. pins: what the models are pinned to; left out, what their locks say."""

    @cache
    def locked() -> Mapping[Name, Pin]:
        return LockBook(files, settings, specs).pins() if pins is None else pins

    def find(home: str, alias: str, model: Model) -> Pin | None:
        return kept((home, alias), model, locked())

    expansion = expand(specs, settings, files, find)
    return Project(
        settings=settings, files=files, specs=specs, expansion=expansion, graph=build_graph(expansion.targets)
    )
