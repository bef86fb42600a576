"""The snapshot's file: what is written is read, whatever the names; what is not ours is never believed, or run."""

import marshal
import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.store.snapshot import (
    FORMAT,
    Snapshot,
    changed,
    digest,
    identity,
    outputs_stand,
    parts_of,
    read,
    recall,
    with_outputs,
    write,
)

numbers = st.integers(-(2**63), 2**63 - 1)
stamps = st.tuples(numbers, numbers, numbers)
names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=8)
odd = st.binary(min_size=1, max_size=6).filter(lambda data: b"\0" not in data).map(os.fsdecode)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


def fields(seen):
    return {name: getattr(seen, name) for name in Snapshot.__slots__}


def a_snapshot(root="/project", **own):
    known = {
        "command": b"build",
        "sources": {},
        "young": {},
        "output": "out",
        "parts": [],
        "total": 0,
        "text": "up to date",
        "code": 0,
    }
    return Snapshot(root=str(root), **{**known, **own})


@settings(max_examples=100)
@given(
    sources=st.dictionaries(
        paths | odd, st.none() | stamps.filter(lambda stamp: stamp != (-1, -1, -1)), max_size=4
    ),
    young=st.dictionaries(paths, digests, max_size=2),
    outputs=st.dictionaries(paths, stamps, max_size=5),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    code=st.integers(0, 255),
    outline=st.binary(max_size=9),
)
def test_what_is_written_is_read(tmp_path_factory, sources, young, outputs, text, code, outline):
    path = str(tmp_path_factory.getbasetemp() / "snapshot")
    seen = a_snapshot(
        sources=sources,
        young=young,
        parts=parts_of(outputs),
        total=len(outputs),
        text=text,
        code=code,
        outline=outline,
    )
    write(path, seen)
    assert fields(read(path)) == fields(seen)


@settings(max_examples=100)
@given(outputs=st.dictionaries(paths, stamps, min_size=1, max_size=9), data=st.data())
def test_outputs_take_other_stamps(outputs, data):
    moved = data.draw(st.dictionaries(st.sampled_from(sorted(outputs)), stamps))
    assert with_outputs(parts_of(outputs), moved) == parts_of({**outputs, **moved})


def test_an_output_that_is_not_there_has_no_stamp_to_take():
    with pytest.raises(KeyError, match="new"):
        with_outputs(parts_of({"old": (1, 2, 3)}), {"new": (1, 2, 3)})


def test_sources_and_outputs_are_held_against_the_disk(tmp_path):
    (tmp_path / "out").mkdir()
    files = {name: tmp_path / name for name in ("spec", "table", "out/a.png")}
    for file in files.values():
        file.write_text("1")
    stats = {name: file.stat() for name, file in files.items()}
    found = {name: (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size) for name, stat in stats.items()}
    outputs = {"a.png": found.pop("out/a.png")}
    seen = a_snapshot(tmp_path, sources={**found, "absent": None}, parts=parts_of(outputs), total=1)
    assert (list(changed(seen)), outputs_stand(seen)) == ([], True)
    files["table"].write_text("12")
    (tmp_path / "absent").mkdir()
    files["out/a.png"].unlink()
    assert (list(changed(seen)), outputs_stand(seen)) == (["table", "absent"], False)


def sealed(body):
    return FORMAT + zlib.crc32(body).to_bytes(4, "big") + body


HOSTILE = {
    "marshalled data": marshal.dumps({"for": None}),
    "nothing": b"",
    "a length beyond the end": (2**63).to_bytes(8, "big"),
    "too few sections": b"".join((1).to_bytes(8, "big") + b"x" for _ in range(3)),
    "sections of rubbish": b"".join((3).to_bytes(8, "big") + b"a\0b" for _ in range(13)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_snapshot_is_not_believed(tmp_path, name):
    store = tmp_path / ".imgbuild"
    store.mkdir()
    (store / "snapshot").write_bytes(sealed(HOSTILE[name]))
    assert recall(["build"], {}, str(tmp_path)) is None
    with pytest.raises(ValueError):
        read(str(store / "snapshot"))


def test_a_pipe_in_the_place_of_a_young_source_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "spec")
    stat = (tmp_path / "spec").stat()
    stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
    seen = a_snapshot(tmp_path, sources={"spec": stamp}, young={"spec": "0" * 64})
    assert list(changed(seen)) == ["spec"]


def test_a_young_source_that_goes_while_it_is_looked_at_has_changed(tmp_path, monkeypatch):
    (tmp_path / "spec").write_text("1")
    stat = (tmp_path / "spec").stat()
    stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
    seen = a_snapshot(tmp_path, sources={"spec": stamp}, young={"spec": digest(str(tmp_path / "spec"))})
    assert list(changed(seen)) == []
    is_there = os.path.isfile

    def late(path):
        found = is_there(path)
        (tmp_path / "spec").unlink()
        return found

    monkeypatch.setattr(os.path, "isfile", late)
    assert list(changed(seen)) == ["spec"]


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "a\rb", "a\x9bm"])
def test_no_snapshot_tells_the_terminal_what_to_do(tmp_path, text):
    (tmp_path / ".imgbuild").mkdir()
    (tmp_path / "out").mkdir()
    path = str(tmp_path / ".imgbuild/snapshot")
    command = identity(["build"], {}, str(tmp_path))
    write(path, a_snapshot(tmp_path, command=command, text="up to date\n(2 targets)"))
    assert recall(["build"], {}, str(tmp_path)) == ("up to date\n(2 targets)", 0)
    write(path, a_snapshot(tmp_path, command=command, text=text))
    assert recall(["build"], {}, str(tmp_path)) is None
