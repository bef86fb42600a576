"""The declared models, with pins, licences and uses."""

from __future__ import annotations

import re

import msgspec
import pytest

SPEC = """\
models:
  one: {provider: painter, source: a, revision: main, license: mit, fallback: [two]}
  two: {provider: painter, source: b, price: 0.02, traits: {text: true, people: false}}
  idle: {provider: placeholder}
assets:
  x: {prompt: hi, models: [one], seeds: 3, size: 16x16}
"""


TAKES = "control, image, mask, negative, reference, seed"


@pytest.fixture
def project(bench, painter):
    return bench({"specs/a.yaml": SPEC})


def columns(project, *arguments):
    """The table without its alignment: cells parted by a bar."""
    code, out, err = project.tell("models", *arguments)
    assert (code, err) == (0, "")
    return [re.sub("  +", " | ", line) for line in out.splitlines()]


def test_before_a_build_nothing_is_pinned(project):
    assert columns(project) == [
        "model | provider | source | pin | grade | licence | safety | traits | price | takes | targets",
        f"idle | placeholder | unpinned | bitwise | none | free | {TAKES}; 8–8192 px | 0",
        f"one | painter | a@main | unpinned | bitwise | mit | not known | free | {TAKES}; 1–16384 px | 3",
        f"two | painter | b | unpinned | bitwise | not known | no people, text | $0.02 | {TAKES}; 1–16384 px"
        " | 0 + 3 as fallback",
    ]


def test_pins_are_those_of_the_lock(project, painter, monkeypatch):
    project.build()
    rows = project.tell("models").out.splitlines()
    assert [line[28:44].strip() for line in rows] == [
        "pin       grade",
        "unpinned  bitwis",
        "main      bitwis",
        "pinned    bitwis",
    ]
    monkeypatch.setattr(painter, "version", 2)
    assert "main (older adapter)" in project.tell("models").out


def test_as_json(project):
    project.build()
    rows = [msgspec.json.decode(line) for line in project.tell("models", "--json").out.splitlines()]
    one, two = rows[1:]
    takes = one.pop("capabilities")
    assert (takes["default_size"], takes["safety"]) == ([16, 16], "not known")
    assert (two["traits"], two["price"]) == ({"people": False, "text": True}, 0.02)
    assert one == {
        "spec": "a",
        "model": "one",
        "provider": "painter",
        "source": "a",
        "revision": "main",
        "pin": {"provider": "painter", "source": "a", "revision": "main", "declared": "main"},
        "outdated": False,
        "license": "mit",
        "traits": {},
        "price": 0.0,
        "targets": 3,
        "fallback": 0,
    }


def test_names_of_two_specs_are_told_apart(bench):
    spec = "models: {m: {provider: placeholder}}\nassets: {}\n"
    rows = bench({"specs/a.yaml": spec, "specs/b.yaml": spec}).tell("models").out.splitlines()
    assert [line.split()[0] for line in rows] == ["model", "a/m", "b/m"]


def test_a_profile_puts_another_in_its_place(project):
    project.write({"imgbuild.yaml": "profiles: {preview: {models: {'*': placeholder}}}\n"})
    rows = project.tell("models", "--profile", "preview").out.splitlines()
    assert [line.split()[:2] for line in rows[1:]] == [
        ["idle", "placeholder"],
        ["one", "placeholder"],
        ["two", "painter"],
    ]


def test_without_models(bench):
    told = "no models are declared: assets that name none are drawn by the placeholder\n"
    assert bench({"specs/a.yaml": "assets: {}\n"}).tell("models") == (0, told, "")


def test_a_model_that_its_provider_does_not_know_is_told_with_its_place(bench):
    project = bench({"specs/a.yaml": "models:\n  m: {provider: nobody}\nassets: {}\n"})
    code, out, err = project.tell("models")
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith("specs/a.yaml:2:")
    assert "nobody" in err


VENDORS = """\
models:
  auto: {provider: openai, source: gpt-image-2, params: {quality: low}, license: commercial}
  low: {provider: openai, source: gpt-image-2-2026-04-21, params: {moderation: low}, size: 1024x1536}
  house: {provider: openai, source: gpt-image-2, params: {base_url: "https://images.example.com/v1"}}
  flux: {provider: bfl, source: flux-2-pro, traits: {text: false}}
  mild: {provider: bfl, source: flux-2-pro, params: {safety_tolerance: 4}}
  gemini: {provider: google, source: gemini-3-pro-image}
  ideogram: {provider: ideogram, source: ideogram-v3}
  core: {provider: stability, source: core}
  web: {provider: automatic1111, source: juggernaut}
  any: {provider: replicate, source: acme/any}
  lax: {provider: replicate, source: acme/any, params: {disable_safety_checker: true}}
  strict: {provider: replicate, source: acme/any, params: {safety_tolerance: 1}}
  sdxl: {provider: diffusers, source: stabilityai/stable-diffusion-xl-base-1.0}
  clip: {provider: weights, source: openai/clip-vit-base-patch32}
assets: {}
"""


def test_what_is_said_of_well_known_models(bench):
    told = bench({"specs/a.yaml": VENDORS}).tell("models", "--json").out
    rows = {row["model"]: row for row in map(msgspec.json.decode, told.splitlines())}
    assert {
        name: (row["capabilities"]["safety"], row["price"], row["traits"]) for name, row in rows.items()
    } == {
        "any": ("not known", None, {}),
        "auto": ("moderation auto", 0.006, {"photorealism": True, "text": True}),
        "clip": ("not known", None, {}),
        "core": ("the vendor's own", 0.03, {}),
        "flux": ("the vendor's own", 0.03, {"photorealism": True, "text": False}),
        "gemini": ("the vendor's own", 0.134, {"text": True}),
        "house": ("not known", None, {}),
        "ideogram": ("the vendor's own", 0.06, {"photorealism": True, "text": True}),
        "lax": ("safety checker off", None, {}),
        "low": ("moderation low", 0.165, {"photorealism": True, "text": True}),
        "mild": ("safety_tolerance 4 of 5", 0.03, {"photorealism": True}),
        "sdxl": ("not known", 0.0, {"people": False, "text": False}),
        "strict": ("safety_tolerance 1", None, {}),
        "web": ("not known", 0.0, {}),
    }


def test_weights_have_no_price_and_no_safety(bench):
    rows = columns(bench({"specs/a.yaml": VENDORS}))
    assert rows[3] == (
        "clip | weights | openai/clip-vit-base-patch32 | unpinned | bitwise | rules and operations use it | 0"
    )


def test_of_many_sizes_some_are_shown(bench):
    rows = columns(bench({"specs/a.yaml": VENDORS}))
    assert rows[4].endswith("negative, seed; 1248x1248, 1664x936, 936x1664, 1536x1024, … (9 sizes) | 0")
