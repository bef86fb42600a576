"""What a build leaves for the next: stamps that tell every later edit, or digests where they can't."""

import os

from imgbuild.commands import last
from imgbuild.files import Files, stamp_of
from imgbuild.store.snapshot import NO_FILE, digest, read, recall

SPEC = """
    assets:
      shots: {prompt: "a lamp %d", size: 16x16}
    """


def test_what_a_tick_has_passed_over_needs_no_digest(bench, monkeypatch):
    project = bench({"specs/catalog.yaml": SPEC % 0})
    monkeypatch.chdir(project.root)
    for number in range(1, 10):
        assert project.tell("build").code == 0
        assert read(str(project.root / ".imgbuild/snapshot")).young == {}
        assert recall(["build"], os.environ, str(project.root)) is not None
        project.write({"specs/catalog.yaml": SPEC % number})  # at once, and of the same size
        assert recall(["build"], os.environ, str(project.root)) is None


def still_young(files, sources):
    return last._still_young(files, sources, last._young(files, sources, None))


def test_where_seconds_are_counted_the_digest_is_kept(tmp_path):
    (tmp_path / "spec").write_text("1")
    files = Files(tmp_path)
    files.read("spec")
    known = digest(str(tmp_path / "spec"))
    stamp = stamp_of(tmp_path / "spec")
    assert still_young(files, {"spec": stamp}) == {}
    whole = (stamp.mtime_ns // 10**9 * 10**9, stamp.ctime_ns // 10**9 * 10**9, stamp.size)
    files.seen["spec"] = whole
    assert still_young(files, {"spec": whole}) == {"spec": known}


def test_what_changed_before_the_tick_had_passed_keeps_the_digest_that_was_read(tmp_path, monkeypatch):
    (tmp_path / "spec").write_text("1")
    files = Files(tmp_path)
    files.read("spec")
    known, stamp = digest(str(tmp_path / "spec")), stamp_of(tmp_path / "spec")

    def edit(seconds):  # by somebody else, so soon that the stamp stays
        (tmp_path / "spec").write_text("2")

    monkeypatch.setattr(last.time, "sleep", edit)
    monkeypatch.setattr(last, "stamp_of", lambda path: stamp)
    assert still_young(files, {"spec": stamp}) == {"spec": known}


def test_what_went_meanwhile_is_looked_at_again_though_it_comes_back(tmp_path):
    (tmp_path / "spec").write_text("1")
    stamp = stamp_of(tmp_path / "spec")
    (tmp_path / "spec").unlink()
    assert still_young(Files(tmp_path), {"spec": stamp}) == {"spec": NO_FILE}


def test_a_folder_that_went_while_it_was_looked_at_stays_so(bench):
    """Its stamp of now is that of a folder in which locks were written, where nothing went."""
    project = bench({"specs/catalog.yaml": SPEC % 0}).load()
    assert last._folders(project, ())["specs"] == stamp_of(project.files.root / "specs")
    project.files.lose("specs")
    assert "specs" not in last._folders(project, ())
