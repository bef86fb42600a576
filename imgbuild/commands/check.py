"""`imgbuild check`: hold published images against their rules. Measurements are recalled; nothing is made."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imgbuild.commands.consent import require_steps
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import UsageError
from imgbuild.graph import circles_of
from imgbuild.plan import DOES_STEPS, Action, Decision
from imgbuild.report import Reporter, is_lively
from imgbuild.report.events import Event, Started
from imgbuild.report.text import with_unit
from imgbuild.reviews import ReviewBook, told
from imgbuild.run.accept import Member
from imgbuild.run.budget import Budget, Cap
from imgbuild.run.conclusion import Conclusion
from imgbuild.run.making import Making, Terms
from imgbuild.run.materials import Materials
from imgbuild.run.recall import Recall
from imgbuild.run.schedule import Limits, Schedule
from imgbuild.run.work import Work
from imgbuild.store.store import Store
from imgbuild.survey import Adapters, Survey, beaten_by, reviews_of, selected
from imgbuild.types import Outcome, Target, Verdict
from imgbuild.verdicts.clusters import Cluster, clusters_of
from imgbuild.verdicts.row import NO_IMAGE, Row, exit_of, row_of, sorted_rows, summary

NEAR = 10  # images of a cluster; --verbose shows all
SHOWN = 200  # rows of the table; --verbose shows all
HERE = frozenset({Action.FRESH, Action.CHECK})  # what has its locked image at its place


class Silent:
    """A reporter for those who want the table alone."""

    def event(self, event: Event) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing was opened."""


class Asked(Struct, frozen=True, kw_only=True):
    """What the command line gives to `check`; the names are those of its options."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    review: bool = False
    approved: bool = False
    junit: str = ""
    sarif: str = ""
    trust: bool = False


def run_check(session: Session, asked: Asked) -> int:
    """Print the verdicts, worst first; 3 where a rule fails, 1 where an image is missing. Raises SpecError."""
    project = session.project(asked.paths)
    require_steps(session, project, asked.paths, given=asked.trust)
    with (
        interruptible() as stop,
        session.held(project) as store,
        closing(_reporter(session)) as reporter,
    ):
        found = selected(session.survey(project, store), ())  # nothing is made, so no pixels are wanted
        targets = session.choose(found, store, selection_of(project, session, asked.paths, asked.select))
        chosen = [target.id for target in targets]
        rows, clusters = parted(check(found, store, chosen, reporter, stop))
        rows = _decided(found, rows, targets if asked.approved else ())
    if stop.is_set():
        raise KeyboardInterrupt
    tell(session, rows, len(chosen), asked, clusters)
    return exit_of(rows)


def _decided(found: Survey, rows: Sequence[Row], targets: Sequence[Target]) -> list[Row]:
    """The rows, where what rules have put up for review is approved by now. targets: that want an approval themselves.

    What people decided is read once, if anybody wants to know.
    """
    waiting = {row.id for row in rows if row.status == "review"}
    if not (waiting or targets):
        return [*rows]
    book = reviews_of(found.project)
    lines = {name: line for name in waiting if (line := found.plan.decisions[name].line) is not None}
    settled = book.approved(lines)
    passed = (
        replace(row, status="pass") if row.status == "review" and row.id in settled else row for row in rows
    )
    return sorted_rows([*passed, *_approvals(found, book, targets)])


def _approvals(found: Survey, book: ReviewBook, targets: Sequence[Target]) -> Iterator[Row]:
    """What people said of each image, as if a rule had measured it: where several compete, of the winner.

    One that is missing is told of already.
    """
    beaten = beaten_by(found, book)
    for target in targets:
        line = found.plan.decisions[target.id].line
        if line is not None and line.pixels:
            standing, place = book.of(target.id, line.pixels), target.recipe.where
            winner = beaten.get(target.id, "") if standing.state != "approved" else ""
            yield Row(
                status="pass" if winner or standing.state == "approved" else "fail",
                id=target.id,
                output=target.output,
                rule="approved",
                limit=f"{winner} won over it" if winner else told(standing),
                spec=place.file,
                line=place.line,
            )


def parted(found: Iterable[Row | Cluster]) -> tuple[list[Row], list[Cluster]]:
    """The rows, sorted, and the clusters."""
    rows: list[Row] = []
    clusters: list[Cluster] = []
    for item in found:
        rows.append(item) if isinstance(item, Row) else clusters.append(item)
    return sorted_rows(rows), clusters


def _reporter(session: Session) -> Reporter:
    quiet = session.json or session.plain or session.quiet
    return Silent() if quiet or not is_lively(session.stdout, session.environ) else session.reporter()


def check(
    found: Survey, store: Store, chosen: Collection[str], reporter: Reporter, stop: threading.Event
) -> Iterator[Row | Cluster]:
    """The verdicts on every chosen target's image: the build's own loop over those that are at their place.

    Then come the clusters of those that are alike.
    """
    decisions = found.plan.decisions
    here = [name for name in chosen if decisions[name].action in HERE]
    unchecked = sum(1 for name in here if decisions[name].action is Action.CHECK)
    reporter.event(Started(targets=len(chosen), fresh=len(here) - unchecked, restore=unchecked, run=0))
    materials = Materials(found, store)
    schedule = _schedule(materials, here, reporter, stop)
    try:
        schedule.run()
    finally:
        materials.ledger.commit()
    yield from _all_rows(found, schedule, materials.ledger.outcomes(chosen), chosen)
    yield from _clusters(schedule.recall, found, here)


def _all_rows(
    found: Survey, schedule: Schedule, outcomes: Mapping[str, Outcome], chosen: Collection[str]
) -> Iterator[Row]:
    decisions = found.plan.decisions
    for name in chosen:
        why = _missing(decisions[name], schedule.works.get(name))
        if why:
            target = decisions[name].target
            place = target.recipe.where
            yield Row(
                status="missing", id=name, output=target.output, limit=why, spec=place.file, line=place.line
            )
        elif decisions[name].target.recipe.rules and name in outcomes:
            yield from _rows(found, name, outcomes[name].verdicts)


def _clusters(recall: Recall, found: Survey, here: Sequence[str]) -> list[Cluster]:
    """Among the locked images that were looked at; measurements are recalled."""
    targets = found.project.graph.targets
    members = []
    for name in here:
        recipe = targets[name].recipe
        circles = circles_of(recipe)
        measured = recall.measured_of_line(name) if circles else None
        if measured is not None:
            members.append(Member(name, recipe.rules, circles, measured))
    outputs = {member.id: targets[member.id].output for member in members}
    return clusters_of(members, outputs)


def _missing(decision: Decision, work: Work | None) -> str:
    """Why there is no image to look at; empty where there is one."""
    if decision.action in HERE:
        return work.error.message if work is not None and work.error is not None else ""
    is_new = decision.action in DOES_STEPS and (decision.line is None or not decision.line.image)
    return "not built yet" if is_new else decision.why


def _schedule(
    materials: Materials, here: Collection[str], reporter: Reporter, stop: threading.Event
) -> Schedule:
    """The build's loop, with nothing to make: its budget is nought and it is offline."""
    found = materials.survey
    recall = Recall(materials)
    making = Making(
        materials,
        Adapters(found.project.files),
        Budget([Cap(of="build", limit=0.0)]),
        Terms(offline=True),
        stop,
    )
    limits = Limits(jobs=found.project.settings.jobs or os.cpu_count() or 2)
    conclusion = Conclusion(materials, recall)
    return Schedule(found.project.graph, found.plan, here, recall, making, conclusion, reporter, limits)


def _rows(found: Survey, name: str, verdicts: Sequence[Verdict]) -> Iterator[Row]:
    target = found.project.graph.targets[name]
    for item in verdicts:
        yield row_of(item, name, target.output, target.recipe.where)


def tell(
    session: Session, rows: Sequence[Row], images: int, asked: Asked, clusters: Sequence[Cluster] = ()
) -> None:
    """Write the reports, and print the rows, or those up for review; then what they come to. rows: sorted."""
    _report(session, rows, asked, clusters)
    shown = [row for row in rows if row.status == "review"] if asked.review else rows
    if session.json:
        for row in shown:
            session.give({"event": "verdict", **msgspec.structs.asdict(row)})
        for cluster in clusters:
            session.give({"event": "cluster", **msgspec.structs.asdict(cluster)})
        return
    if session.quiet:
        shown = [row for row in shown if row.status in ("fail", *NO_IMAGE)]
    told = shown if session.verbose else shown[:SHOWN]
    if told:
        headers = ["status", "target", "rule", "figure", "limit"]
        session.table(headers, [_cells(row) for row in told], frozenset({3}))
    if len(shown) > len(told):
        session.say(f"… and {len(shown) - len(told):,} more; --verbose shows all")
    if not session.quiet:
        for cluster in clusters:
            _tell_cluster(session, cluster)
        session.say(summary(rows, images))


def _report(session: Session, rows: Sequence[Row], asked: Asked, clusters: Sequence[Cluster]) -> None:
    if asked.junit:
        from imgbuild.verdicts.junit import junit

        _write(session, asked.junit, junit(rows, clusters))
    if asked.sarif:
        from imgbuild.verdicts.sarif import sarif

        _write(session, asked.sarif, sarif(rows, clusters))


def _tell_cluster(session: Session, cluster: Cluster) -> None:
    lines = cluster.lines()
    told = lines if session.verbose else lines[: NEAR + 1]
    for line in told:
        session.say(line)
    if len(lines) > len(told):
        session.say(f"  … and {len(lines) - len(told):,} more; --verbose shows all")


def _write(session: Session, path: str, text: str) -> None:
    try:
        (session.folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"'{path}' can't be written: {error.strerror}", hint="is its folder there, and yours?"
        ) from error


def _cells(row: Row) -> list[str]:
    return [row.status, row.id, row.rule, with_unit(row.figure, row.unit), row.bound]
