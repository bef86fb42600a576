"""How a run ended, told: failures with their places, figures, the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from imgbuild.errors import Exit, TargetError, place
from imgbuild.files import Stamp
from imgbuild.plan import AT_REST, Action, Decision
from imgbuild.project import Project, Remark
from imgbuild.report.events import Failure, Finished
from imgbuild.run.accept import tell, tell_apart
from imgbuild.run.budget import OverBudget
from imgbuild.run.materials import Materials
from imgbuild.run.schedule import Schedule
from imgbuild.run.work import State, Work
from imgbuild.store.history import Refusal
from imgbuild.survey import approved
from imgbuild.types import Outcome, Verdict


class Built(Struct, frozen=True, kw_only=True):
    """How a build of `project` ended. `lasting`: nothing in it would go otherwise if it were run again at once.
    open: ids of the targets that are not as they should be, or of which there is something to say; all others are
    settled, as is what belongs to no target. None where that can't be told. stands: what was found gone or renamed is;
    else it was left as it was, for another build to find out.

    ran: how often each step ran. outputs: stamps of the published files, by path. locks: the lock files' paths.
    news: those failures that were not told by an earlier build. refusals: whatever came of them.
    stopped: whether something was not made for the budget's sake. asked: ids of the targets that it was about, without
    what those are made from. remarks: what there is to say of the project, until something changes.
    """

    project: Project
    finished: Finished
    failures: tuple[Failure, ...]
    lasting: bool
    open: frozenset[str] | None
    stands: bool
    ran: Mapping[str, int]
    outputs: Mapping[str, Stamp]
    locks: tuple[str, ...]
    news: tuple[Failure, ...]
    refusals: tuple[Refusal, ...]
    stopped: bool
    asked: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether every target of the project is as it should be, and there was nothing to say of any."""
        return self.open is not None and not self.open


class Extent(Struct, frozen=True, kw_only=True):
    """What a run was about. chosen: ids of targets. selected: there may be others, and what belongs to none may still
    be locked and published. stands: what was found gone or renamed is; else the next build has to look for that.
    """

    chosen: Collection[str]
    selected: bool
    stands: bool


def built(
    materials: Materials, schedule: Schedule, extent: Extent, removed: int, spent: float, seconds: float
) -> Built:
    """What a finished run came to. removed: how many outputs went; spent: US dollars; seconds: of wall time."""
    found, chosen = materials.survey, extent.chosen
    works, usage = [work for name, work in schedule.works.items() if name in chosen], schedule.make.usage
    kept = _verdicts(materials, schedule, chosen)
    failures = [*_failures(materials, works), *kept]
    left = any(work.state is State.LEFT for work in works)
    interrupted = left and not (schedule.limits.fail_fast and failures)
    fresh = (found.project.left_out or 0) + _count_fresh(chosen, works)
    finished = Finished(
        **_counted(works, failures),
        generated=materials.ran.get("generate", 0),
        fresh=fresh - sum(1 for failure in kept if failure.kind == "rule"),
        removed=removed,
        seconds=round(seconds, 3),
        cost=spent,
        busy=round(usage.busy(), 4),
        memory=usage.memory(),
        interrupted=interrupted,
        exit_code=_exit_code(failures, interrupted),
    )
    lasting = all(_is_lasting(found.plan.decisions[failure.id], failure) for failure in failures)
    return Built(
        project=found.project,
        finished=finished,
        failures=tuple(failures),
        lasting=lasting and extent.stands and not left,
        open=_open(materials, schedule, extent, failures),
        stands=extent.stands,
        ran=dict(materials.ran),
        outputs={path: output.stamp for path, output in materials.published.items()},
        locks=tuple(found.book.paths.values()),
        **_news(schedule, works, failures),
    )


def _news(schedule: Schedule, works: Sequence[Work], failures: Sequence[Failure]) -> dict[str, Any]:
    """What happened in this run that others may want to hear of."""
    return {
        "news": tuple(failure for failure in failures if _is_new(schedule, failure)),
        "refusals": tuple(schedule.noting.refusals),
        "stopped": any(isinstance(work.error, OverBudget) for work in works),
    }


def _counted(works: Sequence[Work], failures: Sequence[Failure]) -> dict[str, int]:
    """How many targets were made, put back, or ended otherwise."""
    done = [work for work in works if work.state is State.DONE]
    kinds = Counter(failure.kind for failure in failures)
    return {
        "built": sum(1 for work in done if _has_run(work)),
        "restored": sum(1 for work in done if work.changed and not _has_run(work)),
        "failed": kinds["failed"] + kinds["rule"],
        "review": kinds["review"],
        "skipped": kinds["skipped"],
    }


def _open(
    materials: Materials, schedule: Schedule, extent: Extent, failures: Sequence[Failure]
) -> frozenset[str] | None:
    """As Built has it. A whole build that was stopped leaves what belongs to no target as it is."""
    stopped = not schedule.is_complete and materials.survey.project.is_whole
    if stopped or extent.selected or not (extent.stands and _is_all(materials, extent.chosen)):
        return None
    undone = [work.id for work in schedule.works.values() if work.state is not State.DONE]
    return frozenset([*undone, *(failure.id for failure in failures)])


def _is_all(materials: Materials, chosen: Collection[str]) -> bool:
    """Whether what was built is all that is declared, locked and published, and there was nothing to point out."""
    found = materials.survey
    targets = found.project.graph.targets
    paths = sum(len(materials.paths_of(target)) for target in targets.values())
    whole = len(chosen) == len(targets) and len(materials.published) == paths
    told = found.project.expansion.warnings or materials.store.notes or found.book.notes
    return whole and not (told or found.guarded or found.book.orphans)


def _is_lasting(decision: Decision, failure: Failure) -> bool:
    """Whether this failure would only be repeated: its row, a rule or its file has to change first."""
    return failure.kind in ("rule", "review") or decision.action in (Action.FAULT, Action.FAILED)


def _is_new(schedule: Schedule, failure: Failure) -> bool:
    """Whether something was tried or looked at for it: else it is what an earlier build came to."""
    work = schedule.works.get(failure.id)
    return work is not None and work.decision.action not in AT_REST


def _failures(materials: Materials, works: Sequence[Work]) -> list[Failure]:
    """What failed and what was skipped; how it ended before is only looked up where it ends so again."""
    ended = [work for work in works if work.state in (State.FAILED, State.SKIPPED)]
    outcomes = materials.ledger.outcomes([work.id for work in ended if work.decision.broken])
    return [_failure(work, outcomes.get(work.id)) for work in ended]


def _failure(work: Work, outcome: Outcome | None) -> Failure:
    """outcome: how the target ended before, which is how it ends now where it would only fail again."""
    verdicts = outcome.verdicts if work.decision.broken and outcome else work.verdicts
    target = work.decision.target
    error = work.error or TargetError("an input of it failed", hint="mend that first")
    return Failure(
        id=target.id,
        output=target.output,
        where=place(target.recipe.where),
        cause=error.message,
        hint="; ".join(filter(None, (error.hint, _left(work.decision)))),
        kind=_kind(work),
        **_apart(verdicts, error.message),
    )


def _left(decision: Decision) -> str:
    """What there still is of a target that was locked before it failed."""
    if decision.line is None or not decision.line.image:
        return ""
    if decision.reproduce:
        return "its locked bytes may lie in another store, a shared cache or git"
    return "the last image stays published, and is stale"


def _apart(verdicts: Sequence[Verdict], cause: str) -> dict[str, str]:
    """The rules and figures of a failure, where they are its cause."""
    return dict(zip(("rule", "figure"), tell_apart(verdicts), strict=True)) if cause == tell(verdicts) else {}


def _kind(work: Work) -> Literal["failed", "rule", "skipped"]:
    if work.state is State.SKIPPED:
        return "skipped"
    return "rule" if work.verdicts or work.decision.broken else "failed"


def _verdicts(materials: Materials, schedule: Schedule, chosen: Collection[str]) -> list[Failure]:
    """Published images that a rule finds fault with, or puts up for review."""
    found = materials.survey
    outcomes = {
        name: outcome
        for name, outcome in materials.ledger.outcomes(chosen).items()
        if outcome.state in ("fail", "review")
    }
    lines = {**found.lines, **materials.lines}
    settled = approved(found.project, {name: lines[name] for name in outcomes if name in lines})
    told = []
    for name, outcome in outcomes.items():
        if outcome.state == "review" and name in settled:
            continue
        work = schedule.works.get(name)
        if work is not None and work.state is not State.DONE:
            continue
        if work is None and found.plan.decisions[name].action is not Action.FRESH:
            continue
        target = found.project.graph.targets[name]
        if not target.recipe.rules:
            continue
        told.append(
            Failure(
                id=name,
                output=target.output,
                where=place(target.recipe.where),
                cause=outcome.why,
                hint=_way_on(outcome, name in settled),
                kind="rule" if outcome.state == "fail" else "review",
                **_apart(outcome.verdicts, outcome.why),
            )
        )
    return told


def _way_on(outcome: Outcome, is_approved: bool) -> str:
    if outcome.state == "review":
        return "look at it, then approve or reject it by `imgbuild review`"
    if is_approved:
        return "it is approved, and stays; `imgbuild review reject --reseed` lets it go"
    return "the locked image stays; `imgbuild build --reroll` tries other seeds"


def _exit_code(failures: Sequence[Failure], interrupted: bool) -> int:
    kinds = {failure.kind for failure in failures}
    if interrupted:
        return Exit.INTERRUPTED
    if kinds & {"failed", "skipped"}:
        return Exit.TARGET_FAILED
    return Exit.RULE_FAILED if "rule" in kinds else Exit.DONE


def _has_run(work: Work) -> bool:
    return work.made is not None and bool(work.made.ran)


def _count_fresh(chosen: Collection[str], works: Sequence[Work]) -> int:
    """Targets at which nothing was done, though their rules may have been checked."""
    idle = [work for work in works if work.state is State.DONE and not work.changed and not _has_run(work)]
    return len(chosen) - len(works) + len(idle)
