"""Stability's images: one synchronous request an image, always a form, and by its ratio, not by its pixels.

Of the reference of the API (v2beta, generate), as it stood in November 2026.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from imgbuild.errors import ProviderFailed, Refused, SpecError, TargetError, Throttled, Unanswered
from imgbuild.images import open_header
from imgbuild.price import ANY, Price
from imgbuild.providers.base import Provider, pixels_given
from imgbuild.providers.keys import OF_MODEL, SHORT, UNKEYED, elsewhere, key_of, safety_of, without
from imgbuild.providers.pictures import fitted, png
from imgbuild.providers.ratios import MEGAPIXEL, ratio_for, sizes_of
from imgbuild.providers.web import OverHttp, Reply, account_of, failure_of
from imgbuild.types import Account, Capabilities, Concern, Grade, Image, Model, Request, Value

ADDRESS = "https://api.stability.ai"
KEY = "STABILITY_API_KEY"
TIMEOUT = 300.0  # seconds
ASPECTS = ("1:1", "16:9", "9:16", "3:2", "2:3", "5:4", "4:5", "21:9", "9:21")
CREDIT = 0.01  # US dollars
_ZERO = 2**31  # stands for seed 0, which the API takes for "any"; no request has it

_STYLES = "3d-model analog-film anime cinematic comic-book digital-art enhance fantasy-art isometric line-art"
_MORE_STYLES = "low-poly modeling-compound neon-punk origami photographic pixel-art tile-texture"
_STYLE: dict[str, Value] = {
    "style_preset": {"type": "string", "enum": [*_STYLES.split(), *_MORE_STYLES.split()]}
}
_STRENGTH: dict[str, Value] = {"strength": {"type": "number", "minimum": 0, "maximum": 1}}
_SCALE: dict[str, Value] = {"cfg_scale": {"type": "number", "minimum": 1, "maximum": 10}}
_REFUSALS = ("content_moderation", "public_figure")


class Stability(OverHttp, Provider):
    """`source` is core, ultra, or a model of the family sd3, such as sd3.5-large. None of them has versions.

    The API is told a ratio and chooses the pixels, about a megapixel (core: one and a half), so a size stands for its
    ratio. One that came out otherwise is in the record; a `resize` makes it exact.
    """

    name: ClassVar[str] = "stability"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def capabilities(self, model: Model) -> Capabilities:
        _check(model)
        core, sd3 = model.source == "core", model.source.startswith("sd3")
        params = {**_STYLE, **({} if core else _STRENGTH), **(_SCALE if sd3 else {}), **OF_MODEL}
        # The distilled ones draw without guidance, and a negative prompt does nothing there.
        distilled = model.source.endswith(("-turbo", "-flash"))
        sizes = sizes_of(ASPECTS, MEGAPIXEL * 3 // 2 if core else MEGAPIXEL)
        return Capabilities(
            takes=frozenset(
                {"seed"} | (set() if core else {"image"}) | (set() if distilled else {"negative"})
            ),
            grade=Grade.PERCEPTUAL,
            params=params,
            of_model=frozenset(OF_MODEL),
            unkeyed=UNKEYED,
            needs={} if core else {"strength": "image"},
            pictures={} if core else {"image": 1},
            sizes=sizes,
            default_size=sizes[0],
            concurrency=8,
            safety=safety_of(model),
        )

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def price_by(self, price: Price, request: Request) -> float | None:
        """One price for an image of any size."""
        size = request.width, request.height
        return price.of_image(ANY, *size, pixels_given(request), flat=True)

    def account(self, model: Model) -> Account | None:
        params = model.params
        key = key_of([str(params.get("key", KEY))], self.name, self.environ)
        reply = self.web.call(
            "GET",
            f"{_address(params)}/v1/user/balance",
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=SHORT,
        )
        return account_of(reply, key, CREDIT, _said)

    def _make(self, request: Request) -> Image:
        params, model = request.params, request.pin.source
        form = form_of(request)
        key = key_of([str(params.get("key", KEY))], self.name, self.environ)
        service = "sd3" if model.startswith("sd3") else model
        reply = self.web.call(
            "POST",
            f"{_address(params)}/v2beta/stable-image/generate/{service}",
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            files=form,
            timeout=float(params.get("timeout", TIMEOUT)),
        )
        if reply.status != 200:
            raise _failure(reply, key, model)
        return image_of(reply, (request.width, request.height))


def _address(params: Mapping[str, Value]) -> str:
    return str(params.get("base_url", "")).rstrip("/") or ADDRESS


def form_of(request: Request) -> list[tuple[str, tuple[str | None, bytes, str | None]]]:
    """The fields as parts of a form, as httpx takes them: with files and without, the API wants `multipart`."""
    params, model = request.params, request.pin.source
    given = request.inputs.get("image", ())
    if given and "strength" not in params:
        raise ProviderFailed(
            f"model '{model}' needs a 'strength' beside an 'image'", hint="such as strength: 0.6, in 'inputs'"
        )
    fields: dict[str, Any] = {
        "prompt": request.prompt,
        "seed": request.seed or _ZERO,
        "output_format": "png",
    }
    if request.negative:
        fields["negative_prompt"] = request.negative
    if model.startswith("sd3"):
        fields |= {"model": model, "mode": "image-to-image" if given else "text-to-image"}
    if not (given and model.startswith("sd3")):  # there the picture settles it
        fields["aspect_ratio"] = ratio_for(request.width, request.height, ASPECTS)
    fields |= {name: params[name] for name in ("style_preset", "cfg_scale", "strength") if name in params}
    parts: list[tuple[str, tuple[str | None, bytes, str | None]]] = [
        (name, (None, str(value).encode(), None)) for name, value in fields.items()
    ]
    size = (request.width, request.height)
    return parts + [("image", ("image.png", png(fitted(picture, size)), "image/png")) for picture in given]


def image_of(reply: Reply, size: tuple[int, int]) -> Image:
    """The image of an answer. Raises Refused where it was blurred, Unanswered where there is none that can be read.

    size: the one that was asked for, in pixels.
    """
    told = reply.json
    reason = told.get("finish_reason") if isinstance(told, Mapping) else None
    if reason == "CONTENT_FILTERED":
        raise Refused(
            "refused: what came out was filtered, and is blurred",
            hint="say it otherwise, or name a 'fallback'",
        )
    data = _decoded(told.get("image")) if reason == "SUCCESS" else b""
    if not data:
        raise Unanswered("the answer has no image in it", hint="it may have been paid for")
    made = open_header(data, "what the vendor sent").size
    info = {
        "request": reply.headers.get("x-request-id", ""),
        "size": f"{made[0]}x{made[1]}" if made != size else "",
    }
    seed = told.get("seed")
    return Image(
        data=data,
        seed=seed if isinstance(seed, int) else None,
        info={name: value for name, value in info.items() if value},
    )


def _decoded(text: object) -> bytes:
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(text if isinstance(text, str) else "", validate=True)
    return b""


def _failure(reply: Reply, key: str, model: str) -> TargetError:
    """What a refusal, or any other answer without an image, means. The wait stands in the sentence, if anywhere."""
    told: Any = {}
    with suppress(ValueError):
        told = json.loads(reply.body)
    if isinstance(told, Mapping) and told.get("name") in _REFUSALS:
        said = without(key, _said(told))[:300]
        return Refused(f"refused: {said}", hint="say it otherwise, or name a 'fallback'")
    error = failure_of(reply, key, model, _said)
    if isinstance(error, Throttled) and error.retry_after is None:
        found = re.search(r"timed out for (\d+) seconds", error.message)
        error.retry_after = float(found[1]) if found else None
    return error


def _said(told: Any) -> str:
    return "; ".join(map(str, told.get("errors") or ()))


def _check(model: Model) -> None:
    """Raise SpecError for a source that the API has no service for, or for a revision of one."""
    if model.source not in ("core", "ultra") and not model.source.startswith("sd3"):
        known = "core, ultra, sd3.5-large, sd3.5-large-turbo, sd3.5-medium, sd3.5-flash"
        said = f"'{model.source}' is no model of" if model.source else "a 'source' is needed by"
        raise SpecError(f"{said} provider 'stability'", hint=f"its models: {known}")
    if model.revision:
        raise SpecError("models of provider 'stability' have no revisions", hint="leave 'revision' out")
