"""However sources are edited under a watch, it comes to rest as a clean build of them ends.

No two targets ever have one prompt, so that none takes over the line of another: what is locked then hangs on the
sources alone, and not on which of the states in between the watch came to see.
"""

import io
import random
import shutil
import time

import pytest
from PIL import Image as pillow

from tests.watching import Watch

WORDS = ("lamp", "desk", "chair", "sofa", "bed")
COLOURS = ("red", "blue", "green", "navy", "gold")
NAMES = ("one", "two", "deep/three", "deep/er/four")
SHARED = """\
models:
  draw: {{provider: placeholder}}
templates:
  item: {{prompt: "{{{{ own }}}} {{{{ sku }}}}: a {{{{ name }}}} {word}"}}
"""
SPEC = """\
include: [{up}../shared/models.yaml]
assets:
  rows:
    template: item
    vars: {{own: "{name} rows {word}"}}
    matrix: {{row: {{csv: {up}rows.csv, key: sku}}}}
    models: [draw]
    size: 16x16
    process: [{{adjust: {{brightness: {brightness}}}}}]
    output: "{name}/{{{{ sku }}}}.png"
  photo:
    prompt: "{name} photo, {word}"
    models: [draw]
    size: 16x16
    inputs: {{image: {up}../photos/{colour}.png}}
    output: "{name}/photo.png"
  next:
    prompt: "{name} next, {word}"
    models: [draw]
    size: 16x16
    inputs: {{image: {{asset: photo}}}}
    output: "{name}/next.png"
"""


class Edits:
    """The sources of a project, and random edits of them, each written to the disk as some editor would."""

    def __init__(self, root, dice):
        self.root, self.dice = root, dice
        self.specs = {name: self.spec() for name in NAMES[:2]}
        self.rows = {"A1": "red", "A2": "blue"}
        self.photos = dict.fromkeys(COLOURS, 1)
        self.shared = {"word": "thing"}

    def spec(self):
        return {
            "word": self.dice.choice(WORDS),
            "colour": self.dice.choice(COLOURS),
            "brightness": self.dice.choice([1.1, 1.2, 1.3]),
        }

    def files(self):
        """All sources as they should be, by path."""
        written = {f"specs/{name}.yaml": self.text(name) for name in self.specs}
        rows = "".join(f"{sku},{name}\n" for sku, name in self.rows.items())
        return {
            **written,
            "specs/rows.csv": f"sku,name\n{rows}".encode(),
            "shared/models.yaml": SHARED.format(**self.shared).encode(),
            "imgbuild.yaml": b"output: out\n",
            **{f"photos/{colour}.png": photo(colour, size) for colour, size in self.photos.items()},
        }

    def text(self, name):
        return SPEC.format(name=name, up="../" * name.count("/"), **self.specs[name]).encode()

    def edit(self):
        """Edit one thing; the sources that changed are saved, in some way."""
        before = self.files()
        getattr(self, self.dice.choice(KINDS))()
        after = self.files()
        for path in before.keys() - after.keys():
            self.remove(path)
        for path in (path for path in after if before.get(path) != after[path]):
            self.dice.choice(WAYS)(self.root / path, after[path], self.dice)

    def remove(self, path):
        """A spec goes: with its folder, sometimes, where that is empty then but for locks."""
        (self.root / path).unlink()
        folder = (self.root / path).parent
        if folder.name in ("deep", "er") and not [*folder.rglob("*.yaml")] and self.dice.random() < 0.5:
            for lock in folder.rglob("*.lock"):
                lock.unlink()

    def edit_spec(self):
        name, fresh = self.dice.choice(list(self.specs)), self.spec()
        key = self.dice.choice(list(fresh))
        self.specs[name] = {**self.specs[name], key: fresh[key]}

    def edit_rows(self):
        sku = self.dice.choice(["A1", "A2", "A3", "A4"])
        if sku in self.rows and len(self.rows) > 1 and self.dice.random() < 0.5:
            del self.rows[sku]
        else:
            self.rows[sku] = self.dice.choice(COLOURS)

    def edit_photo(self):
        self.photos[self.dice.choice(COLOURS)] = self.dice.randrange(1, 9)

    def edit_shared(self):
        self.shared["word"] = self.dice.choice(WORDS)

    def come_or_go(self):
        name = self.dice.choice(NAMES)
        if name in self.specs and len(self.specs) > 1:
            del self.specs[name]
        else:
            self.specs[name] = self.spec()

    def break_and_mend(self):
        """A spec is broken for a moment, and mended by another save."""
        name = self.dice.choice(list(self.specs))
        path = self.root / f"specs/{name}.yaml"
        path.write_bytes(self.text(name).replace(b"[draw]", b"[drew]"))
        time.sleep(self.dice.choice([0, 0.01, 0.1]))
        path.write_bytes(self.text(name))


KINDS = (
    "edit_spec", "edit_spec", "edit_spec", "edit_rows", "edit_rows", "edit_photo", "edit_shared", "come_or_go", "break_and_mend"
)  # fmt: skip


def photo(colour, size):
    out = io.BytesIO()
    pillow.new("RGB", (size + 8, 16), colour).save(out, "PNG")
    return out.getvalue()


def truncate(path, data, dice):
    """As `open(…, "w")` does, and slowly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        half = dice.randrange(len(data))
        file.write(data[:half])
        file.flush()
        time.sleep(dice.choice([0, 0, 0.002]))
        file.write(data[half:])


def replace(path, data, dice):
    """A file beside it takes its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(data)
    beside.replace(path)


def keep_the_old(path, data, dice):
    """As vim does: the old file moves away first, and goes when the new one is there."""
    old = path.with_name(f"{path.name}~")
    if path.exists():
        path.rename(old)
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "4913").touch()
    (path.parent / "4913").unlink()
    path.write_bytes(data)
    old.unlink(missing_ok=True)


def swap(path, data, dice):
    """As JetBrains' safe write does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new, old = path.with_name(f"{path.name}___jb_tmp___"), path.with_name(f"{path.name}___jb_old___")
    new.write_bytes(data)
    if path.exists():
        path.rename(old)
    new.rename(path)
    old.unlink(missing_ok=True)


WAYS = (truncate, replace, keep_the_old, swap)


def now(project):
    """Outputs and locks as they are, or nothing where one of them just went."""
    try:
        return project.outputs(), project.locks()
    except FileNotFoundError:
        return None


def rest(project, clean, watch):
    """Wait until the watch has come to what a clean build came to, and see that it stays there."""
    wanted, end = (clean.outputs(), clean.locks()), time.monotonic() + 20
    while now(project) != wanted:
        if time.monotonic() > end or watch.process.poll() is not None:
            break
        time.sleep(0.03)
    time.sleep(0.1)
    assert project.outputs() == wanted[0], watch.said[-40:]
    assert project.locks() == wanted[1], watch.said[-40:]


def follow(bench, seed, count):
    """So many random edits under a watch, at rest as a clean build every few of them."""
    dice = random.Random(seed)
    project = bench({}, folder="watched")
    edits = Edits(project.root, dice)
    project.write(edits.files())
    watch = Watch(project)
    try:
        watch.until("watching")
        number = 0
        while number < count:
            locks = project.locks()
            for _ in range(min(dice.choice([1, 1, 3, 10, 25, 40]), count - number)):
                edits.edit()
                number += 1
                time.sleep(dice.choice([0, 0, 0, 0.005, 0.03, 0.08, 0.2]))
            clean = bench({**edits.files(), **locks}, folder=f"clean{number}")
            assert clean.build().finished.exit_code == 0
            rest(project, clean, watch)
            shutil.rmtree(clean.root)
        assert watch.end() == 0
    finally:
        watch.kill()
    left = [path for path in project.root.rglob("*") if path.name.startswith((".imgbuild-", "4913"))]
    assert left == []
    assert project.tell("plan", "--exit-code").code == 0


def test_edits_under_a_watch_end_as_a_clean_build(bench):
    follow(bench, 1, 12)


@pytest.mark.slow
def test_a_thousand_edits_under_a_watch_end_as_a_clean_build(bench):
    follow(bench, 2, 1_000)
