"""How a run ended, told: failures with their places, figures, the exit code."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from imgbuild.errors import Exit, TargetError, place
from imgbuild.files import Stamp
from imgbuild.plan import Action, Decision
from imgbuild.report.events import Failure, Finished
from imgbuild.schedule import Schedule
from imgbuild.survey import Survey
from imgbuild.work import State, Work
from imgbuild.workshop import Workshop


class Built(Struct, frozen=True, kw_only=True):
    """How a build ended. `lasting`: nothing in it would go otherwise if it were run again at once.

    ran: how often each step ran. outputs: stamps of the published files, by path. locks: the lock files' paths.
    """

    finished: Finished
    failures: tuple[Failure, ...]
    lasting: bool
    ran: Mapping[str, int]
    outputs: Mapping[str, Stamp]
    locks: tuple[str, ...]


def built(
    found: Survey,
    shop: Workshop,
    schedule: Schedule,
    chosen: Collection[str],
    removed: int,
    stop: threading.Event,
    seconds: float,
) -> Built:
    works = schedule.works.values()
    failures = [*map(_failure, (work for work in works if work.state in (State.FAILED, State.SKIPPED)))]
    failures += _verdicts(found, schedule, chosen, shop)
    interrupted = stop.is_set() and any(work.state is State.LEFT for work in works)
    code = _exit_code(failures, interrupted)
    finished = Finished(
        built=sum(1 for work in works if work.state is State.DONE and work.made and work.made.ran),
        generated=shop.ran.get("generate", 0),
        restored=sum(1 for work in works if work.state is State.DONE and not (work.made and work.made.ran)),
        fresh=len(chosen) - len(schedule.works),
        failed=sum(1 for failure in failures if failure.kind in ("failed", "rule")),
        review=sum(1 for failure in failures if failure.kind == "review"),
        skipped=sum(1 for failure in failures if failure.kind == "skipped"),
        removed=removed,
        seconds=round(seconds, 3),
        cost=shop.budget.spent,
        interrupted=interrupted,
        exit_code=code,
    )
    lasting = not interrupted and all(
        _is_lasting(found.plan.decisions[failure.id], failure) for failure in failures
    )
    outputs = {path: output.stamp for path, output in shop.published.items()}
    return Built(
        finished=finished,
        failures=tuple(failures),
        lasting=lasting,
        ran=dict(shop.ran),
        outputs=outputs,
        locks=tuple(found.book.paths.values()),
    )


def _is_lasting(decision: Decision, failure: Failure) -> bool:
    """Whether this failure would only be repeated: its row, a rule or its file has to change first."""
    return failure.kind in ("rule", "review") or decision.action in (Action.FAULT, Action.FAILED)


def _failure(work: Work) -> Failure:
    target = work.decision.target
    error = work.error or TargetError("an input of it failed", hint="mend that first")
    kind = "skipped" if work.state is State.SKIPPED else "rule" if work.verdicts else "failed"
    return Failure(
        id=target.id,
        output=target.output,
        where=place(target.recipe.where),
        cause=error.message,
        hint=error.hint,
        kind=kind,  # type: ignore[arg-type]
    )


def _verdicts(found: Survey, schedule: Schedule, chosen: Collection[str], shop: Workshop) -> list[Failure]:
    """Published images that a rule finds fault with, or puts up for review."""
    told = []
    for name, outcome in shop.ledger.outcomes().items():
        if name not in chosen or outcome.state not in ("fail", "review"):
            continue
        work = schedule.works.get(name)
        if work is not None and work.state is not State.DONE:
            continue
        if work is None and found.plan.decisions[name].action is not Action.FRESH:
            continue
        target = found.project.graph.targets[name]
        told.append(
            Failure(
                id=name,
                output=target.output,
                where=place(target.recipe.where),
                cause=outcome.why,
                hint="the locked image stays; `imgbuild build --reroll` tries other seeds"
                if outcome.state == "fail"
                else "look at it, then approve or reroll it",
                kind="rule" if outcome.state == "fail" else "review",
            )
        )
    return told


def _exit_code(failures: Sequence[Failure], interrupted: bool) -> int:
    kinds = {failure.kind for failure in failures}
    if interrupted:
        return Exit.INTERRUPTED
    if kinds & {"failed", "skipped"}:
        return Exit.TARGET_FAILED
    return Exit.RULE_FAILED if "rule" in kinds else Exit.DONE
