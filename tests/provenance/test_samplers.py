"""Samplers: names of other tools and schedulers of diffusers, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.provenance.samplers import SAMPLERS, SHAPES, find_scheduler, name_sampler

MULTISTEP = "DPMSolverMultistepScheduler"
STOCHASTIC = {"class": MULTISTEP, "algorithm_type": "sde-dpmsolver++"}


@pytest.mark.parametrize(
    ("name", "shape", "found"),
    [
        ("Euler a", "", ("EulerAncestralDiscreteScheduler", "")),  # AUTOMATIC1111
        ("DPM++ 2M", "Automatic", (MULTISTEP, "Automatic")),
        ("DPM++ 2M", "Karras", ({"class": MULTISTEP, "use_karras_sigmas": True}, "")),
        ("DPM++ 2M Karras", "", ({"class": MULTISTEP, "use_karras_sigmas": True}, "")),
        ("DPM++ 2M SDE Exponential", "", ({**STOCHASTIC, "use_exponential_sigmas": True}, "")),
        ("DPM2 a", "", ("KDPM2AncestralDiscreteScheduler", "")),
        ("dpmpp_2m_sde_gpu", "karras", ({**STOCHASTIC, "use_karras_sigmas": True}, "")),  # ComfyUI
        ("euler_ancestral", "karras", ("EulerAncestralDiscreteScheduler", "karras")),
        ("uni_pc", "normal", ("UniPCMultistepScheduler", "normal")),
        ("dpmpp_2m_k", "", ({"class": MULTISTEP, "use_karras_sigmas": True}, "")),  # InvokeAI
        ("k_euler_ancestral", "native", ("EulerAncestralDiscreteScheduler", "native")),  # NovelAI
        ("Restart", "", None),
        ("", "", None),
    ],
)
def test_names_of_other_tools(name, shape, found):
    assert find_scheduler(name, shape) == found


@pytest.mark.parametrize(
    ("scheduler", "named"),
    [
        ("EulerDiscreteScheduler", ("Euler", "")),
        ({"class": "HeunDiscreteScheduler"}, ("Heun", "")),
        ({**STOCHASTIC, "use_beta_sigmas": True}, ("DPM++ 2M SDE", "Beta")),
        (
            {"class": MULTISTEP, "use_karras_sigmas": False},
            None,
        ),  # the web UI takes Karras where nothing is said
        ({"class": MULTISTEP, "use_karras_sigmas": True, "use_beta_sigmas": True}, None),
        ({"class": MULTISTEP, "solver_order": 3}, None),
        ({"class": "DDIMScheduler", "use_karras_sigmas": True}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_schedulers_of_ours(scheduler, named):
    assert name_sampler(scheduler) == named


@given(st.sampled_from(SAMPLERS), st.sampled_from(["", *SHAPES]))
def test_there_and_back(sampler, shape):
    scheduler, rest = find_scheduler(sampler.name, shape)
    assert name_sampler(scheduler) == (sampler.name, shape if sampler.shaped else "")
    assert rest == ("" if sampler.shaped else shape)


@given(st.text(), st.text())
def test_any_name_is_known_or_not(name, shape):
    find_scheduler(name, shape)


@pytest.mark.slow
def test_diffusers_has_them_all():
    import diffusers

    for sampler in SAMPLERS:
        kind = getattr(diffusers, sampler.scheduler)
        settings = {*sampler.settings, *(SHAPES.values() if sampler.shaped else ())}
        assert settings <= kind._get_init_keys(kind)
