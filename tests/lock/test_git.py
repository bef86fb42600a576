"""Locks in real merges of git: by itself where it can, and read with both sides where it can't."""

import os
import subprocess
from pathlib import Path

import pytest

from imgbuild.digest import digest_bytes
from imgbuild.lock.conflict import merge_sides
from imgbuild.lock.text import Lock, read_lock, write_lock
from imgbuild.types import Line, Pin

NAME = "catalog.lock"


def lock(**targets: int) -> Lock:
    pins = {"sdxl": Pin(provider="diffusers", revision="1")}
    return Lock(models=pins, targets={f"{name}@sdxl#0": line(seed) for name, seed in targets.items()})


def line(seed: int) -> Line:
    return Line(intent=digest_bytes(b"intent"), seed=seed, attempt=0, image=digest_bytes(b"%d" % seed))


class Repository:
    """A repository in `root` that takes nothing from the user's settings."""

    def __init__(self, root: Path, style: str) -> None:
        self.lock = root / NAME
        self._root = root
        self.git("init", "-q", "-b", "main")
        for key, value in {
            "user.name": "A",
            "user.email": "a@example.com",
            "merge.conflictStyle": style,
        }.items():
            self.git("config", key, value)

    def git(self, *words: str) -> int:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=self._root, env=environment, capture_output=True, check=False
        )
        return done.returncode

    def commit(self, lock: Lock) -> None:
        self.lock.write_bytes(write_lock(lock))
        self.git("add", "-A")
        assert self.git("commit", "-q", "-m", "build") == 0

    def merge(self, base: Lock, ours: Lock, theirs: Lock) -> bool:
        """Whether git merges two branches that start from `base` by itself."""
        self.commit(base)
        self.git("checkout", "-q", "-b", "theirs")
        self.commit(theirs)
        self.git("checkout", "-q", "main")
        self.commit(ours)
        return self.git("merge", "-q", "--no-edit", "theirs") == 0


@pytest.fixture(params=["merge", "diff3", "zdiff3"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    return Repository(tmp_path, request.param)


def union(found: bytes) -> Lock:
    """The lock of a merged file, where every line fits the spec."""
    read = read_lock(found, NAME)
    assert read.faults == []
    assert read.sides is not None
    return merge_sides(*read.sides, lambda name, line: True, lambda digest: False)[0]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "both"),
    [
        ("b d", "b c d", "a b d", "a b c d"),
        ("b d", "b d e", "a b d", "a b d e"),
        ("b d", "b d e", "b c d", "b c d e"),
        ("b d f", "d f", "b d f g", "d f g"),
    ],
    ids=["before and between", "first and last", "last and before it", "removed and added"],
)
def test_different_targets_merge_by_themselves(
    tmp_path: Path, base: str, ours: str, theirs: str, both: str
) -> None:
    start, left, right, merged = (
        lock(**{name: ord(name) for name in names.split()}) for names in (base, ours, theirs, both)
    )
    repository = Repository(tmp_path, "merge")
    assert repository.merge(start, left, right)
    assert repository.lock.read_bytes() == write_lock(merged)


def test_targets_added_at_one_place_are_both_read(repository: Repository) -> None:
    assert not repository.merge(lock(a=1), lock(a=1, c=3), lock(a=1, b=2))
    assert union(repository.lock.read_bytes()) == lock(a=1, b=2, c=3)


def test_targets_added_to_an_empty_lock_are_both_read(repository: Repository) -> None:
    assert not repository.merge(Lock(), lock(c=3, d=4), lock(b=2))
    assert union(repository.lock.read_bytes()) == lock(b=2, c=3, d=4)


def test_a_target_changed_on_both_sides_is_settled_by_the_spec(repository: Repository) -> None:
    assert not repository.merge(lock(a=1, b=2, c=3), lock(a=1, b=7, c=3), lock(a=1, b=9, c=3))
    read = read_lock(repository.lock.read_bytes(), NAME)
    assert read.sides == (lock(a=1, b=7, c=3), lock(a=1, b=9, c=3))
    assert read.lock == lock(a=1, c=3)
    fitting = merge_sides(*read.sides, lambda name, line: line.seed == 9, lambda digest: False)
    assert fitting == (lock(a=1, b=9, c=3), [])


def test_under_union_git_always_merges_and_a_line_there_twice_is_settled(tmp_path: Path) -> None:
    repository = Repository(tmp_path, "merge")
    (tmp_path / ".gitattributes").write_text("*.lock merge=union\n")
    assert repository.merge(lock(a=1, c=3), lock(a=1, b=2, c=7), lock(a=1, bb=2, c=9))
    read = read_lock(repository.lock.read_bytes(), NAME)
    assert read.sides is not None
    assert [fault.partition(": ")[2] for fault in read.faults] == ["'c@sdxl#0' is here twice"]
    merged, notes = merge_sides(*read.sides, lambda name, line: line.seed != 7, lambda digest: False)
    assert (merged, notes) == (lock(a=1, b=2, bb=2, c=9), [])
