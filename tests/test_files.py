"""Reads stay inside the project and are remembered with their stamps."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.digest import digest_bytes
from imgbuild.errors import SpecError, TargetError
from imgbuild.files import TORN, Files, stamp_of
from imgbuild.types import Where


def complaint(files: Files, name: str, base: str = "") -> str:
    with pytest.raises(SpecError) as caught:
        files.locate(name, base)
    return str(caught.value)


def test_paths_are_found_from_the_folder_they_are_written_in(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.locate("a.csv") == "a.csv"
    assert files.locate("a.csv", "specs/sub") == "specs/sub/a.csv"
    assert files.locate("../a.csv", "specs/sub") == "specs/a.csv"
    assert files.locate("../../a.csv", "specs/sub") == "a.csv"
    assert files.locate("./x/../a.csv", "specs") == "specs/a.csv"


@pytest.mark.parametrize("name", ["/etc/passwd", "", "a\0b", "..\\a", "C:a"])
def test_what_is_no_relative_path_is_refused(tmp_path: Path, name: str) -> None:
    assert complaint(Files(tmp_path), name) == (
        f"error: '{name}' is not a path inside the project\nhint: write a relative path with '/'"
    )


@pytest.mark.parametrize(
    ("name", "base"), [("..", ""), ("../a", ""), ("../../a", "specs"), ("a/../../b", "")]
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str, base: str) -> None:
    assert complaint(Files(tmp_path), name, base) == (
        f"error: '{name}' leads out of the project\nhint: move the file into the project"
    )


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "root-outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.csv").write_text("x")
    (root / "linked").symlink_to(outside)
    (root / "a.csv").symlink_to(outside / "a.csv")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    files = Files(root)
    for name in ("linked/a.csv", "linked", "a.csv", "dangling", "linked/../x/../linked/a.csv"):
        assert complaint(files, name) == (
            f"error: '{name}' leads out of the project through a symbolic link\nhint: copy the file into the project"
        )


def test_links_inside_the_project_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("x")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    files = Files(tmp_path)
    assert files.read(files.locate("linked/a.csv")) == b"x"


def test_a_project_below_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("x")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    files = Files(tmp_path / "alias")
    assert files.read(files.locate("a.csv")) == b"x"


def test_an_error_has_the_place_of_the_path(tmp_path: Path) -> None:
    where = Where(file="a.yaml", line=2, column=3)
    with pytest.raises(SpecError) as caught:
        Files(tmp_path).locate("/x", where=where)
    assert caught.value.where == where


def test_what_was_read_is_remembered_also_what_is_absent(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    files = Files(tmp_path)
    assert files.read("a") == b"abc"
    with pytest.raises(FileNotFoundError):
        files.read("b")
    stamp = files.seen["a"]
    assert stamp is not None
    assert stamp.size == 3
    assert files.seen["b"] is None


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(SpecError) as caught:
        Files(tmp_path).read("a", 2)
    assert (
        str(caught.value)
        == "error: a is larger than 2 bytes\nhint: split it, or leave out what is not needed"
    )


def test_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="it is not a file"):
            Files(tmp_path).read(name)


def test_a_digest_stays_what_it_was_and_is_taken_anew_by_who_asks_for_it_now(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    files = Files(tmp_path)
    first = files.digest("a")
    assert first == files.digest_now("a") == digest_bytes(b"abc")
    (tmp_path / "a").write_bytes(b"abd")
    assert files.digest("a") == first
    assert files.digest_now("a") == Files(tmp_path).digest("a") == digest_bytes(b"abd")
    assert files.digest("absent") is None


def test_what_a_digest_was_taken_of_is_given_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    files = Files(tmp_path)
    assert files.content("a") == b"abc"
    (tmp_path / "a").write_bytes(b"abd")
    with pytest.raises(TargetError) as caught:
        files.content("a")
    assert (
        str(caught.value)
        == "error: a has changed since it was looked at\nhint: build again, for what is there now"
    )
    assert files.seen == {"a": TORN}
    (tmp_path / "a").write_bytes(b"abc")
    assert files.content("a") == b"abc"


def test_what_was_absent_when_it_was_looked_at_is_not_given_later(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.digest("a") is None
    with pytest.raises(FileNotFoundError):
        files.content("a")
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(TargetError, match="a has changed since it was looked at"):
        files.content("a")


def test_a_file_is_not_hashed_again_where_its_stamp_tells_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    monkeypatch.setattr("imgbuild.files.is_settled", lambda stamp: True)
    files = Files(tmp_path)
    stamp = files.stamp("a")
    assert files.digest("a") == digest_bytes(b"abc")
    assert files.digests() == {"a": (stamp, digest_bytes(b"abc"))}
    monkeypatch.setattr("imgbuild.files.digest_bytes", None)
    monkeypatch.setattr("imgbuild.files.digest_file", None)
    assert files.content("a") == b"abc"
    assert files.digest_now("a") == digest_bytes(b"abc")


def test_the_digest_of_a_file_that_is_young_is_kept_for_nobody(tmp_path: Path) -> None:
    """It may be saved again within the grain of its time stamp."""
    (tmp_path / "a").write_bytes(b"abc")
    stat = (tmp_path / "a").stat()
    files = Files(tmp_path)
    assert files.digest_now("a") == digest_bytes(b"abc")
    assert files.digests() == {}
    (tmp_path / "a").write_bytes(b"abd")
    os.utime(tmp_path / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert files.digest_now("a") == digest_bytes(b"abd")


def test_what_is_below_a_folder_is_found(tmp_path: Path) -> None:
    for folder in ("specs/deep", "specs/.hidden", "specs/out"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a").touch()
    for name in ("specs/b", "specs/.a"):
        (tmp_path / name).touch()
    (tmp_path / "specs/linked").symlink_to(tmp_path / "specs/deep")
    files = Files(tmp_path)
    assert [*files.below("specs", {"specs/out"})] == ["specs/b", "specs/deep/a", "specs/linked"]
    assert [*files.below("absent", ())] == []
    assert files.seen == {
        "specs": stamp_of(tmp_path / "specs"),
        "specs/deep": stamp_of(tmp_path / "specs/deep"),
        "absent": None,
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "a", "linked", "", "out", "b"]), max_size=6).map("/".join))
def test_whatever_is_located_is_inside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    top = tmp_path_factory.getbasetemp() / "any"
    root = top / "root"
    if not root.exists():
        (root / "a").mkdir(parents=True)
        (top / "secret").mkdir()
        (root / "linked").symlink_to(root / "a")
        (root / "out").symlink_to(top / "secret")
        (root / "a" / "b").symlink_to(top)
    try:
        path = Files(root).locate(name)
    except SpecError:
        return
    assert (root / path).resolve().is_relative_to(root.resolve())


def test_the_names_in_a_folder_are_remembered(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.names("weights") == []
    (tmp_path / "weights/below").mkdir(parents=True)
    (tmp_path / "weights/b").touch()
    (tmp_path / "weights/a").touch()
    assert files.names("weights") == ["a", "b"]
    assert files.listed == {"weights": ["a", "b"]}
    assert files.seen["weights"] is None


@pytest.mark.parametrize("look", [Files.read, Files.digest, Files.content])
def test_what_goes_while_it_is_looked_at_is_not_as_it_was_seen_though_it_comes_back(
    tmp_path: Path, look: Callable[[Files, str], object]
) -> None:
    """A folder that is moved away and back brings its files with the stamps that they had."""
    (tmp_path / "a").write_text("1")
    files = Files(tmp_path)
    files.stamp("a")
    (tmp_path / "a").rename(tmp_path / "b")
    with suppress(FileNotFoundError):
        assert look(files, "a") is None
    (tmp_path / "b").rename(tmp_path / "a")
    assert files.seen == {"a": TORN}
    assert files.have_moved()


def test_a_folder_that_goes_while_it_is_looked_at_is_not_as_it_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "specs").mkdir()
    files = Files(tmp_path)
    scan = os.scandir

    def late(path: str) -> object:
        (tmp_path / "specs").rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", late)
    assert [*files.below("specs", ())] == []
    assert files.seen == {"specs": TORN}


def test_whether_there_is_a_file_is_a_source_too(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "folder").mkdir()
    files = Files(tmp_path)
    assert [files.is_file(name) for name in ("a", "folder", "absent")] == [True, False, False]
    assert files.seen == {
        "a": stamp_of(tmp_path / "a"),
        "folder": stamp_of(tmp_path / "folder"),
        "absent": None,
    }
    (tmp_path / "a").unlink()
    assert not files.is_file("a")
    assert files.seen["a"] == TORN


def test_what_was_never_there_is_remembered_as_absent(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.digest("a") is None
    assert files.seen == {"a": None}
    assert not files.have_moved()
