"""What is asked of whoever serves a model: the vendor's SDK makes the request, and does not get to send it.

It would wait for answers for ever, fetch what they name wherever it lies, and leave out what they say beside the image:
that it is flagged, and the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from imgbuild.errors import ProviderFailed, TargetError, Transient, Unanswered
from imgbuild.providers.huggingface.serving import BY, EXTRA, NAMES, SERVERS, Serves
from imgbuild.providers.pictures import png, png_text
from imgbuild.providers.status import failure_by
from imgbuild.types import Request

ROUTER = "https://router.huggingface.co"
_NO_KEY = "hf_"  # the SDK sees none; by this beginning it knows that the request goes to Hugging Face
_NOT_OURS = ("authorization", "user-agent")


class Prepared(Struct, frozen=True, kw_only=True):
    """A request to be sent. path: below the router's address; model: the server's own name of it."""

    path: str
    model: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]  # as httpx takes it: `json` or `content`


class _Kept(Exception):
    """What the SDK was about to send."""


def prepare(request: Request) -> Prepared:
    """The hub is asked who serves the model; nothing else is sent. Raises ProviderFailed, Transient, Unavailable."""
    from huggingface_hub import InferenceClient, errors

    client = InferenceClient(provider=request.params[BY], token=_NO_KEY)
    if not hasattr(client, "_inner_post"):
        raise ProviderFailed("this huggingface_hub is not known here", hint="install huggingface_hub 2.4")
    client._inner_post = _keep
    try:
        _ask(client, request)
    except _Kept as kept:
        return _prepared(kept.args[0])
    except (errors.HTTPError, OSError) as error:
        raise _of_the_hub(error, request.pin.source) from None
    except ValueError as error:
        raise ProviderFailed(
            f"'{request.params[BY]}' does not serve '{request.pin.source}' for that: {str(error)[:200]}",
            hint="its page of the hub says who serves it, and for what",
        ) from None
    raise Unanswered("huggingface_hub sent the request by itself", hint="it may have been paid for")


def _keep(request: Any, **_: Any) -> bytes:
    raise _Kept(request)


def _ask(client: Any, request: Request) -> None:
    serves = SERVERS[request.params[BY]]
    extra = {**({"output_format": "png"} if serves.png else {}), **request.params.get(EXTRA, {})}
    said: dict[str, Any] = {
        theirs: request.params[ours] for ours, theirs in NAMES.items() if ours in request.params
    }
    if not serves.plain:
        said |= {"seed": request.seed, "negative_prompt": request.negative or None}
    said |= {"model": request.pin.source}
    size = {"width": request.width, "height": request.height}
    given = request.inputs.get("image", ())
    if not given:
        client.text_to_image(request.prompt, **said, **size, extra_body=extra)
        return
    sized = {"target_size": size} if serves.target else size
    client.image_to_image(_picture(given[0], serves), prompt=request.prompt, **said, **sized, **extra)


def _picture(picture: Any, serves: Serves) -> str | bytes:
    return f"data:image/png;base64,{png_text(picture)}" if serves.address else png(picture)


def _prepared(made: Any) -> Prepared:
    """Raises ProviderFailed for a request that is not to go to Hugging Face: it would take the key elsewhere."""
    url = str(made.url)
    if not url.startswith(f"{ROUTER}/"):
        raise ProviderFailed(f"the request would go to {url[:60]}", hint="install huggingface_hub 2.4")
    headers = {name.lower(): str(value) for name, value in made.headers.items()}
    return Prepared(
        path=url.removeprefix(ROUTER),
        model=str(made.model or ""),
        headers={name: value for name, value in headers.items() if name not in _NOT_OURS},
        body={"json": made.json} if made.json is not None else {"content": bytes(made.data)},
    )


def _of_the_hub(error: Exception, source: str) -> TargetError:
    """Why the hub did not say who serves a model. Nothing was asked of anyone by then."""
    from huggingface_hub import errors

    if isinstance(error, errors.RepositoryNotFoundError):
        return ProviderFailed(
            f"the hub has no model '{source}', or it is private",
            hint="see how it is spelled, or set HF_TOKEN",
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        status = int(error.response.status_code)
        failure = failure_by(status, f"the hub answered {status}", source)
        return failure if not isinstance(failure, Unanswered) else Transient(failure.message)
    return Transient(f"the hub can't be reached: {str(error)[:200] or type(error).__name__}")
