"""Samplers by their names in other tools, and the schedulers of diffusers that do the same: one table, both ways.

After the table in diffusers' documentation of schedulers; what it or others doubt is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from imgbuild.types import Value


class Sampler(Struct, frozen=True):
    """One that several tools have.

    name: AUTOMATIC1111's. scheduler: class of diffusers. others: names besides, as `_plain` gives them.
    settings: of the class, that make it this one. shaped: whether the class can spread its steps as SHAPES says.
    """

    name: str
    scheduler: str
    others: tuple[str, ...] = ()
    settings: Mapping[str, Value] = {}
    shaped: bool = True


SAMPLERS = (
    Sampler("DDIM", "DDIMScheduler", shaped=False),
    Sampler("DPM2", "KDPM2DiscreteScheduler", ("dpm_2", "kdpm_2")),
    Sampler("DPM2 a", "KDPM2AncestralDiscreteScheduler", ("dpm_2_ancestral", "dpm_2_a", "kdpm_2_a")),
    Sampler("DPM++ 2M", "DPMSolverMultistepScheduler"),
    Sampler("DPM++ 2M SDE", "DPMSolverMultistepScheduler", settings={"algorithm_type": "sde-dpmsolver++"}),
    Sampler("Euler", "EulerDiscreteScheduler"),
    Sampler("Euler a", "EulerAncestralDiscreteScheduler", ("euler_ancestral",), shaped=False),
    Sampler("Heun", "HeunDiscreteScheduler"),
    Sampler("LCM", "LCMScheduler", shaped=False),
    Sampler("LMS", "LMSDiscreteScheduler"),
    Sampler("UniPC", "UniPCMultistepScheduler", ("uni_pc",)),
)
SHAPES = {  # AUTOMATIC1111's schedule types → the setting of diffusers
    "Karras": "use_karras_sigmas",
    "Exponential": "use_exponential_sigmas",
    "Beta": "use_beta_sigmas",
}


def name_sampler(scheduler: Value) -> tuple[str, str] | None:
    """AUTOMATIC1111's sampler and schedule type ("" where none is asked for); None where they would not say all.

    scheduler: the parameter of diffusers' models: the name of a class, or {class, and its settings}.
    """
    settings = dict(scheduler) if isinstance(scheduler, dict) else {"class": scheduler}
    name = settings.pop("class", None)
    shape = next((shape for shape, key in SHAPES.items() if settings.get(key) is True), "")
    settings.pop(SHAPES.get(shape, ""), None)
    for sampler in SAMPLERS:
        if (sampler.scheduler, dict(sampler.settings)) == (name, settings) and (sampler.shaped or not shape):
            return sampler.name, shape
    return None


def find_scheduler(name: str, shape: str = "") -> tuple[Value, str] | None:
    """The parameter for a sampler of any tool, and what of the shape it can't say; None for an unknown sampler.

    shape: how steps are spread, as tools call it; names of samplers may end in it.
    """
    plain, end = _plain(name), ""
    if found := re.fullmatch(r"(\w+?)_(karras|k|exponential|gpu)", plain):
        plain, end = found[1], {"k": "karras", "gpu": ""}.get(found[2], found[2])
    sampler = next((item for item in SAMPLERS if plain in (_plain(item.name), *item.others)), None)
    if sampler is None:
        return None
    shape = end.capitalize() or shape
    key = SHAPES.get(shape.capitalize()) if sampler.shaped else None
    settings = {**sampler.settings, **({key: True} if key else {})}
    scheduler = {"class": sampler.scheduler, **settings} if settings else sampler.scheduler
    return scheduler, "" if key else shape


def _plain(name: str) -> str:
    """The name as ComfyUI would write it: `DPM++ 2M` and `k_dpmpp_2m` are `dpmpp_2m`."""
    return name.strip().lower().replace("++", "pp").replace(" ", "_").removeprefix("k_")
