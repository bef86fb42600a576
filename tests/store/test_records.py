"""Records give back what was put in, right or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbuild.errors import ImgbuildError
from imgbuild.files import Stamp
from imgbuild.store.records import Corrupt, Measurement, Output, Records
from imgbuild.types import Outcome, Record, Verdict


def record(number: int, **more: object) -> Record:
    fields = {
        "key": f"key-{number}",
        "step": "generate",
        "blob": f"blob-{number}",
        "pixels": f"pixels-{number}",
    }
    return Record(**{**fields, **more})  # type: ignore[arg-type]


def output(number: int) -> Output:
    return Output(f"digest-{number}", f"catalog/a[sku={number}]@sdxl#0", Stamp(number, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def records() -> Iterator[Records]:
    with Records(None) as records:
        yield records


def test_everything_put_is_there_after_reopening(path: Path) -> None:
    full = record(
        1,
        phash="00ff",
        seed=7,
        seconds=1.5,
        cost=0.04,
        created=1e9,
        manifest={
            "prompt": "Vase “rot”",
            "params": {"steps": 30, "eta": 0.5, "none": None, "list": [1, "a"]},
        },
        environment={"torch": "2.6"},
        info={"request": "req_1"},
    )
    key = Measurement("image", "sharpness", 1, "refs")
    verdict = Verdict(rule="contrast", status="review", on_fail="review", figure=3.5, others=("catalog/b#0",))
    outcome = Outcome(holds_for="basis", state="review", why="too flat", verdicts=(verdict,))
    records = Records(path)
    with records.batch():
        records.put_records([full, record(2)])
        records.put_measured([(key, {"variance": 120.5}), (key._replace(version=2), {"variance": 1})])
        records.put_outputs("", {"a.png": output(1), "b.png": output(2)})
        records.put_outputs("preview", {"a.png": output(3)})
        records.put_outcomes("", {"catalog/a#0": outcome})
        records.put_equivalents([("new", "old"), ("new", "older"), ("new", "old")])
        records.put_file_digests({"refs/a.png": (Stamp(1, 2, 3), "digest")})
    records.close()
    records = Records(path)
    assert records.get_records(["key-2", "key-1", "key-3"]) == {"key-1": full, "key-2": record(2)}
    assert records.all_records() == {"key-1": full, "key-2": record(2)}
    assert records.get_measured([key, key._replace(refs="other")]) == {key: {"variance": 120.5}}
    assert records.outputs("") == {"a.png": output(1), "b.png": output(2)}
    assert records.outputs("preview") == {"a.png": output(3)}
    assert records.outputs("absent") == {}
    assert records.outcomes("") == {"catalog/a#0": outcome}
    assert records.equivalents() == {"new": {"old", "older"}}
    assert records.file_digests() == {"refs/a.png": (Stamp(1, 2, 3), "digest")}
    assert isinstance(records.outputs("")["a.png"].stamp, Stamp)
    records.close()


def test_what_is_dropped_is_gone(records: Records) -> None:
    keys = [Measurement(image, "contrast", 1, "") for image in ("a", "b")]
    records.put_records([record(1), record(2)])
    records.put_measured([(key, {"v": 1}) for key in keys])
    records.put_outputs("", {"a.png": output(1), "b.png": output(2)})
    records.drop_records(["key-1", "never"])
    records.drop_measured(["a"])
    records.drop_outputs("", ["a.png"])
    records.drop_outputs("preview", ["b.png"])
    assert list(records.get_records(["key-1", "key-2"])) == ["key-2"]
    assert list(records.get_measured(keys)) == [keys[1]]
    assert list(records.outputs("")) == ["b.png"]


def test_a_later_value_replaces_an_earlier_one(records: Records) -> None:
    records.put_records([record(1), record(1, blob="another")])
    records.put_outputs("", {"a.png": output(1)})
    records.put_outputs("", {"a.png": output(2)})
    assert records.get_records(["key-1"])["key-1"].blob == "another"
    assert records.outputs("") == {"a.png": output(2)}


def test_more_keys_than_a_statement_takes_are_asked_for_in_parts(records: Records) -> None:
    records.put_records(map(record, range(3000)))
    assert len(records.get_records(f"key-{number}" for number in range(0, 6000, 2))) == 1500


def test_a_batch_left_by_an_exception_keeps_nothing(records: Records) -> None:

    def put_and_stop() -> None:
        with records.batch():
            records.put_records([record(1)])
            with records.batch():
                records.put_outputs("", {"a.png": output(1)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_and_stop()
    assert records.all_records() == records.outputs("") == {}


def test_a_reader_does_not_wait_for_the_writer(path: Path) -> None:
    writer = Records(path)
    writer.put_records([record(1)])
    with writer.batch():
        writer.put_records([record(2)])
        reader = Records(path, write=False)
        assert list(reader.all_records()) == ["key-1"]
    assert list(reader.all_records()) == ["key-1", "key-2"]
    with pytest.raises(ImgbuildError) as caught:
        reader.put_records([record(3)])
    assert str(caught.value) == (
        f"error: {path} can't be used: attempt to write a readonly database\n"
        "hint: see whether the disk is full, or the folder can't be written"
    )
    writer.close()
    reader.close()


def test_reading_leaves_the_files_alone(path: Path) -> None:
    records = Records(path)
    records.put_records([record(1)])
    records.close()
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    for write in (False, True):
        records = Records(path, write=write)
        assert list(records.all_records()) == ["key-1"]
        records.close()
    after = {file: file.read_bytes() for file in path.parent.iterdir()}
    assert after == before
    assert set(before) == {path, path.with_name("state.db.seal")}


def test_a_flipped_row_is_absent(path: Path) -> None:
    records = Records(path)
    records.put_records([record(1), record(2)])
    connection = sqlite3.connect(path)
    with connection:
        data = connection.execute("SELECT data FROM records WHERE key = 'key-1'").fetchone()[0]
        connection.execute(
            "UPDATE records SET data = ? WHERE key = 'key-1'", [data.replace(b"blob-1", b"blob-3")]
        )
    connection.close()
    assert list(records.get_records(["key-1", "key-2"])) == ["key-2"]
    records.close()


def test_rows_of_another_shape_are_absent(path: Path) -> None:
    records = Records(path)
    records._records._encode = lambda _: b"\x01"  # type: ignore[method-assign,assignment]
    records.put_records([record(1)])
    assert records.all_records() == {}
    records.close()


def test_rows_are_only_read_through_where_the_file_is_not_sealed(path: Path) -> None:
    records = Records(path)
    records.put_records([record(1)])
    records.close()
    path.with_name("state.db.seal").unlink()
    data = bytearray(path.read_bytes())
    where = data.rindex(b"pixels-1")
    data[where] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt) as caught:
        Records(path)
    assert str(caught.value) == f"error: {path} has 1 damaged rows"


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("PRAGMA user_version = 7", "is of another format than 1"),
        ("ALTER TABLE outputs RENAME TO ovtputs", "does not have our tables"),
        ("DROP TABLE outcomes", "does not have our tables"),
    ],
)
def test_a_database_of_another_shape_is_corrupt(path: Path, statement: str, cause: str) -> None:
    Records(path).close()
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()
    with pytest.raises(Corrupt) as caught:
        Records(path)
    assert str(caught.value) == f"error: {path} {cause}"


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    path.write_bytes(b"not a database at all")
    with pytest.raises(Corrupt, match=r"state\.db is (not a database|damaged: file is not a database)"):
        Records(path)


def test_damage_met_while_reading_says_the_way_out(path: Path) -> None:
    records = Records(path)
    records.put_outputs("", {f"{number}.png": output(number) for number in range(5000)})
    records.close()
    records = Records(path)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 8192 * 8)
    with pytest.raises(Corrupt) as caught:
        records.outputs("")
    records._connection.close()
    assert str(caught.value) == (
        f"error: {path} is damaged: database disk image is malformed\n"
        "hint: `imgbuild build` moves it aside and rebuilds it from the store"
    )


WRITER = """
    import sys
    from pathlib import Path
    from imgbuild.store.records import Records
    from imgbuild.types import Outcome, Record, Verdict
    records = Records(Path(sys.argv[1]))
    for number in range(10**6):
        with records.batch():
            for part in "ab":
                key = f"{sys.argv[2]}-{number}-{part}"
                records.put_records([Record(key=key, step="generate", blob=key, pixels="")])
        print(number, flush=True)
"""


def test_batches_are_whole_after_a_kill(path: Path) -> None:
    for turn in range(3):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05)
            writer.send_signal(signal.SIGKILL)
            told = 1 + len(writer.stdout.readlines())
        records = Records(path)
        keys = set(records.all_records())
        assert {f"{turn}-{number}-b" for number in range(told)} <= keys
        assert {key[:-1] + "a" for key in keys} == {key[:-1] + "a" for key in keys if key.endswith("b")}
        records.close()


def test_many_rows_go_in_a_few_statements(path: Path) -> None:
    numbers = range(10_000)
    records = Records(path)
    told: list[str] = []
    records._connection.set_trace_callback(lambda text: told.append(text.split()[0]))
    with records.batch():
        records.put_records(map(record, numbers))
        records.put_measured((Measurement(f"{n}", "contrast", 1, ""), {"v": 1.5}) for n in numbers)
        records.put_outputs("", {f"{n}.png": output(n) for n in numbers})
    assert len(records.outputs("")) == 10_000
    records.close()
    assert Counter(told) == {"BEGIN": 1, "INSERT": 30_000, "COMMIT": 1, "SELECT": 1, "PRAGMA": 1}


def test_a_reader_needs_no_right_to_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(path)
    records.put_records([record(1)])
    records.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    reader = Records(path, write=False)
    assert list(reader.all_records()) == ["key-1"]
    assert not path.with_name("state.db-shm").exists()
    reader.close()


def test_a_reading_that_was_broken_off_does_not_keep_it_from_being_closed(path: Path) -> None:
    records = Records(path)
    records.put_records([record(1), record(2)])
    reading = records._records.all()
    next(reading)
    records.close()
    assert not path.with_name("state.db.seal").exists()
    reading.close()
    with Records(path) as again:
        assert list(again.all_records()) == ["key-1", "key-2"]
