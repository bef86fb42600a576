"""The journal forgets no money: whatever happens to its bytes, what is read was written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imgbuild.store.journal import NOT_NOTED, Journal, Purpose


def clock_of(*times: float) -> Callable[[], float]:
    return iter(times).__next__


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_a_request_goes_from_in_flight_to_settled(path: Path) -> None:
    journal = Journal(path)
    first = journal.begin("key-1", "openai", 0.04)
    second = journal.begin("key-2", "openai", 0.04)
    journal.known(first, "req_1")
    assert [(entry.key, entry.provider_id) for entry in Journal(path).in_flight()] == [
        ("key-1", "req_1"),
        ("key-2", ""),
    ]
    journal.settle(first, 0.05, "blob-1")
    journal.abandon(second, "refused")
    reopened = Journal(path)
    assert reopened.in_flight() == journal.in_flight() == []
    assert reopened.bought() == {"key-1": "blob-1"}
    assert reopened.spent() == journal.spent() == 0.05
    assert reopened.notes == []


def test_what_a_request_is_for_stays_with_it(path: Path) -> None:
    hero = Purpose(target="shop/hero@gpt#0", asset="shop/hero", model="gpt", source="gpt-image-2", build="b1")
    journal = Journal(path)
    id = journal.begin("key", "openai", 0.04, hero)
    journal.known(id, "req_1")
    journal.settle(id, 0.05, "blob")
    journal.begin("another", "openai", 0.04)
    assert [entry.purpose for entry in Journal(path).entries()] == [hero, NOT_NOTED]
    assert path.read_bytes().count(b'"purpose"') == 3


# As the first version wrote them, which didn't say what they were for.
OLD = (
    b'8db3306f1f31f1a8 {"id":"0011223344556677","key":"key-1","provider":"openai","begun":1764000000.5,'
    b'"estimate":0.04,"state":"settled","cost":0.05,"blob":"blob-1"}\n'
    b'bcf2ff5e0d56682a {"id":"8899aabbccddeeff","key":"key-2","provider":"bfl","begun":1764000001.0,'
    b'"estimate":0.03}\n'
)


def test_a_journal_of_an_earlier_version_is_read_as_ever(path: Path) -> None:
    path.write_bytes(OLD)
    journal = Journal(path)
    assert [(entry.key, entry.cost, entry.purpose) for entry in journal.entries()] == [
        ("key-1", 0.05, NOT_NOTED),
        ("key-2", None, NOT_NOTED),
    ]
    assert (journal.notes, journal.spent()) == ([], pytest.approx(0.08))
    journal.settle("8899aabbccddeeff", 0.03, "blob-2")
    assert path.read_bytes().startswith(OLD)
    assert b"purpose" not in path.read_bytes()


def test_what_is_not_known_counts_as_spent(path: Path) -> None:
    journal = Journal(path)
    journal.begin("crashed", "openai", 0.25)
    journal.settle(journal.begin("silent", "openai", 0.5), None, "blob")
    journal.settle(journal.begin("free", "openai", 0.5), 0.0, None)
    journal.begin("unpriced", "openai", None)
    assert Journal(path).spent() == 0.75


def test_spend_is_counted_from_a_date(path: Path) -> None:
    march, april = (datetime(2025, month, 1, tzinfo=UTC) for month in (3, 4))
    journal = Journal(path, clock=clock_of(march.timestamp(), april.timestamp()))
    journal.begin("march", "openai", 1.0)
    journal.begin("april", "openai", 2.0)
    assert journal.spent(april) == 2.0
    assert journal.spent(march) == journal.spent(None) == 3.0


def test_every_change_is_synced_before_it_is_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(path.stat().st_size), fsync(file)))
    journal = Journal(path)
    id = journal.begin("key", "openai", 1.0)
    journal.known(id, "req")
    journal.settle(id, 1.0, "blob")
    size = path.stat().st_size
    assert len(synced) == 4  # three lines, and the new file's folder
    assert synced[0] == synced[1] < synced[2] < synced[3] == size


def test_a_torn_last_line_is_dropped_and_reported(path: Path) -> None:
    journal = Journal(path)
    journal.begin("key-1", "openai", 1.0)
    journal.begin("key-2", "openai", 2.0)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    reader = Journal(path, write=False)
    assert reader.notes == [f"{path}: the last line was cut off and has been dropped"]
    assert path.read_bytes() == whole[:-10]
    reopened = Journal(path)
    assert reopened.notes == reader.notes
    reopened.begin("key-3", "openai", 4.0)
    assert [entry.key for entry in Journal(path).in_flight()] == ["key-1", "key-3"]
    assert Journal(path).notes == []


def test_a_last_line_that_lacks_only_its_end_is_kept(path: Path) -> None:
    Journal(path).begin("key-1", "openai", 1.0)
    path.write_bytes(path.read_bytes()[:-1])
    journal = Journal(path)
    journal.begin("key-2", "openai", 2.0)
    assert [entry.key for entry in Journal(path).in_flight()] == ["key-1", "key-2"]
    assert journal.notes == Journal(path).notes == []


def test_a_damaged_line_costs_only_its_own_news(path: Path) -> None:
    journal = Journal(path)
    first = journal.begin("key-1", "openai", 1.0)
    journal.settle(first, 0.5, "blob-1")
    journal.begin("key-2", "openai", 2.0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"blob-1", b"blob-2") + lines[2])
    damaged = Journal(path)
    assert damaged.notes == [f"{path}: line 2 is damaged and was skipped"]
    assert [entry.key for entry in damaged.in_flight()] == ["key-1", "key-2"]
    path.write_bytes(b"?" + b"".join(lines))
    assert Journal(path).bought() == {"key-1": "blob-1"}


def test_altered_bytes_are_never_believed(path: Path) -> None:
    chance = random.Random(3)
    journal = Journal(path)
    for number in range(6):
        id = journal.begin(f"key-{number}", "openai", 1.0)
        journal.known(id, f"req-{number}")
        journal.settle(id, 1.0, f"blob-{number}")
    text = path.read_bytes()
    for _ in range(60):
        altered = bytearray(text)
        where = chance.randrange(len(text))
        if chance.random() < 0.5:
            del altered[where:]
        else:
            altered[where] ^= 1 << chance.randrange(8)
        path.write_bytes(altered)
        read = Journal(path)
        assert set(read.bought().items()) <= set(journal.bought().items())
        assert {entry.provider_id for entry in read.in_flight()} <= {"", *(f"req-{n}" for n in range(6))}
        assert read.notes or altered == text or text.startswith(altered)


def test_threads_append_whole_lines(path: Path) -> None:
    journal = Journal(path)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: journal.begin(f"key-{n}", "openai", 1.0), range(60)))
        list(pool.map(lambda id: journal.settle(id, 1.0, f"blob-{id}"), ids))
    read = Journal(path)
    assert len(set(ids)) == len(read.bought()) == 60
    assert read.notes == []


WRITER = """
    import sys
    from pathlib import Path
    from imgbuild.store.journal import Journal
    journal = Journal(Path(sys.argv[1]))
    while True:
        id = journal.begin("key", "openai", 1.0)
        print(id, flush=True)
        journal.settle(id, 1.0, "blob")
        print("settled", flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    for lines in (1, 4, 9):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(lines)]
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.readlines()
        journal = Journal(path)
        entries = {entry.id: entry.state for entry in journal.entries()}
        ids = [line.strip() for line in told if line != "settled\n"]
        assert set(ids) <= set(entries)
        assert all(entries[id] == "settled" for id in ids[: told.count("settled\n")])


def test_what_threads_say_together_is_synced_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, fsync, synced = Journal(path), os.fsync, []

    def slow(file: int) -> None:
        time.sleep(0.05)
        synced.append(path.read_bytes())
        fsync(file)

    def begin(number: int) -> bool:
        id = journal.begin(f"key-{number}", "openai", 1.0)
        return any(id.encode() in text for text in synced)

    journal.begin("first", "openai", 1.0)  # makes the file
    monkeypatch.setattr(os, "fsync", slow)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(begin, range(32)))  # each was on the disk when it was acknowledged
    assert len(synced) < 16
    assert len(Journal(path).entries()) == 33


def test_a_write_that_fails_loses_nobody_elses_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, fsync, fails = Journal(path), os.fsync, [True]

    def full(file: int) -> None:
        time.sleep(0.02)
        if fails:
            fails.pop()
            raise OSError(28, "No space left on device")
        fsync(file)

    def begin(number: int) -> str:
        try:
            return journal.begin(f"key-{number}", "openai", 1.0)
        except OSError:
            return ""

    monkeypatch.setattr(os, "fsync", full)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(begin, range(8)))
    assert ids.count("") == 1
    read = Journal(path)
    assert {id for id in ids if id} <= {entry.id for entry in read.entries()}
    assert read.notes == []
