"""OpenAI's moderation, which says how likely a picture shows what not everybody should see. It costs nothing.

Of the API reference (moderations) and the guide to moderation, as they stood in November 2026.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from imgbuild.digest import digest_of
from imgbuild.document import first_misfit
from imgbuild.errors import Misdeclared, ProviderFailed, TargetError, Transient, Unanswered
from imgbuild.extras import need
from imgbuild.providers.base import Provider
from imgbuild.providers.clients import Clients
from imgbuild.providers.keys import OF_MODEL, SHORT, elsewhere, key_of
from imgbuild.providers.openai.client import ADDRESS, KEY, client_of
from imgbuild.providers.pictures import png
from imgbuild.types import Account, Capabilities, Concern, Digest, Grade, Image, Model, Pin, Request
from imgbuild.weights.networks import Judge

if TYPE_CHECKING:
    import openai
    from PIL.Image import Image as PILImage

SNAPSHOTS = {"omni-moderation-latest": "omni-moderation-2024-09-26"}  # what an undated name stands for now
# Those that look at pictures; the others find nothing in one, whatever it shows.
LABELS = (
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "violence",
    "violence/graphic",
)
LARGEST = 2048  # pixels a side; a file may have 20 MB, and of this size none has more, however it is packed
TIMEOUT = 60.0  # seconds

_PARAMS = {"type": "object", "properties": dict(OF_MODEL), "additionalProperties": False}


class Moderation(Provider):
    """`source` is omni-moderation-latest or one of its snapshots; of one without a date, that of now is pinned.

    A picture goes along as RGB, on white where it is transparent, and no larger than `LARGEST`.
    """

    name: ClassVar[str] = "openai_moderation"
    draws: ClassVar[bool] = False
    network: ClassVar[bool] = True
    env: ClassVar[tuple[str, ...]] = (KEY,)
    labels: ClassVar[tuple[str, ...]] = LABELS

    def __init__(self) -> None:
        self._clients: Clients[openai.OpenAI] = Clients()

    def capabilities(self, model: Model) -> Capabilities:
        _check(model)
        return Capabilities(
            takes=frozenset(),
            grade=Grade.STORED,
            params=OF_MODEL,
            of_model=frozenset(OF_MODEL),
            unkeyed=frozenset(OF_MODEL),
        )

    def concerns(self, model: Model) -> Sequence[Concern]:
        return elsewhere(model, ADDRESS, KEY)

    def pin(self, model: Model) -> Pin:
        """No request is made: names are all that there is to pin."""
        own = "base_url" not in model.params
        revision = model.revision or (SNAPSHOTS.get(model.source, "") if own else "")
        pin = replace(super().pin(model), revision=revision)
        return replace(pin, weights=_digest(model, pin))

    def weights(self, model: Model, pin: Pin) -> Digest | None:
        """Of who judges: by what name, and where. Verdicts are kept by it."""
        return _digest(model, pin)

    def fetched(self, model: Model, pin: Pin) -> Judge:
        server = str(model.params.get("base_url", ""))
        ask = partial(self._ask, model, pin.revision or pin.source)
        return Judge(source=model.source, server=server, digest=pin.weights, ask=ask)

    def account(self, model: Model) -> Account | None:
        """By a word that is judged."""
        self._send(model, model.revision or model.source, "lamp", SHORT)
        return Account()

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        raise TypeError(f"provider '{self.name}' makes no images")

    def close(self) -> None:
        self._clients.close()

    def _ask(self, model: Model, name: str, picture: PILImage) -> Mapping[str, float]:
        """Label → likelihood. Raises Transient where it may be asked again, Unavailable, ProviderFailed."""
        if self.offline:
            raise TargetError(f"'{self.name}' needs the network", hint="build without --offline")
        address = f"data:image/png;base64,{b64encode(png(_small(picture))).decode()}"
        shown = [{"type": "image_url", "image_url": {"url": address}}]
        return _scores(self._send(model, name, shown, float(model.params.get("timeout", TIMEOUT))))

    def _send(self, model: Model, name: str, shown: Any, timeout: float) -> Any:
        """The answer. Raises what `failure_of` gives, where nothing was to be paid for."""
        need("openai", "the SDK of OpenAI", f"provider '{self.name}'", "openai", ProviderFailed)
        import openai

        from imgbuild.providers.openai.answers import failure_of

        key = key_of([str(model.params.get("key", KEY))], self.name, self.environ)
        client = client_of(self._clients, key, str(model.params.get("base_url", ADDRESS)), timeout)
        try:
            raw = client.moderations.with_raw_response.create(model=name, input=shown)
            self.hear(raw.headers)
            return raw.parse()
        except openai.OpenAIError as error:
            failure = failure_of(error, key, name)
            if isinstance(failure, Unanswered):  # nothing was to be paid for
                failure = Transient(failure.message)
            raise failure from None  # its own text may hold the request, and the key


def _scores(answer: Any) -> Mapping[str, float]:
    """Of the one picture of an answer. Raises ProviderFailed where something is missing."""
    try:
        told = answer.results[0].category_scores.model_dump(by_alias=True)
        return {label: float(told[label]) for label in LABELS}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ProviderFailed("the answer does not say how likely it is") from error


def _small(picture: PILImage) -> PILImage:
    """The picture no larger than what is sent."""
    if max(picture.size) <= LARGEST:
        return picture
    small = picture.copy()
    small.thumbnail((LARGEST, LARGEST))
    return small


def _digest(model: Model, pin: Pin) -> Digest:
    fields = {
        "provider": pin.provider,
        "model": pin.revision or pin.source,
        "base_url": model.params.get("base_url", ""),
    }
    return digest_of("judge/1", fields)


def _check(model: Model) -> None:
    """Raise Misdeclared for what the service is not."""
    who = f"a model of provider '{Moderation.name}'"
    for name in ("size", "fallback"):
        if getattr(model, name):
            raise Misdeclared(
                f"{who} makes no images, and has no '{name}'", (name,), key=True, hint="leave it out"
            )
    if not model.source:
        hint = f"it is {next(iter(SNAPSHOTS))}, or one of its snapshots"
        raise Misdeclared(f"{who} needs a 'source'", ("provider",), hint=hint)
    fault = first_misfit(model.params, _PARAMS, who)
    if fault is not None:
        raise Misdeclared(fault.sentence, ("params", *fault.path), key=fault.of_key, hint=fault.hint)
