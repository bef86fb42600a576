"""A model's declaration, read: checked for faults of form, its templates compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from imgbuild.document import first_misfit
from imgbuild.errors import Misdeclared
from imgbuild.providers.http_api.addresses import is_of, is_plain, origin, whole
from imgbuild.providers.http_api.bindings import bindings_of, free
from imgbuild.providers.http_api.body import Part, form_body, json_body, multipart_body, pairs_of
from imgbuild.providers.http_api.declared import OWN, Declared, schema
from imgbuild.providers.http_api.filling import LEFT_OUT, Bindings, Filled, FilledAddress, Leaf, Path
from imgbuild.typed import convert
from imgbuild.types import ROLES, Request, Value

REQUEST: Path = ("params", "request")
POLL: Path = ("params", "poll")
BODIES: tuple[Literal["json", "form", "multipart"], ...] = ("json", "form", "multipart")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call, without the key. query: what is added to the address; body: bytes, or parts of a form."""

    method: str
    address: str
    headers: Mapping[str, str]
    query: list[tuple[str, str]] = []
    content: bytes | None = None
    parts: list[Part] | None = None


class Declaration:
    """A model's parameters. form: as they are written. free: those of the API. leaves: all texts of the request."""

    def __init__(self, params: Mapping[str, Value]) -> None:
        """Raises Misdeclared."""
        self.form, self.free = _read(params), free(params)
        sent, poll = self.form.request, self.form.poll
        self.kind = next((name for name in BODIES if getattr(sent, name) is not None), None)
        self._address = self._compiled(sent.url, (*REQUEST, "url"))
        self._headers = Filled(sent.headers, (*REQUEST, "headers"))
        self._query = Filled(sent.query, (*REQUEST, "query"))
        self._body = Filled(getattr(sent, self.kind), (*REQUEST, self.kind)) if self.kind else None
        for at, host in enumerate(self.form.hosts):
            _check_host(host, ("params", "hosts", at))
        if (oauth := self.form.auth.oauth) is not None:
            _check_host(oauth.url, ("params", "auth", "oauth", "url"))
        self._poll = self._compiled(poll.url, (*POLL, "url")) if poll and poll.url else None
        self._question = Filled(poll.json, (*POLL, "json")) if poll and poll.json is not None else None
        self._result = self._compiled(poll.result, (*POLL, "result")) if poll and poll.result else None

    @property
    def leaves(self) -> Iterator[Leaf]:
        for filled in (self._address, self._headers, self._query, self._body):
            if filled is not None:
                yield from filled.leaves

    @property
    def asking(self) -> Iterator[Leaf]:
        """The texts by which a queue is asked how a task stands, and for its image."""
        for filled in (self._poll, self._question, self._result):
            if filled is not None:
                yield from filled.leaves

    @property
    def asks_by_id(self) -> bool:
        """Whether a queue is asked by a task's name how that stands."""
        asked = [leaf for filled in (self._poll, self._question) if filled for leaf in filled.leaves]
        return any("id" in leaf.names for leaf in asked)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the API takes pictures of."""
        return tuple(role for role in ROLES if getattr(self.form.takes, role))

    @property
    def origins(self) -> tuple[str, ...]:
        """Whom the key goes to: those of all addresses, and the other hosts that are named."""
        poll = self.form.poll
        asked = (poll.url, poll.result) if poll else ()
        named = [whole(address, self.form.base_url) for address in (self.form.request.url, *asked) if address]
        return tuple(dict.fromkeys(map(origin, (*named, *self.form.hosts))))

    def is_consented(self, address: str) -> bool:
        """Whether the reader consented to whom it leads to."""
        return any(is_of(origin(address), named) for named in self.origins)

    @property
    def address(self) -> str:
        """Where requests go, as it is written."""
        return whole(self.form.request.url, self.form.base_url)

    def call(self, request: Request) -> Call:
        """What is sent for an image. Raises Misdeclared."""
        return self.filled(bindings_of(request, self.roles))

    def filled(self, bindings: Bindings) -> Call:
        """What is sent for these values. Raises Misdeclared."""
        path = (*REQUEST, self.kind or "")
        value = self._body.fill(bindings) if self._body else LEFT_OUT
        headers = _headers(self._headers.fill(bindings), self._headers.path)
        content, parts = None, None
        if self.kind == "multipart":
            parts = multipart_body(value, path)
            headers.pop("content-type", None)  # it has to name what parts them
        elif self.kind is not None:
            content = json_body(value, path) if self.kind == "json" else form_body(value, path)
            headers.setdefault("content-type", _TYPES[self.kind])
        return Call(
            method=self.form.request.method,
            address=_sendable(self._address.fill(bindings), self._address.path),
            headers=headers,
            query=pairs_of(self._query.fill(bindings), self._query.path),
            content=content,
            parts=parts,
        )

    def asking_call(self, id: str, address: str = "") -> Call:
        """What asks how a request stands that was taken. address: that the answer named. Raises Misdeclared."""
        assert self.form.poll is not None
        if self._poll is not None:
            address = _sendable(self._poll.fill({"id": id}), self._poll.path)
        headers, content = _headers(self.form.poll.headers, (*POLL, "headers")), None
        if self._question is not None:
            content = json_body(self._question.fill({"id": id}), self._question.path)
            headers.setdefault("content-type", _TYPES["json"])
        return Call(method=self.form.poll.method, address=address, headers=headers, content=content)

    def result_call(self, id: str) -> Call | None:
        """What asks for its image, if that is at another place. Raises Misdeclared."""
        if self._result is None or self.form.poll is None:
            return None
        address = _sendable(self._result.fill({"id": id}), self._result.path)
        return Call(
            method="GET", address=address, headers=_headers(self.form.poll.headers, (*POLL, "headers"))
        )

    def _compiled(self, address: str, path: Path) -> FilledAddress:
        if address.startswith("/") and not self.form.base_url:
            hint = "write the whole of it, or give the model a 'base_url'"
            raise Misdeclared(f"'{address}' is below no address", path, hint=hint)
        full = whole(address, self.form.base_url)
        _check_host(full, path)
        return FilledAddress(full, path)


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_OF_HTTP = (
    "connection",
    "content-length",
    "host",
    "transfer-encoding",
    "upgrade",
)  # which the library writes
_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def _read(params: Mapping[str, Value]) -> Declared:
    """The declaration's own parameters. Raises Misdeclared for the first that is not as it must be."""
    own = {name: value for name, value in params.items() if name in OWN}
    fault = first_misfit(own, schema(), "a model of provider 'http'")
    if fault is not None:
        raise Misdeclared(fault.sentence, ("params", *fault.path), key=fault.of_key, hint=fault.hint)
    return convert(own, Declared)


def _check_host(address: str, path: Path) -> None:
    try:
        origin(address)
    except ValueError as error:
        raise Misdeclared(f"'{address}' has no host that can be asked", path) from error


def _headers(filled: Any, path: Path) -> dict[str, str]:
    """Headers by names in small letters."""
    headers = {name.lower(): text.strip(" ") for name, text in pairs_of(filled, path)}
    for name, text in headers.items():
        if not _HEADER.fullmatch(name) or name in _OF_HTTP:
            raise Misdeclared(f"'{name}' is no header that a request can have", path)
        if not (text.isascii() and text.isprintable()):
            raise Misdeclared(f"header '{name}' would hold what no header can", path)
    return headers


def _sendable(address: str, path: Path) -> str:
    if not is_plain(address):
        hint = "percent-encode what is not plain: a blank is %20"
        raise Misdeclared("the address has blanks or letters in it that no address can have", path, hint=hint)
    return address
