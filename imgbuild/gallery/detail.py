"""What the page tells of one target, when it is opened. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.adjustments import ask_at
from imgbuild.gallery.catalogue import locked
from imgbuild.gallery.look import Look
from imgbuild.keys import DECLARED, bound_at
from imgbuild.reviews import Decision
from imgbuild.run.accept import tell
from imgbuild.select import handle
from imgbuild.types import Line, Outcome, Target, Tried, Value, Verdict


class Attempt(Struct, frozen=True, kw_only=True):
    """An attempt that rules turned down, and why. asked: what it asked for otherwise than declared."""

    attempt: int
    seed: int
    asked: Mapping[str, Value]
    outcome: str = "turned down"
    why: str


class Decided(Struct, frozen=True, kw_only=True):
    """What somebody said of a picture of the target. holds: of the one that it has now."""

    decision: str
    who: str
    when: str
    note: str
    ticked: tuple[str, ...]
    holds: bool


class Place(Struct, frozen=True, kw_only=True):
    """Where its asset is declared, with that line's text."""

    file: str
    line: int
    column: int
    text: str


class Source(Struct, frozen=True, kw_only=True):
    """A picture that goes in: a target by its handle, or a file."""

    role: str
    handle: str = ""
    file: str = ""


class Detail(Struct, frozen=True, kw_only=True):
    """All that is told of a target. size: as asked for. files: renditions. before: its image in the last commit."""

    id: str
    handle: str
    prompt: str
    negative: str
    params: Mapping[str, Value]
    size: tuple[int, int]
    seed: int
    attempt: int
    grade: str
    pin: Mapping[str, str]
    via: str
    adjusted: str
    verdicts: tuple[Verdict, ...]
    attempts: tuple[Attempt, ...]
    decisions: tuple[Decided, ...]
    where: Place
    files: tuple[str, ...]
    inputs: tuple[Source, ...]
    commands: tuple[str, ...]
    before: Mapping[str, str] | None
    cost: float
    seconds: float
    why: str
    hint: str


def target_of(look: Look, short: str) -> Target | None:
    """The shown target of that handle."""
    return next((target for target in look.chosen if handle(target.id) == short), None)


def detail(look: Look, target: Target, before: Mapping[str, str] | None = None) -> Detail:
    outcome, line = look.outcome_of(target), look.line_of(target)
    return Detail(
        id=target.id,
        handle=handle(target.id),
        **_asked(look, target, line),
        **locked(look, target),
        adjusted=", ".join(line.adjusted) if line is not None else "",
        verdicts=outcome.verdicts if outcome is not None else (),
        attempts=tuple(_attempts(outcome)),
        decisions=tuple(_decided(look.book.all_of(target.id), line.pixels if line is not None else "")),
        where=_place(target),
        files=target.files,
        inputs=tuple(_sources(target)),
        commands=_commands(target, competes=target.id in look.competing),
        before=before,
        why=look.why(target),
        hint=look.found.plan.decisions[target.id].hint,
    )


def detail_json(look: Look, short: str, before: Mapping[str, str] | None = None) -> bytes | None:
    """The same as JSON; None where no target that is shown has that handle."""
    target = target_of(look, short)
    return msgspec.json.encode(detail(look, target, before)) if target is not None else None


def _asked(look: Look, target: Target, line: Line | None) -> dict[str, Any]:
    """What the model was asked for, in the way that made the image; nothing of pictures that existed already."""
    if not target.asks:
        return {"prompt": "", "negative": "", "params": {}, "size": (0, 0), "pin": {}}
    sealed = look.found.plan.sealed
    way = look.found.intents.way_of(target, sealed, line) if line and target.id in sealed else DECLARED
    ask = ask_at(target, *way)
    bound = bound_at(target, way.position)
    pin = look.found.pins.known.get((bound.home, bound.alias))
    names = ("provider", "source", "revision", "weights")
    return {
        "prompt": ask.prompt,
        "negative": ask.negative,
        "params": ask.params,
        "size": (ask.width, ask.height),
        "pin": {name: value for name in names if (value := getattr(pin, name, ""))},
    }


def _attempts(outcome: Outcome | None) -> Iterator[Attempt]:
    tried: Sequence[Tried] = outcome.attempts if outcome is not None else ()
    for item in tried:
        yield Attempt(attempt=item.attempt, seed=item.seed, asked=item.asked, why=tell(item.verdicts))


def _decided(decisions: Sequence[Decision], pixels: str) -> Iterator[Decided]:
    for item in decisions:
        yield Decided(
            decision=item.decision,
            who=item.who,
            when=item.when,
            note=item.note,
            ticked=item.ticked,
            holds=item.pixels == pixels,
        )


def _place(target: Target) -> Place:
    where = target.recipe.where
    return Place(file=where.file, line=where.line, column=where.column, text=where.text)


def _sources(target: Target) -> Iterator[Source]:
    for item in target.inputs:
        yield Source(role=item.role, handle=handle(item.target) if item.target else "", file=item.file)


def _commands(target: Target, *, competes: bool) -> tuple[str, ...]:
    """What can be done about it in a terminal."""
    short = handle(target.id)
    reseeded = f"imgbuild lock --reseed {short} && imgbuild build -s {short}"
    reseeds = (reseeded,) if target.asks and not target.explicit else ()
    return (
        f"imgbuild why {short}",
        f"imgbuild build -s {short}",
        *reseeds,
        f"imgbuild review {'pick' if competes else 'approve'} {short}",
    )
