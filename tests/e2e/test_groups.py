"""A rule over a group: who is compared with whom, and who gives way."""

import shutil

import pytest

SPEC = """
models: {paint: {provider: painter}}
assets:
  lamps:
    prompt: "a {{ color }} lamp"
    matrix: {color: [red, blue, green, gold]}
    models: [paint]
    attempts: 40
    validate: [{unique: {distance: 20, on_fail: reroll}}]
"""


@pytest.fixture
def lamps(bench, painter):
    return bench({"specs/catalog.yaml": SPEC})


def test_the_later_of_a_pair_gives_way_and_the_lock_says_so(lamps, painter):
    ended = lamps.build()
    assert ended.finished.exit_code == 0
    attempts = [line.attempt for line in lamps.lines().values()]
    assert len(painter.asked) == 4 + sum(attempts)
    assert sum(attempts) > 0


def test_a_selection_is_compared_with_what_was_not_selected(lamps):
    whole = lamps.build()
    lock = lamps.locks()
    lamps.edit("specs/catalog.yaml", ("green, gold", "green"))
    lamps.build(prune=True)
    shutil.rmtree(lamps.root / ".imgbuild")  # what was measured is forgotten; the images are still in place
    lamps.edit("specs/catalog.yaml", ("blue, green", "blue, green, gold"))
    ended = lamps.build(patterns=("color=gold",))
    assert lamps.locks() == lock
    assert ended.finished.fresh == 0
    assert ended.finished.built == 1
    assert whole.finished.built == 4


def test_what_was_not_selected_is_never_rerolled_nor_blamed(lamps, painter):
    lamps.build()
    lock = lamps.locks()
    lamps.edit("specs/catalog.yaml", ("distance: 20", "distance: 60"))
    painter.asked.clear()
    ended = lamps.build(patterns=("color=blue",), reroll=True)
    assert ended.finished.exit_code == 0
    assert painter.asked == []
    assert lamps.locks() == lock


WIDE = """
models: {{paint: {{provider: painter}}}}
assets:
  {name}:
    prompt: "a lamp"
    seeds: [7]
    size: 16x16
    models: [paint]
    attempts: 3
    validate: [{{unique: {{distance: 6, across: {across}, on_fail: reroll}}}}, {{unique: {{distance: 0}}}}]
"""


def two_specs(across, other="project"):
    return {
        "specs/one.yaml": WIDE.format(name="lamps", across=across),
        "specs/two.yaml": WIDE.format(name="desks", across=other),
    }


def attempts(shop):
    return [line.attempt for spec in ("one", "two") for line in shop.lines(spec).values()]


@pytest.mark.parametrize("across", ["asset", "spec", "project"])
def test_images_of_two_assets_are_compared_where_both_say_so(bench, painter, across):
    shop = bench(two_specs(across, across))
    shop.build()
    assert attempts(shop) == ([0, 1] if across == "project" else [0, 0])
    assert shop.build().finished.exit_code == 0
    shop.edit("specs/two.yaml", ("distance: 6", "distance: 7"))
    shop.again()
    assert attempts(shop) == ([0, 1] if across == "project" else [0, 0])


def test_assets_of_one_spec(bench, painter):
    text = WIDE.format(name="lamps", across="spec")
    more = WIDE.partition("assets:\n")[2].format(name="desks", across="spec")
    shop = bench({"specs/one.yaml": text + more})
    shop.build()
    assert {name: line.attempt for name, line in shop.lines("one").items()} == {
        "desks@paint#0": 0,
        "lamps@paint#0": 1,
    }


def test_a_rule_that_joins_or_leaves_judges_the_others_again_and_makes_nothing(bench, painter):
    shop = bench(
        {
            name: text.replace("on_fail: reroll", "on_fail: review")
            for name, text in two_specs("asset", "project").items()
        }
    )
    assert shop.build().finished.review == 0
    painter.asked.clear()
    shop.edit("specs/one.yaml", ("across: asset", "across: project"))
    joined = shop.build()
    assert [failure.id for failure in joined.failures] == ["two/desks@paint#0"]
    assert "like one/lamps@paint#0" in joined.failures[0].cause
    assert shop.build().finished.review == 1
    told = shop.tell("check").out.splitlines()
    assert told[-4] == "2 images are alike (unique):"
    assert told[-3].startswith("  one/lamps@paint#0  ")
    assert told[-2].endswith(" from one/lamps@paint#0")
    shop.edit("specs/one.yaml", ("across: project", "across: spec"))
    assert (shop.build().finished.review, painter.asked) == (0, [])


def test_the_default_reach_is_that_of_the_asset_and_the_same_rule(bench, painter):
    shop = bench(two_specs("asset", "asset"))
    shop.build()
    for name in ("one", "two"):
        shop.edit(f"specs/{name}.yaml", (", across: asset", ""))
    ended = shop.build()
    assert (ended.finished.fresh, dict(ended.ran)) == (2, {})
    assert set(shop.actions().values()) == {"fresh"}


def test_images_outside_a_selection_count_across_assets(bench, painter):
    shop = bench(two_specs("project"))
    shop.build(patterns=("one/*",))
    shop.build(patterns=("two/*",))
    assert attempts(shop) == [0, 1]
    clean = bench(two_specs("project"), folder="clean")
    clean.build()
    assert clean.locks() == shop.locks()
