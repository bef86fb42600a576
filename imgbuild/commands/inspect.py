"""`imgbuild inspect`: what an image says of itself, and which target of the project it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from imgbuild.commands.session import Session
from imgbuild.credentials.reader import UNREAD, Credentials, read_credentials
from imgbuild.digest import digest_bytes
from imgbuild.errors import BadImage, Exit, UsageError, place
from imgbuild.files import MAX_INPUT
from imgbuild.images import decode, normal, pixel_digest
from imgbuild.project import Project
from imgbuild.provenance.read import Found, read
from imgbuild.report.text import printable
from imgbuild.settings import is_project
from imgbuild.survey import open_book
from imgbuild.types import Digest, Line, Target


class Ours(Struct, frozen=True, kw_only=True):
    """The target whose image it is. state: how near the file is to what was published. where: of the asset."""

    id: str
    where: str
    state: str
    seed: int
    attempt: int


class Inspected(Struct, frozen=True, kw_only=True, tag="inspect", tag_field="event"):
    """One file, by the path that was given. target: None where it is no image of this project.

    credentials: None where it has none.
    """

    file: str
    says: Found
    target: Ours | None
    credentials: Credentials | None


def run_inspect(session: Session, paths: Sequence[str]) -> int:
    """Print what each file is. Raises UsageError, SpecError, BadImage."""
    owners = _Owners(session)
    for path in paths:
        data = read_image(session, path)
        says = read(data, path)
        told = Inspected(
            file=path,
            says=says,
            target=owners.of(session.folder / path, data),
            credentials=read_credentials(data, says.format),
        )
        if session.json:
            session.give(told)
            continue
        for line in _lines(told):
            session.say(line)
    return Exit.DONE


def read_image(session: Session, path: str) -> bytes:
    """The bytes of a file that was named. Raises UsageError."""
    try:
        with (session.folder / path).open("rb") as file:
            data = file.read(MAX_INPUT + 1)
    except OSError as error:
        raise UsageError(f"'{path}' can't be read: {error.strerror}", hint="name an image") from error
    if len(data) > MAX_INPUT:
        raise UsageError(f"'{path}' is too large to be looked at", hint="name an image")
    return data


class _Owners:
    """Whose image a file is, by the project's locks; nobody's outside of any project."""

    def __init__(self, session: Session) -> None:
        self.project: Project | None = session.project() if is_project(session.root) else None
        self.lines = open_book(self.project)[0].lines() if self.project else {}
        self.files: dict[Digest, tuple[str, str]] = {}
        self.pixels: dict[Digest, str] = {}
        for name, line in self.lines.items():
            self.files.setdefault(line.image, (name, "as it was published"))
            for file, digest in line.files.items():
                self.files.setdefault(digest, (name, f"its rendition '{file}', as it was published"))
            self.pixels.setdefault(line.pixels, name)

    def of(self, path: Path, data: bytes) -> Ours | None:
        if self.project is None:
            return None
        name, state = self.files.get(digest_bytes(data), ("", ""))
        if not name and (found := self.pixels.get(_pixels(data))):
            name, state = found, "its pixels, in another file"
        targets = self.project.graph.targets
        if not name and (lies := self._at(path)) is not None:
            name, state = lies.id, "another image, at its place"
        line = self.lines.get(name)
        return _ours(targets.get(name), name, line, state) if name else None

    def _at(self, path: Path) -> Target | None:
        """The target that is published at that path."""
        assert self.project is not None
        folder = self.project.outputs.folder.resolve()
        whole = path.resolve()
        if not whole.is_relative_to(folder):
            return None
        inside = whole.relative_to(folder).as_posix()
        return next((item for item in self.project.graph.targets.values() if inside in item.paths), None)


def _ours(target: Target | None, name: str, line: Line | None, state: str) -> Ours:
    where = place(target.recipe.where) if target is not None else "nowhere: it is declared no more"
    return Ours(
        id=name,
        where=where,
        state=state,
        seed=line.seed if line else 0,
        attempt=line.attempt if line else 0,
    )


def _pixels(data: bytes) -> Digest:
    """Of what the file shows; empty where it is damaged."""
    try:
        return pixel_digest(normal(decode(data)))
    except BadImage:
        return ""


def _lines(told: Inspected) -> Iterator[str]:
    says = told.says
    yield f"{printable(told.file)}  {says.width}×{says.height} {says.format}"
    if told.target is not None:
        ours = told.target
        yield f"  {ours.id}: {ours.state}"
        yield f"  declared at {ours.where}; seed {ours.seed}, attempt {ours.attempt}"
    fields = {"tool": says.tool, "source": says.source, **says.generation}
    fields |= {name: getattr(says, name) for name in ("license", "credit", "creator", "copyright")}
    known = {name: value for name, value in fields.items() if value not in ("", {}, None)}
    for name, value in known.items():
        yield from _field(name, value)
    if told.credentials is not None:
        yield from _credentials(told.credentials)
    elif not known and told.target is None:
        yield "  says nothing of how it was made"


def _credentials(found: Credentials) -> Iterator[str]:
    if found == UNREAD:
        yield "  content credentials: there are some; `pip install 'imgbuild[c2pa]'` reads them"
        return
    when = f" at {found.time}" if found.time else ""
    by = f"signed by {found.signer}{when}: " if found.signer else ""
    faults = f" ({', '.join(found.faults)})" if found.faults else ""
    yield from _field("content credentials", f"{by}{found.state}{faults}")
    said = {
        "claimed by": found.tool,
        "claimed source": found.source,
        "claimed ingredients": found.ingredients,
    }
    said["claimed actions"] = found.actions
    for name, value in said.items():
        if value:
            yield from _field(name, value if isinstance(value, str) else ", ".join(value))


def _field(name: str, value: object) -> Iterator[str]:
    """What strangers wrote must not tell the terminal what to do."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    first, *more = map(printable, text.split("\n"))
    yield f"  {printable(name)}: {first}"
    yield from (f"    {line}" for line in more)
