"""State, blobs and locks, cut or turned at any byte: found out or harmless, and never a wrong image published."""

import shutil
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPEC = """
    models:
      paint: {provider: painter}
    assets:
      cut:
        from: "photos/{{ sku }}.png"
        matrix: {product: {csv: products.csv, key: sku}}
        process: [{convert: {mode: L}}]
      shots:
        prompt: "Photo of {{ name }}"
        matrix: {product: {csv: products.csv, key: sku}}
        models: [paint]
        inputs: {image: {asset: cut, match: [sku]}}
        process: [{adjust: {brightness: 1.2}}]
        format: webp
        validate: [{brightness: {min: 0.3, on_fail: reroll}}, {unique: {distance: 2}}]
        attempts: 20
    """
CSV = "sku,name\nA1,lamp\nA2,chair\n"
numbers = count()


def photo(colour):
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def models():
    """Built projects to copy, made once."""
    return {}


@pytest.fixture
def shop(bench, painter, models, tmp_path_factory):
    """A function that gives a fresh copy of one built project, with another step to do."""
    if "shop" not in models:
        folder = tmp_path_factory.mktemp("model")
        model = bench(
            {
                "specs/catalog.yaml": SPEC,
                "specs/products.csv": CSV,
                "specs/photos/A1.png": photo("red"),
                "specs/photos/A2.png": photo("navy"),
            },
            folder=folder,
        )
        assert model.build().finished.exit_code == 0
        models["shop"] = model

    def copy(edits=()):
        fresh = bench({}, folder=f"copy{next(numbers)}")
        shutil.copytree(models["shop"].root, fresh.root, symlinks=True, dirs_exist_ok=True)
        for edit in edits:
            fresh.edit("specs/catalog.yaml", edit)
        return fresh

    return copy


EDITS = [
    [],
    [("brightness: 1.2", "brightness: 1.3")],
    [("Photo of", "Picture of")],
    [("format: webp", "format: {type: webp, quality: 40}")],
]


@pytest.fixture
def wanted(shop, models):
    """A function: what a sound project gives after these edits."""

    def build(edits):
        key = str(edits)
        if key not in models:
            sound = shop(edits)
            assert sound.build().finished.exit_code == 0
            models[key] = (sound.outputs(), sound.locks())
        return models[key]

    return build


def place_in(data, draw):
    """Any byte, as a share of all: what a store holds differs from run to run by some bytes of time."""
    return int(draw(st.floats(0, 1, exclude_max=True), "place") * len(data))


def turn(data, draw):
    at = place_in(data, draw)
    bit = draw(st.integers(0, 7), "bit")
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def cut(data, draw):
    return data[: place_in(data, draw)]


def blank(data, draw):
    at = place_in(data, draw)
    size = draw(st.integers(1, 5000), "size")
    return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]


DAMAGES = st.sampled_from([turn, turn, cut, blank])
RANDOM = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def damage(project, path, data):
    """Damage a file of the project; whether there was anything to damage."""
    place = project.root / path
    sound = place.read_bytes()
    if sound:
        damaged = data.draw(DAMAGES, "damage")(sound, data.draw)
        place.write_bytes(damaged)


def state_files(project):
    """The store's files, without what only says who holds it."""
    below = project.root / ".imgbuild"
    found = [path for path in sorted(below.rglob("*")) if path.is_file()]
    return [path.relative_to(project.root).as_posix() for path in found if path.name != "lock"]


@RANDOM
@given(data=st.data())
def test_a_damaged_store_gives_the_same_images_and_lock(shop, wanted, data):
    edits = data.draw(st.sampled_from(EDITS), "edits")
    project = shop(edits)
    kind = data.draw(st.sampled_from(["state.db", "blobs", "seal", "json"]), "kind")
    files = [path for path in state_files(project) if kind in path]
    for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=3, unique=True), "files"):
        damage(project, path, data)
    if data.draw(st.booleans(), "without outputs"):
        shutil.rmtree(project.root / "out")
    outputs, locks = wanted(edits)
    ended = project.build()
    assert ended.finished.exit_code == 0, ended.failures
    assert (project.outputs(), project.locks()) == (outputs, locks)
    again = project.build()
    assert (dict(again.ran), again.finished.exit_code) == ({}, 0)
    shutil.rmtree(project.root)


@RANDOM
@given(data=st.data())
def test_a_damaged_output_is_never_taken_for_the_image(shop, wanted, painter, data):
    """It is somebody's edit: left alone and told, and right again where that is asked for."""
    project = shop()
    path = data.draw(st.sampled_from(sorted(project.outputs())), "output")
    before = (project.root / "out" / path).read_bytes()
    damage(project, f"out/{path}", data)
    changed = (project.root / "out" / path).read_bytes() != before
    ended = project.build()
    assert ended.finished.exit_code == (1 if changed else 0)
    assert project.build(force=True).finished.exit_code == 0
    assert (project.outputs(), project.locks()) == wanted([])
    shutil.rmtree(project.root)


@RANDOM
@given(data=st.data())
def test_a_damaged_lock_is_told_mended_and_kept(shop, wanted, painter, data):
    project = shop()
    path = project.root / "specs/catalog.lock"
    sound = path.read_bytes()
    damage(project, "specs/catalog.lock", data)
    damaged = path.read_bytes()
    painter.asked.clear()
    ended = project.build()
    assert ended.finished.exit_code == 0
    assert painter.asked == []
    outputs, locks = wanted([])
    assert project.outputs() == outputs
    if is_sound(damaged, sound):
        assert path.read_bytes() in (damaged, sound)
    else:
        assert project.locks() == locks
        assert any("specs/catalog.lock" in note for note in project.notes())
        assert (project.root / "specs/catalog.lock.bad").read_bytes() == damaged
    shutil.rmtree(project.root)


def is_sound(damaged, sound):
    """Whether only white space was touched, so that nothing is lost."""
    return b"".join(damaged.split()) == b"".join(sound.split())


@RANDOM
@given(data=st.data())
def test_a_damaged_snapshot_means_looking_properly(shop, wanted, data, monkeypatch, tmp_path):
    project = shop()
    monkeypatch.chdir(project.root)
    assert project.tell("build").code == 0
    damage(project, ".imgbuild/snapshot", data)
    (project.root / "out/shots/A1_0.webp").unlink()
    assert project.tell("build").code == 0
    assert (project.outputs(), project.locks()) == wanted([])
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(project.root)


@RANDOM
@given(data=st.data())
def test_a_damaged_journal_loses_nothing_that_was_paid_for(bench, painter, data):
    painter.paid = True
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            assets: {shots: {prompt: "a {{ thing }}", matrix: {thing: [lamp, chair]}, models: [paint]}}
            """
        },
        folder=f"paid{next(numbers)}",
    )
    assert project.build().finished.exit_code == 0
    before = project.outputs(), project.locks()
    painter.asked.clear()
    damage(project, ".imgbuild/journal", data)
    if data.draw(st.booleans(), "database"):
        damage(project, ".imgbuild/state.db", data)
    shutil.rmtree(project.root / "out")
    (project.root / "specs/catalog.lock").unlink()
    assert project.build().finished.exit_code == 0
    assert painter.asked == []
    assert (project.outputs(), project.locks()) == before
    shutil.rmtree(project.root)
