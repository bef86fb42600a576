"""`imgbuild review`: approve, pick, reject, comment, star pictures; list what was decided. Kept beside the lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from imgbuild.commands.lock import run_reseed
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit, UsageError, did_you_mean
from imgbuild.project import Project
from imgbuild.report.text import plural
from imgbuild.reviews import Decision, ReviewBook, Standing
from imgbuild.reviews.lines import Kind
from imgbuild.reviews.person import person
from imgbuild.run.schedule import LOCKED
from imgbuild.survey import Survey, reviews_of
from imgbuild.types import Target

DONE: Mapping[Kind, str] = {
    "approve": "approved",
    "pick": "picked",
    "reject": "rejected",
    "comment": "commented on",
    "star": "starred",
    "unstar": "starred no more",
}

APPROVING: tuple[Kind, ...] = ("approve", "pick")


class Said(Struct, frozen=True, kw_only=True):
    """What the command line gives to `review`; the names are those of its options."""

    targets: tuple[str, ...] = ()
    note: str = ""
    tick: tuple[str, ...] = ()
    by: str = ""
    reseed: bool = False


class Shown(Struct, frozen=True, kw_only=True):
    """One row of the list, as `--json` gives it.

    wins: whether it was picked over others. who, when, note, ticked: of the decision that holds.
    """

    event: Literal["review"] = "review"
    id: str
    output: str
    state: str
    wins: bool = False
    who: str = ""
    when: str = ""
    note: str = ""
    ticked: tuple[str, ...] = ()
    stars: tuple[str, ...] = ()
    comments: tuple[Decision, ...] = ()


def run_decide(session: Session, kind: Kind, said: Said) -> int:
    """Add a decision on each chosen picture. Raises UsageError where one can't be decided on, or words are missing."""
    if not said.targets:
        raise UsageError(f"review {kind} needs targets", hint="name them as `imgbuild ls` does; '*' is all")
    _check_words(kind, said)
    project = session.project()
    ticked = _ticked(project, kind, said.tick)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, (), said.targets))
    if kind == "pick":
        _check_rivals(project, chosen)
    pixels = {target.id: _pixels(found, target) for target in chosen}
    who = said.by or person(session.root, session.environ)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    decisions: dict[str, list[Decision]] = {}
    for target in chosen:
        spec = target.recipe.spec
        decision = Decision(
            target=target.id.removeprefix(f"{spec}/"),
            pixels=pixels[target.id],
            decision=kind,
            who=who,
            when=when,
            note=said.note,
            ticked=ticked,
        )
        decisions.setdefault(spec, []).append(decision)
    _keep(session, reviews_of(project), decisions, kind)
    return run_reseed(session, [target.id for target in chosen]) if said.reseed else Exit.DONE


def _check_words(kind: Kind, said: Said) -> None:
    if kind in ("reject", "comment") and not said.note:
        raise UsageError(f"review {kind} needs a note", hint="say why, by -m")
    if said.reseed and kind != "reject":
        raise UsageError("--reseed goes with reject alone", hint="`imgbuild lock --reseed` moves seeds")
    if said.tick and kind not in APPROVING:
        raise UsageError(
            "--tick goes with approve and pick alone",
            hint="what is on the checklist is said of good pictures",
        )


def _check_rivals(project: Project, chosen: Sequence[Target]) -> None:
    """Raises UsageError where one that is to win competes with none, or with another that is to win."""
    ids = {target.id for target in chosen}
    contests = [ids.intersection(contest) for contest in project.expansion.contests]
    for target in chosen:
        if not any(target.id in both for both in contests):
            raise UsageError(
                f"nothing asks for a winner among {target.id} and others",
                hint="'pick' of its asset does, or 'inputs: {image: {pick: …}}' of another one",
            )
    for both in contests:
        if len(both) > 1:
            one, other = sorted(both)[:2]
            raise UsageError(f"{one} and {other} compete: only one wins", hint="pick one of them")


def _ticked(project: Project, kind: Kind, given: Sequence[str]) -> tuple[str, ...]:
    """What is ticked of the checklist; all that is on it, where somebody approves or picks. Raises UsageError."""
    checklist = project.settings.review.checklist
    for item in given:
        if item not in checklist:
            hint = did_you_mean(item, checklist, "items of the checklist")
            raise UsageError(f"'{item}' is not on the checklist", hint=hint)
    missing = [item for item in checklist if item not in given]
    if kind in APPROVING and missing:
        ticks = " ".join(f"--tick {item if item.isidentifier() else repr(item)}" for item in missing)
        raise UsageError(f"not ticked: {', '.join(missing)}", hint=f"look, then add {ticks}")
    return tuple(item for item in checklist if item in given)


def _pixels(found: Survey, target: Target) -> str:
    """Of the picture that a decision is about: the locked one, where that is what the specs ask for."""
    decision = found.plan.decisions[target.id]
    line = decision.line
    if line is None or not line.pixels:
        raise UsageError(f"{target.id} has no image yet", hint="`imgbuild build` makes it")
    if decision.action not in LOCKED:
        raise UsageError(
            f"{target.id} is not up to date: {decision.why}", hint="build it, and look at what comes of it"
        )
    return line.pixels


def _keep(session: Session, book: ReviewBook, decisions: Mapping[str, list[Decision]], kind: Kind) -> None:
    for spec, made in decisions.items():
        try:
            path = book.add(spec, made)
        except OSError as error:
            raise UsageError(
                f"{book.paths[spec]} can't be written: {error.strerror}",
                hint="is its folder there, and yours?",
            ) from error
        if session.json:
            for decision in made:
                session.give({"event": "decided", "spec": spec, "decision": decision})
        else:
            session.say(f"{plural(len(made), 'image')} {DONE[kind]}, in {path}")


def run_list(session: Session, patterns: Sequence[str], only: Collection[str]) -> int:
    """Print what is decided on each chosen picture. only: these states. Raises SpecError, UsageError."""
    project = session.project()
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, (), patterns))
    book, winners = reviews_of(project), found.winners
    rows = [shown_of(found, book, target, winners) for target in chosen]
    shown = [row for row in rows if not only or row.state in only]
    if session.json:
        for row in shown:
            session.give(row)
        return Exit.DONE
    for fault in book.faults:
        session.say(f"warning: {fault}")
    if shown:
        headers = ["state", "target", "who", "when", "note", "stars"]
        session.table(headers, [_cells(row) for row in shown], frozenset({5}))
    counts = Counter(row.state for row in rows)
    told = [f"{count:,} {state}" for state, count in sorted(counts.items())]
    session.say(f"{plural(len(rows), 'image')}{': ' if told else ''}{', '.join(told)}")
    return Exit.DONE


def shown_of(found: Survey, book: ReviewBook, target: Target, winners: Collection[str] = ()) -> Shown:
    """What is decided on a target: nothing, while it has no image. winners: those that were picked over others."""
    line = found.plan.decisions[target.id].line
    standing = book.of(target.id, line.pixels) if line is not None and line.pixels else Standing()
    last = standing.last
    return Shown(
        id=target.id,
        output=target.output,
        state="changed" if standing.has_changed else standing.state,
        wins=standing.state == "approved" and target.id in winners,
        who=last.who if last else "",
        when=last.when if last else "",
        note=last.note if last else "",
        ticked=last.ticked if last else (),
        stars=standing.stars,
        comments=tuple(item for item in standing.said if item.decision == "comment"),
    )


def _cells(row: Shown) -> list[str]:
    who = row.who.partition(" <")[0]
    notes = [row.note, *(f"{item.who.partition(' <')[0]}: {item.note}" for item in row.comments)]
    return [
        f"{row.state}, wins" if row.wins else row.state,
        row.id,
        who,
        row.when[:16].replace("T", " "),
        "; ".join(filter(None, notes)),
        "★" * len(row.stars),
    ]
