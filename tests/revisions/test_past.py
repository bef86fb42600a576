"""The locks at a revision: which are read, under which names, and what is said where git can't tell."""

import os
import subprocess

import pytest

from imgbuild.digest import digest_bytes
from imgbuild.errors import SpecError, UsageError
from imgbuild.lock.text import Lock, write_lock
from imgbuild.revisions import past_of
from imgbuild.types import Line

SPEC = """\
models: {paint: {provider: painter}}
assets:
  lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [paint]}
"""
RED, BLUE = (f"lamps[color={color}]@paint#0" for color in ("red", "blue"))


@pytest.fixture
def git():
    """A function that runs git in a folder, with nothing of the user's."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("user.name=A", "user.email=a@example.com", "init.defaultBranch=main")
    said = [word for name in names for word in ("-c", name)]

    def run(folder, *words):
        done = subprocess.run(
            ["git", "-C", str(folder), *said, *words],
            check=True,
            capture_output=True,
            env={**os.environ, **alone},
        )
        return done.stdout.decode().strip()

    return run


@pytest.fixture
def shop(bench, painter, git):
    """A project that is built and committed."""
    shop = bench({"specs/shop.yaml": SPEC, ".gitignore": ".imgbuild/\nout/\n"})
    shop.build()
    git(shop.root, "init", "-q")
    keep(git, shop)
    return shop


def keep(git, shop):
    git(shop.root, "add", "-A")
    git(shop.root, "commit", "-q", "-m", "build")


def past(shop, revision="HEAD", profile=""):
    project = shop.load(profile)
    return past_of(project.settings, project.specs, revision)


def fault(shop, revision="HEAD", profile=""):
    with pytest.raises(UsageError) as caught:
        past(shop, revision, profile)
    return caught.value.message, caught.value.hint


def a_line(text):
    return Line(intent=digest_bytes(b"intent"), seed=1, attempt=0, image=digest_bytes(text))


def test_lines_by_whole_id(shop, git):
    lines = {f"shop/{id}": line for id, line in shop.lines("shop").items()}
    assert set(lines) == {f"shop/{RED}", f"shop/{BLUE}"}
    found = past(shop)
    assert (found.lines, found.faults, found.revision) == (lines, [], "HEAD")
    assert found.commit == git(shop.root, "rev-parse", "HEAD")


def test_the_working_tree_plays_no_part(shop):
    before = past(shop)
    shop.edit("specs/shop.yaml", ("a {{", "one {{"))
    shop.build()
    assert past(shop) == before
    (shop.root / "specs/shop.lock").write_text("nonsense")
    assert past(shop) == before


def test_an_earlier_revision(shop, git):
    first = past(shop).lines
    shop.edit("specs/shop.yaml", ("red, blue", "red"))
    shop.build()
    keep(git, shop)
    git(shop.root, "tag", "v1")
    assert past(shop, "HEAD~1").lines == first
    assert set(past(shop, "v1").lines) == {f"shop/{RED}"}


def test_a_lock_that_was_not_there(shop):
    shop.write({"specs/new.yaml": SPEC.replace("lamps:", "pens:")})
    shop.build()
    assert set(past(shop).lines) == {f"shop/{RED}", f"shop/{BLUE}"}


def test_a_spec_that_has_another_name_by_now(shop, git):
    for ending in ("yaml", "lock"):
        git(shop.root, "mv", f"specs/shop.{ending}", f"specs/store.{ending}")
    assert set(past(shop).lines) == {f"shop/{RED}", f"shop/{BLUE}"}


def test_a_project_in_a_folder_of_a_repository(bench, painter, git, tmp_path):
    shop = bench({"specs/shop.yaml": SPEC}, "all/brand")
    shop.build()
    git(tmp_path / "all", "init", "-q")
    (tmp_path / "all/specs").mkdir()
    (tmp_path / "all/specs/other.lock").write_bytes(write_lock(Lock(targets={RED: a_line(b"other")})))
    keep(git, shop)
    assert set(past(shop).lines) == {f"shop/{RED}", f"shop/{BLUE}"}


def test_locks_of_other_programs_and_links_are_left_alone(shop, git):
    shop.write({"specs/poetry.lock": "[[package]]\n", "outside.lock": '{"version": 1,'})
    (shop.root / "specs/link.lock").symlink_to("shop.lock")
    keep(git, shop)
    assert set(past(shop).lines) == {f"shop/{RED}", f"shop/{BLUE}"}


def test_many_locks_of_any_name(shop, git):
    for name in ("a b", "ü", "deep/er"):
        shop.write({f"specs/{name}.lock": write_lock(Lock(targets={RED: a_line(name.encode())}))})
    keep(git, shop)
    names = {f"shop/{RED}", f"shop/{BLUE}", f"a b/{RED}", f"ü/{RED}", f"deep/er/{RED}"}
    assert set(past(shop).lines) == names


def test_profiles(shop, git):
    shop.write({"imgbuild.yaml": "profiles: {draft: {}, small: {lock: true, size: 8x8}}\n"})
    shop.build(profile="small")
    assert past(shop, profile="small").lines == {}
    keep(git, shop)
    small = past(shop, profile="small").lines
    assert set(small) == set(past(shop).lines) == {f"shop/{RED}", f"shop/{BLUE}"}
    assert small != past(shop).lines
    assert fault(shop, profile="draft") == (
        "profile 'draft' has its locks in the store, and git knows none of them",
        "give the profile `lock: true`, build, and commit what that writes",
    )


def test_a_damaged_lock(shop, git):
    whole = (shop.root / "specs/shop.lock").read_bytes()
    (shop.root / "specs/shop.lock").write_bytes(whole.replace(b'"seed":', b'"sead":', 1))
    keep(git, shop)
    found = past(shop)
    assert len(found.lines) == 1
    (said,) = found.faults
    assert said.startswith("HEAD:specs/shop.lock:")


def test_a_lock_of_a_newer_version(shop, git):
    (shop.root / "specs/shop.lock").write_bytes(b'{"version": 2}')
    keep(git, shop)
    with pytest.raises(SpecError) as caught:
        past(shop)
    assert caught.value.message == "HEAD:specs/shop.lock is a lock of version 2, written by a newer imgbuild"


@pytest.mark.parametrize("revision", ["HEAD~9", "no/such", "--all", "HEAD:specs/shop.lock", ""])
def test_an_unknown_revision(shop, revision):
    assert fault(shop, revision) == (
        f"git knows no revision '{revision}'",
        "name a commit, a branch or a tag; `git log --oneline` lists commits",
    )


def test_a_shallow_clone(shop, git, tmp_path):
    shop.write({"note": "more"})
    keep(git, shop)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{shop.root}", "copy")
    copy = type(shop)(tmp_path / "copy")
    assert past(copy).lines == past(shop).lines
    assert fault(copy, "HEAD~1") == (
        "git knows no revision 'HEAD~1'",
        "this clone has only the newest commits: `git fetch --unshallow` brings the others",
    )


def test_where_there_is_no_repository(bench, painter, monkeypatch, tmp_path):
    shop = bench({"specs/shop.yaml": SPEC})
    hint = "commit specs and locks to a git repository"
    assert fault(shop) == (
        "there is no history to compare with: not a git repository (or any of the parent directories): .git",
        hint,
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert fault(shop) == ("there is no history to compare with: git is not installed", hint)


def test_bytes_that_are_not_there(shop, git):
    blob = git(shop.root, "rev-parse", "HEAD:specs/shop.lock")
    (shop.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert fault(shop) == (
        "git can't read specs/shop.lock: this clone does not have its bytes",
        "`git fsck` looks the repository over",
    )
