"""The adapter: one call and its image or, where the declaration has a `poll`, a task that is taken and asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct

from imgbuild.errors import Misdeclared, ProviderFailed, TargetError, Transient, Unanswered
from imgbuild.extras import need
from imgbuild.providers.base import Queued
from imgbuild.providers.http_api.access import Access, Tokens, access_of
from imgbuild.providers.http_api.addresses import is_plain, origin
from imgbuild.providers.http_api.answers import PAID, Read, asking_failure, stand
from imgbuild.providers.http_api.checks import check
from imgbuild.providers.http_api.concerns import concern_of
from imgbuild.providers.http_api.declaration import Call, Declaration
from imgbuild.providers.http_api.declared import OWN, Poll
from imgbuild.providers.http_api.takes import capabilities_of
from imgbuild.providers.web import OverHttp, Reply
from imgbuild.typed import decode
from imgbuild.types import Account, Capabilities, Concern, Image, Model, Pin, Request

ASKING = 60.0  # seconds for an answer that says how a task stands
SLOWEST = 5.0  # seconds between two questions, unless 'every' is longer


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """id: of the task, as the API calls it. address: to ask at, where the answer named one."""

    id: str = ""
    address: str = ""


class HttpApi(OverHttp, Queued):
    """All of it stands in the model's `params`: see `Declared`. `source` and `revision` are for templates to use.

    The request is in the key, and so an edit of it makes its images anew. How the key goes along, how a queue is asked
    and how answers are read is not.
    """

    name: ClassVar[str] = "http"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Tokens(self.web)
        self._read: dict[bytes, Declaration] = {}

    def capabilities(self, model: Model) -> Capabilities:
        declared = Declaration(model.params)
        check(declared, model)
        return capabilities_of(declared, model)

    def concerns(self, model: Model) -> Sequence[Concern]:
        return (concern_of(Declaration(model.params)),)

    def pin(self, model: Model) -> Pin:
        """No request is made: what the API draws with is its own affair."""
        _need_jmespath()
        return super().pin(model)

    def variables(self, model: Model) -> Sequence[Sequence[str]]:
        form = Declaration(model.params).form
        oauth = form.auth.oauth
        named = (form.key, oauth.client_id, oauth.client_secret) if oauth else (form.key,)
        return [(name,) for name in named if name]

    def desk(self, model: Model) -> str:
        declared = Declaration(model.params)
        oauth = declared.form.auth.oauth
        return oauth.url if oauth else declared.address

    def account(self, model: Model) -> Account | None:
        """Whether a client of OAuth 2 gets a token. Of a key nobody knows what would test it for free."""
        form = Declaration(model.params).form
        if form.auth.oauth is None:
            return None
        self.tokens.of(form.auth.oauth, self.environ)
        return Account(note=f"{form.key} can't be tested without paying" if form.key else "")

    def server(self, request: Request) -> str:
        declared = self._declared(request)
        oauth = declared.form.auth.oauth
        return f"{origin(declared.address)} {declared.form.key or (oauth.client_id if oauth else '')}"

    def queues(self, request: Request) -> bool:
        return self._declared(request).form.poll is not None

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def _make(self, request: Request) -> Image:
        if self.queues(request):
            return super().generate([request])[0]
        declared = self._declared(request)
        return self._send(declared, request).image(request, partial(self._fetch, declared))

    def submit(self, request: Request) -> str:
        declared = self._declared(request)
        poll = declared.form.poll
        assert poll is not None
        read = self._send(declared, request)
        id, address = read.name(poll.id), read.name(poll.address)
        if (poll.address and not address) or (declared.asks_by_id and not id):
            raise Unanswered(
                f"the answer names no task{f': {read.reason}' if read.reason else ''}", hint=PAID
            )
        if address:
            address = _bare(read.followed(address), declared.form.auth.query)
        return msgspec.json.encode(Ticket(id=id, address=address)).decode()

    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        task, declared = decode(ticket, Ticket), self._declared(request)
        poll = declared.form.poll
        if poll is None:
            raise Unanswered("the task was taken by a queue, and the model has no 'poll' any more")
        until, wait = monotonic() + declared.form.timeout, poll.every
        while True:
            read = self._ask(declared, _question(task, declared, poll))
            state, said = stand(read, poll)
            if state == "done":
                return self._collected(read, task, declared, request)
            if monotonic() > until:
                raise Unanswered(f"the task is still {said or 'under way'}")
            pause(wait)
            wait = max(wait, min(SLOWEST, wait * 1.5))

    def _collected(self, read: Read, task: Ticket, declared: Declaration, request: Request) -> Image:
        """The image of a task that is done: in what said so, or where the declaration says."""
        with _written(Unanswered):
            call = declared.result_call(task.id)
        if call is not None:
            read = self._ask(declared, call)
            read.check()
        return read.image(request, partial(self._fetch, declared), task.id)

    def _send(self, declared: Declaration, request: Request) -> Read:
        """The answer to a request for an image. Raises what it means where it is none of success."""
        with _written(TargetError):
            call = declared.call(request)
        read = self._reply(declared, call, declared.form.timeout)
        read.check()
        if not read.is_well:
            raise read.failure()
        return read

    def _ask(self, declared: Declaration, call: Call) -> Read:
        """What is said of a task. Raises Transient where it has to be asked again."""
        try:
            read = self._reply(declared, call, ASKING)
        except Unanswered as error:
            raise Transient(error.message) from error
        if not read.is_well:
            read.check()
            raise asking_failure(read)
        return read

    def _reply(self, declared: Declaration, call: Call, timeout: float) -> Read:
        """The answer to a call with the key. A token that is not taken is fetched anew, once."""
        access = access_of(declared.form, self.tokens, self.environ)
        reply = self._called(call, access, timeout)
        oauth = declared.form.auth.oauth
        if reply.status == 401 and oauth is not None:
            self.tokens.drop(oauth, access.token)
            access = access_of(declared.form, self.tokens, self.environ)
            reply = self._called(call, access, timeout)
        return Read(reply, call.address, declared.form.answer, access.hide)

    def _called(self, call: Call, access: Access, timeout: float) -> Reply:
        given: dict[str, Any] = {"headers": {**call.headers, **access.headers}}
        if call.content is not None:
            given["content"] = call.content
        if call.parts is not None:
            given["files"] = call.parts
        address = _with(call.address, [*call.query, *access.query])
        return self.web.call(call.method, address, timeout=timeout, **given)

    def _fetch(self, declared: Declaration, address: str) -> bytes:
        """What lies at an address that an answer gave. It is asked for without the key.

        It may be in a private network where the reader consented to its host.
        """
        own = address if declared.is_consented(address) else declared.address
        return self.web.fetch(address, own, timeout=declared.form.timeout)

    def _declared(self, request: Request) -> Declaration:
        """The declaration of a request's model, which is read once."""
        own = msgspec.json.encode({name: value for name, value in request.params.items() if name in OWN})
        if own not in self._read:
            _need_jmespath()
            self._read[own] = Declaration(request.params)
        return self._read[own]


def _need_jmespath() -> None:
    need("jmespath", "jmespath", "provider 'http'", "http", ProviderFailed)


@contextmanager
def _written(kind: type[TargetError]) -> Iterator[None]:
    """What only shows as a request is written is an error of this kind."""
    try:
        yield
    except Misdeclared as error:
        raise kind(f"the request can't be written: {error.message}", hint=error.hint) from error


def _question(task: Ticket, declared: Declaration, poll: Poll) -> Call:
    """What asks how a task stands. The key goes to no other host than was consented to, whatever an answer names."""
    if declared.asks_by_id and not task.id:
        raise Unanswered("the task has no id, and 'poll' asks for it by that")
    if poll.address and not (is_plain(task.address) and declared.is_consented(task.address)):
        shown = origin(task.address) if is_plain(task.address) else task.address[:60] or "no address"
        raise Unanswered(f"the task is to be asked for at {shown}, which is none of the model's 'hosts'")
    with _written(Unanswered):
        return declared.asking_call(task.id, task.address)


def _with(address: str, query: Sequence[tuple[str, str]]) -> str:
    """The address with more in its query."""
    if not query:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query, errors='replace')}"


def _bare(address: str, name: str) -> str:
    """The address without a key by that name, which is sent anew each time."""
    query = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    if not name or name not in dict(query):
        return address
    return _with(address.partition("?")[0], [(other, value) for other, value in query if other != name])
