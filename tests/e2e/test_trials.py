"""Trials: images that compete, of which the winner is published under one name, as long as it is the one picked."""

import json
import os
import shutil

import pytest

from imgbuild.store.snapshot import recall
from tests.credentials.chains import chain

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      heroes:
        prompt: "{{ page }}, {{ style }}"
        matrix: {page: [home, shop], style: [plain, moody]}
        models: [paint]
        pick: {over: [style], output: "{{ page }}/hero.png"}
      icons:
        prompt: "an icon"
        models: [paint]
    """


def hero(page, style):
    return f"catalog/heroes[page={page},style={style}]@paint#0"


PLAIN, MOODY = hero("home", "plain"), hero("home", "moody")
OPEN = "note: specs/catalog.yaml:9:5: no winner of heroes[page={}] is picked{}: there is no {}/hero.png{}"
BOTH, SHOP = OPEN.format("home", ", nor of 1 more", "home", ", …"), OPEN.format("shop", "", "shop", "")


@pytest.fixture
def shop(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC})
    assert shop.build().failures == ()
    return shop


@pytest.fixture
def picked(shop):
    pick(shop, PLAIN)
    pick(shop, hero("shop", "moody"))
    assert shop.build().failures == ()
    return shop


def pick(shop, target):
    told = shop.tell("review", "pick", target, "--by", "Ann")
    assert (told.code, told.err) == (0, "")


def image(shop, path):
    return (shop.root / "out" / path).read_bytes()


def paths(shop):
    return sorted(
        path.relative_to(shop.root / "out").as_posix() for path in (shop.root / "out").rglob("*.png")
    )


def notes(shop, *words):
    return [line for line in shop.tell(*words).out.splitlines() if line.startswith("note:")]


OWN = [
    "heroes/home_moody_0.png",
    "heroes/home_plain_0.png",
    "heroes/shop_moody_0.png",
    "heroes/shop_plain_0.png",
    "icons/0.png",
]


def test_nothing_is_published_where_nothing_is_picked(shop):
    assert paths(shop) == OWN
    assert notes(shop, "plan") == notes(shop, "ls") == [BOTH]
    shop.edit("specs/catalog.yaml", ("an icon", "one icon"))
    assert notes(shop, "build") == [BOTH]
    pick(shop, PLAIN)
    shop.build()
    assert paths(shop) == sorted([*OWN, "home/hero.png"])
    assert notes(shop, "plan") == notes(shop, "ls") == [SHOP]


def test_the_winner_has_one_name(picked):
    assert image(picked, "home/hero.png") == image(picked, "heroes/home_plain_0.png")
    assert image(picked, "shop/hero.png") == image(picked, "heroes/shop_moody_0.png")
    assert notes(picked, "plan") == []
    ended = picked.build()
    assert (ended.finished.fresh, ended.finished.restored) == (5, 0)
    pick(picked, MOODY)
    assert [row["why"] for row in planned(picked) if row["id"] == MOODY] == ["home/hero.png is an older one"]
    ended = picked.build(locked=True)
    assert (ended.finished.fresh, ended.finished.restored, dict(ended.ran)) == (4, 1, {})
    assert image(picked, "home/hero.png") == image(picked, "heroes/home_moody_0.png")
    assert image(picked, "shop/hero.png") == image(picked, "heroes/shop_moody_0.png")
    assert picked.tell("build").out.startswith("up to date")


def test_a_build_with_nothing_to_do_says_again_who_has_no_winner(shop, monkeypatch):
    def recalled(*flags):
        told = recall(["build", *flags], os.environ, str(shop.root))
        return told and told[0].splitlines()

    monkeypatch.chdir(shop.root)
    assert (shop.tell("build", "-q").out, recalled("-q")) == ("", [])
    assert shop.tell("build").code == 0
    assert recalled() == [BOTH, "up to date (5 targets)"]
    pick(shop, PLAIN)
    assert recalled() is None
    shop.tell("build")
    assert recalled() == [SHOP, "up to date (5 targets)"]
    pick(shop, hero("shop", "plain"))
    shop.tell("build")
    assert recalled() == ["up to date (5 targets)"]
    shop.edit("specs/catalog.yaml", ("{{ page }}, {{ style }}", "{{ page }} in {{ style }}"))
    assert "built 4" in shop.tell("build").out  # and so they are not what was picked
    assert recalled() == [BOTH, "up to date (5 targets)"]


def planned(shop):
    return [json.loads(line) for line in shop.tell("plan", "--json").out.splitlines()]


def test_a_changed_winner_is_picked_no_more(picked):
    picked.edit("specs/catalog.yaml", ("{{ page }}, {{ style }}", "{{ page }} in {{ style }}"))
    ended = picked.build()
    assert (ended.finished.built, ended.finished.removed) == (4, 2)
    assert paths(picked) == OWN
    assert notes(picked, "plan") == notes(picked, "build") == [BOTH]
    assert picked.tell("build").out == f"{BOTH}\nup to date (5 targets)\n"
    pick(picked, PLAIN)
    picked.build()
    assert image(picked, "home/hero.png") == image(picked, "heroes/home_plain_0.png")


def test_a_rejected_winner_is_taken_down(picked):
    picked.tell("review", "reject", PLAIN, "-m", "too dark", "--by", "Ann")
    assert picked.build().finished.removed == 1
    assert paths(picked) == sorted([*OWN, "shop/hero.png"])


def test_a_renamed_asset_keeps_its_winners(picked):
    picked.edit("specs/catalog.yaml", ("  heroes:", "  covers:"))
    ended = picked.build()
    assert (dict(ended.ran), ended.failures) == ({}, ())
    assert image(picked, "home/hero.png") == image(picked, "covers/home_plain_0.png")
    assert picked.tell("build").out.startswith("up to date")
    picked.edit("specs/catalog.yaml", ("{{ page }}/hero.png", "best/{{ page }}.png"))
    assert picked.build().finished.removed == 2
    assert image(picked, "best/home.png") == image(picked, "covers/home_plain_0.png")


def test_from_nothing_but_the_sources(picked):
    before = {path: image(picked, path) for path in paths(picked)}
    picked.again()
    assert {path: image(picked, path) for path in paths(picked)} == before


def test_the_winner_is_found_where_only_the_outputs_are_left(picked):
    shutil.rmtree(picked.root / ".imgbuild")
    (picked.root / "out/home/hero.png").unlink()
    ended = picked.build()
    assert (dict(ended.ran), ended.failures) == ({}, ())
    assert image(picked, "home/hero.png") == image(picked, "heroes/home_plain_0.png")


def test_what_somebody_put_there_is_left_alone(shop):
    shop.write({"out/home/hero.png": b"theirs"})
    pick(shop, PLAIN)
    (failure,) = shop.build().failures
    assert (failure.id, failure.cause) == (
        PLAIN,
        "home/hero.png was not written by imgbuild, or was edited since",
    )
    assert image(shop, "home/hero.png") == b"theirs"


def test_who_wins_is_enough_of_an_approval(picked):
    rows = checked(picked)
    assert rows[MOODY] == ("pass", f"{PLAIN} won over it")
    assert rows[PLAIN] == ("pass", "by Ann")
    assert {name for name, (status, _) in rows.items() if status == "fail"} == {"catalog/icons@paint#0"}
    picked.tell("review", "reject", PLAIN, "-m", "too dark", "--by", "Ann")
    rows = checked(picked)
    assert rows[PLAIN] == ("fail", "rejected by Ann: too dark")
    assert rows[MOODY] == ("fail", "nobody has decided on it")


def checked(shop):
    told = shop.tell("check", "--approved", "--json")
    assert told.code == 3
    rows = [json.loads(line) for line in told.out.splitlines()]
    return {row["id"]: (row["status"], row["limit"]) for row in rows if row["event"] == "verdict"}


def test_the_list_says_who_won(picked):
    rows = [json.loads(line) for line in picked.tell("review", "list", "--json").out.splitlines()]
    assert {row["id"] for row in rows if row["wins"]} == {PLAIN, hero("shop", "moody")}
    assert "approved, wins" in picked.tell("review", "list").out


def test_the_manifest_has_the_winners_name_as_long_as_it_is_published(picked):
    def won():
        images = json.loads(picked.tell("manifest").out)["images"]
        return {image["id"]: image["won"] for image in images if image["won"]}

    assert won() == {PLAIN: "out/home/hero.png", hero("shop", "moody"): "out/shop/hero.png"}
    picked.tell("review", "reject", PLAIN, "-m", "too dark", "--by", "Ann")
    picked.edit("specs/catalog.yaml", ("{{ page }}, {{ style }}", "{{ page }} in {{ style }}"))
    picked.build()
    assert won() == {}
    head, *rows = picked.tell("manifest", "--format", "csv").out.splitlines()
    assert ("won" in head.split(","), len(rows)) == (True, 5)


def test_the_winner_is_signed_under_its_name(picked, monkeypatch):
    monkeypatch.setenv("IMGBUILD_C2PA_KEY", chain().key.decode())
    picked.write(
        {
            "certs/chain.pem": chain().certificates,
            "imgbuild.yaml": "credentials: {certificate: certs/chain.pem}\n",
        }
    )
    told = picked.tell("sign", "--to", "release")
    assert told.code == 0, told.err
    signed = sorted(
        path.relative_to(picked.root / "release").as_posix()
        for path in (picked.root / "release").rglob("*.png")
    )
    assert signed == sorted([*OWN, "home/hero.png", "shop/hero.png"])


def test_seeds_and_models_compete_too(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC})
    shop.edit(
        "specs/catalog.yaml",
        (
            "  paint: {provider: painter}",
            "  paint: {provider: painter}\n  brush: {provider: painter, source: soft}",
        ),
        (
            "matrix: {page: [home, shop], style: [plain, moody]}\n    models: [paint]",
            "seeds: 2\n    models: [paint, brush]",
        ),
        ("{{ page }}, {{ style }}", "a hero"),
        ("[style]", "[seed, model]"),
        ("{{ page }}/hero.png", "hero.png"),
    )
    shop.build()
    assert shop.tell("review", "pick", "catalog/heroes@brush#1", "--by", "Ann").code == 0
    shop.build()
    assert image(shop, "hero.png") == image(shop, "heroes/brush_1.png")


def test_rows_of_a_table_compete(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC, "specs/rows.csv": "sku,name\nA1,lamp\nA2,desk\n"})
    shop.edit(
        "specs/catalog.yaml",
        ("style: [plain, moody]", "product: {csv: rows.csv, key: sku}"),
        ("{{ style }}", "{{ name }}"),
        ("[style]", "[product]"),
    )
    shop.build()
    assert shop.tell("review", "pick", "catalog/heroes[page=home,sku=A2]@paint#0", "--by", "Ann").code == 0
    shop.build()
    assert image(shop, "home/hero.png") == image(shop, "heroes/home_A2_0.png")
    shop.edit("specs/catalog.yaml", ("{{ page }}/hero", "{{ page }}/{{ name }}"))
    told = shop.tell("build")
    assert told.err.startswith("specs/catalog.yaml:9:37: the winner would be 'home/lamp.png' if it is ")


def test_a_build_of_others_alone_leaves_what_is_said_of_winners(bench, painter, monkeypatch):
    rows = "".join(f"B{number:02},chair\n" for number in range(40))
    shop = bench({"specs/catalog.yaml": SPEC, "specs/rows.csv": f"sku,name\nA1,lamp\n{rows}"})
    monkeypatch.chdir(shop.root)
    shop.edit(
        "specs/catalog.yaml",
        (
            'prompt: "an icon"',
            'prompt: "icon of {{ name }}"\n    matrix: {product: {csv: rows.csv, key: sku}}',
        ),
    )
    assert shop.tell("build").code == 0
    shop.edit("specs/rows.csv", ("lamp", "candle"))
    told = shop.tell("build").out
    assert told.startswith(f"{BOTH}\n")
    assert "built 1, 44 up to date" in told
    assert recall(["build"], os.environ, str(shop.root))[0] == f"{BOTH}\nup to date (45 targets)"
    shop.edit("specs/catalog.yaml", ("version: 1", "# the shop\nversion: 1"))
    moved = BOTH.replace(":9:5", ":10:5")
    assert shop.tell("build").out == f"{moved}\nup to date (45 targets)\n"
    assert recall(["build"], os.environ, str(shop.root))[0] == f"{moved}\nup to date (45 targets)"


def test_a_table_of_others_alone_is_looked_at_alone_and_a_pick_ends_that(bench, painter):
    rows = "".join(f"B{number:02},chair\n" for number in range(40))
    shop = bench({"specs/catalog.yaml": SPEC, "specs/rows.csv": f"sku,name\nA1,lamp\n{rows}"})
    shop.edit(
        "specs/catalog.yaml",
        (
            'prompt: "an icon"',
            'prompt: "icon of {{ name }}"\n    matrix: {product: {csv: rows.csv, key: sku}}',
        ),
    )
    shop.build()
    pick(shop, PLAIN)
    pick(shop, MOODY.replace("home", "shop"))
    assert shop.build().clean
    shop.edit("specs/rows.csv", ("lamp", "candle"))
    ended = shop.build()
    assert len(ended.project.graph.targets) == 1
    assert shop.build().finished.built == 0
    pick(shop, MOODY)
    ended = shop.build()
    assert ended.project.is_whole
    assert image(shop, "home/hero.png") == image(shop, "heroes/home_moody_0.png")


WRONG = {
    "over nothing there is": (
        ("over: [style]", "over: [styel]"),
        "specs/catalog.yaml:9:19: 'styel' in 'over' is no axis of 'heroes'\n"
        '    9 |     pick: {over: [styel], output: "{{ page }}/hero.png"}\n'
        "      |                   ^^^^^\n"
        "hint: did you mean 'style'? Things that can compete here: model, page, seed, style\n",
    ),
    "named by what competes": (
        ("{{ page }}/hero", "{{ style }}/hero"),
        "specs/catalog.yaml:9:35: the winner would be 'plain/hero.png' if it is "
        f"{PLAIN}, and 'moody/hero.png' if it is {MOODY}\n"
        '    9 |     pick: {over: [style], output: "{{ style }}/hero.png"}\n'
        "      |                                   ^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: name it by what does not compete\n",
    ),
    "one name for two groups": (
        ("{{ page }}/hero", "hero"),
        f"specs/catalog.yaml:9:35: '{PLAIN}' and '{hero('shop', 'plain')}' would both be 'hero.png'\n"
        '    9 |     pick: {over: [style], output: "hero.png"}\n'
        "      |                                   ^^^^^^^^^^\n"
        "hint: give the 'output' of 'pick' another name, or one for each group: by what does not compete\n",
    ),
    "a name that another image has": (
        ("{{ page }}/hero", "icons/{{ page and 0 }}"),
        f"specs/catalog.yaml:9:35: 'catalog/icons@paint#0' and '{PLAIN}' would both be 'icons/0.png'\n"
        '    9 |     pick: {over: [style], output: "icons/{{ page and 0 }}.png"}\n'
        "      |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: give the 'output' of 'pick' another name, or one for each group: by what does not compete\n",
    ),
    "a name that one of them has": (
        ("{{ page }}/hero", "heroes/{{ page }}_plain_0"),
        f"specs/catalog.yaml:9:35: two files of '{PLAIN}' would both be 'heroes/home_plain_0.png'\n"
        '    9 |     pick: {over: [style], output: "heroes/{{ page }}_plain_0.png"}\n'
        "      |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: give the 'output' of 'pick' another name, or one for each group: by what does not compete\n",
    ),
    "another type": (
        ("{{ page }}/hero.png", "{{ page }}/hero.webp"),
        "specs/catalog.yaml:9:35: 'home/hero.webp' does not end in '.png', the type it is published in\n"
        '    9 |     pick: {over: [style], output: "{{ page }}/hero.webp"}\n'
        "      |                                   ^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: set 'format', or leave the suffix out of the value\n",
    ),
    "no over": (
        ("over: [style], ", ""),
        "specs/catalog.yaml:9:5: 'pick' needs 'over'\n"
        '    9 |     pick: {output: "{{ page }}/hero.png"}\n'
        "      |     ^^^^\n"
        "hint: over: the variables whose values compete, and `model` or `seed` where these do; those that agree in "
        "all others are rivals\n",
    ),
    "an empty over": (
        ("over: [style], ", "over: [], "),
        "specs/catalog.yaml:9:12: 'over' must not be empty\n"
        '    9 |     pick: {over: [], output: "{{ page }}/hero.png"}\n'
        "      |            ^^^^\n"
        "hint: give it a value, or leave the key out\n",
    ),
}


@pytest.mark.parametrize(("change", "error"), WRONG.values(), ids=WRONG)
def test_what_is_written_wrong_is_told_at_its_place(shop, change, error):
    shop.edit("specs/catalog.yaml", change)
    told = shop.tell("build")
    assert (told.code, told.out, told.err) == (2, "", error)
