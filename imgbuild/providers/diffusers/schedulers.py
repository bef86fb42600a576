"""The scheduler that an image asks for: its model's own, another class, or other settings."""

from __future__ import annotations

from typing import Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.causes import first_line


def scheduler_of(own: Any, asked: Any) -> Any:
    """A new scheduler: like the model's own, or of another class, or with other settings. Raises TargetError."""
    import diffusers

    if asked is None:
        return type(own).from_config(own.config)
    name, settings = (asked, {}) if isinstance(asked, str) else (asked["class"], dict(asked))
    settings.pop("class", None)
    kind = getattr(diffusers, name, None)
    if kind is None or not hasattr(kind, "from_config"):
        raise ProviderFailed(f"diffusers has no scheduler '{name}'", hint="it is the name of a class")
    unknown = sorted({*settings} - {*kind._get_init_keys(kind)})
    if unknown:
        raise ProviderFailed(
            f"{name} has no setting '{unknown[0]}'", hint=f"its settings: {', '.join(_settings(kind))}"
        )
    try:
        return kind.from_config(own.config, **settings)
    except (ValueError, ImportError, TypeError) as error:
        raise ProviderFailed(
            f"{name} can't be used: {first_line(error)}", hint="take another scheduler"
        ) from error


def _settings(kind: Any) -> list[str]:
    return sorted({*kind._get_init_keys(kind)} - {"self", "kwargs"})
