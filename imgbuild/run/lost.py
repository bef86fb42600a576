"""Requests of earlier builds of which nobody knows the end, as far as this one is about to send them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from imgbuild.keys import bound_at
from imgbuild.plan import DOES_STEPS, Action, Decision
from imgbuild.report.text import money, plural
from imgbuild.run.materials import Materials
from imgbuild.run.purchases import nameless
from imgbuild.run.recall import Recall
from imgbuild.run.work import Work
from imgbuild.store.journal import Entry
from imgbuild.types import Digest


def lost(materials: Materials, chosen: Collection[str]) -> list[Entry]:
    """What the journal has of them, each once; of targets whose inputs are not known yet, there is none.

    chosen: ids of the targets that are built.
    """
    unknown = nameless(materials.store.journal)
    if not unknown:
        return []
    return [unknown[key] for key in dict.fromkeys(_asked(materials, chosen)) if key in unknown]


def question(entries: Sequence[Entry]) -> str:
    """Whether they may be sent again, and what that could cost."""
    cost = sum(entry.estimate or 0.0 for entry in entries)
    about = f" (about {money(cost)})" if cost else ""
    has, it, them = ("has", "it", "it") if len(entries) == 1 else ("have", "they", "them")
    told = f"{plural(len(entries), 'request')} of an earlier build {has} no known end"
    return f"{told}; {it} may have been paid for{about}. Send {them} again?"


def _asked(materials: Materials, chosen: Collection[str]) -> Iterator[Digest]:
    """The keys of the requests with which the targets begin."""
    recall = Recall(materials)
    for name, decision in materials.plan.decisions.items():
        if name not in chosen or not _is_settled(materials, decision):
            continue
        work = Work(decision, 0, locked=False)
        if not recall.unopened(work):
            recall.look_up(work)
            if work.trace is not None and work.trace.first is None:
                yield work.trace.key


def _is_settled(materials: Materials, decision: Decision) -> bool:
    """Whether a model is asked for the target, and all that goes in is there."""
    target = decision.target
    if decision.action is not Action.RUN or not target.asks:
        return False
    bound = bound_at(target, decision.way.position)
    needs = [materials.decision(item.target) for item in target.inputs if item.target]
    is_pinned = (bound.home, bound.alias) in materials.survey.pins.known
    return is_pinned and not any(item.action in DOES_STEPS for item in needs)
