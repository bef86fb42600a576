"""A build, as named steps: load, pin, plan, run, lock, tidy, remember."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

from msgspec import Struct

from imgbuild.errors import LockWouldChange, place
from imgbuild.graph import closure
from imgbuild.limits import Budget
from imgbuild.plan import DOES_STEPS, Action, Options
from imgbuild.project import Project
from imgbuild.relock import relock
from imgbuild.report import Reporter
from imgbuild.report.events import Note, Started
from imgbuild.results import Built, built
from imgbuild.schedule import Limits, Schedule
from imgbuild.select import sample, select, shard
from imgbuild.store.store import Store
from imgbuild.survey import Adapters, Survey, open_book, survey
from imgbuild.types import Target
from imgbuild.workshop import Terms, Workshop


class Selection(Struct, frozen=True, kw_only=True):
    """Which targets a command is about; nothing given means all.

    specs: names of specs; patterns: of `--select`; sample: at most so many; shard: number and count.
    """

    specs: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    sample: int | None = None
    shard: tuple[int, int] | None = None

    def is_all(self) -> bool:
        return not self.specs and not self.patterns and self.sample is None and self.shard is None


class BuildOptions(Struct, frozen=True, kw_only=True):
    """The flags of `build`."""

    selection: Selection = Selection()
    plan: Options = Options()
    jobs: int = 2
    fail_fast: bool = False
    locked: bool = False
    offline: bool = False
    prune: bool = False
    resend: bool = False
    budget: float | None = None


def choose(project: Project, selection: Selection, states: Mapping[str, str]) -> list[Target]:
    """The targets that a selection names, without what they need. Raises UsageError."""
    targets = list(project.graph.targets.values())
    if selection.specs:
        targets = [target for target in targets if target.recipe.spec in selection.specs]
    if selection.patterns:
        targets = select(targets, selection.patterns, states, project.settings.output)
    if selection.shard:
        targets = shard(targets, *selection.shard)
    if selection.sample is not None:
        targets = sample(targets, selection.sample)
    return targets


def build(
    project: Project, store: Store, options: BuildOptions, reporter: Reporter, stop: threading.Event
) -> Built:
    """Bring the chosen targets up to date. Raises LockWouldChange, SpecError; targets that fail don't raise."""
    began = time.perf_counter()
    adapters = Adapters()
    project.files.remember(store.records.file_digests())
    book, pins = open_book(project)
    if options.locked and pins.missing:
        raise LockWouldChange(
            f"model '{pins.missing[0][1]}' is not pinned as it is declared",
            hint="build without --locked and commit the lock",
        )
    pins.resolve(adapters.__getitem__, offline=options.offline)
    found = survey(project, store, options.plan, pins, book)
    _tell_notes(project, store, found, reporter)
    chosen = _chosen(found, options.selection, store)
    if options.locked:
        _refuse_changes(found, chosen, options)
    reporter.event(_started(found, chosen))
    shop = _workshop(found, store, adapters, options, stop)
    schedule = _run(found, shop, chosen, options, reporter, stop)
    shop.ledger.commit()
    found.book.write(relock(found, shop.lines, chosen, whole=options.selection.is_all(), prune=options.prune))
    removed = _tidy(found, store, shop, reporter) if _is_whole(options, stop) else []
    store.records.put_file_digests(project.files.digests())
    ended = built(found, shop, schedule, chosen, len(removed), stop, time.perf_counter() - began)
    for failure in ended.failures:
        reporter.event(failure)
    reporter.event(ended.finished)
    return ended


def _chosen(found: Survey, selection: Selection, store: Store) -> set[str]:
    """Ids of the chosen targets and of all that they need."""
    graph = found.project.graph
    if selection.is_all():
        return set(graph.targets)
    states = states_of(found, store)
    return closure(graph, [target.id for target in choose(found.project, selection, states)])


def states_of(found: Survey, store: Store) -> dict[str, str]:
    """What `state:` selects by: the plan's action, or how the target ended where it is at rest."""
    outcomes = store.records.outcomes(found.project.settings.profile_name)
    states = {}
    for name, decision in found.plan.decisions.items():
        state = decision.action.value
        if decision.action is Action.FRESH and name in outcomes and outcomes[name].state != "pass":
            state = outcomes[name].state
        elif decision.action in (Action.FAILED, Action.FAULT, Action.BLOCKED):
            state = "failed"
        states[name] = state
    return states


def _tell_notes(project: Project, store: Store, found: Survey, reporter: Reporter) -> None:
    for text in (*store.notes, *found.book.notes):
        reporter.event(Note(text=text, level="warning"))
    for notice in project.expansion.warnings:
        at = f"{place(notice.where)}: " if notice.where else ""
        reporter.event(Note(text=f"{at}{notice.message}", level="warning"))
    for name in sorted(found.guarded):
        reporter.event(
            Note(
                text=f"{len(found.gone[name])} of {len(found.book.base[name].targets)} targets of {name} are declared "
                "no more; their images and lock lines are kept until you build with --prune",
                level="warning",
            )
        )


def _refuse_changes(found: Survey, chosen: Collection[str], options: BuildOptions) -> None:
    for name, decision in found.plan.decisions.items():
        if name in chosen and decision.action in DOES_STEPS and not decision.reproduce:
            raise LockWouldChange(
                f"{name} is not what the lock says: {decision.why}",
                hint="build without --locked and commit the lock",
            )
    if options.selection.is_all() and (found.carried or found.gone):
        name = next(iter(found.carried.values()), "") or next(
            f"{spec}/{ids[0]}" for spec, ids in found.gone.items()
        )
        raise LockWouldChange(
            f"{name} is locked, and declared no more", hint="build without --locked and commit the lock"
        )


def _started(found: Survey, chosen: Collection[str]) -> Started:
    decisions = [found.plan.decisions[name] for name in chosen]
    count = {action: sum(1 for item in decisions if item.action is action) for action in Action}
    return Started(
        targets=len(decisions),
        fresh=count[Action.FRESH],
        restore=count[Action.RESTORE] + count[Action.CHECK],
        run=count[Action.RUN],
        maybe=count[Action.MAYBE],
    )


def _workshop(
    found: Survey, store: Store, adapters: Adapters, options: BuildOptions, stop: threading.Event
) -> Workshop:
    limit = options.budget if options.budget is not None else found.project.settings.budget.build
    return Workshop(
        survey=found,
        store=store,
        providers=adapters,
        budget=Budget(limit),
        terms=Terms(offline=options.offline, resend=options.resend or found.project.settings.resend == "yes"),
        stop=stop,
    )


def _run(
    found: Survey,
    shop: Workshop,
    chosen: Collection[str],
    options: BuildOptions,
    reporter: Reporter,
    stop: threading.Event,
) -> Schedule:
    limits = Limits(jobs=options.jobs, fail_fast=options.fail_fast, reroll=options.plan.reroll)
    schedule = Schedule(found.project.graph, found.plan, chosen, shop, reporter, limits, stop)
    try:
        schedule.run()
    finally:
        shop.ledger.commit()
    return schedule


def _is_whole(options: BuildOptions, stop: threading.Event) -> bool:
    return options.selection.is_all() and not stop.is_set()


def _tidy(found: Survey, store: Store, shop: Workshop, reporter: Reporter) -> list[str]:
    """Remove outputs whose targets are gone, as long as they are still what was published."""
    wanted = {target.output for target in found.project.graph.targets.values()}
    stale = {path: output for path, output in shop.published.items() if path not in wanted}
    kept_ids = {f"{spec}/{id}" for spec in found.guarded for id in found.gone[spec]}
    removable = {}
    for path, output in stale.items():
        if output.target in kept_ids:
            continue
        if found.outputs.digest(path) in (output.digest, None):
            removable[path] = output
        else:
            reporter.event(Note(text=f"{path} belongs to no target any more, but was edited: left alone"))
    removed = found.outputs.remove(removable)
    store.records.drop_outputs(found.project.settings.profile_name, removable)
    return removed
