"""What the libraries know or refuse: settings that a class has not, files that are not what they are taken for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from imgbuild.errors import ProviderFailed, TargetError


@contextmanager
def must_load(what: str, hint: str) -> Iterator[None]:
    """Raise ProviderFailed, with the library's own words, where what is loaded within is not as it must be."""
    try:
        yield
    except _misfits() as error:
        raise ProviderFailed(f"{what} can't be loaded: {first_line(error)}", hint=hint) from error


def _misfits() -> tuple[type[Exception], ...]:
    """What loading raises for files that are of another kind, broken, or made for another model."""
    from huggingface_hub.errors import StrictDataclassError

    return (
        OSError,
        ValueError,
        RuntimeError,
        ImportError,
        KeyError,
        TypeError,
        AttributeError,
        StrictDataclassError,
    )


def first_line(error: Exception) -> str:
    """The first line of a library's message, which may have many."""
    if isinstance(error, TargetError):
        return error.message
    if isinstance(error, KeyError):
        return f"it has no {error}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def check_settings(title: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise ProviderFailed where something is given that is not known. title: of what has the settings."""
    if unknown := sorted({*given} - {*known}):
        raise ProviderFailed(
            f"{title} has no setting '{unknown[0]}'", hint=f"its settings: {', '.join(sorted(known))}"
        )
