"""A profile builds the same specs another way: its own models, sizes, outputs, state and, if it says so, lock."""

import json
from textwrap import dedent

import pytest
from PIL import Image

SPEC = """
    models:
      paint: {provider: painter, params: {steps: 40}}
      other: {provider: painter, params: {tone: dark}}
    assets:
      shots:
        prompt: "Photo of {{ name }}"
        matrix: {name: [chair, lamp]}
        models: [paint]
        size: 64x32
        params: {steps: 50}
        attempts: 3
        validate:
          - dimensions: {width: 64, height: 32}
    """
SETTINGS = """
    profiles:
      preview:
        models: {paint: {provider: placeholder}}
        size: 24x24
        params: {steps: 2}
        validate: false
      night:
        models: {"*": other}
        attempts: 1
        output: dark/out
        lock: true
    """
FILES = {"specs/catalog.yaml": SPEC, "imgbuild.yaml": SETTINGS}


@pytest.fixture
def shop(bench, painter):
    return bench(FILES)


def sizes(project, folder):
    found = {}
    for name in project.outputs(folder):
        with Image.open(project.root / folder / name) as picture:
            found[name] = picture.size
    return found


def plan(project, *flags):
    told = project.tell("plan", "--json", *flags)
    assert told.code == 0, told.err
    return {row["action"] for row in map(json.loads, told.out.splitlines())}


def test_a_profile_overrides_models_sizes_parameters_and_rules(shop, painter):
    assert shop.build(profile="preview").finished.exit_code == 0
    assert painter.asked == []
    assert sizes(shop, "out/preview") == {"shots/chair_0.png": (24, 24), "shots/lamp_0.png": (24, 24)}
    told = shop.tell("models", "--profile", "preview").out.splitlines()
    assert told[2].split()[:2] == ["paint", "placeholder"]
    shop.build(profile="night")
    assert {
        (request.width, request.params["tone"], request.params["steps"]) for request in painter.asked
    } == {(64, "dark", 50)}
    assert sizes(shop, "dark/out") == {"shots/chair_0.png": (64, 32), "shots/lamp_0.png": (64, 32)}


def test_its_parameters_stand_over_those_of_model_and_asset(shop, painter):
    shop.edit("imgbuild.yaml", ("    models: {paint: {provider: placeholder}}\n", ""))
    shop.build(profile="preview")
    assert {(request.width, request.params["steps"]) for request in painter.asked} == {(24, 2)}


def test_outputs_lock_and_state_of_the_default_build_are_untouched(shop, painter):
    shop.build()
    before, locks = shop.state("out"), shop.locks()
    painter.asked.clear()
    shop.build(profile="preview")
    shop.build(profile="night")
    now = {name: stamp for name, stamp in shop.state("out").items() if not name.startswith("preview/")}
    assert (now, shop.locks()["specs/catalog.lock"]) == (before, locks["specs/catalog.lock"])
    painter.asked.clear()
    for profile in ("", "preview", "night"):
        ended = shop.build(profile=profile)
        assert (dict(ended.ran), ended.finished.fresh, ended.finished.removed) == ({}, 2, 0)
    assert painter.asked == []


def test_without_lock_its_pins_are_in_the_store_only(shop):
    shop.build(profile="preview")
    assert shop.locks() == {}
    kept = list((shop.root / ".imgbuild").rglob("*.lock"))
    assert [path.relative_to(shop.root).as_posix() for path in kept] == [
        ".imgbuild/profiles/preview/specs/catalog.lock"
    ]
    assert b'"provider":"placeholder"' in kept[0].read_bytes()
    assert plan(shop, "--profile", "preview") == {"fresh"}
    assert plan(shop) == {"unpinned"}


def test_a_profile_with_a_lock_commits_its_own(shop):
    shop.build(profile="night")
    assert list(shop.locks()) == ["specs/catalog.night.lock"]
    shop.build()
    assert list(shop.locks()) == ["specs/catalog.lock", "specs/catalog.night.lock"]
    mine, its = shop.lines(), shop.lines("catalog.night")
    assert mine.keys() == its.keys()
    assert {line.seed for line in mine.values()} == {line.seed for line in its.values()}
    assert not {line.image for line in mine.values()} & {line.image for line in its.values()}


def test_each_profile_has_its_own_outcomes(shop):
    """What a rule says of one profile's images says nothing of another's."""
    shop.edit("specs/catalog.yaml", ("width: 64", "width: 65"))
    assert shop.build().finished.exit_code == 3
    assert shop.build(profile="preview").finished.exit_code == 0
    assert shop.build(profile="night").finished.exit_code == 3
    shop.edit("specs/catalog.yaml", ("width: 65", "width: 64"))
    assert shop.build().finished.exit_code == 0
    assert shop.build(profile="night").finished.exit_code == 0


def test_an_edit_is_built_for_each_profile(shop, painter):
    for profile in ("", "night"):
        shop.build(profile=profile)
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("Photo", "Picture"))
    for profile in ("", "night"):
        assert dict(shop.build(profile=profile).ran) == {"generate": 2}
    assert len(painter.asked) == 4


def test_outputs_that_go_are_only_the_profiles_own(shop):
    for profile in ("", "preview", "night"):
        shop.build(profile=profile)
    shop.edit("specs/catalog.yaml", ("[chair, lamp]", "[chair]"))
    assert shop.build(profile="preview").finished.removed == 1
    assert list(shop.outputs("out/preview")) == ["shots/chair_0.png"]
    assert sorted(shop.outputs("out")) == [
        "preview/shots/chair_0.png",
        "shots/chair_0.png",
        "shots/lamp_0.png",
    ]
    assert sorted(shop.outputs("dark/out")) == ["shots/chair_0.png", "shots/lamp_0.png"]
    assert shop.build().finished.removed == 1
    assert sorted(shop.outputs("out")) == ["preview/shots/chair_0.png", "shots/chair_0.png"]


def test_a_profiles_folder_is_no_place_for_other_outputs(shop):
    """The default build can't write into, or take away, what a profile publishes below the same folder."""
    shop.edit(
        "specs/catalog.yaml",
        ("models: [paint]", 'models: [paint]\n    output: "preview/shots/{{ name }}_0.png"'),
    )
    shop.build(profile="preview")
    shop.build()
    assert sizes(shop, "out")["preview/shots/chair_0.png"] == (64, 32)
    assert sizes(shop, "out")["preview/preview/shots/chair_0.png"] == (24, 24)


def test_a_null_build_of_each(bench):
    spec = "assets: {shots: {prompt: a lamp, size: 16x16}}\n"
    project = bench({"specs/catalog.yaml": spec, "imgbuild.yaml": "profiles: {preview: {size: 8x8}}\n"})
    flags = ((), ("--profile", "preview"))
    for flag in flags:
        assert project.call("build", *flag).code == 0
    before = project.state()
    for flag in flags:
        told = project.call("build", *flag, python=("-X", "importtime"))
        assert (told.code, told.out) == (0, "up to date (1 target)\n")
        assert "imgbuild.cli" not in told.err
    assert project.state() == before
    assert project.call("build", env={"IMGBUILD_PROFILE": "preview"}).out.startswith("up to date")
    project.edit("specs/catalog.yaml", ("a lamp", "a chair"))
    for flag in flags:
        assert "built 1 in" in project.call("build", *flag).out


FAULTS = {
    "an unknown profile": (
        ("--profile", "previw"),
        SETTINGS,
        """\
        error: unknown profile 'previw'
        hint: did you mean 'preview'? Profiles here: night, preview
        """,
    ),
    "no profiles": (
        ("--profile", "preview"),
        "output: out",
        """\
        error: unknown profile 'preview'
        hint: there are no profiles here
        """,
    ),
    "a model that is none": (
        ("--profile", "preview"),
        "profiles: {preview: {models: {paint: othr}}}",
        """\
        imgbuild.yaml:1:38: profile 'preview' puts 'othr' in place of 'paint', which is no model here
            1 | profiles: {preview: {models: {paint: othr}}}
              |                                      ^^^^
        hint: did you mean 'other'? Models here: other, paint, placeholder
        """,
    ),
    "a size that the model does not make": (
        ("--profile", "preview"),
        "profiles: {preview: {models: {paint: {provider: placeholder}}, size: 4x4}}",
        """\
        imgbuild.yaml:1:70: model 'paint' makes no images of 4x4
            1 | profiles: {preview: {models: {paint: {provider: placeholder}}, size: 4x4}}
              |                                                                      ^^^
        hint: leave it out, or let the model say 'unsupported: {size: drop}'; sides must be 8 to 8192 pixels
        """,
    ),
    "a parameter that the model does not take": (
        ("--profile", "preview"),
        "profiles: {preview: {models: {paint: {provider: placeholder}}, params: {steps: many}}}",
        """\
        imgbuild.yaml:1:80: parameter 'steps' of model 'paint' must be a whole number
            1 | profiles: {preview: {models: {paint: {provider: placeholder}}, params: {steps: many}}}
              |                                                                                ^^^^
        hint: it takes a whole number from 1 to 1000
        """,
    ),
    "a key that is none": (
        (),
        "profiles: {preview: {sise: 4x4}}",
        """\
        imgbuild.yaml:1:22: unknown key 'sise'
            1 | profiles: {preview: {sise: 4x4}}
              |                      ^^^^
        hint: did you mean 'size'? Keys here: attempts, lock, models, output, params, size, validate
        """,
    ),
    "the output folder of another": (
        (),
        "profiles: {preview: {output: out}}",
        """\
        imgbuild.yaml:1:30: 'out' is already the output folder of the default build
            1 | profiles: {preview: {output: out}}
              |                              ^^^
        hint: name another one, or leave it out for 'out/preview'
        """,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_faults_of_a_profile(shop, name):
    flags, settings, error = FAULTS[name]
    shop.write({"imgbuild.yaml": dedent(settings)})
    told = shop.tell("plan", *flags)
    assert (told.err, told.out, told.code) == (dedent(error), "", 2)


def test_a_model_that_nothing_declares_is_pointed_out(shop):
    shop.write({"imgbuild.yaml": "profiles: {preview: {models: {pant: other}}}"})
    assert (
        "warning: imgbuild.yaml:1:31: profile 'preview' replaces model 'pant', which no spec declares"
        in shop.tell("plan", "--profile", "preview").out.splitlines()
    )
