"""Git is asked alone: what a repository or a hook says is neither run nor taken over."""

import os
import subprocess

import pytest

from imgbuild.git import Told, ask_git


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
    return tmp_path


def test_what_git_says(repository):
    assert ask_git(repository, "rev-parse", "--is-inside-work-tree") == Told(0, b"true\n", "")
    told = ask_git(repository, "hash-object", "--stdin", given=b"a")
    assert told.out == b"2e65efe2a145dda7ee51d1741299f848e5bf752e\n"


def test_what_git_complains_of(tmp_path):
    told = ask_git(tmp_path, "rev-parse", "--is-inside-work-tree")
    assert told == (128, b"", "not a git repository (or any of the parent directories): .git")


def test_without_git(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert ask_git(repository, "status") == (128, b"", "git is not installed")


def test_of_the_environment_only_what_the_user_says_of_themselves(repository, tmp_path):
    config = tmp_path / "own"
    config.write_text("[user]\n  name = Ann\n")
    given = {
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_CONFIG_GLOBAL": str(config),
        "PATH": os.environ["PATH"],
    }
    author = {"GIT_AUTHOR_EMAIL": "ann@shop.example"}
    told = ask_git(repository, "var", "GIT_AUTHOR_IDENT", environ={**given, **author})
    assert told.out.startswith(b"Ann <ann@shop.example> ")


def test_nothing_that_a_repository_names_is_run(repository, tmp_path):
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    spy.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager"):
        subprocess.run(["git", "-C", str(repository), "config", name, str(spy)], check=True)
    ask_git(repository, "status", "--porcelain")
    ask_git(repository, "fetch", "ssh://host.invalid/x")
    assert not (tmp_path / "ran").exists()
