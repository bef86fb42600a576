"""What `why` tells of a target: its place, what is to be done, and each field that changed, old → new."""

import json
import shutil

import pytest
from msgspec import UNSET

from imgbuild.commands.why import differences
from imgbuild.expand.seeds import attempt_seed, derive_seed
from imgbuild.providers import PROVIDERS
from imgbuild.select import handle

SPEC = """\
models:
  paint: {provider: painter, params: {steps: 4}, fallback: [other]}
  other: {provider: second}
assets:
  shots:
    prompt: "a {{ thing }}"
    matrix: {thing: [lamp]}
    models: [paint]
    process: [{resize: {width: 8, height: 8}}]
    validate: [{brightness: {min: 0.01}}]
  scene:
    prompt: a scene
    models: [paint]
    inputs: {image: {asset: shots}, mask: refs/mask.png}
    matrix: {thing: [lamp]}
"""
LAMP, SCENE = "shop/shots[thing=lamp]@paint#0", "shop/scene[thing=lamp]@paint#0"
SEED, OTHER = (derive_seed(asset, [("thing", "lamp")], 0) for asset in ("shots", "scene"))
HEAD = f"""\
{LAMP}  ({handle(LAMP)})
  declared at specs/shop.yaml:5:3; published at out/shots/lamp_0.png
"""


@pytest.fixture
def second(painter, monkeypatch):
    own = type("Second", (painter,), {"name": "second", "asked": [], "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "second", own)
    return own


@pytest.fixture
def shop(bench, painter, second):
    from PIL import Image

    found = bench({"specs/shop.yaml": SPEC})
    (found.root / "specs/refs").mkdir()
    Image.new("L", (16, 16), 200).save(found.root / "specs/refs/mask.png")
    return found


@pytest.fixture
def built(shop):
    assert shop.build().finished.exit_code == 0
    return shop


def verdict(shop):
    """The line of the brightness that was measured."""
    return next(line for line in shop.why(LAMP).splitlines() if line.startswith("  brightness: "))


def test_before_the_first_build(shop):
    assert (
        shop.why(LAMP) == HEAD + "  unpinned: its model is not pinned yet\n  hint: `imgbuild build` pins it\n"
    )


def test_nothing_to_do(built):
    told = built.why(LAMP)
    assert told == HEAD + f"  fresh\n  locked: seed {SEED}, attempt 0, bitwise\n{verdict(built)}\n"
    assert verdict(built).startswith("  brightness: pass, 0.")
    assert verdict(built).endswith(" (at least 0.01)")


def test_every_field_that_changed(built):
    built.edit(
        "specs/shop.yaml",
        ("a {{ thing }}", "the {{ thing }}"),
        ("steps: 4", "steps: 5, guidance: 6.5"),
        ("width: 8", "width: 4"),
        ("min: 0.01", "min: 0.02"),
    )
    assert built.why(LAMP) == HEAD + (
        "  run: changed\n"
        f"  locked: seed {SEED}, attempt 0, bitwise\n"
        "  params.guidance: (none) → 6.5\n"
        "  params.steps: 4 → 5\n"
        "  process.resize.width: 8 → 4\n"
        "  prompt: 'a lamp' → 'the lamp'\n"
        "  rules.brightness.min: 0.01 → 0.02\n"
        f"{verdict(built)}\n"
    )


def test_an_operation_and_an_option_of_the_encoder(built):
    built.edit(
        "specs/shop.yaml",
        ("height: 8}}]", "height: 8}}, sharpen]\n    format: {type: png, compress_level: 9}"),
    )
    told = built.why(LAMP)
    assert "  format.compress_level: (none) → 9\n" in told
    assert "  process.sharpen: (none) → {'name': 'sharpen'," in told


def test_an_input_that_moved(built):
    from PIL import Image

    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    Image.new("L", (16, 16), 100).save(built.root / "specs/refs/mask.png")
    lines = built.why(SCENE).splitlines()
    assert lines[2:4] == [
        f"  maybe: input {LAMP} is made again",
        f"  locked: seed {OTHER}, attempt 0, bitwise",
    ]
    fields = [line.partition(":")[0] for line in lines[4:]]
    assert fields == ["  inputs.image.0.target", "  inputs.mask.0.file"]
    assert lines[5].endswith(" (specs/refs/mask.png)")


def test_a_rename_and_an_output_that_moves(built):
    built.edit("specs/shop.yaml", ("  shots:", "  photos:"), ("asset: shots", "asset: photos"))
    renamed = "shop/photos[thing=lamp]@paint#0"
    assert built.why(renamed) == (
        f"{renamed}  ({handle(renamed)})\n"
        "  declared at specs/shop.yaml:5:3; published at out/photos/lamp_0.png\n"
        "  restore: its output is missing\n"
        f"  renamed from {LAMP}\n"
        "  output: 'shots/lamp_0.png' → 'photos/lamp_0.png'\n"
        f"  locked: seed {SEED}, attempt 0, bitwise\n"
    )


def test_who_made_it(shop, painter):
    painter.refuses.add("lamp")
    shop.build()
    assert f"  locked: seed {SEED}, attempt 0, bitwise, made by the fallback 'other'\n" in shop.why(LAMP)
    shop.edit("specs/shop.yaml", (", fallback: [other]", ""))
    told = shop.why(LAMP)
    assert "  run: changed\n" in told
    assert "  via: {" in told
    assert told.count(" → (none)\n") == 1


def test_a_reroll(shop, painter):
    shop.edit(
        "specs/shop.yaml",
        ("min: 0.01", "min: 0.7, on_fail: reroll"),
        ("validate:", "attempts: 50\n    validate:"),
    )
    shop.build()
    line = shop.lines("shop")["shots[thing=lamp]@paint#0"]
    assert line.attempt > 0
    assert (
        f"  locked: seed {attempt_seed(SEED, line.attempt)}, attempt {line.attempt}, bitwise\n"
        in shop.why(LAMP)
    )


def test_an_explicit_seed(built):
    built.edit("specs/shop.yaml", ('prompt: "a', 'seeds: [5]\n    prompt: "a'))
    assert f"  run: seed {SEED} → 5\n" in built.why(LAMP)


def test_what_failed_says_what_to_do(shop, painter, second):
    painter.refuses.add("lamp")
    second.refuses.add("lamp")
    shop.build()
    assert shop.why(LAMP).splitlines()[2:4] == [
        "  failed: 'a lamp' will not be painted",
        "  hint: ask for something else; --retry-failed tries it again",
    ]


def test_verdicts_of_an_edited_rule(built):
    built.edit("specs/shop.yaml", ("min: 0.01", "min: 0.99, on_fail: warn"))
    told = built.why(LAMP)
    assert "  check: its rules were not checked on this image\n" in told
    assert "  rules.brightness.min: 0.01 → 0.99\n  rules.brightness.on_fail: 'fail' → 'warn'\n" in told
    built.build()
    assert verdict(built).startswith("  brightness: warn, 0.")


def test_where_the_store_is_lost_the_fields_are_not_known(built):
    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    shutil.rmtree(built.root / ".imgbuild")
    assert (
        "  the fields of the locked image are not in this store; the lock's own history in git has its spec\n"
    ) in built.why(LAMP)


def test_several_targets(built):
    told = built.tell("why", "scene", handle(LAMP)).out
    assert [line for line in told.splitlines() if not line.startswith(" ")] == [
        f"{LAMP}  ({handle(LAMP)})",
        f"{SCENE}  ({handle(SCENE)})",
    ]


def test_as_json(built):
    built.edit(
        "specs/shop.yaml",
        ("a {{ thing }}", "the {{ thing }}"),
        ("steps: 4", "guidance: 6.5"),
        ("min: 0.01", "min: 0.02"),
    )
    told = built.tell("why", "--json", "shots", "scene")
    lamp, scene = [json.loads(line) for line in told.out.splitlines()]
    (brightness,) = lamp.pop("verdicts")
    assert {name: brightness[name] for name in ("rule", "status", "limit")} == {
        "rule": "brightness",
        "status": "pass",
        "limit": "at least 0.01",
    }
    assert lamp == {
        "event": "why",
        "id": LAMP,
        "handle": handle(LAMP),
        "action": "run",
        "why": "changed",
        "hint": "",
        "output": "shots/lamp_0.png",
        "where": "specs/shop.yaml:5:3",
        "route": None,
        "renamed_from": "",
        "moved_from": [],
        "locked": {"seed": SEED, "attempt": 0, "grade": "bitwise", "via": "", "adjusted": [], "asked": {}},
        "changes": [
            {"field": "params.guidance", "after": 6.5, "file": ""},
            {"field": "params.steps", "before": 4, "file": ""},
            {"field": "prompt", "before": "a lamp", "after": "the lamp", "file": ""},
        ],
        "rules": [{"field": "rules.brightness.min", "before": 0.01, "after": 0.02, "file": ""}],
        "attempts": [],
    }
    assert (scene["id"], scene["action"], scene["rules"], scene["verdicts"]) == (SCENE, "maybe", [], [])


def test_as_json_where_little_is_known(shop):
    (told,) = [json.loads(line) for line in shop.tell("why", "--json", "shots").out.splitlines()]
    assert (told["locked"], told["changes"], told["verdicts"]) == (None, [], [])
    assert (told["why"], told["hint"]) == ("its model is not pinned yet", "`imgbuild build` pins it")
    shop.build()
    shop.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    shutil.rmtree(shop.root / ".imgbuild")
    assert json.loads(shop.tell("why", "--json", "shots").out)["changes"] is None


def test_a_name_that_nothing_has(built):
    assert built.tell("why", "shoes") == (
        2,
        "",
        "error: 'shoes' matches no target\n"
        "hint: did you mean 'shots'? Assets here: scene, shots; `imgbuild ls` shows all targets\n",
    )


def test_asking_writes_nothing(built):
    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    before = built.state()
    built.why(LAMP)
    assert built.state() == before


DIFFERENCES = {
    "nothing": ({"a": 1, "b": {"c": [1]}}, {"b": {"c": [1]}, "a": 1}, []),
    "a value": ({"a": 1}, {"a": "x"}, [("a", 1, "x")]),
    "one more and one less": ({"a": 1}, {"b": None}, [("a", 1, UNSET), ("b", UNSET, None)]),
    "a nested one": ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
    "a mapping in place of a value": ({"a": 1}, {"a": {"b": 2}}, [("a", 1, {"b": 2})]),
    "an item of a list": ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a.1", 2, 3), ("a.2", UNSET, 4)]),
    "an operation by its name, wherever it stands": (
        {"a": [{"name": "x", "w": 1}, {"name": "y"}]},
        {"a": [{"name": "x", "w": 2}]},
        [("a.x.w", 1, 2), ("a.y", {"name": "y"}, UNSET)],
    ),
    "two operations of one name": (
        {"a": [{"name": "x", "w": 1}, {"name": "x", "w": 2}]},
        {"a": [{"name": "x", "w": 1}, {"name": "x", "w": 3}]},
        [("a.1.w", 2, 3)],
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences(name):
    old, new, wanted = DIFFERENCES[name]
    assert list(differences(old, new)) == wanted
    assert [(field, after, before) for field, before, after in differences(new, old)] == wanted
