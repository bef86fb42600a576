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
