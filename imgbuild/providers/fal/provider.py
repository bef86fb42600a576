"""fal's queue: a request is handed in, and its image asked for at the addresses that the answer names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec import Struct

from imgbuild.errors import (
    BadImage,
    Gone,
    ProviderFailed,
    Refused,
    SpecError,
    TargetError,
    Throttled,
    Transient,
    Unanswered,
)
from imgbuild.extras import need
from imgbuild.providers.base import Queued
from imgbuild.providers.fal.answers import address_of, failure_of, image_of
from imgbuild.providers.fal.asking import asked
from imgbuild.providers.fal.capabilities import capabilities_of
from imgbuild.providers.fal.line import OWN, Line, Turned, check_own
from imgbuild.providers.keys import elsewhere, key_of
from imgbuild.providers.web import Web
from imgbuild.typed import decode
from imgbuild.types import Capabilities, Concern, Image, Model, Request

if TYPE_CHECKING:
    from fal_client import Completed, SyncRequestHandle

ADDRESS = f"https://{OWN}"
KEY = "FAL_KEY"
TIMEOUT = 600.0  # seconds from handing in to the image; calls beyond the account's limit wait in the queue
FIRST, SLOWEST = 0.5, 5.0  # seconds between two questions
_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)+")


class _Ticket(Struct, frozen=True):
    """id: of the task. status, response: the addresses to ask at; they lack the end of the model's name."""

    id: str
    status: str
    response: str


class Fal(Queued):
    """`source` is the name of a model as its page has it, such as fal-ai/flux/dev."""

    name: ClassVar[str] = "fal"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def __init__(self) -> None:
        self.web = Web(self.name, "fal")

    def capabilities(self, model: Model) -> Capabilities:
        _check(model)
        return capabilities_of(model)

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def close(self) -> None:
        self.web.close()

    def submit(self, request: Request) -> str:
        key, fields = self._key(request), asked(request)
        try:
            made = self._line(request, key).submit(request.pin.source, fields)
        except Turned as error:
            raise failure_of(error.reply, key, request.pin.source) from None
        except (KeyError, TypeError, ValueError):
            raise Unanswered("the answer names no task", hint="it may have been paid for") from None
        ticket = _Ticket(str(made.request_id), str(made.status_url), str(made.response_url))
        return msgspec.json.encode(ticket).decode()

    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        task, key = decode(ticket, _Ticket), self._key_again(request)
        line = self._line(request, key, Unanswered)
        for address in (task.status, task.response):
            check_own(address, _address(request))
        handle = line.handle(task.id, task.status, task.response)
        until, wait = monotonic() + float(request.params.get("timeout", TIMEOUT)), FIRST
        while (ended := _ended(handle, key)) is None:
            if monotonic() > until:
                raise Unanswered("the task is still under way")
            pause(wait)
            wait = min(SLOWEST, wait * 1.5)
        result = _result(line, task, ended.error is not None, key, request.pin.source)
        try:
            data = self.web.fetch(address_of(result), _address(request))
            return image_of(data, result, task.id, request)
        except BadImage as error:
            raise Gone(error.message, hint="it may have been paid for; is it a model for images?") from None

    def _key(self, request: Request) -> str:
        return key_of([str(request.params.get("key", KEY))], self.name, self.environ)

    def _key_again(self, request: Request) -> str:
        """For a task that was taken, and so can still be asked for when there is a key."""
        try:
            return self._key(request)
        except TargetError as error:
            raise Unanswered(error.message, hint=error.hint) from None

    def _line(self, request: Request, key: str, error: type[TargetError] = ProviderFailed) -> Line:
        need("fal_client", "the SDK of fal", "provider 'fal'", "fal", error)
        return Line(self.web, _address(request), key)


def _ended(handle: SyncRequestHandle, key: str) -> Completed | None:
    """What the vendor says of a task that has ended, well or not; None while it has not."""
    import fal_client

    try:
        state = handle.status()
    except Turned as error:
        raise _unheard(error, key, "") from None
    except (KeyError, TypeError, ValueError):
        raise Transient("the state of the task can't be understood") from None
    except Unanswered as error:
        raise Transient(error.message) from None
    return state if isinstance(state, fal_client.Completed) else None


def _result(line: Line, task: _Ticket, failed: bool, key: str, model: str) -> Any:
    """What a model made. failed: whether the task did; what the model says of it stands where the result would."""
    try:
        return line.result(task.response)
    except Turned as turned:
        ends = failed or turned.reply.status in (400, 422)
        raise (_failed if ends else _unheard)(turned, key, model) from None
    except ValueError:
        raise Unanswered("the answer can't be understood", hint="it may have been paid for") from None
    except Unanswered as error:
        raise Transient(error.message) from None


def _failed(turned: Turned, key: str, model: str) -> TargetError:
    """Why a task came to nothing. The queue has tried often enough by then, and what failed is not charged for."""
    failure = failure_of(turned.reply, key, model)
    if isinstance(failure, ProviderFailed | Refused):
        return failure
    return ProviderFailed(f"the task failed: {failure.message.partition(': ')[2]}")


def _unheard(turned: Turned, key: str, model: str) -> TargetError:
    """Why a question got no answer. What was taken stays so: it can be asked for again, if it is known."""
    failure = failure_of(turned.reply, key, model)
    if turned.reply.status == 404:
        return Gone("the task is not known any more", hint="results are kept for some minutes only")
    if isinstance(failure, Throttled):
        return failure
    if turned.reply.status >= 500:
        return Transient(failure.message, retry_after=turned.reply.wait)
    return Unanswered(failure.message)


def _address(request: Request) -> str:
    return str(request.params.get("base_url", ADDRESS)).rstrip("/")


def _check(model: Model) -> None:
    """Raise SpecError for a name that can be none of a model, or for a revision of one."""
    if not _NAME.fullmatch(model.source):
        said = f"'{model.source}' is no model of" if model.source else "a 'source' is needed by"
        raise SpecError(f"{said} provider 'fal'", hint="it is the name on the model's page: fal-ai/flux/dev")
    if model.revision:
        raise SpecError("models of provider 'fal' have no revisions", hint="leave 'revision' out")
