"""After any damage to the store, what can be read is right, or absent; never wrong."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import msgspec
import pytest

from imgbuild.files import Stamp
from imgbuild.store.blobs import Blobs
from imgbuild.store.records import Measurement, Output, Records
from imgbuild.store.recover import open_records
from imgbuild.types import Outcome, Record

MANY = 40
KEYS = [Measurement(f"image-{number}", "contrast", 1, "refs") for number in range(MANY)]
MEASURED = {key: {"stddev": float(number)} for number, key in enumerate(KEYS)}
OUTPUTS = {
    f"{number}.png": Output("digest", f"target-{number}", Stamp(number, 2, 3)) for number in range(MANY)
}
OUTCOMES = {
    f"target-{number}": Outcome(holds_for="basis", state="failed", why="blurred") for number in range(MANY)
}


def fill(folder: Path) -> dict[str, Record]:
    """A store with records that have manifests; what they are."""
    folder.mkdir()
    blobs, records, known = Blobs(folder / "blobs"), Records(folder / "state.db"), {}
    for number in range(MANY):
        blob = blobs.add(f"pixels {number}".encode() * 50)
        known[f"key-{number}"] = Record(
            key=f"key-{number}",
            step="generate",
            blob=blob,
            pixels=f"pixels-{number}",
            seed=number,
            cost=0.04,
            manifest={"prompt": "a vase"},
        )
        blobs.manifest_add(blob, msgspec.json.encode(known[f"key-{number}"]))
    with records.batch():
        records.put_records(known.values())
        records.put_measured(MEASURED.items())
        records.put_outputs("", OUTPUTS)
        records.put_outcomes("", OUTCOMES)
        records.put_equivalents([("a", "b")])
    records.close()
    return known


def damage(path: Path, chance: random.Random) -> None:
    """Cut the file at a random place, or alter up to eight of its bytes there."""
    data = bytearray(path.read_bytes())
    where = chance.randrange(len(data))
    if chance.random() < 0.3:
        del data[where:]
    else:
        data[where : where + 8] = chance.randbytes(len(data[where : where + chance.choice((1, 8))]))
    path.write_bytes(data)


def assert_nothing_is_wrong(records: Records, known: dict[str, Record]) -> None:
    assert records.all_records().items() <= known.items()
    assert records.get_records(known).items() <= known.items()
    assert records.get_measured(KEYS).items() <= MEASURED.items()
    assert records.outputs("").items() <= OUTPUTS.items()
    assert records.outcomes("").items() <= OUTCOMES.items()
    assert records.equivalents() in ({}, {"a": {"b"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_fresh_store_has_nothing_to_tell(folder: Path) -> None:
    folder.mkdir()
    records, notes = open_records(folder)
    assert records.all_records() == {}
    assert notes == []
    records.close()


def test_a_reader_of_no_store_makes_none(folder: Path) -> None:
    records, notes = open_records(folder, write=False)
    assert records.all_records() == {}
    assert notes == []
    assert not folder.exists()
    records.close()


@pytest.mark.parametrize("write", [True, False])
def test_a_missing_database_is_rebuilt(folder: Path, write: bool) -> None:
    known = fill(folder)
    (folder / "state.db").unlink()
    records, notes = open_records(folder, write=write)
    assert records.all_records() == known
    assert notes == [
        f"{folder / 'state.db'} is missing; rebuilt {MANY} records from the manifests beside the blobs"
    ]
    assert (folder / "state.db").exists() == write
    records.close()


def test_a_corrupt_database_is_moved_aside_and_rebuilt(folder: Path) -> None:
    known = fill(folder)
    (folder / "state.db").write_bytes(b"x" * 10_000)
    (folder / "state.db-wal").write_bytes(b"wal")
    records, notes = open_records(folder)
    assert records.all_records() == known
    assert records.outputs("") == {}
    assert len(notes) == 1
    assert notes[0].endswith(f"; rebuilt {MANY} records from the manifests beside the blobs")
    assert (folder / "state.db.bad").read_bytes() == b"x" * 10_000
    records.close()
    records, notes = open_records(folder)
    assert records.all_records() == known
    assert notes == []
    records.close()


def test_a_reader_leaves_a_corrupt_database_where_it_is(folder: Path) -> None:
    known = fill(folder)
    (folder / "state.db").write_bytes(b"x" * 10_000)
    records, notes = open_records(folder, write=False)
    assert records.all_records() == known
    assert len(notes) == 1
    assert (folder / "state.db").read_bytes() == b"x" * 10_000
    records.close()


def test_manifests_that_are_no_records_or_of_another_blob_are_left_out(folder: Path) -> None:
    folder.mkdir()
    blobs = Blobs(folder / "blobs")
    ours, other = blobs.add(b"ours"), blobs.add(b"other")
    blobs.manifest_add(ours, b'{"key": "k", "prompt": "no record"}')
    blobs.manifest_add(other, msgspec.json.encode(Record(key="k", step="generate", blob=ours, pixels="p")))
    records, notes = open_records(folder)
    assert records.all_records() == {}
    assert notes == [
        f"{folder / 'state.db'} is missing; rebuilt 0 records from the manifests beside the blobs",
        f"the manifest beside blob {ours} is no record, and was skipped",
    ]
    records.close()


@pytest.mark.parametrize("clean", [True, False])
def test_a_damaged_database_is_never_believed(folder: Path, clean: bool) -> None:
    known = fill(folder)
    if not clean:
        (folder / "state.db.seal").unlink()
    whole = (folder / "state.db").read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        (folder / "state.db").write_bytes(whole)
        damage(folder / "state.db", chance)
        records, notes = open_records(folder)
        assert_nothing_is_wrong(records, known)
        assert records.all_records() == known
        assert notes or records.outputs("") == OUTPUTS
        records.close()
        for path in folder.glob("state.db*"):
            path.unlink()


def test_a_damaged_log_is_never_believed(folder: Path, tmp_path: Path) -> None:
    known = fill(folder)
    records = Records(folder / "state.db")
    extra = Record(key="extra", step="encode", blob="b", pixels="p")
    records.put_records([extra])
    chance = random.Random(9)
    for turn in range(30):
        copy = tmp_path / f"crashed-{turn}"
        shutil.copytree(folder, copy)
        damage(copy / "state.db-wal", chance)
        mended, _ = open_records(copy)
        assert_nothing_is_wrong(mended, known | {"extra": extra})
        assert mended.all_records().items() >= known.items()
        mended.close()
    records.close()


def test_damaged_manifests_are_never_believed(folder: Path) -> None:
    known = fill(folder)
    chance = random.Random(11)
    manifests = chance.sample(sorted(folder.rglob("*.json")), MANY // 2)
    for path in manifests:
        damage(path, chance)
    (folder / "state.db").unlink()
    records, notes = open_records(folder)
    assert records.all_records().items() <= known.items()
    assert len(records.all_records()) >= MANY // 2
    lost = MANY - len(records.all_records())
    assert lost > 0
    assert len([note for note in notes if note.startswith("a damaged manifest was skipped: ")]) >= lost - 1
    records.close()


def test_damaged_blobs_are_never_served(folder: Path) -> None:
    known = fill(folder)
    blobs, chance = Blobs(folder / "blobs"), random.Random(13)
    whole = {record.blob: blobs.read(record.blob) for record in known.values()}
    for _ in range(60):
        digest = chance.choice(list(whole))
        blobs.add(whole[digest])
        damage(blobs.path(digest), chance)
        try:
            assert blobs.read(digest) == whole[digest]
        except KeyError:
            assert blobs.notes[-1] == f"a damaged blob was moved to {blobs.path(digest)}.bad"
