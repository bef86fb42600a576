"""The SDK's calls on a line of ours: each is sent once, to the vendor's hosts, and ends in this project's errors.

The SDK tries a call up to ten times where it is cut or gets no answer, even one that hands in what is paid for, and
can't be told not to. It does so on errors that it knows, and of those it gets to see none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imgbuild.errors import ProviderFailed, Unanswered
from imgbuild.types import Value

if TYPE_CHECKING:
    import httpx
    from fal_client import SyncRequestHandle

    from imgbuild.providers.web import Reply, Web

OWN = "queue.fal.run"


class Turned(Exception):
    """An answer that has not in it what was asked for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Line:
    """One key's. queue: its address. What goes through it raises Turned, Transient, Unanswered."""

    def __init__(self, web: Web, queue: str, key: str) -> None:
        import httpx

        self._web, self._queue, self._key = web, queue, key
        headers = {"Authorization": f"Key {key}", "User-Agent": "imgbuild"}
        through = httpx.MockTransport(self._pass)  # a transport that is a function
        self._http = httpx.Client(transport=through, headers=headers, trust_env=False)

    def submit(self, model: str, fields: Mapping[str, Value]) -> SyncRequestHandle:
        """Raises ProviderFailed where the SDK has changed, and might send this twice; KeyError for a strange answer."""
        import fal_client

        if "_client" not in vars(fal_client.SyncClient):
            raise ProviderFailed("this fal-client may send a request twice", hint="install fal-client 1.0.3")
        client = fal_client.SyncClient(key=self._key)
        vars(client)["_client"] = self._http
        return client.submit(model, dict(fields))

    def handle(self, task: str, status: str, response: str) -> SyncRequestHandle:
        """What was handed in before. status, response: the addresses to ask at."""
        import fal_client

        return fal_client.SyncRequestHandle(
            request_id=task, response_url=response, status_url=status, cancel_url="", client=self._http
        )

    def result(self, response: str) -> Any:
        """What a task that has ended came to. Without the SDK, which asks for the state again and sleeps meanwhile."""
        return self._http.get(response).json()

    def _pass(self, request: httpx.Request) -> httpx.Response:
        import httpx

        where = str(request.url)
        if request.method == "POST":  # the SDK takes its host from the environment
            where = f"{self._queue}{request.url.raw_path.decode()}"
        check_own(where, self._queue)
        kept = ("authorization", "user-agent", "content-type")
        headers = {name: value for name, value in request.headers.items() if name in kept}
        reply = self._web.call(request.method, where, headers=headers, content=request.content or None)
        if not 200 <= reply.status < 300:
            raise Turned(reply)
        return httpx.Response(reply.status, content=reply.body)


def check_own(address: str, queue: str) -> None:
    """The key goes to the vendor's hosts alone, whatever address an answer, or a journal, names. Raises Unanswered."""
    import httpx

    own = httpx.URL(queue)
    try:
        there = httpx.URL(address)
    except httpx.InvalidURL:
        there = httpx.URL()
    same = there.host == own.host or (own.host == OWN and there.host.endswith(".fal.run"))
    if not same or (there.scheme, there.port) != (own.scheme, own.port):
        raise Unanswered(
            f"the task is to be asked for at a host that is not the vendor's: {there.host or address[:60]}"
        )
