"""What the rules over a group say: a matter of the images that are locked now, not of which was built when."""

import random
import shutil
from itertools import combinations

import pytest
from PIL import Image as pillow

from imgbuild.expand.seeds import attempt_seed
from imgbuild.images import hamming, perceptual_hash
from imgbuild.types import Image

KINDS = 5
SPEC = """
models: {{m: {{provider: painter}}}}
assets: {{a: {{prompt: lamp, models: [m], size: 16x16, seeds: {seeds}, {rule}}}}}
"""
REVIEW = "validate: [{unique: {distance: 4, on_fail: review}}]"


def picture(kind):
    """A picture of that kind; at a distance of 4, no two of the first kinds look alike."""
    dice = random.Random(f"kind {kind}")
    return pillow.frombytes("L", (4, 4), dice.randbytes(16)).resize((16, 16), pillow.Resampling.NEAREST)


@pytest.fixture
def alike(bench, painter):
    """A function: the seeds of an asset, and its rules → a project of pictures that look alike as the seeds say.

    kinds: of the pictures, by seed; where not given, those of equal remainder are of one kind.
    """

    def make(seeds, rule=REVIEW, kinds=None):
        def paint(self, request):
            self.asked.append(request)
            return Image(pixels=picture(kinds[request.seed] if kinds else request.seed % KINDS))

        painter.paint = paint
        return bench({"specs/shop.yaml": SPEC.format(seeds=seeds, rule=rule)})

    return make


def told(built):
    return {failure.id: (failure.kind, failure.cause) for failure in built.failures}


def build(shop, **flags):
    """Build, and from nothing but the lock as well, which must come to the same; what is said of the images."""
    clean = type(shop)(
        shop.root.parent / "clean", {"specs/shop.yaml": shop.text("specs/shop.yaml"), **shop.locks()}
    )
    built, fresh = shop.build(**flags), clean.build(jobs=1)
    assert told(built) == told(fresh)
    assert shop.locks() == clean.locks()
    shutil.rmtree(clean.root)
    return told(built)


def image(number):
    return f"shop/a@m#{number}"


def like(*numbers, kind="review"):
    return kind, f"unique 0 bits of 64 (more than 4 from every other, like {', '.join(map(image, numbers))})"


# --- who is up for review ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [[0], [1], [2], [0, 2], [1, 2]])
def test_the_later_of_a_pair_is_up_for_review_whichever_was_built_first(alike, first):
    shop = alike([0, 5, 10])
    shop.build(patterns=[image(number) for number in first])
    assert build(shop) == {image(1): like(0), image(2): like(0)}


def test_what_was_not_chosen_is_not_blamed_until_it_is_chosen(alike):
    shop = alike([0, 5])
    assert told(shop.build(patterns=[image(1)])) == {}
    assert told(shop.build(patterns=[image(0)])) == {}
    assert build(shop) == {image(1): like(0)}


def test_a_review_ends_when_the_other_image_has_changed(alike):
    shop = alike([0, 5, 7])
    assert build(shop) == {image(1): like(0)}
    shop.edit("specs/shop.yaml", ("[0, 5, 7]", "[1, 5, 7]"))
    assert told(shop.build(patterns=[image(0)])) == {}
    assert build(shop) == {}


def test_a_review_begins_when_another_image_comes_to_look_alike(alike):
    shop = alike([0, 6])
    assert build(shop) == {}
    shop.edit("specs/shop.yaml", ("[0, 6]", "[1, 6]"))
    shop.build(patterns=[image(0)])
    assert build(shop) == {image(1): like(0)}


def test_an_earlier_lock_brings_its_reviews_back(alike):
    shop = alike([0, 5])
    shop.build()
    before = {**shop.locks(), "specs/shop.yaml": shop.text("specs/shop.yaml")}
    shop.edit("specs/shop.yaml", ("[0, 5]", "[1, 5]"))
    assert build(shop) == {}
    shop.write(before)
    assert build(shop) == {image(1): like(0)}


def test_who_is_gone_looks_like_nobody(alike):
    shop = alike([5, 0, 10])
    assert build(shop) == {image(1): like(0), image(2): like(0)}
    shop.edit("specs/shop.yaml", ("[5, 0, 10]", "[5, 0]"))
    assert build(shop) == {image(1): like(0)}
    shop.edit("specs/shop.yaml", ("[5, 0]", "[5]"))
    assert build(shop) == {}


def test_an_image_that_is_to_be_replaced_is_compared_with_nothing(alike):
    shop = alike([0, 1])
    shop.build()
    shop.edit("specs/shop.yaml", ("[0, 1]", "[2, 3, 5]"))
    shop.build(patterns=[image(2)])
    assert shop.lines("shop")["a@m#2"].attempt == 0
    assert build(shop) == {}


# --- what is remembered, and for how long ---------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch):
    """The images that were measured for being unique, one entry each time."""
    from imgbuild.rules.unique import Unique

    found, measure = [], Unique.measure
    monkeypatch.setattr(Unique, "measure", lambda *given: found.append(1) or measure(*given))
    return found


def test_the_plan_says_what_is_to_be_compared_again_and_nothing_is_measured_again(alike, painter, measured):
    shop = alike([0, 5, 7])
    shop.build()
    shop.edit("specs/shop.yaml", ("[0, 5, 7]", "[1, 5, 7]"))
    assert shop.actions() == {"a@m#0": "run", "a@m#1": "fresh", "a@m#2": "fresh"}
    shop.build(patterns=[image(0)])
    assert shop.tell("plan").out == (
        "action  target      why                                                   cost\n"
        "check   shop/a@m#1  it was compared with other images than there are now\n"
        "check   shop/a@m#2  it was compared with other images than there are now\n"
        "3 targets: 1 fresh, 2 check\n"
    )
    painter.asked.clear()
    measured.clear()
    shop.build()
    assert (painter.asked, measured) == ([], [])
    assert shop.actions() == {"a@m#0": "fresh", "a@m#1": "fresh", "a@m#2": "fresh"}


def test_a_selection_that_another_one_makes_stale_is_judged_again(alike):
    shop = alike([0, 5, 7])
    shop.build()
    shop.edit("specs/shop.yaml", ("[0, 5, 7]", "[1, 5, 7]"))
    assert told(shop.build(patterns=[image(1)])) == {}  # what it looked like is not what is declared


REROLL = "attempts: 2, validate: [{unique: {distance: 4, on_fail: reroll}}]"


def seed_of(*kinds):
    """A seed whose attempts look like these, in order."""
    return next(
        seed
        for seed in range(5**6)
        if all(attempt_seed(seed, at) % KINDS == kind for at, kind in enumerate(kinds))
    )


def test_a_search_in_vain_is_tried_again_when_any_image_that_it_met_has_changed(alike, painter):
    """Not only the one that its last attempt looked like."""
    shop = alike([0, 1, seed_of(0, 1)], REROLL)
    assert build(shop) == {image(2): like(1, kind="rule")}
    assert shop.actions() == {"a@m#0": "fresh", "a@m#1": "fresh", "a@m#2": "failed"}
    shop.edit("specs/shop.yaml", ("[0, 1,", "[2, 1,"))
    painter.asked.clear()
    assert build(shop) == {}
    assert shop.lines("shop")["a@m#2"].attempt == 0


def test_a_locked_image_counts_though_its_output_is_missing_and_what_was_measured_is_forgotten(alike):
    shop = alike([0, 5], REROLL)
    shop.build(patterns=[image(0)])
    (shop.root / "out/a/0.png").unlink()
    (shop.root / ".imgbuild/state.db").unlink()
    shop.build(patterns=[image(1)])
    assert shop.lines("shop")["a@m#1"].attempt == 1
    assert list(shop.outputs()) == ["a/1.png"]


def damage(shop):
    for blob in (shop.root / ".imgbuild/blobs").glob("??/*"):
        if blob.suffix == "":
            blob.write_bytes(b"bad")


@pytest.mark.parametrize("has_output", [True, False])
def test_a_guest_is_never_made_again(alike, painter, has_output):
    """Its blob is bad: it is looked at where it was published, or it is compared with nothing."""
    shop = alike([0, 5], REROLL)
    shop.build(patterns=[image(0)])
    (shop.root / ".imgbuild/state.db").unlink()
    if not has_output:
        (shop.root / "out/a/0.png").unlink()
    damage(shop)
    painter.asked.clear()
    assert told(shop.build(patterns=[image(1)], fail_fast=True)) == {}
    assert [request.seed for request in painter.asked] == [5, attempt_seed(5, 1)][: 1 + has_output]
    assert shop.lines("shop")["a@m#1"].attempt == int(has_output)


def test_a_review_stays_where_the_image_has_to_be_made_again_at_the_last_moment(alike):
    shop = alike([0, 5])
    assert build(shop) == {image(1): like(0)}
    (shop.root / "out/a/1.png").unlink()
    damage(shop)
    assert build(shop) == {image(1): like(0)}
    assert sorted(shop.outputs()) == ["a/0.png", "a/1.png"]


def test_who_was_turned_down_for_what_another_looked_like_for_a_while_gets_another_chance(alike):
    """#3 gives way to #2, which gives way to #1 when that has given way to #0: then #3 could have stayed."""
    far, one, between, other, free = 0, 2, 7, 8, 6
    looks = {0: [far], 1: [far, one], 2: [between, free], 3: [other, far]}
    kinds = {attempt_seed(seed, at): kind for seed, each in looks.items() for at, kind in enumerate(each)}
    assert near(one, between)
    assert near(between, other)
    assert not any(near(*pair) for pair in combinations([far, one, other, free], 2))
    shop = alike([0, 1, 2, 3], REROLL.replace("4", "24"), kinds)
    assert build(shop) == {}
    assert [line.attempt for line in shop.lines("shop").values()] == [0, 1, 1, 0]


def near(one, other):
    hashes = [perceptual_hash(picture(kind)) for kind in (one, other)]
    return hamming(*hashes) <= 24
