"""Images of a Stable Diffusion web UI, on this machine or another: one call an image, at no cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from imgbuild.errors import ProviderFailed, TargetError
from imgbuild.providers.automatic1111.answers import checkpoint_of, fault_of, image_of, names_of
from imgbuild.providers.automatic1111.asking import asked
from imgbuild.providers.automatic1111.takes import CAPABILITIES
from imgbuild.providers.base import Provider
from imgbuild.providers.keys import SHORT
from imgbuild.providers.servers import away, is_here, login_of
from imgbuild.providers.web import OverHttp, Reply
from imgbuild.types import Account, Capabilities, Concern, Image, Model, Pin, Request, Value

ADDRESS = "http://127.0.0.1:7860"
TIMEOUT = 600.0  # seconds: it may load a checkpoint first
_LISTING = 60.0
_LOGIN = "write it as the web UI's --api-auth has it"


class Automatic1111(OverHttp, Provider):
    """`source` is a checkpoint, by its name, file or title in the web UI; its SHA-256 is pinned, and looked at.

    The web UI's own settings (VAE, noise source, optimizations) are not in the key: with what it says of them in its
    infotext, they are in the record.
    """

    name: ClassVar[str] = "automatic1111"

    def capabilities(self, model: Model) -> Capabilities:
        return CAPABILITIES

    def concerns(self, model: Model) -> Sequence[Concern]:
        return away(model)

    def pin(self, model: Model) -> Pin:
        """By the web UI's list of checkpoints. Raises TargetError, also where it has not hashed it."""
        if not model.source:
            raise ProviderFailed("the model names no 'source'", hint="such as source: sd_xl_base_1.0")
        reply = self._call("GET", "sd-models", model.params, model.source, timeout=_LISTING)
        digest = checkpoint_of(reply, model.source)
        if not digest.startswith(model.revision.lower()):
            raise ProviderFailed(
                f"checkpoint '{model.source}' of the web UI is {digest[:10]}, not {model.revision}",
                hint="'revision' is the SHA-256 of its file, or how that begins",
            )
        return replace(super().pin(model), revision=digest)

    def account(self, model: Model) -> Account | None:
        """Whether it is there, and which checkpoints it has."""
        reply = self._call("GET", "sd-models", model.params, model.source, timeout=SHORT)
        return Account(models=dict.fromkeys(names_of(reply), ""))

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        return [self._make(request) for request in requests]

    def _make(self, request: Request) -> Image:
        path, fields = asked(request)
        timeout = float(request.params.get("timeout", TIMEOUT))
        reply = self._call("POST", path, request.params, request.pin.source, timeout=timeout, json=fields)
        return image_of(reply, request.pin)

    def _call(self, method: str, path: str, params: Mapping[str, Value], source: str, **given: Any) -> Reply:
        address = str(params.get("base_url", "")) or ADDRESS
        if self.offline and not is_here(address):
            raise TargetError(f"'{self.name}' is on another machine", hint="build without --offline")
        key, auth = "", None
        if "key" in params:
            key, auth = login_of(str(params["key"]), self.name, _LOGIN, self.environ)
        reply = self.web.call(method, f"{address.rstrip('/')}/sdapi/v1/{path}", auth=auth, **given)
        if reply.status != 200:
            raise fault_of(reply, key, source)
        return reply
