"""Google's images: one synchronous request an image, whose seed is heeded as far as the vendor can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from imgbuild.errors import ProviderFailed
from imgbuild.extras import need
from imgbuild.price import Price
from imgbuild.providers.base import Provider, pixels_given
from imgbuild.providers.clients import Clients
from imgbuild.providers.google.families import capabilities_of, shapes_of
from imgbuild.providers.keys import SHORT, elsewhere, key_of, safety_of
from imgbuild.providers.pictures import png
from imgbuild.types import Account, Capabilities, Concern, Image, Model, Pin, Request

if TYPE_CHECKING:
    from google import genai

ADDRESS = "https://generativelanguage.googleapis.com"
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
TIMEOUT = 300.0  # seconds


class Google(Provider):
    """`source` is a model's name, which is all that there is to pin. PNG can't be asked for: bytes stay as sent."""

    name: ClassVar[str] = "google"
    paid: ClassVar[bool] = True
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = KEYS

    def __init__(self) -> None:
        self._clients: Clients[genai.Client] = Clients()

    def capabilities(self, model: Model) -> Capabilities:
        return replace(capabilities_of(model.revision or model.source), safety=safety_of(model))

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, " or ".join(KEYS))

    def pin(self, model: Model) -> Pin:
        """No request is made."""
        if not model.source:
            raise ProviderFailed("the model names no 'source'", hint="such as source: gemini-3.1-flash-image")
        return super().pin(model)

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def price_by(self, price: Price, request: Request) -> float | None:
        """What a square of that size class costs, as every other of the class does."""
        size = request.width, request.height
        _, listed = shapes_of(_model(request.pin))[size]
        return price.of_image(listed or "1K", *size, pixels_given(request), flat=True)

    def account(self, model: Model) -> Account | None:
        need("google.genai", "the SDK of Google", "provider 'google'", "google", ProviderFailed)
        from imgbuild.providers.google.answers import failure_of

        params = model.params
        key = key_of([str(params["key"])] if "key" in params else KEYS, self.name, self.environ)
        client = self._client(key, str(params.get("base_url", "")), SHORT)
        try:
            client.models.list(config={"page_size": 1})
        except Exception as error:
            if getattr(error, "code", None) == 404:
                return None
            raise failure_of(error, key, "") from None
        return Account()

    def close(self) -> None:
        self._clients.close()

    def _make(self, request: Request) -> Image:
        need("google.genai", "the SDK of Google", "provider 'google'", "google", ProviderFailed)
        from imgbuild.providers.google.answers import failure_of, image_of

        params = request.params
        key = key_of([str(params["key"])] if "key" in params else KEYS, self.name, self.environ)
        client = self._client(key, str(params.get("base_url", "")), float(params.get("timeout", TIMEOUT)))
        model = _model(request.pin)
        asked = _asked(model, request)
        try:
            answer = client.models.generate_content(**asked)
        except Exception as error:  # the SDK's, its HTTP library's, or what it stumbled over in an answer
            raise failure_of(error, key, model) from None  # its own text may hold the request, and the key
        return image_of(answer, model)

    def _client(self, key: str, base_url: str, timeout: float) -> genai.Client:
        """It sends nothing twice or elsewhere by itself, whatever the environment says."""
        from google import genai
        from google.genai import types

        def make() -> genai.Client:
            options = types.HttpOptions(
                base_url=base_url or ADDRESS,
                api_version="v1beta",
                timeout=int(timeout * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                client_args={"follow_redirects": False},
            )
            return genai.Client(vertexai=False, api_key=key, http_options=options)

        return self._clients.of(make, key, base_url, timeout)


def _asked(model: str, request: Request) -> dict[str, Any]:
    from google.genai import types

    aspect, size = shapes_of(model)[request.width, request.height]
    given = [*request.inputs.get("image", ()), *request.inputs.get("reference", ())]
    pictures = [types.Part.from_bytes(data=png(picture), mime_type="image/png") for picture in given]
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        candidate_count=1,
        seed=request.seed,
        image_config=types.ImageConfig(aspect_ratio=aspect, image_size=size or None),
    )
    parts = [types.Part.from_text(text=request.prompt), *pictures]
    return {"model": model, "contents": types.Content(role="user", parts=parts), "config": config}


def _model(pin: Pin) -> str:
    return pin.revision or pin.source
