"""The scripts that shells load, and what these ask the program for, through its own entry point."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from imgbuild.commands.completion import known_names

SPEC = """\
assets:
  logo:
    prompt: a {{ color }} logo
    matrix: {color: [red, blue]}
    size: 16x16
  banner: {prompt: a banner, size: 16x16}
"""
RED, BLUE = "brand/logo[color=red]@placeholder#0", "brand/logo[color=blue]@placeholder#0"
BANNER = "brand/banner@placeholder#0"


@pytest.fixture
def built(bench):
    project = bench({"specs/brand.yaml": SPEC})
    assert project.tell("build", "-q").code == 0
    return project


def asked(project, words, shell="bash"):
    """What the program completes the last of the words with, when a shell asks it."""
    env = {"_IMGBUILD_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
    told = project.call(env={**env, "COMP_CWORD": str(len(words.split(" ")) - 1)})
    assert (told.code, told.err) == (0, "")
    return told.out.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_one_that_the_program_gives_to_a_shell(bench, shell):
    project = bench()
    code, out, err = project.tell("completion", shell)
    assert (code, err) == (0, "")
    assert f"_IMGBUILD_COMPLETE={shell}_complete" in out
    asked_for = project.call(env={"_IMGBUILD_COMPLETE": f"{shell}_source"})
    assert asked_for.out.strip("\n") == out.strip("\n")


def test_the_shell_in_use_is_meant(bench, monkeypatch):
    project = bench()
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert project.tell("completion") == project.tell("completion", "fish")
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert project.tell("completion") == (
        2,
        "",
        "error: no completion for the shell 'tcsh'\nhint: name one: bash, zsh, fish\n",
    )


def test_verbs_options_and_files(built):
    assert asked(built, "imgbuild pl") == ["plain,plan"]
    assert asked(built, "imgbuild check --rev") == ["plain,--review"]
    assert asked(built, "imgbuild build sp") == ["file,sp"]


def test_targets(built):
    assert asked(built, "imgbuild build -s bra") == ["plain,brand/banner", "plain,brand/logo"]
    assert asked(built, "imgbuild why lo") == ["plain,logo"]
    assert asked(built, "imgbuild why brand/logo") == [f"plain,{BLUE}", f"plain,{RED}"]


def test_known_names(built, tmp_path):
    def names(begun):
        return known_names(built.root / "specs", {}, begun)

    assert names("") == ["brand/banner", "banner", "brand/logo", "logo"]
    assert names("brand/logo[color=r") == [RED]
    assert names("brand/banner@") == [BANNER]
    assert names("zebra") == []
    assert known_names(tmp_path, {}, "") == []


def test_a_broken_project_says_nothing_between_the_letters(built):
    built.write({"imgbuild.yaml": "specs: [\n"})
    assert known_names(built.root, {}, "") == []
    assert asked(built, "imgbuild build -s b") == [""]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_takes_the_script(bench):
    script = bench().tell("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""
