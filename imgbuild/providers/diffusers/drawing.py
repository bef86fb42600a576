"""Requests to pictures: in batches of one size, whatever they hold, with a generator of its own for each image.

An image's bits then depend on neither what else is in its batch nor on its place there: a batch that is not full
is padded with its last request. Noise is always drawn on the CPU, so that a seed means the same on every device.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from imgbuild.errors import ProviderFailed, Refused, TargetError
from imgbuild.providers.diffusers.loading import Loaded, be_deterministic, scheduler_of, task_of
from imgbuild.providers.diffusers.memory import forget, most, of_process
from imgbuild.providers.diffusers.preprocess import preprocessed
from imgbuild.providers.diffusers.settings import OF_MODEL
from imgbuild.providers.diffusers.steps import Tell, told
from imgbuild.providers.diffusers.takes import CALLED
from imgbuild.types import Image, Request, Value

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

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
    pipeline.scheduler = scheduler_of(loaded, first.params.get("scheduler"))
    arguments = _arguments(loaded, pipeline, padded)
    torch.set_num_threads(loaded.setup.threads)  # of this thread and those it starts
    be_deterministic(loaded.setup.deterministic)
    forget(loaded.device)
    try:
        made = pipeline(**arguments, **told(pipeline, tell))
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
        **_pictures(requests),
        **_controls(loaded, requests, "control_image" if "control_image" in known else "image"),
        **{name: value for name, value in size.items() if name in known},
        "generator": [torch.Generator("cpu").manual_seed(request.seed) for request in requests],
        "output_type": "pil",
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


def _pictures(requests: Sequence[Request]) -> dict[str, list[PILImage]]:
    first = requests[0]
    found: dict[str, list[PILImage]] = {}
    if first.inputs.get("image"):
        found["image"] = [_sized(request, "image").convert("RGB") for request in requests]
    if first.inputs.get("mask"):
        found["mask_image"] = [_sized(request, "mask").convert("L") for request in requests]
    return found


def _controls(loaded: Loaded, requests: Sequence[Request], name: str) -> dict[str, Any]:
    """What the ControlNets look at, by the call's name for it; for several as tensors: calls read lists differently."""
    if not requests[0].inputs.get("control"):
        return {}
    found = [
        [preprocessed(_sized(request, "control", at), net.preprocess) for request in requests]
        for at, net in enumerate(loaded.setup.controlnet)
    ]
    return {name: [_tensor(pictures) for pictures in found] if len(found) > 1 else found[0]}


def _tensor(pictures: Sequence[PILImage]) -> Any:
    """RGB pictures of one size as float32 (n, 3, height, width) in [0, 1]."""
    import numpy as np
    import torch

    pixels = np.stack([np.asarray(picture, dtype=np.float32) for picture in pictures]) / 255
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _sized(request: Request, role: str, at: int = 0) -> PILImage:
    """A picture of a role, at the size that is asked for. Raises ProviderFailed where it has another shape."""
    from PIL.Image import Resampling

    picture = request.inputs[role][at]
    width, height = picture.size
    if (width, height) == (request.width, request.height):
        return picture
    if abs(width * request.height - height * request.width) > max(width, height):
        raise ProviderFailed(
            f"the picture for input '{role}' is {width}x{height}, which is another shape than "
            f"{request.width}x{request.height}",
            hint="crop or pad it first, with an asset of its own",
        )
    return picture.resize((request.width, request.height), Resampling.LANCZOS)


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
