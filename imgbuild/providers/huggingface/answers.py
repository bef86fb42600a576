"""What those who serve models say, in the words of a build: each has its own form for an image, a task and a no."""

from __future__ import annotations

import base64
import binascii
import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from imgbuild.errors import ProviderFailed, Refused, TargetError, Unanswered
from imgbuild.providers.keys import without
from imgbuild.providers.status import failure_by
from imgbuild.providers.web import Reply

_REWORD = "say it otherwise, or name a 'fallback'"
_UNSAFE = re.compile(
    r"nsfw|content[_ ](policy|violation)|safety (system|check|filter)|moderation|sensitive content",
    re.IGNORECASE,
)
_WINDOW = re.compile(r";\s*t=(\d+)")
_PATHS = {  # to what holds the image
    "fal-ai": ("images", 0, "url"),
    "nscale": ("data", 0, "b64_json"),
    "replicate": ("output",),
    "together": ("data", 0, "b64_json"),
    "wavespeed": ("data", "outputs", 0),
    "zai-org": ("image_result", 0, "url"),
}
_WHOLE = ("nscale", "together")  # send the image, not its address
_STATES = {  # to what says how a task stands
    "fal-ai": ("status",),
    "wavespeed": ("data", "status"),
    "zai-org": ("task_status",),
}
_ENDED = {"completed": True, "success": True, "failed": False, "fail": False}


class Task(Struct, frozen=True, kw_only=True):
    """An image that is still being made: where to ask how it stands, and where it is then, if that is elsewhere."""

    ask: str
    result: str = ""


def task_of(by: str, told: Any, root: str) -> Task | None:
    """The task that an answer names; None where it has its image already. root: of the server, at the router."""
    if by == "fal-ai" and (path := _path(at(told, "response_url"))):
        queue = "?_subdomain=queue"
        return Task(ask=f"{root}{path}/status{queue}", result=f"{root}{path}{queue}")
    if by == "wavespeed" and (path := _path(at(told, "data", "urls", "get"))):
        return Task(ask=f"{root}{path}")
    if by == "zai-org" and at(told, "task_status") == "PROCESSING" and at(told, "id"):
        return Task(ask=f"{root}/api/paas/v4/async-result/{at(told, 'id')}")
    return None


def has_ended(by: str, told: Any, key: str) -> bool:
    """Whether a task is done. Raises ProviderFailed, Refused where it failed."""
    state = str(at(told, *_STATES[by]) or "").lower()
    if _ENDED.get(state) is False:
        raise _failed(without(key, _said(told) or "no reason given")[:300])
    return state in _ENDED


def held_in(by: str, told: Any, key: str) -> str | bytes:
    """The image of an answer, or the address where it lies.

    Raises Refused where it is flagged, ProviderFailed where it was not made, Unanswered where there is none.
    """
    flags = at(told, "has_nsfw_concepts")
    if isinstance(flags, list) and any(flag is True for flag in flags):
        raise Refused("refused: what came out is flagged as not safe for work", hint=_REWORD)
    if by == "replicate" and at(told, "status") in ("failed", "canceled", "aborted"):
        raise _failed(without(key, _said(told) or "no reason given")[:300])
    held = at(told, *_PATHS.get(by, ("image",)))
    held = at(held, 0) if isinstance(held, list) else held
    if isinstance(held, str) and held:
        return _decoded(held) if by in _WHOLE else held
    still = ": it was still being made" if by == "replicate" and at(told, "status") else ""
    raise Unanswered(f"the answer has no image in it{still}", hint="it may have been paid for")


def failure_of(reply: Reply, key: str, model: str) -> TargetError:
    """What an answer without an image means, by its status and by what is said."""
    told: Any = None
    with suppress(ValueError):
        told = json.loads(reply.body)
    said = without(key, _said(told) or reply.body[:200].decode(errors="replace"))[:300]
    if 400 <= reply.status < 500 and reply.status not in (401, 402, 403, 429) and _UNSAFE.search(_all(told)):
        return Refused(f"refused: {said}", hint=_REWORD)
    return failure_by(reply.status, said or f"status {reply.status}", model, _wait(reply, told))


def at(told: Any, *path: str | int) -> Any:
    """What lies there in the JSON of an answer; None where there is nothing."""
    for step in path:
        try:
            told = told[step]
        except (KeyError, IndexError, TypeError):
            return None
    return told


def _failed(said: str) -> TargetError:
    if _UNSAFE.search(said):
        return Refused(f"refused: {said}", hint=_REWORD)
    return ProviderFailed(f"the task failed: {said}")


def _path(address: Any) -> str:
    return urlsplit(address).path if isinstance(address, str) else ""


def _decoded(text: str) -> bytes:
    with suppress(binascii.Error, ValueError):
        if data := base64.b64decode(text, validate=True):
            return data
    raise Unanswered("the answer has no image in it", hint="it may have been paid for")


def _wait(reply: Reply, told: Any) -> float | None:
    """Seconds to wait, as Hugging Face says it: until its window ends, or until a model is loaded."""
    loads = at(told, "estimated_time")
    if isinstance(loads, int | float):
        return max(0.0, float(loads))
    window = _WINDOW.search(reply.headers.get("ratelimit", ""))
    return reply.wait if reply.wait is not None or not window else float(window[1])


def _said(told: Any) -> str:
    """One sentence, by the first of the ways that servers have for it."""
    ways = (
        ("error", "message"),
        ("error",),
        ("message",),
        ("detail", 0, "msg"),
        ("detail",),
        ("data", "error"),
    )
    found = (at(told, *way) for way in ways)
    return next((said for said in found if isinstance(said, str) and said), "")


def _all(told: Any) -> str:
    """All that an answer says, codes and kinds of errors too, where it is told apart from what was asked for."""
    kinds = (at(told, "error", "code"), at(told, "error", "type"), at(told, "detail", 0, "type"))
    return " ".join([_said(told), *(str(kind) for kind in kinds if kind)])
