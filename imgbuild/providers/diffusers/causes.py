"""What the libraries raise where files are not what they are taken for, and what they say of it, in one line."""

from __future__ import annotations

from imgbuild.errors import TargetError


def misfits() -> tuple[type[Exception], ...]:
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
