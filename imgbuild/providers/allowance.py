"""What answers say of a vendor's rate limit, in the headers that vendors have for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from imgbuild.types import Allowance

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_DATE = 1e9  # what is larger is no number of seconds to wait, but a moment since the epoch
LONGEST = 300.0  # seconds; who waits longer than calls are tried for had better be told so by a no


def allowance_of(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> Allowance | None:
    """What is left, by the first of the ways below that is whole; None where nothing is said.

    OpenAI's: its limits fill up all the time, and `reset` is when they are full. Others' (X-RateLimit-Remaining,
    RateLimit-Remaining) begin anew at `reset`, in seconds or as a date. headers: by names in any case.
    """
    said = {name.lower(): value for name, value in headers.items()}
    for found in (_filling(said), _window(said, "x-ratelimit", clock), _window(said, "ratelimit", clock)):
        if found is not None:
            return found
    return None


def _filling(said: Mapping[str, str]) -> Allowance | None:
    """Of requests; or of tokens, where none are left."""
    for what in ("tokens", "requests"):
        with suppress(KeyError, ValueError, OverflowError):
            limit = float(said[f"x-ratelimit-limit-{what}"])
            left = max(0, int(float(said[f"x-ratelimit-remaining-{what}"])))
            full = max(0.001, _seconds(said[f"x-ratelimit-reset-{what}"]))
            added = max(1.0, limit - left) / full
            if added * LONGEST >= 1 and (what == "requests" or not left):
                return Allowance(calls=left, per_second=added)
    return None


def _window(said: Mapping[str, str], name: str, clock: Callable[[], float]) -> Allowance | None:
    with suppress(KeyError, ValueError, OverflowError):
        left = max(0, int(float(said[f"{name}-remaining"])))
        ends = _seconds(said[f"{name}-reset"])
        until = max(0.0, ends - clock() if ends > _DATE else ends)
        return Allowance(calls=left, until=until) if until <= LONGEST else None
    return None


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds until a call is taken again, where none is left now."""
    left = allowance_of(headers)
    if left is None or left.calls:
        return None
    return left.until if left.per_second is None else 1 / left.per_second


def _seconds(text: str) -> float:
    """Of "1m30.5s", "20ms" or "12". Raises ValueError for anything else."""
    parts = _SPAN.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    return max(0.0, float(text))
