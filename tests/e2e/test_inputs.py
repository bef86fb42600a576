"""Pictures that go in: files and other targets, taken by their pixels, each fault staying with its own row."""

import hashlib
import io
import re
import shutil
import zlib

import msgspec
import pytest
from msgspec.structs import replace
from PIL import Image

from imgbuild.files import Files
from imgbuild.lock.text import read_lock, write_lock
from imgbuild.run import making
from imgbuild.store.store import open_store
from imgbuild.types import Grade

SPEC = """
    models:
      paint: {provider: painter}
    assets:
      packshots:
        from: "photos/{{ sku }}.png"
        matrix: {sku: [A1, A2]}
        process: [{convert: {mode: L}}]
        format: {type: jpeg, quality: 30}
      scenes:
        prompt: "{{ sku }} on a beach"
        matrix: {sku: [A1, A2]}
        models: [paint]
        inputs:
          image: {asset: packshots, match: [sku]}
          mask: "masks/{{ sku }}.png"
          strength: 0.5
      cards:
        prompt: "card of {{ sku }}"
        matrix: {sku: [A1, A2]}
        models: [paint]
        inputs:
          control: {asset: scenes}
          reference: [brand.png, {asset: packshots}]
    """


def photo(colour, size=(16, 16), kind="PNG", **options):
    """A file of two halves: the colour, and its complement."""
    out = io.BytesIO()
    picture = Image.new("RGB", size, colour)
    picture.paste("#a0b0c0", (0, 0, size[0] // 2, size[1]))
    picture.save(out, kind, **options)
    return out.getvalue()


FILES = {
    "specs/catalog.yaml": SPEC,
    "specs/photos/A1.png": photo("#804020"),
    "specs/photos/A2.png": photo("#208040"),
    "specs/masks/A1.png": photo("#ffffff"),
    "specs/masks/A2.png": photo("#000000"),
    "specs/brand.png": photo("#ff00ff"),
}


@pytest.fixture
def shop(bench, painter):
    made = bench(FILES)
    assert dict(made.build().ran) == {"import": 2, "convert": 2, "encode": 2, "generate": 4}
    return made


def prompts(painter):
    asked = sorted(request.prompt for request in painter.asked)
    painter.asked.clear()
    return asked


def causes(ended):
    return {
        failure.id.partition("/")[2]: failure.cause for failure in ended.failures if failure.kind == "failed"
    }


def skipped(ended):
    return sorted(failure.id.partition("/")[2] for failure in ended.failures if failure.kind == "skipped")


@pytest.fixture
def saved(monkeypatch):
    """A function: what is saved by somebody at the moment that its old bytes are about to be used, once."""

    def arrange(project, name, data):
        use = Files.content

        def late(files, path, *limit):
            if path == name and data:
                project.write({name: data.pop()})
            return use(files, path, *limit)

        monkeypatch.setattr(Files, "content", late)

    return arrange


@pytest.mark.parametrize(
    ("name", "asks_for", "after"),
    [
        ("specs/photos/A1.png", "packshots[sku=A1]", ["cards[sku=A1]@paint#0", "scenes[sku=A1]@paint#0"]),
        ("specs/masks/A1.png", "scenes[sku=A1]@paint", ["cards[sku=A1]@paint#0"]),
        ("specs/brand.png", "cards[sku=A1]@paint", []),
    ],
)
def test_nothing_is_made_of_other_bytes_than_it_is_named_after(bench, painter, saved, name, asks_for, after):
    """A picture that is saved while it goes in, and saved back as it was."""
    files = {**FILES, "specs/catalog.yaml": SPEC.replace("[A1, A2]", "[A1]")}
    project, clean = bench(files), bench(files, folder="clean")
    clean.build()
    newer = [photo("#123456")]
    saved(project, name, newer)
    ended = project.build()
    assert newer == []
    cause = f"{name} has changed since it was looked at"
    assert causes(ended) == {f"{asks_for}#0": cause}
    assert {failure.hint for failure in ended.failures if failure.kind == "failed"} == {
        "build again, for what is there now"
    }
    assert skipped(ended) == after
    project.write({name: files[name]})
    assert project.build().failures == ()
    assert project.outputs() == clean.outputs()
    assert project.locks() == clean.locks()


def test_a_picture_that_changed_while_it_went_in_is_looked_at_again(bench, painter, saved):
    """Though nothing else is edited: what is there now is what the next build is about."""
    project = bench({**FILES, "specs/catalog.yaml": SPEC.replace("[A1, A2]", "[A1]")})
    newer = photo("#123456")
    saved(project, "specs/masks/A1.png", [newer])
    assert project.build().finished.exit_code == 1
    assert project.build().finished.exit_code == 0
    clean = bench(
        {**FILES, "specs/catalog.yaml": project.text("specs/catalog.yaml"), "specs/masks/A1.png": newer},
        folder="clean",
    )
    clean.build()
    assert project.outputs() == clean.outputs()


# --- what a model is given ----------------------------------------------------------------------------


def test_a_model_is_given_the_pixels_of_each_role_in_order(shop, painter):
    scene, card = (
        next(request for request in painter.asked if request.prompt == prompt)
        for prompt in ("A1 on a beach", "card of A1")
    )
    assert list(scene.inputs) == ["image", "mask"]
    assert scene.params["strength"] == 0.5
    packshot = Image.open(shop.root / "specs/photos/A1.png").convert("L")
    assert [picture.tobytes() for picture in scene.inputs["image"]] == [packshot.tobytes()]
    assert scene.inputs["mask"][0].getpixel((15, 0)) == (255, 255, 255)
    published = Image.open(shop.root / "out/scenes/A1_0.png")
    assert [picture.tobytes() for picture in card.inputs["control"]] == [published.tobytes()]
    brand, second = card.inputs["reference"]
    assert (brand.getpixel((15, 0)), second.tobytes()) == ((255, 0, 255), packshot.tobytes())


def test_what_is_made_from_a_lossy_output_takes_its_lossless_pixels(shop, painter):
    """The published JPEG holds other pixels than those that went on."""
    with Image.open(shop.root / "out/packshots/A1_0.jpg") as published:
        assert published.format == "JPEG"
        scene = next(request for request in painter.asked if request.prompt == "A1 on a beach")
        assert published.tobytes() != scene.inputs["image"][0].tobytes()


def test_lossless_pixels_are_still_at_hand_in_later_builds(shop, painter):
    first = next(request for request in painter.asked if request.prompt == "A1 on a beach").inputs["image"]
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("on a beach", "on a table"))
    assert dict(shop.build().ran) == {"generate": 4}
    again = next(request for request in painter.asked if request.prompt == "A1 on a table").inputs["image"]
    assert [picture.tobytes() for picture in again] == [picture.tobytes() for picture in first]


def test_lossless_pixels_that_are_gone_are_made_again(shop, painter):
    """Only the published JPEGs are left: they are no stand-in for what was encoded."""
    first = next(request for request in painter.asked if request.prompt == "A1 on a beach").inputs["image"]
    for blob in (shop.root / ".imgbuild/blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("on a beach", "on a table"))
    ended = shop.build()
    assert ended.finished.exit_code == 0
    again = next(request for request in painter.asked if request.prompt == "A1 on a table").inputs["image"]
    assert [picture.tobytes() for picture in again] == [picture.tobytes() for picture in first]


LOSSY = """
    models: {paint: {provider: painter}}
    assets:
      base: {prompt: a base, models: [paint], format: jpeg, validate: [not_blank]}
      next: {prompt: a next, models: [paint], inputs: {image: {asset: base}}}
      last: {prompt: a last, models: [paint], inputs: {image: {asset: base}}}
    """


@pytest.fixture
def bare(bench, painter):
    """A JPEG and two pictures made from it, of which one is stale now; the JPEG's own pixels are lost."""
    project = bench({"specs/catalog.yaml": LOSSY})
    assert project.build().finished.exit_code == 0
    for blob in (project.root / ".imgbuild/blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    project.edit("specs/catalog.yaml", ("a last", "the last"))
    painter.asked.clear()
    return project


def test_pixels_are_called_back_for_what_is_selected_alone(bare, painter):
    before = bare.outputs()
    for selected in (("base",), ("next",)):
        ended = bare.build(patterns=selected)
        assert (dict(ended.ran), painter.asked, bare.outputs()) == ({}, [], before)
    assert dict(bare.build(patterns=("last",)).ran) == {"generate": 2, "encode": 1}
    assert prompts(painter) == ["a base", "the last"]


def test_what_a_selection_would_do_is_planned_and_priced_alike(bare):
    assert bare.tell("plan", "-s", "base").out == "1 target: 1 fresh\n"
    assert bare.tell("plan", "-s", "next").out == "2 targets: 2 fresh\n"
    assert bare.tell("plan", "-s", "last").out.splitlines()[-1] == "2 targets: 2 run"
    assert bare.tell("plan").out.splitlines()[-1] == "3 targets: 1 fresh, 2 run"
    told = bare.tell("cost", "--json", "-s", "next").out.splitlines()
    assert [msgspec.json.decode(row)["now"]["images"] for row in told] == [0, 0]


TWINS = """
    models: {paint: {provider: painter}}
    assets:
      base:
        prompt: a base
        matrix: {side: [left, right]}
        models: [paint]
        seeds: [7]
        format: jpeg
        validate: [{unique: {on_fail: review}}]
      next:
        prompt: "{{ time }}, {{ side }}"
        matrix: {side: [left, right], time: [day, night]}
        models: [paint]
        inputs: {image: {asset: base, match: [side]}}
    """


def damage_pixels(project):
    """Turn a byte of every blob of pixels that are not published themselves."""
    published = {hashlib.sha256(path.read_bytes()).hexdigest() for path in project.root.glob("out/*/*")}
    blobs = [path for path in (project.root / ".imgbuild/blobs").rglob("*") if len(path.name) == 64]
    for blob in blobs:
        if blob.name not in published:
            blob.write_bytes(blob.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("batch", [1, 4])
def test_a_damaged_input_is_made_again_in_the_same_build(bench, painter, monkeypatch, batch):
    """Four pictures wait for two of equal pixels; those were up for review, and still are."""
    takes = painter.capabilities
    monkeypatch.setattr(painter, "capabilities", lambda self, model: replace(takes(self, model), batch=batch))
    project, sound = (bench({"specs/catalog.yaml": TWINS}, folder) for folder in ("project", "sound"))
    for each in (project, sound):
        assert each.build().finished.review == 1
        each.edit("specs/catalog.yaml", ("{{ time }}, ", "at {{ time }}, "))
    damage_pixels(project)
    sound.build()
    painter.asked.clear()
    ended = project.build()
    assert (ended.finished.exit_code, ended.finished.built, ended.finished.review) == (0, 5, 1)
    asked = prompts(painter)
    assert (asked.count("a base"), len(asked)) == (1, 5)
    assert (project.outputs(), project.locks()) == (sound.outputs(), sound.locks())
    assert (project.build().finished.exit_code, painter.asked) == (0, [])


def test_a_damaged_input_that_can_t_be_made_again_fails_what_is_made_from_it(bench, painter):
    painter.grade = Grade.STORED
    project = bench({"specs/catalog.yaml": TWINS})
    project.build()
    project.edit("specs/catalog.yaml", ("{{ time }}, ", "at {{ time }}, "))
    damage_pixels(project)
    painter.asked.clear()
    ended = project.build()
    base = "catalog/base[side=left]@paint#0"
    assert (ended.finished.exit_code, ended.finished.failed, painter.asked) == (1, 4, [])
    assert {
        (item.cause, item.hint.partition(";")[0])
        for item in ended.failures
        if "left" in item.id and "next" in item.id
    } == {(f"the pixels of {base} are not in the store", f"build {base} first")}


def test_checking_wants_no_pixels(bare):
    told = bare.tell("check", "-s", "base")
    assert (told.code, told.out.splitlines()[-1]) == (0, "1 image: 1 pass")


def test_webp_outputs_give_lossless_pixels_too(bench, painter):
    spec = """
        models: {paint: {provider: painter}}
        assets:
          base: {prompt: a base, models: [paint], format: {type: webp, quality: 10}}
          next: {prompt: a next, models: [paint], inputs: {image: {asset: base}}}
        """
    project = bench({"specs/catalog.yaml": spec})
    project.build()
    given = painter.asked[1].inputs["image"][0]
    painter.asked.clear()
    project.edit("specs/catalog.yaml", ("a next", "another"))
    project.build()
    assert painter.asked[0].inputs["image"][0].tobytes() == given.tobytes()
    with Image.open(project.root / "out/base/0.webp") as published:
        assert published.convert("RGB").tobytes() != given.tobytes()


# --- what changes -------------------------------------------------------------------------------------


def test_nothing_changed_nothing_opened(shop, painter, monkeypatch):
    painter.asked.clear()
    monkeypatch.setattr(making, "decode", lambda *_: 1 / 0)
    ended = shop.build()
    assert (dict(ended.ran), ended.finished.fresh, painter.asked) == ({}, 6, [])


def test_a_changed_file_runs_exactly_its_own_targets(shop, painter):
    painter.asked.clear()
    shop.write({"specs/masks/A2.png": photo("#808080")})
    why = shop.why("catalog/scenes[sku=A2]@paint#0")
    assert "  run: changed\n" in why
    line = next(line for line in why.splitlines() if line.startswith("  inputs"))
    assert re.fullmatch(r"  inputs\.mask\.0\.file: '[\w-]{43}' → '[\w-]{43}' \(specs/masks/A2\.png\)", line)
    assert shop.actions() == {
        "packshots[sku=A1]#0": "fresh",
        "packshots[sku=A2]#0": "fresh",
        "scenes[sku=A1]@paint#0": "fresh",
        "scenes[sku=A2]@paint#0": "run",
        "cards[sku=A1]@paint#0": "fresh",
        "cards[sku=A2]@paint#0": "maybe",
    }
    assert "  maybe: input catalog/scenes[sku=A2]@paint#0 is made again\n" in shop.why(
        "catalog/cards[sku=A2]@paint#0"
    )
    assert dict(shop.build().ran) == {"generate": 2}
    assert prompts(painter) == ["A2 on a beach", "card of A2"]


def test_what_might_have_moved_is_made_again_where_its_bytes_are_gone(shop, painter):
    """Its input is not locked, and comes to the pixels that it had: nothing else has changed."""
    before = (shop.locks(), shop.outputs())
    lock = read_lock(before[0]["specs/catalog.lock"], "").lock
    del lock.targets["scenes[sku=A2]@paint#0"]
    shop.write({"specs/catalog.lock": write_lock(lock)})
    shutil.rmtree(shop.root / ".imgbuild")
    shutil.rmtree(shop.root / "out")
    ended = shop.build()
    assert (ended.failures, ended.finished.exit_code) == ((), 0)
    assert (shop.locks(), shop.outputs()) == before


def test_a_changed_photo_runs_all_that_is_made_from_it(shop, painter):
    painter.asked.clear()
    shop.write({"specs/photos/A2.png": photo("#808080")})
    assert " (specs/photos/A2.png)\n" in shop.why("catalog/packshots[sku=A2]#0")
    ended = shop.build()
    assert dict(ended.ran) == {"import": 1, "convert": 1, "encode": 1, "generate": 2}
    assert prompts(painter) == ["A2 on a beach", "card of A2"]


def test_equal_pixels_in_other_bytes_generate_nothing(shop, painter):
    painter.asked.clear()
    before = shop.outputs()
    shop.write(
        {
            "specs/masks/A2.png": photo("#000000", compress_level=1),
            "specs/photos/A1.png": photo("#804020", compress_level=1),
            "specs/brand.png": photo("#ff00ff", compress_level=1),
        }
    )
    ended = shop.build()
    assert (ended.finished.exit_code, painter.asked) == (0, [])
    assert "generate" not in ended.ran
    assert shop.outputs() == before
    assert dict(shop.build().ran) == {}


def test_another_strength_is_another_image(shop, painter):
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("strength: 0.5", "strength: 0.6"))
    assert "  params.strength: 0.5 → 0.6\n" in shop.why("catalog/scenes[sku=A1]@paint#0")
    shop.build()
    assert prompts(painter) == ["A1 on a beach", "A2 on a beach", "card of A1", "card of A2"]


def test_an_import_is_recorded_once(bench, painter):
    spec = """
        assets:
          one: {from: photo.png, process: [{resize: {width: 8, height: 8}}]}
          two: {from: photo.png}
        """
    project = bench({"specs/catalog.yaml": spec, "specs/photo.png": photo("#804020")})
    project.build()
    with open_store(project.root / ".imgbuild", write=False) as store:
        steps = [record.step for record in store.records.all_records().values()]
    assert steps.count("import") == 1
    project.edit("specs/catalog.yaml", ("width: 8", "width: 9"))
    assert dict(project.build().ran) == {"resize": 1, "encode": 1}
    assert (project.root / "out/two/0.png").read_bytes() == photo("#804020")


# --- upstream moves -----------------------------------------------------------------------------------


def test_a_reseeded_target_takes_along_what_is_made_from_it(shop, painter):
    painter.asked.clear()
    assert shop.tell("lock", "--reseed", "catalog/scenes[sku=A1]@paint#0").code == 0
    shop.build()
    assert prompts(painter) == ["A1 on a beach", "card of A1"]
    assert dict(shop.build().ran) == {}


def test_what_an_interrupted_build_left_behind_is_noticed(shop, painter):
    """The upstream target was made again and the one made from it was not: the lock's line tells."""
    painter.asked.clear()
    assert shop.tell("lock", "--reseed", "catalog/scenes[sku=A1]@paint#0").code == 0
    assert shop.build(patterns=("scenes",)).finished.exit_code == 0
    assert prompts(painter) == ["A1 on a beach"]
    actions = shop.actions()
    assert {name for name, action in actions.items() if action != "fresh"} == {"cards[sku=A1]@paint#0"}
    why = shop.why("catalog/cards[sku=A1]@paint#0")
    assert "  run: an input has other pixels than the lock knows\n" in why
    assert shop.tell("lock", "--check").code == 5
    shop.build()
    assert prompts(painter) == ["card of A1"]
    assert set(shop.actions().values()) == {"fresh"}


def test_a_selection_builds_what_it_needs(bench, painter):
    project = bench(FILES)
    project.build(patterns=("catalog/cards[sku=A1]@paint#0",))
    assert sorted(project.outputs()) == ["cards/A1_0.png", "packshots/A1_0.jpg", "scenes/A1_0.png"]


# --- faults -------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(bench, painter):
    return bench(FILES)


def test_a_missing_file_is_a_fault_of_its_rows(fresh, painter):
    fresh.write({"specs/masks/A2.png": None, "specs/photos/A1.png": None})
    ended = fresh.build()
    assert ended.finished.exit_code == 1
    assert causes(ended) == {
        "packshots[sku=A1]#0": "input image 'photos/A1.png' does not exist",
        "scenes[sku=A2]@paint#0": "input image 'masks/A2.png' does not exist",
    }
    assert {failure.hint for failure in ended.failures if failure.kind == "failed"} == {
        "it was looked for at specs/photos/A1.png",
        "it was looked for at specs/masks/A2.png",
    }
    assert skipped(ended) == ["cards[sku=A1]@paint#0", "cards[sku=A2]@paint#0", "scenes[sku=A1]@paint#0"]
    assert list(fresh.outputs()) == ["packshots/A2_0.jpg"]
    fresh.write({"specs/masks/A2.png": FILES["specs/masks/A2.png"], "specs/photos/A1.png": photo("#804020")})
    assert fresh.build().finished.exit_code == 0


def test_a_missing_file_that_all_rows_need(fresh):
    fresh.write({"specs/brand.png": None})
    ended = fresh.build()
    assert set(causes(ended)) == {"cards[sku=A1]@paint#0", "cards[sku=A2]@paint#0"}
    assert len(fresh.outputs()) == 4


def bomb(width, height):
    """A PNG that says it is that large."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    head = chunk(b"IHDR", size + b"\x08\x02\x00\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


TYPES = "known types: PNG, JPEG, WEBP, AVIF, TIFF, GIF, BMP, ICO"
BAD = {
    "no image": (b"<svg/>", "{} is not an image that can be read", TYPES),
    "nothing": (b"", "{} is not an image that can be read", TYPES),
    "a truncated image": (
        photo("#804020", (200, 200))[:-300],
        "{} is damaged: image file is truncated",
        "replace the file; its pixels can't be read",
    ),
    "a bomb": (
        bomb(60_000, 60_000),
        "{} is 60000×60000, too large to open safely",
        "scale it down to at most 268435456 pixels, and 65535 a side",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("path", ["specs/photos/A1.png", "specs/masks/A1.png"])
def test_a_bad_file_fails_its_own_targets(fresh, name, path):
    data, cause, hint = BAD[name]
    fresh.write({path: data})
    ended = fresh.build()
    own = "packshots[sku=A1]#0" if "photos" in path else "scenes[sku=A1]@paint#0"
    assert {name: text.partition(" (")[0] for name, text in causes(ended).items()} == {
        own: cause.format(path)
    }
    assert hint in {failure.hint for failure in ended.failures}
    assert {"cards/A2_0.png", "packshots/A2_0.jpg", "scenes/A2_0.png"} <= set(fresh.outputs())
    assert fresh.build().finished.exit_code == 1
    fresh.write({path: FILES[path]})
    assert fresh.build().finished.exit_code == 0


def test_a_file_that_is_too_large_fails_its_own_targets(fresh, monkeypatch):
    monkeypatch.setattr(Files.content, "__defaults__", (1000,))
    fresh.write({"specs/photos/A1.png": photo("#804020", (200, 200), compress_level=0)})
    ended = fresh.build()
    assert causes(ended) == {"packshots[sku=A1]#0": "specs/photos/A1.png is larger than 1000 bytes"}
    assert "scenes/A2_0.png" in fresh.outputs()


def test_a_folder_is_no_picture(fresh):
    fresh.write({"specs/photos/A1.png": None})
    (fresh.root / "specs/photos/A1.png").mkdir()
    ended = fresh.build()
    assert causes(ended) == {"packshots[sku=A1]#0": "specs/photos/A1.png can't be read: it is not a file"}


def test_a_file_that_vanishes_during_the_build(fresh, painter, monkeypatch):
    original = painter.paint

    def paint(self, request):
        (fresh.root / "specs/brand.png").unlink(missing_ok=True)
        return original(self, request)

    fresh.write({"specs/brand.png": photo("#ff00ff", compress_level=2)})
    monkeypatch.setattr(painter, "paint", paint)
    ended = fresh.build(jobs=1)
    assert ended.finished.exit_code == 1
    assert set(causes(ended).values()) == {"specs/brand.png can't be read: No such file or directory"}
    assert len(fresh.outputs()) == 4


def test_an_upstream_failure_keeps_what_was_published(shop, painter):
    """What hangs on a failed target is skipped, and its last image stays."""
    before = shop.outputs()
    painter.refuses.add("desk")
    shop.edit("specs/catalog.yaml", ("on a beach", "on a desk"))
    ended = shop.build()
    assert sorted(causes(ended)) == ["scenes[sku=A1]@paint#0", "scenes[sku=A2]@paint#0"]
    assert skipped(ended) == ["cards[sku=A1]@paint#0", "cards[sku=A2]@paint#0"]
    assert shop.outputs() == before
    assert ended.finished.exit_code == 1
