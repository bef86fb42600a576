"""What became of all that models were asked for, for people to look at: a lost file costs statistics, and no image.

Nothing is decided by it, and so a build neither reads nor mends it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from imgbuild.store.log import Log
from imgbuild.types import Digest

ATTEMPTS = 64_000_000  # bytes: some 200,000 attempts
REFUSALS = 5_000_000  # bytes


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One image that a model was asked for. With `key` and `at` it is known again, and what was said last of it holds.

    at: seconds since the epoch, when it was made or came to nothing. key: of its step. target: that asked for it, under
    which `profile`. model: its declared name. rules: that turned it down. kind: how it failed.
    seconds: that making it took. cost: US dollars.
    """

    at: float
    key: Digest
    target: str
    profile: str = ""
    model: str
    provider: str
    source: str = ""
    end: Literal["accepted", "turned down", "refused", "failed"]
    rules: tuple[str, ...] = ()
    kind: str = ""
    seconds: float = 0.0
    cost: float = 0.0


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request that a provider would not fulfil. at: seconds since the epoch. asset: with its spec, as `where` has it.

    model: its declared name; source: the vendor's. said: what the provider said. fallback: the model that took over,
    if one did.
    """

    at: float
    target: str
    profile: str = ""
    asset: str
    where: str
    model: str
    provider: str
    source: str = ""
    prompt: str
    negative: str = ""
    said: str
    fallback: str = ""


class History:
    """That of the store at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.attempts: Log[Attempt] = Log(folder / "attempts", Attempt, ATTEMPTS)
        self.refusals: Log[Refusal] = Log(folder / "refusals", Refusal, REFUSALS)
