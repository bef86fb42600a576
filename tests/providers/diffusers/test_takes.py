"""What is said of a pipeline by what was found out about it; torch has no part in it."""

import msgspec
import pytest

from imgbuild.providers.diffusers import Diffusers
from imgbuild.types import Model, Pin

FOUND = {
    "pipeline": "StableDiffusionPipeline", "roles": [], "negative": True, "params": {}, "scheduler": "", "schedulers": [],
    "multiple": 8, "size": [512, 512],
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "safety"),
    [({}, "not known"), ({"checked": None}, "not known"), ({"checked": False}, "none"), ({"checked": True}, "safety checker")],
)  # fmt: skip
def test_whether_a_safety_checker_looks_at_its_pictures(more, safety):
    model = Model(provider="diffusers", source="acme/sd")
    pin = Pin(provider="diffusers", source="acme/sd", takes=msgspec.to_builtins({**FOUND, **more}))
    assert Diffusers().pinned(model, pin).safety == safety
    assert Diffusers().capabilities(model).safety == "not known"
