"""Locked images made again and compared: what each comes to, and that nothing of the project is touched."""

import json
import re
import shutil

import pytest
from PIL import ImageOps

from imgbuild.providers import PROVIDERS
from imgbuild.types import Grade

SPEC = """\
models:
  paint: {provider: painter}
  dear: {provider: dear}
assets:
  shots:
    prompt: "a {{ thing }}"
    matrix: {thing: [lamp, pen]}
    models: [paint]
    process: [{resize: {width: 8, height: 8}}]
    format: {type: webp, quality: 80}
  scene:
    prompt: a scene
    models: [paint]
    inputs: {image: {asset: shots}}
    matrix: {thing: [lamp]}
"""
LAMP, PEN = "shop/shots[thing=lamp]@paint#0", "shop/shots[thing=pen]@paint#0"
SCENE = "shop/scene[thing=lamp]@paint#0"


@pytest.fixture
def dear(painter, monkeypatch):
    """A provider beside the painter that costs money, or refuses."""
    own = type("Dear", (painter,), {"name": "dear", "asked": [], "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "dear", own)
    return own


@pytest.fixture
def shop(bench, painter, dear):
    built = bench({"specs/shop.yaml": SPEC})
    assert built.build().finished.exit_code == 0
    painter.asked.clear()
    return built


def compared(shop, *flags):
    """The verdict and detail of each target, and the exit code; nothing of the project may change."""
    before = shop.state()
    told = shop.tell("verify", "--json", *flags)
    assert shop.state() == before
    assert told.err == ""
    rows = [json.loads(line) for line in told.out.splitlines()]
    return {row["id"]: (row["verdict"], row["detail"]) for row in rows if "verdict" in row}, told.code


SAME = ("bitwise", "")
OTHER = ("perceptual", "other pixels, equal to the eye; at most 1 of 255 levels apart")


def test_the_same_pixels(shop, painter):
    assert compared(shop) == ({LAMP: SAME, PEN: SAME, SCENE: SAME}, 0)
    assert len(painter.asked) == 3


def test_other_pixels_that_look_the_same(shop, painter):
    painter.touch = staticmethod(lambda picture: picture.point(lambda level: min(255, level + 1)))
    assert compared(shop, "-s", "shots") == ({LAMP: OTHER, PEN: OTHER}, 0)


def test_another_picture_is_drift(shop, painter):
    painter.touch = staticmethod(ImageOps.invert)
    found, code = compared(shop, "-s", "thing=pen")
    (verdict, detail) = found[PEN]
    assert (verdict, code) == ("drift", 1)
    assert re.fullmatch(
        r"drift: what its pins make now is not the locked image \(perceptual hashes differ in \d+ of 64 bits\); "
        r"at most \d+ of 255 levels apart",
        detail,
    )


def test_what_changed_around_it_is_named(shop, painter, monkeypatch):
    monkeypatch.setattr(painter, "environment", lambda self: {"easel": "1", "light": "north"})
    shop.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    assert shop.build().finished.generated == 3
    monkeypatch.setattr(painter, "environment", lambda self: {"easel": "2", "light": "north"})
    assert compared(shop, "-s", "shots") == ({LAMP: SAME, PEN: SAME}, 0)
    painter.touch = staticmethod(lambda picture: picture.point(lambda level: min(255, level + 1)))
    found, _ = compared(shop, "-s", "shots")
    assert set(found.values()) == {(OTHER[0], f"{OTHER[1]}; easel 1 → 2")}


def test_without_the_locked_bytes_the_levels_are_not_told(shop, painter):
    painter.touch = staticmethod(lambda picture: picture.point(lambda level: min(255, level + 1)))
    shutil.rmtree(shop.root / ".imgbuild")
    shutil.rmtree(shop.root / "out")
    found, _ = compared(shop, "-s", "shots")
    assert set(found.values()) == {("perceptual", "other pixels, equal to the eye")}


def test_a_drift_upstream_is_an_input_that_failed(shop, painter):
    painter.touch = staticmethod(ImageOps.invert)
    found, code = compared(shop, "-s", "scene")
    assert (found, code) == ({SCENE: ("failed", "an input of it failed")}, 1)


def test_a_provider_that_makes_it_no_more(shop, painter):
    painter.refuses.add("pen")
    assert compared(shop, "-s", "shots") == ({LAMP: SAME, PEN: ("failed", "'a pen' will not be painted")}, 1)


def test_what_is_not_locked_as_it_is_declared(shop, painter):
    shop.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"), ("[lamp, pen]", "[lamp, pen, cup]"))
    changed = ("unlocked", "its declaration changed since it was locked")
    found, code = compared(shop)
    assert (found, code) == (
        {
            LAMP: changed,
            PEN: changed,
            "shop/shots[thing=cup]@paint#0": ("unlocked", "build it first"),
            SCENE: changed,
        },
        0,
    )
    assert painter.asked == []


def test_one_whose_group_is_not_all_built(shop, painter):
    shop.edit(
        "specs/shop.yaml",
        ("    models: [paint]\n    process", "    validate: [unique]\n    models: [paint]\n    process"),
    )
    shop.edit("specs/shop.yaml", ("[lamp, pen]", "[lamp, pen, cup]"))
    found, code = compared(shop, "-s", "shots")
    cup = {"shop/shots[thing=cup]@paint#0": ("unlocked", "build it first")}
    assert (found, code) == ({LAMP: SAME, PEN: SAME, **cup}, 0)


def test_bytes_that_can_only_be_kept_are_not_made_again(bench, painter):
    painter.grade = Grade.STORED
    shop = bench({"specs/shop.yaml": SPEC.replace("  dear: {provider: dear}\n", "")})
    shop.build()
    painter.asked.clear()
    found, code = compared(shop)
    assert (set(found.values()), code) == ({("stored", "only its bytes can be kept")}, 0)
    assert painter.asked == []


def test_what_costs_money_is_not_made_again(shop, dear):
    shop.edit("specs/shop.yaml", ("a scene\n    models: [paint]", "a scene\n    models: [dear]"))
    dear.paid = True
    shop.build()
    dear.asked.clear()
    found, _ = compared(shop, "-s", "scene")
    assert set(found.values()) == {("paid", "making it again costs money")}
    assert dear.asked == []


def test_what_others_are_compared_with_is_not_taken_for_made_again(shop, dear):
    dear.paid = True
    shop.edit(
        "specs/shop.yaml",
        (
            "    models: [paint]\n    process",
            "    validate: [unique]\n    models: [paint, dear]\n    process",
        ),
    )
    shop.edit("specs/shop.yaml", ("{asset: shots}", "{asset: shots, model: paint}"))
    shop.build()
    found, code = compared(shop, "-s", "shots")
    paid = {name.replace("@paint", "@dear"): ("paid", "making it again costs money") for name in (LAMP, PEN)}
    assert (found, code) == ({LAMP: SAME, PEN: SAME, **paid}, 0)


def test_what_a_fallback_made_is_asked_of_that(shop, painter, dear):
    shop.edit(
        "specs/shop.yaml", ("paint: {provider: painter}", "paint: {provider: painter, fallback: [dear]}")
    )
    painter.refuses.add("cup")
    shop.edit("specs/shop.yaml", ("[lamp, pen]", "[lamp, pen, cup]"))
    shop.build()
    painter.refuses.clear()
    painter.asked.clear()
    dear.asked.clear()
    assert compared(shop, "-s", "thing=cup") == ({"shop/shots[thing=cup]@paint#0": SAME}, 0)
    assert (painter.asked, len(dear.asked)) == ([], 1)
    dear.paid = True
    assert compared(shop, "-s", "thing=cup")[0] == {
        "shop/shots[thing=cup]@paint#0": ("paid", "making it again costs money")
    }


def test_without_its_store_it_is_made_again_all_the_same(shop, painter):
    shutil.rmtree(shop.root / ".imgbuild")
    told = shop.tell("verify")
    assert (told.code, told.out.splitlines()[-1]) == (0, "3 targets compared with the lock: 3 bitwise")
    assert len(painter.asked) == 3


def test_in_words(shop, painter):
    told = shop.tell("verify", "-q")
    assert told == (0, "3 targets compared with the lock: 3 bitwise\n", "")
    painter.refuses.add("pen")
    assert shop.tell("verify", "-q", "-s", "shots") == (
        1,
        "verdict  target                         detail\n"
        f"failed   {PEN}  'a pen' will not be painted\n"
        "2 targets compared with the lock: 1 bitwise, 1 failed\n",
        "",
    )


def test_verbose_shows_all(shop):
    lines = shop.tell("verify", "-v", "-s", "shots").out.splitlines()
    assert f"bitwise  {LAMP}" in [line.rstrip() for line in lines]
