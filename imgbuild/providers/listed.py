"""Lists with a date that come with each release, looked up by a model's name or that of its snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TypeVar

from imgbuild.typed import decode

T = TypeVar("T")


def read_list(name: str, kind: type[T]) -> T:
    """What the file of that name beside this one holds. kind: of the whole."""
    return decode((files("imgbuild.providers") / name).read_bytes(), kind)


def find_listed(listed: Mapping[str, T], model: str) -> T | None:
    """What is listed of a model, or of the one whose dated snapshot it is."""
    return next((listed[name] for name in sorted(listed, reverse=True) if is_snapshot(model, name)), None)


def is_snapshot(model: str, name: str) -> bool:
    """Whether a model is that one, or its snapshot of some day: `name-2026-04-21`."""
    rest = model.removeprefix(name)
    return model.startswith(name) and (not rest or (rest[0] == "-" and rest[1:5].isdigit()))
