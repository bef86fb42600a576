"""The scheduler that an image asks for: its model's own, another class, or other settings."""

from __future__ import annotations

from typing import Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.settings import class_of
from imgbuild.weights.causes import check_settings, first_line


def scheduler_of(own: Any, asked: Any) -> Any:
    """A new scheduler: like the model's own, or of another class, or with other settings. Raises TargetError."""
    import diffusers

    if asked is None:
        return type(own).from_config(own.config)
    name, settings = class_of(asked)
    kind = getattr(diffusers, name, None)
    if kind is None or not hasattr(kind, "from_config"):
        raise ProviderFailed(f"diffusers has no scheduler '{name}'", hint="it is the name of a class")
    check_settings(name, settings, {*kind._get_init_keys(kind)} - {"self", "kwargs"})
    try:
        return kind.from_config(own.config, **settings)
    except (ValueError, ImportError, TypeError) as error:
        raise ProviderFailed(
            f"{name} can't be used: {first_line(error)}", hint="take another scheduler"
        ) from error
