"""Waiting for a prompt: its progress as the server tells it, and the queue where it does not."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from imgbuild.errors import Gone, ProviderFailed
from imgbuild.providers.comfyui.server import Server

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

FIRST, SLOWEST = 0.25, 2.0  # seconds between two looks at the queue
TICK = 0.1  # seconds after which whoever waits looks whether the build was stopped
_LARGEST = 1 << 26  # bytes of what the server tells; previews are among it
_ENDS = ("execution_error", "execution_interrupted", "execution_success")

Tell = Callable[[int, int], None]


def watch(
    server: Server, ticket: str, client: str, seconds: float, tell: Tell, pause: Callable[[float], None]
) -> Mapping[str, Any]:
    """The entry of a prompt in the history, once it is done. client: whom its progress is told.

    seconds: that drawing may take; a prompt that waits for others has all the time it needs. tell: takes the steps that
    are done, and how many there are. Raises Gone, ProviderFailed, Transient.
    """
    until, wait = float("inf"), FIRST
    with Feed(server, client) as feed:
        while True:
            state = server.state(ticket)
            if state.doing == "done":
                return state.entry
            if state.doing == "gone":
                raise Gone(
                    "ComfyUI knows the prompt no more",
                    hint="was it started again, or its queue cleared? build again",
                )
            if state.doing == "draws":
                until = min(until, monotonic() + seconds)
            if monotonic() > until:
                server.interrupt(ticket)
                raise ProviderFailed(
                    f"it was not drawn in {seconds:g} seconds", hint="give the model a longer 'timeout'"
                )
            _listen(feed, ticket, min(wait, max(0.0, until - monotonic())), tell, pause)
            wait = min(SLOWEST, wait * 1.5)


def _listen(feed: Feed, ticket: str, seconds: float, tell: Tell, pause: Callable[[float], None]) -> None:
    """Hear for so many seconds what is told of a prompt, or until it ends."""
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:
        event = feed.next(min(TICK, left))
        pause(0.0 if feed.is_open else min(TICK, left))
        data = event.get("data")
        if not isinstance(data, dict) or data.get("prompt_id", ticket) != ticket:
            continue
        if event["type"] in _ENDS or (event["type"] == "executing" and data.get("node") is None):
            return
        if event["type"] == "progress":
            with suppress(LookupError, TypeError, ValueError):
                tell(int(data["value"]), int(data["max"]))


class Feed:
    """What a server tells a client, as it happens; nothing more, once the connection breaks."""

    def __init__(self, server: Server, client: str) -> None:
        self._server, self._client = server, client
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def __enter__(self) -> Feed:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        address = f"ws{self._server.address.removeprefix('http')}/ws?clientId={self._client}"
        with suppress(OSError, ImportError, WebSocketException):
            connection = connect(
                address,
                additional_headers=self._login(),
                open_timeout=5,
                close_timeout=1,
                max_size=_LARGEST,
                max_queue=None,  # else what nobody has read yet would keep it from being closed
            )
            self._socket = self._open.enter_context(connection)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket = None
        self._open.close()

    def _login(self) -> dict[str, str]:
        if self._server.auth is None:
            return {}
        return {"Authorization": f"Basic {b64encode(':'.join(self._server.auth).encode()).decode()}"}

    def next(self, seconds: float) -> Mapping[str, Any]:
        """The next event, if there is one within so many seconds. Pictures that show how far it is are none."""
        if self._socket is None:
            return {}
        from websockets.exceptions import ConnectionClosed

        try:
            message = self._socket.recv(timeout=seconds)
            event = json.loads(message) if isinstance(message, str) else {}
        except (TimeoutError, ValueError, RecursionError):
            return {}
        except (ConnectionClosed, OSError):
            self.__exit__()
            return {}
        return event if isinstance(event, dict) and isinstance(event.get("type"), str) else {}
