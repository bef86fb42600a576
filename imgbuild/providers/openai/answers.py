"""What the API says, in the words of a build: an image, or what became of the request and the money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from imgbuild.errors import Refused, TargetError, Transient, Unanswered
from imgbuild.providers.allowance import wait_of
from imgbuild.providers.keys import without
from imgbuild.providers.prices import price_of
from imgbuild.providers.status import NO_CREDIT, failure_by
from imgbuild.typed import convert, decode
from imgbuild.types import Account, Image

if TYPE_CHECKING:
    import openai
    from openai.types import Model

_PAID = "it may have been paid for"
_MODERATED = ("moderation_blocked", "content_policy_violation", "safety_violations")
_GONE = "model_not_found"
_NARROW = "missing scopes"
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class _Details(Struct):
    text_tokens: int = 0
    image_tokens: int = 0


class _Usage(Struct):
    input_tokens_details: _Details | None = None
    output_tokens: int = 0


class _Made(Struct):
    b64_json: bytes = b""
    revised_prompt: object = None


class _Answer(Struct):
    """What is read of an answer. Whatever else a server says of an image that was paid for, the image is taken."""

    data: tuple[_Made, ...] = ()
    usage: object = None


def image_of(body: bytes, model: str, request_id: str) -> Image:
    """The one image of an answer. Raises Unanswered where it can't be read: it was paid for.

    The SDK's own objects are left out: making them takes a fifth of the time that a request costs here.
    """
    try:
        answer = decode(body, _Answer)
    except msgspec.ValidationError:
        answer = _Answer()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unanswered("the answer can't be understood", hint=_PAID) from error
    if not answer.data or not answer.data[0].b64_json:
        raise Unanswered("the answer has no image in it", hint=_PAID)
    made = answer.data[0]
    info: dict[str, Any] = {
        "request": request_id,
        "revised_prompt": made.revised_prompt,
        "usage": answer.usage,
    }
    known, tokens = price_of("openai", model), _tokens(answer.usage)
    cost = known.of_tokens(tokens) if known is not None else None
    return Image(
        data=made.b64_json,
        cost=cost,
        tokens=tokens,
        info={name: value for name, value in info.items() if value},
    )


def _tokens(told: object) -> Mapping[str, int]:
    """How many tokens of each kind it took, as the price list has them; none where a server does not say."""
    try:
        usage = convert(told, _Usage)
    except msgspec.ValidationError:
        return {}
    given = usage.input_tokens_details
    if given is None:
        return {}
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
