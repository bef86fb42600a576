"""A project held against its locks and its store: what is carried, gone, guarded and merged."""

import pytest
from msgspec.structs import replace

from imgbuild.files import Files
from imgbuild.keys import Intents
from imgbuild.lock.text import Lock, read_lock, write_lock
from imgbuild.plan import Action, Options
from imgbuild.store.store import open_store
from imgbuild.survey import Adapters, open_book, seal_all, states_of, survey
from imgbuild.types import Outcome, Pin

MODELS = "models: {paint: {provider: painter}}\n"
SPEC = MODELS + "assets:\n  shots: {prompt: '{{ thing }}', matrix: {thing: [lamp, chair]}, models: [paint]}\n"
LAMP, CHAIR = "shots[thing=lamp]@paint#0", "shots[thing=chair]@paint#0"


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/shop.yaml": SPEC})


def look(bench, use=lambda found, store: found, **options):
    """The survey of a project, as every reader takes it."""
    project = bench.load()
    with open_store(project.store, write=False) as store:
        book, pins = open_book(project)
        return use(survey(project, store, Options(**options), pins, book), store)


def states(bench):
    return look(bench, states_of)


def locked(bench, spec="shop"):
    return read_lock((bench.root / f"specs/{spec}.lock").read_bytes(), "").lock


def test_before_the_first_build(shop):
    found = look(shop)
    assert (found.lines, found.carried, found.gone, found.guarded) == ({}, {}, {}, frozenset())
    assert [item.action for item in found.plan.decisions.values()] == [Action.UNPINNED] * 2
    assert found.pins.missing == [("shop", "paint")]


def test_after_a_build_all_is_known(shop):
    shop.build()
    found = look(shop)
    assert set(found.lines) == {f"shop/{LAMP}", f"shop/{CHAIR}"}
    assert [item.action for item in found.plan.decisions.values()] == [Action.FRESH] * 2
    assert {output.target for output in found.published.values()} == set(found.lines)


def test_a_survey_writes_nothing(shop):
    shop.build()
    before = shop.state()
    look(shop, states_of)
    assert shop.state() == before


# --- renames --------------------------------------------------------------------------------------------------


def test_a_renamed_asset_takes_over_its_lines(shop):
    shop.build()
    lines = look(shop).lines
    shop.edit("specs/shop.yaml", ("shots:", "pictures:"))
    found = look(shop)
    assert found.carried == {
        "shop/pictures[thing=lamp]@paint#0": f"shop/{LAMP}",
        "shop/pictures[thing=chair]@paint#0": f"shop/{CHAIR}",
    }
    assert found.lines["shop/pictures[thing=lamp]@paint#0"] == lines[f"shop/{LAMP}"]
    assert (found.gone, [item.action for item in found.plan.decisions.values()]) == ({}, [Action.RESTORE] * 2)


def test_what_neither_came_nor_went_is_not_carried(shop):
    shop.build()
    shop.edit("specs/shop.yaml", ("[lamp, chair]", "[lamp, chair, pen]"))
    assert look(shop).carried == {}
    shop.edit("specs/shop.yaml", ("[lamp, chair, pen]", "[lamp]"))
    assert look(shop).carried == {}


def test_a_renamed_chain_is_carried_whole(bench, painter):
    chain = (
        SPEC
        + "  use: {prompt: it, matrix: {thing: [lamp]}, models: [paint], inputs: {image: {asset: shots}}}\n"
    )
    shop = bench({"specs/shop.yaml": chain})
    shop.build()
    shop.edit("specs/shop.yaml", ("shots:", "a:"), ("asset: shots", "asset: a"), ("use:", "b:"))
    found = look(shop)
    assert found.carried["shop/b[thing=lamp]@paint#0"] == "shop/use[thing=lamp]@paint#0"
    assert len(found.carried) == 3


# --- what nothing declares any more -----------------------------------------------------------------------------


def test_lines_that_nothing_declares(shop):
    shop.build()
    shop.edit("specs/shop.yaml", ("[lamp, chair]", "[lamp]"))
    found = look(shop)
    assert (found.gone, found.guarded) == ({"shop": [CHAIR]}, frozenset())


def test_many_lines_that_nothing_declares_are_guarded(bench, painter):
    things = [f"thing{number}" for number in range(20)]
    spec = SPEC.replace("lamp, chair", ", ".join(things))
    shop = bench({"specs/shop.yaml": spec})
    shop.build()
    shop.edit("specs/shop.yaml", (", ".join(things), ", ".join(things[:10])))
    assert look(shop).guarded == frozenset()
    shop.edit("specs/shop.yaml", (", ".join(things[:10]), ", ".join(things[:9])))
    found = look(shop)
    assert (len(found.gone["shop"]), found.guarded) == (11, {"shop"})


def test_the_lines_of_a_spec_that_is_gone(shop):
    shop.build()
    shop.write({"specs/other.yaml": SPEC.replace("lamp", "pen"), "specs/shop.yaml": None})
    found = look(shop)
    assert found.carried == {"other/shots[thing=chair]@paint#0": f"shop/{CHAIR}"}
    assert found.gone == {"shop": [LAMP]}


# --- conflicted locks -----------------------------------------------------------------------------------------


def conflict(ours, theirs):
    """The text that git leaves where two branches changed a lock, all of it in one conflict."""
    return b"<<<<<<< HEAD\n%b=======\n%b>>>>>>> other\n" % (write_lock(ours), write_lock(theirs))


@pytest.fixture
def sides(shop):
    """The lock after a build, and the same after the lamp was reseeded and built."""
    shop.build()
    ours = locked(shop)
    shop.tell("lock", "--reseed", f"shop/{LAMP}")
    shop.build()
    return ours, locked(shop)


def merged(shop, ours, theirs):
    shop.write({"specs/shop.lock": conflict(ours, theirs)})
    found = look(shop)
    return found.book.base["shop"], [note for note in found.book.notes if "damaged" not in note]


def test_a_conflict_without_a_difference(shop, sides):
    ours, _ = sides
    assert merged(shop, ours, ours) == (ours, [])


def test_both_sides_fit_and_the_lower_digest_is_kept(shop, sides):
    one, other = sides
    lower = min(sides, key=lambda lock: lock.targets[LAMP].image)
    note = f"specs/shop.lock: {LAMP}: both sides fit the spec: kept the lower digest"
    for ours, theirs in ((one, other), (other, one)):
        assert merged(shop, ours, theirs) == (lower, [note])


def test_both_sides_fit_and_the_one_at_hand_is_kept(shop, sides):
    for kept, dropped in (sides, sides[::-1]):
        image = dropped.targets[LAMP].image
        with open_store(shop.root / ".imgbuild", write=True) as store:
            data = store.blobs.read(image)
            store.blobs.remove(image)
        note = f"specs/shop.lock: {LAMP}: both sides fit the spec: kept the one whose image is at hand"
        assert merged(shop, *sides) == (kept, [note])
        with open_store(shop.root / ".imgbuild", write=True) as store:
            store.blobs.add(data)


def test_the_side_that_fits_the_merged_spec_is_kept(shop, sides):
    ours, theirs = sides
    stale = replace(ours.targets[LAMP], intent=theirs.targets[CHAIR].image)
    assert merged(shop, Lock(models=ours.models, targets={**ours.targets, LAMP: stale}), theirs) == (
        theirs,
        [],
    )


def test_neither_side_fits(shop, sides):
    shop.edit("specs/shop.yaml", ("{{ thing }}", "a {{ thing }}"))
    base, notes = merged(shop, *sides)
    assert LAMP not in base.targets
    assert CHAIR in base.targets
    assert notes == [f"specs/shop.lock: {LAMP}: neither side fits the spec: unlocked"]


def test_what_only_one_side_has_is_kept(shop, sides):
    ours, theirs = sides
    one = Lock(models=ours.models, targets={CHAIR: ours.targets[CHAIR]})
    assert merged(shop, one, theirs) == (theirs, [])


def test_pins_are_settled_before_the_lines_that_hang_on_them(shop, sides):
    """Each side moved the pin: the lower revision is kept, and with it the lines that were made with it."""
    ours, theirs = sides
    low, high = (Pin(provider="painter", revision=revision) for revision in ("1", "2"))
    of_low = seal_with(shop, low)
    mine = Lock(models={"paint": high}, targets=ours.targets)
    lines = {name: replace(line, intent=of_low[f"shop/{name}"]) for name, line in theirs.targets.items()}
    other = Lock(models={"paint": low}, targets=lines)
    base, notes = merged(shop, mine, other)
    assert (base.models, base.targets) == ({"paint": low}, lines)
    assert notes == [
        "specs/shop.lock: model 'paint' is pinned differently on the two sides: kept revision '1'"
    ]


def seal_with(shop, pin):
    found = look(shop)
    found.pins.known["shop", "paint"] = pin
    return seal_all(found.project.graph, Intents(found.pins.known, {}))


def test_a_build_after_a_conflict_leaves_a_clean_lock(shop, sides, painter):
    lower = min(sides, key=lambda lock: lock.targets[LAMP].image)
    shop.write({"specs/shop.lock": conflict(*sides)})
    painter.asked.clear()
    assert shop.build().finished.exit_code == 0
    assert (locked(shop), painter.asked) == (lower, [])
    assert shop.locks()["specs/shop.lock"] == write_lock(lower)


def test_a_frozen_build_leaves_a_conflict_alone(shop, sides):
    text = conflict(*sides)
    shop.write({"specs/shop.lock": text})
    told = shop.tell("build", "--locked")
    assert (told.code, shop.locks()) == (5, {"specs/shop.lock": text})


# --- locks that would change ------------------------------------------------------------------------------------


def test_a_pin_that_nothing_declares_any_more_would_change_the_lock(bench, painter):
    shop = bench(
        {
            "specs/shop.yaml": SPEC.replace(
                "painter}", "painter, fallback: [b]}, b: {provider: painter, source: q}"
            )
        }
    )
    shop.build()
    before = shop.locks()
    shop.write({"specs/shop.yaml": SPEC})
    for arguments, hint in (
        (("build", "--locked"), "build without --locked and commit the lock"),
        (("lock", "--check"), "run `imgbuild build` and commit the lock"),
    ):
        told = shop.tell(*arguments)
        assert (told.code, told.err) == (
            5,
            f"error: specs/shop.lock is not as a build writes it\nhint: {hint}\n",
        )
    assert shop.locks() == before
    assert shop.build().finished.exit_code == 0
    assert shop.tell("lock", "--check").out == "locked: 2 targets\n"
    assert dict(locked(shop).models).keys() == {"paint"}


# --- states -------------------------------------------------------------------------------------------------------


def test_states_are_the_plans_actions_or_how_a_target_ended(shop, painter):
    assert set(states(shop).values()) == {"unpinned"}
    shop.build()
    assert set(states(shop).values()) == {"fresh"}
    (shop.root / "out/shots/lamp_0.png").unlink()
    (shop.root / "out/shots/chair_0.png").write_bytes(b"edited")
    assert states(shop) == {f"shop/{LAMP}": "restore", f"shop/{CHAIR}": "failed"}


@pytest.mark.parametrize(("on_fail", "state"), [("fail", "fail"), ("review", "review"), ("warn", "warn")])
def test_verdicts_are_states(shop, on_fail, state):
    shop.build()
    shop.edit(
        "specs/shop.yaml",
        ("models: [paint]", f"models: [paint], validate: [{{brightness: {{min: 1, on_fail: {on_fail}}}}}]"),
    )
    assert set(states(shop).values()) == {"check"}
    shop.build()
    assert set(states(shop).values()) == {state}


def test_verdicts_of_rules_that_are_gone_are_no_states(shop):
    shop.build()
    with open_store(shop.root / ".imgbuild", write=True) as store:
        store.records.put_outcomes("", {f"shop/{LAMP}": Outcome(holds_for="something else", state="fail")})
    assert states(shop)[f"shop/{LAMP}"] == "fresh"


def test_one_instance_of_each_provider(painter, tmp_path):
    files = Files(tmp_path)
    adapters = Adapters(files, offline=True)
    made = adapters["painter"]
    assert adapters["painter"] is made
    assert isinstance(made, painter)
    assert (made.files, made.offline) == (files, True)
