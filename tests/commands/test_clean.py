"""Published images go, as long as they are ours; a build puts them back."""

from __future__ import annotations

import io
import shutil

import msgspec
import pytest

SPEC = """\
models: {m: {provider: painter}}
assets:
  art:
    prompt: art of {{ kind }}
    matrix: {kind: [ink, oil]}
    models: [m]
    size: 16x16
"""
INK, OIL = "art/ink_0.png", "art/oil_0.png"


@pytest.fixture
def project(bench, painter):
    made = bench({"specs/a.yaml": SPEC})
    made.build()
    painter.asked.clear()
    return made


def test_all_goes_and_a_build_puts_it_back(project, painter):
    before = project.outputs(), project.locks()
    assert project.tell("clean", "--yes") == (
        0,
        "removed 2 images from out/; `imgbuild build` puts them back\n",
        "",
    )
    assert list((project.root / "out").iterdir()) == []
    assert project.locks() == before[1]
    assert project.tell("clean", "--yes").out == "removed 0 images from out/\n"
    assert project.tell("build").code == 0
    assert (project.outputs(), project.locks()) == before
    assert painter.asked == []


def test_a_dry_run_changes_nothing(project):
    before = project.state()
    assert project.tell("clean", "-n") == (
        0,
        f"would remove out/{INK}\nwould remove out/{OIL}\nwould remove 2 images from out/\n",
        "",
    )
    assert project.state().keys() == before.keys()
    assert project.state("out") == {
        name.removeprefix("out/"): found for name, found in before.items() if name.startswith("out/")
    }


def test_what_was_edited_stays(project):
    (project.root / "out" / INK).write_bytes(b"mine")
    (project.root / "out/notes.txt").write_bytes(b"mine")
    assert project.tell("clean", "--yes") == (
        0,
        f"kept out/{INK}: it was edited since it was published\n"
        "removed 1 image from out/; `imgbuild build` puts them back\n",
        "",
    )
    assert sorted(project.outputs()) == [INK, "notes.txt"]


def test_a_selection(project):
    assert project.tell("clean", "-y", "-s", "kind=oil").code == 0
    assert sorted(project.outputs()) == [INK]


def test_outputs_of_targets_that_are_gone_go_too(project):
    project.edit("specs/a.yaml", ("[ink, oil]", "[ink]"))
    assert project.tell("clean", "-y").code == 0
    assert project.outputs() == {}


def test_a_profile_has_outputs_of_its_own(project):
    project.write({"imgbuild.yaml": "profiles: {small: {size: 8x8}}\n"})
    project.build(profile="small")
    assert project.tell("clean", "-y", "--profile", "small").out.startswith(
        "removed 2 images from out/small/"
    )
    assert sorted(project.outputs()) == [INK, OIL]


def test_bytes_that_are_nowhere_else_go_into_the_store_first(project, painter):
    before = project.outputs()
    shutil.rmtree(project.root / ".imgbuild/blobs")
    assert project.tell("clean", "-y").code == 0
    assert project.tell("build").code == 0
    assert project.outputs() == before
    assert painter.asked == []


def test_where_nobody_can_be_asked_nothing_goes(project, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert project.tell("clean") == (
        2,
        "",
        "error: 2 images would be removed, and there is nobody to ask\n"
        "hint: say so with --yes, or look first with --dry-run\n",
    )
    assert sorted(project.outputs()) == [INK, OIL]


class Person(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "left"), [("y\n", []), ("n\n", [INK, OIL]), ("\n", [INK, OIL])])
def test_a_person_is_asked(project, monkeypatch, answer, left):
    monkeypatch.setattr("sys.stdin", Person(answer))
    told = project.tell("clean")
    assert told.code == 0
    assert told.err.startswith("remove 2 images from out/? [y/N]")
    assert sorted(project.outputs()) == left
    assert told.out == (
        "nothing was removed\n" if left else "removed 2 images from out/; `imgbuild build` puts them back\n"
    )


def test_as_json(project):
    (project.root / "out" / INK).write_bytes(b"mine")
    rows = [msgspec.json.decode(line) for line in project.tell("clean", "-y", "--json").out.splitlines()]
    assert rows == [{"event": "removed", "output": OIL}, {"event": "kept", "output": INK}]


def test_verbosely_each_is_named(project):
    assert project.tell("clean", "-yv").out.splitlines()[:2] == [f"removed out/{INK}", f"removed out/{OIL}"]


def test_what_lies_behind_a_link_is_not_touched(project, tmp_path):
    (project.root / "out/art").rename(tmp_path / "art")
    (project.root / "out/art").symlink_to(tmp_path / "art")
    assert project.tell("clean", "-y") == (
        1,
        f"kept out/{INK}: it can't be removed, see to its folder\n"
        f"kept out/{OIL}: it can't be removed, see to its folder\n"
        "removed 0 images from out/\n",
        "",
    )
    assert sorted(path.name for path in (tmp_path / "art").iterdir()) == ["ink_0.png", "oil_0.png"]
