"""What ships with imgbuild: found by its name, pinned by its bytes, and told apart from what it is not."""

import shutil

import pytest

from imgbuild.providers.diffusers import source
from imgbuild.providers.diffusers.source import BOX, box_path
from imgbuild.weights.bundles import pipeline_bundle, weigh

SPEC = """\
models:
  tiny: {provider: diffusers, source: imgbuild/tiny-icons, params: {steps: 2}}
assets:
  icon: {prompt: a red star, models: [tiny], size: 64x64}
"""
LARGEST = 12_000_000  # bytes of the pipeline


def test_all_of_it_is_there():
    for name in BOX:
        assert box_path(name).exists(), name
    files = [path for path in box_path("imgbuild/tiny-icons").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST
    assert "MODEL_CARD.md" in {path.name for path in files}


def test_nothing_of_it_could_run():
    kinds = {path.suffix for name in BOX for path in (box_path(name).parent).rglob("*") if path.is_file()}
    assert kinds == {".json", ".md", ".safetensors"}


WRONG = {
    "a LoRA as a model": (
        ("source: imgbuild/tiny-icons", "source: imgbuild/tiny-icons-brand"),
        "'imgbuild/tiny-icons-brand' is no pipeline, but goes beside one",
        "name it in the params of a model, as its 'lora' or 'controlnet'",
    ),
    "a ControlNet as a LoRA": (
        ("steps: 2", "steps: 2, lora: imgbuild/tiny-icons-canny"),
        "'imgbuild/tiny-icons-canny' can't be used as 'lora'",
        "leave it out, or name another",
    ),
    "a LoRA as a ControlNet": (
        ("steps: 2", "steps: 2, controlnet: imgbuild/tiny-icons-brand"),
        "'imgbuild/tiny-icons-brand' can't be used as 'controlnet'",
        "leave it out, or name another",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_it_is_not(sketch, name):
    edit, cause, hint = WRONG[name]
    made = sketch(SPEC)
    made.edit("specs/catalog.yaml", edit)
    (failure,) = made.build().failures
    assert (failure.cause, failure.hint) == (cause, hint)


def test_a_part_of_the_box_is_in_the_pin(sketch):
    made = sketch(SPEC)
    assert made.build().finished.generated == 1
    made.edit("specs/catalog.yaml", ("steps: 2", "steps: 2, lora: imgbuild/tiny-icons-brand"))
    assert made.build().finished.generated == 1
    assert made.build().finished.fresh == 1


@pytest.mark.slow
def test_another_release_of_it_is_not_taken_for_the_locked_one(bench, tmp_path, monkeypatch):
    from imgbuild.providers.diffusers import parts, probe, provider

    monkeypatch.setattr(provider, "probe", probe.look)
    made = bench({"specs/catalog.yaml": SPEC})
    assert made.build().failures == ()
    other = shutil.copytree(box_path("imgbuild/tiny-icons"), tmp_path / "other")
    (other / "scheduler/scheduler_config.json").write_text("{}")
    assert weigh(other, pipeline_bundle("")) != weigh(box_path("imgbuild/tiny-icons"), pipeline_bundle(""))
    for module in (source, parts, provider):
        monkeypatch.setattr(module, "box_path", lambda name: other)
    made.edit("specs/catalog.yaml", ("a red star", "a blue star"))
    (failure,) = made.build().failures
    assert failure.cause == "the model 'imgbuild/tiny-icons' of this imgbuild is not the one that is locked"
    assert failure.hint == (
        "install the imgbuild that it was locked with, or move the pin by `imgbuild lock --upgrade`; "
        "the last image stays published, and is stale"
    )
