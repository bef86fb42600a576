"""No change, no work: a second build reads stamps, says so and is gone; any change at all is noticed."""

import os
import shutil
import time

import pytest

from imgbuild.store.snapshot import recall

SPEC = """
    include: [shared.yaml]
    assets:
      shots:
        template: product
        matrix: {product: {csv: products.csv, key: sku}}
        models: [draw]
        size: 16x16
        inputs: {image: "photos/{{ sku }}.png"}
    """
SHARED = """
    models: {draw: {provider: placeholder}}
    templates: {product: {prompt: "a {{ name }}"}}
    """
CSV = "sku,name\nA1,lamp\nA2,chair\n"
HEAVY = {
    "PIL", "asyncio", "click", "concurrent", "importlib.metadata", "imagehash", "jinja2", "jsonschema", "msgspec",
    "numpy", "pathlib", "rich", "sqlite3", "subprocess", "torch", "xxhash", "yaml",
}  # fmt: skip


def photo(colour):
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def sources(bench):
    return bench(
        {
            "imgbuild.yaml": "output: out\n",
            "specs/catalog.yaml": SPEC,
            "specs/shared.yaml": SHARED,
            "specs/products.csv": CSV,
            "specs/photos/A1.png": photo("red"),
            "specs/photos/A2.png": photo("blue"),
        }
    )


@pytest.fixture
def shop(sources, monkeypatch):
    """A built project, in which this process stands as a shell would."""
    monkeypatch.chdir(sources.root)
    assert sources.tell("build").code == 0
    return sources


def rerun(shop, *arguments, environ=None):
    """What the command would say without looking any further; None where it has to look."""
    return recall(["build", *arguments], {**os.environ, **(environ or {})}, str(shop.root))


def stamps(shop):
    """Everything that stat tells of the project's files and folders, but when they were read."""
    paths = [shop.root, *sorted(shop.root.rglob("*"))]
    stats = {str(path): path.lstat() for path in paths}
    return {
        path: (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino) for path, stat in stats.items()
    }


def modules(told):
    """The modules that were loaded, and their packages, as `-X importtime` tells."""
    lines = [line for line in told.err.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in lines}
    return names | {name.partition(".")[0] for name in names}


def test_a_second_build_writes_nothing_and_loads_nothing_heavy(shop):
    before = stamps(shop)
    told = shop.call("build", python=("-X", "importtime"))
    assert (told.code, told.out) == (0, "up to date (2 targets)\n")
    assert stamps(shop) == before
    assert modules(told) & HEAVY == set()
    assert {name for name in modules(told) if name.startswith("imgbuild")} == {
        "imgbuild", "imgbuild.store", "imgbuild.store.snapshot",
    }  # fmt: skip


def test_a_store_of_another_name_is_found(sources, monkeypatch):
    monkeypatch.chdir(sources.root)
    sources.write({"imgbuild.yaml": "output: out\nstore: 'kept/state' # not for git\n"})
    assert sources.tell("build").code == 0
    before = stamps(sources)
    assert sources.call("build").code == 0
    assert stamps(sources) == before
    assert rerun(sources) == ("up to date (2 targets)", 0)
    assert not (sources.root / ".imgbuild").exists()


def test_a_build_that_looks_again_changes_no_output_lock_or_record(shop):
    """Another flag, so that the snapshot is of no use: everything is looked at, and found as it was."""
    before = shop.state()
    told = shop.call("build", "-j", "1")
    assert (told.code, told.out.splitlines()[-1]) == (0, "up to date (2 targets)")
    after = shop.state()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {".imgbuild/lock", ".imgbuild/snapshot"}


EDITS = {
    "a spec": lambda shop: shop.edit("specs/catalog.yaml", ("16x16", "24x24")),
    "a comment in a spec": lambda shop: shop.write({"specs/catalog.yaml": f"# shop\n{shop.text('specs/catalog.yaml')}"}),
    "an include": lambda shop: shop.edit("specs/shared.yaml", ("a {{", "one {{")),
    "a table": lambda shop: shop.edit("specs/products.csv", ("lamp", "desk")),
    "an input image": lambda shop: shop.write({"specs/photos/A1.png": photo("lime")}),
    "the settings": lambda shop: shop.write({"imgbuild.yaml": "output: out\nlimits: {}\n"}),
    "no settings": lambda shop: shop.write({"imgbuild.yaml": None}),
    "a lock": lambda shop: shop.write({"specs/catalog.lock": shop.locks()["specs/catalog.lock"] + b"\n"}),
    "no lock": lambda shop: shop.write({"specs/catalog.lock": None}),
    "a new spec": lambda shop: shop.write({"specs/more.yaml": "version: 1\n"}),
    "a new spec in a new folder": lambda shop: shop.write({"specs/more/more.yaml": "version: 1\n"}),
    "no table": lambda shop: shop.write({"specs/products.csv": None}),
    "an output that is gone": lambda shop: shop.write({"out/shots/A1_0.png": None}),
    "outputs that are gone": lambda shop: shutil.rmtree(shop.root / "out"),
    "an output of the same size": lambda shop: turn_a_bit(shop.root / "out/shots/A1_0.png"),
    "an output with its time put back": lambda shop: turn_a_bit(shop.root / "out/shots/A1_0.png", hide=True),
    "a source of the same size": lambda shop: shop.edit("specs/products.csv", ("lamp", "lima")),
    "the user's settings": lambda shop: user_settings("jobs: 1\n"),
}  # fmt: skip


def turn_a_bit(path, hide=False):
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    if hide:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def user_settings(text):
    from pathlib import Path

    path = Path(os.environ["XDG_CONFIG_HOME"]) / "imgbuild/config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_is_noticed(shop, tmp_path, monkeypatch, name):
    assert rerun(shop) == ("up to date (2 targets)", 0)
    EDITS[name](shop)
    try:
        assert rerun(shop) is None
    finally:
        shutil.rmtree(os.environ["XDG_CONFIG_HOME"], ignore_errors=True)


def test_an_edit_during_the_build_is_noticed(sources, monkeypatch):
    """The table changes after it was read, in place and with its old time: what counts is the look before."""
    monkeypatch.chdir(sources.root)
    path = sources.root / "specs/products.csv"
    before = path.stat()
    process = sources.start("build")
    deadline = time.monotonic() + 30
    while not (sources.root / ".imgbuild/blobs").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    path.write_text(CSV.replace("lamp", "lima"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    process.communicate()
    assert rerun(sources) is None


@pytest.mark.parametrize(
    "variable",
    [
        "IMGBUILD_OUTPUT",
        "IMGBUILD_STORE",
        "IMGBUILD_JOBS",
        "IMGBUILD_PROFILE",
        "IMGBUILD_CACHE",
        "HOME",
        "XDG_CONFIG_HOME",
    ],
)
def test_the_environment_is_noticed(shop, variable):
    assert rerun(shop, environ={variable: "elsewhere"}) is None
    assert rerun(shop, environ={"UNRELATED": "1"}) is not None


@pytest.mark.parametrize(
    "flag", ["--force", "--reroll", "--locked", "--prune", "-n", "--json", "specs/catalog.yaml"]
)
def test_another_command_is_looked_at_anew(shop, flag):
    assert rerun(shop, flag) is None


def test_another_version_of_the_tool_is_noticed(shop, monkeypatch):
    monkeypatch.setattr("imgbuild.__version__", "999")
    assert rerun(shop) is None


def test_from_a_folder_inside_the_project_the_same_build_is_looked_at_once(shop):
    inside = shop.root / "specs"
    assert recall(["build"], os.environ, str(inside)) is None


def test_a_moved_project_is_looked_at_anew(shop, tmp_path):
    moved = tmp_path / "moved"
    shop.root.rename(moved)
    assert recall(["build"], os.environ, str(moved)) is None


def test_what_failed_for_good_is_said_again_without_looking(bench, monkeypatch):
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {draw: {provider: placeholder}}
            assets:
              shots:
                prompt: a lamp
                models: [draw]
                size: 16x16
                validate: [{brightness: {max: 0}}]
            """
        }
    )
    monkeypatch.chdir(project.root)
    assert project.tell("build").code == 3
    before = stamps(project)
    again = project.call("build", python=("-X", "importtime"))
    assert again.code == 3
    assert modules(again) & HEAVY == set()
    assert stamps(project) == before
    assert "brightness" in again.out
    assert project.tell("build", "--retry-failed").code == 3


def test_a_failure_that_may_pass_is_tried_again(sources, monkeypatch):
    monkeypatch.chdir(sources.root)
    sources.write({"out/shots/A1_0.png": b"mine"})
    assert sources.tell("build").code == 1
    assert rerun(sources) is None
    sources.write({"out/shots/A1_0.png": None})
    assert sources.tell("build").code == 0


READERS = [
    ["plan"], ["ls"], ["why", "shots"], ["lock", "--check"], ["graph"], ["build", "-n"], ["build"], ["build", "-j", "1"],
]  # fmt: skip


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_no_reader_loads_torch(shop, tmp_path, words):
    traps = tmp_path / "traps"
    traps.mkdir()
    for name in ("torch", "diffusers", "transformers"):
        (traps / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    told = shop.call(
        *words, env={"PYTHONPATH": os.pathsep.join([str(traps), os.environ.get("PYTHONPATH", "")])}
    )
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize("words", READERS[:6], ids=" ".join)
def test_readers_write_nothing(shop, words):
    before = shop.state()
    assert shop.tell(*words).code == 0
    assert shop.state() == before


@pytest.mark.parametrize("words", READERS[:6], ids=" ".join)
def test_readers_write_nothing_where_nothing_was_built(sources, words):
    before = sources.state()
    assert sources.tell(*words).code in (0, 5)
    assert sources.state() == before
