"""`imgbuild completion`: the script for the shell, and the names of targets that it completes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from imgbuild.commands.session import Session
from imgbuild.errors import Exit, ImgbuildError, UsageError

VARIABLE = "_IMGBUILD_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
MOST = 200  # names offered at once: a shell asks before it prints more


def run_completion(session: Session, program: click.Command, shell: str | None) -> int:
    """Print the script for a shell, by default the one in use. Raises UsageError where that is unknown."""
    name = shell or os.path.basename(session.environ.get("SHELL", ""))  # noqa: PTH119 - text
    kind = get_completion_class(name) if name in SHELLS else None
    if kind is None:
        raise UsageError(f"no completion for the shell '{name}'", hint=f"name one: {', '.join(SHELLS)}")
    script = kind(program, {}, "imgbuild", VARIABLE)
    session.say((script.source_template % script.source_vars()).strip("\n"))
    return Exit.DONE


def known_names(folder: Path, environ: Mapping[str, str], begun: str) -> list[str]:
    """Assets that begin with these letters; behind the name of an asset, its targets.

    They come from the locks, which are read at once, where specs would have to be expanded first.
    """
    try:
        ids = _locked(folder, environ)
    except (ImgbuildError, OSError):  # nothing may be printed between the letters that somebody types
        return []
    assets = dict.fromkeys(asset for name in ids for asset in _assets(name))
    names: Iterable[str] = ids if "[" in begun or "@" in begun or begun in assets else assets
    return list(islice((name for name in names if name.startswith(begun)), MOST))


def _assets(name: str) -> tuple[str, str]:
    """`catalog/thumbnails` and `thumbnails`, of a target's id."""
    whole = name.partition("@")[0].partition("[")[0]
    return whole, whole.rpartition("/")[2]


def _locked(folder: Path, environ: Mapping[str, str]) -> list[str]:
    from imgbuild.lock.book import lock_path
    from imgbuild.lock.text import read_lock
    from imgbuild.project import open_settings
    from imgbuild.settings import find_root
    from imgbuild.spec.find import find_specs

    files, settings = open_settings(find_root(folder), environ, Path.home())
    ids = []
    for spec, file in find_specs(files, settings).items():
        path = lock_path(settings, file)
        if files.stamp(path) is not None:
            ids += [f"{spec}/{id}" for id in read_lock(files.read(path), path).lock.targets]
    return ids
