"""Watching: which changes matter, what is built for them; and a whole watch in a process of its own."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

from imgbuild.files import Files, stamp_of
from imgbuild.settings import load_settings
from imgbuild.watch import Seen, rebuilds

SPEC = """\
models: {paint: {provider: placeholder}}
assets:
  shots:
    prompt: "{{ name }}"
    matrix: {product: {csv: products.csv, key: sku}}
    models: [paint]
    size: 32x32
"""
CSV = "sku,name\nA1,lamp\nA2,chair\n"


@pytest.fixture
def shop(bench):
    return bench({"specs/shop.yaml": SPEC, "specs/products.csv": CSV})


@pytest.fixture
def seen(shop):
    """What a build of the shop saw."""
    project = shop.load()
    return Seen(root=project.files.root, settings=project.settings, stamps=dict(project.files.seen))


def touch(shop, name, text="changed"):
    shop.write({name: text})
    return str(shop.root / name)


# --- news -------------------------------------------------------------------------------------------------------


def test_sources_as_they_were_read_are_no_news(shop, seen):
    assert {"specs/shop.yaml", "specs/products.csv", "imgbuild.yaml", "specs"} <= set(seen.stamps)
    assert not any(seen.is_news(str(shop.root / path)) for path in seen.stamps)


@pytest.mark.parametrize("name", ["specs/shop.yaml", "specs/products.csv"])
def test_an_edited_source_is_news(shop, seen, name):
    assert seen.is_news(touch(shop, name))


def test_a_source_that_was_saved_and_is_the_same_by_its_stamp_is_no_news(shop, seen):
    place = shop.root / "specs/products.csv"
    before = place.stat()
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert seen.is_news(str(place)) is (stamp_of(place) != seen.stamps["specs/products.csv"])


def test_a_removed_source_is_news(shop, seen):
    shop.write({"specs/products.csv": None})
    assert seen.is_news(str(shop.root / "specs/products.csv"))


def test_settings_that_were_not_there_are_news(shop, seen):
    assert seen.stamps["imgbuild.yaml"] is None
    assert not seen.is_news(str(shop.root / "imgbuild.yaml"))
    assert seen.is_news(touch(shop, "imgbuild.yaml", "output: made\n"))


@pytest.mark.parametrize("name", ["specs/new.yaml", "specs/new.yml", "specs/deep/er/new.yaml"])
def test_a_new_spec_is_news(shop, seen, name):
    assert seen.is_news(touch(shop, name))


@pytest.mark.parametrize(
    "name",
    ["specs/notes.txt", "specs/other.csv", "README.md", "other.yaml", "elsewhere/new.yaml", "out/a.png"],
)
def test_what_nothing_reads_is_no_news(shop, seen, name):
    assert not seen.is_news(touch(shop, name))


def test_a_folder_is_no_news_though_its_stamp_moved(shop, seen):
    touch(shop, "specs/notes.txt")
    assert stamp_of(shop.root / "specs") != seen.stamps["specs"]
    assert not seen.is_news(str(shop.root / "specs"))


def test_where_specs_are_anywhere_a_new_one_is_news(bench):
    shop = bench({"imgbuild.yaml": "specs: .\n", "shop.yaml": SPEC, "products.csv": CSV})
    project = shop.load()
    seen = Seen(root=project.files.root, settings=project.settings, stamps=dict(project.files.seen))
    assert seen.is_news(touch(shop, "new.yaml"))
    assert seen.is_news(touch(shop, "deep/new.yaml"))


# --- rebuilds -----------------------------------------------------------------------------------------------------


class Builder:
    """Stands for a build: keeps what it was built for, and sees all files as they are."""

    def __init__(self, root):
        self.root, self.built = root, []

    def __call__(self, news):
        self.built.append([os.path.relpath(path, self.root) for path in news])
        return self.see()

    def see(self):
        files = Files(self.root)
        settings = load_settings(files, environ={}, home=self.root)
        return Seen(
            root=self.root,
            settings=settings,
            stamps={name: stamp_of(self.root / name) for name in ("a", "b")},
        )


@pytest.fixture
def builder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    return Builder(tmp_path.resolve())


def script(builder, *bursts):
    """Bursts of changes: before each, these files are written."""
    for names in bursts:
        for name in names:
            with (builder.root / name).open("a") as file:
                file.write("more")
        yield {str(builder.root / name) for name in names}


def built(builder, *bursts):
    found = list(rebuilds(builder.see(), script(builder, *bursts), builder))
    assert len(found) == len(builder.built)
    return builder.built


def test_each_burst_that_matters_is_built_once(builder):
    assert built(builder, ["a"], ["b"], ["b", "a"]) == [["a"], ["b"], ["a", "b"]]


def test_what_does_not_matter_is_not_built(builder):
    assert built(builder, [], ["c"], [], ["a", "c"]) == [["a"]]


def test_a_change_that_the_last_build_saw_already_is_not_built_again(builder):
    def late():
        (builder.root / "a").write_text("changed")
        yield {str(builder.root / "a")}
        yield {str(builder.root / "a")}

    list(rebuilds(builder.see(), late(), builder))
    assert builder.built == [["a"]]


def test_an_edit_while_the_first_build_ran_is_not_missed(builder):
    first = builder.see()
    (builder.root / "b").write_text("edited meanwhile")
    list(rebuilds(first, [set(), set()], builder))
    assert builder.built == [["b"]]


def test_the_watch_ends_with_its_changes(builder):
    assert list(rebuilds(builder.see(), iter(()), builder)) == []


# --- the whole ----------------------------------------------------------------------------------------------------


class Watch:
    """`imgbuild watch` in a process group of its own, and the lines that it says."""

    def __init__(self, shop):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "imgbuild", "watch", "--plain"],
            cwd=shop.root,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, *words):
        """The lines up to one that begins with any of the words."""
        found, end = [], time.monotonic() + 30
        while not found or not found[-1].startswith(words):
            try:
                found.append(self.lines.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"no line begins with {words}: {found}")
        return found

    def end(self):
        """Ctrl-C; the exit code. Whether anything is left of the group is told by an error if so."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(timeout=20)
        self.reader.join(timeout=20)
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return code

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.reader.join(timeout=20)
        self.process.stdout.close()


@pytest.fixture
def watch(shop):
    begun = Watch(shop)
    yield begun
    begun.kill()


BROKEN = """\
specs/shop.yaml:6:14: unknown model 'pain'
    6 |     models: [pain]
      |              ^^^^
hint: did you mean 'paint'? Models here: paint"""


def test_a_watch_from_the_first_build_to_ctrl_c(shop, watch):
    assert watch.until("watching")[-1] == "watching; Ctrl-C ends it"
    assert set(shop.outputs()) == {"shots/A1_0.png", "shots/A2_0.png"}
    before = shop.outputs()

    shop.edit("specs/products.csv", ("chair", "table"))
    said = watch.until("built")
    assert said[0] == "changed: specs/products.csv"
    assert said[-1].startswith("built 1, 1 up to date in ")
    after = shop.outputs()
    assert after["shots/A1_0.png"] == before["shots/A1_0.png"]
    assert after["shots/A2_0.png"] != before["shots/A2_0.png"]

    shop.edit("specs/shop.yaml", ("[paint]", "[pain]"))
    assert watch.until("hint:") == ["changed: specs/shop.yaml", *BROKEN.splitlines()]
    assert shop.outputs() == after

    shop.write({"imgbuild.yaml": "outptu: made\n"})
    assert watch.until("hint:")[:2] == [
        "changed: imgbuild.yaml",
        "imgbuild.yaml:1:1: unknown key 'outptu'",
    ]
    shop.write({"imgbuild.yaml": None})
    watch.until("hint:")

    shop.edit("specs/shop.yaml", ("[pain]", "[paint]"))
    shop.write({"specs/more.yaml": SPEC.replace("shots", "more")})
    assert watch.until("built")[-1].startswith("built 2")
    assert {name.partition("/")[0] for name in shop.outputs()} == {"shots", "more"}
    assert (shop.root / "specs/more.lock").exists()

    assert watch.end() == 0
    assert shop.tell("plan", "--exit-code").code == 0


def test_a_watch_that_waits_ends_at_once(shop, watch):
    watch.until("watching")
    began = time.monotonic()
    assert watch.end() == 0
    assert time.monotonic() - began < 5


def test_broken_settings_at_the_start_end_the_watch(shop):
    shop.write({"imgbuild.yaml": "jobs: many\n"})
    told = shop.tell("watch")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("imgbuild.yaml:1:7: ")
