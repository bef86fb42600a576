"""`imgbuild cost`: what a build would cost now, what one from nothing would, and what was spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from imgbuild.commands.session import Session, selection_of
from imgbuild.costs import Estimates, Sum, total
from imgbuild.errors import Exit
from imgbuild.graph import closure
from imgbuild.pace import Pace
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.report.text import money, plural
from imgbuild.store.journal import Entry, Journal, cost_of
from imgbuild.store.store import Store
from imgbuild.survey import Survey, selected

HEADERS = ["asset", "model", "to do", "now", "targets", "from nothing"]


def run_cost(session: Session, paths: Sequence[str], select: Sequence[str]) -> int:
    """Print the estimates by asset and model. Raises SpecError, UsageError."""
    project = session.project(paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
        needed = closure(project.graph, [target.id for target in chosen])
        decisions = selected(found, needed).plan.decisions
        sums = _sums([item for name, item in decisions.items() if name in needed], found, store)
    if session.json:
        for (asset, model), (now, whole) in sums.items():
            event = {"event": "cost", "asset": asset, "model": model, "now": now, "from_nothing": whole}
            session.give(event)
        return Exit.DONE
    rows = [_cells(asset, model, now, whole) for (asset, model), (now, whole) in sums.items()]
    if len(rows) > 1:
        now, whole = (total(pair[at] for pair in sums.values()) for at in (0, 1))
        rows.append(_cells("total", "", now, whole))
    if rows:
        session.table(HEADERS, rows, frozenset({2, 3, 4, 5}))
        session.say("estimates of one attempt for each image; what a rule turns down is paid for again")
    else:
        session.say("no targets: write a spec, or let `imgbuild init` write one")
    return Exit.DONE


def _sums(
    decisions: Iterable[Decision], found: Survey, store: Store
) -> dict[tuple[str, str], tuple[Sum, Sum]]:
    """By asset and model: what a build would do now, and all there is."""
    sums: dict[tuple[str, str], tuple[Sum, Sum]] = {}
    pace = Pace(found.project.settings.cost, store.records)
    pending = Estimates(found.pins.known, store.records, pace)
    anew = Estimates(found.pins.known, pace=pace)
    for item in decisions:
        recipe = item.target.recipe
        name = f"{recipe.spec}/{recipe.asset}", recipe.model.alias if recipe.model else "(pictures)"
        now, whole = sums.get(name, (Sum(), Sum()))
        if item.action in DOES_STEPS:
            now = now.plus(pending.of(item))
        sums[name] = now, whole.plus(_full_price(item, anew))
    return dict(sorted(sums.items()))


def _full_price(item: Decision, anew: Estimates) -> float | None:
    """What the target costs if nothing is there; one at fault is not made."""
    if item.target.recipe.model is None or not item.target.asks:
        return 0.0
    return anew.price(item.target, item.seed)


def _cells(asset: str, model: str, now: Sum, whole: Sum) -> list[str]:
    return [asset, model, f"{now.images:,}", now.told(), f"{whole.images:,}", whole.told()]


def run_spent(session: Session) -> int:
    """Print what the journal says was spent, by day (UTC, as budgets count). It needs no sound spec."""
    _, settings = session.settings()
    journal = Journal(settings.root / settings.store / "journal", write=False)
    days: dict[str, list[Entry]] = {}
    for entry in journal.entries():
        days.setdefault(datetime.fromtimestamp(entry.begun, UTC).date().isoformat(), []).append(entry)
    for note in journal.notes:
        session.say(f"warning: {note}")
    if session.json:
        for day, entries in sorted(days.items()):
            event = {"event": "spent", "day": day, "requests": len(entries), "cost": _spent(entries)}
            session.give(event)
        return Exit.DONE
    _tell_spent(session, days, journal)
    return Exit.DONE


def _tell_spent(session: Session, days: dict[str, list[Entry]], journal: Journal) -> None:
    if not days:
        session.say("nothing was spent: no paid request was ever sent from here")
        return
    rows = [[day, f"{len(entries):,}", money(_spent(entries))] for day, entries in sorted(days.items())]
    rows.append(["in all", f"{len(journal.entries()):,}", money(journal.spent())])
    session.table(["day (UTC)", "requests", "spent"], rows, frozenset({1, 2}))
    unknown = len(journal.in_flight())
    if unknown:
        session.say(f"{plural(unknown, 'request')} of unknown fate counted at the estimate")


def _spent(entries: Iterable[Entry]) -> float:
    return sum(map(cost_of, entries))
