"""`imgbuild lock`: check the lock, move pins and seeds, adopt what drifted. Images are made by `build` alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import convert
from msgspec.structs import replace

from imgbuild.commands.consent import follow, require
from imgbuild.commands.session import Session
from imgbuild.errors import Exit, LockWouldChange, UsageError, did_you_mean
from imgbuild.expand.seeds import attempt_seed
from imgbuild.ledger import candidate_key
from imgbuild.lock.text import Lock
from imgbuild.pins import Name, used_models
from imgbuild.plan import DOES_STEPS
from imgbuild.relock import relock
from imgbuild.report.events import Note
from imgbuild.report.text import plural
from imgbuild.select import Selection
from imgbuild.store.store import Store
from imgbuild.survey import Adapters, Survey
from imgbuild.types import Line, Pin


def run_check(session: Session) -> int:
    """Whether the lock is what the specs declare; needs no images. Raises LockWouldChange where it is not."""
    project = session.project()
    with session.reading(project) as store:
        found = session.survey(project, store)
    pending = [
        (name, item.why)
        for name, item in found.plan.decisions.items()
        if item.action in DOES_STEPS and not item.reproduce
    ]
    pending += [(f"{spec}/{id}", "declared no more") for spec, ids in found.gone.items() for id in ids]
    pending += [(old, f"renamed to {new}") for new, old in found.carried.items()]
    if pending or found.book.notes:
        _tell_behind(session, pending, found.book.notes)
        raise LockWouldChange(
            f"the lock is behind the specs: {plural(len(pending), 'target')}",
            hint="run `imgbuild build` and commit the lock",
        )
    wanted = relock(found, {}, found.plan.decisions, whole=True, prune=False)
    for path in found.book.changes(wanted):
        raise LockWouldChange(
            f"{path} is not as a build writes it", hint="run `imgbuild build` and commit the lock"
        )
    count = len(found.plan.decisions)
    if session.json:
        session.give({"event": "locked", "targets": count})
    else:
        session.say(f"locked: {plural(count, 'target')}")
    return Exit.DONE


def _tell_behind(session: Session, pending: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    if session.json:
        for name, why in pending:
            session.give({"event": "behind", "id": name, "why": why})
        for text in notes:
            session.give(Note(text=text, level="warning"))
        return
    for text in (*(f"{name}: {why}" for name, why in pending), *notes):
        session.say(text)


def run_upgrade(session: Session, aliases: Sequence[str], *, trust: bool = False) -> int:
    """Resolve models anew and write their pins. Raises UsageError for an unknown model, Untrusted, TargetError."""
    project = session.project()
    names = _named(used_models(project.graph.targets.values()), aliases)
    pinned_anew = require(session, project, given=trust, anew=names)
    with session.held(project) as store:
        found = session.survey(project, store)
        adapters = Adapters(project.files, environ=session.environ)
        moved: dict[Name, Pin] = {}
        for name in names:
            model = found.pins.models[name].model
            moved[name] = adapters[model.provider].pin(model)
        chosen = found.pins.chosen
        _write(found, pins={name: replace(pin, chosen=chosen.get(name, ())) for name, pin in moved.items()})
        for name, pin in moved.items():
            _tell_pin(session, name, found.pins.known.get(name), pin)
    follow(session, project, pinned_anew)
    return Exit.DONE


def _named(used: Collection[Name], aliases: Sequence[str]) -> list[Name]:
    """The models with these aliases; all, where none is given. Raises UsageError for an unknown one."""
    known = {alias for _, alias in used}
    for alias in aliases:
        if alias not in known:
            raise UsageError(f"unknown model '{alias}'", hint=did_you_mean(alias, known, "models"))
    return sorted(name for name in used if not aliases or name[1] in aliases)


def run_reroute(session: Session, aliases: Sequence[str]) -> int:
    """Give up the choices by price that fell on models; the next build chooses. Raises UsageError for unknown ones."""
    project = session.project()
    names = _named(used_models(project.graph.targets.values()), aliases)
    with session.held(project) as store:
        found = session.survey(project, store)
        given_up = {name: chosen for name in names if (chosen := found.pins.chosen.get(name))}
        _write(found, pins={name: found.pins.known[name] for name in given_up})
        for (spec, alias), chosen in given_up.items() if session.json else ():
            session.give({"event": "rerouted", "spec": spec, "model": alias, "choices": len(chosen)})
        if not session.json:
            count = plural(sum(map(len, given_up.values())), "choice")
            session.say(f"{count} by price given up; `imgbuild plan` shows what is chosen now")
    return Exit.DONE


def _tell_pin(session: Session, name: Name, before: Pin | None, after: Pin) -> None:
    if session.json:
        session.give({"event": "pinned", "spec": name[0], "model": name[1], "before": before, "after": after})
    else:
        moved = "same" if before == after else f"{_told(before)} → {_told(after)}"
        session.say(f"{'/'.join(name)}: {moved}")


def _told(pin: Pin | None) -> str:
    return f"{pin.revision or pin.source or pin.provider} (adapter {pin.adapter})" if pin else "unpinned"


def run_reseed(session: Session, patterns: Sequence[str]) -> int:
    """Move locked targets to their next derived seed; the next build makes them. Raises UsageError."""
    project = session.project()
    with session.held(project) as store:
        found = session.survey(project, store)
        lines = {}
        for target in session.choose(found, store, Selection(patterns=tuple(patterns))):
            attempt = found.lines[target.id].attempt + 1 if target.id in found.lines else 1
            lines[target.id] = _waiting(found, target.id, attempt_seed(target.seed, attempt), attempt)
        _write(found, lines=lines)
        said = f"{plural(len(lines), 'target')} reseeded; `imgbuild build` makes them"
        _tell_lines(session, "reseeded", lines, said)
    return Exit.DONE


def _waiting(found: Survey, name: str, seed: int, attempt: int) -> Line:
    """The line of a target whose image is to be made anew. What it is to be of is in it, so that a target that is
    renamed before that takes the seed along."""
    return Line(intent=found.plan.sealed.get(name, ""), seed=seed, attempt=attempt)


def run_retry_fallback(session: Session, patterns: Sequence[str]) -> int:
    """Let the declared model try again where a fallback made the locked image. Raises UsageError."""
    project = session.project()
    with session.held(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, Selection(patterns=tuple(patterns)))
        old = {target.id: found.lines[target.id] for target in chosen if target.id in found.lines}
        lines = {
            name: _waiting(found, name, line.seed, line.attempt) for name, line in old.items() if line.via
        }
        _write(found, lines=lines)
        said = f"{plural(len(lines), 'target')} given back to the declared model; `imgbuild build` asks it"
        _tell_lines(session, "given back", lines, said)
    return Exit.DONE


def run_accept(session: Session, patterns: Sequence[str]) -> int:
    """Adopt the images that drifted from the lock. Raises UsageError where a target has none."""
    project = session.project()
    with session.held(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, Selection(patterns=tuple(patterns)))
        lines = {target.id: _candidate(store, project.settings.profile_name, target.id) for target in chosen}
        _write(found, lines=lines)
        said = f"{plural(len(lines), 'image')} accepted; `imgbuild build` publishes them"
        _tell_lines(session, "accepted", lines, said)
    return Exit.DONE


def _tell_lines(session: Session, event: str, lines: Mapping[str, Line], said: str) -> None:
    """What became of these lines of the lock: each of them for programs, their count for people."""
    if not session.json:
        session.say(said)
        return
    for name, line in lines.items():
        moved = {"seed": line.seed, "attempt": line.attempt, "image": line.image}
        session.give({"event": event, "id": name, **moved})


def _candidate(store: Store, profile: str, name: str) -> Line:
    record = store.records.get(candidate_key(profile, name))
    if record is None:
        raise UsageError(
            f"{name} has no drifted image to accept", hint="`imgbuild build` finds out whether it drifts"
        )
    return convert(record.manifest, Line)


def _write(
    found: Survey,
    *,
    lines: Mapping[str, Line] | None = None,
    pins: Mapping[Name, Pin] | None = None,
) -> None:
    """Write the locks with these lines (by whole id) and pins changed, and nothing else."""
    wanted = {
        name: Lock(models=dict(lock.models), targets=dict(lock.targets))
        for name, lock in found.book.base.items()
    }
    for id, line in (lines or {}).items():
        spec = found.project.graph.targets[id].recipe.spec
        wanted[spec].targets[id.removeprefix(f"{spec}/")] = line
    for (home, alias), pin in (pins or {}).items():
        wanted[home] = replace(wanted[home], models={**wanted[home].models, alias: pin})
    found.book.write(wanted)
