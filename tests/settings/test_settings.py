"""Settings: what each file, variable and flag says, which wins, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from imgbuild.errors import ImgbuildError, UsageError
from imgbuild.files import Files
from imgbuild.settings import (
    Budget,
    Cost,
    Limit,
    Notify,
    Profile,
    Settings,
    find_root,
    load_settings,
    parse_size,
)
from imgbuild.types import Model


class Place:
    """A project and a home below one temporary folder."""

    def __init__(self, top: Path) -> None:
        self.root = top / "project"
        self.home = top / "home"
        self.root.mkdir()
        self.home.mkdir()

    def project(self, text: str) -> None:
        (self.root / "imgbuild.yaml").write_text(text, encoding="utf-8")

    def user(self, text: str) -> None:
        folder = self.home / ".config" / "imgbuild"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(text, encoding="utf-8")

    def load(
        self,
        environ: Mapping[str, str] | None = None,
        profile: str = "",
        flags: Mapping[str, object] | None = None,
    ) -> Settings:
        files = Files(self.root)
        return load_settings(files, environ=environ or {}, home=self.home, profile=profile, flags=flags)

    def complaint(self, environ: Mapping[str, str] | None = None, profile: str = "") -> str:
        with pytest.raises(ImgbuildError) as caught:
            self.load(environ, profile)
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_any_file_the_defaults_hold(place: Place) -> None:
    assert place.load() == Settings(root=place.root.resolve())


def test_every_key_of_the_project_is_taken(place: Place) -> None:
    place.project("""\
version: 1
specs: [specs, more/]
output: build/images
store: .store
cache: shared
limits: {openai: {concurrency: 4, per_second: 2.5, per_minute: 50}}
budget: {build: 5, month: 100.5}
cost: {diffusers: {per_hour: 0.9}}
devices: [cuda:0, "cuda:1"]
policy:
  blocked: [logo]
  warned: [hands]
  prompt_length: 100
  table_text: refuse
  licenses: [mit]
  providers: [placeholder]
profiles:
  preview:
    models: {"*": placeholder, hero: {provider: placeholder, params: {steps: 2}}}
    size: 256x256
    params: {steps: 1}
    validate: false
    attempts: 1
    output: previews
    lock: true
store_limit: 10 GB
jobs: 3
resend: ask
""")
    settings = place.load()
    assert settings.specs == ("specs", "more")
    assert (settings.output, settings.store, settings.cache) == ("build/images", ".store", "shared")
    assert settings.limits == {"openai": Limit(concurrency=4, per_second=2.5, per_minute=50)}
    assert settings.budget == Budget(build=5, month=100.5)
    assert settings.cost == {"diffusers": Cost(per_hour=0.9)}
    assert settings.devices == ["cuda:0", "cuda:1"]
    assert (settings.policy.blocked, settings.policy.table_text) == (["logo"], "refuse")
    assert (settings.store_limit, settings.jobs, settings.resend) == ("10 GB", 3, "ask")
    assert settings.profiles["preview"] == Profile(
        models={"*": "placeholder", "hero": Model(provider="placeholder", params={"steps": 2})},
        size="256x256",
        params={"steps": 1},
        validate=False,
        attempts=1,
        output="previews",
        lock=True,
    )


def test_flag_over_environment_over_project_over_user(place: Place) -> None:
    place.user("jobs: 1\noutput: user\nstore: kept\nbudget: {build: 1, month: 1}\n")
    assert (place.load().jobs, place.load().output) == (1, "user")
    place.project("jobs: 2\noutput: project\nbudget: {build: 2}\n")
    assert (place.load().jobs, place.load().output, place.load().store) == (2, "project", "kept")
    assert place.load().budget == Budget(build=2, month=1)
    environ = {"IMGBUILD_JOBS": "3", "IMGBUILD_OUTPUT": "environment", "IMGBUILD_STORE": "stored"}
    settings = place.load(environ)
    assert (settings.jobs, settings.output, settings.store) == (3, "environment", "stored")
    settings = place.load(environ, flags={"jobs": 4, "output": "flag", "store": None})
    assert (settings.jobs, settings.output, settings.store) == (4, "flag", "stored")


def test_the_user_may_put_store_and_cache_anywhere(place: Place, tmp_path: Path) -> None:
    place.user(f"store: {tmp_path}/store\ncache: ~/cache\n")
    settings = place.load()
    assert (settings.store, settings.cache) == (f"{tmp_path}/store", f"{place.home}/cache")
    settings = place.load({"IMGBUILD_CACHE": "../cache", "IMGBUILD_STORE": str(place.root.resolve() / "s")})
    assert (settings.store, settings.cache) == ("s", f"{place.root.resolve().parent}/cache")


def test_the_user_file_follows_xdg(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "xdg" / "imgbuild"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("jobs: 7\n")
    assert place.load({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).jobs == 7
    assert place.load({"XDG_CONFIG_HOME": "relative"}).jobs is None


@pytest.mark.parametrize("key", ["output", "store", "cache", "specs"])
@pytest.mark.parametrize("path", ["../x", "/x"])
def test_the_project_stays_inside_itself(place: Place, key: str, path: str) -> None:
    place.project(f"{key}: {path}\n")
    column = len(key) + 3
    told = place.complaint()
    assert told.startswith(f"imgbuild.yaml:1:{column}: '{path}' ")
    assert "inside the project" in told or "leads out of the project" in told


def test_a_profile_stays_inside_the_project(place: Place) -> None:
    place.project("profiles: {a: {output: ../x}}\n")
    assert (
        place.complaint()
        == """\
imgbuild.yaml:1:24: '../x' leads out of the project
    1 | profiles: {a: {output: ../x}}
      |                        ^^^^
hint: move the file into the project"""
    )


@pytest.mark.parametrize("output", [".", ".git/hooks", ".imgbuild", ".imgbuild/blobs", "a/.."])
def test_outputs_have_a_folder_of_their_own(place: Place, output: str) -> None:
    place.project(f"output: {output}\n")
    located = "." if output == "a/.." else output
    assert (
        place.complaint()
        == f"""\
imgbuild.yaml:1:9: '{located}' can't be the output folder
    1 | output: {output}
      |         {"^" * len(output)}
hint: name a folder of its own, such as 'out'"""
    )


def test_an_output_from_the_environment_stays_inside(place: Place) -> None:
    assert place.complaint({"IMGBUILD_OUTPUT": "/elsewhere"}) == (
        "error: '/elsewhere' is not a path inside the project\nhint: write a relative path with '/'"
    )


def test_a_fault_of_the_environment_is_not_put_upon_the_file(place: Place) -> None:
    place.project("output: images\n")
    assert place.complaint({"IMGBUILD_OUTPUT": ".git"}) == (
        "error: '.git' can't be the output folder\nhint: name a folder of its own, such as 'out'"
    )


def test_a_profile_has_its_own_output(place: Place) -> None:
    place.project("output: images\nprofiles: {preview: {size: 64x64}, print: {output: paper}}\n")
    settings = place.load(profile="preview")
    assert (settings.output, settings.profile_name) == ("images/preview", "preview")
    assert settings.profile == Profile(size="64x64")
    assert place.load({"IMGBUILD_PROFILE": "print"}).output == "paper"
    assert place.load({"IMGBUILD_PROFILE": "print"}, profile="preview").profile_name == "preview"
    assert place.load(profile="print", flags={"output": "mine"}).output == "mine"


def test_an_unknown_profile(place: Place) -> None:
    place.project("profiles: {preview: {}, print: {}}\n")
    assert place.complaint(profile="preveiw") == (
        "error: unknown profile 'preveiw'\nhint: did you mean 'preview'? Profiles here: preview, print"
    )


def test_faults_have_a_place(place: Place) -> None:
    place.project(
        "ouput: x\njobs: 0\nresend: maybe\nstore_limit: big\nprofiles: {'a/b': {}}\npolicy: {table_text: no}\n"
        "devices: [gpu0]\ncost: {diffusers: {}}\n"
    )
    assert (
        place.complaint()
        == """\
imgbuild.yaml:1:1: unknown key 'ouput'
    1 | ouput: x
      | ^^^^^
hint: did you mean 'output'? Keys here: budget, cache, cost, credentials, devices, jobs, limits, metadata, notify, output, …
imgbuild.yaml:2:7: 'jobs' must be at least 1
    2 | jobs: 0
      |       ^
imgbuild.yaml:3:9: 'resend' can't be 'maybe'
    3 | resend: maybe
      |         ^^^^^
hint: Values here: ask, no, yes
imgbuild.yaml:4:14: 'store_limit' must be a size such as 10 GB
    4 | store_limit: big
      |              ^^^
imgbuild.yaml:5:12: 'a/b' can't be a name: use letters, digits, '_', '-' and '.'
    5 | profiles: {'a/b': {}}
      |            ^^^^^
imgbuild.yaml:6:22: 'table_text' can't be 'no'
    6 | policy: {table_text: no}
      |                      ^^
hint: Values here: allow, refuse, warn
imgbuild.yaml:7:11: item 1 of 'devices' must be a device such as cuda:0, mps or cpu
    7 | devices: [gpu0]
      |           ^^^^
imgbuild.yaml:8:8: 'diffusers' needs 'per_hour'
    8 | cost: {diffusers: {}}
      |        ^^^^^^^^^
hint: per_hour: price of each hour that it is at work, in US dollars"""
    )


@pytest.mark.parametrize("jobs", ["x", "0", "-1", "1.5"])
def test_jobs_of_the_environment_is_a_number(place: Place, jobs: str) -> None:
    with pytest.raises(UsageError) as caught:
        place.load({"IMGBUILD_JOBS": jobs})
    assert str(caught.value) == f"error: IMGBUILD_JOBS must be a whole number from 1 on, not '{jobs}'"


def test_both_files_are_stamped(place: Place) -> None:
    files = Files(place.root)
    load_settings(files, environ={}, home=place.home)
    assert files.seen == {"imgbuild.yaml": None, str(place.home / ".config/imgbuild/config.yaml"): None}


def test_the_root_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert find_root(deep) == deep.resolve()
    (tmp_path / "a" / ".git").mkdir()
    assert find_root(deep) == (tmp_path / "a").resolve()
    (tmp_path / "a" / "b" / "specs").mkdir()
    assert find_root(deep) == (tmp_path / "a" / "b").resolve()
    (tmp_path / "imgbuild.yaml").write_text("")
    assert find_root(deep) == tmp_path.resolve()


def test_sizes() -> None:
    assert parse_size("10 GB") == 10_000_000_000
    assert parse_size("1.5MiB") == 1_572_864
    assert parse_size("12") == 12
    with pytest.raises(UsageError) as caught:
        parse_size("big")
    assert str(caught.value) == "error: 'big' is not a size\nhint: write it like 500 MB, 10 GB or 2 TiB"


def test_without_a_file_nothing_heavy_is_imported(place: Place) -> None:
    program = f"""
import sys
from pathlib import Path
from imgbuild.files import Files
from imgbuild.settings import load_settings
load_settings(Files(Path({str(place.root)!r})), environ={{}}, home=Path({str(place.home)!r}))
print(sorted({{"yaml", "jsonschema", "jinja2", "PIL", "numpy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- who is told how builds went ------------------------------------------------------------------------

HOOK = "https://hooks.example.com/services/T0/secret"


def test_who_is_told_and_of_what(place: Place) -> None:
    assert place.load().notify == Notify(url="", on=["failed", "refused", "budget"], template={})
    place.project(f"notify: {{url: '{HOOK}', on: [done], template: {{content: '{{{{ text }}}}'}}}}\n")
    assert place.load().notify == Notify(url=HOOK, on=["done"], template={"content": "{{ text }}"})


def test_the_address_of_the_environment_goes_before_those_of_files(place: Place) -> None:
    place.user("notify: {url: 'https://mine.example.com', on: [done]}\n")
    assert place.load().notify == Notify(url="https://mine.example.com", on=["done"])
    place.project(f"notify: {{url: '{HOOK}'}}\n")
    assert place.load().notify == Notify(url=HOOK, on=["done"])
    environ = {"IMGBUILD_NOTIFY_URL": "https://ci.example.com/x"}
    assert place.load(environ).notify == Notify(url="https://ci.example.com/x", on=["done"])


def test_an_address_that_may_not_be_is_shown_without_what_it_may_hold(place: Place) -> None:
    place.project("notify:\n  url: http://hooks.example.com/secret\n")
    assert place.complaint() == (
        "imgbuild.yaml:2:8: 'url' must begin with https: hooks.example.com is another machine\n"
        "    2 |   url: http://hooks.example.com*******\n"
        "      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    )
    environ = {"IMGBUILD_NOTIFY_URL": "hooks.example.com/secret"}
    assert place.complaint(environ) == (
        "error: IMGBUILD_NOTIFY_URL is no address such as https://hooks.example.com/…"
    )


FAULTS_BESIDE = {
    "a key": f"notify: {{url: '{HOOK}', onn: []}}\n",
    "a value": f"notify: {{url: '{HOOK}', on: [faild]}}\n",
    "in the place of another": f"notify: {{url: x, on: ['{HOOK}']}}\n",
    "syntax": f"notify: {{url: '{HOOK}', on: [}}\n",
    "written twice": f"notify: {{url: '{HOOK}', url: '{HOOK}'}}\n",
    "as a key": f"'{HOOK}': x\n",
}


@pytest.mark.parametrize("name", FAULTS_BESIDE)
def test_no_error_of_the_file_shows_the_address(place: Place, name: str) -> None:
    place.project(FAULTS_BESIDE[name])
    told = place.complaint()
    assert "https://hooks.example.com****" in told
    assert "secret" not in told
    assert told.count("^") > 0
