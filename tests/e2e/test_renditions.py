"""One generation, many files: what is made, named, locked, remembered and put back."""

import io
import json

import pytest
from PIL import Image as pillow

SPEC = """\
    version: 1
    models: {paint: {provider: painter}}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue]}
        models: [paint]
        size: 64x32
        validate: [{dimensions: {width: 64, height: 32}}]
        renditions:
          thumb: {process: [{resize: {width: 16}}, {blur: {radius: 1}}], format: {type: webp, quality: 80}}
          web: {widths: [8, 16], formats: [avif, jpeg], output: "web/{{ color }}-{{ width }}.{{ ext }}"}
    """
FILES = {
    "heroes/blue_0-thumb.webp",
    "heroes/blue_0.png",
    "heroes/red_0-thumb.webp",
    "heroes/red_0.png",
    *(
        f"web/{color}-{width}.{ext}"
        for color in ("blue", "red")
        for width in (8, 16)
        for ext in ("avif", "jpg")
    ),
}
FIRST = "heroes[color=red]@paint#0"


@pytest.fixture
def shop(bench, painter):
    built = bench({"specs/catalog.yaml": SPEC})
    ended = built.build()
    assert ended.failures == ()
    assert dict(ended.ran) == {"generate": 2, "resize": 2 + 2 * 4, "blur": 2, "encode": 2 * 5}
    painter.asked.clear()
    return built


def opened(project, name):
    return pillow.open(io.BytesIO((project.root / "out" / name).read_bytes()))


def test_every_file_is_published_and_locked(shop):
    assert set(shop.outputs()) == FILES
    assert opened(shop, "heroes/red_0-thumb.webp").size == (16, 8)
    assert (opened(shop, "web/red-8.avif").size, opened(shop, "web/red-8.avif").format) == ((8, 4), "AVIF")
    names = {"thumb.webp", "web-8.avif", "web-8.jpg", "web-16.avif", "web-16.jpg"}
    assert {name: set(line.files) for name, line in shop.lines().items()} == {
        FIRST: names,
        FIRST.replace("red", "blue"): names,
    }


def test_no_change_no_work(shop):
    before = shop.state()
    ended = shop.build()
    assert (dict(ended.ran), ended.finished.fresh) == ({}, 2)
    assert {name: seen for name, seen in shop.state().items() if name.startswith(("out/", "specs/"))} == {
        name: seen for name, seen in before.items() if name.startswith(("out/", "specs/"))
    }


EDITS = {
    "the last step of one": ("radius: 1", "radius: 2", {"blur": 2, "encode": 2}),
    "its first step": ("width: 16}}, {blur", "width: 12}}, {blur", {"resize": 2, "blur": 2, "encode": 2}),
    "its encoding": ("quality: 80", "quality: 70", {"encode": 2}),
    "a width more": ("[8, 16]", "[8, 16, 32]", {"resize": 4, "encode": 4}),
    "a format less": ("[avif, jpeg]", "[avif]", {}),
    "a name": ("thumb:", "small:", {}),
    "an output": ("web/{{ color }}", "site/{{ color }}", {}),
}


@pytest.mark.parametrize(("old", "new", "ran"), EDITS.values(), ids=EDITS)
def test_an_edit_makes_only_what_depends_on_it(shop, painter, monkeypatch, old, new, ran):
    from imgbuild.rules.dimensions import Dimensions

    measured, measure = [], Dimensions.measure
    monkeypatch.setattr(Dimensions, "measure", lambda *args: measured.append(1) or measure(*args))
    shop.edit("specs/catalog.yaml", (old, new))
    ended = shop.build()
    assert (dict(ended.ran), painter.asked, measured, ended.failures) == (ran, [], [], ())
    assert dict(shop.build().ran) == {}
    clean = shop.outputs()
    assert shop.again() == 2  # from the lock alone
    assert shop.outputs() == clean


def test_renditions_that_are_declared_no_more_are_removed(shop):
    shop.edit("specs/catalog.yaml", ("formats: [avif, jpeg]", "formats: [avif]"))
    assert shop.build().finished.removed == 4
    assert set(shop.outputs()) == {name for name in FILES if not name.endswith(".jpg")}
    assert set(shop.lines()[FIRST].files) == {"thumb.webp", "web-8.avif", "web-16.avif"}


def test_a_lost_file_is_put_back_and_an_edited_one_left_alone(shop):
    out = shop.root / "out"
    before = shop.outputs()
    (out / "web/red-8.jpg").unlink()
    assert "web/red-8.jpg is missing" in shop.why(f"catalog/{FIRST}")
    ended = shop.build()
    assert (dict(ended.ran), ended.finished.restored) == ({}, 1)
    assert shop.outputs() == before
    (out / "web/red-8.jpg").write_bytes(b"mine")
    (failure,) = shop.build().failures
    assert failure.cause == "web/red-8.jpg was not written by imgbuild, or was edited since"
    assert (out / "web/red-8.jpg").read_bytes() == b"mine"
    shop.build(force=True)
    assert shop.outputs() == before


def test_bytes_that_are_nowhere_are_made_again(shop, painter):
    before, locks = shop.outputs(), shop.locks()
    jpg = shop.root / "out/web/red-8.jpg"
    blob = before["web/red-8.jpg"]
    (shop.root / ".imgbuild/blobs" / blob[:2] / blob).unlink()
    jpg.unlink()
    ended = shop.build()
    assert (dict(ended.ran), painter.asked) == ({"encode": 1}, [])
    assert (shop.outputs(), shop.locks()) == (before, locks)


def test_bytes_of_a_model_without_seeds_are_made_from_the_stored_picture(bench, painter, monkeypatch):
    monkeypatch.setattr(painter, "grade", "stored")
    project = bench({"specs/catalog.yaml": SPEC})
    project.build()
    painter.asked.clear()
    before = project.outputs()
    blob = before["web/red-8.jpg"]
    (project.root / ".imgbuild/blobs" / blob[:2] / blob).unlink()
    (project.root / "out/web/red-8.jpg").unlink()
    ended = project.build()
    assert (dict(ended.ran), painter.asked, project.outputs()) == ({"encode": 1}, [], before)


def test_a_clean_store_keeps_what_the_lock_names(shop, painter):
    before = shop.outputs()
    assert shop.tell("gc", "--all").code == 0
    assert shop.tell("clean", "--yes").out == "removed 12 images from out/; `imgbuild build` puts them back\n"
    assert (dict(shop.build().ran), shop.outputs(), painter.asked) == ({}, before, [])


def test_a_target_is_known_by_any_of_its_files(shop):
    assert shop.why("out/web/red-8.jpg").startswith(f"catalog/{FIRST}  (")


def test_the_manifest_has_them(shop):
    told = shop.tell("manifest", "-s", "color=red")
    (image,) = json.loads(told.out)["images"]
    digests = shop.outputs()
    assert {item["output"]: item["sha256"] for item in image["files"]} == {
        f"out/{name}": digests[name] for name in FILES if "red" in name and name != "heroes/red_0.png"
    }


def test_presets(bench, painter):
    project = bench(
        {
            "specs/catalog.yaml": """\
                version: 1
                models: {paint: {provider: painter}}
                assets:
                  mark:
                    prompt: "a mark"
                    models: [paint]
                    process: [{convert: {mode: RGBA}}]
                    renditions:
                      icons: favicon
                      social: {preset: social, output: "share/{{ file }}"}
                """
        }
    )
    assert project.build().failures == ()
    sizes = {name: opened(project, name).size for name in project.outputs()}
    assert sizes == {
        "mark/0.png": (16, 16),
        "mark/0/apple-touch-icon.png": (180, 180),
        "mark/0/favicon.ico": (48, 48),
        "mark/0/icon-192.png": (192, 192),
        "mark/0/icon-512.png": (512, 512),
        "share/og-image.jpg": (1200, 630),
        "share/square.jpg": (1080, 1080),
        "share/story.jpg": (1080, 1920),
    }
    icon = opened(project, "mark/0/favicon.ico")
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
    assert opened(project, "mark/0/apple-touch-icon.png").mode == "RGB"


def test_existing_pictures_have_renditions_too(bench):
    out = io.BytesIO()
    pillow.new("RGB", (40, 20), "teal").save(out, format="PNG")
    project = bench(
        {
            "specs/photos/a.png": out.getvalue(),
            "specs/catalog.yaml": """\
                version: 1
                assets:
                  photos: {from: photos/a.png, renditions: {small: {widths: [10], formats: [webp]}}}
                """,
        }
    )
    assert dict(project.build().ran) == {"import": 1, "resize": 1, "encode": 1}
    assert set(project.outputs()) == {"photos/0.png", "photos/0-small-10.webp"}


AT = "specs/catalog.yaml:"
FAULTS = {
    "a preset that is none": (
        "thumb: {process",
        "icons: icons\n      thumb: {process",
        f"{AT}11:14: unknown preset 'icons'",
        "did you mean 'favicon'? Presets here: favicon, social",
    ),
    "what a preset says itself": (
        "web: {widths: [8, 16], formats",
        "web: {preset: favicon, formats",
        f"{AT}12:30: the preset 'favicon' has its own 'formats'",
        "leave it out, or write the rendition without a preset",
    ),
    "a format and formats": (
        "web: {widths",
        "web: {format: png, widths",
        f"{AT}12:13: a rendition has either a format or formats",
        "remove one of the two",
    ),
    "a name for two": (
        "{{ color }}-{{ width }}",
        "{{ color }}",
        f"{AT}12:61: two files of 'catalog/{FIRST}' would both be 'web/red.avif'",
        "set the rendition's 'output' to another path, or add {{ file }} to it",
    ),
    "a name for all cells": (
        "web/{{ color }}-",
        "web/",
        f"{AT}12:61: 'catalog/{FIRST}' and 'catalog/{FIRST.replace('red', 'blue')}' would both be 'web/8.avif'",
        "add {{ stem }} to the rendition's 'output': it is the path of the image, without its suffix",
    ),
    "an operation that is none": (
        "{blur: {radius: 1}}",
        "{blurr: {radius: 1}}",
        f"{AT}11:49: unknown operation 'blurr'",
        None,
    ),
    "another type than its name says": (
        'output: "web/{{ color }}-{{ width }}.{{ ext }}"',
        'output: "web/{{ color }}-{{ width }}.png"',
        f"{AT}12:61: the format is avif, and the output's name says png",
        "end the name in '.avif', or leave the format out",
    ),
}


@pytest.mark.parametrize(("old", "new", "message", "hint"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_place(bench, painter, old, new, message, hint):
    project = bench({"specs/catalog.yaml": SPEC})
    project.edit("specs/catalog.yaml", (old, new))
    told = project.tell("plan")
    assert told.code == 2
    lines = told.err.splitlines()
    assert lines[0] == message
    assert hint is None or lines[-1] == f"hint: {hint}"
