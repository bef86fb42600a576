"""`imgbuild cost`: what a build would cost now, and what one from nothing would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from imgbuild.commands.session import Session, selection_of
from imgbuild.costs import Estimates, Sum, total
from imgbuild.errors import Exit, UsageError
from imgbuild.given import Given
from imgbuild.graph import closure
from imgbuild.pace import Pace
from imgbuild.plan import DOES_STEPS, Decision
from imgbuild.store.store import Store
from imgbuild.survey import Survey, selected

HEADERS = ["asset", "model", "to do", "now", "targets", "from nothing"]
NOTE = "estimates of one attempt for each image; what a rule turns down is paid for again"


class Asked(Struct, frozen=True, kw_only=True):
    """What the command line gives to `cost`; the names are those of its options."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    monthly: int | None = None
    spent: bool = False
    by: tuple[str, ...] = ()
    since: str = ""


def run_cost(session: Session, asked: Asked) -> int:
    """Print what is asked for: estimates, a comparison, a month, or what was spent. Raises SpecError, UsageError."""
    if asked.spent or asked.by or asked.since:
        from imgbuild.commands.cost_spent import run_spent

        _check_whole(asked)
        return run_spent(session, asked.by, asked.since)
    project = session.project(asked.paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, asked.paths, asked.select))
        needed = closure(project.graph, [target.id for target in chosen])
        plan = selected(found, needed).plan
        decisions = [item for name, item in plan.decisions.items() if name in needed]
        if asked.compare or asked.monthly:
            _tell_otherwise(session, asked, decisions, found, store)
        else:
            _tell(session, sums_of(decisions, found, store))
    return Exit.DONE


def _check_whole(asked: Asked) -> None:
    """Raise UsageError where what was spent is asked for together with what can't be told of it."""
    if asked.paths or asked.select:
        raise UsageError(
            "what was spent is told of the whole project",
            hint="leave out the specs and --select; --by asset tells them apart",
        )
    if asked.compare or asked.monthly:
        raise UsageError(
            "--compare and --monthly are about what work would cost, not about what was spent",
            hint="leave out --spent, --by and --since",
        )


def estimates_of(found: Survey, store: Store) -> tuple[Estimates, Estimates]:
    """Of a build now, which finds what earlier ones made, and of one from nothing."""
    pace = Pace(found.project.settings.cost, store.records)
    given = Given(found.project.files.root, found.project.graph.targets)
    known = found.pins.known
    return Estimates(known, store.records, pace, given), Estimates(known, None, pace, given)


def _tell_otherwise(
    session: Session, asked: Asked, decisions: Sequence[Decision], found: Survey, store: Store
) -> None:
    """The same work on other models, or a month of it, or both."""
    from imgbuild.commands.cost_compare import tell_comparison
    from imgbuild.commands.cost_monthly import Month, tell_month, tell_months
    from imgbuild.compare import compare, costs_of, find_model, mix_of, works_of

    models = [find_model(found.project, name) for name in asked.compare]
    works = works_of(decisions, *estimates_of(found, store))
    if not works:
        if not session.json:
            session.say("no model makes any of these images")
        return
    _, estimates = estimates_of(found, store)
    compared = [compare(found.project, works, model, estimates) for model in models]
    declared = costs_of(works, estimates)
    if not asked.monthly:
        tell_comparison(session, declared, compared)
    else:
        month = Month(asked.monthly, declared.anew, found.project.settings.budget.month)
        if compared:
            tell_months(session, month, compared)
        else:
            tell_month(session, mix_of(works, estimates), month)
    if not session.json:
        session.say(NOTE)


def sums_of(
    decisions: Iterable[Decision], found: Survey, store: Store
) -> dict[tuple[str, str], tuple[Sum, Sum]]:
    """By asset and model: what a build would do now, and all there is."""
    sums: dict[tuple[str, str], tuple[Sum, Sum]] = {}
    pending, anew = estimates_of(found, store)
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
    if item.target.recipe.model is None or item.target.fault:
        return 0.0
    return anew.price(item.target, item.seed)


def _tell(session: Session, sums: dict[tuple[str, str], tuple[Sum, Sum]]) -> None:
    if session.json:
        for (asset, model), (now, whole) in sums.items():
            event = {"event": "cost", "asset": asset, "model": model, "now": now, "from_nothing": whole}
            session.give(event)
        return
    rows = [_cells(asset, model, now, whole) for (asset, model), (now, whole) in sums.items()]
    if len(rows) > 1:
        now, whole = (total(pair[at] for pair in sums.values()) for at in (0, 1))
        rows.append(_cells("total", "", now, whole))
    if rows:
        session.table(HEADERS, rows, frozenset({2, 3, 4, 5}))
        session.say(NOTE)
    else:
        session.say("no targets: write a spec, or let `imgbuild init` write one")


def _cells(asset: str, model: str, now: Sum, whole: Sum) -> Sequence[str]:
    return [asset, model, f"{now.images:,}", now.told(), f"{whole.images:,}", whole.told()]
