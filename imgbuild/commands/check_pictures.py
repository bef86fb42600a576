"""`imgbuild check --rules FILE`: hold any pictures against the rule sets of a file.

What is measured is kept in the store of the project that the file, or the folder of the call, belongs to. A build that
holds it is not waited for, nor made to wait: then it is read, and what is new is measured again another time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from imgbuild.commands.check import Asked, parted, tell
from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.session import Session
from imgbuild.errors import ImgbuildError, Untrusted, UsageError, raise_all
from imgbuild.files import MAX_INPUT, Files
from imgbuild.ledger import Ledger
from imgbuild.pins import Pins
from imgbuild.project import RuleSets, load_rules, open_settings
from imgbuild.run.judging import paced
from imgbuild.run.limits import Limits, Retry
from imgbuild.run.pacing import rates_of
from imgbuild.settings import Settings, find_root, is_project
from imgbuild.store.gc import DAY
from imgbuild.store.records import Records
from imgbuild.survey import Adapters
from imgbuild.verdicts.pictures import Held, check_pictures, pictures_in
from imgbuild.verdicts.row import exit_of
from imgbuild.weights.networks import Judge, Networks, Weights, declared_name


def run_check_pictures(session: Session, asked: Asked, file: str, sets: Sequence[str]) -> int:
    """Print the verdicts, worst first; 3 where a rule fails, 1 where a picture can't be read. Raises SpecError."""
    if not file:
        raise UsageError("--set chooses among the rule sets of a file", hint="name the file by --rules")
    if asked.select:
        raise UsageError("--select chooses targets, and --rules looks at pictures", hint="leave one out")
    rules_file = _file(session, file)
    files, settings = open_settings(_root(session, rules_file), session.environ, Path.home(), session.profile)
    jobs, day = settings.jobs or os.cpu_count() or 2, int(time.time() // DAY)
    with (
        interruptible() as stop,
        _held(files, settings, rules_file, sets, stop, trust=asked.trust) as held,
        _remembering(session, settings) as ledger,
    ):
        pictures = _pictures(session, asked.paths)
        rows, clusters = parted(check_pictures(pictures, held, ledger, jobs, stop, day))
    if stop.is_set():
        raise KeyboardInterrupt
    tell(session, rows, len(pictures), asked, clusters)
    return exit_of(rows)


def _file(session: Session, file: str) -> Path:
    """The file of rules, which may lie in this project or anywhere else."""
    whole = (session.folder / file).resolve()
    if not whole.is_file():
        raise UsageError(f"there is no file '{file}'", hint="--rules names a spec that has sets of rules")
    return whole


def _root(session: Session, file: Path) -> Path:
    return session.root if file.is_relative_to(session.root) else find_root(file.parent)


@contextmanager
def _held(
    files: Files, settings: Settings, file: Path, sets: Sequence[str], stop: Event, *, trust: bool
) -> Iterator[Held]:
    """The rules of a file, with all that they need; services are asked until `stop`. Raises Untrusted."""
    found = load_rules(files, settings, file.relative_to(files.root).as_posix(), sets)
    adapters = Adapters(files)
    if not trust:
        _require(found, adapters)
    references = {path: files.read(path, MAX_INPUT) for rule in found.rules for path in rule.files()}
    networks = _networks(found, adapters, settings, stop) if found.weights else None
    try:
        yield Held(rules=found.rules, references=references, networks=networks)
    finally:
        for adapter in adapters.values():
            adapter.close()


@contextmanager
def _remembering(session: Session, settings: Settings) -> Iterator[Ledger]:
    """What the project's store knows, if there is one; what is learnt is kept there, unless a build holds it."""
    home = _home(session, settings)
    records = _records(home)
    ledger = Ledger(records, "")
    try:
        yield ledger
    finally:
        records.close()
        if home is not None and not ledger.is_empty:
            with suppress(ImgbuildError, OSError), session.writing(home, wait=False) as store:
                ledger.db = store.records
                ledger.commit()


def _home(session: Session, settings: Settings) -> Settings | None:
    """The settings of the project whose store it is."""
    if is_project(settings.root):
        return settings
    return session.settings()[1] if is_project(session.root) else None


def _records(home: Settings | None) -> Records:
    """For a reader, who waits for nobody; empty where there are none, or none that can be read."""
    if home is not None:
        path = home.root / home.store / "state.db"
        with suppress(ImgbuildError, OSError):
            if path.exists():
                return Records(path, write=False)
    return Records(None)


def _networks(found: RuleSets, adapters: Adapters, settings: Settings, stop: Event) -> Networks:
    """What the rules look through; models that the file's lock does not pin are as they are today."""
    pins = Pins((), found.pins, found.weights)
    pins.weigh(adapters.__getitem__)
    pins.resolve(adapters.__getitem__, offline=False)
    limits = Limits(Retry(), lambda name: rates_of(settings.limits.get(name)))

    def find(name: str) -> Weights | Judge:
        provider = adapters[pins.models[declared_name(name)].model.provider]
        return paced(pins.weights(name, adapters.__getitem__), provider, limits, stop)

    return Networks(find)


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
