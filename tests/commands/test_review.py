"""`imgbuild review`: what is decided on which picture, and what hangs on it."""

import json
import re
import subprocess

import pytest

from imgbuild.reviews import ReviewBook

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue, gold]}
        models: [paint]
    """
RED, BLUE, GOLD = (f"catalog/lamps[color={color}]@paint#0" for color in ("red", "blue", "gold"))


@pytest.fixture
def shop(bench, painter, monkeypatch):
    for name, value in {"NAME": "Ann", "EMAIL": "ann@shop.example"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
    shop = bench({"specs/catalog.yaml": SPEC})
    shop.build()
    return shop


def decided(shop):
    lines = shop.text("specs/catalog.reviews").splitlines()
    return [json.loads(line) for line in lines]


def states(shop):
    told = shop.tell("review", "list", "--json")
    assert told.code == 0, told.err
    return {row["id"]: row["state"] for row in map(json.loads, told.out.splitlines())}


def ends_well(told, out):
    assert (told.code, told.out, told.err) == (0, out, "")


def test_decisions_are_lines_beside_the_lock(shop):
    ends_well(
        shop.tell("review", "approve", RED, "-m", "as briefed"),
        "1 image approved, in specs/catalog.reviews\n",
    )
    ends_well(
        shop.tell("review", "reject", "color=blue", "-m", "too dark"),
        "1 image rejected, in specs/catalog.reviews\n",
    )
    first, second = decided(shop)
    assert {name: value for name, value in first.items() if name != "when"} == {
        "target": "lamps[color=red]@paint#0",
        "pixels": shop.lines()["lamps[color=red]@paint#0"].pixels,
        "decision": "approve",
        "who": "Ann <ann@shop.example>",
        "note": "as briefed",
    }
    assert len(first["when"]) == len("2026-11-27T06:30:00.123456Z")
    assert second["decision"] == "reject"
    assert states(shop) == {RED: "approved", BLUE: "rejected", GOLD: "open"}


def test_the_list(shop):
    shop.tell("review", "approve", RED, "-m", "as briefed")
    shop.tell("review", "comment", RED, "-m", "print it, too", "--by", "Ben")
    shop.tell("review", "star", "color=gold", "--by", "Ben")
    told = shop.tell("review", "list")
    when = decided(shop)[0]["when"][:16].replace("T", " ")
    assert [line.split("  ") for line in re.sub(" {2,}", "  ", told.out).splitlines()] == [
        ["state", "target", "who", "when", "note", "stars"],
        ["approved", RED, "Ann", when, "as briefed; Ben: print it, too"],
        ["open", BLUE],
        ["open", GOLD, "★"],
        ["3 images: 1 approved, 2 open"],
    ]
    only = shop.tell("review", "list", "--only", "approved", "--plain").out.splitlines()
    assert [line.partition(" ")[0] for line in only] == ["state", "approved", "3"]


def test_a_decision_ends_with_its_picture(shop):
    shop.tell("review", "approve", RED)
    shop.edit("specs/catalog.yaml", ("a {{ color }} lamp", "one {{ color }} lamp"))
    told = shop.tell("review", "approve", RED)
    assert (told.code, told.err) == (
        2,
        f"error: {RED} is not up to date: changed\nhint: build it, and look at what comes of it\n",
    )
    shop.build()
    assert states(shop)[RED] == "changed"
    shop.edit("specs/catalog.yaml", ("one {{ color }} lamp", "a {{ color }} lamp"))
    shop.build()
    assert states(shop)[RED] == "approved"  # it is the very picture that was looked at


def test_metadata_and_formats_change_no_decision(shop):
    shop.tell("review", "approve", RED)
    shop.edit(
        "specs/catalog.yaml",
        (
            "models: [paint]",
            "models: [paint]\n    metadata: minimal\n    format: {type: webp, lossless: true}",
        ),
    )
    shop.build()
    assert states(shop)[RED] == "approved"


def test_a_renamed_asset_takes_its_decisions_along(shop):
    shop.tell("review", "approve", RED)
    shop.edit("specs/catalog.yaml", ("  lamps:", "  lights:"))
    shop.build()
    assert states(shop)["catalog/lights[color=red]@paint#0"] == "approved"
    (shop.root / "specs/catalog.yaml").rename(shop.root / "specs/shop.yaml")
    shop.build()
    assert states(shop)["shop/lights[color=red]@paint#0"] == "approved"


def test_reject_can_move_the_seed_on(shop):
    before = shop.lines()["lamps[color=red]@paint#0"].pixels
    told = shop.tell("review", "reject", RED, "-m", "crooked", "--reseed")
    assert told.out == (
        "1 image rejected, in specs/catalog.reviews\n1 target reseeded; `imgbuild build` makes them\n"
    )
    shop.build()
    assert shop.lines()["lamps[color=red]@paint#0"].pixels != before
    assert states(shop)[RED] == "changed"


WRONG = {
    "no targets": (
        ["approve"],
        "review approve needs targets\nhint: name them as `imgbuild ls` does; '*' is all\n",
    ),
    "no reason": (["reject", RED], "review reject needs a note\nhint: say why, by -m\n"),
    "reseed with approve": (
        ["approve", RED, "--reseed"],
        "--reseed goes with reject alone\nhint: `imgbuild lock --reseed` moves seeds\n",
    ),
    "tick with reject": (
        ["reject", RED, "-m", "no", "--tick", "text"],
        "--tick goes with approve and pick alone\nhint: what is on the checklist is said of good pictures\n",
    ),
    "nothing to tick": (
        ["approve", RED, "--tick", "text"],
        "'text' is not on the checklist\nhint: there are no items of the checklist here\n",
    ),
}


@pytest.mark.parametrize(("words", "error"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_nothing_is_written(shop, words, error):
    told = shop.tell("review", *words)
    assert (told.code, told.out, told.err) == (2, "", f"error: {error}")
    assert not (shop.root / "specs/catalog.reviews").exists()


def test_what_has_no_image_is_not_decided_on(shop):
    shop.edit("specs/catalog.yaml", ("gold]", "gold, teal]"))
    told = shop.tell("review", "approve", "*")
    assert (told.code, told.err) == (
        2,
        "error: catalog/lamps[color=teal]@paint#0 has no image yet\nhint: `imgbuild build` makes it\n",
    )
    assert not (shop.root / "specs/catalog.reviews").exists()  # nor on the others: it was all or nothing


def test_who_decides_has_to_be_known(shop, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    told = shop.tell("review", "approve", RED)
    assert (told.code, told.err) == (
        2,
        "error: it is not known who decides: git names nobody\n"
        "hint: git config user.name and user.email say so, or --by\n",
    )
    assert shop.tell("review", "approve", RED, "--by", "Ann").code == 0


def test_all_of_the_checklist_is_ticked_or_nothing_is_approved(shop):
    shop.write({"imgbuild.yaml": "review: {checklist: [trademark, text spelled right]}\n"})
    told = shop.tell("review", "approve", RED, "--tick", "trademark")
    assert (told.code, told.err) == (
        2,
        "error: not ticked: text spelled right\nhint: look, then add --tick 'text spelled right'\n",
    )
    told = shop.tell("review", "approve", RED, "--tick", "tradmark")
    assert told.err == (
        "error: 'tradmark' is not on the checklist\n"
        "hint: did you mean 'trademark'? Items of the checklist here: text spelled right, trademark\n"
    )
    assert (
        shop.tell("review", "approve", RED, "--tick", "text spelled right", "--tick", "trademark").code == 0
    )
    assert decided(shop)[0]["ticked"] == ["trademark", "text spelled right"]


def test_a_gate_for_what_is_not_approved(shop):
    shop.tell("review", "approve", RED, BLUE)
    shop.tell("review", "reject", BLUE, "-m", "too dark")
    told = shop.tell("check", "--approved", "--plain")
    assert told.code == 3
    assert [line.split("  ")[0] for line in told.out.splitlines()] == [
        "status",
        "fail",
        "fail",
        "pass",
        "3 images: 2 fail, 1 pass",
    ]
    assert "rejected by Ann: too dark" in told.out
    assert "nobody has decided on it" in told.out
    assert shop.tell("check").code == 0
    shop.tell("review", "approve", BLUE, GOLD)
    assert shop.tell("check", "--approved").code == 0
    assert shop.tell("check", "--approved", "--junit", "report.xml").code == 0
    assert shop.text("report.xml").count("<testcase") == 3


def test_what_a_rule_puts_up_for_review_is_settled_by_a_person(shop):
    shop.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    validate: [{contrast: {min: 0.5, on_fail: review}}]"),
    )
    ended = shop.build()
    assert ended.finished.review == 3
    assert {failure.hint for failure in ended.failures} == {
        "look at it, then approve or reject it by `imgbuild review`"
    }
    shop.tell("review", "approve", RED)
    ended = shop.build()
    assert [failure.id for failure in ended.failures] == [BLUE, GOLD]
    rows = [json.loads(line) for line in shop.tell("check", "--json").out.splitlines()]
    assert {row["id"]: row["status"] for row in rows if row["event"] == "verdict"} == {
        RED: "pass",
        BLUE: "review",
        GOLD: "review",
    }
    assert [
        line.split()[1] for line in shop.tell("ls", "-s", "state:review", "--plain").out.splitlines()[1:]
    ] == ["review"] * 2


@pytest.mark.parametrize(("flags", "times"), [((), 0), (("--approved",), 1)])
def test_what_people_decided_is_read_once_where_it_matters(shop, monkeypatch, flags, times):
    opened, read = [], ReviewBook._read
    monkeypatch.setattr(ReviewBook, "_read", lambda book, *at: opened.append(at) or read(book, *at))
    shop.tell("check", *flags)
    assert len(opened) == times
    opened.clear()
    shop.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    validate: [{contrast: {min: 0.5, on_fail: review}}]"),
    )
    shop.tell("check", *flags)
    assert len(opened) == 1


def test_a_null_build_notices_that_somebody_decided(shop):
    shop.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    validate: [{contrast: {min: 0.5, on_fail: review}}]"),
    )
    assert "3 to review in" in shop.tell("build").out
    assert "3 to review in" in shop.tell("build").out
    shop.tell("review", "approve", RED)
    assert "2 to review in" in shop.tell("build").out


def test_an_approved_image_is_not_rerolled(shop):
    shop.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    validate: [{contrast: {min: 0.5, on_fail: reroll}}]"),
    )
    shop.build()
    shop.tell("review", "approve", RED)
    before = shop.lines()["lamps[color=red]@paint#0"]
    ended = shop.build(reroll=True)
    assert shop.lines()["lamps[color=red]@paint#0"] == before
    assert {failure.id: failure.hint for failure in ended.failures}[RED] == (
        "it is approved, and stays; `imgbuild review reject --reseed` lets it go"
    )
    assert ended.finished.generated == 4  # two more tries for each of the others


def test_the_manifest_has_all_that_was_said(shop):
    shop.tell("review", "comment", RED, "-m", "nearly")
    shop.tell("review", "approve", RED, "-m", "as briefed")
    images = json.loads(shop.tell("manifest").out)["images"]
    told = {
        image["id"]: (image["review"], [item["decision"] for item in image["decisions"]]) for image in images
    }
    assert told == {RED: ("approved", ["comment", "approve"]), BLUE: ("open", []), GOLD: ("open", [])}


def test_damage_is_told_with_the_list(shop):
    shop.tell("review", "approve", RED)
    with (shop.root / "specs/catalog.reviews").open("a") as file:
        file.write("{half a line\n")
    told = shop.tell("review", "list")
    assert told.out.startswith("warning: specs/catalog.reviews:2: this is no decision, and does not count\n")
    assert states(shop)[RED] == "approved"


def test_two_people_decide_on_two_branches(shop):
    def git(*words):
        subprocess.run(["git", *words], cwd=shop.root, check=True, capture_output=True)

    shop.write(
        {
            ".gitattributes": "specs/**/*.lock merge=union\nspecs/**/*.reviews merge=union\n",
            ".gitignore": "out/\n.imgbuild/\nhome/\n",
        }
    )
    git("init", "-q", "-b", "main")
    for key, value in {"user.name": "Ann", "user.email": "ann@shop.example"}.items():
        git("config", key, value)
    shop.tell("review", "star", GOLD)
    git("add", "-A")
    git("commit", "-qm", "pictures")
    git("switch", "-qc", "other")
    shop.tell("review", "approve", RED, "--by", "Ben")
    git("commit", "-qam", "Ben's")
    git("switch", "-q", "main")
    shop.tell("review", "reject", BLUE, "-m", "too dark")
    git("commit", "-qam", "Ann's")
    git("merge", "-q", "other")
    assert states(shop) == {RED: "approved", BLUE: "rejected", GOLD: "open"}
    assert len(decided(shop)) == 3
