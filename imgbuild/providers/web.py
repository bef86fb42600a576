"""Plain HTTP for adapters whose vendor has no SDK: one call, and what its answer means. Nothing is sent twice here."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from imgbuild.errors import (
    ProviderFailed,
    TargetError,
    Transient,
    Unanswered,
)
from imgbuild.extras import need
from imgbuild.images import open_header
from imgbuild.providers.allowance import wait_of
from imgbuild.providers.clients import Clients
from imgbuild.providers.keys import without
from imgbuild.providers.status import failure_by
from imgbuild.types import Account

if TYPE_CHECKING:
    import httpx

LARGEST = 1 << 28  # bytes of an answer
REDIRECTS = 5


class Reply(Struct, frozen=True, kw_only=True):
    """An answer. headers: by names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Raises Unanswered where it is none: whatever was made is lost."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unanswered("the answer can't be understood", hint="it may have been paid for") from error

    @property
    def wait(self) -> float | None:
        """Seconds that the vendor wants to be left alone, by the header or a field of that name, or by what is left."""
        with suppress(KeyError, ValueError):
            return max(0.0, float(self.headers["retry-after"]))
        with suppress(ValueError, TypeError, AttributeError, KeyError):
            return max(0.0, float(json.loads(self.body)["retry_after"]))
        return wait_of(self.headers)


class Web:
    """Calls to one vendor. provider: its name, as specs write it; extra: of imgbuild, which brings the library."""

    def __init__(self, provider: str, extra: str) -> None:
        self._provider, self._extra = provider, extra
        self._clients: Clients[httpx.Client] = Clients()

    def _make(self) -> httpx.Client:
        need("httpx", "httpx", f"provider '{self._provider}'", self._extra, ProviderFailed)
        import httpx

        return httpx.Client(follow_redirects=False)

    def close(self) -> None:
        """End the connections that are kept for the next call."""
        self._clients.close()

    def call(self, method: str, address: str, *, timeout: float = 60.0, **given: Any) -> Reply:
        """One call; `given` is what httpx takes (headers, json, data, files, params).

        Raises Transient where nobody was there, Unanswered where it was sent and no whole answer came.
        """
        client = self._clients.of(self._make)
        with understood(), client.stream(method, address, timeout=timeout, **given) as answer:
            return whole(answer)

    def fetch(
        self, address: str, own: str, *, timeout: float = 60.0, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The image at an address that a vendor gave. own: the vendor's API, whose host may be anywhere.

        headers: for the API's own host, and sent to no other. No address leads to a machine of a private network, not
        even by a redirect. Raises Unanswered: what was paid for lies there, and could not be had.
        """
        for _ in range(REDIRECTS):
            _refuse_private(address, own)
            given = headers if _is_at(address, own) else None
            try:
                reply = self.call("GET", address, timeout=timeout, headers=given)
            except Transient as error:
                raise Unanswered(error.message, hint="the image may have been paid for") from None
            if reply.status in (301, 302, 303, 307, 308) and "location" in reply.headers:
                address = urljoin(address, reply.headers["location"])
                continue
            if reply.status != 200:
                raise Unanswered(
                    f"the image can't be fetched: {reply.status}", hint="it may have been paid for"
                )
            open_header(reply.body, "what the vendor sent")
            return reply.body
        raise Unanswered("the image can't be fetched: redirects go on and on")


class OverHttp:
    """Of a provider that has no SDK: its calls, by connections that are kept for the next one."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.web = Web(self.name, "http")

    def close(self) -> None:
        self.web.close()


@contextmanager
def understood() -> Iterator[None]:
    """Within it, what httpx raises is what it means for a request.

    Raises Transient where nobody was there, Unanswered where it was sent and no whole answer came.
    """
    import httpx

    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Transient(f"the server can't be reached: {error}") from None
    except httpx.TimeoutException:
        raise Unanswered("no answer in time", hint="give the model a longer 'timeout'") from None
    except httpx.HTTPError as error:
        raise Unanswered(f"the connection was lost: {error}") from None


def whole(answer: httpx.Response) -> Reply:
    """An answer that has begun, read to its end. Raises Unanswered where that is too far away."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(status=answer.status_code, headers=headers, body=_bounded(answer))


def _bounded(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > LARGEST:
            raise Unanswered(f"the answer has more than {LARGEST >> 20} MB", hint="it may have been paid for")
        parts.append(part)
    return b"".join(parts)


def _is_at(address: str, own: str) -> bool:
    return urlsplit(address)[:2] == urlsplit(own)[:2]


def _refuse_private(address: str, own: str) -> None:
    """Raise Unanswered for an address in a private network, unless it is of the API's own host."""
    there = urlsplit(address)
    if there.scheme not in ("http", "https") or not there.hostname:
        raise Unanswered(f"the vendor gave no address of an image, but '{address[:100]}'")
    if there.netloc == urlsplit(own).netloc:
        return
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(there.hostname, None)}
    except OSError as error:
        raise Unanswered(f"the image can't be fetched: {there.hostname} is not known") from error
    if not all(ipaddress.ip_address(item.partition("%")[0]).is_global for item in found):
        raise Unanswered(f"the image lies in a private network, at {there.hostname}, and is not fetched")


def account_of(
    reply: Reply, key: str, dollars: float = 0.0, find: Callable[[Any], str] | None = None
) -> Account | None:
    """What an answer says of the account, at so many US dollars a credit; None where the server tells no such thing.

    Raises what `failure_of` gives.
    """
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise failure_of(reply, key, "", find)
    left = told.get("credits") if isinstance(told := reply.json, dict) else None
    if not isinstance(left, int | float) or isinstance(left, bool):
        return Account()
    return Account(credits=left, dollars=left * dollars if dollars else None)


def failure_of(reply: Reply, key: str, model: str, find: Callable[[Any], str] | None = None) -> TargetError:
    """What an answer without an image means, by its status. find: what it says, in the vendor's JSON."""
    said = without(key, said_of(reply, find))[:300]
    return failure_by(reply.status, said, model, reply.wait)


def said_of(reply: Reply, find: Callable[[Any], str] | None = None) -> str:
    """What an answer without an image says, at most a few words of it; `find` looks where this vendor says it."""
    with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError):
        told = json.loads(reply.body)
        if find is not None and (found := find(told)):
            return str(found)
        for name in ("message", "detail", "error", "title"):
            if isinstance(told.get(name), str):
                return str(told[name])
    return reply.body[:200].decode(errors="replace") or f"status {reply.status}"
