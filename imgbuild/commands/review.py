"""`imgbuild review`: approve, pick, reject, comment, star pictures; list what was decided. Kept beside the lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from imgbuild.commands.lock import run_reseed
from imgbuild.commands.session import Session, selection_of
from imgbuild.deciding import Word, check_word, decide, keep
from imgbuild.errors import Exit, UsageError
from imgbuild.report.text import plural
from imgbuild.reviews import Decision, ReviewBook, Standing
from imgbuild.reviews.lines import Kind
from imgbuild.reviews.person import person
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
    word = Word(kind=kind, note=said.note, ticked=said.tick, reseed=said.reseed)
    check_word(word)
    project = session.project()
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, (), said.targets))
    decisions = decide(found, chosen, word, said.by or person(session.root, session.environ))
    for spec, path, made in keep(reviews_of(project), decisions):
        if session.json:
            for decision in made:
                session.give({"event": "decided", "spec": spec, "decision": decision})
        else:
            session.say(f"{plural(len(made), 'image')} {DONE[kind]}, in {path}")
    return run_reseed(session, [target.id for target in chosen]) if said.reseed else Exit.DONE


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
