"""The declared models, with pins, licences and uses."""

from __future__ import annotations

import re

import msgspec
import pytest

SPEC = """\
models:
  one: {provider: painter, source: a, revision: main, license: mit, fallback: [two]}
  two: {provider: painter, source: b}
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
        "model | provider | source | pin | grade | licence | takes | targets",
        f"idle | placeholder | unpinned | bitwise | {TAKES}; 8–8192 px | 0",
        f"one | painter | a@main | unpinned | bitwise | mit | {TAKES}; 1–16384 px | 3",
        f"two | painter | b | unpinned | bitwise | {TAKES}; 1–16384 px | 0 + 3 as fallback",
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
    one = rows[1]
    assert one.pop("capabilities")["default_size"] == [16, 16]
    assert one == {
        "spec": "a",
        "model": "one",
        "provider": "painter",
        "source": "a",
        "revision": "main",
        "pin": {"provider": "painter", "source": "a", "revision": "main", "declared": "main"},
        "outdated": False,
        "license": "mit",
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
