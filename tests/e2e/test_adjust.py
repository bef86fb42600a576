"""Rules adjust what the next attempt asks for: what is asked, what is locked, and what an edit makes again."""

import shutil

import msgspec
import pytest
from PIL import ImageOps

from imgbuild.errors import Refused
from imgbuild.expand.seeds import attempt_seed
from imgbuild.provenance.read import read
from imgbuild.types import Grade

SPEC = """
models:
  paint: {provider: painter, params: {guidance: 6.5}}
assets:
  shots:
    prompt: "a {{ thing }}"
    negative: hands
    matrix: {thing: [lamp, chair, table, pen, cup, bowl]}
    models: [paint]
    params: {steps: 20}
    attempts: 30
    validate:
      - brightness: {min: 0.55, on_fail: reroll, adjust: {guidance: +0.1, negative: "+dark"}}
      - contrast: {min: 0.1, on_fail: reroll, adjust: {steps: -1, prompt: "+, at noon"}}
"""


@pytest.fixture
def shop(bench, painter):
    """Six targets, some of which were adjusted."""
    built = bench({"specs/catalog.yaml": SPEC})
    assert built.build().finished.exit_code == 0
    return built


PEN = "shots[thing=pen]@paint#0"


def adjusted(shop):
    return {id: line.adjusted for id, line in shop.lines().items() if line.adjusted}


def lose(shop):
    for name in (".imgbuild", "out"):
        shutil.rmtree(shop.root / name)


def asks(painter):
    return [(one.prompt, one.negative, dict(one.params), one.seed) for one in painter.asked]


def expected(thing, labels):
    """What is asked for after these rules turned attempts down."""
    bright, contrast = labels.count("brightness"), labels.count("contrast")
    return (
        f"a {thing}{', at noon' * contrast}",
        f"hands{', dark' * bright}",
        {"guidance": round(6.5 + bright / 10, 1), "steps": 20 - contrast},
    )


def test_each_attempt_is_adjusted_by_what_turned_down_those_before(shop, painter):
    assert len(adjusted(shop)) >= 2
    assert {label for labels in adjusted(shop).values() for label in labels} == {"brightness", "contrast"}
    for id, line in shop.lines().items():
        thing = id.split("=")[1].split("]")[0]
        own = [ask for ask in asks(painter) if ask[0].startswith(f"a {thing}")]
        assert len(own) == line.attempt + 1
        assert own[0][:3] == expected(thing, ())
        assert own[-1] == (*expected(thing, line.adjusted), line.seed)
        assert line.attempt <= len(line.adjusted) <= 2 * line.attempt


def test_a_second_build_does_nothing(shop, painter):
    painter.asked.clear()
    before = shop.state()
    again = shop.build()
    assert (dict(again.ran), painter.asked, again.finished.fresh) == ({}, [], 6)
    assert shop.state("out") == {k[4:]: v for k, v in before.items() if k.startswith("out/")}


def test_what_is_lost_is_asked_for_again_as_it_was_accepted(shop, painter):
    outputs, locks, lines = shop.outputs(), shop.locks(), shop.lines()
    lose(shop)
    painter.asked.clear()
    assert shop.build(locked=True).finished.generated == 6
    assert sorted(ask[3] for ask in asks(painter)) == sorted(line.seed for line in lines.values())
    assert (shop.outputs(), shop.locks()) == (outputs, locks)
    assert shop.tell("verify").code == 0
    assert shop.tell("lock", "--check").code == 0


def test_an_edited_adjustment_makes_only_what_it_had_adjusted(shop, painter):
    before = shop.lines()
    moved = {id for id, labels in adjusted(shop).items() if "brightness" in labels}
    assert moved != set(before)
    shop.edit("specs/catalog.yaml", ("guidance: +0.1", "guidance: +0.2"))
    assert {id for id, action in shop.actions().items() if action == "run"} == moved
    told = shop.why(f"catalog/{min(moved)}")
    assert "  run: changed\n" in told
    assert "  params.guidance: " in told
    assert "  rules.brightness.adjust.guidance: '+0.1' → '+0.2'\n" in told
    painter.asked.clear()
    shop.build()
    assert {f"shots[thing={ask[0].split(',')[0][2:]}]@paint#0" for ask in asks(painter)} == moved
    assert {id for id, line in shop.lines().items() if line != before[id]} == moved


@pytest.mark.parametrize("edit", [("min: 0.55", "min: 0.9"), ("attempts: 30", "attempts: 2")], ids=str)
def test_thresholds_and_attempts_make_nothing_again(shop, painter, edit):
    painter.asked.clear()
    locks = shop.locks()
    shop.edit("specs/catalog.yaml", edit)
    shop.build()
    assert (painter.asked, shop.locks()) == ([], locks)


def test_rules_that_change_places_make_nothing_again(shop, painter):
    first, second = SPEC.rstrip().splitlines()[-2:]
    shop.edit("specs/catalog.yaml", (f"{first}\n{second}", f"{second}\n{first}"))
    painter.asked.clear()
    locks = shop.locks()
    assert shop.build().finished.exit_code == 0
    assert (painter.asked, shop.locks()) == ([], locks)


def test_a_rule_that_is_gone_makes_what_it_had_adjusted_stale(shop):
    moved = {id for id, labels in adjusted(shop).items() if "brightness" in labels}
    line = next(text for text in SPEC.splitlines() if "brightness" in text)
    shop.edit("specs/catalog.yaml", (f"{line}\n", ""))
    assert {id for id, action in shop.actions().items() if action == "run"} == moved
    assert "  run: rule 'brightness', which adjusted what was asked for, adjusts nothing now\n" in shop.why(
        f"catalog/{min(moved)}"
    )
    shop.build()
    assert not any("brightness" in labels for labels in adjusted(shop).values())


TWICE = SPEC.replace(
    'contrast: {min: 0.1, on_fail: reroll, adjust: {steps: -1, prompt: "+, at noon"}}',
    "brightness: {max: 0.62, on_fail: reroll, adjust: {steps: -1}}",
)


def test_two_rules_of_one_name_are_told_apart_wherever_they_stand(bench, painter):
    shop = bench({"specs/catalog.yaml": TWICE})
    assert shop.build().finished.exit_code == 0
    assert {label for labels in adjusted(shop).values() for label in labels} == {"brightness", "brightness#2"}
    first, second = TWICE.rstrip().splitlines()[-2:]
    painter.asked.clear()
    locks = shop.locks()
    shop.edit("specs/catalog.yaml", (f"{first}\n{second}", f"{second}\n{first}"))
    shop.build()
    lose(shop)
    shop.build(locked=True)
    assert (len(painter.asked), shop.locks()) == (6, locks)


def test_a_renamed_asset_takes_its_adjusted_images_along(shop, painter):
    painter.asked.clear()
    lines = shop.lines()
    shop.edit("specs/catalog.yaml", ("  shots:", "  pictures:"))
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert {id.replace("shots", "pictures"): line for id, line in lines.items()} == shop.lines()


def test_reseeded_targets_start_afresh(shop, painter):
    id, line = next((id, line) for id, line in shop.lines().items() if line.adjusted)
    assert shop.tell("lock", "--reseed", f"catalog/{id}").code == 0
    assert shop.lines()[id].adjusted == ()
    painter.asked.clear()
    shop.build()
    thing = id.split("=")[1].split("]")[0]
    assert asks(painter)[0][:3] == expected(thing, ())
    assert shop.lines()[id].attempt > line.attempt


def test_a_reroll_is_the_same_whether_or_not_the_verdict_is_remembered(shop, painter):
    shop.edit("specs/catalog.yaml", ("min: 0.55", "min: 0.6"))
    locks = shop.locks()
    shop.build(reroll=True)
    together = shop.locks()
    assert together != locks
    shop.write(locks)
    lose(shop)
    assert shop.build().finished.exit_code == 3
    shop.build(reroll=True)
    assert shop.locks() == together


def test_a_conflict_is_settled_by_what_was_adjusted(shop, painter):
    ours = shop.locks()["specs/catalog.lock"]
    shop.edit("specs/catalog.yaml", ("guidance: +0.1", "guidance: +0.2"))
    shop.build()
    theirs = shop.locks()["specs/catalog.lock"]
    assert ours != theirs
    both = [
        own if own == other else b"<<<<<<< ours\n%b\n=======\n%b\n>>>>>>> theirs" % (own, other)
        for own, other in zip(ours.split(b"\n"), theirs.split(b"\n"), strict=True)
    ]
    painter.asked.clear()
    shop.write({"specs/catalog.lock": b"\n".join(both)})
    shop.build()
    assert (painter.asked, shop.locks()["specs/catalog.lock"]) == ([], theirs)
    shop.write({"specs/catalog.lock": b"\n".join(both)})
    shop.edit("specs/catalog.yaml", ("guidance: +0.2", "guidance: +0.1"))
    shop.build()
    assert painter.asked == []
    assert not any("neither" in note for note in shop.notes())


def test_what_drifted_and_is_accepted_stays_adjusted(shop, painter):
    id, line = next((id, line) for id, line in shop.lines().items() if line.adjusted)
    lose(shop)
    painter.touch = staticmethod(lambda picture: ImageOps.mirror(ImageOps.invert(picture)))
    assert shop.build().finished.exit_code == 1
    assert shop.tell("lock", "--accept", f"catalog/{id}").code == 0
    found = shop.lines()[id]
    assert (found.adjusted, found.intent, found.seed) == (line.adjusted, line.intent, line.seed)
    assert found.image != line.image
    shop.build()
    assert shop.actions()[id] in ("fresh", "check")


def test_what_failed_for_good_is_tried_again_when_its_adjustment_changes(bench, painter):
    text = SPEC.replace("min: 0.55", "min: 1").replace("attempts: 30", "attempts: 2")
    shop = bench({"specs/catalog.yaml": text})
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 12
    shop.build()
    assert len(painter.asked) == 12
    shop.edit("specs/catalog.yaml", ("guidance: +0.1", "guidance: +0.2"))
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 18
    story = shop.why("thing=pen")
    first, second = [line for line in story.splitlines() if line.startswith("  attempt ")]
    assert first.startswith(f"  attempt 0: seed {line_seed(shop, PEN)}: brightness 0.")
    assert "guidance 6.7" in second


def test_a_fallback_is_adjusted_as_well(bench, painter):
    own = "guidance: 6.5}, fallback: [other]}\n  other: {provider: painter, source: o, params: {guidance: 3}}"
    paint = painter.paint

    def choose(self, request):
        if not request.pin.source:
            raise Refused("nothing today")
        return paint(self, request)

    painter.paint = choose
    shop = bench({"specs/catalog.yaml": SPEC.replace("guidance: 6.5}}", own)})
    assert shop.build().finished.exit_code == 0
    lines = shop.lines().values()
    assert {line.via for line in lines} == {"other"}
    assert any(line.adjusted for line in lines)
    known = {ask[3]: ask[2]["guidance"] for ask in asks(painter)}
    for line in lines:
        assert known[line.seed] == round(3 + line.adjusted.count("brightness") / 10, 1)
    outputs, locks = shop.outputs(), shop.locks()
    lose(shop)
    painter.asked.clear()
    shop.build(locked=True)
    assert (len(painter.asked), shop.outputs(), shop.locks()) == (6, outputs, locks)


def test_images_tell_what_was_really_asked(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC.replace("    attempts", "    metadata: full\n    attempts")})
    shop.build()
    id, line = next((id, line) for id, line in shop.lines().items() if "brightness" in line.adjusted)
    thing = id.split("=")[1].split("]")[0]
    told = read((shop.root / f"out/shots/{thing}_0.png").read_bytes(), "it").generation
    assert (told["prompt"], told["negative"], told["params"]) == expected(thing, line.adjusted)
    entries = msgspec.json.decode(shop.tell("manifest").out)["images"]
    entry = next(entry for entry in entries if entry["id"] == f"catalog/{id}")
    assert (entry["prompt"], entry["negative"], entry["params"]) == expected(thing, line.adjusted)
    assert entry["adjusted"] == list(line.adjusted)
    shutil.rmtree(shop.root / ".imgbuild")
    entries = msgspec.json.decode(shop.tell("manifest").out)["images"]
    entry = next(entry for entry in entries if entry["id"] == f"catalog/{id}")
    assert (entry["known"], entry["params"]) == (False, expected(thing, line.adjusted)[2])


def test_why_tells_the_story_of_the_attempts(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC.replace("min: 0.1,", "min: 0,")})
    shop.build()
    id, line = max(shop.lines().items(), key=lambda item: item[1].attempt)
    told = shop.why(f"catalog/{id}").splitlines()
    count = line.attempt
    assert count >= 2
    times = "(twice)" if count == 2 else f"({count} times)"
    assert (
        f"  locked: seed {line.seed}, attempt {count}, bitwise, adjusted by brightness {times}: "
        f"negative 'hands{', dark' * count}', guidance {round(6.5 + count / 10, 1)}" in told
    )
    tried = [text for text in told if text.startswith("  attempt ")]
    assert len(tried) == count
    first = line_seed(shop, id)
    assert tried[0].startswith(f"  attempt 0: seed {first}: brightness 0.")
    assert tried[1].startswith(
        f"  attempt 1: seed {attempt_seed(first, 1)}, negative 'hands, dark', guidance 6.6: brightness 0."
    )
    assert tried[0].endswith(" (at least 0.55)")
    shop.edit("specs/catalog.yaml", ("min: 0.55", "min: 0.4"))
    shop.build()  # checked anew: the attempts are remembered
    assert [text for text in shop.why(f"catalog/{id}").splitlines() if text.startswith("  attempt ")] == tried
    told = msgspec.json.decode(shop.tell("why", f"catalog/{id}", "--json").out)
    assert [item["attempt"] for item in told["attempts"]] == list(range(count))
    assert told["attempts"][1]["asked"] == {"negative": "hands, dark", "guidance": 6.6}
    assert told["locked"]["adjusted"] == ["brightness"] * count


def line_seed(shop, id):
    return shop.load().graph.targets[f"catalog/{id}"].seed


def test_images_that_only_their_bytes_can_keep(bench, painter):
    painter.grade = Grade.STORED
    shop = bench({"specs/catalog.yaml": SPEC})
    assert shop.build().finished.exit_code == 0
    locks = shop.locks()
    shutil.rmtree(shop.root / "out")
    painter.asked.clear()
    shop.build(locked=True)
    assert (painter.asked, shop.locks()) == ([], locks)


def test_rules_over_a_group_adjust_too(bench, painter):
    head = SPEC.split("    validate:")[0].replace("negative: hands", "seeds: 3")
    rule = "    validate: [{unique: {distance: 24, on_fail: reroll, adjust: {guidance: +1}}}]\n"
    shop = bench({"specs/catalog.yaml": head.replace("attempts: 30", "attempts: 9") + rule})
    shop.build()
    lines = shop.lines()
    assert {line.adjusted for line in lines.values()} > {()}
    assert all(line.adjusted == ("unique",) * line.attempt for line in lines.values())
    locks = shop.locks()
    lose(shop)
    shop.build()
    assert shop.locks() == locks


def test_a_set_of_rules_brings_its_adjustments(bench, painter):
    head, rules = SPEC.split("    validate:\n")
    shop = bench({"specs/catalog.yaml": f"{head}    validate: [own]\nrules:\n  own:\n{rules}"})
    assert shop.build().finished.exit_code == 0
    assert adjusted(shop)


def test_a_build_tells_what_the_next_attempt_asks(shop):
    whys = [event.why for event in shop.events if getattr(event, "state", "") == "retry"]
    assert any(
        why.endswith("(at least 0.55); next with negative 'hands, dark', guidance 6.6") for why in whys
    )
