"""Who decides: the person that git would name as the author of a commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from imgbuild.errors import UsageError
from imgbuild.git import ask_git


def person(folder: Path, environ: Mapping[str, str]) -> str:
    """`Name <address>`. Raises UsageError where git is not there, or was not told."""
    told = ask_git(folder, "var", "GIT_AUTHOR_IDENT", environ=environ)
    if told.code:
        raise UsageError(
            "it is not known who decides: git names nobody",
            hint="git config user.name and user.email say so, or --by",
        )
    return re.sub(r" \d+ [+-]\d{4}$", "", told.out.decode(errors="replace").strip())
