"""Models that make no images: pinned, in keys and measurements, consented to; and what can't be meant."""

import pytest
from PIL import Image as pillow

from imgbuild import pipeline
from imgbuild.errors import LockWouldChange
from imgbuild.images import encode
from imgbuild.lock.text import read_lock
from imgbuild.process import OPERATIONS
from imgbuild.rules import RULES
from imgbuild.types import Format
from imgbuild.weights.networks import declared_name, is_model, name_of

SPEC = """
    models:
      hand: {provider: painter}
      clip: {provider: weights, source: ./weights/clip.safetensors}
    assets:
      lamp: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [hand], validate: [RULE]}
"""
RULE = "prompt_match: {model: clip, min: 0}"


@pytest.fixture
def measured(monkeypatch):
    """What was measured through networks: for each, the text and the weights' bytes."""
    found = []

    def measure_by(rule, picture, files, networks):
        found.append((rule.text, networks.weights(rule.model).path.read_bytes()))
        return {"prompt_match": 0.5}

    monkeypatch.setattr(RULES.get("prompt_match"), "measure_by", measure_by)
    return found


@pytest.fixture
def project(bench, painter):
    return bench({"specs/catalog.yaml": SPEC.replace("RULE", RULE), "specs/weights/clip.safetensors": b"one"})


def pins(project):
    return read_lock((project.root / "specs/catalog.lock").read_bytes(), "").lock.models


def test_a_rule_measures_with_weights_that_are_pinned(project, measured):
    assert project.build().failures == ()
    assert sorted(measured) == [("a blue lamp", b"one"), ("a red lamp", b"one")]
    assert pins(project)["clip"].weights != ""
    assert project.build().finished.fresh == 2
    assert len(measured) == 2


def test_a_threshold_measures_nothing_and_other_weights_measure_anew(project, measured):
    project.build()
    project.edit("specs/catalog.yaml", ("min: 0}", "min: 0.4}"))
    project.build()
    assert len(measured) == 2
    project.write({"specs/weights/clip.safetensors": b"two"})
    before = pins(project)["clip"]
    built = project.build()
    assert built.failures == ()
    assert built.finished.generated == 0
    assert [data for _, data in measured[2:]] == [b"two", b"two"]
    assert pins(project)["clip"] != before


def test_another_pin_of_what_draws_measures_only_new_pictures(project, measured):
    project.build()
    project.edit("specs/catalog.yaml", ("{provider: painter}", "{provider: painter, revision: v2}"))
    built = project.build()
    assert built.finished.generated == 2
    assert len(measured) == 4


def test_a_renamed_model_is_the_same(project, measured):
    project.build()
    project.edit(
        "specs/catalog.yaml", ("  clip: {provider", "  eye: {provider"), ("model: clip", "model: eye")
    )
    assert project.build().finished.fresh == 2
    assert len(measured) == 2


def test_a_text_of_the_rule_is_measured_in_place_of_the_prompt(project, measured):
    project.edit("specs/catalog.yaml", ("min: 0}", "min: 0, text: a lamp}"))
    project.build()
    assert measured == [("a lamp", b"one")] * 2


def test_weights_that_are_not_there_stop_what_is_checked_with_them(project, measured):
    project.write({"specs/weights/clip.safetensors": None})
    built = project.build()
    assert {(item.cause, item.hint) for item in built.failures} == {
        (
            "there are no weights at specs/weights/clip.safetensors",
            "put a file there, or a folder with a config.json and weights in safetensors",
        )
    }
    assert built.finished.generated == 0


def told(project, *changes, code=2):
    project.edit("specs/catalog.yaml", *changes)
    found = project.tell("plan")
    assert (found.code, found.out) == (code, "")
    return found.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("model: clip", "model: clap"),
            "unknown model 'clap'|did you mean 'clip'? Models here: clip",
        ),
        (
            ("model: clip", "model: hand"),
            "model 'hand' is of provider 'painter', which makes images|name one that makes none: clip",
        ),
        (
            ("models: [hand]", "models: [clip]"),
            "model 'clip' is of provider 'weights', which makes no images|"
            "rules and operations name it; an asset needs a model that draws",
        ),
        (
            ("model: clip", "model: openai/clip-vit-base-patch32"),
            "'openai/clip-vit-base-patch32' says where weights are, and the name of a declared model is needed|"
            "declare it: `models: {name: {provider: weights, source: openai/clip-vit-base-patch32}}`",
        ),
        (
            ("source: ./weights/clip.safetensors", "source: ''"),
            "a model of provider 'weights' needs a 'source'|"
            "name a repository of the hub (owner/name), or a file or folder that begins with './'",
        ),
        (
            ("clip.safetensors}", "clip.safetensors, params: {steps: 3}}"),
            "a model of provider 'weights' has no parameter 'steps'|its parameters: allow_pickle, file",
        ),
        (
            ("clip.safetensors}", "clip.safetensors, size: 64x64}"),
            "a model of provider 'weights' makes no images, and has no 'size'|leave it out",
        ),
    ],
)
def test_what_cant_be_meant(project, change, said):
    message, hint = said.split("|")
    found = told(project, change).splitlines()
    assert found[0].endswith(message)
    assert found[-1] == f"hint: {hint}"


def test_an_asset_that_names_no_model_takes_the_one_that_draws(project, measured):
    project.edit("specs/catalog.yaml", ("models: [hand], ", ""))
    assert project.build().finished.generated == 2


def test_a_stand_in_for_all_models_leaves_weights_alone(project, measured):
    project.write({"imgbuild.yaml": "profiles:\n  preview: {models: {'*': placeholder}}\n"})
    assert project.build(profile="preview").failures == ()
    assert len(measured) == 2


def test_policies_hold_for_weights(project):
    project.write({"imgbuild.yaml": "policy: {providers: [painter]}\n"})
    found = project.tell("plan")
    assert "model 'clip' is of provider 'weights', which the project does not allow" in found.err


def test_pickles_are_read_with_consent_alone(project, measured, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project.write({"specs/weights/clip.pth": b"pickled"})
    project.edit("specs/catalog.yaml", ("clip.safetensors}", "clip.pth}"))
    built = project.build()
    assert {item.cause for item in built.failures} == {
        "specs/weights/clip.pth is pickled, and could run a program when it is read"
    }
    project.edit("specs/catalog.yaml", ("clip.pth}", "clip.pth, params: {allow_pickle: true}}"))
    wants = "model 'clip' reads pickled weights of specs/weights/clip.pth"
    refused = project.tell("build")
    assert refused.code != 0
    assert wants in refused.err
    assert project.tell("trust", "--yes").code == 0
    assert project.tell("build").code == 0
    assert project.tell("check").code == 0
    project.write({"specs/weights/clip.pth": b"another"})
    assert wants in project.tell("check").err
    assert wants in project.tell("build").err


def test_a_lock_is_upgraded_with_weights(project, measured):
    project.build()
    told = project.tell("lock", "--upgrade")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == ["catalog/clip: same", "catalog/hand: same"]


def test_a_locked_build_wants_weights_pinned(project, measured):
    project.build()
    project.write({"specs/weights/clip.safetensors": b"two"})
    with pytest.raises(LockWouldChange) as caught:
        project.build(locked=True)
    assert caught.value.message == "model 'clip' is not pinned as it is declared"


def test_pictures_that_exist_already_have_no_prompt(project, measured, monkeypatch):
    monkeypatch.undo()
    project.edit(
        "specs/catalog.yaml",
        ('prompt: "a {{ color }} lamp"', "from: 'a_{{ color }}.png'"),
        ("models: [hand], ", ""),
    )
    picture = encode(pillow.new("RGB", (8, 8)), Format())
    project.write({"specs/a_red.png": picture, "specs/a_blue.png": picture})
    assert {(item.cause, item.hint) for item in project.build().failures} == {
        (
            "'prompt_match' has nothing to compare with: this picture was made by no prompt",
            "give the rule a 'text'",
        )
    }


def test_what_looks_through_networks_is_made_in_this_process(project, measured, monkeypatch):
    monkeypatch.setattr(pipeline, "CREW_PAYS", 1)
    project.edit(
        "specs/catalog.yaml",
        ("{provider: painter}", "{provider: placeholder}"),
        ('prompt: "a', 'size: 32x32, prompt: "a'),
    )
    assert project.build(jobs=2).finished.generated == 2
    assert len(measured) == 2


def test_a_program_knows_one_name_only():
    assert declared_name(name_of("shop/catalog", "clip")) == ("shop/catalog", "clip")
    assert is_model(name_of("shop", "clip"))
    assert not is_model("shop/clip.png")


def test_models_tells_who_uses_weights(project, measured):
    project.build()
    found = project.tell("models").out
    assert "rules and operations use it" in found


def test_an_operation_has_the_weights_in_its_key(project, monkeypatch):
    ran = []

    def apply_by(step, picture, files, networks):
        ran.append(networks.weights(step.model).path.read_bytes())
        return picture.rotate(len(ran))

    monkeypatch.setattr(OPERATIONS.get("upscale"), "apply_by", apply_by)
    project.edit("specs/catalog.yaml", (f"validate: [{RULE}]", "process: [upscale: {model: clip}]"))
    assert project.build().failures == ()
    assert ran == [b"one", b"one"]
    assert project.build().finished.fresh == 2
    project.write({"specs/weights/clip.safetensors": b"two"})
    built = project.build()
    assert built.finished.generated == 0
    assert ran[2:] == [b"two", b"two"]
    project.edit("specs/catalog.yaml", ("  clip: {p", "  big: {p"), ("model: clip", "model: big"))
    assert project.build().finished.fresh == 2


def test_a_rendition_has_the_weights_in_its_key(project, painter, monkeypatch):
    ran = []

    def apply_by(step, picture, files, networks):
        ran.append(networks.weights(step.model).path.read_bytes())
        return picture.rotate(len(ran))

    monkeypatch.setattr(OPERATIONS.get("upscale"), "apply_by", apply_by)
    large = "renditions: {large: {process: [upscale: {model: clip}]}}"
    project.edit("specs/catalog.yaml", (f"validate: [{RULE}]", large))
    assert project.build().failures == ()
    assert (ran, set(pins(project))) == ([b"one", b"one"], {"clip", "hand"})
    assert dict(project.build().ran) == {}
    painter.asked.clear()
    project.write({"specs/weights/clip.safetensors": b"two"})
    assert dict(project.build().ran) == {"upscale": 2, "encode": 2}
    assert (ran[2:], painter.asked) == ([b"two", b"two"], [])
