"""`imgbuild init`: a first spec, settings, and what git and editors need. Nothing is ever overwritten."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from imgbuild.commands.inspect import read_image
from imgbuild.commands.redraw import redrawing
from imgbuild.commands.session import Session
from imgbuild.commands.starter import UNION, attributes, hello, ignored, look_around, settings_text
from imgbuild.errors import Exit, UsageError
from imgbuild.provenance.read import read
from imgbuild.settings import PROJECT_FILE
from imgbuild.spec.find import find_specs


def run_init(session: Session, folder: str, image: str = "") -> int:
    """Make the folder a project that builds at once. image: a file to write the spec from.

    Raises SpecError for broken settings, UsageError, BadImage.
    """
    root = (session.folder / folder).resolve()
    if root.exists() and not root.is_dir():
        raise UsageError(f"'{folder}' is not a folder", hint="name a new or an existing one")
    first = _redrawing(session, image) if image else None
    for line in _write_all(replace(session, root=root), first):
        if not session.quiet:
            session.say(line)
    there = "" if root == session.folder else f"cd {shlex.quote(folder)} && "
    if not session.quiet:
        session.say(f"next: {there}imgbuild {'plan' if image else 'build'}")
    return Exit.DONE


def _redrawing(session: Session, image: str) -> tuple[str, Callable[[str], str]]:
    """The name of a spec that would make this image, and its text, by the folder that it is in."""
    found = read(read_image(session, image), image)
    name = re.sub(r"\W+", "-", Path(image).stem, flags=re.ASCII).strip("-") or "image"
    file = Path(image).name
    redrawing(found, name, file, "")  # before anything is written
    return name, lambda folder: redrawing(found, name, file, "../" * len(Path(folder).parts))


def _write_all(session: Session, first: tuple[str, Callable[[str], str]] | None) -> Iterator[str]:
    """What was written, one line each. The settings come first: they say where the rest belongs.

    first: name and text of the first spec, where it is not the one that says hello.
    """
    from imgbuild.spec.schema import schema_texts

    root = session.root
    yield _write(root / PROJECT_FILE, settings_text(look_around(session.environ)), root)
    files, settings = session.settings()
    specs = [folder for folder in settings.specs if not folder.endswith((".yaml", ".yml"))] or ["specs"]
    found = find_specs(files, settings)
    if first is not None:
        name, text = first
        yield _write(root / specs[0] / f"{name}.yaml", text(specs[0]), root)
    elif found:
        yield f"kept {next(iter(found.values()))}: there are specs already"
    else:
        yield _write(root / specs[0] / "hello.yaml", hello(specs[0], settings.output), root)
    schemas = schema_texts()
    for name in ("spec.schema.json", "settings.schema.json"):
        yield _write(root / "schema" / name, schemas[name], root)
    yield _append(root / ".gitignore", [], ignored(settings.store, settings.output), root)
    yield _append(root / ".gitattributes", [UNION], attributes(specs), root)


def _write(path: Path, text: str, root: Path) -> str:
    """Write a file that is not there yet. Raises UsageError where something is in its way."""
    name = path.relative_to(root).as_posix()
    if os.path.lexists(path):
        return f"kept {name}, which was there already"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"{name} can't be written: {error.strerror}", hint=f"see what is in its way in {root}"
        ) from error
    return f"wrote {name}"


def _append(path: Path, comment: Sequence[str], lines: Sequence[str], root: Path) -> str:
    """Add the lines that a file lacks, below the comment. A line counts as there with or without outer slashes."""
    name = path.relative_to(root).as_posix()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    known = {line.strip().strip("/") for line in before.splitlines()}
    missing = [line for line in lines if line.strip("/") not in known]
    if not missing:
        return f"kept {name}, which has all it needs"
    gap = "" if not before or before.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(gap + "".join(f"{line}\n" for line in [*comment, *missing]))
    return f"added to {name}: {', '.join(missing)}" if before else f"wrote {name}"
