"""A project, loaded: settings, specs, targets and graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand import Drafts, Expansion, expand, read_drafts
from imgbuild.expand.cheapest import Choice
from imgbuild.expand.context import Context, Notice
from imgbuild.expand.draft import Moved
from imgbuild.expand.finish import rules_of_sets, weights_of
from imgbuild.expand.winners import FindWinner, OpenPicks
from imgbuild.files import Files
from imgbuild.graph import Graph, build_graph
from imgbuild.lock.book import LockBook
from imgbuild.pins import Name, kept
from imgbuild.publish import Outputs
from imgbuild.reviews.book import ReviewBook
from imgbuild.reviews.picks import Picks
from imgbuild.rules.base import Rule
from imgbuild.settings import Settings, load_settings
from imgbuild.spec.declared import Spec
from imgbuild.spec.load import load, load_file
from imgbuild.types import Bound, Line, Model, Pin


class Remark(Struct, frozen=True, array_like=True):
    """What there is to say of an asset whose images compete, until something changes."""

    spec: str
    asset: str
    text: str


class Project(Struct, frozen=True, kw_only=True, eq=False):
    """All that the sources say. Nothing of what was built is in it.

    left_out: how many targets are not in the graph, since nothing of them can have changed; None: it is whole.
    remarks: what there was to say of those.
    """

    settings: Settings
    files: Files
    specs: tuple[Spec, ...]
    drafts: Drafts
    expansion: Expansion
    graph: Graph
    left_out: int | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.left_out is None

    @property
    def chosen(self) -> Mapping[Name, Mapping[str, Choice]]:
        """By model, the choices by price that fell on it, each by its digest: of what was looked at."""
        return self.drafts.context.chosen

    def told(self, remark: Remark) -> str:
        """A remark at its place, as the spec is now."""
        trial = self.drafts.assets[remark.spec, remark.asset].trial
        return str(Notice(message=remark.text, where=trial.where if trial is not None else None))

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
    specs, drafts = load_drafts(files, settings, extra)
    return project_of(files, settings, specs, drafts)


def load_drafts(
    files: Files, settings: Settings, extra: Sequence[str] = ()
) -> tuple[tuple[Spec, ...], Drafts]:
    """All specs of the project, their assets read and checked. Raises SpecError, Errors."""
    specs = load(files, settings, extra)
    return specs, drafts_of(files, settings, specs)


class RuleSets(Struct, frozen=True, kw_only=True, eq=False):
    """Rules without assets. weights: models that they use. pins: what the file's own lock pins."""

    rules: tuple[Rule, ...]
    weights: tuple[Bound, ...]
    pins: Mapping[Name, Pin]


def load_rules(files: Files, settings: Settings, file: str, sets: Sequence[str] = ()) -> RuleSets:
    """The rules of the sets that a spec file declares or includes: all, or those named. Raises SpecError, Errors."""
    spec = load_file(files, settings, file)
    if not spec.rules:
        raise SpecError(f"{file} declares no rules", hint="write sets of them below 'rules'")
    for name in sets:
        if name not in spec.rules:
            raise SpecError(
                f"{file} has no rule set '{name}'", hint=did_you_mean(name, spec.rules, "rule sets")
            )
    context = Context([spec], settings, files, lambda *_: None)
    rules = rules_of_sets(context, spec, sets or list(spec.rules))
    weights = weights_of(context, rules)
    pins = _locked_pins(files, settings, (spec,)) if weights else {}
    return RuleSets(rules=rules, weights=weights, pins=pins)


def drafts_of(
    files: Files, settings: Settings, specs: tuple[Spec, ...], pins: Mapping[Name, Pin] | None = None
) -> Drafts:
    """The assets of the specs. pins: what the models are pinned to; left out, what their locks say.

    Raises SpecError, Errors.
    """

    @cache
    def locked() -> Mapping[Name, Pin]:
        return _locked_pins(files, settings, specs) if pins is None else pins

    def find(home: str, alias: str, model: Model) -> Pin | None:
        return kept((home, alias), model, locked())

    return read_drafts(specs, settings, files, find)


def _locked_pins(files: Files, settings: Settings, specs: tuple[Spec, ...]) -> Mapping[Name, Pin]:
    """The pins alone, where the locks are sound: no line is read for them."""
    try:
        return LockBook(files, settings, specs, {}).pins()
    except ValueError:
        return LockBook(files, settings, specs).pins()


def project_of(
    files: Files,
    settings: Settings,
    specs: tuple[Spec, ...],
    drafts: Drafts,
    only: Mapping[tuple[str, str], Moved] | None = None,
    total: int = 0,
    lines: Mapping[str, Line] | None = None,
) -> Project:
    """The project of assets that have been read. only: but what changed of it, out of `total` targets.

    lines: the locked lines, by target; left out, as the locks have them. Raises SpecError, Errors.
    """
    expansion = expand(drafts, only, _picks(files, settings, specs, lines))
    graph = build_graph(expansion.targets)
    return Project(
        settings=settings,
        files=files,
        specs=specs,
        drafts=drafts,
        expansion=expansion,
        graph=graph,
        left_out=None if only is None else total - len(graph.targets),
    )


def _picks(
    files: Files, settings: Settings, specs: tuple[Spec, ...], lines: Mapping[str, Line] | None
) -> OpenPicks:
    """What opens the reviews, and the locks where no lines are given: each is read when it is asked for."""

    def locked() -> Mapping[str, Line]:
        return LockBook(files, settings, specs).lines() if lines is None else lines

    def picks(names: Collection[str]) -> FindWinner:
        return Picks(ReviewBook(files, settings, specs, names), locked).winner

    return picks


def widened(project: Project) -> Project:
    """The project with all its targets. Raises SpecError, Errors."""
    if project.is_whole:
        return project
    return project_of(project.files, project.settings, project.specs, project.drafts)


def repicked(project: Project, lines: Mapping[str, Line]) -> Project:
    """The whole project, with the winners among targets that have these lines. Raises SpecError, Errors."""
    return project_of(project.files, project.settings, project.specs, project.drafts, lines=lines)
