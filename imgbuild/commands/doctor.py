"""`imgbuild doctor`: versions, project, store, lock, providers, keys, file system; what is broken, and what to do."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from msgspec import Struct

from imgbuild import __version__
from imgbuild.commands.accounts import tested
from imgbuild.commands.ground import feel
from imgbuild.commands.session import Session
from imgbuild.commands.starter import KEYS, look_around
from imgbuild.errors import Exit, ImgbuildError, SpecError, TargetError
from imgbuild.expand.ending import endings
from imgbuild.lock.book import LockBook
from imgbuild.project import Project
from imgbuild.providers import PROVIDERS
from imgbuild.providers.keyring import FILE, is_open
from imgbuild.providers.keys import NAME
from imgbuild.report.text import data_size, plural, printable
from imgbuild.settings import PROJECT_FILE, Settings
from imgbuild.store.store import open_store
from imgbuild.survey import Adapters, open_book
from imgbuild.types import Model

LIBRARIES = ("msgspec", "Pillow", "numpy", "PyYAML", "Jinja2", "jsonschema", "ImageHash", "xxhash", "click")


class Sign(Struct, frozen=True):
    """One thing looked at. note: worth knowing; broken: has to be mended."""

    state: Literal["ok", "note", "broken"]
    part: str
    text: str


def run_doctor(session: Session, *, keys: bool = False, offline: bool = False) -> int:
    """Print all signs; 1 where something is broken. keys: test those that there are, unless offline."""
    signs = []
    for sign in examine(session, keys=keys, offline=offline):
        signs.append(sign)
        if session.json:
            session.give(sign)
        elif not session.quiet or sign.state == "broken":
            session.say(f"{sign.state:<6}  {sign.part:<11}  {printable(sign.text)}".rstrip())
    return Exit.TARGET_FAILED if any(sign.state == "broken" for sign in signs) else Exit.DONE


def examine(session: Session, *, keys: bool = False, offline: bool = False) -> Iterator[Sign]:
    """Look at the installation, then at the project. Whatever is broken there is a sign, and never raised."""
    yield Sign("ok", "imgbuild", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield from _libraries()
    yield from _providers()
    yield from _keys(session)
    yield _device(session.environ)
    try:
        _, settings = session.settings()
    except ImgbuildError as error:
        yield _broken("settings", error)
        return
    yield _project(session, settings)
    yield from _specs(session, keys=keys and not offline)
    if keys and offline:
        yield Sign("note", "keys", "not tested: --offline")
    yield from _store(settings)
    yield from _ground(settings)


def _broken(part: str, error: ImgbuildError | OSError) -> Sign:
    text = error.lines()[0] if isinstance(error, ImgbuildError) else f"{error.filename}: {error.strerror}"
    return Sign("broken", part, text.removeprefix("error: "))


def _libraries() -> Iterator[Sign]:
    found = {name: _version(name) for name in LIBRARIES}
    yield Sign("ok", "libraries", ", ".join(f"{name} {number}" for name, number in found.items() if number))
    missing = [name for name, number in found.items() if not number]
    if missing:
        yield Sign("broken", "libraries", f"not installed: {', '.join(missing)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _providers() -> Iterator[Sign]:
    for name in PROVIDERS.names():
        try:
            kind = PROVIDERS.get(name)
        except SpecError as error:
            yield _broken("provider", error)
            continue
        wants = f", needs {' or '.join(kind.env)}" if kind.env else ""
        yield Sign("ok", "provider", f"{name} (adapter {kind.version}{wants})")


def _keys(session: Session) -> Iterator[Sign]:
    """Names of the keys that there are, and never more than their names."""
    known = _known()
    present = [name for name in known if session.environ.get(name)]
    written, fault = _written(session)
    apart = [name for name in known if name in written and name not in present]
    told = [
        f"{where}: {', '.join(names)}" for where, names in (("set", present), (f"in {FILE}", apart)) if names
    ]
    yield Sign("ok", "keys", "; ".join(told) or "no vendor's key is set")
    if fault is not None:
        yield Sign("broken", "keys", f"{fault.message}; {fault.hint}")
    if written and is_open(session.root / FILE):
        yield Sign("note", "keys", f"others on this machine can read {FILE}; `chmod 600 {FILE}` ends that")


def _known() -> list[str]:
    """The names of vendors' keys."""
    brought = [key for name in PROVIDERS.names() for key in _env(name)]
    return list(dict.fromkeys([*KEYS, *brought]))


def _written(session: Session) -> tuple[Mapping[str, str], TargetError | None]:
    """The keys in the project's file that models may be asked with, and why they can't be used."""
    keys, known = session.keys(), _known()
    written: Mapping[str, str] = {}
    try:
        found = keys.written().items()
        written = {name: value for name, value in found if name in known or re.match(NAME, name)}
        for name in written:
            keys.check(name)
    except TargetError as error:
        return written, error
    return written, None


def _env(provider: str) -> tuple[str, ...]:
    try:
        return PROVIDERS.get(provider).env
    except SpecError:
        return ()


def _device(environ: Mapping[str, str]) -> Sign:
    gpu = "NVIDIA GPU" if look_around(environ).gpu else "no NVIDIA GPU"
    if find_spec("torch") is None:
        return Sign("ok", "device", f"{gpu}, torch is not installed (only local models need it)")
    return Sign("ok", "device", f"{gpu}, torch {_version('torch')}")


def _project(session: Session, settings: Settings) -> Sign:
    has_file = (settings.root / PROJECT_FILE).is_file()
    told = PROJECT_FILE if has_file else f"no {PROJECT_FILE}, so the defaults hold"
    under = f", profile {settings.profile_name}" if settings.profile_name else ""
    return Sign("ok", "project", f"{session.root} ({told}{under})")


def _specs(session: Session, *, keys: bool) -> Iterator[Sign]:
    project = None
    try:
        project = session.project()
        targets = project.graph.targets
        faults = sum(1 for target in targets.values() if target.fault)
        told = f"{plural(len(project.specs), 'file')}, {plural(len(targets), 'target')}"
        yield Sign("ok", "specs", told)
        if faults:
            yield Sign("broken", "specs", f"{plural(faults, 'target')} at fault; `imgbuild plan` names them")
        yield from _keys_of_models(project, {**session.environ, **_written(session)[0]})
        book, pins = open_book(project)
        for item in endings(project.drafts.context.bounds.values(), pins.known, session.today()):
            yield Sign("note", "models", str(item.notice))
        yield from _lock(project, book)
    except ImgbuildError as error:
        yield _broken("specs", error)
    if keys:
        yield from _tested(session, project)


def _tested(session: Session, project: Project | None) -> Iterator[Sign]:
    try:
        for state, text in tested(session, project):
            yield Sign(state, "keys", text)
    except ImgbuildError as error:
        yield _broken("keys", error)


def _keys_of_models(project: Project, environ: Mapping[str, str]) -> Iterator[Sign]:
    """What the models in use are asked with: all that is not set, and what is, but for vendors' own keys."""
    adapters, common = Adapters(project.files), _known()
    for alias, model in sorted(_used(project).items()):
        for names in adapters[model.provider].variables(model):
            found = next((name for name in names if environ.get(name, "").strip()), "")
            if not found:
                yield Sign("note", "keys", f"model '{alias}' needs {' or '.join(names)}, which is not set")
            elif found not in common:
                yield Sign("ok", "keys", f"model '{alias}' needs {found}, which is set")


def _used(project: Project) -> Mapping[str, Model]:
    """The models that targets are drawn, finished and judged by, fallbacks among them, by their names."""
    return {
        bound.alias: bound.model
        for target in project.graph.targets.values()
        for bound in (target.recipe.model, *target.recipe.fallbacks, *target.recipe.weights)
        if bound is not None
    }


def _lock(project: Project, book: LockBook) -> Iterator[Sign]:
    lines, targets = book.lines(), project.graph.targets
    locked = sum(1 for name in targets if name in lines and lines[name].image)
    yield Sign(
        "ok" if locked == len(targets) else "note", "lock", f"{locked} of {plural(len(targets), 'target')}"
    )
    if book.has_sides:
        yield Sign("note", "lock", "git left both sides of a merge; the next build settles them")
    for read in book.found.values():
        yield from (Sign("broken", "lock", f"{fault}; `imgbuild build` mends it") for fault in read.faults)


def _store(settings: Settings) -> Iterator[Sign]:
    folder = settings.root / settings.store
    if not folder.is_dir():
        yield Sign("note", "store", f"{settings.store} is not there yet; `imgbuild build` makes it")
        return
    try:
        with open_store(folder, write=False) as store:
            sizes = [size for _, size, _ in store.blobs.all()]
            yield Sign(
                "ok", "store", f"{settings.store}: {plural(len(sizes), 'blob')}, {data_size(sum(sizes))}"
            )
            yield from (Sign("broken", "store", f"{note}; `imgbuild build` mends it") for note in store.notes)
            lost = len(store.journal.in_flight())
            if lost:
                yield Sign("note", "store", f"{plural(lost, 'paid request')} of unknown fate")
    except (ImgbuildError, OSError) as error:
        yield _broken("store", error)


def _ground(settings: Settings) -> Iterator[Sign]:
    try:
        for well, text in feel(
            settings.root / settings.store, settings.root / settings.output, settings.root
        ):
            yield Sign("ok" if well else "note", "file system", text)
    except OSError as error:
        yield _broken("file system", error)
