"""Paths in a model's declaration, written from the project's root."""

import pytest

from imgbuild.errors import SpecError
from imgbuild.spec.located import located
from imgbuild.types import Model


def at_specs(path, place):
    return f"specs/{path.removeprefix('./')}"


def test_a_model_without_paths_is_itself():
    model = Model(provider="p", source="acme/xl", params={"lora": "brand", "steps": 3, "of": ["a/./b"]})
    assert located(model, at_specs) is model


def test_paths_are_found_wherever_they_stand():
    places = []

    def locate(path, place):
        places.append(place)
        return at_specs(path, place)

    params = {"vae": "./vae", "lora": [{"file": "./a.st", "scale": 2}, "./b.st"], "steps": 3}
    made = located(Model(provider="p", source="./xl", params=params), locate)
    assert made.source == "./specs/xl"
    assert made.params == {
        "vae": "./specs/vae",
        "lora": [{"file": "./specs/a.st", "scale": 2}, "./specs/b.st"],
        "steps": 3,
    }
    assert places == [("source",), ("params", "vae"), ("params", "lora", 0, "file"), ("params", "lora", 1)]


def test_they_are_relative_to_the_file_that_declares_them(bench, painter):
    made = bench(
        {
            "shared/models.yaml": "models: {m: {provider: painter, source: ./xl, params: {of: [../x]}}}\n",
            "specs/catalog.yaml": "include: [../shared/models.yaml]\nassets: {lamp: {prompt: a lamp}}\n",
            "imgbuild.yaml": "profiles: {other: {models: {m: {provider: painter, source: ./small}}}}\n",
        }
    )
    made.build()
    assert (painter.asked[0].pin.source, painter.asked[0].params) == ("./shared/xl", {"of": ["./x"]})
    made.build(profile="other")
    assert painter.asked[1].pin.source == "./small"


def test_one_that_leaves_the_project_is_told_at_its_place(bench, painter):
    made = bench(
        {
            "specs/catalog.yaml": """\
                models: {m: {provider: painter, params: {of: [../../x]}}}
                assets: {lamp: {prompt: a lamp}}
                """
        }
    )
    with pytest.raises(SpecError) as caught:
        made.build()
    assert caught.value.lines() == [
        "specs/catalog.yaml:1:47: '../../x' leads out of the project",
        "    1 | models: {m: {provider: painter, params: {of: [../../x]}}}",
        "      |                                               ^^^^^^^",
        "hint: move the file into the project",
    ]
