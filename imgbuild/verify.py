"""Makes locked images again from their pins, in a store and a folder of their own, and compares them with the lock."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import Drift, TargetError
from imgbuild.graph import closure
from imgbuild.images import Picture
from imgbuild.keys import bound_at
from imgbuild.plan import Action, Decision
from imgbuild.providers import PROVIDERS
from imgbuild.publish import Outputs
from imgbuild.report import Reporter
from imgbuild.report.events import Started
from imgbuild.run.budget import Budget
from imgbuild.run.conclusion import Conclusion
from imgbuild.run.making import Making, Terms
from imgbuild.run.materials import Materials
from imgbuild.run.recall import Recall
from imgbuild.run.schedule import Limits, Schedule
from imgbuild.run.steps import Made
from imgbuild.run.work import State, Work
from imgbuild.store.blobs import Blobs
from imgbuild.store.records import Records
from imgbuild.store.store import open_store
from imgbuild.survey import Adapters, Survey
from imgbuild.types import Digest, Grade, Line

Likeness = Literal["bitwise", "perceptual", "drift", "stored", "paid", "unlocked", "failed"]


class Compared(Struct, frozen=True, kw_only=True):
    """How one target compares: equal pixels, equal to the eye, another picture.

    Those that are `stored`, or `paid` for, are not made again.
    """

    id: str
    verdict: Likeness
    detail: str = ""


def verify(
    found: Survey,
    records: Records,
    chosen: Collection[str],
    folder: Path,
    reporter: Reporter,
    jobs: int,
    stop: threading.Event,
) -> list[Compared]:
    """Compare the chosen targets with the lock. `folder` takes what is made; nothing else is written.

    records: of the project, which may tell what the locked images were made with.
    """
    decisions = {name: _again(item) for name, item in found.plan.decisions.items()}
    plan = replace(found.plan, decisions=decisions)
    wanted = {name for name in closure(found.project.graph, chosen) if decisions[name].action is Action.RUN}
    aside = replace(found, plan=plan, outputs=Outputs(folder / "out"), published={}, equals={})
    with open_store(folder / "store", found.project.store, write=True, share=False) as store:
        materials = Materials(aside, store)
        recall = Recall(materials)
        making = Making(materials, Adapters(found.project.files), Budget(), Terms(), stop)
        conclusion = Conclusion(materials, recall)
        limits = Limits(jobs=jobs)
        schedule = Schedule(found.project.graph, plan, wanted, recall, making, conclusion, reporter, limits)
        reporter.event(Started(targets=len(wanted), fresh=0, restore=0, run=len(wanted)))
        try:
            schedule.run()
        finally:
            making.close()
        materials.ledger.commit()
        return list(_compared(found, chosen, schedule, Differences(store.blobs, records)))


def _again(decision: Decision) -> Decision:
    """The decision to make a locked image again; whatever is not locked as it is declared stays at rest."""
    line = decision.line
    if line is None or not line.image or line.intent != decision.intent or line.grade is Grade.STORED:
        return replace(decision, action=Action.FRESH)
    if _is_paid(decision):
        return replace(decision, action=Action.FRESH)
    return replace(decision, action=Action.RUN, reproduce=True, seed=line.seed, attempt=line.attempt)


def _is_paid(decision: Decision) -> bool:
    if decision.target.recipe.model is None:
        return False
    return PROVIDERS.get(bound_at(decision.target, decision.way.position).model.provider).paid


class Differences:
    """What is known of how a picture made again differs from the locked one. blobs: where that may be at hand."""

    def __init__(self, blobs: Blobs, records: Records) -> None:
        self.blobs, self.records = blobs, records

    @cached_property
    def environments(self) -> dict[Digest, Mapping[str, str]]:
        """For each generated blob of the project, what it was made with."""
        known = self.records.all_records().values()
        return {record.blob: record.environment for record in known if record.step == "generate"}

    def levels(self, made: Made, line: Line) -> str:
        """How far apart the pixels are as they were generated, where those of the lock are at hand."""
        try:
            one, other = (Picture(self.blobs.read(raw)).rgb.astype(int) for raw in (made.raw, line.raw))
        except (KeyError, TargetError):  # gone, or damaged
            return ""
        if one.shape != other.shape:
            return "of another size"
        return f"at most {abs(one - other).max()} of 255 levels apart"

    def environment(self, made: Made, line: Line) -> str:
        """What is another library or device than then: "torch 2.12.0 → 2.13.0"."""
        was = self.environments.get(line.raw, {})
        now = next((record.environment for record in made.records if record.step == "generate"), {})
        if not was or not now:  # nobody noted it, or another target of equal pixels was made in its place
            return ""
        changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
        return ", ".join(f"{name} {was.get(name, 'none')} → {now.get(name, 'none')}" for name in changed)

    def told(self, what: str, made: Made | None, line: Line) -> str:
        """The sentence `what`, with all that is known."""
        if made is None:
            return what
        known = [self.levels(made, line), self.environment(made, line)]
        return "; ".join([what, *(item for item in known if item)])


def _compared(
    found: Survey, chosen: Collection[str], schedule: Schedule, differences: Differences
) -> Iterator[Compared]:
    for name in chosen:
        work, line = schedule.works.get(name), found.plan.decisions[name].line
        if line is None or not line.image:
            yield Compared(id=name, verdict="unlocked", detail="build it first")
        elif work is not None and name in schedule.chosen:
            yield _verdict(work, line, differences)
        elif line.grade is Grade.STORED:
            yield Compared(id=name, verdict="stored", detail="only its bytes can be kept")
        elif _is_paid(found.plan.decisions[name]):
            yield Compared(id=name, verdict="paid", detail="making it again costs money")
        else:
            yield Compared(id=name, verdict="unlocked", detail="its declaration changed since it was locked")


def _verdict(work: Work, line: Line, differences: Differences) -> Compared:
    if work.state is State.DONE and work.made is not None:
        if work.made.pixels == line.pixels:
            return Compared(id=work.id, verdict="bitwise")
        detail = differences.told("other pixels, equal to the eye", work.made, line)
        return Compared(id=work.id, verdict="perceptual", detail=detail)
    error = work.error
    if isinstance(error, Drift):
        return Compared(id=work.id, verdict="drift", detail=differences.told(error.message, work.made, line))
    return Compared(id=work.id, verdict="failed", detail=error.message if error else "an input of it failed")
