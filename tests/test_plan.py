"""Each action that a plan can come to, and why, from small targets and views made by hand."""

import pytest
from msgspec.structs import replace

from imgbuild.expand.seeds import attempt_seed
from imgbuild.files import Stamp
from imgbuild.graph import build_graph
from imgbuild.keys import DECLARED, Intents, Way, seal_rules
from imgbuild.plan import (
    AT_REST,
    DOES_STEPS,
    LOST,
    Action,
    Options,
    View,
    failure_key,
    inputs_digest,
    make_plan,
    outcome_key,
    peers_digest,
)
from imgbuild.rules.sharpness import Sharpness
from imgbuild.rules.similar_to import SimilarTo
from imgbuild.rules.unique import Unique
from imgbuild.store.records import Output
from imgbuild.types import Format, Grade, Input, Line, Outcome, Pin

LAMP, USER, LAST = "shop/lamps@paint#0", "shop/users@paint#0", "shop/last@paint#0"
PINS = {("shop", alias): Pin(provider="painter", source=alias) for alias in ("paint", "other")}
RULES = (Sharpness(min=10),)
EDITED = "an edited file"


class World:
    """What a plan looks at: what is locked, published, stored and on the disk; and which files were read for it."""

    def __init__(self, targets, pins=PINS, files=()):
        self.graph = build_graph(targets)
        self.pins, self.files = pins, dict(files)
        self.lines, self.outcomes, self.equals = {}, {}, {}
        self.disk, self.published = {}, {}
        self.blobs, self.ours, self.pixels = set(), set(), set()
        self.read = []

    def target(self, id):
        return self.graph.targets[id]

    def build(self, *ids, via=0, **line):
        """Lock, store and publish these targets (all, if none is named), as a build leaves them."""
        sealed = {}
        for id, target in self.graph.targets.items():
            position = via if id in ids or not ids else 0
            intent = Intents(self.pins, self.files).of(target, sealed, Way(position))[0]
            sealed[id] = Intents(self.pins, self.files).of(target, sealed)[0]
            pixels = {name: f"pixels of {name}" for name in self.graph.needs.get(id, ())}
            if not ids or id in ids:
                made = {name: f"{name} of {id}" for name in ("raw", "image", "pixels")}
                known = {
                    "intent": intent,
                    "seed": target.seed,
                    "attempt": 0,
                    "inputs": inputs_digest(target, pixels),
                }
                self.lines[id] = Line(**{**known, **made, **line})
                self.publish(target.output, made["image"])
                self.blobs |= {made["image"], made["raw"]}
                self.pixels.add(id)
        return self

    def take_over(self, other):
        """Find what another world has locked, stored and published."""
        for name in ("lines", "outcomes", "disk", "published", "blobs", "ours", "pixels"):
            setattr(self, name, getattr(other, name))
        return self

    def publish(self, path, digest):
        self.disk[path] = digest
        self.published[path] = Output(digest, "", self.stamp(path))
        self.ours.add(digest)

    def stamp(self, path):
        return Stamp(1, 1, hash(self.disk[path])) if path in self.disk else None

    def hashed(self, path):
        self.read.append(path)
        return self.disk.get(path)

    def check(self, id, state="pass", **own):
        """Note how a target's rules were found to hold on its locked image."""
        target, line = self.target(id), self.lines[id]
        rules = seal_rules(target.recipe.rules, target.recipe.attempts, self.files.get)[0]
        self.outcomes[id] = Outcome(holds_for=outcome_key(line.intent, rules, line.image), state=state, **own)

    def plan(self, **options):
        view = View(
            lines=self.lines,
            outputs=self.published,
            outcomes=self.outcomes,
            stamp=self.stamp,
            hashed=self.hashed,
            has_blob=self.blobs.__contains__,
            is_ours=lambda digest: digest in self.ours or digest in self.blobs,
            equals=self.equals,
            reference=self.files.get,
            pixels_at_hand=lambda target, _: target.id in self.pixels,
            unpinned=lambda target: (f"{target.id} has no pin", "pin it"),
        )
        return make_plan(self.graph, Intents(self.pins, self.files), view, Options(**options))

    def decide(self, id=LAMP, **options):
        return self.plan(**options).decisions[id]

    def says(self, id=LAMP, **options):
        decision = self.decide(id, **options)
        return decision.action, decision.why


@pytest.fixture
def world(target):
    """A function: what is different about the lamp (or more targets) → a world of them."""
    return lambda *more, pins=PINS, files=(), **own: World([target(LAMP, **own), *more], pins, files)


@pytest.fixture
def chain(target):
    """A function: what is different about the lamp → a world in which one is made from another."""
    return lambda **own: World(
        [target(LAMP, **own), target(USER, needs=[LAMP], seed=8), target(LAST, needs=[USER], seed=9)]
    )


# --- one target -------------------------------------------------------------------------------------------


def test_a_new_target_runs(world):
    decision = world().decide()
    assert (decision.action, decision.why, decision.line) == (Action.RUN, "new", None)
    assert (decision.seed, decision.attempt, decision.way) == (7, 0, DECLARED)


def test_what_is_built_is_fresh_and_not_read(world):
    built = world().build()
    assert built.says() == (Action.FRESH, "")
    assert built.read == []


def test_an_output_that_was_touched_is_read(world):
    built = world().build()
    built.published.clear()
    assert built.says() == (Action.FRESH, "")
    assert built.read == ["lamps/all_0.png"]


def test_an_output_that_is_missing_is_restored(world):
    built = world().build()
    built.disk.clear()
    assert built.says() == (Action.RESTORE, "its output is missing")


def test_an_older_output_is_replaced(world):
    built = world().build()
    built.disk["lamps/all_0.png"] = "an older image"
    built.ours.add("an older image")
    assert built.says() == (Action.RESTORE, "its output is an older one")


def test_an_image_equal_to_the_locked_one_stands_for_it(world):
    built = world().build()
    locked = built.lines[LAMP].image
    built.equals[locked] = {"its equal"}
    built.disk["lamps/all_0.png"] = "its equal"
    assert built.says() == (Action.FRESH, "")
    built.disk.clear()
    built.blobs = {"its equal"}
    assert built.says() == (Action.RESTORE, "its output is missing")


def test_bytes_that_are_lost_are_made_again(world):
    built = world().build()
    built.disk.clear()
    built.blobs.clear()
    decision = built.decide()
    assert (decision.action, decision.why, decision.reproduce) == (
        Action.RUN,
        "locked, but its bytes are not here",
        True,
    )


def test_bytes_that_cant_be_made_again_are_lost(world):
    built = world().build(grade=Grade.STORED)
    built.disk.clear()
    built.blobs.clear()
    decision = built.decide()
    assert (decision.action, decision.why, decision.hint) == (Action.LOST, *LOST)
    assert LOST == (
        "its locked bytes are gone, and its model can't make them again",
        "get them back from a store, a shared cache or git, or give them up with `imgbuild lock --reseed`",
    )


BLOCKED = (
    Action.BLOCKED,
    "lamps/all_0.png was not written by imgbuild, or was edited since",
    "move it away, or write over it with --force",
)


@pytest.mark.parametrize("needed", ["new", "changed", "restored", "unpinned"])
def test_somebody_elses_file_blocks_its_target(world, needed):
    found = world(prompt="a lamp", pins={} if needed == "unpinned" else PINS)
    if needed in ("changed", "restored"):
        found.build()
    if needed == "changed":
        found.lines[LAMP] = replace(found.lines[LAMP], intent="another")
    found.disk["lamps/all_0.png"] = EDITED
    decision = found.decide()
    assert (decision.action, decision.why, decision.hint) == BLOCKED
    assert (
        found.decide(force=True).action
        is {
            "new": Action.RUN,
            "changed": Action.RUN,
            "restored": Action.RESTORE,
            "unpinned": Action.UNPINNED,
        }[needed]
    )


def test_a_changed_target_runs_with_its_locked_seed(world):
    built = world(prompt="a red lamp").build(seed=99, attempt=2)
    changed = world(prompt="a blue lamp")
    changed.take_over(built)
    decision = changed.decide()
    assert (decision.action, decision.why, decision.seed, decision.attempt) == (Action.RUN, "changed", 99, 2)


def test_a_reseeded_target_runs_with_its_new_seed(world):
    found = world()
    found.lines[LAMP] = Line(seed=99, attempt=4)
    decision = found.decide()
    assert (decision.action, decision.why, decision.seed, decision.attempt) == (Action.RUN, "reseeded", 99, 4)


def test_a_derived_seed_never_moves_what_is_locked(world):
    built = world(seed=7).build(seed=99)
    assert built.says() == (Action.FRESH, "")


def test_a_seed_that_is_written_down_moves_it(world):
    built = world(seed=7, explicit=True).build(seed=99, attempt=1)
    decision = built.decide()
    assert (decision.action, decision.why, decision.seed, decision.attempt) == (
        Action.RUN,
        "seed 99 → 7",
        7,
        0,
    )


def test_a_written_seed_whose_reroll_was_accepted_stays(world):
    built = world(seed=7, explicit=True).build(seed=attempt_seed(7, 2), attempt=2)
    assert built.says() == (Action.FRESH, "")


def test_a_target_at_fault_says_so_whatever_is_locked(world):
    found = world(fault="'name' is empty", hint="fill it in")
    decision = found.decide()
    assert (decision.action, decision.why, decision.hint) == (Action.FAULT, "'name' is empty", "fill it in")
    assert found.plan().sealed == {}


def test_a_target_whose_model_has_no_pin(world):
    decision = world(pins={}).decide()
    assert (decision.action, decision.why, decision.hint) == (Action.UNPINNED, f"{LAMP} has no pin", "pin it")


def test_a_picture_that_is_there_needs_no_pin(target):
    cut = target("shop/cut#0", inputs=(Input(role="image", file="photo.png"),))
    found = World([cut], pins={}, files={"photo.png": "its bytes"})
    assert found.says("shop/cut#0") == (Action.RUN, "new")
    assert found.build().says("shop/cut#0") == (Action.FRESH, "")
    found.files["photo.png"] = "other bytes"
    assert found.says("shop/cut#0") == (Action.RUN, "changed")


# --- rules ------------------------------------------------------------------------------------------------


def test_rules_that_were_not_checked(world):
    assert world(rules=RULES).build().says() == (Action.CHECK, "its rules were not checked on this image")


@pytest.mark.parametrize("state", ["pass", "warn", "review", "fail"])
def test_what_was_found_stays_found(world, state):
    built = world(rules=RULES).build()
    built.check(LAMP, state)
    assert built.says() == (Action.FRESH, "")


EDITS = {
    "a threshold": {"rules": (Sharpness(min=11),)},
    "what a broken rule means": {"rules": (Sharpness(min=10, on_fail="warn"),)},
    "a rule more": {"rules": (*RULES, Sharpness(max=900))},
    "the attempts": {"rules": RULES, "attempts": 5},
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_rule_is_checked_and_makes_nothing(world, name):
    built = world(rules=RULES).build()
    built.check(LAMP)
    edited = world(**EDITS[name])
    edited.take_over(built)
    assert edited.decide().action is Action.CHECK


def test_another_reference_is_checked(world):
    built = world(rules=(SimilarTo(reference="refs/a.png"),), files={"refs/a.png": "its bytes"}).build()
    built.check(LAMP)
    assert built.says() == (Action.FRESH, "")
    built.files["refs/a.png"] = "other bytes"
    assert built.decide().action is Action.CHECK


def test_another_image_is_checked(world):
    built = world(rules=RULES).build()
    built.check(LAMP)
    built.lines[LAMP] = replace(built.lines[LAMP], image="another")
    built.publish("lamps/all_0.png", "another")
    assert built.decide().action is Action.CHECK


def test_a_locked_image_that_fails_is_rerolled_only_when_asked(world):
    built = world(rules=RULES).build(seed=99, attempt=2)
    built.check(LAMP, "fail")
    assert built.decide().action is Action.FRESH
    decision = built.decide(reroll=True)
    assert (decision.action, decision.why, decision.attempt) == (Action.RUN, "rerolled", 3)
    assert decision.seed == attempt_seed(7, 3)


@pytest.mark.parametrize("state", ["pass", "warn", "review"])
def test_nothing_else_is_rerolled(world, state):
    built = world(rules=RULES).build()
    built.check(LAMP, state)
    assert built.says(reroll=True) == (Action.FRESH, "")


def test_what_failed_before_is_not_tried_again_until_it_is_asked_for(bench, painter):
    painter.refuses.add("lamp")
    shop = bench(
        {
            "specs/shop.yaml": "models: {paint: {provider: painter}}\nassets: {a: {prompt: lamp, models: [paint]}}"
        }
    )
    shop.build()
    assert shop.actions() == {"a@paint#0": "failed"}
    assert shop.build(retry=True).finished.failed == 1
    assert len(painter.asked) == 2
    shop.edit("specs/shop.yaml", ("prompt: lamp", "prompt: chair"))
    assert shop.actions() == {"a@paint#0": "run"}


# --- groups -----------------------------------------------------------------------------------------------

GROUP = (Unique(distance=4, on_fail="review"),)
ONE, TWO, THREE = (f"shop/lamps@paint#{number}" for number in range(3))


@pytest.fixture
def group(target):
    """A function: prompts → a world of the members of one group, each at a place of its own."""
    return lambda *prompts: World(
        [
            target(f"shop/lamps@paint#{number}", prompt=prompt, rules=GROUP, output=f"{number}.png")
            for number, prompt in enumerate(prompts)
        ]
    )


def peers(world, *ids):
    return peers_digest({id: world.lines[id].image for id in ids})


@pytest.fixture
def judged(group):
    """Three members, built and judged beside each other."""
    built = group("a", "b", "c").build()
    for id in (ONE, TWO, THREE):
        built.check(id, "review", peers=peers(built, ONE, TWO, THREE))
    return built


def actions(world, **options):
    return [item.action for item in world.plan(**options).decisions.values()]


def test_what_was_found_beside_the_same_images_stays_found(judged):
    assert actions(judged) == [Action.FRESH] * 3
    assert [item.unsure for item in judged.plan().decisions.values()] == [False] * 3


def test_what_was_found_beside_other_images_is_checked(judged):
    judged.check(TWO, "review", peers=peers(judged, ONE, TWO))
    assert judged.says(TWO) == (Action.CHECK, "it was compared with other images than there are now")
    assert actions(judged) == [Action.FRESH, Action.CHECK, Action.FRESH]


def test_what_was_found_before_it_was_noted_beside_what_is_checked(judged):
    judged.check(TWO, "review")
    assert judged.says(TWO) == (Action.CHECK, "it was compared with other images than there are now")


def test_a_member_that_leaves_or_joins_changes_what_was_found(judged, group):
    fewer, more = group("a", "b"), group("a", "b", "c", "d")
    assert actions(fewer.take_over(judged)) == [Action.CHECK] * 2
    assert actions(more.take_over(judged)) == [Action.FRESH] * 3 + [Action.RUN]


def test_where_a_member_moves_the_others_are_judged_after_it_and_are_not_told_of(judged):
    judged.lines[TWO] = replace(judged.lines[TWO], intent="another")
    assert actions(judged) == [Action.FRESH, Action.RUN, Action.FRESH]
    assert [item.unsure for item in judged.plan().decisions.values()] == [True, False, True]


def test_a_member_that_fails_is_rerolled_if_that_is_still_true_of_it(judged):
    judged.check(TWO, "fail", peers=peers(judged, ONE, TWO, THREE))
    assert actions(judged, reroll=True) == [Action.FRESH, Action.RUN, Action.FRESH]
    judged.check(TWO, "fail", peers=peers(judged, ONE, TWO))
    assert actions(judged, reroll=True) == [Action.FRESH, Action.CHECK, Action.FRESH]


def in_vain(world, id, *ids):
    """Note that a search for an image of this target came to nothing beside those of others."""
    target, intents = world.target(id), Intents(world.pins, world.files)
    rules = seal_rules(target.recipe.rules, target.recipe.attempts, world.files.get)[0]
    key = failure_key(intents, target, intents.of(target, {})[0], rules, target.seed, "")
    world.outcomes[id] = Outcome(holds_for=key, state="failed", peers=peers(world, *ids) if ids else "")


@pytest.mark.parametrize(
    ("beside", "action"), [((), Action.FAILED), ((ONE, TWO), Action.FAILED), ((ONE,), Action.RUN)]
)
def test_a_search_in_vain_holds_as_long_as_those_images_that_it_was_beside(judged, beside, action):
    del judged.lines[THREE]
    for id in (ONE, TWO):
        judged.check(id, peers=peers(judged, ONE, TWO))
    in_vain(judged, THREE, *beside)
    assert actions(judged) == [Action.FRESH, Action.FRESH, action]


def test_a_search_in_vain_is_tried_again_where_another_member_moves(judged):
    del judged.lines[THREE]
    judged.lines[TWO] = replace(judged.lines[TWO], intent="another")
    in_vain(judged, THREE, ONE)
    assert actions(judged) == [Action.FRESH, Action.RUN, Action.RUN]
    judged.disk.clear()
    assert actions(judged) == [Action.RESTORE, Action.RUN, Action.RUN]


def test_two_searches_in_vain_do_not_move_each_other(judged):
    del judged.lines[TWO], judged.lines[THREE]
    in_vain(judged, TWO, ONE)
    in_vain(judged, THREE, ONE)
    judged.disk.clear()
    assert actions(judged) == [Action.RESTORE, Action.FAILED, Action.FAILED]


def test_which_locked_images_stand(judged):
    judged.lines[TWO] = replace(judged.lines[TWO], grade=Grade.STORED)
    judged.blobs.clear()
    assert [item.stands for item in judged.plan().decisions.values()] == [True] * 3
    judged.disk.clear()
    judged.disk["2.png"] = EDITED
    found = judged.plan().decisions.values()
    assert [(item.action, item.stands) for item in found] == [
        (Action.RUN, True),
        (Action.LOST, False),
        (Action.BLOCKED, True),
    ]
    judged.lines[ONE] = replace(judged.lines[ONE], intent="another")
    assert not judged.decide(ONE).stands


# --- targets made from others -----------------------------------------------------------------------------


def test_what_is_made_from_something_new_is_new(chain):
    plan = chain().plan()
    assert [(id, item.action, item.why) for id, item in plan.decisions.items()] == [
        (LAMP, Action.RUN, "new"),
        (USER, Action.RUN, "new"),
        (LAST, Action.RUN, "new"),
    ]
    assert (plan.count(Action.RUN), plan.count(*DOES_STEPS), plan.count(*AT_REST)) == (3, 3, 0)


def test_what_is_made_from_something_that_runs_may_run(chain):
    built = chain().build()
    built.lines[LAMP] = replace(built.lines[LAMP], intent="another")
    assert built.says(LAMP) == (Action.RUN, "changed")
    assert built.says(USER) == (Action.MAYBE, f"input {LAMP} is made again")
    assert built.says(LAST) == (Action.MAYBE, f"input {USER} is made again")


def test_what_has_no_image_runs_whatever_its_inputs_do(chain):
    built = chain().build(LAMP)
    built.lines[LAMP] = replace(built.lines[LAMP], intent="another")
    assert built.says(USER) == (Action.RUN, "new")


def test_what_is_only_made_again_moves_nothing(chain):
    built = chain().build()
    del built.disk["lamps/all_0.png"]
    built.blobs -= {built.lines[LAMP].image, built.lines[LAMP].raw}
    assert built.says(LAMP) == (Action.RUN, "locked, but its bytes are not here")
    assert built.says(USER) == (Action.FRESH, "")


def test_an_input_with_other_pixels_than_the_lock_knows(chain):
    built = chain().build()
    built.lines[LAMP] = replace(built.lines[LAMP], pixels="others")
    assert built.says(LAMP) == (Action.FRESH, "")
    assert built.says(USER) == (Action.RUN, "an input has other pixels than the lock knows")
    assert built.says(LAST) == (Action.MAYBE, f"input {USER} is made again")


def test_a_fault_upstream_is_one_of_all_below(chain):
    broken = chain(fault="'name' is empty", hint="fill it in")
    assert broken.says(USER) == (Action.FAULT, f"its input {LAMP} can't be made")
    assert broken.says(LAST) == (Action.FAULT, f"its input {USER} can't be made")
    assert broken.decide(USER).hint == "mend that first"


def test_below_a_model_without_a_pin_nothing_can_be_told(target, model):
    lamp = target("shop/lamps@free#0", models=[model("free")])
    found = World([lamp, target(USER, needs=[lamp.id]), target(LAST, needs=[USER])])
    assert found.says(USER) == (Action.UNPINNED, f"its input {lamp.id} is not pinned yet")
    assert found.says(LAST) == (Action.UNPINNED, f"its input {USER} is not pinned yet")
    assert found.decide(LAST).hint == "pin it"
    assert found.plan().sealed == {}


def test_pixels_that_a_run_needs_are_made_again_where_only_lossy_bytes_are_left(chain):
    built = chain(format=Format(type="webp")).build()
    built.pixels -= {LAMP}
    assert built.says(LAMP) == (Action.FRESH, "")
    built.lines[USER] = replace(built.lines[USER], intent="another")
    decision = built.decide(LAMP)
    assert (decision.action, decision.why, decision.reproduce) == (Action.RUN, "its pixels are gone", True)
    assert built.says(USER) == (Action.RUN, "changed")


def test_pixels_are_called_back_through_a_whole_chain(chain):
    built = chain().build()
    built.pixels.clear()
    built.lines[LAST] = replace(built.lines[LAST], intent="another")
    assert [item.why for item in built.plan().decisions.values()] == ["its pixels are gone"] * 2 + ["changed"]


def test_pixels_that_cant_be_made_again_are_lost(chain):
    built = chain().build()
    built.lines[LAMP] = replace(built.lines[LAMP], grade=Grade.STORED)
    built.pixels -= {LAMP}
    built.lines[USER] = replace(built.lines[USER], intent="another")
    assert built.says(LAMP) == (Action.LOST, LOST[0])


def test_one_input_more_or_in_another_order_is_a_change(target):
    def of(*needs):
        lamps = [target(f"shop/lamps@paint#{number}", prompt=f"lamp {number}") for number in (0, 1)]
        return World([*lamps, target(USER, needs=[f"shop/lamps@paint#{number}" for number in needs])])

    built = of(0, 1).build()
    for needs in ((1, 0), (0,), (0, 1, 0)):
        edited = of(*needs)
        edited.take_over(built)
        assert edited.says(USER) == (Action.RUN, "changed")
    assert built.says(USER) == (Action.FRESH, "")


# --- fallbacks ----------------------------------------------------------------------------------------------


@pytest.fixture
def fallen(world, model):
    """A lamp that its fallback made."""
    return world(models=[model("paint"), model("other")]).build(LAMP, via=1)


def lock(world, line):
    world.lines[LAMP] = replace(world.lines[LAMP], **line)
    return world


def test_a_fallback_sticks(fallen):
    lock(fallen, {"via": "other"})
    assert fallen.says() == (Action.FRESH, "")


def test_lost_bytes_are_asked_of_the_fallback_that_made_them(fallen):
    lock(fallen, {"via": "other"})
    fallen.disk.clear()
    fallen.blobs.clear()
    decision = fallen.decide()
    assert (decision.action, decision.reproduce, decision.way) == (Action.RUN, True, Way(1))


def test_a_changed_intent_asks_the_targets_own_model_first(fallen):
    lock(fallen, {"via": "other", "intent": "another"})
    decision = fallen.decide()
    assert (decision.action, decision.why, decision.way) == (Action.RUN, "changed", DECLARED)


def test_another_pin_of_the_fallback_is_a_change(fallen):
    lock(fallen, {"via": "other"})
    fallen.pins = {**PINS, ("shop", "other"): Pin(provider="painter", source="moved")}
    assert fallen.says() == (Action.RUN, "changed")


def test_a_fallback_that_is_of_the_chain_no_more_is_a_change(fallen, world):
    alone = world()
    alone.take_over(lock(fallen, {"via": "other"}))
    decision = alone.decide()
    assert (decision.action, decision.why, decision.way) == (Action.RUN, "changed", DECLARED)


def test_a_fallback_under_another_alias_is_the_same(fallen, world, model):
    renamed = world(
        models=[model("paint"), model("new")], pins={**PINS, ("shop", "new"): PINS["shop", "other"]}
    )
    renamed.take_over(lock(fallen, {"via": "other"}))
    assert renamed.says() == (Action.FRESH, "")


def test_downstream_counts_the_declaration_whoever_made_the_image(target, model):
    def of():
        lamp = target(LAMP, models=[model("paint"), model("other")])
        return World([lamp, target(USER, needs=[LAMP])])

    own, fallen = of().build(), of().build().build(LAMP, via=1)
    lock(fallen, {"via": "other"})
    assert fallen.plan().sealed == own.plan().sealed
    assert [item.action for item in fallen.plan().decisions.values()] == [Action.FRESH] * 2


# --- what a plan holds ------------------------------------------------------------------------------------


def test_manifests_are_there_for_what_does_steps(chain):
    built = chain().build()
    built.lines[USER] = replace(built.lines[USER], intent="another")
    plan = built.plan()
    assert set(plan.manifests) == {USER, LAST}
    assert set(plan.sealed) == {LAMP, USER, LAST}
    assert plan.decisions[LAMP].intent == plan.sealed[LAMP]


def test_a_plan_changes_nothing_it_looks_at(chain):
    built = chain(rules=RULES).build()
    built.lines[USER] = replace(built.lines[USER], intent="another")
    before = (
        dict(built.lines),
        dict(built.outcomes),
        dict(built.disk),
        dict(built.published),
        set(built.blobs),
    )
    built.plan(force=True, reroll=True, retry=True)
    assert (built.lines, built.outcomes, built.disk, built.published, built.blobs) == before
