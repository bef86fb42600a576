"""Where the settings in force are written, for errors about them."""

from __future__ import annotations

from imgbuild.settings.nouns import Settings
from imgbuild.types import Where


def profile_place(settings: Settings, *path: str, key: bool = False) -> Where | None:
    """The place of a value of the active profile, or of its key; None where the profile is in no file."""
    for document in reversed(settings.documents):
        values = document.data.get("profiles", {}).get(settings.profile_name, {})
        for step in path[:2]:
            values = values.get(step) if isinstance(values, dict) else None
        if values is not None:
            return document.where(("profiles", settings.profile_name, *path), key=key)
    return None


def setting_place(settings: Settings, *path: str | int) -> Where | None:
    """The place of a value that is in force, in the last file that has its first two keys; None where none has."""
    for document in reversed(settings.documents):
        values = document.data
        for step in path[:2]:
            values = values.get(step) if isinstance(values, dict) else None
        if values is not None:
            return document.where(path)
    return None
