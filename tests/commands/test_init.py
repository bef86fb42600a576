"""What `init` writes builds at once, and nothing that was there is lost."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from imgbuild.commands.starter import KEYS, Machine, look_around, settings_text
from imgbuild.spec.schema import schema_texts

WROTE = """\
wrote imgbuild.yaml
wrote specs/hello.yaml
wrote schema/spec.schema.json
wrote schema/settings.schema.json
wrote .gitignore
wrote .gitattributes
next: imgbuild build
"""

KEPT = """\
kept imgbuild.yaml, which was there already
kept specs/hello.yaml: there are specs already
kept schema/spec.schema.json, which was there already
kept schema/settings.schema.json, which was there already
kept .gitignore, which has all it needs
kept .gitattributes, which has all it needs
next: imgbuild build
"""

NAMES = [
    f"hello/{fruit}_{color}_{style}.png"
    for fruit in ("apple", "lemon", "pear")
    for color in ("orange", "teal")
    for style in ("moody", "plain")
]


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without keys and without a GPU."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_what_it_writes_builds_at_once(bench):
    project = bench()
    assert project.tell("init") == (0, WROTE, "")
    first = project.tell("build")
    assert (first.code, first.out.splitlines()[-1].partition(" in ")[0]) == (0, "built 12")
    assert sorted(project.outputs()) == NAMES
    assert project.tell("build") == (0, "up to date (12 targets)\n", "")
    preview = project.tell("build", "--profile", "preview")
    assert (preview.code, preview.out.splitlines()[-1].partition(" in ")[0]) == (0, "built 12")
    assert sorted(project.outputs("out/preview")) == NAMES


def test_a_second_time_changes_nothing(bench):
    project = bench()
    project.tell("init")
    before = project.state()
    assert project.tell("init") == (0, KEPT, "")
    assert project.state() == before


def test_a_folder_is_made_and_may_be_named(bench):
    project = bench()
    code, out, err = project.tell("init", "my brand")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "next: cd 'my brand' && imgbuild build"
    assert project.tell("-C", str(project.root / "my brand"), "plan").code == 0
    assert (project.root / "my brand/specs/hello.yaml").is_file()


def test_nothing_that_was_there_is_lost(bench):
    project = bench(
        {
            "imgbuild.yaml": "specs: art/specs\noutput: pictures\n",
            ".gitignore": "*.pyc\n/pictures",
            ".gitattributes": "*.png binary\n",
            "schema/spec.schema.json": "mine",
        }
    )
    assert project.tell("init", "-q") == (0, "", "")
    assert project.text("imgbuild.yaml") == "specs: art/specs\noutput: pictures\n"
    assert project.text("schema/spec.schema.json") == "mine"
    assert project.text(".gitignore") == "*.pyc\n/pictures\n/.imgbuild/\n.env\n"
    assert project.text(".gitattributes") == (
        "*.png binary\n"
        "# One line a picture: when two branches both add pictures, git keeps the lines of both, and the next\n"
        "# build sorts them and settles any that are there twice.\n"
        "art/specs/**/*.lock merge=union linguist-generated\n"
        "art/specs/**/*.reviews merge=union\n"
    )
    assert project.text("art/specs/hello.yaml").startswith(
        "# yaml-language-server: $schema=../../schema/spec.schema.json\n"
    )
    assert project.tell("build", "-q").code == 0
    assert len(project.outputs("pictures")) == 12


def test_specs_that_are_there_are_enough(bench):
    project = bench({"specs/logo.yml": "assets: {logo: {prompt: a logo, size: 64x64}}\n"})
    assert "kept specs/logo.yml: there are specs already\n" in project.tell("init").out
    assert not (project.root / "specs/hello.yaml").exists()
    assert project.tell("build", "-q").code == 0


def test_schemas_are_those_of_this_version(bench):
    project = bench()
    project.tell("init")
    for name in ("spec.schema.json", "settings.schema.json"):
        assert project.text(f"schema/{name}") == schema_texts()[name]


def test_what_is_in_the_way_is_named(bench):
    project = bench({"schema": "a file\n", "taken": ""})
    code, _, err = project.tell("init")
    assert (code, err) == (
        2,
        "error: schema/spec.schema.json can't be written: File exists\n"
        f"hint: see what is in its way in {project.root}\n",
    )
    assert project.tell("init", "taken") == (
        2,
        "",
        "error: 'taken' is not a folder\nhint: name a new or an existing one\n",
    )


def test_broken_settings_are_told_and_stay(bench):
    project = bench({"imgbuild.yaml": "outptu: x\n"})
    code, out, err = project.tell("init")
    assert (code, out) == (2, "kept imgbuild.yaml, which was there already\n")
    assert err.splitlines()[0] == "imgbuild.yaml:1:1: unknown key 'outptu'"


def test_keys_are_found_by_name_and_never_written(bench, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("FAL_KEY", "")
    project = bench()
    project.tell("init")
    text = project.text("imgbuild.yaml")
    assert (
        "# Found here: OPENAI_API_KEY.\nlimits: # how fast a provider may be asked\n  openai: {concurrency: 4}\n"
        in text
    )
    assert "\nbudget: # in US dollars; a build stops before it would spend more\n  build: 5\n" in text
    assert all(b"sk-secret" not in path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    assert project.tell("plan").code == 0


def test_a_gpu_is_found_by_its_tool(tmp_path):
    tool = tmp_path / "bin/nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    assert look_around({"PATH": str(tool.parent)}) == Machine((), True)
    assert look_around({"PATH": str(tmp_path)}) == Machine((), False)
    assert look_around({}) == Machine((), False)


@pytest.mark.parametrize("keys", [(), ("FAL_KEY",), tuple(KEYS)])
@pytest.mark.parametrize("gpu", [False, True])
def test_every_form_of_the_settings_can_be_read(bench, keys, gpu):
    project = bench({"imgbuild.yaml": settings_text(Machine(keys, gpu)), "specs/a.yaml": "assets: {}\n"})
    settings = project.load().settings
    assert sorted(settings.limits) == sorted([*(KEYS[key] for key in keys), *["diffusers"] * gpu])
    assert settings.budget.build == (5 if keys else None)
    assert list(settings.profiles) == ["preview"]
    assert Path(settings.output) == Path("out")
