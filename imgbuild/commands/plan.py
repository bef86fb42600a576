"""`imgbuild plan`: what a build would do, target by target, and why. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgbuild.commands.session import Session, selection_of
from imgbuild.commands.why import changed_fields, told_cheaper
from imgbuild.costs import Estimates, Sum
from imgbuild.errors import Exit, place
from imgbuild.given import Given
from imgbuild.graph import closure
from imgbuild.pace import Pace
from imgbuild.pins import outdated
from imgbuild.plan import AT_REST, Action, Decision
from imgbuild.report.budgets import budget_note
from imgbuild.report.events import NearBudget
from imgbuild.report.plain import note_line
from imgbuild.report.text import money, plural
from imgbuild.run.budget import caps_of, foreseen
from imgbuild.select import Selection, handle
from imgbuild.store.store import Store
from imgbuild.survey import Survey, endings_of, selected, unpicked

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


def print_plan(
    session: Session, found: Survey, store: Store, selection: Selection, budget: float | None = None
) -> int:
    """Print what is to be done for the chosen targets and what they need; how many need something.

    budget: what a build is let spend, in US dollars; left out, what the settings say.
    """
    targets = session.choose(found, store, selection)
    chosen = closure(found.project.graph, [target.id for target in targets])
    found = selected(found, chosen)
    decisions = [item for name, item in found.plan.decisions.items() if name in chosen]
    pending = [item for item in decisions if item.action is not Action.FRESH]
    pace = Pace(found.project.settings.cost, store.records)
    given = Given(found.project.files.root, found.project.graph.targets)
    estimates = Estimates(found.pins.known, store.records, pace, given)
    costs = {item.target.id: estimates.of(item) for item in decisions}
    near = _near(found, store, pace, sum(cost or 0.0 for cost in costs.values()), budget)
    if session.json:
        for event in (*(_fields(item, costs) for item in decisions), *near):
            session.give(event)
        return _work(pending)
    _tell_pending(session, found, store, pending, costs)
    _tell_by_model(session, decisions, costs)
    session.say(_summary(decisions, costs))
    for event in near:
        session.say(note_line(budget_note(event)))
    _warn(session, found)
    return _work(pending)


def _tell_pending(
    session: Session,
    found: Survey,
    store: Store,
    pending: Sequence[Decision],
    costs: Mapping[str, float | None],
) -> None:
    if pending:
        rows = [_row(item, found, store, costs) for item in (pending if session.verbose else pending[:SHOWN])]
        session.table(["action", "target", "why", "cost"], rows, frozenset({3}))
    if len(pending) > SHOWN and not session.verbose:
        session.say(f"… and {len(pending) - SHOWN} more; --verbose shows all")


def _near(found: Survey, store: Store, pace: Pace, cost: float, budget: float | None) -> Sequence[NearBudget]:
    """The budgets that such a build comes near, or would cross."""
    declared = found.project.settings.budget
    return foreseen(caps_of(declared, budget, store.journal, pace), cost) if cost else ()


def _tell_by_model(
    session: Session, decisions: Sequence[Decision], costs: Mapping[str, float | None]
) -> None:
    """What costs how much, by asset and model, where more than one model costs anything."""
    sums: dict[tuple[str, str], Sum] = {}
    for item in decisions:
        recipe, cost = item.target.recipe, costs[item.target.id]
        if cost != 0 and recipe.model is not None:
            name = f"{recipe.spec}/{recipe.asset}", recipe.model.alias
            sums[name] = sums.get(name, Sum()).plus(cost)
    if len({model for _, model in sums}) > 1:
        rows = [[*name, f"{own.images:,}", own.told()] for name, own in sorted(sums.items())]
        session.say("")
        session.table(["asset", "model", "images", "cost"], rows, frozenset({2, 3}))
        session.say("")


def _work(pending: Sequence[Decision]) -> int:
    return sum(1 for item in pending if item.action not in AT_REST)


def _row(item: Decision, found: Survey, store: Store, costs: Mapping[str, float | None]) -> list[str]:
    cost = costs[item.target.id]
    fields = changed_fields(found, store, item)
    why = f"{item.why}: {', '.join(fields)}" if fields else item.why
    return [item.action.value, item.target.id, why, "" if cost == 0 else Sum().plus(cost).told()]


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
    cost = _told_cost([cost for cost in costs.values() if cost != 0])
    return f"{plural(len(decisions), 'target')}: {told or 'nothing declared'}{cost}"


def _told_cost(costs: Sequence[float | None]) -> str:
    """`; about $0.12`, and how many have no known price; nothing where all is free."""
    known = [cost for cost in costs if cost is not None]
    unknown = len(costs) - len(known)
    told = [f"about {money(sum(known))}"] if known else []
    told += [f"{unknown:,} of unknown cost"] if unknown else []
    return f"; {' and '.join(told)}" if told else ""


def _warn(session: Session, found: Survey) -> None:
    for notice in (*found.project.expansion.warnings, *endings_of(found, session.today())):
        session.say(f"warning: {notice}")
    for remark in unpicked(found.project, found.lines):
        session.say(f"note: {found.project.told(remark)}")
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
