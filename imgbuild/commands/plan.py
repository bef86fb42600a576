"""`imgbuild plan`: what a build would do, target by target, and why. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgbuild.commands.session import Session, selection_of
from imgbuild.commands.why import changed_fields, told_cheaper
from imgbuild.costs import Estimates
from imgbuild.errors import Exit, place
from imgbuild.given import Given
from imgbuild.graph import closure
from imgbuild.pace import Pace
from imgbuild.pins import outdated
from imgbuild.plan import AT_REST, Action, Decision
from imgbuild.report.text import money, plural
from imgbuild.select import Selection, handle
from imgbuild.store.store import Store
from imgbuild.survey import Survey, endings_of, selected

SHOWN = 200  # rows of the table; --verbose shows all


def run_plan(
    session: Session,
    paths: Sequence[str],
    select: Sequence[str],
    *,
    sample: int | None = None,
    shard: str = "",
    exit_code: bool = False,
) -> int:
    """Print the plan; 0, or with `exit_code` 4 while work is pending. Raises SpecError, UsageError."""
    project = session.project(paths)
    selection = selection_of(project, session, paths, select, sample, shard)
    with session.reading(project) as store:
        pending = print_plan(session, session.survey(project, store), store, selection)
    return Exit.PENDING if exit_code and pending else Exit.DONE


def print_plan(session: Session, found: Survey, store: Store, selection: Selection) -> int:
    """Print what is to be done for the chosen targets and what they need; how many need something."""
    targets = session.choose(found, store, selection)
    chosen = closure(found.project.graph, [target.id for target in targets])
    found = selected(found, chosen)
    decisions = [item for name, item in found.plan.decisions.items() if name in chosen]
    pending = [item for item in decisions if item.action is not Action.FRESH]
    pace = Pace(found.project.settings.cost, store.records)
    given = Given(found.project.files.root, found.project.graph.targets)
    estimates = Estimates(found.pins.known, store.records, pace, given)
    costs = {item.target.id: estimates.of(item) for item in decisions}
    if session.json:
        for item in decisions:
            session.give(_fields(item, costs))
        return _work(pending)
    if pending:
        rows = [_row(item, found, store, costs) for item in (pending if session.verbose else pending[:SHOWN])]
        session.table(["action", "target", "why", "cost"], rows, frozenset({3}))
    if len(pending) > SHOWN and not session.verbose:
        session.say(f"… and {len(pending) - SHOWN} more; --verbose shows all")
    session.say(_summary(decisions, costs))
    _warn(session, found)
    return _work(pending)


def _work(pending: Sequence[Decision]) -> int:
    return sum(1 for item in pending if item.action not in AT_REST)


def _row(item: Decision, found: Survey, store: Store, costs: Mapping[str, float | None]) -> list[str]:
    cost = costs[item.target.id]
    fields = changed_fields(found, store, item)
    why = f"{item.why}: {', '.join(fields)}" if fields else item.why
    return [item.action.value, item.target.id, why, money(cost) if cost else ""]


def _fields(item: Decision, costs: Mapping[str, float | None]) -> dict[str, object]:
    return {
        "event": "plan",
        "id": item.target.id,
        "handle": handle(item.target.id),
        "action": item.action.value,
        "why": item.why,
        "output": item.target.output,
        "where": place(item.target.recipe.where),
        "cost": costs[item.target.id],
    }


def _summary(decisions: Sequence[Decision], costs: Mapping[str, float | None]) -> str:
    counts = [(action, sum(1 for item in decisions if item.action is action)) for action in Action]
    told = ", ".join(f"{count} {action.value}" for action, count in counts if count)
    cost = sum(cost or 0.0 for cost in costs.values())
    return f"{plural(len(decisions), 'target')}: {told or 'nothing declared'}{f'; about {money(cost)}' if cost else ''}"


def _warn(session: Session, found: Survey) -> None:
    for notice in (*found.project.expansion.warnings, *endings_of(found, session.today())):
        session.say(f"warning: {notice}")
    gone = sum(len(ids) for ids in found.gone.values())
    if gone:
        guarded = ", and need --prune to go" if found.guarded else ""
        session.say(f"{plural(gone, 'locked target')} declared no more{guarded}")
    for line in _cheaper(found):
        session.say(line)
    for _, alias in outdated(found.pins.known):
        session.say(
            f"model '{alias}' is pinned with an older adapter; `imgbuild lock --upgrade {alias}` moves it"
        )


def _cheaper(found: Survey) -> list[str]:
    """For each model that the lock keeps where another would be chosen now, which one that is: each pair once."""
    choices = [choice for chosen in found.project.chosen.values() for choice in chosen.values()]
    pairs = {
        (choice.taken.model, choice.cheaper.model): f"model '{choice.taken.model}' stays as it is locked: "
        f"{told_cheaper(choice.taken, choice.cheaper)}"
        for choice in choices
        if choice.cheaper is not None
    }
    return list(pairs.values())
