"""Keys of the file `.env`: read where one is asked for that the environment lacks, and kept out of git."""

from __future__ import annotations

import os
import subprocess

import pytest

from imgbuild.errors import Unavailable
from imgbuild.providers import PROVIDERS
from imgbuild.providers.keyring import LARGEST, Keyring, is_open
from imgbuild.providers.keys import key_of
from imgbuild.types import Pin, Request


@pytest.fixture
def keys(tmp_path):
    """A function: text of the file, and what is set → the keyring of a project that has it."""

    def make(text=None, **environ):
        if text is not None:
            (tmp_path / ".env").write_bytes(text if isinstance(text, bytes) else text.encode())
        return Keyring(environ, tmp_path)

    return make


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A function that runs git in the project, which is a repository."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(*arguments):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    run("init", "-q")
    return run


def fault(keys, name="A_KEY"):
    with pytest.raises(Unavailable) as raised:
        keys.get(name)
    return raised.value.message, raised.value.hint


def test_the_environment_goes_before_the_file(keys):
    found = keys("A_KEY=file\nB_KEY=file\nC_KEY=\nD_KEY\n", A_KEY="set", B_KEY=" ", E_KEY="set")
    assert [found.get(f"{letter}_KEY") for letter in "ABCDEF"] == ["set", "file", None, None, "set", None]
    assert (sorted(found), len(found)) == (["A_KEY", "B_KEY", "E_KEY"], 3)
    assert dict(found.written()) == {"A_KEY": "file", "B_KEY": "file"}


def test_without_a_file_only_the_environment_counts(keys):
    assert dict(keys(A_KEY="set")) == {"A_KEY": "set"}


def test_the_file_is_read_as_usual_and_refers_to_nothing(keys, monkeypatch):
    monkeypatch.setenv("OTHER_SECRET", "leaked")
    text = "\ufeff# keys\nexport A_KEY='a b' # mine\nB_KEY=\"two\\nlines\"\nC_KEY=${OTHER_SECRET}\n"
    assert dict(keys(text)) == {"A_KEY": "a b", "B_KEY": "two\nlines", "C_KEY": "${OTHER_SECRET}"}


def test_a_line_that_is_none_is_passed_over_and_nowhere_told(keys, capfd, caplog):
    assert keys("A KEY = secret 'x\nA_KEY=a\n").get("A_KEY") == "a"
    assert capfd.readouterr() == ("", "")
    assert "secret" not in caplog.text


def test_nothing_gets_into_the_environment(keys):
    before = dict(os.environ)
    assert keys("A_KEY=file\n")["A_KEY"] == "file"
    assert dict(os.environ) == before


def test_the_file_is_not_looked_at_where_the_environment_has_the_key(keys, monkeypatch):
    found = keys(b"\xff", A_KEY="set")
    monkeypatch.setattr("imgbuild.providers.keyring._check_git", pytest.fail)
    assert found["A_KEY"] == "set"


def test_git_is_asked_once_and_only_for_a_key_that_the_file_has(keys, monkeypatch):
    asked = []
    monkeypatch.setattr("imgbuild.providers.keyring._check_git", lambda root, name: asked.append(name))
    found = keys("A_KEY=file\nB_KEY=file\n")
    assert found.get("C_KEY") is None
    assert asked == []
    assert (found["A_KEY"], found["B_KEY"], asked) == ("file", "file", ["A_KEY"])


# --- git --------------------------------------------------------------------------------------------------


def test_a_file_that_git_ignores(keys, git, tmp_path):
    (tmp_path / ".gitignore").write_text(".env\n")
    assert keys("A_KEY=file\n")["A_KEY"] == "file"


def test_a_file_that_only_this_clone_ignores(keys, git, tmp_path):
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/exclude").write_text(".env\n")
    assert keys("A_KEY=file\n")["A_KEY"] == "file"


def test_a_file_that_git_would_take_in(keys, git):
    assert fault(keys("A_KEY=file\n")) == (
        "A_KEY is in .env, which git does not ignore: a commit could give it away",
        "list .env in .gitignore",
    )


def test_a_file_that_git_has(keys, git, tmp_path):
    found = keys("A_KEY=file\n")
    git("add", "-f", ".env")
    (tmp_path / ".gitignore").write_text(".env\n")
    assert fault(found) == (
        "A_KEY is in .env, which git tracks: whoever has the repository has the key",
        "have another one made, list .env in .gitignore, and take it out by `git rm --cached .env`",
    )


def test_a_project_in_a_folder_of_a_repository(keys, git, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/.env").write_text("A_KEY=file\n")
    found = Keyring({}, tmp_path / "site")
    assert fault(found)[1] == "list .env in .gitignore"
    (tmp_path / ".gitignore").write_text(".env\n")
    assert found["A_KEY"] == "file"


def test_nothing_that_a_repository_names_is_run(keys, git, tmp_path):
    """Its settings may be a stranger's."""
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    spy.chmod(0o755)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/post-index-change").symlink_to(spy)
    git("add", "spy")
    git("config", "core.fsmonitor", str(spy))
    git("config", "core.hooksPath", str(tmp_path / "hooks"))
    assert fault(keys("A_KEY=file\n"))[1] == "list .env in .gitignore"
    assert not (tmp_path / "ran").exists()


def test_a_hook_of_another_repository_changes_nothing(keys, git, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert fault(keys("A_KEY=file\n"))[1] == "list .env in .gitignore"


def test_where_there_is_no_git(keys, git, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert keys("A_KEY=file\n")["A_KEY"] == "file"


# --- the file ---------------------------------------------------------------------------------------------


def test_a_file_that_is_no_text(keys):
    assert fault(keys(b"A_KEY=\xff\n")) == (
        ".env is no text in UTF-8",
        "write a line NAME=value for each key",
    )


def test_a_file_that_is_too_large(keys):
    assert fault(keys("#" * (LARGEST + 1))) == (
        ".env has more than 1 MB",
        "write a line NAME=value for each key",
    )


def test_a_file_that_can_not_be_read(keys, tmp_path, monkeypatch):
    def refuse(self, *_):
        raise PermissionError(13, "Permission denied")

    found = keys("A_KEY=file\n")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert fault(found) == (".env can't be read: Permission denied", "is it yours?")


def test_a_link_leads_nowhere(keys, tmp_path):
    (tmp_path / "elsewhere").write_text("A_KEY=file\n")
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    assert fault(keys()) == (
        ".env is a link, and keys are read from nowhere else",
        "write the keys into it, or set them in the environment",
    )


def test_a_folder_of_that_name_is_no_file(keys, tmp_path):
    (tmp_path / ".env").mkdir()
    assert keys().get("A_KEY") is None


def test_who_may_read_it(keys, tmp_path):
    keys("A_KEY=file\n")
    for mode, open_ in ((0o600, False), (0o400, False), (0o640, True), (0o602, True)):
        (tmp_path / ".env").chmod(mode)
        assert is_open(tmp_path / ".env") is open_


# --- who asks ---------------------------------------------------------------------------------------------


def test_the_first_key_that_there_is(keys):
    found = keys("B_KEY=file\nC_KEY=other\n")
    assert key_of(["A_KEY", "B_KEY", "C_KEY"], "house", found) == "file"
    with pytest.raises(Unavailable) as raised:
        key_of(["A_KEY", "D_KEY"], "house", found)
    assert str(raised.value) == (
        "error: 'house' needs a key, and A_KEY or D_KEY is not set\nhint: set it, and build again"
    )


@pytest.mark.parametrize("name", ["bfl", "google", "ideogram", "openai", "stability"])
def test_adapters_ask_for_their_keys_where_they_are_told_to(name, monkeypatch):
    for variable in PROVIDERS.get(name).env:
        monkeypatch.setenv(variable, "secret")
    provider = PROVIDERS.get(name)()
    provider.environ = {}
    source = {"stability": "core", "google": "gemini-3.1-flash-image"}.get(name, "flux-2-pro")
    pin = Pin(provider=name, source=source)
    request = Request(pin=pin, prompt="hi", negative="", width=1024, height=1024, seed=1)
    with pytest.raises(Unavailable) as raised:
        provider.generate([request])
    assert raised.value.message == f"'{name}' needs a key, and {' or '.join(provider.env)} is not set"
