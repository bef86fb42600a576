"""Sheets: all pictures of an asset in one, with a map of where they are."""

import io
import json

import pytest
from PIL import Image as pillow

SPEC = """\
    version: 1
    models: {paint: {provider: painter}}
    assets:
      icons:
        prompt: "a {{ color }} {{ shape }}"
        matrix: {shape: [star, moon, sun], color: [red, blue]}
        models: [paint]
        output: "icons/{{ color }}/{{ shape }}.png"
      sprites:
        sheet: {asset: icons, gap: 2, map: true}
        matrix: {color: [red, blue]}
        output: "sprites-{{ color }}.png"
        validate: [{dimensions: {max_width: 4096, max_height: 4096}}]
        renditions: {web: {format: {type: webp, lossless: true}}}
      contact:
        sheet: {asset: icons, labels: true, background: white, cell: 12x12}
    """
RED, BLUE, CONTACT = "sprites[color=red]#0", "sprites[color=blue]#0", "contact#0"


@pytest.fixture
def shop(bench, painter):
    built = bench({"specs/catalog.yaml": SPEC})
    ended = built.build()
    assert ended.failures == ()
    assert dict(ended.ran) == {"generate": 6, "sheet": 3, "encode": 2}
    painter.asked.clear()
    return built


def opened(project, name):
    return pillow.open(io.BytesIO((project.root / "out" / name).read_bytes()))


def test_each_picture_is_where_the_map_has_it(shop):
    for color in ("red", "blue"):
        atlas = json.loads((shop.root / f"out/sprites-{color}.json").read_text())
        sheet = opened(shop, atlas["meta"]["image"])
        assert (atlas["meta"]["image"], set(atlas["frames"])) == (
            f"sprites-{color}.png",
            {"star", "moon", "sun"},
        )
        assert atlas["meta"]["size"] == {"w": sheet.width, "h": sheet.height} == {"w": 34, "h": 34}
        for shape, told in atlas["frames"].items():
            at = told["frame"]
            shown = sheet.crop((at["x"], at["y"], at["x"] + at["w"], at["y"] + at["h"]))
            assert shown.convert("RGB").tobytes() == opened(shop, f"icons/{color}/{shape}.png").tobytes()
        web = opened(shop, f"sprites-{color}-web.webp")
        assert web.convert("RGBA").tobytes() == sheet.tobytes()


def test_the_lock_has_the_map(shop):
    lines, digests = shop.lines(), shop.outputs()
    assert set(lines[RED].files) == {"web.webp", "map.json"}
    assert lines[RED].grade == "bitwise"
    assert lines[CONTACT].files == {}
    told = json.loads(shop.tell("manifest", "-s", "catalog/sprites[color=red]#0").out)["images"][0]
    assert {item["output"]: item["sha256"] for item in told["files"]} == {
        f"out/{name}": digests[name] for name in ("sprites-red-web.webp", "sprites-red.json")
    }
    assert told["sources"] == [
        f"catalog/icons[shape={shape},color=red]@paint#0" for shape in ("star", "moon", "sun")
    ]
    assert told["known"] is True


def test_no_change_no_work(shop):
    before = shop.outputs()
    assert (dict(shop.build().ran), shop.outputs()) == ({}, before)


EDITS = {
    "a picture": ("[star, moon, sun]", "[star, moon, cloud]", {"generate": 2, "sheet": 3, "encode": 2}),
    "one more": ("[star, moon, sun]", "[star, moon, sun, cloud]", {"generate": 2, "sheet": 3, "encode": 2}),
    "one less": ("[star, moon, sun]", "[star, sun]", {"sheet": 3, "encode": 2}),
    "the gap": ("gap: 2", "gap: 4", {"sheet": 2, "encode": 2}),
    "no map": (", map: true", "", {}),
    "other names": ("map: true", "map: true, names: path", {}),
    "the sheet's name": ('"sprites-', '"sheet-', {}),
    "names of pictures": ('"icons/', '"glyphs/', {}),
    "its rendition": ("lossless: true", "quality: 50", {"encode": 2}),
    "labels": ("labels: true, ", "", {"sheet": 1}),
    "a rule": ("max_height: 4096", "max_height: 2048", {}),
}


@pytest.mark.parametrize(("old", "new", "ran"), EDITS.values(), ids=EDITS)
def test_an_edit_makes_only_what_depends_on_it(shop, old, new, ran):
    shop.edit("specs/catalog.yaml", (old, new))
    ended = shop.build()
    assert (dict(ended.ran), ended.failures) == (ran, ())
    assert dict(shop.build().ran) == {}
    clean, locks = shop.outputs(), shop.locks()
    assert shop.again() == len([name for name in clean if "s/" in name])
    assert (shop.outputs(), shop.locks()) == (clean, locks)


def test_the_map_follows_the_names(shop):
    shop.edit("specs/catalog.yaml", ('"sprites-', '"sheets/'), ('{{ shape }}.png"', '{{ shape }}-icon.png"'))
    assert dict(shop.build().ran) == {"sheet": 1}  # that with labels
    atlas = json.loads((shop.root / "out/sheets/red.json").read_text())
    assert (atlas["meta"]["image"], list(atlas["frames"])) == (
        "red.png",
        ["star-icon", "moon-icon", "sun-icon"],
    )
    assert not (shop.root / "out/sprites-red.json").exists()


def test_equal_pictures_of_another_prompt_leave_the_sheet_alone(shop, painter, monkeypatch):
    """Early cutoff: what a sheet is drawn of are pixels."""
    monkeypatch.setattr(
        painter, "touch", staticmethod(lambda picture: pillow.new("RGB", picture.size, "red"))
    )
    shop.edit("specs/catalog.yaml", ('"a {{ color }}', '"one {{ color }}'))
    assert shop.build().finished.generated == 6
    shop.edit("specs/catalog.yaml", ('"one {{ color }}', '"some {{ color }}'))
    assert dict(shop.build().ran) == {"generate": 6}


def test_a_lost_map_is_written_again_and_an_edited_one_left_alone(shop):
    before, path = shop.outputs(), shop.root / "out/sprites-red.json"
    blob = before["sprites-red.json"]
    path.unlink()
    assert "sprites-red.json is missing" in shop.why(f"catalog/{RED}")
    assert (dict(shop.build().ran), shop.outputs()) == ({}, before)
    path.unlink()
    (shop.root / ".imgbuild/blobs" / blob[:2] / blob).unlink()
    assert (dict(shop.build().ran), shop.outputs()) == ({}, before)
    path.write_text("mine")
    (failure,) = shop.build().failures
    assert failure.cause == "sprites-red.json was not written by imgbuild, or was edited since"
    assert path.read_text() == "mine"


def test_pictures_of_lossy_files_come_from_their_pixels(bench, painter):
    spec = SPEC.replace('{{ shape }}.png"', '{{ shape }}.jpg"')
    project = bench({"specs/catalog.yaml": spec})
    assert project.build().failures == ()
    sheets = {name: digest for name, digest in project.outputs().items() if name.startswith("sprites")}
    other = bench({"specs/catalog.yaml": SPEC}, "other")
    other.build()
    assert sheets == {name: digest for name, digest in other.outputs().items() if name.startswith("sprites")}


def test_a_sheet_waits_for_its_pictures(bench, painter):
    painter.refuses.add("blue moon")
    project = bench({"specs/catalog.yaml": SPEC})
    ended = project.build()
    assert {failure.id: failure.kind for failure in ended.failures} == {
        "catalog/icons[shape=moon,color=blue]@paint#0": "failed",
        f"catalog/{BLUE}": "skipped",
        f"catalog/{CONTACT}": "skipped",
    }
    assert set(project.lines()) == {
        RED,
        *(f"icons[shape={shape},color=red]@paint#0" for shape in ("star", "moon", "sun")),
        *(f"icons[shape={shape},color=blue]@paint#0" for shape in ("star", "sun")),
    }


ERRORS = {
    "an unknown asset": (
        ("asset: icons, gap", "asset: icon, gap"),
        """\
specs/catalog.yaml:10:20: unknown asset 'icon'
   10 |     sheet: {asset: icon, gap: 2, map: true}
      |                    ^^^^
hint: did you mean 'icons'? Assets here: contact, icons, sprites
""",
    ),
    "itself": (
        ("asset: icons, gap", "asset: sprites, gap"),
        """\
specs/catalog.yaml:9:3: targets need each other in a circle: catalog/sprites[color=red]#0 → catalog/sprites[color=red]#0
    9 |   sprites:
      |   ^^^^^^^
hint: an input must not depend on what is made from it; break the circle in 'inputs' or 'process'
""",
    ),
    "no picture": (
        ("    matrix: {color: [red, blue]}", "    matrix: {color: [red, green]}"),
        """\
specs/catalog.yaml:10:12: no target of 'icons' goes with 'catalog/sprites[color=green]#0'
   10 |     sheet: {asset: icons, gap: 2, map: true}
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name fewer variables in 'match', or give that asset the missing cell
""",
    ),
    "two of a name": (
        ("icons, gap: 2", "icons, match: []"),
        """\
specs/catalog.yaml:10:12: the map would have two pictures 'star': catalog/icons[shape=star,color=red]@paint#0 and \
catalog/icons[shape=star,color=blue]@paint#0
   10 |     sheet: {asset: icons, match: [], map: true}
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name them by their whole paths, with 'names: path', or give them other outputs
""",
    ),
    "no colour": (
        ("background: white", "background: wheit"),
        """\
specs/catalog.yaml:16:53: 'wheit' is no colour: write a CSS name, '#rrggbb' or 'rgb(…)'
   16 |     sheet: {asset: icons, labels: true, background: wheit, cell: 12x12}
      |                                                     ^^^^^
""",
    ),
    "seeds": (
        ("cell: 12x12}", "cell: 12x12}\n    seeds: 2"),
        """\
specs/catalog.yaml:17:5: 'seeds' has no meaning beside 'sheet'
   17 |     seeds: 2
      |     ^^^^^
hint: a sheet is not generated; remove one of the two
""",
    ),
    "existing pictures": (
        ("cell: 12x12}", "cell: 12x12}\n    from: photos/a.png"),
        """\
specs/catalog.yaml:16:5: asset 'contact' has both existing pictures and a sheet
   16 |     sheet: {asset: icons, labels: true, background: white, cell: 12x12}
      |     ^^^^^
hint: a sheet is made of the pictures of another asset; remove one of the two
""",
    ),
    "a step that moves pictures": (
        ("    renditions:", "    process: [grayscale, {resize: {width: 10}}]\n    renditions:"),
        """\
specs/catalog.yaml:14:26: after 'resize' the sheet's map would not fit it any more
   14 |     process: [grayscale, {resize: {width: 10}}]
      |                          ^^^^^^^^^^^^^^^^^^^^^
hint: give the sheet a smaller 'cell', process the pictures before, or do it in a rendition
""",
    ),
}


@pytest.mark.parametrize(("edit", "told"), ERRORS.values(), ids=ERRORS)
def test_errors(bench, painter, edit, told):
    project = bench({"specs/catalog.yaml": SPEC})
    project.edit("specs/catalog.yaml", edit)
    code, _, err = project.tell("plan")
    assert (code, err) == (2, told)
