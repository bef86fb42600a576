"""A store opens whatever a crash left of it, and readers change nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imgbuild.store.store import open_store
from imgbuild.types import Record


def test_opening_makes_a_folder_that_git_and_backups_skip(tmp_path: Path) -> None:
    with open_store(tmp_path / ".imgbuild", write=True) as store:
        assert store.notes == []
    assert (tmp_path / ".imgbuild" / ".gitignore").read_text() == "*\n"
    tag = (tmp_path / ".imgbuild" / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_all_parts_are_there_again(tmp_path: Path) -> None:
    with open_store(tmp_path / ".imgbuild", write=True) as store:
        blob = store.blobs.add(b"pixels")
        store.records.put_records([Record(key="k", step="generate", blob=blob, pixels="p")])
        store.journal.begin("k", "openai", 0.5)
    with open_store(tmp_path / ".imgbuild", write=False) as store:
        assert store.blobs.read(store.records.get_records(["k"])["k"].blob) == b"pixels"
        assert store.journal.spent(None) == 0.5
        assert store.notes == []


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / ".imgbuild", write=False) as store:
        assert list(store.blobs.all()) == store.journal.in_flight() == []
    assert list(tmp_path.iterdir()) == []


def test_the_second_store_has_the_same_layout(tmp_path: Path) -> None:
    with open_store(tmp_path / "shared", write=True) as shared:
        digest = shared.blobs.add(b"pixels")
    with open_store(tmp_path / ".imgbuild", tmp_path / "shared", write=True) as store:
        assert store.blobs.read(digest) == b"pixels"
        added = store.blobs.add(b"more")
    assert (tmp_path / "shared" / store.blobs.path(added).relative_to(tmp_path / ".imgbuild")).exists()


def test_damage_is_named(tmp_path: Path) -> None:
    folder = tmp_path / ".imgbuild"
    with open_store(folder, write=True) as store:
        digest = store.blobs.add(b"pixels")
        store.blobs.manifest_add(digest, b'{"key": "k"}')
        store.journal.begin("k", "openai", 0.5)
    (folder / "state.db").unlink()
    (folder / "journal").write_bytes((folder / "journal").read_bytes()[:-5])
    store.blobs.path(digest).write_bytes(b"pixelz")
    with open_store(folder, write=True) as store:
        with pytest.raises(KeyError):
            store.blobs.read(digest)
        assert store.notes == [
            f"{folder / 'state.db'} is missing; rebuilt 0 records from the manifests beside the blobs",
            f"the manifest beside blob {digest} is no record, and was skipped",
            f"{folder / 'journal'}: the last line was cut off and has been dropped",
            f"a damaged blob was moved to {store.blobs.path(digest)}.bad",
        ]


def test_opening_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from imgbuild.store.store import open_store\n"
        "open_store(Path(sys.argv[1]) / '.imgbuild', write=True).close()\n"
        "print(sorted({'PIL', 'numpy', 'yaml', 'jinja2', 'jsonschema', 'torch'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
