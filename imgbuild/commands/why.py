"""`imgbuild why`: what a build would do for a target, and which field made it so, old → new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct

from imgbuild.adjustments import ask_at, difference, told_asked, told_labels
from imgbuild.commands.session import Session
from imgbuild.errors import Exit, place
from imgbuild.expand.cheapest import Offer
from imgbuild.expand.lineup import Routed
from imgbuild.expand.pricing import told_price
from imgbuild.keys import DECLARED
from imgbuild.ledger import manifest_of
from imgbuild.plan import Decision
from imgbuild.run.accept import tell
from imgbuild.select import Selection, handle
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Line, Outcome, Target, Tried, Verdict


class Change(Struct, frozen=True):
    """One field that is not what it was; a value is unset where there is none. file: the input file it is of."""

    field: str
    before: Any = UNSET
    after: Any = UNSET
    file: str = ""


class Locked(Struct, frozen=True, kw_only=True):
    """What the lock says of an image. via: the fallback that made it; empty for the target's own model.

    adjusted: the rules that adjusted what it was asked for with, in order; asked: what that was otherwise than
    declared, as far as the spec can still tell.
    """

    seed: int
    attempt: int
    grade: str
    via: str
    adjusted: tuple[str, ...]
    asked: dict[str, Any]


class Story(Struct, frozen=True, kw_only=True, tag="why", tag_field="event"):
    """All that is known of a target. route: how its route came to its model, if it has one.

    output: its path below the output folder; moved_from: where it is published now.
    changes: since the locked image was made; None where this store does not know the fields of that one.
    rules: changes of the rules since they were last checked. attempts: those that rules turned down, as far as this
    store remembers.
    """

    id: str
    handle: str
    action: str
    why: str
    hint: str
    output: str
    where: str
    route: Routed | None
    renamed_from: str
    moved_from: list[str]
    locked: Locked | None
    changes: list[Change] | None
    rules: list[Change]
    attempts: tuple[Tried, ...]
    verdicts: tuple[Verdict, ...]


def run_why(session: Session, patterns: tuple[str, ...]) -> int:
    """Print the story of each target that the patterns name. Raises SpecError, UsageError."""
    project = session.project()
    with session.reading(project) as store:
        found = session.survey(project, store)
        for target in session.choose(found, store, Selection(patterns=patterns)):
            told = story(found, store, found.plan.decisions[target.id])
            if session.json:
                session.give(told)
                continue
            for line in lines(told, project.settings.output):
                session.say(line)
    return Exit.DONE


def story(found: Survey, store: Store, decision: Decision) -> Story:
    """What is known of a target."""
    target, line = decision.target, decision.line
    outcome = store.records.outcomes(found.project.settings.profile_name).get(target.id)
    if not target.recipe.rules:
        outcome = None
    return Story(
        id=target.id,
        handle=handle(target.id),
        action=decision.action.value,
        why=decision.why,
        hint=decision.hint,
        output=target.output,
        where=place(target.recipe.where),
        route=_route(found, target),
        renamed_from=found.carried.get(target.id, ""),
        moved_from=list(_moved(found, target)),
        locked=_locked(found, target, line) if line is not None else None,
        changes=changes(found, store, decision),
        rules=rule_changes(found, store, decision, outcome) if outcome is not None else [],
        attempts=_attempts(outcome, line) if outcome is not None else (),
        verdicts=outcome.verdicts if outcome is not None else (),
    )


def _route(found: Survey, target: Target) -> Routed | None:
    """How its route came to its model; None where it has no route."""
    draft = found.project.drafts.assets[target.recipe.spec, target.recipe.asset]
    return draft.routed(target.cell)


def _moved(found: Survey, target: Target) -> Iterator[str]:
    """Where it was published before, under its own or its old id, if it is not yet where it should be."""
    ids = {target.id, found.carried.get(target.id, target.id)}
    if target.output not in found.published:
        for path, output in found.published.items():
            if output.target in ids and path not in target.paths:
                yield path


def _attempts(outcome: Outcome, line: Line | None) -> tuple[Tried, ...]:
    """Those that led to how it ended; of an accepted image that is locked no more, they tell nothing."""
    tried = outcome.attempts
    if outcome.state == "failed" or (tried and line is not None and tried[-1].attempt == line.attempt - 1):
        return tried
    return ()


def _locked(found: Survey, target: Target, line: Line) -> Locked:
    way = (
        found.intents.way_of(target, found.plan.sealed, line) if target.id in found.plan.sealed else DECLARED
    )
    asked = difference(target.asks[way.position], ask_at(target, *way)) if way.adjusted else {}
    return Locked(
        seed=line.seed,
        attempt=line.attempt,
        grade=line.grade.value,
        via=line.via,
        adjusted=line.adjusted,
        asked=asked,
    )


def changes(found: Survey, store: Store, decision: Decision) -> list[Change] | None:
    """Each field of the manifest that is not what it was; None where the old ones are not known here."""
    line = decision.line
    if line is None or not line.intent or line.intent == decision.intent:
        return []
    old = manifest_of(store.records, line.intent)
    new = found.plan.manifests.get(decision.target.id, {})
    if not old:
        return None
    return [Change(*item, _file(decision.target, item[0])) for item in differences(old, new)]


def _file(target: Target, field: str) -> str:
    """The path of the input file whose digest is in that field; digests are of bytes, whatever their name."""
    section, _, rest = field.partition(".")
    role, _, place = rest.partition(".")
    if section != "inputs" or not place.endswith(".file"):
        return ""
    same = [item.file for item in target.inputs if item.role == role]
    at = int(place.removesuffix(".file"))
    return same[at] if at < len(same) else ""


def changed_fields(found: Survey, store: Store, decision: Decision) -> list[str]:
    """Names of the manifest's fields that changed since the lock, as far as this store knows the old ones."""
    return [change.field for change in changes(found, store, decision) or ()]


def rule_changes(found: Survey, store: Store, decision: Decision, outcome: Outcome) -> list[Change]:
    """Each field of the rules that is not what it was when they were last checked on this target."""
    old = manifest_of(store.records, outcome.rules) if outcome.rules else {}
    if not old or decision.rules == outcome.rules:
        return []
    return [Change(*item) for item in differences(old, found.plan.rules[decision.rules])]


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Fields of which the value differs, with their dotted names, old and new values; nested ones singly."""
    for name in sorted({*old, *new}):
        before, after = old.get(name, UNSET), new.get(name, UNSET)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{name}.")
        elif _is_input(before) and _is_input(after):
            yield from differences(dict([before]), dict([after]), f"{prefix}{name}.")
        elif isinstance(before, list) and isinstance(after, list):
            yield from differences(_numbered(before), _numbered(after), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", before, after


def _is_input(value: Any) -> bool:
    """Whether it is what a manifest holds for one input: ["file", digest] or ["target", intent]."""
    return isinstance(value, list) and len(value) == 2 and value[0] in ("file", "target")


def _numbered(items: list[Any]) -> dict[str, Any]:
    """Items by what names them: an operation by its name, anything else by its place."""
    names = [
        item["name"] if isinstance(item, Mapping) and "name" in item else str(at)
        for at, item in enumerate(items)
    ]
    unique = len(set(names)) == len(names)
    return {
        name if unique else str(at): item for at, (name, item) in enumerate(zip(names, items, strict=True))
    }


def lines(told: Story, folder: str) -> Iterator[str]:
    """A story as text, one line each. folder: of the outputs."""
    yield f"{told.id}  ({told.handle})"
    yield f"  declared at {told.where}; published at {folder}/{told.output}"
    if told.route is not None:
        yield from (f"  {line}" for line in _routed(told.route))
    yield f"  {told.action}{f': {told.why}' if told.why else ''}"
    if told.hint:
        yield f"  hint: {told.hint}"
    if told.renamed_from:
        yield f"  renamed from {told.renamed_from}"
    for path in told.moved_from:
        yield f"  output: '{path}' → '{told.output}'"
    if told.locked is not None:
        yield f"  locked: {_locked_told(told.locked)}"
    if told.changes is None:
        yield "  the fields of the locked image are not in this store; the lock's own history in git has its spec"
    for change in (*(told.changes or ()), *told.rules):
        yield f"  {told_change(change)}"
    yield from map(_attempt, told.attempts)
    yield from map(_verdict, told.verdicts)


def _routed(route: Routed) -> Iterator[str]:
    by = f" by line {route.line}{f' (when: {route.when})' if route.when else ''}" if route.line else ""
    yield f"routed to '{route.model}'{by}{_compared(route)}"
    if route.cheaper is not None:
        yield told_cheaper(_offer_of(route), route.cheaper)


def _compared(route: Routed) -> str:
    """Of which models it was the cheapest, and what kept the others."""
    if not route.offers:
        return ""
    able = [offer for offer in route.offers if not offer.why_not and offer.model != route.model]
    told = [f"{offer.model} {told_price(offer.price)}" for offer in able]
    told += [f"{offer.model}: {offer.why_not}" for offer in route.offers if offer.why_not]
    rest = f" ({'; '.join(told)})" if told else ""
    once = "once " if route.cheaper else ""
    listed = f"{', '.join(offer.model for offer in route.offers)}{f' that have {route.needs}' if route.needs else ''}"
    return f", {once}the cheapest of {listed}: {told_price(_offer_of(route).price)}{rest}"


def _offer_of(route: Routed) -> Offer:
    return next(offer for offer in route.offers if offer.model == route.model)


def told_cheaper(taken: Offer, cheaper: Offer) -> str:
    """That another model would be chosen now, and how it can be."""
    prices = f"{told_price(taken.price)} to {told_price(cheaper.price)}"
    return f"'{cheaper.model}' would cost less now ({prices}); `imgbuild lock --reroute {taken.model}` chooses anew"


def _locked_told(locked: Locked) -> str:
    via = f", made by the fallback '{locked.via}'" if locked.via else ""
    adjusted = f", adjusted by {told_labels(locked.adjusted)}" if locked.adjusted else ""
    asked = f": {told_asked(locked.asked)}" if locked.asked else ""
    return f"seed {locked.seed}, attempt {locked.attempt}, {locked.grade}{via}{adjusted}{asked}"


def _attempt(tried: Tried) -> str:
    asked = f", {told_asked(tried.asked)}" if tried.asked else ""
    return f"  attempt {tried.attempt}: seed {tried.seed}{asked}: {tell(tried.verdicts)}"


def told_change(change: Change) -> str:
    file = f" ({change.file})" if change.file else ""
    return f"{change.field}: {_shown(change.before)} → {_shown(change.after)}{file}"


def _shown(value: Any) -> str:
    if value is UNSET:
        return "(none)"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _verdict(verdict: Verdict) -> str:
    unit = f" {verdict.unit}" if verdict.unit else ""
    clash = f", like {', '.join(verdict.others)}" if verdict.others else ""
    return f"  {verdict.rule}: {verdict.status}, {verdict.figure}{unit} ({verdict.limit}{clash})"
