"""What the queue says, in the words of a build: an image, or what became of the request and the money."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from imgbuild.errors import Refused, TargetError, Unanswered
from imgbuild.providers.keys import without
from imgbuild.providers.noted import noted
from imgbuild.providers.status import NO_CREDIT, failure_by
from imgbuild.providers.web import Reply
from imgbuild.types import Image, Request

_REWORD = "say it otherwise, or name a 'fallback'"
_POLICY = "content_policy_violation"
_BROKE = ("balance", "top_up")  # why an account is locked, where it is for the money
_PROMPTS = ("prompt", "revised_prompt", "actual_prompt")


def address_of(result: Any) -> str:
    """Where the one image of a result lies. Raises Refused where it is flagged, Unanswered where there is none."""
    told = result if isinstance(result, Mapping) else {}
    flags = told.get("has_nsfw_concepts")
    if isinstance(flags, Sequence) and any(flag is True for flag in flags):
        raise Refused("refused: what came out is flagged as not safe for work", hint=_REWORD)
    listed = told.get("images")
    made = listed[0] if isinstance(listed, list) and listed else told.get("image")
    address = made.get("url") if isinstance(made, Mapping) else None
    if isinstance(address, str) and address:
        return address
    if isinstance(told.get("description"), str) and told["description"]:
        said = without("", told["description"])[:300]
        raise Refused(f"refused: answered in words, {said}", hint=_REWORD)
    raise Unanswered("the answer has no image in it", hint="it may have been paid for")


def image_of(data: bytes, result: Mapping[str, Any], task: str, request: Request) -> Image:
    """With what the vendor says of it."""
    prompts = [result[name] for name in _PROMPTS if isinstance(result.get(name), str)]
    drawn = next((said for said in prompts if said and said != request.prompt), "")
    return noted(data, request, seed=result.get("seed"), prompt=drawn, more={"request": task})


def failure_of(reply: Reply, key: str, model: str) -> TargetError:
    """What an answer means that turns a request, or a question, down."""
    told: Any = None
    with suppress(ValueError):
        told = json.loads(reply.body)
    said = without(key, _said(told) or reply.body[:200].decode(errors="replace"))[:300]
    said = said or f"status {reply.status}"
    if any(fault.get("type") == _POLICY for fault in _faults(told)):
        return Refused(f"refused: {said}", hint=_REWORD)
    locked = reply.status == 403 and any(word in said.lower() for word in _BROKE)
    return failure_by(NO_CREDIT if locked else reply.status, said, model, reply.wait)


def _said(told: Any) -> str:
    """By a model, one sentence a field; by the queue, one; by the platform, one within an `error`."""
    faults = _faults(told)
    if faults:
        return "; ".join(_sentence(fault) for fault in faults)
    if not isinstance(told, Mapping):
        return ""
    error = told.get("error")
    said = error.get("message") if isinstance(error, Mapping) else error
    return next(
        (item for item in (told.get("detail"), told.get("message"), said) if isinstance(item, str)), ""
    )


def _faults(told: Any) -> list[Mapping[str, Any]]:
    """What a model says is wrong."""
    detail = told.get("detail") if isinstance(told, Mapping) else None
    return [fault for fault in detail if isinstance(fault, Mapping)] if isinstance(detail, list) else []


def _sentence(fault: Mapping[str, Any]) -> str:
    place = fault.get("loc")
    path = [str(step) for step in place if step != "body"] if isinstance(place, list) else []
    said = str(fault.get("msg", "no reason given"))
    return f"{'/'.join(path)}: {said}" if path else said
