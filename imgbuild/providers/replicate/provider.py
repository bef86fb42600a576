"""Replicate: a prediction is created, asked for by its name, and its image fetched before the vendor removes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import msgspec
from msgspec.structs import replace

from imgbuild.errors import BadImage, Gone, TargetError, Transient, Unanswered
from imgbuild.images import open_header
from imgbuild.price import ANY, Price
from imgbuild.providers.base import Queued, pixels_given
from imgbuild.providers.clients import Clients
from imgbuild.providers.keys import elsewhere, key_of
from imgbuild.providers.prices import price_at
from imgbuild.providers.replicate.answers import decoded, info_of, output_of, seed_of
from imgbuild.providers.replicate.api import Answer, Api
from imgbuild.providers.replicate.asking import as_told, input_of, pictures_of
from imgbuild.providers.replicate.lookup import look_up
from imgbuild.providers.replicate.schema import Found
from imgbuild.providers.replicate.source import named_by
from imgbuild.providers.replicate.takes import safety_of, taken, unpinned
from imgbuild.providers.replicate.uploads import address_of
from imgbuild.providers.web import Web
from imgbuild.typed import convert
from imgbuild.types import Capabilities, Concern, Image, Model, Pin, Request, Value

if TYPE_CHECKING:
    from replicate.client import Client

ADDRESS = "https://api.replicate.com"
KEY = "REPLICATE_API_TOKEN"
TIMEOUT = 600.0  # seconds from handing in to the image; a model that nobody used lately has to start first
CALL = 60.0  # seconds for one answer of the API, where the model names none
FIRST, SLOWEST = 0.5, 5.0  # seconds between two questions
Params: TypeAlias = Mapping[str, Value]

_TICKET = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Replicate(Queued):
    """`source` is owner/name of an official model, owner/name:VERSION, or deployments/owner/name.

    Of a model that is not official the newest version is pinned. A pin's `takes` holds what the model says of its
    input. Official models and deployments have no version that could be asked for: what stands behind the name moves.
    A shape that a spec states by a parameter (aspect_ratio: match_input_image) goes before its size.
    """

    name: ClassVar[str] = "replicate"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def __init__(self) -> None:
        self._apis: Clients[Api] = Clients()
        self._web = Web(self.name, "replicate")

    def close(self) -> None:
        self._apis.close()
        self._web.close()

    def capabilities(self, model: Model) -> Capabilities:
        return replace(unpinned(named_by(model).version), safety=safety_of(model.params))

    def pinned(self, model: Model, pin: Pin) -> Capabilities:
        unknown = self.capabilities(model)
        if not pin.takes:
            return unknown
        return replace(taken(convert(pin.takes, Found), pin.revision), safety=unknown.safety)

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def pin(self, model: Model) -> Pin:
        named = named_by(model)
        with closing(Api(*self._server(model.params))) as api:
            version, found = look_up(named, partial(api.look, named.model))
        return Pin(
            provider=self.name,
            source=model.source,
            revision=version,
            declared=model.revision,
            adapter=self.version,
            takes=msgspec.json.decode(msgspec.json.encode(found)),  # as a lock gives it back
        )

    def price(self, request: Request) -> float | None:
        """By the list: an official model costs so much an image, of any size. Others cost by the second."""
        known = price_at(self.name, request.pin.source, request.params)
        if known is None or not request.pin.takes.get("official"):
            return None
        return self.price_by(known, request)

    def price_by(self, price: Price, request: Request) -> float | None:
        size = request.width, request.height
        return price.of_image(ANY, *size, pixels_given(request), flat=True)

    def submit(self, request: Request) -> str:
        pin, found = request.pin, convert(request.pin.takes, Found)
        told, api = input_of(request, found), self._api(request.params)
        files = {
            name: [address_of(picture, partial(api.look, pin.source)) for picture in pictures]
            for name, pictures in pictures_of(request, found).items()
        }
        create = partial(_create, pin, {**told, **as_told(files, found)})
        ticket = api.ask(pin.source, create, hear=self.hear).get("id")
        if not isinstance(ticket, str) or not _TICKET.fullmatch(ticket):
            raise Unanswered("the answer names no prediction", hint="it may have been paid for")
        return ticket

    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        until, wait = monotonic() + float(request.params.get("timeout", TIMEOUT)), FIRST
        while True:
            told = self._state(ticket, request)
            if found := output_of(told, self._key(request.params)):
                return self._image(told, found, request)
            if monotonic() > until:
                raise Unanswered(f"the prediction is still {told.get('status') or 'under way'}")
            pause(wait)
            wait = min(SLOWEST, wait * 1.5)

    def _state(self, ticket: str, request: Request) -> Answer:
        """What the vendor says of a prediction now.

        Raises Transient where it has to be asked again; and Unanswered where it can't be asked, though it was taken.
        """
        gone = Gone("the prediction is not known any more", hint="was it made by another account?")
        if not _TICKET.fullmatch(ticket):
            raise gone
        try:
            return self._api(request.params).look(request.pin.source, partial(_get, ticket), missing=gone)
        except (Gone, Transient):
            raise
        except TargetError as error:
            raise Unanswered(error.message, hint=error.hint) from None

    def _image(self, told: Answer, found: Sequence[str], request: Request) -> Image:
        """The first image of a prediction. Raises Gone where that is none, Unanswered where it can't be had now."""
        address, own = found[0], {"Authorization": f"Bearer {self._key(request.params)}"}
        try:
            data = (
                decoded(address)
                if address.startswith("data:")
                else self._web.fetch(address, _base(request.params), headers=own)
            )
            size = open_header(data, "what the vendor sent").size
        except BadImage as error:
            raise Gone(error.message, hint="it may have been paid for; is it a model for images?") from None
        info = info_of(told, request.pin.revision, len(found))
        if size != (request.width, request.height):
            info["size"] = f"{size[0]}x{size[1]}"
        return Image(data=data, seed=seed_of(told), info=info)

    def _api(self, params: Params) -> Api:
        """This thread's way to the server, kept for the next call."""
        server = self._server(params)
        return self._apis.of(partial(Api, *server), *server)

    def _server(self, params: Params) -> tuple[str, str, float]:
        """Key and address of a server, and seconds to wait for it."""
        return self._key(params), _base(params), float(params.get("timeout", CALL))

    def _key(self, params: Params) -> str:
        return key_of([str(params.get("key", KEY))], self.name, self.environ)


def _base(params: Params) -> str:
    """Where the API is. The SDK writes the version of the API itself."""
    return str(params.get("base_url", ADDRESS)).rstrip("/").removesuffix("/v1")


def _create(pin: Pin, told: Mapping[str, Value], client: Client) -> object:
    """Hand a prediction in, at the place for what was named."""
    if pin.revision:
        return client.predictions.create(version=pin.revision, input=dict(told))
    owner, name = pin.source.split("/")[-2:]
    if pin.source.count("/") > 1:
        return client.deployments.predictions.create(deployment=(owner, name), input=dict(told))
    return client.models.predictions.create(model=(owner, name), input=dict(told))


def _get(ticket: str, client: Client) -> object:
    return client.predictions.get(ticket)
