"""Outputs: put in their places whole, read only when they must be, removed with the folders they leave empty."""

import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.digest import digest_bytes
from imgbuild.errors import TargetError
from imgbuild.files import stamp_of
from imgbuild.publish import Outputs, is_mass_removal
from imgbuild.store.blobs import Blobs

IMAGE, OTHER = b"an image", b"another image"


@pytest.fixture
def blobs(tmp_path):
    found = Blobs(tmp_path / "store")
    found.add(IMAGE)
    found.add(OTHER)
    return found


@pytest.fixture
def outputs(tmp_path):
    return Outputs(tmp_path / "out")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def failure(outputs, blobs, path, data=IMAGE):
    with pytest.raises(TargetError) as caught:
        outputs.publish(blobs, digest_bytes(data), path)
    return str(caught.value)


@pytest.mark.parametrize("path", ["a.png", "shop/lamps/a.png", "名前/ä b.png"])
def test_bytes_are_put_in_place_and_nothing_else(outputs, blobs, path):
    stamp = outputs.publish(blobs, digest_bytes(IMAGE), path)
    assert (outputs.folder / path).read_bytes() == IMAGE
    assert stamp == stamp_of(outputs.folder / path) == outputs.stamp(path)
    assert files(outputs.folder) == [path]


def test_another_image_takes_its_place(outputs, blobs):
    outputs.publish(blobs, digest_bytes(IMAGE), "a.png")
    outputs.publish(blobs, digest_bytes(OTHER), "a.png")
    assert outputs.digest("a.png") == digest_bytes(OTHER)


def test_an_output_is_a_file_of_its_own_and_never_a_link_into_the_store(outputs, blobs):
    outputs.publish(blobs, digest_bytes(IMAGE), "a.png")
    place = outputs.folder / "a.png"
    assert place.stat().st_nlink == 1
    assert place.stat().st_mode & stat.S_IWUSR
    place.write_bytes(b"edited")
    assert blobs.read(digest_bytes(IMAGE)) == IMAGE


def test_a_link_at_an_outputs_place_is_replaced(outputs, blobs, tmp_path):
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"precious")
    outputs.folder.mkdir()
    (outputs.folder / "a.png").symlink_to(precious)
    outputs.publish(blobs, digest_bytes(IMAGE), "a.png")
    assert precious.read_bytes() == b"precious"
    assert not (outputs.folder / "a.png").is_symlink()


def test_nothing_is_written_through_a_link_to_a_folder(outputs, blobs, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    outputs.folder.mkdir()
    (outputs.folder / "shop").symlink_to(tmp_path / "elsewhere")
    for path in ("shop/a.png", "shop/deep/a.png"):
        assert failure(outputs, blobs, path) == (
            f"error: the folder of {path} leads out of the output folder through a symbolic link\n"
            "hint: replace the link by a folder"
        )
    assert files(tmp_path / "elsewhere") == []


def test_a_link_within_the_output_folder_is_followed(outputs, blobs):
    (outputs.folder / "shop").mkdir(parents=True)
    (outputs.folder / "same").symlink_to("shop")
    outputs.publish(blobs, digest_bytes(IMAGE), "same/a.png")
    assert (outputs.folder / "shop/a.png").read_bytes() == IMAGE


def test_the_output_folder_itself_may_be_a_link(blobs, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    Outputs(tmp_path / "out").publish(blobs, digest_bytes(IMAGE), "shop/a.png")
    assert files(tmp_path / "disk") == ["shop/a.png"]


def test_a_file_where_a_folder_should_be(outputs, blobs):
    outputs.folder.mkdir()
    (outputs.folder / "shop").write_bytes(b"a file")
    assert failure(outputs, blobs, "shop/a.png") == (
        "error: the folder of shop/a.png can't be made: File exists\nhint: move away what is in its place"
    )


def test_a_folder_where_the_file_should_be(outputs, blobs):
    (outputs.folder / "a.png").mkdir(parents=True)
    assert failure(outputs, blobs, "a.png") == (
        "error: a.png can't be written: Is a directory\nhint: see to its folder's permissions and space"
    )
    assert files(outputs.folder) == []


def test_a_disk_that_is_full(outputs, blobs, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Blobs, "publish", refuse)
    assert failure(outputs, blobs, "a.png") == (
        "error: a.png can't be written: No space left on device\nhint: see to its folder's permissions and space"
    )


def test_bytes_that_are_not_in_the_store(outputs, blobs):
    assert failure(outputs, blobs, "a.png", b"never made") == (
        "error: the image of a.png is gone from the store\nhint: build again: what can be made again will be"
    )
    assert files(outputs.folder) == []


def test_damaged_bytes_are_never_published(outputs, blobs):
    blobs.path(digest_bytes(IMAGE)).write_bytes(b"an imagE")
    assert "was damaged and has been moved to" in failure(outputs, blobs, "a.png")
    assert files(outputs.folder) == []


# --- digests ------------------------------------------------------------------------------------------------


def test_what_is_not_there_has_no_digest(outputs):
    assert (outputs.digest("a.png"), outputs.stamp("a.png")) == (None, None)
    outputs.folder.mkdir()
    (outputs.folder / "a.png").symlink_to("nowhere")
    assert (outputs.digest("a.png"), outputs.stamp("a.png")) == (None, None)


def test_a_folder_is_nothing_that_was_published(outputs):
    (outputs.folder / "a.png").mkdir(parents=True)
    assert outputs.digest("a.png") == ""


def test_a_file_is_read_once_while_its_stamp_stands(outputs, blobs, monkeypatch):
    outputs.publish(blobs, digest_bytes(IMAGE), "a.png")
    assert outputs.digest("a.png") == digest_bytes(IMAGE)
    with monkeypatch.context() as patch:
        patch.setattr("imgbuild.publish.digest_file", lambda path: 1 / 0)
        assert outputs.digest("a.png") == digest_bytes(IMAGE)
    (outputs.folder / "a.png").write_bytes(b"edited by hand")
    assert outputs.digest("a.png") == digest_bytes(b"edited by hand")


# --- removal ------------------------------------------------------------------------------------------------


def test_files_go_with_the_folders_that_they_leave_empty(outputs, blobs):
    for path in ("shop/a/1.png", "shop/a/2.png", "shop/b.png"):
        outputs.publish(blobs, digest_bytes(IMAGE), path)
    assert outputs.remove(["shop/a/1.png", "shop/a/2.png", "gone.png"]) == ["shop/a/1.png", "shop/a/2.png"]
    assert [path.name for path in (outputs.folder / "shop").iterdir()] == ["b.png"]
    assert outputs.remove(["shop/b.png"]) == ["shop/b.png"]
    assert list(outputs.folder.iterdir()) == []


def test_a_folder_that_was_removed_is_made_again(outputs, blobs):
    outputs.publish(blobs, digest_bytes(IMAGE), "shop/deep/a.png")
    outputs.remove(["shop/deep/a.png"])
    outputs.publish(blobs, digest_bytes(IMAGE), "shop/deep/a.png")
    assert files(outputs.folder) == ["shop/deep/a.png"]


def test_nothing_is_removed_through_a_link(outputs, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.png").write_bytes(b"precious")
    outputs.folder.mkdir()
    (outputs.folder / "shop").symlink_to(tmp_path / "elsewhere")
    assert outputs.remove(["shop/a.png", "../elsewhere/a.png"]) == []
    assert (tmp_path / "elsewhere/a.png").read_bytes() == b"precious"


def test_files_that_nobody_declares(outputs, blobs):
    assert outputs.strays([]) == []
    for path in ("a.png", "shop/a.png", "shop/b.png"):
        outputs.publish(blobs, digest_bytes(IMAGE), path)
    assert outputs.strays({"shop/a.png", "gone.png"}) == ["a.png", "shop/b.png"]
    assert outputs.strays({"gone.png"}, {outputs.folder / "shop"}) == ["a.png"]
    (outputs.folder / "linked.png").symlink_to("a.png")
    assert outputs.strays([]) == ["a.png", "shop/a.png", "shop/b.png"]


def test_a_file_is_known_by_its_bytes_where_nobody_copied_it(outputs, blobs):
    one, two = blobs.add(b"one"), blobs.add(b"two")
    for path, digest in (("a.png", one), ("b.png", two), ("copy of b.png", two)):
        outputs.publish(blobs, digest, path)
    (outputs.folder / "mine.txt").write_bytes(b"mine")
    images = {one: "shop/a#0", two: "shop/b#0", digest_bytes(b"gone"): "shop/c#0"}
    assert outputs.recognise(images, outputs.strays([])) == {"a.png": "shop/a#0"}


@pytest.mark.parametrize(
    ("gone", "total", "many"),
    [
        (10, 10, False),
        (11, 11, True),
        (11, 110, False),
        (11, 109, True),
        (0, 0, False),
        (100, 1000, False),
        (101, 1000, True),
    ],
)
def test_how_many_are_too_many_to_remove_unasked(gone, total, many):
    assert is_mass_removal(gone, total) is many


@given(st.integers(0, 500), st.integers(0, 5000))
def test_at_most_ten_or_a_tenth_may_go(gone, total):
    assert is_mass_removal(gone, total) is (gone > 10 and 10 * gone > total)
