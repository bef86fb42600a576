"""Winners on sheets and in layers: what was picked is shown and laid, for as long as it is the picture picked."""

import io
import json

import pytest
from PIL import Image as pillow

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      heroes:
        prompt: "{{ page }}, {{ style }}"
        matrix: {page: [home, shop], style: [plain, moody]}
        models: [paint]
        pick: {over: [style], output: "best/{{ page }}.png"}
      board:
        sheet: {pick: heroes, labels: true, map: true}
        output: board.png
      pages:
        sheet: {pick: heroes}
        matrix: {page: [home, shop]}
      cards:
        prompt: "a card for {{ page }}"
        matrix: {page: [home, shop]}
        models: [paint]
        size: 32x32
        process: [{compose: {layers: [{picture: true}, {pick: heroes, anchor: top-left}]}}]
    """


def hero(page, style):
    return f"catalog/heroes[page={page},style={style}]@paint#0"


PLAIN, MOODY, SHOP = hero("home", "plain"), hero("home", "moody"), hero("shop", "moody")
BOARD, PAGE, CARD = "catalog/board#0", "catalog/pages[page=home]#0", "catalog/cards[page=home]@paint#0"


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/catalog.yaml": SPEC})


@pytest.fixture
def picked(shop, painter):
    """A project with a winner for each page, all of it built."""
    shop.build()
    pick(shop, PLAIN, SHOP)
    assert shop.build().failures == ()
    painter.asked.clear()
    return shop


def pick(shop, *targets):
    told = shop.tell("review", "pick", *targets, "--by", "Ann")
    assert (told.code, told.err) == (0, "")


def failed(ended):
    return {failure.id: (failure.cause, failure.hint) for failure in ended.failures}


def why(shop, target):
    told = shop.tell("why", target, "--json")
    assert told.code == 0, told.err
    story = json.loads(told.out)
    return story["action"], story["why"]


def opened(shop, name):
    return pillow.open(io.BytesIO((shop.root / "out" / name).read_bytes())).convert("RGB")


def test_nothing_is_shown_before_all_winners_are_picked(shop, painter):
    look = f"look at them, and `imgbuild review pick` one of {PLAIN}, {MOODY}"
    home = "no winner of heroes[page=home] is picked"
    assert failed(shop.build()) == {
        BOARD: (f"{home}, and 1 more group waits for one", look),
        PAGE: (home, look),
        CARD: (home, look),
        **{
            name.replace("home", "shop"): (home.replace("home", "shop"), look.replace("home", "shop"))
            for name in (PAGE, CARD)
        },
    }
    assert len(painter.asked) == 4
    pick(shop, PLAIN)
    ended = shop.build()
    assert dict(ended.ran) == {"generate": 1, "compose": 1, "sheet": 1, "encode": 1}
    assert set(failed(ended)) == {BOARD, PAGE.replace("home", "shop"), CARD.replace("home", "shop")}
    assert failed(ended)[BOARD][0] == "no winner of heroes[page=shop] is picked"


def test_the_winners_are_shown_and_laid_and_no_others(picked):
    board, atlas = opened(picked, "board.png"), json.loads((picked.root / "out/board.json").read_text())
    assert set(atlas["frames"]) == {"home", "shop"}
    for page, told in atlas["frames"].items():
        at, best = told["frame"], opened(picked, f"best/{page}.png")
        shown = board.crop((at["x"], at["y"], at["x"] + at["w"], at["y"] + at["h"]))
        assert shown.tobytes() == best.tobytes()
        assert opened(picked, f"pages/{page}_0.png").tobytes() == best.tobytes()
        assert opened(picked, f"cards/{page}_0.png").crop((0, 0, *best.size)).tobytes() == best.tobytes()
    assert opened(picked, "best/shop.png").tobytes() == opened(picked, "heroes/shop_moody_0.png").tobytes()
    assert dict(picked.build().ran) == {}
    assert picked.tell("build").out.startswith("up to date")


def test_another_winner_moves_what_it_is_on_and_nothing_else(picked, painter):
    pick(picked, MOODY)
    changed = f"the winner changed: {MOODY}, no more {PLAIN}"
    assert [why(picked, name) for name in (BOARD, PAGE, CARD)] == [("run", changed)] * 3
    assert why(picked, PAGE.replace("home", "shop")) == ("fresh", "")
    before = picked.lines()
    ended = picked.build()
    assert (dict(ended.ran), ended.failures, painter.asked) == (
        {"sheet": 2, "compose": 1, "encode": 1},
        (),
        [],
    )
    moved = {name for name, line in picked.lines().items() if line != before[name]}
    assert moved == {name.removeprefix("catalog/") for name in (BOARD, PAGE, CARD)}
    atlas = json.loads((picked.root / "out/board.json").read_text())
    assert set(atlas["frames"]) == {"home", "shop"}  # whoever wins
    assert opened(picked, "pages/home_0.png").tobytes() == opened(picked, "heroes/home_moody_0.png").tobytes()
    pick(picked, PLAIN)
    assert dict(picked.build().ran) == {}
    assert picked.lines() == before


def test_a_changed_or_rejected_winner_is_shown_no_more(picked):
    again = f"look at what it is now, then `imgbuild review pick '{PLAIN}'`, or another"
    stale = "the last image stays published, and is stale"
    assert picked.tell("lock", "--reseed", PLAIN).code == 0
    changed = (f"the picture that was picked, {PLAIN}, has changed since", f"{again}; {stale}")
    assert failed(picked.build()) == dict.fromkeys((BOARD, PAGE, CARD), changed)
    pick(picked, MOODY)
    assert picked.build().failures == ()
    picked.tell("review", "reject", MOODY, "-m", "too dark", "--by", "Ann")
    look = f"look at them, and `imgbuild review pick` one of {PLAIN}, {MOODY}; {stale}"
    rejected = ("the winner of heroes[page=home] was rejected", look)
    assert failed(picked.build()) == dict.fromkeys((BOARD, PAGE, CARD), rejected)


def test_from_nothing_but_the_sources(picked):
    before = picked.outputs(), picked.locks()
    picked.again()
    assert (picked.outputs(), picked.locks()) == before


def test_a_renamed_asset_keeps_its_places(picked, painter):
    renamed = SPEC.replace("  heroes:", "  ideas:").replace("pick: heroes", "pick: ideas")
    picked.write({"specs/catalog.yaml": renamed})
    ended = picked.build()
    assert (ended.failures, painter.asked) == ((), [])
    assert "sheet" not in ended.ran


def test_a_layer_takes_the_winner_of_those_that_agree(picked):
    picked.edit("specs/catalog.yaml", ("{pick: heroes, anchor", "{pick: heroes, match: [], anchor"))
    assert picked.build().failures == ()  # the last pick among all of them
    for page in ("home", "shop"):
        best = opened(picked, "best/shop.png")
        assert opened(picked, f"cards/{page}_0.png").crop((0, 0, *best.size)).tobytes() == best.tobytes()


def test_renditions_take_winners_and_say_that_they_are_mixed(picked, painter):
    picked.edit(
        "specs/catalog.yaml",
        (
            "    process: [{compose: {layers: [{picture: true}, {pick: heroes, anchor: top-left}]}}]",
            "    renditions: {card: {process: [{compose: {layers: [{picture: true}, {pick: heroes}]}}]}}",
        ),
    )
    assert (picked.build().failures, painter.asked) == ((), [])
    pick(picked, MOODY)
    assert why(picked, CARD)[1] == f"the winner changed: {MOODY}, no more {PLAIN}"
    ended = picked.build()
    assert (ended.ran["compose"], painter.asked) == (1, [])


HERE = "'{}' would be made from the winner among its own images"
THERE = "pick from another asset, whose images are there before"
ASSETS = "did you mean 'heroes'? Assets here: board, cards, heroes, pages"
BOTH = "a layer is an image, an asset, a pick, a color or the picture: give one of the five"
WRONG = {
    "a sheet of nothing there is": (
        ("{pick: heroes, labels", "{pick: hero, labels"),
        (11, "hero", "unknown asset 'hero'", ASSETS),
    ),
    "a sheet of both": (
        ("{pick: heroes, labels", "{pick: heroes, asset: heroes, labels"),
        (
            11,
            "{pick: heroes, asset: heroes, labels: true, map: true}",
            "'sheet' must name an asset or a pick, not both",
            "",
        ),
    ),
    "a sheet of neither": (("{pick: heroes, labels", "{labels"), (11, "sheet", "'sheet' needs 'asset'", "")),
    "a part of a group": (
        (
            "sheet: {pick: heroes}\n    matrix: {page: [home, shop]}",
            "sheet: {pick: heroes}\n    matrix: {style: [plain]}",
        ),
        (
            14,
            "{pick: heroes}",
            "only some of catalog/heroes[page=home]@paint#0, which compete, go with 'catalog/pages[style=plain]#0'",
            "name what does not compete in 'match', and leave 'model' and 'index' out",
        ),
    ),
    "no name of its own on the map": (
        ('"best/{{ page }}.png"', '"{{ page }}/best.png"'),
        (
            11,
            "{pick: heroes, labels: true, map: true}",
            f"the map would have two pictures 'best': {PLAIN} and {hero('shop', 'plain')}",
            "name them by their whole paths, with 'names: path', or give them other outputs",
        ),
    ),
    "a layer of nothing there is": (
        ("{pick: heroes, anchor", "{pick: hero, anchor"),
        (21, "hero", "unknown asset 'hero'", ASSETS),
    ),
    "a layer of both": (
        ("{pick: heroes, anchor", "{pick: heroes, asset: heroes, anchor"),
        (
            21,
            "[{picture: true}, {pick: heroes, asset: heroes, anchor: top-left}]",
            f"operation 'compose': {BOTH}",
            "parameters of 'compose': layers, width, height",
        ),
    ),
    "a variable that a layer does not share": (
        ("{pick: heroes, anchor", "{pick: heroes, match: [style], anchor"),
        (
            21,
            "style",
            "'style' in 'match' is not a variable of both assets",
            "Shared variables here: page",
        ),
    ),
    "a sheet that picks from itself": (
        ("sheet: {pick: heroes}", "sheet: {pick: pages}"),
        (14, "pages", HERE.format("pages"), THERE),
    ),
    "a layer that picks from itself": (
        ("{pick: heroes, anchor", "{pick: cards, anchor"),
        (21, "cards", HERE.format("cards"), THERE),
    ),
}


def told_of(text, number, part, message, hint):
    """An error at a part of a line, as it is shown."""
    line = text.splitlines()[number - 1]
    at = line.index(part)
    told = f"specs/catalog.yaml:{number}:{at + 1}: {message}\n   {number} | {line}\n"
    return f"{told}      | {' ' * at}{'^' * len(part)}\n" + (f"hint: {hint}\n" if hint else "")


@pytest.mark.parametrize(("change", "error"), WRONG.values(), ids=WRONG)
def test_what_is_written_wrong_is_told_at_its_place(shop, change, error):
    shop.build()
    pick(shop, PLAIN, SHOP)
    shop.edit("specs/catalog.yaml", change)
    told = shop.tell("build")
    assert (told.code, told.out, told.err) == (2, "", told_of(shop.text("specs/catalog.yaml"), *error))


def test_a_sheet_of_what_does_not_say_who_competes(shop):
    shop.edit("specs/catalog.yaml", ("    pick: {over: [style], ", "    vars: {over: style, "))
    text, hint = shop.text("specs/catalog.yaml"), "give it a 'pick' of its own, or show all of them: write"
    error = (
        "heroes",
        "'heroes' does not say which of its images compete",
        f"{hint} 'asset' in place of 'pick'",
    )
    told = shop.tell("build")
    assert (told.code, told.err) == (2, told_of(text, 11, *error) + told_of(text, 14, *error))
