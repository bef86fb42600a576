"""Hugging Face's inference providers: one synchronous request an image, whatever happens behind the router."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from imgbuild.errors import BadImage, ProviderFailed, Refused, Transient, Unanswered
from imgbuild.extras import need
from imgbuild.providers.base import Provider
from imgbuild.providers.huggingface.answers import Task, failure_of, has_ended, held_in, task_of
from imgbuild.providers.huggingface.asking import ROUTER, Prepared, prepare
from imgbuild.providers.huggingface.serving import BY, capabilities_of
from imgbuild.providers.keys import elsewhere, key_of
from imgbuild.providers.noted import noted
from imgbuild.providers.web import OverHttp
from imgbuild.types import Capabilities, Concern, Image, Model, Request

ADDRESS = ROUTER
KEY = "HF_TOKEN"
TIMEOUT = 300.0  # seconds
PAUSE = 1.0  # seconds between two questions


class HuggingFace(OverHttp, Provider):
    """`source` is a model of the hub, and `served_by` who runs it: what else is heeded is theirs to say.

    One who serves may take another size than was asked for; that is in the record, as is their name of the model.
    """

    name: ClassVar[str] = "huggingface"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def capabilities(self, model: Model) -> Capabilities:
        return capabilities_of(model)

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def _make(self, request: Request) -> Image:
        title, what = "the SDK of Hugging Face", "provider 'huggingface'"
        need("huggingface_hub", title, what, "huggingface", ProviderFailed)
        key = key_of([str(request.params.get("key", KEY))], self.name, self.environ)
        prepared, call = prepare(request), _Call(self, request, key)
        held, told = call.made(prepared)
        try:
            data = held if isinstance(held, bytes) else self.web.fetch(held, call.base, timeout=call.timeout)
            return _image(data, told, prepared.model, request)
        except BadImage as error:
            raise Unanswered(error.message, hint="it may have been paid for") from None


class _Call:
    """One request, with all that is asked after it. base: the router's address."""

    def __init__(self, provider: HuggingFace, request: Request, key: str) -> None:
        self._web, self._key, self._source = provider.web, key, request.pin.source
        self._by = str(request.params[BY])
        self.base = str(request.params.get("base_url", ADDRESS)).rstrip("/")
        self.timeout = float(request.params.get("timeout", TIMEOUT))
        self._until = time.monotonic() + self.timeout

    def made(self, prepared: Prepared) -> tuple[str | bytes, Mapping[str, Any]]:
        """The image or its address, and what is said of it. Raises as `generate` does."""
        headers = self._headers({"accept": "image/png", **prepared.headers})
        address = f"{self.base}{prepared.path}"
        reply = self._web.call("POST", address, headers=headers, timeout=self.timeout, **prepared.body)
        if not 200 <= reply.status < 300:
            raise failure_of(reply, self._key, self._source)
        if self._by == "hf-inference" and "json" not in reply.headers.get("content-type", ""):
            return reply.body, {}
        told = reply.json
        task = task_of(self._by, told, f"{self.base}/{self._by}")
        if task is not None:
            told = self._waited(task)
        return held_in(self._by, told, self._key), told

    def _waited(self, task: Task) -> Any:
        """What a task came to. A question that fails is asked again: what was taken is paid for."""
        result = task.result or task.ask
        while True:
            told = self._asked(task.ask)
            ended = told is not None and has_ended(self._by, told, self._key)
            if ended and (task.ask == result or (told := self._asked(result)) is not None):
                return told
            if time.monotonic() > self._until:
                raise Unanswered("the task is still under way", hint="give the model a longer 'timeout'")
            time.sleep(PAUSE)

    def _asked(self, address: str) -> Any:
        """What is answered there; None where it has to be asked again."""
        left = max(1.0, self._until - time.monotonic())
        try:
            reply = self._web.call("GET", address, headers=self._headers({}), timeout=left)
            if 200 <= reply.status < 300:
                return reply.json
        except (Transient, Unanswered):
            return None
        if reply.status == 429 or reply.status >= 500:
            return None
        if reply.status == 404:
            raise Unanswered("the task is not known any more", hint="it may have been paid for")
        failure = failure_of(reply, self._key, self._source)
        raise failure if isinstance(failure, ProviderFailed | Refused) else Unanswered(failure.message)

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**more, "authorization": f"Bearer {self._key}", "user-agent": "imgbuild"}


def _image(data: bytes, told: Mapping[str, Any], model: str, request: Request) -> Image:
    more = {"served_by": request.params[BY], "model": model}
    return noted(data, request, seed=told.get("seed"), prompt=told.get("prompt"), more=more)
