"""Decisions on pictures: what has to be said, of which picture it is said, and where it is kept.

The command line and the gallery decide through the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from imgbuild.errors import UsageError, did_you_mean
from imgbuild.plan import LOCKED
from imgbuild.project import Project
from imgbuild.reviews import Decision, ReviewBook
from imgbuild.reviews.lines import Kind
from imgbuild.survey import Survey
from imgbuild.types import Target

APPROVING: tuple[Kind, ...] = ("approve", "pick")


class Word(Struct, frozen=True, kw_only=True):
    """What somebody says of pictures. ticked: of the checklist. reseed: whether the seed is to move on, too."""

    kind: Kind
    note: str = ""
    ticked: tuple[str, ...] = ()
    reseed: bool = False


def check_word(word: Word) -> None:
    """Raises UsageError where words are missing, or are out of place."""
    if word.kind in ("reject", "comment") and not word.note:
        raise UsageError(f"review {word.kind} needs a note", hint="say why, by -m")
    if word.reseed and word.kind != "reject":
        raise UsageError("--reseed goes with reject alone", hint="`imgbuild lock --reseed` moves seeds")
    if word.ticked and word.kind not in APPROVING:
        raise UsageError(
            "--tick goes with approve and pick alone",
            hint="what is on the checklist is said of good pictures",
        )


def decide(found: Survey, targets: Sequence[Target], word: Word, who: str) -> dict[str, list[Decision]]:
    """The decisions on the targets' pictures of now, by spec; nothing is written. who: as git names them.

    Raises UsageError where one can't be decided on, or an item of the checklist is not ticked.
    """
    ticked = _ticked(found.project.settings.review.checklist, word)
    if word.kind == "pick":
        _check_rivals(found.project, targets)
    pixels = {target.id: pixels_of(found, target) for target in targets}
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    decisions: dict[str, list[Decision]] = {}
    for target in targets:
        spec = target.recipe.spec
        decision = Decision(
            target=target.id.removeprefix(f"{spec}/"),
            pixels=pixels[target.id],
            decision=word.kind,
            who=who,
            when=when,
            note=word.note,
            ticked=ticked,
        )
        decisions.setdefault(spec, []).append(decision)
    return decisions


def keep(
    book: ReviewBook, decisions: Mapping[str, list[Decision]]
) -> Iterator[tuple[str, str, list[Decision]]]:
    """Add them to the files beside the locks: spec, path and decisions of each. Raises UsageError."""
    for spec, made in decisions.items():
        try:
            yield spec, book.add(spec, made), made
        except OSError as error:
            raise UsageError(
                f"{book.paths[spec]} can't be written: {error.strerror}",
                hint="is its folder there, and yours?",
            ) from error


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


def _ticked(checklist: Sequence[str], word: Word) -> tuple[str, ...]:
    """What is ticked of the checklist; all that is on it, where somebody approves or picks."""
    for item in word.ticked:
        if item not in checklist:
            hint = did_you_mean(item, checklist, "items of the checklist")
            raise UsageError(f"'{item}' is not on the checklist", hint=hint)
    missing = [item for item in checklist if item not in word.ticked]
    if word.kind in APPROVING and missing:
        ticks = " ".join(f"--tick {item if item.isidentifier() else repr(item)}" for item in missing)
        raise UsageError(f"not ticked: {', '.join(missing)}", hint=f"look, then add {ticks}")
    return tuple(item for item in checklist if item in word.ticked)


def pixels_of(found: Survey, target: Target) -> str:
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
