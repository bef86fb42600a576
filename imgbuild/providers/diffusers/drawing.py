"""Requests to pictures: in batches of one size, whatever they hold, with a generator of its own for each image.

An image's bits then depend on neither what else is in its batch nor on its place there: a batch that is not full
is padded with its last request. Noise is always drawn on the CPU, so that a seed means the same on every device.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from imgbuild.errors import ProviderFailed, Refused, TargetError
from imgbuild.providers.diffusers.loading import Loaded, be_deterministic, task_of
from imgbuild.providers.diffusers.memory import forget, most, of_process
from imgbuild.providers.diffusers.pictures import pictures
from imgbuild.providers.diffusers.refining import finished, handing_over
from imgbuild.providers.diffusers.schedulers import scheduler_of
from imgbuild.providers.diffusers.settings import OF_MODEL
from imgbuild.providers.diffusers.steps import Tell, told
from imgbuild.providers.diffusers.takes import CALLED
from imgbuild.types import Image, Request, Value

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "Insufficient memory")


def draw(loaded: Loaded, requests: Sequence[Request], tell: Tell) -> list[Image]:
    """One image for each request, in order. tell: takes each step as it is taken. Raises TargetError."""
    images: dict[int, Image] = {}
    for places in _alike(requests):
        for start in range(0, len(places), loaded.setup.batch):
            batch = places[start : start + loaded.setup.batch]
            images.update(zip(batch, _batch(loaded, [requests[at] for at in batch], tell), strict=True))
    return [images[at] for at in range(len(requests))]


def _alike(requests: Sequence[Request]) -> list[list[int]]:
    """The places of those requests that one call can make together."""
    found: dict[bytes, list[int]] = {}
    for at, request in enumerate(requests):
        params = {name: value for name, value in request.params.items() if name not in OF_MODEL}
        shape = [request.width, request.height, bool(request.negative), sorted(request.inputs), params]
        found.setdefault(msgspec.json.encode(shape, order="sorted"), []).append(at)
    return list(found.values())


def _batch(loaded: Loaded, requests: Sequence[Request], tell: Tell) -> list[Image]:
    import torch

    padded = [*requests, *[requests[-1]] * (loaded.setup.batch - len(requests))]
    first = requests[0]
    role = next((role for role in ("mask", "image") if first.inputs.get(role)), "")
    pipeline = task_of(loaded, role, control=bool(first.inputs.get("control")))
    pipeline.scheduler = scheduler_of(loaded.scheduler, first.params.get("scheduler"))
    arguments = _arguments(loaded, pipeline, padded)
    torch.set_num_threads(loaded.setup.threads)  # of this thread and those it starts
    be_deterministic(loaded.setup.deterministic)
    forget(loaded.device)
    try:
        made = pipeline(**arguments, **told(pipeline, tell))
        _check_flags(made, requests)
        if loaded.refiner is not None:
            made = finished(loaded.refiner, made.images, arguments, loaded.setup, tell)
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
            raise _too_large(loaded, first) from error
        raise
    _check_negative(pipeline, first)
    _check_flags(made, requests)
    info, memory = _info(loaded, pipeline), most(loaded.device)
    return [
        Image(pixels=made.images[at], seed=request.seed, memory=memory, info=info)
        for at, request in enumerate(requests)
    ]


def _arguments(loaded: Loaded, pipeline: Any, requests: Sequence[Request]) -> dict[str, Any]:
    """The call's arguments. Raises ProviderFailed for a parameter that this task of the pipeline does not take."""
    import torch

    first = requests[0]
    known = inspect.signature(pipeline.__call__).parameters
    given = {"prompt": [request.prompt for request in requests]}
    if first.negative:
        given["negative_prompt"] = [request.negative for request in requests]
    named = _named(first.params, {**(first.pin.takes.get("control") or {}), **first.pin.takes["params"]})
    unknown = [name for name in (*named, *given) if name not in known]
    if unknown:
        raise ProviderFailed(
            f"a {type(pipeline).__name__} takes no '{unknown[0]}'",
            hint="with an input picture other parameters hold than without one; leave it out",
        )
    size = {"width": first.width, "height": first.height}
    return {
        **given,
        **named,
        **pictures(loaded, known, requests),
        **{name: value for name, value in size.items() if name in known},
        "generator": [torch.Generator("cpu").manual_seed(request.seed) for request in requests],
        "output_type": "pil",
        **handing_over(loaded, known),
    }


def _named(params: Mapping[str, Value], kinds: Mapping[str, str]) -> dict[str, Value]:
    """What is left to the call, by its own names. kinds: as the probe found them; some calls refuse 1 for 1.0."""
    return {
        (own := CALLED.get(name, name)): _real(value) if kinds.get(own, "").startswith("number") else value
        for name, value in params.items()
        if name not in OF_MODEL and name != "scheduler"
    }


def _real(value: Value) -> Value:
    return [float(item) for item in value] if isinstance(value, list) else float(value)


def _check_negative(pipeline: Any, request: Request) -> None:
    """Without guidance there is nothing to steer away from what a picture must not show: it was left unread."""
    if request.negative and not getattr(pipeline, "do_classifier_free_guidance", True):
        raise ProviderFailed(
            "a negative prompt has no effect with so little guidance",
            hint="give 'guidance' above 1, or leave the negative prompt out",
        )


def _check_flags(made: Any, requests: Sequence[Request]) -> None:
    """A picture that the model's own safety checker has blackened is a refusal, not a picture."""
    flags = getattr(made, "nsfw_content_detected", None) or []
    for request, flagged in zip(requests, flags, strict=False):
        if flagged:
            raise Refused(
                f"the model's safety checker rejected what it drew for '{request.prompt}'",
                hint="another seed or prompt may pass",
            )


def _info(loaded: Loaded, pipeline: Any) -> dict[str, Value]:
    """What shaped the pixels, for the record."""
    setup = loaded.setup
    return {
        "pipeline": type(pipeline).__name__,
        "scheduler": type(pipeline.scheduler).__name__,
        "dtype": setup.dtype,
        "threads": setup.threads,
        "batch": setup.batch,
        "ram": of_process(),
    }


def _too_large(loaded: Loaded, request: Request) -> TargetError:
    setup = loaded.setup
    less = [f"'batch: {setup.batch // 2}'"] if setup.batch > 1 else []
    less += ["'dtype: bfloat16'"] if setup.dtype == "float32" else []
    less += ["'offload: model'"] if setup.offload == "none" and loaded.device != "cpu" else []
    less += ["'vae_tiling: true'"] if not setup.vae_tiling else []
    size = f"{request.width}x{request.height}"
    return TargetError(
        f"{loaded.device} ran out of memory for {setup.batch} of {size}",
        hint=f"give the model {' or '.join(less)}, or ask for a smaller size"
        if less
        else "ask for a smaller size",
    )
