"""What the store may forget, and what it never does."""

from __future__ import annotations

import os
import re
import time

import msgspec
import pytest

from imgbuild.store.journal import Journal
from imgbuild.store.store import open_store

SPEC = """\
models: {m: {provider: painter}}
assets:
  art:
    prompt: art of {{ kind }}
    matrix: {kind: [ink, oil]}
    models: [m]
    size: 16x16
"""


@pytest.fixture
def project(bench, painter):
    """A project whose store still holds the images of an earlier prompt."""
    made = bench({"specs/a.yaml": SPEC.replace("art of", "sketch of")})
    made.build()
    made.edit("specs/a.yaml", ("sketch of", "art of"))
    made.build()
    painter.asked.clear()
    return made


def blobs(project):
    with open_store(project.root / ".imgbuild", write=False) as store:
        return {digest: size for digest, size, _ in store.blobs.all()}


def told(project, *arguments):
    """What gc says, sizes left out."""
    code, out, err = project.tell("gc", *arguments)
    assert err == ""
    return code, re.sub(r"\d+(\.\d+)? k?B", "…", out)


def test_what_no_lock_names_goes_and_the_next_build_has_nothing_to_do(project, painter):
    before = project.outputs(), project.locks()
    assert told(project, "--all", "-n") == (0, "would free … (2 blobs); … (2 blobs) would stay\n")
    assert len(blobs(project)) == 4
    assert told(project, "--all") == (0, "freed … (2 blobs); … (2 blobs) stay\n")
    project.tell("clean", "-y")
    assert project.tell("build", "-q").code == 0
    assert (project.outputs(), project.locks()) == before
    assert painter.asked == []


def test_without_a_bound_nothing_goes(project):
    assert told(project) == (
        0,
        "the store holds …, and nothing limits it\n"
        "hint: give --max-size, --older-than or --all, or set 'store_limit' in imgbuild.yaml\n",
    )
    assert len(blobs(project)) == 4


def test_the_store_limit_is_the_default(project):
    project.write({"imgbuild.yaml": "store_limit: 1 kB\n"})
    size = sum(blobs(project).values())
    assert size < 1000
    assert told(project)[1].startswith("freed … (0 blobs)")
    project.write({"imgbuild.yaml": f"store_limit: {size - 1} B\n"})
    assert told(project)[1].startswith("freed … (1 blob)")
    assert told(project, "--older-than", "1")[1].startswith("freed … (0 blobs)")
    assert told(project, "--all")[1].startswith("freed … (1 blob)")


def test_a_limit_that_what_is_needed_is_over_is_said(project):
    assert told(project, "--max-size", "0") == (
        0,
        "freed … (2 blobs); … (2 blobs) stay\n"
        "that is … over the limit: all of it is needed, or can't be made again\n",
    )
    assert project.tell("gc", "--max-size", "much") == (
        2,
        "",
        "error: 'much' is not a size\nhint: write it like 500 MB, 10 GB or 2 TiB\n",
    )


def test_only_what_is_older(project):
    assert told(project, "--older-than", "30")[1].startswith("freed … (0 blobs)")
    past = time.time() - 40 * 86_400
    for path in (project.root / ".imgbuild/blobs").glob("??/*"):
        os.utime(path, (past, past))
    assert told(project, "--older-than", "30")[1].startswith("freed … (2 blobs)")


def test_as_json(project):
    sizes = blobs(project)
    event = msgspec.json.decode(project.tell("gc", "--all", "--json").out)
    left = blobs(project)
    assert event == {
        "event": "gc",
        "dry_run": False,
        "removed": 2,
        "freed": sum(sizes.values()) - sum(left.values()),
        "kept": 2,
        "forgotten": 0,
        "size": sum(left.values()),
    }


def test_every_profile_with_a_lock_is_kept(project):
    project.write({"imgbuild.yaml": "profiles: {small: {size: 8x8}, other: {size: 12x12, lock: true}}\n"})
    project.build(profile="small")
    project.build(profile="other")
    assert told(project, "--all") == (0, "freed … (2 blobs); … (6 blobs) stay\n")


def test_both_sides_of_a_conflict_are_kept(project):
    lock = project.root / "specs/a.lock"
    lines = lock.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "art[kind=ink]" in line)
    other = lines[at]
    project.tell("lock", "--reseed", "kind=ink")
    project.build()
    mine = next(line for line in lock.read_text().splitlines(keepends=True) if "art[kind=ink]" in line)
    lines[at] = f"<<<<<<< ours\n{mine}=======\n{other}>>>>>>> theirs\n"
    lock.write_text("".join(lines))
    assert told(project, "--all") == (0, "freed … (2 blobs); … (3 blobs) stay\n")


def test_a_damaged_lock_stops_it(project):
    lock = project.root / "specs/a.lock"
    lock.write_text(lock.read_text().replace('"seed":', '"sead":', 1))
    code, out, err = project.tell("gc", "--all")
    assert (code, out) == (2, "")
    assert err.startswith("error: a lock is damaged, so what it needs is not known: specs/a.lock:")
    assert err.endswith("\nhint: `imgbuild build` mends it\n")
    assert len(blobs(project)) == 4


def test_pictures_between_the_steps_are_kept(bench, painter):
    project = bench(
        {"specs/a.yaml": f"{SPEC}    process: [{{adjust: {{brightness: 1.1}}}}, sharpen]\n    format: jpeg\n"}
    )
    project.build()
    painter.asked.clear()
    whole = blobs(project)
    assert told(project, "--all")[1].startswith("freed … (0 blobs)")
    assert blobs(project) == whole
    project.edit("specs/a.yaml", ("sharpen", "{sharpen: {percent: 30}}"))
    ended = project.build()
    assert painter.asked == []
    assert "adjust" not in ended.ran


def test_what_was_bought_and_what_drifted_is_kept(project, painter):
    spare = sorted(set(blobs(project)) - {line.image for line in project.lines("a").values()})
    with open_store(project.root / ".imgbuild", write=True) as store:
        journal = Journal(store.folder / "journal")
        journal.settle(journal.begin("key", "painter", 0.1), 0.1, spare[0])
    assert told(project, "--all") == (0, "freed … (1 blob); … (3 blobs) stay\n")
    project.tell("clean", "-y")
    for digest in (line.image for line in project.lines("a").values()):
        with open_store(project.root / ".imgbuild", write=True) as store:
            store.blobs.remove(digest)
    painter.touch = staticmethod(lambda picture: picture.rotate(90))
    assert project.tell("build", "-q").code == 1
    assert told(project, "--all") == (0, "freed … (0 blobs); … (3 blobs) stay\n")


def test_a_broken_spec_stops_it(project):
    project.write({"specs/a.yaml": "assets: [\n"})
    assert project.tell("gc", "--all").code == 2
    assert len(blobs(project)) == 4
