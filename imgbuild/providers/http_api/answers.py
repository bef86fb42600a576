"""What an answer means: an image, a refusal, a failure, or that the request is still under way."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from imgbuild.errors import (
    BadImage,
    Gone,
    ProviderFailed,
    Refused,
    TargetError,
    Transient,
    Unanswered,
)
from imgbuild.providers.http_api.addresses import followed
from imgbuild.providers.http_api.declared import Answer, Poll, State
from imgbuild.providers.http_api.finding import find
from imgbuild.providers.noted import noted
from imgbuild.providers.status import failure_by
from imgbuild.providers.web import Reply, said_of
from imgbuild.types import Image, Request

PAID = "it may have been paid for"
OTHERWISE = "say it otherwise, or name a 'fallback'"

Fetch: TypeAlias = Callable[[str], bytes]
Stand: TypeAlias = Literal["done", "pending"]


class Read:
    """One answer, read as the declaration says. address: that was asked. hide: takes secrets out of what was said.

    told: what is in it; of an image, its headers.
    """

    def __init__(self, reply: Reply, address: str, answer: Answer, hide: Callable[[str], str]) -> None:
        self.reply, self.address, self.answer, self._hide = reply, address, answer, hide
        self.is_image = reply.headers.get("content-type", "").startswith("image/")
        self.told: Any = reply.headers
        if not self.is_image:
            try:
                self.told = json.loads(reply.body)
            except (ValueError, RecursionError):
                self.told = None

    @property
    def is_well(self) -> bool:
        return 200 <= self.reply.status < 300

    def find(self, text: str) -> Any:
        return find(text, self.told)

    def text(self, text: str) -> str:
        """What the expression finds, as text without secrets; empty where it finds nothing."""
        found = self.find(text)
        if found in (None, "", [], {}):
            return ""
        return self._said(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))

    def _said(self, text: str) -> str:
        """On one line, and no more than a few words."""
        return " ".join(self._hide(text).split())[:300]

    def name(self, text: str) -> str:
        """The name of a task, or an address: whole, without secrets; empty where there is none."""
        found = self.find(text)
        is_name = isinstance(found, str | int) and not isinstance(found, bool)
        return self._hide(str(found)) if is_name else ""

    @property
    def reason(self) -> str:
        """Why there is no image, as far as the answer says."""
        return self.text(self.answer.reason)

    def check(self) -> None:
        """Raise Refused, ProviderFailed where the declaration calls this answer a refusal, or a failure."""
        refused = self.answer.refused
        if self.reply.status in refused.status or _holds(self.find(refused.when)):
            said = self.reason or self._said(said_of(self.reply))
            raise Refused(f"refused: {said}", hint=OTHERWISE)
        if self.is_well and _holds(self.find(self.answer.failed)):
            said = self.reason or self._said(said_of(self.reply))
            raise ProviderFailed(f"the request came to nothing: {said}")

    def failure(self) -> TargetError:
        """What an answer means whose status is none of success."""
        status = self.reply.status
        said = self.reason or self._said(said_of(self.reply))
        if 300 <= status < 400:
            return Unanswered(f"the answer leads elsewhere ({status}), and is not followed", hint=PAID)
        if status == 404:
            return ProviderFailed(
                f"there is nothing at {self.address}: {said}", hint="is the model's 'url' right?"
            )
        return failure_by(status, said, "", self.wait)

    @property
    def wait(self) -> float | None:
        """Seconds that the API wants to be left alone."""
        found = self.find(self.answer.retry_after)
        try:
            return max(0.0, float(found)) if found is not None else self.reply.wait
        except (ValueError, TypeError):
            return self.reply.wait

    def image(self, request: Request, fetch: Fetch, task: str = "") -> Image:
        """The image. fetch: gives what lies at an address. task: its name.

        Raises Unanswered where there is none that can be read.
        """
        data = self._data(fetch)
        try:
            return noted(
                data,
                request,
                seed=self._seed(),
                prompt=self._prompt(),
                cost=self._cost(),
                more={"request": task},
                who="the API",
            )
        except BadImage as error:
            raise Unanswered(error.message, hint=PAID) from error

    def _prompt(self) -> str:
        """The prompt that was drawn, blanks and all."""
        found = self.find(self.answer.prompt)
        if not isinstance(found, str):
            return ""
        return self._hide(found)

    def _seed(self) -> object:
        """A whole number, which headers have as text."""
        found = self.find(self.answer.seed)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
            return int(found)
        return found

    def _cost(self) -> float | None:
        found = self.find(self.answer.cost)
        try:
            cost = float(found) * self.answer.credit if found is not None else None
        except (ValueError, TypeError):
            return None
        return cost if cost is not None and 0 <= cost < float("inf") else None

    def _data(self, fetch: Fetch) -> bytes:
        """The bytes of the image. Raises Unanswered."""
        answer = self.answer
        if not answer.base64 and not answer.url:
            if self.told is not None and not self.is_image:
                raise self._empty()
            return self.reply.body
        found = self.find(answer.base64 or answer.url)
        if not isinstance(found, str) or not found:
            raise self._empty()
        if answer.base64 or found.startswith("data:"):
            return _decoded(found)
        try:
            return fetch(self.followed(found))
        except BadImage as error:
            raise Unanswered(error.message, hint=PAID) from error

    def followed(self, address: str) -> str:
        """An address in the answer, which may be relative to the one that was asked. Raises Unanswered."""
        try:
            return followed(self.address, address)
        except ValueError as error:
            said = self._said(address)[:100]
            raise Unanswered(
                f"the answer names no address that can be asked, but '{said}'", hint=PAID
            ) from error

    def _empty(self) -> Unanswered:
        said = f": {self.reason}" if self.reason else ""
        return Unanswered(f"the answer has no image in it{said}", hint=PAID)


def _decoded(text: str) -> bytes:
    """Of base64, alone or in a data URI."""
    packed = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return b64decode("".join(packed.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unanswered("the image is not in base64", hint=PAID) from error


def _holds(found: Any) -> bool:
    """Whether JMESPath counts it as true."""
    return found is not None and found is not False and found != "" and found != [] and found != {}


def stand(read: Read, poll: Poll) -> tuple[Stand, str]:
    """How a request that was taken stands, and that in the API's words. Raises Refused, ProviderFailed, Unanswered."""
    if read.reply.status == 202:
        return "pending", read.text(poll.state)
    read.check()
    answer = read.answer
    if read.is_image and not answer.base64 and not answer.url:
        return "done", ""
    if not poll.state:
        return ("pending" if read.find(answer.base64 or answer.url) is None else "done"), ""
    state, said = read.find(poll.state), read.text(poll.state) or "nothing"
    if _is_in(state, poll.done):
        return "done", said
    if _is_in(state, poll.refused):
        raise Refused(f"refused: {read.reason or said}", hint=OTHERWISE)
    if _is_in(state, poll.failed):
        raise ProviderFailed(f"the task failed: {read.reason or said}")
    if poll.pending and not _is_in(state, poll.pending):
        raise Unanswered(f"the task is in a state that 'poll' does not name: {said}")
    return "pending", said


def asking_failure(read: Read) -> TargetError:
    """What it means that a task can't be asked for: whatever it is, the task was taken."""
    if read.reply.status in (404, 410):
        return Gone("the task is not known any more", hint="is the address of 'poll' right?")
    error = read.failure()
    if read.reply.status >= 500:
        return Transient(error.message, retry_after=read.wait)
    if isinstance(error, ProviderFailed):
        return Unanswered(f"the task can't be asked for: {error.message}")
    return error


def _is_in(state: Any, values: Sequence[State]) -> bool:
    return any(type(state) is type(value) and state == value for value in values)
