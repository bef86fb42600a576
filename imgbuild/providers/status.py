"""What an HTTP status means for a request and the money, wherever a vendor says no more of it."""

from __future__ import annotations

from imgbuild.errors import ProviderFailed, TargetError, Throttled, Transient, Unanswered, Unavailable
from imgbuild.providers.ends import end_named, instead_of

NO_CREDIT = 402  # vendors have other statuses for that, too


_STAYS = "what is locked and stored stays, and needs no model"


def failure_by(status: int, said: str, model: str, wait: float | None = None) -> TargetError:
    """The error of an answer without an image. said: by the vendor, without the key. wait: seconds, if it names any.

    A 500 and a 503 say themselves that they failed; a gateway does not know what became of the request.
    """
    if status == 429:
        return Throttled(f"too many requests: {said}", retry_after=wait)
    if status == NO_CREDIT:
        return Unavailable(f"the account has no credit left: {said}", hint="add some, and build again")
    if status in (401, 403):
        hint = "is it whole, of this vendor, and allowed to do this?"
        return Unavailable(f"the key is not taken: {said}", hint=hint)
    if status == 404:
        return ProviderFailed(f"there is no model '{model}' any more: {said}", hint=_way_out(model))
    if status in (500, 503):
        return Transient(f"the server failed: {said}", retry_after=wait)
    if status > 500:
        return Unanswered(f"the server did not answer: {said}")
    return ProviderFailed(f"the request is not taken: {said}")


def _way_out(model: str) -> str:
    """What to do where a model is gone: what its vendor names instead, if it said so before."""
    end = end_named(model)
    others = instead_of(end) if end is not None else []
    return f"name another 'source'{f', such as {others[0]}' if others else ''}; {_STAYS}"
