"""What `doctor` finds well, and what it finds broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from imgbuild.commands.doctor import Sign
from imgbuild.commands.ground import feel, folds_case
from imgbuild.commands.starter import KEYS
from imgbuild.providers import PROVIDERS
from imgbuild.store.journal import Journal

SPEC = "models: {m: {provider: placeholder}}\nassets: {x: {prompt: hi, seeds: 2, size: 16x16}}\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without keys and without a GPU."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def project(bench):
    made = bench({"specs/a.yaml": SPEC})
    made.build()
    return made


def signs(project, code=0):
    told = project.tell("doctor", "--json")
    assert (told.code, told.err) == (code, "")
    return [msgspec.json.decode(line, type=Sign) for line in told.out.splitlines()]


def part(project, name, code=0):
    return [(sign.state, sign.text) for sign in signs(project, code) if sign.part == name]


def test_all_is_well(project):
    code, out, err = project.tell("doctor")
    assert (code, err) == (0, "")
    lines = [re.sub(r"\d+(\.\d+)* [kMGTP]?B", "…", line) for line in out.splitlines()]
    lines = [line for line in lines if not re.match(r"ok {6}(imgbuild|libraries|device) ", line)]
    assert [line for line in lines if line.startswith("ok      provider ")] == [
        f"ok      provider     {name} (adapter 1{wants})"
        for name, wants in (
            ("automatic1111", ""),
            ("bfl", ", needs BFL_API_KEY"),
            ("comfyui", ""),
            ("diffusers", ""),
            ("fal", ", needs FAL_KEY"),
            ("google", ", needs GEMINI_API_KEY or GOOGLE_API_KEY"),
            ("http", ""),
            ("huggingface", ", needs HF_TOKEN"),
            ("ideogram", ", needs IDEOGRAM_API_KEY"),
            ("openai", ", needs OPENAI_API_KEY"),
            ("openai_moderation", ", needs OPENAI_API_KEY"),
            ("placeholder", ""),
            ("replicate", ", needs REPLICATE_API_TOKEN"),
            ("stability", ", needs STABILITY_API_KEY"),
            ("weights", ""),
        )
    ]
    lines = [line for line in lines if not line.startswith("ok      provider ")]
    assert lines[:7] == [
        "ok      keys         no vendor's key is set",
        f"ok      project      {project.root} (no imgbuild.yaml, so the defaults hold)",
        "ok      specs        1 file, 2 targets",
        "ok      lock         2 of 2 targets",
        "ok      store        .imgbuild: 2 blobs, …",
        lines[5],
        "ok      file system  its clock is ours",
    ]
    assert lines[5] in (
        "ok      file system  no reflinks: outputs are copies",
        "ok      file system  outputs share their bytes with the store",
    )


def test_versions_are_told_and_torch_is_never_imported(project):
    before = {*sys.modules}
    found = {sign.part: sign.text for sign in signs(project)}
    assert re.fullmatch(r"\d\S+, Python 3\.\d+\.\d+, .+", found["imgbuild"])
    for name in ("msgspec", "Pillow", "numpy"):
        assert re.search(rf"\b{name} \d", found["libraries"])
    assert "torch" not in {*sys.modules} - before


def test_nothing_is_left_behind_and_nothing_is_changed(project):
    before = project.state()
    project.tell("doctor")
    assert project.state() == before


def test_keys_are_told_by_name(project, monkeypatch):
    monkeypatch.setenv("FAL_KEY", "secret-value")
    told = project.tell("doctor")
    assert "ok      keys         set: FAL_KEY\n" in told.out
    assert "secret-value" not in told.out


def test_keys_that_are_needed_and_not_set(project, painter, monkeypatch):
    dear = type("Dear", (painter,), {"env": ("DEAR_KEY", "DEAR_TOKEN")})
    monkeypatch.setitem(PROVIDERS._loaded, "dear", dear)
    monkeypatch.setitem(PROVIDERS._built_in, "dear", "nowhere:Dear")
    assert ("ok", "dear (adapter 1, needs DEAR_KEY or DEAR_TOKEN)") in part(project, "provider")
    assert part(project, "keys") == [("ok", "no vendor's key is set")]  # nothing here asks for one
    project.write({"specs/a.yaml": SPEC.replace("placeholder", "dear")})
    assert part(project, "keys") == [
        ("ok", "no vendor's key is set"),
        ("note", "model 'm' needs DEAR_KEY or DEAR_TOKEN, which is not set"),
    ]
    monkeypatch.setenv("DEAR_TOKEN", "secret-value")
    assert part(project, "keys") == [("ok", "set: DEAR_TOKEN")]
    project.write({"specs/a.yaml": SPEC.replace("placeholder", "dear, params: {key: IMGBUILD_HOUSE_KEY}")})
    assert part(project, "keys")[-1] == ("note", "model 'm' needs IMGBUILD_HOUSE_KEY, which is not set")
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", "secret-value")
    assert part(project, "keys")[-1] == ("ok", "model 'm' needs IMGBUILD_HOUSE_KEY, which is set")


HTTP = """\
models:
  house:
    provider: http
    size: 16x16
    fallback: [spare]
    params:
      request: {url: "https://images.example.com/v1", json: {prompt: "{{ prompt }}"}}
      key: IMGBUILD_HOUSE_KEY
      auth:
        header: x-api-key
        oauth: {url: "https://id.example.com/token", client_id: IMGBUILD_HOUSE_ID, client_secret: IMGBUILD_HOUSE_SECRET}
  spare: {provider: http, size: 16x16, params: {request: {url: "https://open.example.com/v1", json: {p: "{{ prompt }}"}}}}
assets: {x: {prompt: hi, models: [house]}}
"""


def test_all_variables_that_a_declaration_names_are_told_of(project, monkeypatch):
    project.write({"specs/a.yaml": HTTP})
    assert part(project, "keys") == [
        ("ok", "no vendor's key is set"),
        ("note", "model 'house' needs IMGBUILD_HOUSE_KEY, which is not set"),
        ("note", "model 'house' needs IMGBUILD_HOUSE_ID, which is not set"),
        ("note", "model 'house' needs IMGBUILD_HOUSE_SECRET, which is not set"),
    ]
    monkeypatch.setenv("IMGBUILD_HOUSE_ID", "a-secret")
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", " ")
    project.write({".env": "IMGBUILD_HOUSE_SECRET=b-secret\n"})
    (project.root / ".env").chmod(0o600)
    assert part(project, "keys") == [
        ("ok", "no vendor's key is set"),
        ("note", "model 'house' needs IMGBUILD_HOUSE_KEY, which is not set"),
        ("ok", "model 'house' needs IMGBUILD_HOUSE_ID, which is set"),
        ("ok", "model 'house' needs IMGBUILD_HOUSE_SECRET, which is set"),
    ]
    assert "-secret" not in project.tell("doctor").out


def test_keys_of_the_file(project, monkeypatch):
    monkeypatch.setenv("FAL_KEY", "a-secret")
    path = project.root / ".env"
    path.write_text("FAL_KEY=b-secret\nOPENAI_API_KEY=c-secret\nDATABASE=d-secret\n")
    path.chmod(0o600)
    assert part(project, "keys") == [("ok", "set: FAL_KEY; in .env: OPENAI_API_KEY")]
    project.write({"specs/a.yaml": SPEC.replace("placeholder", "openai, source: gpt-image-2")})
    assert part(project, "keys") == [("ok", "set: FAL_KEY; in .env: OPENAI_API_KEY")]
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert part(project, "keys") == [("ok", "set: FAL_KEY; in .env: OPENAI_API_KEY")]
    path.chmod(0o640)
    assert part(project, "keys")[1:] == [
        ("note", "others on this machine can read .env; `chmod 600 .env` ends that")
    ]
    assert "-secret" not in project.tell("doctor").out


def test_a_file_of_keys_that_can_not_be_used(project, tmp_path):
    (tmp_path / "elsewhere").write_text("FAL_KEY=b-secret\n")
    (project.root / ".env").symlink_to(tmp_path / "elsewhere")
    assert part(project, "keys", 1) == [
        ("ok", "no vendor's key is set"),
        (
            "broken",
            ".env is a link, and keys are read from nowhere else; "
            "write the keys into it, or set them in the environment",
        ),
    ]


def test_a_file_of_keys_that_git_could_give_away(project, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    project.write({".env": "FAL_KEY=b-secret\n"})
    (project.root / ".env").chmod(0o600)
    assert part(project, "keys", 1) == [
        ("ok", "in .env: FAL_KEY"),
        (
            "broken",
            "FAL_KEY is in .env, which git does not ignore: a commit could give it away; list .env in .gitignore",
        ),
    ]
    project.write({".gitignore": ".env\n"})
    assert part(project, "keys") == [("ok", "in .env: FAL_KEY")]


def test_a_file_without_keys_of_ours_is_none_of_our_business(project, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    project.write({".env": "DATABASE=d-secret\n"})
    assert part(project, "keys") == [("ok", "no vendor's key is set")]
    project.write({".env": "IMGBUILD_HOUSE_KEY=d-secret\n"})
    assert [state for state, _ in part(project, "keys", 1)] == ["ok", "broken", "note"]


def test_before_the_first_build(bench):
    project = bench({"imgbuild.yaml": "profiles: {small: {size: 8x8}}\n", "specs/a.yaml": SPEC})
    assert part(project, "lock") == [("note", "0 of 2 targets")]
    assert part(project, "store") == [("note", ".imgbuild is not there yet; `imgbuild build` makes it")]
    assert part(project, "project") == [("ok", f"{project.root} (imgbuild.yaml)")]
    assert not (project.root / ".imgbuild").exists()
    told = project.tell("doctor", "--profile", "small").out
    assert f"{project.root} (imgbuild.yaml, profile small)\n" in told


def test_broken_settings_end_it(project):
    project.write({"imgbuild.yaml": "output: [\n"})
    found = signs(project, 1)
    assert (found[-1].state, found[-1].part) == ("broken", "settings")
    assert found[-1].text.startswith("imgbuild.yaml:2:1: ")


def test_a_broken_spec_is_one_sign_of_many(project):
    project.write({"specs/a.yaml": "assets:\n  x: {promt: hi}\n"})
    assert part(project, "specs", 1)[0][0] == "broken"
    assert part(project, "specs", 1)[0][1].startswith("specs/a.yaml:2:7: ")
    assert part(project, "store", 1)[0][0] == "ok"


def test_rows_at_fault(project):
    project.write({"specs/a.yaml": "assets: {x: {from: nothing.png}}\n"})
    assert part(project, "specs", 1) == [
        ("ok", "1 file, 1 target"),
        ("broken", "1 target at fault; `imgbuild plan` names them"),
    ]


def test_a_damaged_store(project):
    (project.root / ".imgbuild/state.db").write_bytes(b"not a database")
    found = part(project, "store", 1)
    assert [state for state, _ in found] == ["ok", "broken"]
    assert found[1][1].endswith("; `imgbuild build` mends it")
    assert project.tell("doctor", "-q").out.startswith("broken  store ")
    assert project.tell("build", "-q").code == 0
    assert project.tell("doctor", "-q") == (0, "", "")


def test_a_damaged_lock(project):
    lock = project.root / "specs/a.lock"
    lock.write_text(lock.read_text().replace('"seed":', '"sead":', 1))
    found = part(project, "lock", 1)
    assert [state for state, _ in found] == ["note", "broken"]
    assert found[1][1].startswith("specs/a.lock:")


def test_requests_of_unknown_fate(project):
    Journal(project.root / ".imgbuild/journal").begin("key", "dear", 0.1)
    assert part(project, "store")[1] == ("note", "1 paid request of unknown fate")


def test_another_clock_is_noted(project, monkeypatch):
    monkeypatch.setattr("imgbuild.commands.ground.time.time", lambda: 1e9)
    assert re.search(
        r"its clock is .+ off ours: an edit may be overlooked", str(part(project, "file system"))
    )


def test_little_room_is_noted(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5))
    assert (False, "5 B free") in list(feel(tmp_path / "store", tmp_path / "out", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_cases(tmp_path: Path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"")
    assert not folds_case(tmp_path / "out", tmp_path)
    (tmp_path / "out/A.PNG").hardlink_to(tmp_path / "out/a.png")  # how one file with two names looks
    assert folds_case(tmp_path / "out", tmp_path)
    assert not folds_case(tmp_path / "none", tmp_path)
