"""Ideogram's images: one synchronous request an image, whose answer names a place that soon is gone.

Of the document of the API (v1, Ideogram 3.0), as it stood in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from imgbuild.errors import Refused, SpecError, TargetError, Unanswered
from imgbuild.price import Price
from imgbuild.providers.base import Provider, pixels_given
from imgbuild.providers.keys import OF_MODEL, SHORT, UNKEYED, elsewhere, key_of, safety_of
from imgbuild.providers.noted import noted
from imgbuild.providers.pictures import png
from imgbuild.providers.web import OverHttp, Reply, account_of, failure_of
from imgbuild.types import Account, Capabilities, Concern, Grade, Image, Model, Request, Value

ADDRESS = "https://api.ideogram.ai"
KEY = "IDEOGRAM_API_KEY"
TIMEOUT = 300.0  # seconds
MODEL = "ideogram-v3"
_CUSTOM = "model/"  # a model of one's own: model/NAME/version/VERSION

_HEIGHTS = {  # by width, in pixels: all that stand upright; each lies, too
    512: (1536,),
    576: (1408, 1472, 1536),
    640: (1344, 1408, 1472, 1536),
    704: (1152, 1216, 1280, 1344, 1408, 1472),
    736: (1312,),
    768: (1088, 1216, 1280, 1344),
    800: (1280,),
    832: (960, 1024, 1088, 1152, 1216, 1248),
    864: (1152,),
    896: (960, 1024, 1088, 1120, 1152),
    960: (1024, 1088),
}
_UPRIGHT = [(width, height) for width, heights in _HEIGHTS.items() for height in heights]
SIZES = ((1024, 1024), *_UPRIGHT, *((height, width) for width, height in _UPRIGHT))

_STYLES = ["AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED"]
_PARAMS: dict[str, Value] = {
    "magic_prompt": {"type": "string", "enum": ["AUTO", "ON", "OFF"]},
    "rendering_speed": {"type": "string", "enum": ["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"]},
    "style_type": {"type": "string", "enum": _STYLES},
}


class Ideogram(OverHttp, Provider):
    """`source` is ideogram-v3, or the address of a model of one's own, `model/NAME/version/VERSION`.

    The prompt is sent as it is written, unless `magic_prompt` says otherwise; the one that was drawn is in the record
    where it differs. A `reference` gives its style, and nothing else.
    """

    name: ClassVar[str] = "ideogram"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def capabilities(self, model: Model) -> Capabilities:
        _check(model)
        return Capabilities(
            takes=frozenset({"negative", "seed", "reference"}),
            grade=Grade.PERCEPTUAL,
            params={**_PARAMS, **OF_MODEL},
            of_model=frozenset(OF_MODEL),
            unkeyed=UNKEYED,
            sizes=SIZES,
            default_size=SIZES[0],
            concurrency=8,
            safety=safety_of(model),
        )

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def price_by(self, price: Price, request: Request) -> float | None:
        """For an image of any size, by the speed."""
        speed, size = str(request.params.get("rendering_speed", "DEFAULT")), (request.width, request.height)
        return price.of_image(speed, *size, pixels_given(request), flat=True)

    def account(self, model: Model) -> Account | None:
        """The vendor lists the keys of an account to its owners alone, and has nothing there for keys of others."""
        params = model.params
        key = key_of([str(params.get("key", KEY))], self.name, self.environ)
        address = f"{_address(params)}/v2/account/api-keys"
        reply = self.web.call("GET", address, headers={"Api-Key": key}, timeout=SHORT)
        if reply.status == 404 and "base_url" not in params:
            return Account()
        return account_of(reply, key)

    def _make(self, request: Request) -> Image:
        params = request.params
        key = key_of([str(params.get("key", KEY))], self.name, self.environ)
        base = _address(params)
        timeout = float(params.get("timeout", TIMEOUT))
        reply = self.web.call(
            "POST",
            f"{base}/v1/{MODEL}/generate",
            headers={"Api-Key": key},
            files=form_of(request),
            timeout=timeout,
        )
        if reply.status != 200:
            raise _failure(reply, key, request.pin.source)
        made = made_of(reply)
        data = self.web.fetch(made["url"], base, timeout=timeout)
        return noted(data, request, seed=made.get("seed"), prompt=made.get("prompt"))


def _address(params: Mapping[str, Value]) -> str:
    return str(params.get("base_url", "")).rstrip("/") or ADDRESS


def form_of(request: Request) -> list[tuple[str, tuple[str | None, bytes, str | None]]]:
    """The fields as parts of a form, as httpx takes them."""
    params, source = request.params, request.pin.source
    fields: dict[str, Any] = {
        "prompt": request.prompt,
        "seed": request.seed,
        "resolution": f"{request.width}x{request.height}",
        "num_images": 1,
        "magic_prompt": "OFF",
    }
    if request.negative:
        fields["negative_prompt"] = request.negative
    if source.startswith(_CUSTOM):
        fields["custom_model_uri"] = source
    fields |= {name: params[name] for name in _PARAMS if name in params}
    parts: list[tuple[str, tuple[str | None, bytes, str | None]]] = [
        (name, (None, str(value).encode(), None)) for name, value in fields.items()
    ]
    for at, picture in enumerate(request.inputs.get("reference", ())):
        parts.append(("style_reference_images", (f"reference-{at}.png", png(picture), "image/png")))
    return parts


def made_of(reply: Reply) -> Mapping[str, Any]:
    """What an answer says of its one image, `url` among it.

    Raises Refused where it is withheld, and Unanswered where it names none.
    """
    told = reply.json
    listed = told.get("data") if isinstance(told, Mapping) else None
    made = listed[0] if isinstance(listed, list) and listed else None
    if isinstance(made, Mapping) and made.get("is_image_safe") is False:
        raise Refused(
            "refused: what came out did not pass the safety check",
            hint="say it otherwise, or name a 'fallback'",
        )
    if not isinstance(made, Mapping) or not isinstance(made.get("url"), str) or not made["url"]:
        raise Unanswered("the answer has no image in it", hint="it may have been paid for")
    return made


def _failure(reply: Reply, key: str, model: str) -> TargetError:
    """What an answer without an image means: a 422 is the vendor's way to refuse a prompt."""
    error = failure_of(reply, key, model)
    if reply.status != 422:
        return error
    said = error.message.partition(": ")[2]
    return Refused(f"refused: {said}", hint="say it otherwise, or name a 'fallback'")


def _check(model: Model) -> None:
    """Raise SpecError for a source that the API has no model for, or for a revision of one."""
    if model.source != MODEL and not model.source.startswith(_CUSTOM):
        said = f"'{model.source}' is no model of" if model.source else "a 'source' is needed by"
        raise SpecError(
            f"{said} provider 'ideogram'",
            hint=f"it is {MODEL}, or one of your own: {_CUSTOM}NAME/version/VERSION",
        )
    if model.revision:
        raise SpecError("models of provider 'ideogram' have no revisions", hint="leave 'revision' out")
