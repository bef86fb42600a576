"""A build, as named steps: load, pin, plan, run, lock, tidy, remember."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.costs import Estimates
from imgbuild.errors import LockWouldChange
from imgbuild.graph import closure
from imgbuild.lock.book import LockBook
from imgbuild.pins import Pins
from imgbuild.plan import DOES_STEPS, Action, Options
from imgbuild.project import Project, Remark, drafts_of, project_of, widened
from imgbuild.relock import relock
from imgbuild.report import Reporter
from imgbuild.report.events import Note, Started
from imgbuild.report.text import money
from imgbuild.run.budget import ROUNDING, Budget, FreeOnly, TooDear, caps_of
from imgbuild.run.conclusion import Conclusion
from imgbuild.run.crew import CREW_PAYS, Crew, Places, crew_for
from imgbuild.run.lost import lost, question
from imgbuild.run.making import Making, Terms
from imgbuild.run.materials import Materials
from imgbuild.run.purchases import NOBODY
from imgbuild.run.recall import Recall
from imgbuild.run.results import Built, Extent, built
from imgbuild.run.schedule import Limits, Schedule
from imgbuild.select import Selection, choose
from imgbuild.settings import Limit
from imgbuild.settings.load import profile_output
from imgbuild.store.store import Store
from imgbuild.survey import Adapters, Survey, endings_of, open_book, selected, states_of, survey, unpicked
from imgbuild.types import Line

NO_BUDGET = "this image costs money, and nothing is paid for without a budget"
GIVE_BUDGET = "give a build a budget, by --budget or by 'budget: {build: 1}' in imgbuild.yaml"


class BuildOptions(Struct, frozen=True, kw_only=True):
    """The flags of `build`. resend: None: as the settings say. ask: puts a question to a person; None: nobody is there.

    today: the day by which models end; None: no end is told. environ: what is set.
    frugal: nothing is paid for without a budget for one build, and where that would be crossed nothing is, while what
    is free is built all the same. outdated: whether an edit came meanwhile, so that another build follows: what is
    finished from then on is recorded for it, and neither published nor locked by this one.
    """

    selection: Selection = Selection()
    plan: Options = Options()
    jobs: int = 2
    fail_fast: bool = False
    locked: bool = False
    offline: bool = False
    prune: bool = False
    resend: bool | None = None
    ask: Callable[[str], bool] | None = None
    budget: float | None = None
    today: date | None = None
    environ: Mapping[str, str] = os.environ
    frugal: bool = False
    outdated: Callable[[], bool] = lambda: False


def build(
    project: Project, store: Store, options: BuildOptions, reporter: Reporter, stop: threading.Event
) -> Built:
    """Bring the chosen targets up to date, with consent. Raises LockWouldChange, SpecError, not for failed targets."""
    began = time.perf_counter()
    adapters = Adapters(project.files, offline=options.offline, environ=options.environ)
    project.files.remember(store.records.file_digests())
    project, book, pins = _opened(project)
    project = _pin(project, book, pins, adapters, options)
    found = survey(project, store, options.plan, pins, book)
    _tell_notes(project, store, found, reporter)
    asked = _asked(found, options.selection, store)
    chosen = set(asked) if options.selection.is_all() else closure(project.graph, asked)
    found = selected(found, chosen)
    _tell_ends(found, chosen, options, reporter)
    if options.locked:
        _refuse_changes(found, chosen, options)
    materials = Materials(found, store)
    estimates = Estimates(found.pins.known, store.records, materials.pace, materials.given)
    cost = estimates.total(found.plan.decisions[name] for name in chosen)
    budget = _budget(materials, cost, options, reporter)
    terms = replace(_terms(materials, chosen, options), build=_build_name())
    reporter.event(_started(found, chosen, cost if budget.limit != 0 else 0.0))
    materials.adopt(found.plan.met)
    making = Making(materials, adapters, budget, terms, stop, _crews(found, chosen, adapters, options.jobs))
    schedule, stands = _run(found, materials, chosen, options, reporter, making)
    tidies = stands and _is_whole(found, options) and schedule.is_complete
    removed = _tidy(materials, reporter, prune=options.prune) if tidies else []
    _keep_file_digests(project, store)
    seconds, spent = time.perf_counter() - began, making.budget.spent
    extent = Extent(chosen=chosen, selected=not options.selection.is_all(), stands=stands)
    ended = built(materials, schedule, extent, len(removed), spent, seconds)
    _tell_end(ended, reporter)
    remarks = _remarks(found, {**found.lines, **materials.lines})
    return replace(ended, asked=tuple(asked), remarks=remarks)


def _tell_end(ended: Built, reporter: Reporter) -> None:
    for failure in ended.failures:
        reporter.event(failure)
    reporter.event(ended.finished)


def _opened(project: Project) -> tuple[Project, LockBook, Pins]:
    """The project's locks and pins; the whole project, where a lock can't be read in part."""
    with suppress(ValueError):
        book, pins = open_book(project)
        if project.is_whole or not (book.orphans or pins.missing):
            return project, book, pins
    project = widened(project)
    return project, *open_book(project)


def _is_whole(found: Survey, options: BuildOptions) -> bool:
    """Whether the build is about all targets that there are, so that what belongs to none is found."""
    return options.selection.is_all() and found.project.is_whole


def _pin(project: Project, book: LockBook, pins: Pins, adapters: Adapters, options: BuildOptions) -> Project:
    """Pin the models; the project, expanded by what was found out about them. Raises LockWouldChange, SpecError."""
    pins.weigh(adapters.__getitem__)
    if options.locked and (pins.missing or pins.moved):
        raise LockWouldChange(
            f"model '{[*pins.missing, *pins.moved][0][1]}' is not pinned as it is declared",
            hint="build without --locked and commit the lock",
        )
    resolved = pins.resolve(adapters.__getitem__, offline=options.offline)
    if not any(pins.known[name].takes or project.chosen for name in resolved):
        return project
    known = {**book.pins(), **pins.as_locked()}
    drafts = drafts_of(project.files, project.settings, project.specs, known)
    return project_of(project.files, project.settings, project.specs, drafts)


def _asked(found: Survey, selection: Selection, store: Store) -> list[str]:
    """Ids of the chosen targets."""
    targets = found.project.graph.targets
    if selection.is_all():
        return list(targets)
    states = states_of(found, store)
    output = found.project.settings.output
    return [target.id for target in choose(list(targets.values()), selection, states, output)]


def _tell_notes(project: Project, store: Store, found: Survey, reporter: Reporter) -> None:
    for text in (*store.notes, *found.book.notes):
        reporter.event(Note(text=text, level="warning"))
    for notice in project.expansion.warnings:
        reporter.event(Note(text=str(notice), level="warning"))
    for remark in _remarks(found, found.lines):
        reporter.event(Note(text=project.told(remark)))
    for name in sorted(found.guarded):
        reporter.event(
            Note(
                text=f"{len(found.gone[name])} of {len(found.book.base[name].targets)} targets of {name} are declared "
                "no more; their images and lock lines are kept until you build with --prune",
                level="warning",
            )
        )


def _remarks(found: Survey, lines: Mapping[str, Line]) -> tuple[Remark, ...]:
    """What is to be said, whether or not there is anything to do. lines: by target."""
    return (*found.project.remarks, *unpicked(found.project, lines))


def _tell_ends(found: Survey, chosen: Collection[str], options: BuildOptions, reporter: Reporter) -> None:
    for notice in endings_of(found, options.today, chosen) if options.today else ():
        reporter.event(Note(text=str(notice), level="warning"))


def _refuse_changes(found: Survey, chosen: Collection[str], options: BuildOptions) -> None:
    for name, decision in found.plan.decisions.items():
        if name in chosen and decision.action in DOES_STEPS and not decision.reproduce:
            raise LockWouldChange(
                f"{name} is not what the lock says: {decision.why}",
                hint="build without --locked and commit the lock",
            )
    whole = _is_whole(found, options)
    if whole and (found.carried or found.gone):
        name = next(iter(found.carried.values()), "") or next(
            f"{spec}/{ids[0]}" for spec, ids in found.gone.items()
        )
        raise LockWouldChange(
            f"{name} is locked, and declared no more", hint="build without --locked and commit the lock"
        )
    wanted = relock(found, {}, chosen, whole=whole, prune=options.prune)
    for path in found.book.changes(wanted):
        raise LockWouldChange(
            f"{path} is not as a build writes it", hint="build without --locked and commit the lock"
        )


def _started(found: Survey, chosen: Collection[str], cost: float) -> Started:
    decisions = [found.plan.decisions[name] for name in chosen]
    count = {action: sum(1 for item in decisions if item.action is action) for action in Action}
    left_out = found.project.left_out or 0
    return Started(
        targets=left_out + len(decisions),
        fresh=left_out + count[Action.FRESH],
        restore=count[Action.RESTORE] + count[Action.CHECK],
        run=count[Action.RUN],
        maybe=count[Action.MAYBE],
        cost=cost,
    )


def _run(
    found: Survey,
    materials: Materials,
    chosen: Collection[str],
    options: BuildOptions,
    reporter: Reporter,
    making: Making,
) -> tuple[Schedule, bool]:
    """The run, at its end, and whether all is locked; see `_relock`."""
    recall = Recall(materials)
    limits = Limits(
        jobs=options.jobs,
        fail_fast=options.fail_fast,
        reroll=options.plan.reroll,
        kept=found.kept,
        outdated=options.outdated,
    )
    conclusion = Conclusion(materials, recall)
    schedule = Schedule(found.project.graph, found.plan, chosen, recall, making, conclusion, reporter, limits)
    try:
        schedule.run()
    finally:  # whatever ended the run: what is finished is recorded, and locked
        making.close()
        materials.ledger.commit()
        stands = _relock(found, materials.lines, chosen, options)
    return schedule, stands


def _relock(found: Survey, made: Mapping[str, Line], chosen: Collection[str], options: BuildOptions) -> bool:
    """Write the locks; whether they say all that there is to say.

    Where an edit came meanwhile, what was found gone or renamed may be back by now, and keeps its lines and pins: the
    next build finds out. So it does where somebody else wrote to a lock.
    """
    wanted = kept = relock(found, made, chosen, whole=_is_whole(found, options), prune=options.prune)
    if options.outdated() or ((found.gone or found.carried) and found.project.files.have_moved()):
        kept = relock(replace(found, carried={}), made, chosen, whole=False, prune=False)
    found.book.write(kept)
    return kept == wanted and not found.book.is_overtaken


def _terms(materials: Materials, chosen: Collection[str], options: BuildOptions) -> Terms:
    """Whether what was lost may be sent again: flags go before the settings, and these may leave it to a person."""
    setting = materials.survey.project.settings.resend
    if options.resend is not None or setting != "ask" or options.offline:
        resend = setting == "yes" if options.resend is None else options.resend
        return Terms(offline=options.offline, resend=resend)
    if options.ask is None:
        return Terms(unsent=NOBODY)
    entries = lost(materials, chosen)
    return Terms(resend=bool(entries) and options.ask(question(entries)))


def _build_name() -> str:
    """A name for this run, for the journal: names sort by their time (UTC)."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _crews(found: Survey, chosen: Collection[str], adapters: Adapters, jobs: int) -> dict[str, Crew]:
    """Processes to make images in, by provider, where there is so much to make that it pays to start them."""
    decisions, project = found.plan.decisions, found.project
    runs = Counter(
        item.target.recipe.model.model.provider
        for item in (decisions[name] for name in chosen)
        if item.action is Action.RUN and item.target.recipe.model is not None
    )
    second = project.cache / "blobs" if project.cache else None
    places = Places(blobs=project.store / "blobs", second=second, root=project.files.root)
    limits = project.settings.limits
    crews = {
        name: crew_for(adapters[name], limits.get(name, Limit()).concurrency or 0, jobs, places)
        for name, count in runs.items()
        if jobs > 1 and count >= CREW_PAYS
    }
    return {name: crew for name, crew in crews.items() if crew is not None}


def _budget(materials: Materials, cost: float, options: BuildOptions, reporter: Reporter) -> Budget:
    """What this build may spend. Raises TooDear where it would cost more, and is not frugal."""
    declared, journal = materials.survey.project.settings.budget, materials.store.journal
    caps = caps_of(declared, options.budget, journal, materials.pace)
    if options.frugal and not any(cap.of == "build" for cap in caps):
        return FreeOnly(NO_BUDGET, GIVE_BUDGET)
    budget = Budget(caps, reporter.event)
    if budget.limit is None or cost <= budget.limit + ROUNDING:
        return budget
    why = f"this build would cost about {money(cost)}, and {money(budget.limit)} is left to spend"
    if options.frugal:
        return FreeOnly(why, f"nothing that costs money is sent; {GIVE_BUDGET}")
    raise TooDear(
        why, hint="raise the budget, or build a selection; `imgbuild plan` shows what costs how much"
    )


def _tidy(materials: Materials, reporter: Reporter, *, prune: bool) -> list[str]:
    """Remove outputs whose targets are gone, as long as they are still what was published."""
    found = materials.survey
    wanted = {path for target in found.project.graph.targets.values() for path in materials.paths_of(target)}
    stale = {path: output for path, output in materials.published.items() if path not in wanted}
    guarded = () if prune else found.guarded
    kept_ids = {f"{spec}/{id}" for spec in guarded for id in found.gone[spec]}
    removable = set()
    for path, output in stale.items():
        if output.target in kept_ids:
            continue
        if found.outputs.digest(path) in (output.digest, None):
            removable.add(path)
        else:
            reporter.event(Note(text=f"{path} belongs to no target any more, but was edited: left alone"))
    leftovers = _leftovers(found, {*wanted, *stale})
    removed = found.outputs.remove(removable | {path for path, id in leftovers.items() if id not in kept_ids})
    if stale:
        materials.withdraw(removable)
    return removed


def _leftovers(found: Survey, known: Collection[str]) -> dict[str, str]:
    """Outputs of targets that are gone, and of which the records knew nothing: by path, whose image it is.

    Where the records were lost, the lock still has the digests. Other profiles publish equal images: their
    folders are theirs, and so only the default build looks for any.
    """
    settings = found.project.settings
    recorded = {output.target for output in found.published.values()}
    ids = [f"{spec}/{id}" for spec, gone in found.gone.items() for id in gone]
    unknown = [id for id in (*ids, *found.carried.values()) if id not in recorded]
    lost = {
        digest: id for id in unknown for digest in (found.lines[id].image, *found.lines[id].files.values())
    }
    if not lost or settings.profile_name:
        return {}
    apart = {found.project.files.root / profile_output(settings, name) for name in settings.profiles}
    return found.outputs.recognise(lost, found.outputs.strays(known, apart))


def _keep_file_digests(project: Project, store: Store) -> None:
    """Input files need not be read again while they stay as they are; nothing is written where none was read."""
    digests = project.files.digests()
    if digests != store.records.file_digests():
        store.records.put_file_digests(digests)
