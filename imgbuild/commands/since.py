"""The moment that `--since` means."""

from __future__ import annotations

from datetime import UTC, datetime

from imgbuild.errors import UsageError


def moment_of(since: str) -> float:
    """Seconds since the epoch; from the beginning, where nothing is given. Raises UsageError.

    since: a date, and perhaps a time; in UTC, where it names no zone.
    """
    try:
        found = datetime.fromisoformat(since) if since else datetime.fromtimestamp(0, UTC)
    except ValueError:
        raise UsageError(f"'{since}' is no date", hint="write it like 2026-03-31") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
