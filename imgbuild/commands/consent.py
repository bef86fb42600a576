"""What has to be consented to before a command runs or sends anything for a project."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from imgbuild.commands.session import Session
from imgbuild.errors import Untrusted, raise_all
from imgbuild.expand.models import draws
from imgbuild.pins import Name, kept
from imgbuild.project import Project
from imgbuild.survey import Adapters
from imgbuild.trust import (
    Consents,
    Declaration,
    concerns,
    declarations,
    locked_pins,
    setting_concerns,
    state_folder,
    step_concerns,
)
from imgbuild.types import Bound, Concern, Pin, Recipe


class Asked(Struct, frozen=True, kw_only=True):
    """What a project declares that could harm. pins: those of its locks.

    found: in models, as `trust.concerns` gives it. steps: in assets, as `trust.step_concerns` gives it. settings: in
    those of the project, as `trust.setting_concerns` gives it.
    """

    project: Project
    found: Sequence[tuple[Bound, Concern]]
    pins: Mapping[Name, Pin]
    steps: Sequence[tuple[Recipe, Concern]] = ()
    settings: Sequence[Declaration] = ()

    def declared(self, pins: Mapping[Name, Pin] | None = None) -> list[Declaration]:
        """What has to be consented to. pins: in place of the locks'."""
        pins = self.pins if pins is None else pins
        return declarations(self.project, self.found, pins, self.steps, self.settings)


def asked(session: Session, project: Project, only: Collection[Name] | None = None) -> Asked:
    """What is of concern in a project. only: but in these models, and in no asset or setting.

    Locks and files are read only where something is.
    """
    found = [
        (bound, concern)
        for bound, concern in concerns(project, Adapters(project.files).__getitem__)
        if only is None or (bound.home, bound.alias) in only
    ]
    steps = step_concerns(project) if only is None else []
    settings = setting_concerns(project) if only is None else []
    if not found:
        return Asked(project=project, found=(), pins={}, steps=steps, settings=settings)
    with session.reading(project) as store:
        project.files.remember(store.records.file_digests())  # weights take long to read
    return Asked(project=project, found=found, pins=locked_pins(project), steps=steps, settings=settings)


def consents_of(session: Session) -> Consents:
    return Consents(state_folder(session.environ, Path.home()), session.root)


def require(
    session: Session,
    project: Project,
    paths: Sequence[str] = (),
    *,
    given: bool,
    anew: Collection[Name] | None = None,
) -> list[Name]:
    """See that everything was consented to; the models of concern that are about to be pinned, for `follow`.

    paths: as the command has them. given: by a flag, for this run. anew: only these models matter, and their pins
    don't count. Raises Untrusted, with all that is missing.
    """
    if given:
        return []
    wanted = asked(session, project, anew)
    if not (wanted.found or wanted.steps or wanted.settings):
        return []
    pins = wanted.pins if anew is None else {}
    _raise_missing(session, project, paths, wanted.declared(pins))
    return sorted({name for name, bound in _named(wanted.found) if kept(name, bound.model, pins) is None})


def require_steps(session: Session, project: Project, paths: Sequence[str], *, given: bool) -> None:
    """See that what rules and operations want was consented to, where nothing is drawn. Raises Untrusted."""
    if given:
        return
    of_models = concerns(project, Adapters(project.files).__getitem__)
    found = [(bound, concern) for bound, concern in of_models if not draws(bound.model)]
    steps = step_concerns(project)
    if found or steps:
        pins = locked_pins(project) if found else {}
        _raise_missing(session, project, paths, declarations(project, found, pins, steps))


def _raise_missing(
    session: Session, project: Project, paths: Sequence[str], declared: Iterable[Declaration]
) -> None:
    known = consents_of(session).read()
    hint = _hint(project, paths)
    missing = [item for item in declared if item.digest not in known]
    raise_all([Untrusted(item.sentence, where=item.where, hint=hint) for item in missing])


def _named(found: Iterable[tuple[Bound, Concern]]) -> Iterator[tuple[Name, Bound]]:
    yield from (((bound.home, bound.alias), bound) for bound, _ in found)


def _hint(project: Project, paths: Sequence[str]) -> str:
    profile = project.settings.profile_name
    command = shlex.join(["imgbuild", "trust", *paths, *(["--profile", profile] if profile else [])])
    return f"if you trust whoever that is, say so by `{command}`; --trust does for this run alone"


def follow(session: Session, project: Project, names: Collection[Name]) -> None:
    """Let consents follow what these models were pinned to: they are for what the source was found to be here.

    A commit that comes with somebody else's lock is not: that asks again.
    """
    if not names:
        return
    wanted = asked(session, project, names)
    before = {item.digest for item in wanted.declared({})}
    moved = [item for item in wanted.declared() if item.digest not in before]
    if moved:
        consents_of(session).add(moved)
