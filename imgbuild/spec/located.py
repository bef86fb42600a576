"""Paths in a model's declaration: inside the project, and written from its root from here on.

What begins with './' or '../' is a path relative to the file that declares the model, in its source and its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from imgbuild.types import Model, Value

Place = tuple[str | int, ...]  # the way to a value within the declaration
Locate = Callable[[str, Place], str]  # a path as written, and where → the path from the root


def located(model: Model, locate: Locate) -> Model:
    """The model with its paths from the root, './' before them; itself where it has none. Raises SpecError."""
    source = _walk(model.source, ("source",), locate)
    params = _walk(model.params, ("params",), locate)
    if source == model.source and params == model.params:
        return model
    return replace(model, source=source, params=params)


def _walk(value: Value, place: Place, locate: Locate) -> Value:
    if isinstance(value, str):
        return f"./{locate(value, place)}" if is_path(value) else value
    if isinstance(value, Mapping):
        return {name: _walk(item, (*place, name), locate) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, (*place, at), locate) for at, item in enumerate(value)]
    return value


def is_path(text: str) -> bool:
    return text.startswith(("./", "../"))
