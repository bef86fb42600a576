"""The vendor's SDK, held to one request a call: each is sent once and in time, and its answer is kept as it came.

By itself the SDK asks again for some statuses, sets no time limit where something is handed in, drops how long an
error says to wait and fields that it does not know, and breaks at a status of a prediction that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from imgbuild.errors import Gone, ProviderFailed, TargetError, Transient, Unanswered
from imgbuild.extras import need
from imgbuild.providers.web import Reply, failure_of, understood, whole

if TYPE_CHECKING:
    import httpx
    from replicate.client import Client

Call: TypeAlias = "Callable[[Client], object]"  # of the SDK, to the API
Answer: TypeAlias = Mapping[str, Any]  # what the API says, as JSON
Hear: TypeAlias = Callable[[Mapping[str, str]], None]
Look: TypeAlias = Callable[[Call], Answer]


class Api:
    """One thread's way to one server. Everything goes over a transport of ours, which the SDK is given.

    timeout: seconds for one call.
    """

    def __init__(self, key: str, address: str, timeout: float) -> None:
        need("replicate", "the SDK of Replicate", "provider 'replicate'", "replicate", ProviderFailed)
        import httpx
        from replicate.client import Client

        self._key, self._wire = key, _Wire(httpx.HTTPTransport(), timeout)
        self._client = Client(api_token=key, base_url=address, transport=self._wire)

    def ask(
        self, model: str, call: Call, missing: TargetError | None = None, hear: Hear | None = None
    ) -> Answer:
        """What the API says. Raises as `generate` does.

        missing: to be raised where there is no such thing. hear: takes the headers of the answer.
        """
        reply = self._reply(call)
        if hear is not None:
            hear(reply.headers)
        if reply.status == 404 and missing is not None:
            raise missing
        if reply.status // 100 != 2:
            raise failure_of(reply, self._key, model, _faults)
        told = reply.json
        return told if isinstance(told, dict) else {}

    def look(self, model: str, call: Call, missing: TargetError | None = None) -> Answer:
        """The same where asking costs nothing: it may be asked again for an answer that was lost."""
        try:
            return self.ask(model, call, missing)
        except Gone:
            raise
        except Unanswered as error:
            raise Transient(error.message) from None

    def _reply(self, call: Call) -> Reply:
        """The answer to one call of the SDK, whatever its status. Raises Transient, Unanswered."""
        self._wire.reply = None
        with understood():
            try:
                call(self._client)
            except Exception:  # what the SDK makes of an answer does not matter, where there is one
                if self._wire.reply is None:
                    raise
        reply: Reply | None = self._wire.reply
        assert reply is not None
        return reply

    def close(self) -> None:
        self._wire.close()


class _Declined(Exception):
    """An answer that is no success: kept from the SDK, which would ask again for some."""


class _Wire:
    """Sends what the SDK hands it, and keeps the answer. reply: the last one."""

    def __init__(self, inner: httpx.HTTPTransport, timeout: float) -> None:
        self._inner, self._timeout = inner, timeout
        self.reply: Reply | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        import httpx

        request.extensions = {**request.extensions, "timeout": httpx.Timeout(self._timeout).as_dict()}
        answer = self._inner.handle_request(request)
        try:
            self.reply = whole(answer)
        finally:
            answer.close()
        if answer.status_code // 100 != 2:
            raise _Declined
        return httpx.Response(answer.status_code, content=self.reply.body)

    def close(self) -> None:
        self._inner.close()


def part_of(answer: Any, *way: str) -> Any:
    """What stands in an answer at the end of a way of names; None where it does not lead so far."""
    for name in way:
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer


def _faults(told: Any) -> str:
    """What is wrong, beside the heading; a list of faults has a line for each."""
    return str(told.get("detail") or told.get("title") or "").strip()
