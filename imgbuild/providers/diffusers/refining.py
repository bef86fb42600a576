"""A second pipeline that finishes what the first began."""

from __future__ import annotations

import inspect
from collections.abc import Container, Mapping
from typing import Any

from imgbuild.providers.diffusers.loading import Loaded, task_of
from imgbuild.providers.diffusers.schedulers import scheduler_of
from imgbuild.providers.diffusers.settings import Setup
from imgbuild.providers.diffusers.steps import Tell, told

_SHARED = ("prompt", "negative_prompt", "generator", "num_inference_steps", "guidance_scale")


def handing_over(loaded: Loaded, known: Container[str]) -> dict[str, Any]:
    """What lets a call stop early and hand on latents, where both pipelines can. known: its parameters."""
    refiner = loaded.setup.refiner
    if refiner is None or loaded.refiner is None or "denoising_end" not in known:
        return {}
    if (
        "denoising_start"
        not in inspect.signature(task_of(loaded.refiner, "image", control=False).__call__).parameters
    ):
        return {}
    return {"denoising_end": refiner.at, "output_type": "latent"}


def finished(refiner: Loaded, images: Any, arguments: Mapping[str, Any], setup: Setup, tell: Tell) -> Any:
    """What the refiner makes of a batch. images: latents, or whole pictures. arguments: by which they were drawn.

    Whole pictures get noise for as many steps as were left to it. The generators go on where the first call left them.
    """
    assert setup.refiner is not None
    pipeline = task_of(refiner, "image", control=False)
    pipeline.scheduler = scheduler_of(refiner.scheduler, None)
    known = inspect.signature(pipeline.__call__).parameters
    shared = {name: arguments[name] for name in _SHARED if name in arguments and name in known}
    at = setup.refiner.at
    steps = shared.get("num_inference_steps") or known["num_inference_steps"].default
    begin = {"denoising_start": at} if "denoising_end" in arguments else {"strength": _strength(steps, at)}
    return pipeline(**{**shared, **begin, "image": images, "output_type": "pil"}, **told(pipeline, tell))


def _strength(steps: int, at: float) -> float:
    """The strength by which a call takes the steps that are left, at least one; it takes the whole part of them."""
    left = max(1, round(steps * (1 - at)))
    return min(1.0, (left + 0.5) / steps)
