"""What the API says, in the words of a build: an image, or what became of the request and the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from imgbuild.errors import (
    Refused,
    TargetError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.providers.keys import without
from imgbuild.providers.prices import price_of
from imgbuild.providers.status import failure_by
from imgbuild.types import Image

if TYPE_CHECKING:
    from google.genai.errors import APIError
    from google.genai.types import Candidate, GenerateContentResponse, ModalityTokenCount, Part

_NOT_MADE = (
    "BLOCKLIST",
    "IMAGE_OTHER",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "NO_IMAGE",
    "OTHER",
    "PROHIBITED_CONTENT",
    "RECITATION",
    "SAFETY",
    "SPII",
)
_REWORD = "say it otherwise, or name a 'fallback'"


def image_of(answer: GenerateContentResponse, model: str) -> Image:
    """The one image of an answer, as it was sent.

    Raises Refused where the vendor would not make it, Unanswered where there is none and nobody says why.
    """
    blocked = answer.prompt_feedback.block_reason if answer.prompt_feedback is not None else None
    if blocked is not None:
        feedback = answer.prompt_feedback
        raise _refusal(blocked.value, (feedback and feedback.block_reason_message) or "")
    made = answer.candidates[0] if answer.candidates else None
    parts = [part for part in _parts(made) if not part.thought]
    data = next((part.inline_data.data for part in parts if part.inline_data and part.inline_data.data), None)
    if data is None:
        raise _without_image(made, parts)
    usage = answer.usage_metadata.model_dump(mode="json", exclude_none=True) if answer.usage_metadata else {}
    info = {"response": answer.response_id, "version": answer.model_version, "usage": usage}
    known, tokens = price_of("google", model), _tokens(answer)
    cost = known.of_tokens(tokens) if known is not None else None
    return Image(
        data=data, cost=cost, tokens=tokens, info={name: value for name, value in info.items() if value}
    )


def _parts(made: Candidate | None) -> Sequence[Part]:
    return (made.content.parts or ()) if made is not None and made.content is not None else ()


def _without_image(made: Candidate | None, parts: Sequence[Part]) -> TargetError:
    reason = made.finish_reason.value if made is not None and made.finish_reason is not None else ""
    said = " ".join(part.text for part in parts if part.text)
    if reason in _NOT_MADE:
        return _refusal(reason, said)
    if said:
        return _refusal("answered in words", said)
    return Unanswered("the answer has no image in it", hint="it may have been paid for")


def _refusal(reason: str, said: str) -> Refused:
    more = f", {without('', said)[:300]}" if said else ""
    return Refused(f"refused: {reason}{more}", hint=_REWORD)


def _tokens(answer: GenerateContentResponse) -> Mapping[str, int]:
    """How many tokens of each kind it took, as the price list has them: "words" are text and thoughts that it wrote."""
    usage = answer.usage_metadata
    if usage is None or not usage.prompt_tokens_details or not usage.candidates_tokens_details:
        return {}
    given, made = _by_kind(usage.prompt_tokens_details), _by_kind(usage.candidates_tokens_details)
    words = made.get("text", 0) + (usage.thoughts_token_count or 0)
    return {**given, "output": made.get("image", 0), "words": words}


def _by_kind(counts: Sequence[ModalityTokenCount]) -> Mapping[str, int]:
    return {
        item.modality.value.lower(): item.token_count or 0 for item in counts if item.modality is not None
    }


def failure_of(error: Exception, key: str, model: str) -> TargetError:
    """What an error of the SDK means, or of the HTTP library under it. key: to be left out of what is said."""
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _status(error, key, model)
    kinds = {kind.__name__ for kind in type(error).__mro__}  # the SDK has one of two libraries under it
    said = without(key, str(error))[:300]
    if kinds & {"ConnectError", "ConnectTimeout"}:
        return Transient(f"the server can't be reached: {said}")
    if "TimeoutException" in kinds:
        return Unanswered("no answer in time", hint="give the model a longer 'timeout'")
    if "TransportError" in kinds:
        return Unanswered(f"the connection was lost: {said}")
    return Unanswered(f"the answer can't be understood: {said[:200]}", hint="it may have been paid for")


def _status(error: APIError, key: str, model: str) -> TargetError:
    said = without(key, str(error.message or f"status {error.code}"))[:300]
    details = _details(error)
    if error.code == 429:
        return _throttling(said, details)
    status = 401 if _names(details, "reason", "API_KEY") else error.code
    if error.status == "FAILED_PRECONDITION" and status not in (401, 403):
        return Unavailable(
            f"the account may not do this: {said}", hint="is billing set up, and the region served?"
        )
    return failure_by(status, said, model, _delay(details))


def _throttling(said: str, details: Sequence[Mapping[str, Any]]) -> TargetError:
    violations = [each for item in details for each in item.get("violations") or ()]
    if _names(violations, "quotaId", "PerDay"):
        return Unavailable(f"the quota of today is used up: {said}", hint="raise it, or build again tomorrow")
    return Throttled(f"too many requests: {said}", retry_after=_delay(details))


def _details(error: APIError) -> Sequence[Mapping[str, Any]]:
    with suppress(AttributeError, KeyError, TypeError):
        return [item for item in error.details["error"]["details"] if isinstance(item, dict)]
    return ()


def _names(items: Sequence[Any], name: str, part: str) -> bool:
    return any(isinstance(item, dict) and part in str(item.get(name, "")) for item in items)


def _delay(details: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds that the vendor wants to be left alone: of google.rpc.RetryInfo, written as "27s" or "0.5s"."""
    for item in details:
        with suppress(KeyError, ValueError):
            return max(0.0, float(str(item["retryDelay"]).removesuffix("s")))
    return None
