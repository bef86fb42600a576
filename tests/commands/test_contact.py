"""`build --sheet`: a contact sheet of what is published, at the end of a build that made it or had nothing to do."""

import io
import json

import pytest
from PIL import Image as pillow

from imgbuild.commands.contact import CELLS, GAP, MARGIN, MOST, _sheet
from imgbuild.sheets.layout import LABEL, lay_out

SPEC = """\
models: {paint: {provider: painter}}
assets:
  lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue, gold]}, models: [paint]}
  pens: {prompt: a pen, models: [paint]}
"""
STEP = 256 + GAP


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/shop.yaml": SPEC})


def pictures(shop, columns):
    """The pictures of 16 × 16 pixels in the middles of the cells of a sheet, one row after the other."""
    with pillow.open(shop.root / "sheet.png") as sheet:
        assert sheet.width == 2 * MARGIN + columns * STEP - GAP
        rows = (sheet.height - 2 * MARGIN + GAP) // (STEP + LABEL)
        corners = [
            (MARGIN + 120 + column * STEP, MARGIN + 120 + row * (STEP + LABEL))
            for row in range(rows)
            for column in range(columns)
        ]
        return [sheet.crop((left, top, left + 16, top + 16)).tobytes() for left, top in corners]


def published(shop, *names):
    found = [pillow.open(io.BytesIO((shop.root / "out" / name).read_bytes())) for name in names]
    return [picture.convert("RGB").tobytes() for picture in found]


def test_all_images_at_the_end_of_a_build(shop):
    told = shop.tell("build", "--sheet", "sheet.png")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("\nsheet.png: 4 images\n")
    wanted = published(shop, "lamps/red_0.png", "lamps/blue_0.png", "lamps/gold_0.png", "pens/0.png")
    assert pictures(shop, 2) == wanted


def test_a_build_that_has_nothing_to_do_draws_it_all_the_same(bench):
    """Also where the last one was the same command, or could have ended at once."""
    plain = SPEC.replace("painter", "placeholder").replace("[paint]}", "[paint], size: 16x16}")
    shop = bench({"specs/shop.yaml": plain})
    assert shop.call("build", "-q") == (0, "", "")
    for _ in range(2):
        told = shop.call("build", "--sheet", "sheet.png")
        assert told == (0, "up to date (4 targets)\nsheet.png: 4 images\n", "")
        (shop.root / "sheet.png").unlink()
    assert shop.call("build") == (0, "up to date (4 targets)\n", "")


def test_after_an_edit_the_others_are_on_it_too(shop, painter):
    shop.tell("build")
    painter.asked.clear()
    shop.edit("specs/shop.yaml", ("prompt: a pen", "prompt: two pens"))
    assert shop.tell("build", "--sheet", "sheet.png").out.endswith("sheet.png: 4 images\n")
    assert len(painter.asked) == 1
    assert pictures(shop, 2)[3:] == published(shop, "pens/0.png")


def test_only_what_was_chosen(shop):
    told = shop.tell("build", "--sheet", "sheet.png", "-s", "color=red", "-s", "pens")
    assert told.out.endswith("sheet.png: 2 images\n")
    assert pictures(shop, 2) == published(shop, "lamps/red_0.png", "pens/0.png")


def test_chosen_by_a_state_that_they_have_no_more(shop):
    shop.tell("build")
    (shop.root / "out/pens/0.png").unlink()
    assert shop.tell("build", "--sheet", "sheet.png", "-s", "state:restore").out.endswith(
        "sheet.png: 1 image\n"
    )
    assert pictures(shop, 1) == published(shop, "pens/0.png")


def test_without_what_they_are_made_from(shop):
    small = "  small: {prompt: small, models: [paint], inputs: {image: {asset: pens}}}\n"
    shop.write({"specs/shop.yaml": SPEC + small})
    assert shop.tell("build", "--sheet", "sheet.png", "-s", "small").out.endswith("sheet.png: 1 image\n")


def test_what_has_no_image(shop, painter):
    painter.refuses.add("gold")
    told = shop.tell("build", "--sheet", "sheet.png")
    assert told.code == 1
    assert told.out.endswith("\nsheet.png: 3 images; 1 of 4 targets have none\n")
    painter.refuses.add("pen")
    told = shop.tell("build", "--sheet", "none.png", "-s", "color=gold")
    assert told.out.endswith("\nnone.png: not written; 1 of 1 targets have none\n")
    assert not (shop.root / "none.png").exists()


def test_an_edited_file_is_shown_as_it_was_published(shop):
    shop.tell("build")
    wanted = published(shop, "pens/0.png")
    (shop.root / "out/pens/0.png").write_bytes(b"edited by hand")
    shop.tell("build", "--sheet", "sheet.png", "-s", "pens")
    assert pictures(shop, 1) == wanted


def test_as_json_and_quietly(shop):
    told = shop.tell("build", "--sheet", "sheet.png", "--json")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert rows[-2]["event"] == "finished"
    assert rows[-1] == {"event": "sheet", "file": "sheet.png", "images": 4, "missing": 0}
    (shop.root / "sheet.png").unlink()
    assert shop.tell("build", "-q", "--sheet", "sheet.png") == (0, "", "")
    assert (shop.root / "sheet.png").exists()


def test_a_sheet_that_could_not_be_written_is_refused_before_anything_is_made(shop, painter):
    (shop.root / "out/pens").mkdir(parents=True)
    for name, said in {
        "out/pens/0.png": "error: 'out/pens/0.png' would lie among the images, or over one\n"
        "hint: name a place outside of out/\n",
        "sheet.jpg": "error: 'sheet.jpg' is no name of a PNG file\nhint: a contact sheet is one: sheet.png\n",
        "no/sheet.png": "error: there is no folder for 'no/sheet.png'\nhint: make it, or name another one\n",
    }.items():
        assert shop.tell("build", "--sheet", name) == (2, "", said)
    assert shop.tell("build", "-n", "--sheet", "sheet.png") == (
        2,
        "",
        "error: --sheet goes with a build, and --dry-run makes nothing\nhint: leave one out\n",
    )
    assert painter.asked == []


def test_the_same_pictures_give_the_same_bytes(shop):
    shop.tell("build", "--sheet", "sheet.png")
    first = (shop.root / "sheet.png").read_bytes()
    shop.tell("build", "--sheet", "sheet.png")
    assert (shop.root / "sheet.png").read_bytes() == first


@pytest.mark.parametrize(("count", "cell"), [(1, 256), (800, 256), (2000, 128), (10_000, 64), (100_000, 32)])
def test_the_more_pictures_the_smaller(count, cell):
    sheet = _sheet(count, None)
    assert sheet.cell == f"{cell}x{cell}"
    width, height = lay_out(sheet, [(512, 512)] * count).size
    assert width * height < (MOST * 1.1 if cell > CELLS[-1] else 1 << 28)
    assert max(width, height) < 1.5 * min(width, height) or count == 1
