"""The file that a mistyped path was meant for."""

from __future__ import annotations

import os
from difflib import get_close_matches
from posixpath import basename, dirname, splitext

from imgbuild.files import Files


def nearby(files: Files, path: str, hint: str) -> str:
    """The hint for an absent file; where its folder holds one of nearly that name, it asks for that one first."""
    folder = dirname(path)
    try:
        with os.scandir(files.root / folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:
        return hint
    stems = {splitext(name)[0]: name for name in names}
    near = get_close_matches(splitext(basename(path))[0], stems, n=1)
    if not near:
        return hint
    meant = f"{folder}/{stems[near[0]]}" if folder else stems[near[0]]
    return f"did you mean '{meant}'? {hint[0].upper()}{hint[1:]}"
