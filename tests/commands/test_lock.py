"""What `lock` prints and moves: checking, pins, seeds, fallbacks and drifted images."""

import json
import shutil

import pytest
from PIL import ImageOps

from imgbuild.errors import Refused
from imgbuild.expand.seeds import attempt_seed
from imgbuild.lock.text import read_lock
from imgbuild.providers import PROVIDERS
from imgbuild.types import Pin

SPEC = """\
models:
  paint: {provider: painter, source: acme/xl, revision: main, fallback: [other]}
  other: {provider: second}
assets:
  shots: {prompt: "a {{ thing }}", matrix: {thing: [lamp, pen]}, models: [paint]}
"""
LAMP, PEN = "shop/shots[thing=lamp]@paint#0", "shop/shots[thing=pen]@paint#0"


@pytest.fixture
def second(painter, monkeypatch):
    own = type("Second", (painter,), {"name": "second", "asked": [], "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "second", own)
    return own


@pytest.fixture
def shop(bench, painter, second):
    return bench({"specs/shop.yaml": SPEC})


@pytest.fixture
def built(shop):
    assert shop.build().finished.exit_code == 0
    return shop


def pins(shop, spec="shop"):
    return read_lock((shop.root / f"specs/{spec}.lock").read_bytes(), "").lock.models


def line(shop, id):
    return shop.lines("shop")[id.partition("/")[2]]


# --- checking -------------------------------------------------------------------------------------------------


def test_a_lock_that_is_up_to_date(built):
    assert built.tell("lock", "--check") == (0, "locked: 2 targets\n", "")


def test_checking_is_what_it_does_unasked(built):
    assert built.tell("lock") == built.tell("lock", "--check")


def test_nothing_is_locked_yet(shop):
    assert shop.tell("lock", "--check") == (
        5,
        f"{LAMP}: its model is not pinned yet\n{PEN}: its model is not pinned yet\n",
        "error: the lock is behind the specs: 2 targets\nhint: run `imgbuild build` and commit the lock\n",
    )


BEHIND = {
    "a changed prompt": (
        ("a {{ thing }}", "the {{ thing }}"),
        f"{LAMP}: changed\n{PEN}: changed\n",
        "2 targets",
    ),
    "a target more": (
        ("[lamp, pen]", "[lamp, pen, cup]"),
        "shop/shots[thing=cup]@paint#0: new\n",
        "1 target",
    ),
    "a target less": (("[lamp, pen]", "[lamp]"), f"{PEN}: declared no more\n", "1 target"),
    "a renamed asset": (
        ("shots:", "photos:"),
        f"{PEN}: renamed to {PEN.replace('shots', 'photos')}\n{LAMP}: renamed to {LAMP.replace('shots', 'photos')}\n",
        "2 targets",
    ),
    "another revision": (
        ("revision: main", "revision: v2"),
        f"{LAMP}: its model is not pinned yet\n{PEN}: its model is not pinned yet\n",
        "2 targets",
    ),
}


@pytest.mark.parametrize("name", BEHIND)
def test_a_lock_that_is_behind(built, name):
    change, told, count = BEHIND[name]
    built.edit("specs/shop.yaml", change)
    code, out, err = built.tell("lock", "--check")
    assert (code, sorted(out.splitlines())) == (5, sorted(told.splitlines()))
    assert (
        err
        == f"error: the lock is behind the specs: {count}\nhint: run `imgbuild build` and commit the lock\n"
    )


def test_names_rules_and_comments_leave_it_up_to_date(built):
    built.edit(
        "specs/shop.yaml",
        (
            "models: [paint]",
            "models: [paint], tags: [shop], output: '{{ thing }}.png', validate: [not_blank]",
        ),
    )
    assert built.tell("lock", "--check").code == 0


def test_a_damaged_lock_is_told(built):
    text = built.text("specs/shop.lock")
    built.write({"specs/shop.lock": text.replace('"attempt":0', '"attempt":1', 1)})
    code, out, err = built.tell("lock", "--check")
    assert code == 5
    assert out.splitlines() == [
        f"{LAMP}: new",
        "specs/shop.lock:8: the line of 'shots[thing=lamp]@paint#0' is damaged and was left out: "
        "its sum does not fit its text",
    ]
    assert err.startswith("error: the lock is behind the specs: 1 target\n")


def test_checking_needs_no_images_and_writes_nothing(built):
    for folder in (".imgbuild", "out"):
        shutil.rmtree(built.root / folder)
    before = built.state()
    assert built.tell("lock", "--check").code == 0
    assert built.state() == before


# --- pins -----------------------------------------------------------------------------------------------------


def moving(painter, revision):
    """The painter's `main` now stands for this revision."""

    def pin(self, model):
        return Pin(
            provider="painter", source=model.source, revision=revision, declared=model.revision, adapter=1
        )

    painter.pin = pin


def test_pins_move_only_when_they_are_upgraded(shop, painter):
    moving(painter, "1")
    shop.build()
    moving(painter, "2")
    assert dict(shop.build().ran) == {}
    assert shop.tell("lock", "--upgrade", "paint") == (0, "shop/paint: 1 (adapter 1) → 2 (adapter 1)\n", "")
    assert pins(shop)["paint"].revision == "2"
    assert set(shop.actions().values()) == {"run"}
    assert shop.tell("lock", "--upgrade", "paint").out == "shop/paint: same\n"


def test_all_are_upgraded_where_none_is_named(built, painter, second):
    painter.version = 2
    second.version = 3
    assert built.tell("lock", "--upgrade") == (
        0,
        "shop/other: second (adapter 1) → second (adapter 3)\nshop/paint: main (adapter 1) → main (adapter 2)\n",
        "",
    )
    assert {alias: pin.adapter for alias, pin in pins(built).items()} == {"other": 3, "paint": 2}


def test_a_model_that_was_not_pinned(shop):
    assert shop.tell("lock", "--upgrade", "paint").out == "shop/paint: unpinned → main (adapter 1)\n"


def test_models_of_one_name_in_two_specs_are_both_upgraded(built, painter):
    built.write({"specs/brand.yaml": SPEC.replace("shots", "logos")})
    built.build()
    painter.version = 2
    assert built.tell("lock", "--upgrade", "paint").out == (
        "brand/paint: main (adapter 1) → main (adapter 2)\nshop/paint: main (adapter 1) → main (adapter 2)\n"
    )
    assert pins(built)["paint"].adapter == pins(built, "brand")["paint"].adapter == 2


def test_an_unknown_model(built):
    before = built.locks()
    assert built.tell("lock", "--upgrade", "paint", "pant") == (
        2,
        "",
        "error: unknown model 'pant'\nhint: did you mean 'paint'? Models here: other, paint\n",
    )
    assert built.locks() == before


# --- seeds ----------------------------------------------------------------------------------------------------


def test_a_reseeded_target_moves_to_its_next_seed(built, painter):
    before, pen = line(built, LAMP), line(built, PEN)
    assert built.tell("lock", "--reseed", "thing=lamp") == (
        0,
        "1 target reseeded; `imgbuild build` makes them\n",
        "",
    )
    assert (line(built, LAMP).seed, line(built, LAMP).attempt) == (attempt_seed(before.seed, 1), 1)
    assert line(built, LAMP).image == ""
    assert built.actions() == {"shots[thing=lamp]@paint#0": "run", "shots[thing=pen]@paint#0": "fresh"}
    painter.asked.clear()
    built.build()
    assert [request.seed for request in painter.asked] == [attempt_seed(before.seed, 1)]
    assert line(built, PEN) == pen
    built.tell("lock", "--reseed", "thing=lamp")
    assert line(built, LAMP).attempt == 2


def test_a_target_that_was_never_built_can_be_reseeded(shop):
    assert shop.tell("lock", "--reseed", "thing=lamp").code == 0
    assert (line(shop, LAMP).attempt, line(shop, LAMP).image) == (1, "")


# --- fallbacks --------------------------------------------------------------------------------------------------


def test_targets_are_given_back_to_their_own_model(shop, painter, second):
    painter.refuses.add("lamp")
    shop.build()
    seed = line(shop, LAMP).seed
    assert line(shop, LAMP).via == "other"
    painter.refuses.clear()
    assert dict(shop.build().ran) == {}
    assert shop.tell("lock", "--retry-fallback", "shots") == (
        0,
        "1 target given back to the declared model; `imgbuild build` asks it\n",
        "",
    )
    shop.build()
    assert (line(shop, LAMP).via, line(shop, LAMP).seed) == ("", seed)


# --- drift ----------------------------------------------------------------------------------------------------


def test_a_drifted_image_is_accepted(built, painter):
    before = line(built, LAMP)
    for folder in (".imgbuild", "out"):
        shutil.rmtree(built.root / folder)
    painter.touch = staticmethod(ImageOps.invert)
    assert built.build().finished.exit_code == 1
    assert built.outputs() == {}
    assert built.tell("lock", "--accept", "thing=lamp") == (
        0,
        "1 image accepted; `imgbuild build` publishes them\n",
        "",
    )
    after = line(built, LAMP)
    assert after.image != before.image
    assert (after.intent, after.seed, after.attempt) == (before.intent, before.seed, before.attempt)
    assert built.build().finished.restored == 1
    assert list(built.outputs()) == ["shots/lamp_0.png"]


def test_only_what_drifted_can_be_accepted(built):
    before = built.locks()
    assert built.tell("lock", "--accept", "shots") == (
        2,
        "",
        f"error: {LAMP} has no drifted image to accept\nhint: `imgbuild build` finds out whether it drifts\n",
    )
    assert built.locks() == before


# --- what all have in common ------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--reseed", "--accept", "--retry-fallback"])
def test_targets_have_to_be_named(built, flag):
    assert built.tell("lock", flag) == (
        2,
        "",
        f"error: {flag} needs targets\nhint: name them as `imgbuild ls` does\n",
    )
    told = built.tell("lock", flag, "nothing")
    assert (told.code, told.err.splitlines()[0]) == (2, "error: 'nothing' matches no target")


@pytest.mark.parametrize(
    "action", [("--upgrade",), ("--reseed", "thing=lamp"), ("--retry-fallback", "shots")]
)
def test_nothing_is_asked_of_a_provider(built, painter, action):
    painter.asked.clear()
    built.tell("lock", *action)
    assert painter.asked == []


def test_a_model_that_is_gone_leaves_the_lock_alone(built, painter):
    def gone(self, model):
        raise Refused("no such model", hint="see its page")

    before, painter.pin = built.locks(), gone
    assert built.tell("lock", "--upgrade", "paint") == (1, "", "error: no such model\nhint: see its page\n")
    assert built.locks() == before


# --- as JSON ----------------------------------------------------------------------------------------------------


def events(shop, *flags, code=0):
    told = shop.tell("lock", "--json", *flags)
    assert told.code == code
    return [json.loads(row) for row in told.out.splitlines()]


def test_checking_as_json(built):
    assert events(built, "--check") == [{"event": "locked", "targets": 2}]
    built.edit("specs/shop.yaml", ("[lamp, pen]", "[pen, cup]"))
    assert events(built, code=5) == [
        {"event": "behind", "id": "shop/shots[thing=cup]@paint#0", "why": "new"},
        {"event": "behind", "id": LAMP, "why": "declared no more"},
    ]


def test_a_damaged_lock_as_json(built):
    text = built.text("specs/shop.lock")
    built.write({"specs/shop.lock": text.replace('"attempt":0', '"attempt":1', 1)})
    damage = f"the line of '{LAMP.removeprefix('shop/')}' is damaged and was left out"
    assert events(built, code=5) == [
        {"event": "behind", "id": LAMP, "why": "new"},
        {
            "event": "note",
            "text": f"specs/shop.lock:8: {damage}: its sum does not fit its text",
            "level": "warning",
        },
    ]


def test_upgrading_as_json(shop, painter):
    moving(painter, "1")
    (first,) = events(shop, "--upgrade", "paint")
    assert (first["event"], first["spec"], first["model"], first["before"]) == (
        "pinned",
        "shop",
        "paint",
        None,
    )
    moving(painter, "2")
    (second,) = events(shop, "--upgrade", "paint")
    assert second["before"] == first["after"]
    assert (second["before"]["revision"], second["after"]["revision"]) == ("1", "2")


def test_moving_lines_as_json(shop, painter):
    painter.refuses.add("lamp")
    shop.build()
    old = line(shop, LAMP)
    assert events(shop, "--retry-fallback", "shots") == [
        {"event": "given back", "id": LAMP, "seed": old.seed, "attempt": 0, "image": ""}
    ]
    assert events(shop, "--reseed", "thing=lamp") == [
        {"event": "reseeded", "id": LAMP, "seed": attempt_seed(old.seed, 1), "attempt": 1, "image": ""}
    ]


def test_accepting_as_json(built, painter):
    for folder in (".imgbuild", "out"):
        shutil.rmtree(built.root / folder)
    painter.touch = staticmethod(ImageOps.invert)
    built.build()
    told = events(built, "--accept", "thing=lamp")
    after = line(built, LAMP)
    assert told == [{"event": "accepted", "id": LAMP, "seed": after.seed, "attempt": 0, "image": after.image}]


def test_an_upgrade_that_fails_tells_of_no_pin(built, second):
    """Where one model is gone no pin is written, so none is told of."""

    def gone(self, model):
        raise Refused("no such model", hint="see its page")

    built.edit("specs/shop.yaml", ("provider: second", "provider: second, revision: v2"))
    before, second.pin = built.locks(), gone
    built.edit("specs/shop.yaml", ("paint:", "able:"), ("[paint]", "[able]"))
    assert events(built, "--upgrade", code=1) == []
    assert built.locks() == before
