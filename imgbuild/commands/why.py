"""`imgbuild why`: what a build would do for a target, and which field made it so, old → new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imgbuild.commands.session import Session
from imgbuild.errors import Exit, place
from imgbuild.keys import seal_rules
from imgbuild.ledger import manifest_of
from imgbuild.plan import Decision
from imgbuild.select import Selection, handle
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Line, Outcome, Target

ABSENT = "(none)"


def run_why(session: Session, patterns: tuple[str, ...]) -> int:
    """Print the story of each target that the patterns name. Raises SpecError, UsageError."""
    project = session.project()
    with session.reading(project) as store:
        found = session.survey(project, store)
        for target in session.choose(found, store, Selection(patterns=patterns)):
            for line in story(found, store, found.plan.decisions[target.id]):
                session.say(line)
    return Exit.DONE


def story(found: Survey, store: Store, decision: Decision) -> Iterator[str]:
    """What is known of a target, one line each."""
    target = decision.target
    yield f"{target.id}  ({handle(target.id)})"
    yield f"  declared at {place(target.recipe.where)}; published at {found.project.settings.output}/{target.output}"
    yield f"  {decision.action.value}{f': {decision.why}' if decision.why else ''}"
    if decision.hint:
        yield f"  hint: {decision.hint}"
    if target.id in found.carried:
        yield f"  renamed from {found.carried[target.id]}"
    yield from _moved(found, target)
    if decision.line is not None:
        yield from _locked(decision.line)
        yield from changes(found, store, decision)
    outcome = store.records.outcomes(found.project.settings.profile_name).get(target.id)
    if outcome is not None and target.recipe.rules:
        yield from rule_changes(found, store, decision, outcome)
        yield from _verdicts(outcome)


def _moved(found: Survey, target: Target) -> Iterator[str]:
    """Where it was published before, under its own or its old id, if it is not yet where it should be."""
    ids = {target.id, found.carried.get(target.id, target.id)}
    if target.output not in found.published:
        for path, output in found.published.items():
            if output.target in ids:
                yield f"  output: '{path}' → '{target.output}'"


def _locked(line: Line) -> Iterator[str]:
    via = f", made by the fallback '{line.via}'" if line.via else ""
    yield f"  locked: seed {line.seed}, attempt {line.attempt}, {line.grade.value}{via}"


def changes(found: Survey, store: Store, decision: Decision) -> Iterator[str]:
    """Each field of the manifest that is not what it was when the locked image was made."""
    line = decision.line
    if line is None or not line.intent or line.intent == decision.intent:
        return
    old = manifest_of(store.records, line.intent)
    new = found.plan.manifests.get(decision.target.id, {})
    if not old:
        yield "  the fields of the locked image are not in this store; the lock's own history in git has its spec"
        return
    for name, before, after in differences(old, new):
        yield f"  {name}: {before} → {after}{_file(decision.target, name)}"


def _file(target: Target, field: str) -> str:
    """The path of the input file whose digest is in that field; digests are of bytes, whatever their name."""
    section, _, rest = field.partition(".")
    role, _, place = rest.partition(".")
    if section != "inputs" or not place.endswith(".file"):
        return ""
    same = [item.file for item in target.inputs if item.role == role]
    at = int(place.removesuffix(".file"))
    return f" ({same[at]})" if at < len(same) else ""


def changed_fields(found: Survey, store: Store, decision: Decision) -> list[str]:
    """Names of the manifest's fields that changed since the lock, as far as this store knows the old ones."""
    line = decision.line
    if line is None or not line.intent or line.intent == decision.intent:
        return []
    old = manifest_of(store.records, line.intent)
    new = found.plan.manifests.get(decision.target.id, {})
    return [name for name, _, _ in differences(old, new)] if old else []


def rule_changes(found: Survey, store: Store, decision: Decision, outcome: Outcome) -> Iterator[str]:
    """Each field of the rules that is not what it was when they were last checked on this target."""
    old = manifest_of(store.records, outcome.rules) if outcome.rules else {}
    recipe = decision.target.recipe
    digest, new = seal_rules(recipe.rules, recipe.attempts, found.project.files.digest)
    if old and digest != outcome.rules:
        for name, before, after in differences(old, new):
            yield f"  {name}: {before} → {after}"


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Fields of which the value differs, with their dotted names, old and new values; nested ones singly."""
    for name in sorted({*old, *new}):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{name}.")
        elif _is_input(before) and _is_input(after):
            yield from differences(dict([before]), dict([after]), f"{prefix}{name}.")
        elif isinstance(before, list) and isinstance(after, list):
            yield from differences(_numbered(before), _numbered(after), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _shown(before), _shown(after)


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


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) and value is not ABSENT else str(value)


def _verdicts(outcome: Outcome) -> Iterator[str]:
    for verdict in outcome.verdicts:
        unit = f" {verdict.unit}" if verdict.unit else ""
        clash = f", like {', '.join(verdict.others)}" if verdict.others else ""
        yield f"  {verdict.rule}: {verdict.status}, {verdict.figure}{unit} ({verdict.limit}{clash})"
