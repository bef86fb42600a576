"""Git, asked in such a way that nothing is run which a repository's own settings name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_PATIENCE = 60  # seconds

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_ALONE = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

# What the user says of themselves and of their settings; the rest may come of a hook, and be of another repository.
_KEPT = ("GIT_AUTHOR_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM")


class Told(NamedTuple):
    """What git said. code: its exit status, 128 where it can't tell. why: its complaint, without a full stop."""

    code: int
    out: bytes
    why: str


def ask_git(
    folder: Path, *arguments: str, given: bytes = b"", environ: Mapping[str, str] = os.environ
) -> Told:
    """Run git in a folder. given: what it reads."""
    try:
        ended = subprocess.run(
            ["git", *_HARMLESS, "-C", str(folder), *arguments],
            env=_cleaned(environ),
            input=given,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Told(128, b"", f"git took more than {_PATIENCE} s")
    except OSError:
        return Told(128, b"", "git is not installed")
    return Told(ended.returncode, ended.stdout, _complaint(ended.stderr))


def _cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    return kept | _ALONE


def _complaint(text: bytes) -> str:
    """The first line."""
    first = text.decode(errors="replace").partition("\n")[0]
    return first.removeprefix("fatal: ").removeprefix("error: ").rstrip(". ")
