"""`imgbuild check --rules FILE`: hold any pictures against the rule sets of a file. Nothing is remembered."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imgbuild.commands.check import Asked, tell
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.session import Session
from imgbuild.errors import Untrusted, UsageError, raise_all
from imgbuild.files import MAX_INPUT
from imgbuild.pins import Pins
from imgbuild.project import RuleSets, load_rules, open_settings
from imgbuild.survey import Adapters
from imgbuild.verdicts.pictures import Held, check_pictures, pictures_in
from imgbuild.verdicts.row import exit_of, sorted_rows
from imgbuild.weights.networks import Networks


def run_check_pictures(session: Session, asked: Asked, file: str, sets: Sequence[str]) -> int:
    """Print the verdicts, worst first; 3 where a rule fails, 1 where a picture can't be read. Raises SpecError."""
    if not file:
        raise UsageError("--set chooses among the rule sets of a file", hint="name the file by --rules")
    if asked.select:
        raise UsageError("--select chooses targets, and --rules looks at pictures", hint="leave one out")
    held, jobs = _held(session, file, sets, trust=asked.trust)
    pictures = _pictures(session, asked.paths)
    with interruptible() as stop:
        rows = sorted_rows(check_pictures(pictures, held, jobs, stop))
    if stop.is_set():
        raise KeyboardInterrupt
    tell(session, rows, len(pictures), asked)
    return exit_of(rows)


def _held(session: Session, file: str, sets: Sequence[str], *, trust: bool) -> tuple[Held, int]:
    """The rules of a file, which may lie in this project or anywhere else, and how many pictures to look at at once."""
    whole = (session.folder / file).resolve()
    if not whole.is_file():
        raise UsageError(f"there is no file '{file}'", hint="--rules names a spec that has sets of rules")
    root = session.root if whole.is_relative_to(session.root) else whole.parent
    files, settings = open_settings(root, session.environ, Path.home(), session.profile)
    found, adapters = load_rules(files, settings, whole.relative_to(root).as_posix(), sets), Adapters(files)
    if not trust:
        _require(found, adapters)
    references = {path: files.read(path, MAX_INPUT) for rule in found.rules for path in rule.files()}
    networks = _networks(found, adapters) if found.weights else None
    return Held(
        rules=found.rules, references=references, networks=networks
    ), settings.jobs or os.cpu_count() or 2


def _networks(found: RuleSets, adapters: Adapters) -> Networks:
    """What the rules look through; models that the file's lock does not pin are as they are today."""
    pins = Pins((), found.pins, found.weights)
    pins.weigh(adapters.__getitem__)
    pins.resolve(adapters.__getitem__, offline=False)
    return Networks(lambda name: pins.weights(name, adapters.__getitem__))


def _require(found: RuleSets, adapters: Adapters) -> None:
    """Raise Untrusted where a rule could harm: consent is kept for projects, and this file may be of none."""
    wants = [f"a rule {concern.wants}" for rule in found.rules for concern in rule.concerns()]
    for bound in found.weights:
        asked = adapters[bound.model.provider].concerns(bound.model)
        wants += [f"model '{bound.alias}' {concern.wants}" for concern in asked]
    raise_all([Untrusted(sentence, hint="if you trust it, add --trust") for sentence in wants])


def _pictures(session: Session, paths: Sequence[str]) -> dict[str, Path]:
    """The pictures by the paths that they have from where the command was given."""
    if not paths:
        raise UsageError("no pictures are named", hint="imgbuild check --rules FILE photos/")
    found: dict[str, Path] = {}
    for path in paths:
        try:
            pictures = pictures_in(session.folder / path)
        except OSError as error:
            raise UsageError(
                f"'{path}' can't be looked at: {error.strerror}", hint="name pictures or folders of them"
            ) from error
        if not pictures:
            raise UsageError(
                f"there are no pictures in '{path}'", hint="a picture is told by its suffix: .png, .jpg, …"
            )
        found |= {Path(os.path.relpath(picture, session.folder)).as_posix(): picture for picture in pictures}
    return found
