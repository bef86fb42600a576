"""Which folder is the project's."""

from __future__ import annotations

from pathlib import Path

PROJECT_FILE = "imgbuild.yaml"


def find_root(start: Path) -> Path:
    """The project that `start` is in: nearest folder with imgbuild.yaml, else with specs/ or .git, else `start`."""
    folders = [start.resolve(), *start.resolve().parents]
    for folder in folders:
        if (folder / PROJECT_FILE).is_file():
            return folder
    for folder in folders:
        if (folder / "specs").is_dir() or (folder / ".git").exists():
            return folder
    return folders[0]


def is_project(root: Path) -> bool:
    """Whether something there says that it is one: its settings, its specs, or a store. A `.git` alone does not."""
    return (root / PROJECT_FILE).is_file() or (root / "specs").is_dir() or (root / ".imgbuild").is_dir()
