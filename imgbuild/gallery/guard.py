"""Who may ask the gallery, and for how much: pure checks, and the layer before the application that holds to them.

What is guarded against: pages of other sites in the same browser (by Origin, Sec-Fetch-Site and a cookie that only our
own page's requests carry), names that are made to lead here (by Host), and other users of the machine (by the token).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from msgspec import Struct

MAX_BODY = 64 * 1024  # bytes
METHODS = {"GET", "HEAD", "POST"}
OURS = {"same-origin", "none"}  # of Sec-Fetch-Site: our own page, and an address that somebody opened

CSP = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' blob: data:",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


class Answer(Struct, frozen=True, kw_only=True):
    """What is said at once, without asking the application."""

    status: int
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """One request, as far as the guard looks at it. headers: by name in lower case; of several of one name, all."""

    method: str
    path: str
    query: str
    headers: dict[str, list[str]]

    def header(self, name: str) -> str | None:
        """Its value; None where there is none. Of two that differ, none can be trusted: they give "?"."""
        values = self.headers.get(name, [])
        return None if not values else values[0] if len(set(values)) == 1 else "?"


class Door(Struct, frozen=True, kw_only=True):
    """Where the gallery is, and the token that opens it."""

    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def hosts(self) -> set[str]:
        return {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}

    @property
    def cookie(self) -> str:
        """Its name. Browsers give one port's cookies to all ports of a host, so each gallery has a name of its own."""
        return f"imgbuild_{self.port}"


def new_token() -> str:
    return secrets.token_urlsafe(32)


def check(door: Door, asked: Asked) -> Answer | None:
    """What to say in place of the application; None where it may answer."""
    host = asked.header("host")
    if host not in door.hosts:
        return Answer(status=403, text="this is not the address that the gallery was started at")
    if not _is_ours(asked, host):
        return Answer(status=403, text="other sites may not ask the gallery")
    if asked.method not in METHODS:
        return Answer(
            status=405, text="the gallery takes GET and POST", headers=(("allow", "GET, HEAD, POST"),)
        )
    token = _token(asked)
    if token is not None:
        return _opened(door, token)
    if not _is_token(door, _cookie(asked, door.cookie)):
        return Answer(status=403, text="open the address that imgbuild printed: it has the token")
    return _check_body(asked)


def _is_ours(asked: Asked, host: str) -> bool:
    origin, site = asked.header("origin"), asked.header("sec-fetch-site")
    return origin in (None, f"http://{host}") and (site is None or site in OURS)


def _token(asked: Asked) -> str | None:
    """That of the address that was opened; only the page itself is opened so."""
    if asked.path != "/" or asked.method == "POST":
        return None
    given = parse_qs(asked.query, keep_blank_values=True).get("token")
    return given[0] if given else None


def _opened(door: Door, token: str) -> Answer:
    """The token becomes a cookie, and goes from the address: it is in no history, and nobody copies it from there."""
    if not _is_token(door, token):
        return Answer(status=403, text="this is not the token of this gallery: it was started anew since")
    cookie = f"{door.cookie}={door.token}; HttpOnly; SameSite=Strict; Path=/"
    return Answer(status=303, headers=(("location", "/"), ("set-cookie", cookie)))


def _is_token(door: Door, given: str) -> bool:
    """Compared in constant time."""
    return secrets.compare_digest(given.encode(), door.token.encode())


def _cookie(asked: Asked, name: str) -> str:
    try:
        found = SimpleCookie("; ".join(asked.headers.get("cookie", [])))
    except CookieError:
        return ""
    return found[name].value if name in found else ""


def _check_body(asked: Asked) -> Answer | None:
    """Whether it says that it is what may be sent; how long it really is, is counted as it comes."""
    length = asked.header("content-length") or "0"
    if not (length.isascii() and length.isdecimal()):
        return Answer(status=400, text="Content-Length is no number")
    if len(length) > 9 or int(length) > MAX_BODY:
        return Answer(status=413, text=f"at most {MAX_BODY} bytes are taken")
    if asked.method == "POST":
        kind = (asked.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return Answer(status=415, text="only application/json is taken")
    return None


class Guard:
    """The layer before an ASGI application: it turns away whom it must, and every answer has the headers of HEADERS."""

    def __init__(self, app: App, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no web socket is opened, and nothing is done at start and end
        answer = check(self._door, asked_of(scope))
        guarded = _with_headers(send)
        if answer is not None:
            await _say(answer, guarded)
            return
        body = await _body(receive) if scope["method"] == "POST" else b""
        if body is None:
            await _say(Answer(status=413, text=f"at most {MAX_BODY} bytes are taken"), guarded)
            return
        await self._app(scope, _given(body, receive), guarded)


def asked_of(scope: Message) -> Asked:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    query = scope["query_string"].decode("latin-1")
    return Asked(method=scope["method"], path=scope["path"], query=query, headers=headers)


async def _body(receive: Receive) -> bytes | None:
    """All of it; None as soon as it is too long."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


def _given(body: bytes, receive: Receive) -> Receive:
    """The body at once, then what else comes: that the client has gone."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            others = [pair for pair in message.get("headers", []) if pair[0].decode().lower() not in HEADERS]
            message = {**message, "headers": [*others, *own]}
        await send(message)

    return guarded


async def _say(answer: Answer, send: Send) -> None:
    body = f"{answer.text}\n".encode() if answer.text else b""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    headers += [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
