"""What a project declares held against what is locked and stored: the plan, and all that it was made from.

`plan`, `why`, `ls` and `build` look at a project through the same survey.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.adjustments import readings
from imgbuild.expand.context import Notice
from imgbuild.expand.ending import endings
from imgbuild.expand.winners import Group, shared
from imgbuild.files import Files
from imgbuild.graph import Graph
from imgbuild.keys import Intents, Way, bound_at
from imgbuild.lock.book import LockBook
from imgbuild.lock.rename import carry_over
from imgbuild.pins import Name, Pins, digests_of
from imgbuild.plan import AT_REST, DOES_STEPS, Action, Options, Plan, View, make_plan, plan_of
from imgbuild.project import Project, Remark, repicked
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.providers.keyring import Keyring
from imgbuild.publish import Outputs, is_mass_removal
from imgbuild.reviews import ReviewBook
from imgbuild.store.records import Output
from imgbuild.store.store import Store
from imgbuild.traces import lossless_blob
from imgbuild.types import Digest, Line, Target


class Survey(Struct, frozen=True, kw_only=True, eq=False):
    """carried: new target id → the old id whose line it takes over. gone: by spec, locked ids that nothing
    declares. guarded: the specs of which too many are gone to remove them unasked. lines: by whole id, after renames.
    equals: locked image → those found equivalent to it. kept: approved images that no edited rule may reroll, where
    that was asked for.
    """

    project: Project
    book: LockBook
    pins: Pins
    intents: Intents
    outputs: Outputs
    published: Mapping[str, Output]
    equals: Mapping[Digest, set[Digest]]
    lines: Mapping[str, Line]
    carried: Mapping[str, str]
    gone: Mapping[str, list[str]]
    guarded: frozenset[str]
    kept: frozenset[str] = frozenset()
    plan: Plan

    @property
    def winners(self) -> set[str]:
        """Those that were picked over others, by their locked pictures."""
        picked = [item for item in self.project.expansion.contests.values() if item is not None]
        return {item.target for item in picked if self._has_pixels(item.target, item.pixels)}

    def _has_pixels(self, name: str, pixels: Digest) -> bool:
        return name in self.lines and self.lines[name].pixels == pixels


class Adapters(dict[str, Provider]):
    """One instance of each provider that is asked for, by name. files: the project's. environ: what is set."""

    def __init__(
        self, files: Files, *, offline: bool = False, environ: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__()
        self._files, self._offline = files, offline
        self._keys = Keyring(environ, files.root)

    def __missing__(self, name: str) -> Provider:
        provider = self[name] = PROVIDERS.get(name)()
        provider.files, provider.offline, provider.environ = self._files, self._offline, self._keys
        return provider


def survey(project: Project, store: Store, options: Options, pins: Pins, book: LockBook) -> Survey:
    """Hold a loaded project against its locks and its store. Reads only."""
    intents = Intents(pins.known, _Digests(project, pins))
    if book.has_sides:
        _merge(project.graph, book, intents, store)
    locked = book.lines()
    project, carried = _followed(project, intents, locked)
    lines = _after_renames(locked, carried)
    gone = _gone(book, project.graph, carried)
    outputs = project.outputs
    published = store.records.outputs(project.settings.profile_name, _paths(project))
    equals = _stand_ins(store.records.equivalents())
    kept = approved(project, lines) if options.reroll else frozenset()
    view = _view(project, store, outputs, published, lines, equals, pins, kept)
    return Survey(
        project=project,
        book=book,
        pins=pins,
        intents=intents,
        outputs=outputs,
        published=published,
        equals=equals,
        lines=lines,
        carried=carried,
        gone=gone,
        guarded=_guarded(book, gone),
        kept=kept,
        plan=make_plan(project.graph, intents, view, options),
    )


def selected(found: Survey, chosen: Collection[str]) -> Survey:
    """The same, as a build of these targets alone sees it."""
    return replace(found, plan=plan_of(found.plan, found.project.graph, chosen))


class _Digests(dict[str, Digest]):
    """Digests of input files, and of the weights that operations use, taken when they are asked for."""

    def __init__(self, project: Project, pins: Pins) -> None:
        super().__init__()
        self._digest = digests_of(project.files, pins)

    def get(self, name: str, default: Digest = "") -> Digest:  # type: ignore[override]
        return self._digest(name) or default


def open_book(project: Project) -> tuple[LockBook, Pins]:
    """The project's locks, and the pins that they hold for the models in use.

    Raises ValueError where the project is not whole, and a lock not as the last build left it.
    """
    book = LockBook(project.files, project.settings, project.specs, _ids(project))
    if book.has_sides:
        book.merge_pins()
    return book, Pins(project.graph.targets.values(), book.pins())


def _ids(project: Project) -> dict[str, list[str]] | None:
    """By spec, the ids whose lines are looked at, without its name; None: every line is."""
    if project.is_whole:
        return None
    ids: dict[str, list[str]] = {}
    for id, target in project.graph.targets.items():
        spec = target.recipe.spec
        ids.setdefault(spec, []).append(id.removeprefix(f"{spec}/"))
    return ids


def _paths(project: Project) -> list[str] | None:
    """The outputs that are looked at; None: all that were published are, also of targets that are gone."""
    if project.is_whole:
        return None
    return [path for target in project.graph.targets.values() for path in target.paths]


def _merge(graph: Graph, book: LockBook, intents: Intents, store: Store) -> None:
    sealed = seal_all(graph, intents)

    def fits(name: str, line: Line) -> bool:
        target = graph.targets.get(name)
        if target is None or name not in sealed:
            return False
        found = intents.of(target, sealed, intents.way_of(target, sealed, line))
        return found is not None and found[0] == line.intent

    book.merge_lines(fits, store.blobs.has)


def seal_all(graph: Graph, intents: Intents) -> dict[str, Digest]:
    """The declared intent of every target that has one, inputs first."""
    sealed: dict[str, Digest] = {}
    for name, target in graph.targets.items():
        if all(needed in sealed for needed in graph.needs.get(name, ())):
            found = None if target.fault else intents.of(target, sealed)
            if found is not None:
                sealed[name] = found[0]
    return sealed


def _followed(
    project: Project, intents: Intents, locked: Mapping[str, Line]
) -> tuple[Project, dict[str, str]]:
    """The project and its renames. What was picked under an old name is found once it is known who was renamed; and
    then, who else was, for whom that is an input."""
    carried = _carry(project.graph, intents, locked)
    if not project.expansion.contests:
        return project, carried
    known: dict[str, str] = {}
    while carried.keys() > known.keys():
        known = carried
        project = repicked(project, _after_renames(locked, known))
        carried = _carry(project.graph, intents, locked)
    return project, carried


def _carry(graph: Graph, intents: Intents, locked: Mapping[str, Line]) -> dict[str, str]:
    """Which new targets take over a vanished one's line; only computed where ids both came and went."""
    if all(name in graph.targets for name in locked) or all(name in locked for name in graph.targets):
        return {}
    sealed = seal_all(graph, intents)
    carried = carry_over(locked, sealed)
    taken = set(carried.values())
    otherwise = {
        name: line
        for name, line in locked.items()
        if (line.via or line.adjusted) and name not in graph.targets and name not in taken
    }
    new = [name for name in sealed if name not in locked and name not in carried] if otherwise else []
    return carried | carry_over(otherwise, _asked_otherwise(graph, intents, sealed, otherwise, new))


def _asked_otherwise(
    graph: Graph,
    intents: Intents,
    sealed: Mapping[str, Digest],
    otherwise: Mapping[str, Line],
    names: Iterable[str],
) -> dict[str, Digest]:
    """The intents of those targets that were made before, under another name, by a fallback or after adjustments."""
    known = {line.intent for line in otherwise.values()}
    labels = list(dict.fromkeys(line.adjusted for line in otherwise.values()))
    wanted = {}
    for name in names:
        target = graph.targets[name]
        for way in _other_ways(target, labels):
            found = intents.of(target, sealed, way)
            if found is not None and found[0] in known:
                wanted[name] = found[0]
    return wanted


def _other_ways(target: Target, labels: Iterable[tuple[str, ...]]) -> Iterator[Way]:
    """All but the declared one in which the target may have been asked for. labels: those of lines."""
    asked = dict.fromkeys(reading for each in labels for reading in readings(target.recipe, each))
    for adjusted in asked:
        for position in range(len(target.asks)):
            if position or adjusted:
                yield Way(position, adjusted)


def _after_renames(locked: Mapping[str, Line], carried: Mapping[str, str]) -> dict[str, Line]:
    return {**locked, **{new: locked[old] for new, old in carried.items()}}


def _gone(book: LockBook, graph: Graph, carried: Mapping[str, str]) -> dict[str, list[str]]:
    taken = set(carried.values())
    gone = {}
    for name, lock in book.base.items():
        ids = [
            id for id in lock.targets if (whole := f"{name}/{id}") not in graph.targets and whole not in taken
        ]
        if ids:
            gone[name] = ids
    return gone


def _guarded(book: LockBook, gone: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The specs of which too many are gone to remove them unasked."""
    total = {name: len(book.base[name].targets) for name in gone}
    return frozenset(name for name, ids in gone.items() if is_mass_removal(len(ids), total[name]))


def _view(
    project: Project,
    store: Store,
    outputs: Outputs,
    published: Mapping[str, Output],
    lines: Mapping[str, Line],
    equals: Mapping[Digest, set[Digest]],
    pins: Pins,
    kept: frozenset[str],
) -> View:
    profile = project.settings.profile_name
    own = {output.digest for output in published.values()}
    own.update(digest for line in lines.values() for digest in (line.image, *line.files.values()))

    def pixels_at_hand(target: Target, line: Line) -> bool:
        return bool(lossless_blob(target, line, store.records.get, store.blobs.has))

    return View(
        lines=lines,
        outputs=published,
        outcomes=store.records.outcomes(profile, None if project.is_whole else project.graph.targets),
        stamp=outputs.stamp,
        hashed=outputs.digest,
        has_blob=store.blobs.has,
        is_ours=lambda digest: digest in own or store.blobs.has(digest),
        equals=equals,
        reference=digests_of(project.files, pins),
        pixels_at_hand=pixels_at_hand,
        unpinned=pins.why_missing,
        kept=kept,
    )


def _stand_ins(equivalents: Mapping[Digest, set[Digest]]) -> dict[Digest, set[Digest]]:
    """For each locked image, those that may stand for it."""
    found: dict[Digest, set[Digest]] = {}
    for image, others in equivalents.items():
        for other in others:
            found.setdefault(other, set()).add(image)
    return found


def endings_of(found: Survey, today: date, chosen: Collection[str] | None = None) -> list[Notice]:
    """What is to be said of models in use that end soon, or have ended.

    chosen: of those that have ended, only those that one of these targets is about to ask; None: all.
    """
    told = list(endings(found.project.drafts.context.bounds.values(), found.pins.known, today))
    asked: set[Name] = set()
    if chosen is not None and any(item.is_past for item in told):
        asked = _asked(found, chosen)
    return [item.notice for item in told if chosen is None or not item.is_past or item.name in asked]


def _asked(found: Survey, chosen: Collection[str]) -> set[Name]:
    """The models that the plan asks for these targets."""
    pending = [
        item for name, item in found.plan.decisions.items() if name in chosen and item.action in DOES_STEPS
    ]
    bounds = [bound_at(item.target, item.way.position) for item in pending if item.target.asks]
    return {(bound.home, bound.alias) for bound in bounds}


def approved(project: Project, lines: Mapping[str, Line]) -> frozenset[str]:
    """Those of these targets whose image people approved; nothing is read where there are none."""
    return reviews_of(project).approved(lines) if lines else frozenset()


def reviews_of(project: Project) -> ReviewBook:
    """What people decided, read now. Raises SpecError."""
    return ReviewBook(project.files, project.settings, project.specs, project.graph.targets)


def unpicked(project: Project, lines: Mapping[str, Line]) -> Iterator[Remark]:
    """What is to be said of rivals without a winner that stands, asset by asset. lines: by whole id."""
    waiting: dict[tuple[str, str], list[Group]] = {}
    for group in project.expansion.trials:
        rivals = [project.graph.targets[rival.id] for rival in group.rivals]
        if not any(_stands(rival, lines.get(rival.id)) for rival in rivals):
            recipe = rivals[0].recipe
            waiting.setdefault((recipe.spec, recipe.asset), []).append(group)
    for key, groups in waiting.items():
        name = f"{groups[0].rivals[0].recipe.asset}{shared(groups[0].rivals)}"
        more = f", nor of {len(groups) - 1} more" if len(groups) > 1 else ""
        text = f"no winner of {name} is picked{more}: there is no {groups[0].path}"
        yield Remark(*key, f"{text}{', …' if more else ''}")


def beaten_by(found: Survey, book: ReviewBook) -> dict[str, str]:
    """Those over which another one won, wherever they compete, and which that is. An approval of that is enough."""
    beaten: dict[str, str] = {}
    waiting: set[str] = set()
    for rivals, winner in found.project.expansion.contests.items():
        line = found.lines.get(winner.target) if winner is not None else None
        if winner is None or line is None or book.of(winner.target, line.pixels).state != "approved":
            waiting.update(rivals)
        else:
            beaten |= {name: winner.target for name in rivals if name != winner.target}
    return {name: winner for name, winner in beaten.items() if name not in waiting}


def _stands(target: Target, line: Line | None) -> bool:
    """Whether a target has won, with the image that is locked."""
    return target.won is not None and line is not None and line.pixels == target.won.pixels


def states_of(found: Survey, store: Store) -> dict[str, str]:
    """What `state:` selects by: the plan's action, or how the target ended where it is at rest."""
    outcomes = store.records.outcomes(found.project.settings.profile_name)
    waiting = [name for name, item in outcomes.items() if item.state == "review" and name in found.lines]
    settled = approved(found.project, {name: found.lines[name] for name in waiting})
    states = {}
    for name, decision in found.plan.decisions.items():
        state = decision.action.value
        checked = name in outcomes and decision.target.recipe.rules
        if (
            decision.action is Action.FRESH
            and checked
            and outcomes[name].state != "pass"
            and name not in settled
        ):
            state = outcomes[name].state
        elif decision.action in AT_REST and decision.action is not Action.FRESH:
            state = "failed"
        states[name] = state
    return states
