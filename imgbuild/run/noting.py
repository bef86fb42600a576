"""What became of each attempt at an image, noted for people to look at. In the loop's thread.

An image that a build made and did not come to judge is noted by the build that takes it up.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from imgbuild.adjustments import ask_at
from imgbuild.errors import (
    BadImage,
    ProviderFailed,
    Refused,
    TargetError,
    Transient,
    Unanswered,
    Unavailable,
    place,
)
from imgbuild.foreign import Broke
from imgbuild.keys import Way, bound_at
from imgbuild.run.limits import Closed
from imgbuild.run.making import PixelsLost
from imgbuild.run.materials import Materials
from imgbuild.run.steps import Unfinished
from imgbuild.run.work import Work
from imgbuild.store.history import Attempt, Refusal
from imgbuild.types import Record

# How a request came to nothing, by what was raised: the first that fits. Empty: no model was asked.
_KINDS: tuple[tuple[type[TargetError], str], ...] = (
    (Closed, ""),
    (Unavailable, ""),
    (PixelsLost, ""),
    (Transient, "not taken"),
    (Unanswered, "no answer"),
    (BadImage, "no image"),
    (Broke, "broke"),
    (Refused, "refused"),
    (ProviderFailed, "not made"),
)
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|_URL)$")  # names of variables
_SHORT = 8  # characters; fewer are no secret, and may stand anywhere


class Noting:
    """Notes the attempts of one run. refusals: those of this run, in order.

    environ: what its keys hold is noted nowhere. clock: seconds since the epoch.
    """

    def __init__(
        self,
        materials: Materials,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger, self._environ, self._clock = materials.ledger, environ, clock
        self.refusals: list[Refusal] = []

    def accept(self, work: Work) -> None:
        """Its image is the target's now. Where it was before, that is no news."""
        made, line, drawn = work.made, work.decision.line, _drawn(work)
        if made is None or drawn is None:
            return
        if drawn in made.records or line is None or line.raw != made.raw:
            self._judge(work, drawn, end="accepted")

    def turn_down(self, work: Work) -> None:
        """Rules turned its image down."""
        rules = tuple([item.rule for item in work.verdicts if item.status == "fail"])
        if (drawn := _drawn(work)) is not None:
            self._judge(work, drawn, end="turned down", rules=rules)

    def drift(self, work: Work) -> None:
        """Its image is another one than the lock names."""
        if (drawn := _drawn(work)) is not None:
            self._judge(work, drawn, end="failed", kind="drift")

    def fail(self, work: Work, error: TargetError, cost: float, *, stopped: bool) -> None:
        """Its request came to nothing. cost: US dollars that count as spent. stopped: so was the build, meanwhile."""
        kind = _kind_of(error)
        if kind and (kind == "refused" or not stopped):
            self._note(work, cost=cost, **_end(kind))

    def leave_unfinished(self, work: Work, error: Unfinished) -> None:
        """Nothing was made of what came. Where only an old image could not be finished anew, that is no news."""
        drawn = next((record for record in error.records if record.step == "generate"), None)
        if drawn is not None:
            self._judge(work, drawn, end="failed", kind="not finished")
        elif isinstance(error.__cause__, BadImage) and _is_new(work):
            self._note(work, cost=error.cost, end="failed", kind="no image")

    def _judge(self, work: Work, drawn: Record, **end: Any) -> None:
        self._note(
            work,
            at=drawn.created,
            key=drawn.key,
            seconds=round(drawn.seconds, 4),
            cost=drawn.cost,
            **end,
        )

    def _note(self, work: Work, **known: Any) -> None:
        bound = bound_at(work.decision.target, work.position)
        own = {"at": self._clock(), "key": work.trace.key if work.trace is not None else ""}
        attempt = Attempt(
            target=work.id,
            profile=self.ledger.profile,
            model=bound.alias,
            provider=bound.model.provider,
            source=bound.model.source,
            **{**own, **known},
        )
        self.ledger.put_attempt(attempt)

    def refuse(self, work: Work, way: Way, error: TargetError, *, takes_over: bool) -> None:
        """If it is a refusal of what was asked in this way. takes_over: whether the next model of the chain does."""
        if not isinstance(error, Refused):
            return
        target = work.decision.target
        bound, ask = bound_at(target, way.position), ask_at(target, *way)
        refusal = Refusal(
            at=self._clock(),
            target=target.id,
            profile=self.ledger.profile,
            asset=f"{target.recipe.spec}/{target.recipe.asset}",
            where=place(target.recipe.where),
            model=bound.alias,
            provider=bound.model.provider,
            source=bound.model.source,
            prompt=self._harmless(ask.prompt),
            negative=self._harmless(ask.negative),
            said=self._harmless(error.message),
            fallback=bound_at(target, way.position + 1).alias if takes_over else "",
        )
        self.refusals.append(refusal)
        self.ledger.put_refusal(refusal)

    def _harmless(self, text: str) -> str:
        """The text without what any key holds: a plug-in's vendor may have repeated it."""
        for name, value in self._environ.items():
            if _SECRET.search(name) and len(value) >= _SHORT:
                text = text.replace(value, f"({name})")
        return text


def _drawn(work: Work) -> Record | None:
    """The record of what a model made for this attempt, in this build or an earlier one; None where none did."""
    known = [*work.made.records] if work.made is not None else []
    if not work.locked and work.trace is not None and work.trace.first is not None:
        known.append(work.trace.first)
    return next((record for record in known if record.step == "generate"), None)


def _is_new(work: Work) -> bool:
    """Whether its model was asked for an image, and none was known."""
    trace = work.trace
    return work.decision.target.recipe.model is not None and trace is not None and trace.first is None


def _kind_of(error: TargetError) -> str:
    """How a request ended that came to nothing; empty where none was made."""
    return next((word for kind, word in _KINDS if isinstance(error, kind)), "failed")


def _end(kind: str) -> dict[str, str]:
    return {"end": "refused"} if kind == "refused" else {"end": "failed", "kind": kind}
