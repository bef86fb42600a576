"""What `source` names: a folder or a file of the project, or a repository of the hub."""

from __future__ import annotations

import re

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def is_folder(source: str) -> bool:
    """Whether it is a folder or file of the project; its path from the root follows './'."""
    return source.startswith("./")


def is_repository(source: str) -> bool:
    """Whether it can be the name of a repository: owner/name."""
    return _HUB.fullmatch(source) is not None
