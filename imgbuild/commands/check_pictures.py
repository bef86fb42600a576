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
from imgbuild.project import load_rules, open_settings
from imgbuild.verdicts.pictures import Held, check_pictures, pictures_in
from imgbuild.verdicts.row import exit_of, sorted_rows


def run_check_pictures(session: Session, asked: Asked, file: str, sets: Sequence[str]) -> int:
    """Print the verdicts, worst first; 3 where a rule fails, 1 where a picture can't be read. Raises SpecError."""
    if not file:
        raise UsageError("--set chooses among the rule sets of a file", hint="name the file by --rules")
    if asked.select:
        raise UsageError("--select chooses targets, and --rules looks at pictures", hint="leave one out")
    held, jobs = _held(session, file, sets)
    if not asked.trust:
        _require(held)
    pictures = _pictures(session, asked.paths)
    with interruptible() as stop:
        rows = sorted_rows(check_pictures(pictures, held, jobs, stop))
    if stop.is_set():
        raise KeyboardInterrupt
    tell(session, rows, len(pictures), asked)
    return exit_of(rows)


def _held(session: Session, file: str, sets: Sequence[str]) -> tuple[Held, int]:
    """The rules of a file, which may lie in this project or anywhere else, and how many pictures to look at at once."""
    whole = (session.folder / file).resolve()
    if not whole.is_file():
        raise UsageError(f"there is no file '{file}'", hint="--rules names a spec that has sets of rules")
    root = session.root if whole.is_relative_to(session.root) else whole.parent
    files, settings = open_settings(root, session.environ, Path.home(), session.profile)
    rules = load_rules(files, settings, whole.relative_to(root).as_posix(), sets)
    references = {path: files.read(path, MAX_INPUT) for rule in rules for path in rule.files()}
    return Held(rules=rules, references=references), settings.jobs or os.cpu_count() or 2


def _require(held: Held) -> None:
    """Raise Untrusted where a rule runs a program: consent is kept for projects, and this file may be of none."""
    found = [concern for rule in held.rules for concern in rule.concerns()]
    raise_all(
        [Untrusted(f"a rule {concern.wants}", hint="if you trust it, add --trust") for concern in found]
    )


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
