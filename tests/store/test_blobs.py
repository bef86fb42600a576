"""Blobs are whole under their name or absent, whatever happens to the files and the processes."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgbuild.digest import digest_bytes, to_hex
from imgbuild.store import blobs as blobs_module
from imgbuild.store.blobs import Blobs, Damaged


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def names_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_added_bytes_are_read_back_under_their_sha256(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    assert digest == digest_bytes(b"pixels")
    name = hashlib.sha256(b"pixels").hexdigest()
    assert blobs.path(digest) == blobs.folder / name[:2] / name
    assert blobs.path(digest).read_bytes() == blobs.read(digest) == b"pixels"
    assert blobs.has(digest)
    assert names_below(blobs.folder) == [name]


def test_an_absent_blob_is_a_key_error(blobs: Blobs) -> None:
    digest = digest_bytes(b"nowhere")
    assert not blobs.has(digest)
    with pytest.raises(KeyError) as caught:
        blobs.read(digest)
    assert not isinstance(caught.value, Damaged)


@pytest.mark.parametrize("text", ["", "AA", "../../etc/passwd", "x" * 44, "é" * 43, "=" * 43])
def test_text_that_is_no_digest_names_nothing(blobs: Blobs, text: str) -> None:
    blobs.add(b"pixels")
    assert not blobs.has(text)
    with pytest.raises(KeyError):
        blobs.read(text)


def test_a_digest_with_stray_bits_does_not_condemn_the_blob(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = digest[:-1] + alphabet[alphabet.index(digest[-1]) + 1]
    assert blobs.read(stray) == b"pixels"
    assert blobs.read(digest) == b"pixels"


def test_a_damaged_blob_is_moved_aside_and_named(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    place = blobs.path(digest)
    place.write_bytes(b"pixelz")
    with pytest.raises(Damaged) as caught:
        blobs.read(digest)
    assert str(caught.value) == (
        f"error: blob {digest} was damaged and has been moved to {place}.bad\n"
        "hint: build again: what can be made again will be; or copy the bytes back from another store"
    )
    assert blobs.notes == [f"a damaged blob was moved to {place}.bad"]
    assert not blobs.has(digest)
    blobs.add(b"pixels")
    assert blobs.read(digest) == b"pixels"


def test_an_existing_blob_is_not_written_again(blobs: Blobs) -> None:
    place = blobs.path(blobs.add(b"pixels"))
    os.utime(place, (1, 1))
    blobs.add(b"pixels")
    blobs.add(b"pixels", durable=True)
    assert place.stat().st_mtime == 1


def test_an_existing_blob_of_another_size_is_written_again(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    blobs.path(digest).write_bytes(b"")
    blobs.add(b"pixels")
    assert blobs.read(digest) == b"pixels"


def test_what_was_paid_for_is_written_again_where_one_bit_is_wrong(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    blobs.path(digest).write_bytes(b"pixelz")
    blobs.add(b"pixels", durable=True)
    assert blobs.read(digest) == b"pixels"


def test_what_was_paid_for_is_on_the_disk_with_its_names(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), fsync(file)))

    def keep(data: bytes) -> list[int]:
        """What is synced, by its number on the disk, for a blob and its manifest."""
        synced.clear()
        digest = blobs.add(data, durable=True)
        blobs.manifest_add(digest, b'{"key": "a"}', durable=True)
        blobs.sync(digest)
        place = blobs.path(digest)
        files = [place.stat().st_ino, Path(f"{place}.json").stat().st_ino, place.parent.stat().st_ino]
        assert synced[:3] == files
        return synced[3:]

    first = next(data for data in numbers() if to_hex(digest_bytes(data)).startswith("00"))
    second = next(data for data in numbers() if to_hex(digest_bytes(data)).startswith("00") and data > first)
    assert keep(first) == [blobs.folder.stat().st_ino]
    assert keep(second) == []  # the folder's own name is there already


def numbers() -> Iterator[bytes]:
    return (number.to_bytes(4, "big") for number in itertools.count())


def test_files_are_added_as_they_are(blobs: Blobs, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(3_000_000)
    (tmp_path / "photo.png").write_bytes(data)
    digest = blobs.add_file(tmp_path / "photo.png")
    assert digest == blobs.add_file(tmp_path / "photo.png") == digest_bytes(data)
    assert blobs.read(digest) == data
    assert names_below(blobs.folder) == [to_hex(digest)]
    assert blobs.path(digest).stat().st_nlink == 1


def test_a_published_file_is_a_copy(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.add(b"pixels")
    target = tmp_path / "out" / "deep" / "a.png"
    blobs.publish(digest, target)
    assert target.read_bytes() == b"pixels"
    assert target.stat().st_nlink == 1
    target.write_bytes(b"edited")
    assert blobs.read(digest) == b"pixels"
    blobs.publish(digest, target)
    assert target.read_bytes() == b"pixels"


@pytest.mark.parametrize(("can", "asked"), [(True, 3), (False, 1)])
def test_a_file_system_is_asked_for_reflinks_until_it_has_none(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can: bool, asked: int
) -> None:
    cloned: list[bool] = []

    def clone(source: int, target: int) -> bool:
        cloned.append(can)
        if can:
            os.write(target, os.read(source, 100))
        return can

    monkeypatch.setattr("imgbuild.store.blobs.clone", clone)
    digest = blobs.add(b"pixels")
    for number in range(3):
        blobs.publish(digest, tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes() == b"pixels"
    assert cloned == [can] * asked


def test_publishing_replaces_a_link_and_not_what_it_leads_to(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a.png").symlink_to(tmp_path / "precious")
    blobs.publish(blobs.add(b"pixels"), tmp_path / "a.png")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a.png").is_symlink()


def test_what_another_thread_has_put_right_is_not_moved_aside(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = blobs.add(b"pixels")
    place = blobs.path(digest)
    place.write_bytes(b"pixelz")
    read = blobs_module._bytes_of

    def read_late(name: str) -> bytes | None:
        """The damaged bytes; before they are looked at, another thread makes and adds them anew."""
        monkeypatch.setattr(blobs_module, "_bytes_of", read)
        data = read(name)
        place.unlink()
        blobs.add(b"pixels")
        return data

    monkeypatch.setattr(blobs_module, "_bytes_of", read_late)
    assert blobs.read(digest) == b"pixels"
    assert (blobs.notes, names_below(blobs.folder)) == ([], [place.name])


def test_a_damaged_blob_is_never_published(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.add(b"pixels")
    blobs.path(digest).write_bytes(b"pixelz")
    (tmp_path / "a.png").write_bytes(b"older")
    with pytest.raises(Damaged):
        blobs.publish(digest, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"older"


def test_publishing_to_another_file_system_stages_there(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replace_within(path: str, to: str) -> None:
        if (str(blobs.folder) in path) != (str(blobs.folder) in to):
            raise OSError(18, "Invalid cross-device link")
        replace(path, to)

    digest = blobs.add(b"pixels")
    monkeypatch.setattr(os, "replace", replace_within)
    blobs.publish(digest, tmp_path / "far" / "a.png")
    assert names_below(tmp_path / "far") == ["a.png"]
    assert names_below(blobs.folder) == [to_hex(digest)]
    assert (tmp_path / "far" / "a.png").read_bytes() == b"pixels"


def test_a_failed_publish_leaves_nothing_behind(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.add(b"pixels")
    (tmp_path / "out" / "a.png" / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        blobs.publish(digest, tmp_path / "out" / "a.png")
    assert names_below(tmp_path / "out") == []
    assert names_below(blobs.folder) == [to_hex(digest)]


def test_all_lists_blobs_only(blobs: Blobs) -> None:
    digests = {blobs.add(bytes([number])) for number in range(20)}
    broken = blobs.add(b"broken")
    blobs.path(broken).write_bytes(b"x")
    with pytest.raises(Damaged):
        blobs.read(broken)
    blobs.manifest_add(min(digests), b'{"key": "k"}')
    assert {digest for digest, _, _ in blobs.all()} == digests
    assert {size for _, size, _ in blobs.all()} == {1}
    assert all(abs(written - time.time()) < 60 for _, _, written in blobs.all())


def test_an_empty_store_has_nothing(blobs: Blobs) -> None:
    assert list(blobs.all()) == list(blobs.manifests()) == []
    assert blobs.sweep_temporary() == 0


def test_removed_blobs_take_their_manifests_along(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    blobs.manifest_add(digest, b'{"key": "k"}')
    blobs.remove(digest)
    blobs.remove(digest)
    assert names_below(blobs.folder) == []


def test_manifests_of_several_keys_stand_side_by_side(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    blobs.manifest_add(digest, b'{"key": "a", "seed": 1}')
    blobs.manifest_add(digest, b'{"key": "b"}', durable=True)
    blobs.manifest_add(digest, b'{"key": "a", "seed": 2}')
    expected = [{"key": "b"}, {"key": "a", "seed": 2}]
    assert blobs.manifests_of(digest) == expected
    assert list(blobs.manifests()) == [(digest, fields) for fields in expected]


def test_a_damaged_manifest_is_skipped_and_named(blobs: Blobs) -> None:
    digest = blobs.add(b"pixels")
    blobs.manifest_add(digest, b'{"key": "a", "seed": 1}')
    place = Path(f"{blobs.path(digest)}.json")
    place.write_bytes(place.read_bytes().replace(b'"seed":1', b'"seed":2'))
    assert blobs.manifests_of(digest) == []
    assert blobs.notes == [f"a damaged manifest was skipped: {place}"]


def test_threads_add_the_same_blobs_at_once(blobs: Blobs) -> None:
    data = [bytes([number % 50]) * 5000 for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(blobs.add, data))
    assert [blobs.read(digest) for digest in digests] == data
    assert len(list(blobs.all())) == 50


class TestSecondStore:
    @pytest.fixture
    def shared(self, tmp_path: Path) -> Path:
        (tmp_path / "shared").mkdir()
        return tmp_path / "shared"

    def test_it_is_read_through(self, tmp_path: Path, shared: Path) -> None:
        digest = Blobs(shared).add(b"pixels")
        blobs = Blobs(tmp_path / "blobs", shared)
        assert blobs.has(digest)
        assert blobs.read(digest) == b"pixels"
        assert Blobs(tmp_path / "blobs").read(digest) == b"pixels"

    def test_it_is_written_through(self, tmp_path: Path, shared: Path) -> None:
        blobs = Blobs(tmp_path / "blobs", shared)
        (tmp_path / "photo").write_bytes(b"photo")
        assert Blobs(shared).read(blobs.add(b"pixels")) == b"pixels"
        assert Blobs(shared).read(blobs.add_file(tmp_path / "photo")) == b"photo"

    def test_it_mends_a_damaged_blob(self, tmp_path: Path, shared: Path) -> None:
        blobs = Blobs(tmp_path / "blobs", shared)
        digest = blobs.add(b"pixels")
        blobs.path(digest).write_bytes(b"pixelz")
        blobs.publish(digest, tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes() == blobs.path(digest).read_bytes() == b"pixels"
        assert blobs.notes == [f"a damaged blob was moved to {blobs.path(digest)}.bad"]

    def test_its_own_damage_is_named_and_never_served(self, tmp_path: Path, shared: Path) -> None:
        digest = Blobs(shared).add(b"pixels")
        Blobs(shared).path(digest).write_bytes(b"pixelz")
        blobs = Blobs(tmp_path / "blobs", shared)
        with pytest.raises(KeyError):
            blobs.read(digest)
        assert blobs.notes == [f"a damaged blob was moved to {Blobs(shared).path(digest)}.bad"]

    def test_it_may_be_out_of_reach(self, tmp_path: Path) -> None:
        blobs = Blobs(tmp_path / "blobs", tmp_path / "not mounted")
        assert blobs.read(blobs.add(b"pixels")) == b"pixels"
        assert not (tmp_path / "not mounted").exists()

    def test_it_may_refuse_to_be_written(self, tmp_path: Path, shared: Path) -> None:
        digest = Blobs(shared).add(b"shared")
        (shared / "tmp").rmdir()
        (shared / "tmp").write_bytes(b"no folder: nothing can be staged here")
        blobs = Blobs(tmp_path / "blobs", shared)
        assert blobs.read(blobs.add(b"pixels")) == b"pixels"
        assert blobs.read(digest) == b"shared"
        assert len(list(Blobs(shared).all())) == 1

    def test_removing_leaves_it_alone(self, tmp_path: Path, shared: Path) -> None:
        blobs = Blobs(tmp_path / "blobs", shared)
        digest = blobs.add(b"pixels")
        blobs.remove(digest)
        assert blobs.read(digest) == b"pixels"


WRITER = """
    import sys
    from pathlib import Path
    from imgbuild.store.blobs import Blobs
    folder, start = Path(sys.argv[1]), int(sys.argv[2])
    blobs = Blobs(folder / "blobs")
    print("started", flush=True)
    for number in range(start, start + 1000):
        digest = blobs.add(number.to_bytes(4, "big") * 500_000, durable=number % 7 == 0)
        blobs.manifest_add(digest, b'{"key": "k"}')
        blobs.publish(digest, folder / "out" / f"{number % 5}.png")
"""


def test_a_killed_writer_leaves_nothing_half_written(tmp_path: Path) -> None:
    chance = random.Random(7)
    for turn in range(8):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path), str(turn * 1000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0.005, 0.12))
            writer.send_signal(signal.SIGKILL)
    blobs = Blobs(tmp_path / "blobs")
    for digest, size, _ in list(blobs.all()):
        assert size == len(blobs.read(digest)) == 2_000_000
        assert blobs.manifests_of(digest) in ([], [{"key": "k"}])
    for path in (tmp_path / "out").iterdir():
        assert digest_bytes(path.read_bytes()) in {digest for digest, _, _ in blobs.all()}
    assert blobs.notes == []
    blobs.sweep_temporary()
    assert list((tmp_path / "blobs" / "tmp").iterdir()) == []
