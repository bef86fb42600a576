"""Whenever an edit falls into a build, the watch that goes on from there ends as a clean build of the sources.

What a build reads, and what is edited meanwhile, meet in as many ways as it looks at files. Here it is stopped before
one of these looks, which a random number says, and the edit is made; its second half, where it has one, a few looks
later.
"""

import io
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.commands.build import Flags
from imgbuild.commands.interrupt import Stop
from imgbuild.commands.session import Session
from imgbuild.commands.watch import Watching
from imgbuild.errors import ImgbuildError
from imgbuild.watch import Listening, rebuilds
from tests.promises.test_watch_as_clean import lines_of, seed_of

LOOKS = {
    os.stat,
    os.lstat,
    os.open,
    open,
    os.scandir,
    os.readlink,
    os.mkdir,
    os.rename,
    os.replace,
    os.unlink,
}
MODELS = """\
models: {paint: {provider: painter}}
templates: {item: {prompt: "a {{ name }} %s"}}
"""
SPEC = """\
include: [%sshared/models.yaml]
assets:
  rows:
    template: item
    matrix: {row: {csv: %sspecs/rows.csv, key: sku}}
    models: [paint]
    size: 16x16
    output: "%s/{{ sku }}.png"
  photo:
    prompt: "%s"
    models: [paint]
    size: 16x16
    inputs: {image: %sphotos/red.png}
    output: "%s/photo.png"
"""
ROWS = "sku,name\nA1,red\nA2,%s\n"


def spec(name, own, word="lamp"):
    up = "../" * (name.count("/") + 1)
    return (SPEC % (up, up, own, word, up, own)).encode()


def photo(size):
    out = io.BytesIO()
    pillow.new("RGB", (size, 16), "red").save(out, "PNG")
    return out.getvalue()


ONE, TWO, DEEP, FOUR = "specs/one.yaml", "specs/two.yaml", "specs/deep/three.yaml", "specs/deep/er/four.yaml"
SOURCES = {
    "imgbuild.yaml": b"output: out\n",
    "specs/rows.csv": (ROWS % "blue").encode(),
    "shared/models.yaml": (MODELS % "box").encode(),
    "photos/red.png": photo(16),
    ONE: spec("one", "own1"),
    DEEP: spec("deep/three", "own3"),
}
NEWER = {  # what may be written in place of them, or beside them
    "specs/rows.csv": (ROWS % "gold").encode(),
    "shared/models.yaml": (MODELS % "bag").encode(),
    "photos/red.png": photo(24),
    ONE: spec("one", "own17"),
    TWO: spec("two", "own2"),
    DEEP: spec("deep/three", "own3", "sofa"),
    FOUR: spec("deep/er/four", "own4"),
}


def write(root, path, data):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


# --- edits: each a list of functions of the root, which are its halves -----------------------------------------


def save(path):
    return [lambda root: write(root, path, NEWER[path])]


def save_and_undo(path):
    return [*save(path), lambda root: write(root, path, SOURCES[path])]


def break_and_mend(path):
    broken = SOURCES[path].replace(b"[paint]", b"[pants]")
    return [lambda root: write(root, path, broken), lambda root: write(root, path, SOURCES[path])]


def remove(path):
    return [lambda root: (root / path).unlink(missing_ok=True)]


def remove_with_lock(path):
    return [*remove(path), *remove(path.replace(".yaml", ".lock"))]


def move(path, to):
    """The file, or the folder; its paths must lead to the same."""

    def go(root):
        if (root / path).exists() and not (root / to).exists():
            (root / to).parent.mkdir(parents=True, exist_ok=True)
            (root / path).rename(root / to)

    return [go]


def go_and_come_back(path):
    """Somewhere outside of the project, in between."""
    return [*move(path, "../aside"), *move("../aside", path)]


PATHS = st.sampled_from([*SOURCES])
FOLDERS = st.sampled_from(["specs", "specs/deep", "shared", "photos"])
SPECS = st.sampled_from([ONE, DEEP])
KEPT = st.sampled_from([path for path in NEWER if path in SOURCES])
EDITS = st.one_of(
    st.builds(save, st.sampled_from([*NEWER])),
    st.builds(save_and_undo, KEPT),
    st.builds(break_and_mend, SPECS),
    st.builds(remove, SPECS),
    st.builds(remove_with_lock, SPECS),
    st.just(move(ONE, TWO)),
    *[st.builds(go_and_come_back, some) for some in (PATHS, FOLDERS, FOLDERS)],
)


# --- a watch, and what interrupts it ---------------------------------------------------------------------------


class Watched:
    """The builds of a watch in this process, which is told of changes by hand."""

    def __init__(self, root):
        self.root, self.said = root, io.StringIO()
        session = Session(
            arguments=("watch",), folder=root, root=root, environ=dict(os.environ), plain=True,
            stdout=self.said, stderr=self.said,
        )  # fmt: skip
        self.watching, self.changes = Watching(session, Flags(), Stop(), None), Listening([])
        self.seen = self.build([])

    def build(self, news):
        return self.watching.build(news, self.changes)

    def hear(self, bursts):
        """Build for each burst of changed paths, and once more for what nothing told of."""
        for seen in rebuilds(self.seen, [*bursts, (), ()], self.build):
            self.seen = seen


def state(root):
    """Every source, and every folder of such, with what tells whether it changed: two edits may have one stamp."""
    found = {}
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("out", ".imgbuild")]
        for name in (*folders, *names):
            path = Path(place) / name
            found[str(path)] = (path.stat().st_ctime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def make(root, half, *, inside=True):
    """Make one half of an edit; the paths of what came, went or changed by it.

    inside: whether what is in a folder that came or went is among them; the kernel may tell of the folder alone.
    """
    before = state(root)
    half(root)
    after = state(root)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    moved = before.keys() ^ after.keys()
    return {path for path in changed if inside or moved.isdisjoint(map(str, Path(path).parents))}


class Meanwhile:
    """Makes the halves of an edit before the given looks at files of whatever this thread does; see `sys.setprofile`.

    told: whether the watch hears of each at once. What comes later than all looks is made at the end.
    inside: as `make` has it. changed: paths, of both halves.
    """

    def __init__(self, watched, halves, looks, *, told, inside):
        self.watched, self.told, self.inside = watched, told, inside
        self.left = list(zip(looks, halves, strict=False))
        self.count, self.changed = 0, set()

    def __enter__(self):
        sys.setprofile(self.look)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)
        while self.left:
            self.make()

    def look(self, frame, event, what):
        if event != "c_call" or what not in LOOKS:
            return
        self.count += 1
        while self.left and self.left[0][0] <= self.count:
            sys.setprofile(None)
            self.make()
            sys.setprofile(self.look)

    def make(self):
        paths = make(self.watched.root, self.left.pop(0)[1], inside=self.inside)
        self.changed |= paths
        if self.told:
            self.watched.changes.hear(paths)


def follow(watched, first, second, looks, *, told, inside):
    """Make an edit, and another one while the watch builds for it; then all is told of."""
    saved = set().union(*(make(watched.root, half) for half in first))
    with Meanwhile(watched, second, looks, told=told, inside=inside) as meanwhile:
        watched.hear([saved])
    watched.hear([meanwhile.changed])


def anywhere(count, **edits):
    """As a Hypothesis test of these edits, wherever the second one falls into the build for the first."""
    moments = {
        "look": st.integers(1, 500), "later": st.integers(0, 60), "told": st.booleans(), "inside": st.booleans(),
    }  # fmt: skip
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return lambda test: settings(max_examples=count, suppress_health_check=checks)(
        given(**edits, **moments)(pytest.mark.usefixtures("painter")(test))
    )


@anywhere(150, first=EDITS, second=EDITS)
def test_an_edit_that_falls_into_a_build_is_followed(bench, first, second, look, later, told, inside):
    """first: starts the build; second: falls into it. told: as it does, or afterwards."""
    project = bench(SOURCES)
    try:
        watched = Watched(project.root)
        follow(watched, first, second, [look, look + later], told=told, inside=inside)
        files = {
            path: (project.root / path).read_bytes()
            for path in project.state()
            if not path.startswith(("out/", ".imgbuild/")) and not path.endswith(".lock")
        }
        clean = bench(files, folder="clean")
        try:
            assert clean.build().finished.exit_code == 0, watched.said.getvalue()
        except ImgbuildError as error:  # two specs may declare one output in the end
            assert str(error).splitlines()[0] in watched.said.getvalue()
            return
        assert project.outputs() == clean.outputs(), watched.said.getvalue()
        assert lines_of(project.locks()).keys() == lines_of(clean.locks()).keys(), watched.said.getvalue()
    finally:
        shutil.rmtree(project.root)
        shutil.rmtree(project.root.with_name("clean"), ignore_errors=True)


@anywhere(80, first=st.builds(save, KEPT), second=st.builds(go_and_come_back, PATHS | FOLDERS))
def test_what_goes_for_a_moment_loses_no_seed(bench, first, second, look, later, told, inside):
    """Somebody chose all of these pictures over those that came first."""
    project = bench(SOURCES)
    try:
        watched = Watched(project.root)
        assert project.tell("lock", "--reseed", "*").code == 0
        watched.hear([{str(project.root / path) for path in project.locks()}])
        before = {id: seed_of(line) for id, line in lines_of(project.locks()).items()}
        assert {attempt for _, attempt in before.values()} == {1}
        follow(watched, first, second, [look, look + later], told=told, inside=inside)
        after = {id: seed_of(line) for id, line in lines_of(project.locks()).items()}
        assert after == before, watched.said.getvalue()
    finally:
        shutil.rmtree(project.root)
