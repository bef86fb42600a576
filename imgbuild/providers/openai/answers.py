"""What the API says, in the words of a build: an image, or what became of the request and the money."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from imgbuild.errors import (
    Refused,
    TargetError,
    Transient,
    Unanswered,
)
from imgbuild.providers.allowance import wait_of
from imgbuild.providers.keys import without
from imgbuild.providers.prices import price_of
from imgbuild.providers.status import NO_CREDIT, failure_by
from imgbuild.types import Account, Image

if TYPE_CHECKING:
    import openai
    from openai.types import ImagesResponse, Model

_MODERATED = ("moderation_blocked", "content_policy_violation", "safety_violations")
_GONE = "model_not_found"
_NARROW = "missing scopes"
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


def image_of(answer: ImagesResponse, model: str, request_id: str) -> Image:
    """The one image of an answer. Raises Unanswered where it can't be read: it was paid for."""
    made = answer.data[0] if answer.data else None
    try:
        data = base64.b64decode(made.b64_json or "", validate=True) if made is not None else b""
    except binascii.Error:
        data = b""
    if not data or made is None:
        raise Unanswered("the answer has no image in it", hint="it may have been paid for")
    info = {"request": request_id, "revised_prompt": made.revised_prompt, "usage": _usage(answer)}
    known, tokens = price_of("openai", model), _tokens(answer)
    cost = known.of_tokens(tokens) if known is not None else None
    return Image(
        data=data, cost=cost, tokens=tokens, info={name: value for name, value in info.items() if value}
    )


def _usage(answer: ImagesResponse) -> dict[str, Any]:
    return answer.usage.model_dump(exclude_none=True) if answer.usage is not None else {}


def _tokens(answer: ImagesResponse) -> Mapping[str, int]:
    """How many tokens of each kind it took, as the price list has them."""
    usage = answer.usage
    if usage is None or usage.input_tokens_details is None:
        return {}
    given = usage.input_tokens_details
    return {"text": given.text_tokens, "image": given.image_tokens, "output": usage.output_tokens}


def listed(models: Iterable[Model]) -> Mapping[str, str]:
    """The models of a list, each with the day of its end, if one is announced."""
    return {item.id: str(getattr(item, "shutdown_date", None) or "") for item in models}


def account_without(error: openai.OpenAIError, key: str) -> Account | None:
    """What can be said of an account whose models are not listed: a key may be good and not allowed to list them.

    None where a server has no such list. Raises what `failure_of` gives.
    """
    import openai

    if isinstance(error, openai.NotFoundError):
        return None
    if isinstance(error, openai.APIStatusError) and _NARROW in _said(error, key).lower():
        return Account(note="it may not list models")
    raise failure_of(error, key, "") from None


def failure_of(error: openai.OpenAIError, key: str, model: str) -> TargetError:
    """What an error of the SDK means. key: to be left out of what is said."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status(error, key, model)
    if isinstance(error, openai.APITimeoutError):
        return Unanswered("no answer in time", hint="give the model a longer 'timeout'")
    if isinstance(error, openai.APIConnectionError):
        if type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout"):
            return Transient(f"the server can't be reached: {without(key, str(error.__cause__))}")
        return Unanswered(f"the connection was lost: {without(key, str(error.__cause__ or error))}")
    return Unanswered(f"the answer can't be understood: {without(key, str(error))[:200]}")


def _status(error: openai.APIStatusError, key: str, model: str) -> TargetError:
    said = _said(error, key)
    code = error.code or ""
    if code in _MODERATED:
        return Refused(f"refused: {said}", hint="say it otherwise, or name a 'fallback'")
    status = NO_CREDIT if code in _NO_CREDIT else error.status_code
    if status == 400 and code == _GONE:
        status = 404
    return failure_by(status, said, model, _wait(error))


def _said(error: openai.APIStatusError, key: str) -> str:
    body = error.body
    told = body.get("message") if isinstance(body, Mapping) else None
    return without(key, str(told or error.message))[:300]


def _wait(error: openai.APIStatusError) -> float | None:
    """Seconds that the vendor wants to be left alone."""
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            return max(0.0, float(headers[name]) / unit)
    return wait_of(headers)
