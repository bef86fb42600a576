"""Consent: what a project declares that could harm the reader, and what the reader has agreed to.

Consents are kept outside of the project, which comes from a stranger and must not be able to give any itself.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from imgbuild.digest import digest_bytes, digest_of, to_hex
from imgbuild.errors import UsageError
from imgbuild.files import Files
from imgbuild.foreign import foreign
from imgbuild.lock.book import LockBook
from imgbuild.pins import Name, kept, models_of
from imgbuild.project import Project
from imgbuild.providers.base import Provider
from imgbuild.settings import PROJECT_FILE, profile_place
from imgbuild.settings.address import host_of
from imgbuild.store.temporary import move, write_all, write_new
from imgbuild.types import Bound, Concern, Digest, Pin, Recipe, Value, Where

if TYPE_CHECKING:
    from imgbuild.document import Document

DOMAIN = "consent/1"
LARGEST = 1024 * 1024  # bytes of a file of consents
COMMIT = 12  # characters of a commit that are shown
TOLD = "(names of targets, and what went wrong with them)"


class Declaration(Struct, frozen=True, kw_only=True):
    """One concern of a model in use, of an asset with its rules and operations, or of a setting.

    kind: "model", "asset" or "setting". name: its spec, if it is in one, and its own. wants: in words; digest: of all
    that is consented to.
    """

    kind: str
    name: Name
    wants: str
    where: Where
    digest: Digest

    @property
    def sentence(self) -> str:
        return f"{self.kind} '{self.name[1]}' {self.wants}"


class _File(Struct, frozen=True, kw_only=True):
    """What the reader consented to in one project: digest → in words."""

    root: str
    consents: dict[Digest, str]


def concerns(project: Project, provider: Callable[[str], Provider]) -> list[tuple[Bound, Concern]]:
    """Everything of concern in the models that assets may be made by, fallbacks included, under the active profile.

    What is declared and used by no asset does nothing, and is not asked for. Raises SpecError, TargetError.
    """
    found = []
    for bound in _used(project).values():
        with foreign(f"provider '{bound.model.provider}'"):
            found += [(bound, concern) for concern in provider(bound.model.provider).concerns(bound.model)]
    return found


def step_concerns(project: Project) -> list[tuple[Recipe, Concern]]:
    """Everything of concern in the rules and operations of the project's assets, under the active profile."""
    found: dict[tuple[str, str, Concern], Recipe] = {}
    for draft in project.drafts.assets.values():
        recipe = draft.recipes[0]  # those of its other models differ in nothing of this
        for step in recipe.steps:
            with foreign(f"'{step.name}'"):
                for concern in step.concerns():
                    found.setdefault((recipe.spec, recipe.asset, concern), recipe)
    return [(recipe, concern) for (_, _, concern), recipe in found.items()]


def setting_concerns(project: Project) -> list[Declaration]:
    """Everything of concern in the project's own settings. What stands in the user's, or the environment, is theirs."""
    settings = project.settings
    own = next((item for item in settings.documents if item.file == PROJECT_FILE), None)
    notify, url = (own.data.get("notify", {}) if own is not None else {}), settings.notify.url
    if not url or own is None:
        return []
    if notify.get("url") == url:
        return [_setting(own, "url", f"sends how builds go {TOLD} to {host_of(url)}", [url], project.files)]
    if notify.get("template"):
        wants = f"writes what {host_of(url)} is told of how builds go"
        return [_setting(own, "template", wants, notify["template"], project.files)]
    return []


def _setting(document: Document, key: str, wants: str, value: Value, files: Files) -> Declaration:
    """The digest holds the whole value: it can be of another account with the same host."""
    fields = {"root": str(files.root), "concern": wants, "value": value}
    return Declaration(
        kind="setting",
        name=("", "notify"),
        wants=wants,
        where=document.where(("notify", key)),
        digest=digest_of(DOMAIN, fields),
    )


def _used(project: Project) -> dict[Name, Bound]:
    """Taken from the assets, not from the targets: a build that looks at a part of them may come to look at all."""
    return models_of(recipe for draft in project.drafts.assets.values() for recipe in draft.recipes)


def locked_pins(project: Project) -> Mapping[Name, Pin]:
    """What the locks pin, conflicts settled as a build settles them. Every line is read: a build may read them all."""
    book = LockBook(project.files, project.settings, project.specs)
    if book.has_sides:
        book.merge_pins()
    return book.pins()


def declarations(
    project: Project,
    found: Iterable[tuple[Bound, Concern]],
    pins: Mapping[Name, Pin],
    steps: Iterable[tuple[Recipe, Concern]] = (),
    settings: Iterable[Declaration] = (),
) -> list[Declaration]:
    """What has to be consented to, in the order of places. pins: those that are locked. Raises SpecError."""
    of_assets = [_of_step(project, recipe, concern) for recipe, concern in steps]
    declared = {(item.digest, item.where): item for item in [*settings, *of_assets]}
    for bound, concern in found:
        name = (bound.home, bound.alias)
        pin = kept(name, bound.model, pins)
        commit = pin.revision if pin is not None and pin.revision != bound.model.revision else ""
        where = _place(project, bound, concern)
        item = Declaration(
            kind="model",
            name=name,
            wants=f"{concern.wants}{f' (locked at {commit[:COMMIT]})' if commit else ''}",
            where=where,
            digest=_digest(project.files, bound, concern, commit, where),
        )
        declared[item.digest, item.where] = item  # a profile may put one model in the place of many
    return sorted(declared.values(), key=lambda item: (item.where.file, item.where.line, item.where.column))


def _of_step(project: Project, recipe: Recipe, concern: Concern) -> Declaration:
    return Declaration(
        kind="asset",
        name=(recipe.spec, recipe.asset),
        wants=concern.wants,
        where=recipe.where,
        digest=_digest_of_step(project.files, concern, recipe.where),
    )


def _digest(files: Files, bound: Bound, concern: Concern, commit: str, where: Where) -> Digest:
    """The digest of all that would harm: another one asks anew.

    root: a consent is worth nothing in a copy of the project, which others may write to. concern: the very words that
    were read; they name what it is about. source, revision: whose code or data it is. commit: the lock is a file of
    the project too, and may pin what somebody else has put forward in that repository. files: their contents, since
    the name of a pickle says nothing. Not in it: aliases, places, and parameters that harm nobody.
    """
    model = bound.model
    fields = {
        "root": str(files.root),
        "provider": model.provider,
        "source": model.source,
        "revision": model.revision,
        "commit": commit,
        "concern": concern.wants,
        "files": _contents(files, concern, where),
    }
    return digest_of(DOMAIN, fields)


def _digest_of_step(files: Files, concern: Concern, where: Where) -> Digest:
    """The same of what a rule or an operation wants: whichever asset has it, it is the same program."""
    fields = {
        "root": str(files.root),
        "concern": concern.wants,
        "files": _contents(files, concern, where),
    }
    return digest_of(DOMAIN, fields)


def _contents(files: Files, concern: Concern, where: Where) -> dict[str, Digest]:
    """Digests that the build has, too: a program that is written anew after this is another, and does not run."""
    return {
        path: files.digest(files.locate(path, "", where), limit=sys.maxsize) or "" for path in concern.files
    }


def _place(project: Project, bound: Bound, concern: Concern) -> Where:
    """Where it is declared: in a spec, or in what the active profile puts in a model's place."""
    for spec in project.specs:
        for declared in spec.models.values():
            if declared.value is bound.model:
                return declared.where(*concern.place, key=not concern.place)
    profile = project.settings.profile
    name = bound.alias if profile is not None and bound.alias in profile.models else "*"
    return profile_place(project.settings, "models", name, *concern.place) or bound.where


def state_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where this user's consents are kept: XDG_STATE_HOME, if it is absolute, or ~/.local/state."""
    given = environ.get("XDG_STATE_HOME", "")
    return (Path(given) if os.path.isabs(given) else home / ".local/state") / "imgbuild/trust"  # noqa: PTH117 - text


class Consents:
    """What the reader consented to in the project at `root`. folder: as `state_folder` gives it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.root = str(root.resolve())
        self.path = folder / f"{to_hex(digest_bytes(os.fsencode(self.root)))}.json"

    def read(self) -> Mapping[Digest, str]:
        """Digests consented to, in words. What others could have put there gives no consent."""
        if self._is_in_project():
            return {}
        try:
            found = msgspec.json.decode(_own_bytes(self.path), type=_File)
        except (OSError, ValueError):
            return {}
        return found.consents if found.root == self.root else {}

    def add(self, agreed: Iterable[Declaration]) -> None:
        """Remember these. Raises UsageError where they would be in the project, OSError."""
        if self._is_in_project():
            raise UsageError(
                f"consent can't be kept in {self.path.parent}, which is in the project",
                hint="set XDG_STATE_HOME to a folder outside of it, or consent for one run by --trust",
            )
        consents = {**self.read(), **{item.digest: item.sentence for item in agreed}}
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = msgspec.json.encode(_File(root=self.root, consents=consents))
        temporary = write_new(str(self.path.parent), lambda descriptor: _fill(descriptor, data))
        move(temporary, str(self.path))

    def forget(self) -> int:
        """Forget all that was consented to in the project; how much that was. Raises OSError."""
        count = len(self.read())
        with suppress(FileNotFoundError):
            self.path.unlink()
        return count

    def _is_in_project(self) -> bool:
        """Also through links: the state folder may be one, or lie in one."""
        real = os.path.realpath(self.path.parent)
        return real == self.root or real.startswith(self.root.rstrip("/") + "/")


def _fill(descriptor: int, data: bytes) -> None:
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # whatever the umask: what others may write to gives no consent
    write_all(descriptor, data)


def _own_bytes(path: Path) -> bytes:
    """The bytes of a plain file that only this user can have written. Raises OSError where it is none."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{path} is no file")
        if sys.platform != "win32" and (found.st_mode & 0o022 or found.st_uid != os.geteuid()):
            raise PermissionError(f"others can write to {path}")
        return file.read(LARGEST)
