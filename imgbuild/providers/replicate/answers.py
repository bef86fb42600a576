"""What the vendor says of a prediction, in the words of a build: where its image is, or what became of it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from imgbuild.errors import Gone, ProviderFailed, Refused
from imgbuild.providers.keys import without
from imgbuild.providers.replicate.api import Answer, part_of
from imgbuild.types import Value

ENDED_EARLY = {"canceled": "was cancelled", "aborted": "was ended before it began"}
_REWORD = "say it otherwise, or name a 'fallback'"
# What models say, each in its own words, where they, or a check of theirs, will not make a picture.
_REFUSALS = re.compile(
    r"\bnsfw\b|\be005\b|\bflagged\b|\bmoderated\b|\bprohibited\b|content (?:policy|filter|moderation)"
    r"|safety (?:filter|system|polic|guideline)",
    re.IGNORECASE,
)
# Of models that draw all the same, and give a black picture.
_BLACKENED = re.compile(
    r"nsfw content (?:was |has been )?detected|black image will be returned", re.IGNORECASE
)
_SEED = re.compile(r"\bseed\b[^\d\n-]{0,12}(\d{1,10})\b", re.IGNORECASE)


def output_of(told: Answer, key: str) -> list[str]:
    """Addresses of what a prediction gave; none while it is under way.

    key: to be left out of what is said. Raises Refused, ProviderFailed; and Gone where it has ended well, and no image
    of it can be had.
    """
    status = told.get("status")
    if status in ENDED_EARLY:
        raise ProviderFailed(f"the prediction {ENDED_EARLY[str(status)]}", hint="build again")
    if status == "failed":
        raise _failure(without(key, str(told.get("error") or "no reason given"))[:300])
    if status != "succeeded":
        return []
    if _BLACKENED.search(str(told.get("logs") or "")):
        raise Refused("refused: what came out was filtered, and is black", hint=_REWORD)
    if told.get("data_removed"):
        raise Gone("the image is not kept any more", hint="the vendor removes it after an hour")
    found = list(_addresses(told.get("output")))
    if not found:
        raise Gone(
            "the prediction gave no image", hint="it may have been paid for; is it a model for images?"
        )
    return found


def _failure(said: str) -> ProviderFailed | Refused:
    if _REFUSALS.search(said):
        return Refused(f"refused: {said}", hint=_REWORD)
    return ProviderFailed(f"the prediction failed: {said}")


def _addresses(output: Any, depth: int = 0) -> Iterator[str]:
    """Everything in an output that can be fetched, in its order: models give one, a list, or a mapping."""
    if isinstance(output, str) and output.startswith(("https://", "http://", "data:")):
        yield output
    elif isinstance(output, list | dict) and depth < 3:
        for item in output.values() if isinstance(output, dict) else output:
            yield from _addresses(item, depth + 1)


def decoded(address: str) -> bytes:
    """The bytes that stand in an address itself; none, where they can't be read."""
    try:
        return base64.b64decode(address.partition(";base64,")[2], validate=True)
    except binascii.Error:
        return b""


def seed_of(told: Answer) -> int | None:
    """The seed that was used: of the input, or as models write it into their log."""
    own = part_of(told, "input", "seed")
    if isinstance(own, int) and not isinstance(own, bool):
        return own
    found = _SEED.search(str(told.get("logs") or ""))
    return int(found[1]) if found else None


def info_of(told: Answer, pinned: str, outputs: int) -> dict[str, Value]:
    """What else is told, for the record. pinned: the version that was asked for; outputs: how many there were."""
    version = told.get("version")
    info = {
        "request": told.get("id"),
        "version": version if version not in (pinned, "hidden") else "",
        "seconds": part_of(told, "metrics", "predict_time"),
        "outputs": outputs if outputs > 1 else None,
    }
    return {name: value for name, value in info.items() if value}
