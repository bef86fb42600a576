"""Who decides: the person that git would name as the author of a commit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from imgbuild.errors import UsageError


def person(folder: Path, environ: Mapping[str, str]) -> str:
    """`Name <address>`. Raises UsageError where git is not there, or was not told."""
    words = ["git", "var", "GIT_AUTHOR_IDENT"]
    try:
        told = subprocess.run(
            words, cwd=folder, env=dict(environ), capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            "it is not known who decides: git names nobody",
            hint="git config user.name and user.email say so, or --by",
        ) from error
    return re.sub(r" \d+ [+-]\d{4}$", "", told.stdout.strip())
