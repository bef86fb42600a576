"""OpenAI's images: one synchronous request an image, which has no seed and can't be asked for again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from imgbuild.errors import Misdeclared, ProviderFailed
from imgbuild.extras import need
from imgbuild.price import Price
from imgbuild.providers.base import Provider, pixels_given
from imgbuild.providers.clients import Clients
from imgbuild.providers.keys import SHORT, elsewhere, key_of, safety_of
from imgbuild.providers.openai.client import ADDRESS, KEY, client_of
from imgbuild.providers.openai.families import SNAPSHOTS, capabilities_of
from imgbuild.providers.pictures import png
from imgbuild.types import Account, Capabilities, Concern, Image, Model, Pin, Request

if TYPE_CHECKING:
    import openai
    from PIL.Image import Image as PILImage

TIMEOUT = 300.0  # seconds
_SENT = ("quality", "background", "moderation")
_EDITS = ("quality", "background", "input_fidelity")


class OpenAI(Provider):
    """`source` is a model's name; of one without a date, the snapshot that it stands for now is pinned."""

    name: ClassVar[str] = "openai"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)

    def __init__(self) -> None:
        self._clients: Clients[openai.OpenAI] = Clients()

    def capabilities(self, model: Model) -> Capabilities:
        if "api_version" in model.params and "base_url" not in model.params:
            raise Misdeclared(
                "it is of a deployment on Azure, and no 'base_url' says where that is",
                ("params", "api_version"),
                hint='such as base_url: "https://NAME.openai.azure.com/openai"',
            )
        asked = f"moderation {model.params.get('moderation', 'auto')}"
        return replace(capabilities_of(model.source), safety=safety_of(model, asked))

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def pin(self, model: Model) -> Pin:
        """No request is made: names are all that there is to pin."""
        if not model.source:
            raise ProviderFailed("the model names no 'source'", hint="such as source: gpt-image-2")
        snapshot = SNAPSHOTS.get(model.source, "") if "base_url" not in model.params else ""
        return Pin(
            provider=self.name,
            source=model.source,
            revision=model.revision or snapshot,
            declared=model.revision,
            adapter=self.version,
        )

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def price_by(self, price: Price, request: Request) -> float | None:
        """Where the quality is left to the model, that of the best."""
        quality = request.params.get("quality", "auto")
        listed = "high" if quality == "auto" else str(quality)
        return price.of_image(listed, request.width, request.height, pixels_given(request))

    def account(self, model: Model) -> Account | None:
        """By the list of models, which says when they end."""
        need("openai", "the SDK of OpenAI", "provider 'openai'", "openai", ProviderFailed)
        import openai

        from imgbuild.providers.openai.answers import account_without, listed

        key = key_of([str(model.params.get("key", KEY))], self.name, self.environ)
        client = self._client(key, model.params, SHORT)
        try:
            return Account(models=listed(client.models.list()))
        except openai.OpenAIError as error:
            return account_without(error, key)

    def close(self) -> None:
        self._clients.close()

    def _make(self, request: Request) -> Image:
        need("openai", "the SDK of OpenAI", "provider 'openai'", "openai", ProviderFailed)
        import openai

        from imgbuild.providers.openai.answers import failure_of, image_of

        params = request.params
        key = key_of([str(params.get("key", KEY))], self.name, self.environ)
        client = self._client(key, params, float(params.get("timeout", TIMEOUT)))
        model = _model(request.pin)
        try:
            raw = self._send(client, model, request)
            self.hear(raw.headers)
            return image_of(raw.content, model, raw.headers.get("x-request-id", ""))
        except openai.OpenAIError as error:
            raise failure_of(error, key, model) from None  # its own text may hold the request, and the key

    def _send(self, client: openai.OpenAI, model: str, request: Request) -> Any:
        asked: dict[str, Any] = {
            "model": model,
            "prompt": request.prompt,
            "n": 1,
            "size": f"{request.width}x{request.height}",
            "output_format": "png",
        }
        given = [*request.inputs.get("image", ()), *request.inputs.get("reference", ())]
        if not given:
            return client.images.with_raw_response.generate(**asked, **_chosen(request.params, _SENT))
        asked["image"] = [_file(f"image-{at}.png", picture) for at, picture in enumerate(given)]
        for mask in request.inputs.get("mask", ()):
            asked["mask"] = _file("mask.png", _cut_out(mask))
        return client.images.with_raw_response.edit(**asked, **_chosen(request.params, _EDITS))

    def _client(self, key: str, params: Mapping[str, Any], timeout: float) -> openai.OpenAI:
        base_url, version = str(params.get("base_url", ADDRESS)), str(params.get("api_version", ""))
        return client_of(self._clients, key, base_url, timeout, version)


def _model(pin: Pin) -> str:
    return pin.revision or pin.source


def _chosen(params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: params[name] for name in names if name in params}


def _file(name: str, picture: PILImage) -> tuple[str, bytes, str]:
    return name, png(picture), "image/png"


def _cut_out(mask: PILImage) -> PILImage:
    """White is what is drawn anew; the API wants that transparent."""
    kept = mask.convert("L").point([255 - level for level in range(256)])
    picture = mask.convert("RGB").convert("RGBA")
    picture.putalpha(kept)
    return picture
