"""What a build tells as it goes, one struct an event; `--json` prints them one a line."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Moved: TypeAlias = Literal["running", "done", "restored", "fresh", "review", "failed", "skipped", "retry"]


class Started(Struct, frozen=True, kw_only=True, tag="started", tag_field="event"):
    """The plan in figures: how many targets there are, and what has to be done. cost: US dollars, estimated."""

    targets: int
    fresh: int
    restore: int
    run: int
    maybe: int = 0
    cost: float = 0.0


class TargetMoved(Struct, frozen=True, kw_only=True, tag="target", tag_field="event", omit_defaults=True):
    """A target changed its state. seconds: of the work that led here; cost: US dollars spent on it."""

    id: str
    state: Moved
    output: str
    attempt: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    why: str = ""


class Fetch(Struct, frozen=True, kw_only=True, tag="fetch", tag_field="event", omit_defaults=True):
    """The files of a model are brought here. source: where from; done, total: bytes.

    This and the two below are told when they begin, about ten times a second, and when they end, well or not.
    device: for which, where there are several. seconds: since they began.
    """

    model: str
    source: str
    device: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    ended: bool = False


class Load(Struct, frozen=True, kw_only=True, tag="load", tag_field="event", omit_defaults=True):
    """A model is made ready to draw."""

    model: str
    device: str = ""
    seconds: float = 0.0
    ended: bool = False


class Draw(Struct, frozen=True, kw_only=True, tag="draw", tag_field="event", omit_defaults=True):
    """A batch of so many images is drawn, the model's `batch`th of this build.

    step, steps: how many have been taken, of how many; 0 where the model does not say. rate: steps a second.
    """

    model: str
    batch: int
    images: int
    device: str = ""
    step: int = 0
    steps: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    ended: bool = False


class Failure(Struct, frozen=True, kw_only=True, tag="failure", tag_field="event", omit_defaults=True):
    """A target that could not be made or did not pass. where: `file:line:column` of its asset.

    rule, figure: where rules are the cause, which they are and what was measured, each with its unit.
    """

    id: str
    output: str
    where: str
    cause: str
    hint: str = ""
    kind: Literal["failed", "rule", "review", "skipped"] = "failed"
    rule: str = ""
    figure: str = ""


class Note(Struct, frozen=True, kw_only=True, tag="note", tag_field="event", omit_defaults=True):
    """Something worth knowing that stops nothing."""

    text: str
    level: Literal["info", "warning"] = "info"


class NearBudget(Struct, frozen=True, kw_only=True, tag="budget", tag_field="event", omit_defaults=True):
    """A budget comes to its end; of a plan: comes near it, or would be crossed. It is told once.

    of: one build, or the calendar month. limit, spent, left: US dollars. estimate: what the plan would cost.
    """

    of: Literal["build", "month"]
    limit: float
    spent: float
    left: float
    estimate: float = 0.0


class Finished(Struct, frozen=True, kw_only=True, tag="finished", tag_field="event", omit_defaults=True):
    """The end of a build. `built` counts targets whose steps ran, `generated` images made by a provider.

    busy: the part of their time (0 to 1) that devices were at work, from their first call to the end of their last.
    memory: the most bytes that an image took of one; both are 0 where none was used.
    """

    built: int = 0
    generated: int = 0
    restored: int = 0
    fresh: int = 0
    failed: int = 0
    review: int = 0
    skipped: int = 0
    removed: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    busy: float = 0.0
    memory: int = 0
    interrupted: bool = False
    exit_code: int = 0


Underway: TypeAlias = Fetch | Load | Draw
Event: TypeAlias = Started | TargetMoved | Underway | Failure | Note | NearBudget | Finished
