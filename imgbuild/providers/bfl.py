"""Black Forest Labs' FLUX: a task is handed in, and its result asked for at the address that the answer names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from imgbuild.errors import Gone, ProviderFailed, Refused, TargetError, Transient, Unanswered
from imgbuild.price import ANY, MEGAPIXEL, Price
from imgbuild.providers.base import Queued, pixels_given
from imgbuild.providers.keys import OF_MODEL, SHORT, UNKEYED, elsewhere, key_of, safety_of
from imgbuild.providers.noted import noted
from imgbuild.providers.pictures import png_text
from imgbuild.providers.web import OverHttp, Reply, account_of, failure_of
from imgbuild.typed import decode
from imgbuild.types import Account, Capabilities, Concern, Grade, Image, Model, Pin, Request, Value

ADDRESS = "https://api.bfl.ai"
KEY = "BFL_API_KEY"
TIMEOUT = 300.0  # seconds from handing in to the image
FIRST, SLOWEST = 0.5, 5.0  # seconds between two questions
CREDIT = 0.01  # US dollars
LARGEST = 4 * MEGAPIXEL  # of a picture that goes in, in pixels

_SAFETY = {"safety_tolerance": {"type": "integer", "minimum": 0, "maximum": 5}}
_UPSAMPLING = {"prompt_upsampling": {"type": "boolean"}}
_FLEX = {
    "guidance": {"type": "number", "minimum": 1.5, "maximum": 10},
    "steps": {"type": "integer", "minimum": 1, "maximum": 50},
    **_UPSAMPLING,
}


class _Family(Struct, frozen=True, kw_only=True):
    """What models of a beginning take. images: how many pictures. sides: multiples, least and most, in pixels."""

    params: Mapping[str, Value]
    images: int
    sides: tuple[int, int, int]
    upsamples: bool = False


# By the longest beginning that fits; of the vendor's OpenAPI document, as a mirror had it in 2026.
_FAMILIES = {
    "flux-2-flex": _Family(params={**_SAFETY, **_FLEX}, images=8, sides=(16, 64, 4096), upsamples=True),
    "flux-2": _Family(params=_SAFETY, images=8, sides=(16, 64, 4096)),
    "flux-kontext": _Family(params={**_SAFETY, **_UPSAMPLING}, images=4, sides=(1, 64, 4096), upsamples=True),
    "flux-pro-1.1": _Family(
        params={**_SAFETY, **_UPSAMPLING}, images=0, sides=(32, 256, 1440), upsamples=True
    ),
    "flux-dev": _Family(params={**_SAFETY, **_FLEX}, images=0, sides=(32, 256, 1440), upsamples=True),
}


class _Ticket(Struct, frozen=True):
    """id: of the task. poll: the address to ask at. cost: credits that the task takes, if the vendor said."""

    id: str
    poll: str
    cost: float | None = None


class BFL(OverHttp, Queued):
    """`source` is the name of an endpoint, such as flux-2-pro."""

    name: ClassVar[str] = "bfl"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def capabilities(self, model: Model) -> Capabilities:
        family = _family(model.source)
        multiple, least, most = family.sides
        asked = model.params.get("safety_tolerance")
        return Capabilities(
            takes=frozenset({"seed", *(("image", "reference") if family.images else ())}),
            grade=Grade.PERCEPTUAL,
            params={**family.params, **OF_MODEL},
            of_model=frozenset(OF_MODEL),
            unkeyed=UNKEYED,
            pictures={"image": 1} if family.images else {},
            multiple_of=multiple,
            min_side=least,
            max_side=most,
            concurrency=6 if "kontext-max" in model.source else 24,
            safety=safety_of(model, *([f"safety_tolerance {asked} of 5"] if asked is not None else [])),
        )

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def pin(self, model: Model) -> Pin:
        """No request is made: the endpoint's name is all that there is to pin."""
        if not model.source:
            raise ProviderFailed("the model names no 'source'", hint="such as source: flux-2-pro")
        return super().pin(model)

    def price_by(self, price: Price, request: Request) -> float | None:
        """What goes in counts too, each picture by itself; a larger one is scaled down before."""
        given = [min(pixels, LARGEST) for pixels in pixels_given(request)]
        return price.of_image(ANY, request.width, request.height, given)

    def account(self, model: Model) -> Account | None:
        key = self._key(model.params)
        headers = {"x-key": key, "accept": "application/json"}
        reply = self.web.call("GET", f"{_address(model.params)}/v1/credits", headers=headers, timeout=SHORT)
        return account_of(reply, key, CREDIT, _faults)

    def submit(self, request: Request) -> str:
        address = f"{_address(request.params)}/v1/{request.pin.source}"
        reply = self.web.call("POST", address, json=_asked(request), headers=self._headers(request))
        self.hear(reply.headers)
        if reply.status != 200:
            raise self._failure(reply, request)
        told = reply.json
        try:
            ticket = _Ticket(str(told["id"]), str(told["polling_url"]), told.get("cost"))
        except (KeyError, TypeError, AttributeError) as error:
            raise Unanswered("the answer names no task", hint="it may have been paid for") from error
        return msgspec.json.encode(ticket).decode()

    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        task = decode(ticket, _Ticket)
        _check_host(task.poll, request)
        until, wait = monotonic() + float(request.params.get("timeout", TIMEOUT)), FIRST
        while True:
            told = self._state(task, request)
            status = told.get("status", "")
            if status == "Ready":
                return self._image(task, told.get("result") or {}, request)
            if status in ("Request Moderated", "Content Moderated"):
                raise Refused(f"refused: {status}", hint="say it otherwise, or name a 'fallback'")
            if status == "Task not found":
                raise Gone("the task is not known any more", hint="results are kept for some minutes only")
            if status in ("Error", "Failed"):
                raise ProviderFailed(f"the task failed: {told.get('details') or 'no reason given'}")
            if monotonic() > until:
                raise Unanswered(f"the task is still {status or 'under way'}")
            pause(wait)
            wait = min(SLOWEST, wait * 1.5)

    def _state(self, task: _Ticket, request: Request) -> Mapping[str, Any]:
        """What the vendor says of a task now. Raises Transient where it has to be asked again."""
        reply = self.web.call("GET", task.poll, headers=self._headers(request))
        if reply.status == 404:
            return {"status": "Task not found"}
        if reply.status != 200:
            error = self._failure(reply, request)
            raise error if not isinstance(error, Unanswered) else Transient(error.message)
        told = reply.json
        return told if isinstance(told, dict) else {}

    def _image(self, task: _Ticket, result: Mapping[str, Any], request: Request) -> Image:
        data = self.web.fetch(str(result.get("sample", "")), task.poll)
        return noted(
            data,
            request,
            seed=result.get("seed"),
            prompt=result.get("prompt"),
            cost=task.cost * CREDIT if task.cost is not None else None,
            more={"request": task.id},
        )

    def _headers(self, request: Request) -> dict[str, str]:
        return {"x-key": self._key(request.params), "accept": "application/json"}

    def _key(self, params: Mapping[str, Value]) -> str:
        return key_of([str(params.get("key", KEY))], self.name, self.environ)

    def _failure(self, reply: Reply, request: Request) -> TargetError:
        return failure_of(reply, self._key(request.params), request.pin.source, _faults)


def _family(source: str) -> _Family:
    known = max((name for name in _FAMILIES if source.startswith(name)), key=len, default="flux-2")
    return _FAMILIES[known]


def _address(params: Mapping[str, Value]) -> str:
    return str(params.get("base_url", ADDRESS)).rstrip("/")


def _asked(request: Request) -> dict[str, Any]:
    """The task. The prompt is left as it is unless the spec says otherwise."""
    family = _family(request.pin.source)
    own = {name: request.params[name] for name in family.params if name in request.params}
    if family.upsamples:
        own.setdefault("prompt_upsampling", False)
    pictures = [*request.inputs.get("image", ()), *request.inputs.get("reference", ())]
    names = ["input_image", *(f"input_image_{number}" for number in range(2, 9))]
    return {
        "prompt": request.prompt,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        "output_format": "png",
        **own,
        **{name: png_text(picture) for name, picture in zip(names, pictures, strict=False)},
    }


def _check_host(poll: str, request: Request) -> None:
    """The key goes to the vendor's hosts alone, whatever address an answer, or a journal, names."""
    own = _address(request.params).split("/")[2].rpartition("@")[2]
    host = poll.split("/")[2] if poll.count("/") >= 2 else ""
    if host != own and not (own == "api.bfl.ai" and host.endswith(".bfl.ai")):
        raise Unanswered(
            f"the task is to be asked for at a host that is not the vendor's: {host or poll[:60]}"
        )


def _faults(told: Any) -> str:
    """What a validation error says (FastAPI's form)."""
    found = told.get("detail")
    if isinstance(found, list):
        return "; ".join(f"{'/'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in found)
    return str(told.get("message") or found or "")
