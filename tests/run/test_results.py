"""How a run ended, told: figures, failures with their places and ways out, the exit code, and whether it would last."""

import threading

import pytest

from imgbuild.errors import Exit, Transient
from imgbuild.report.events import Failure, Finished

SPEC = """\
models: {paint: {provider: painter}}
assets:
  shots:
    prompt: "{{ thing }}"
    matrix: {thing: [lamp, chair]}
    models: [paint]
"""
USE = """\
  use:
    prompt: it
    models: [paint]
    matrix: {thing: [lamp, chair]}
    inputs: {image: {asset: shots}}
"""
LAMP, CHAIR = "shop/shots[thing=lamp]@paint#0", "shop/shots[thing=chair]@paint#0"


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/shop.yaml": SPEC})


def figures(built):
    """What a build counted, without its time."""
    finished = built.finished
    return {
        name: getattr(finished, name)
        for name in finished.__struct_fields__
        if name != "seconds" and getattr(finished, name)
    }


def add(shop, text):
    shop.edit("specs/shop.yaml", ("models: [paint]", f"models: [paint]\n    {text}"))


def test_what_was_built(shop):
    built = shop.build()
    assert figures(built) == {"built": 2, "generated": 2}
    assert (built.failures, built.lasting, built.locks) == ((), True, ("specs/shop.lock",))
    assert built.ran == {"generate": 2}
    assert set(built.outputs) == {"shots/lamp_0.png", "shots/chair_0.png"}
    assert isinstance(shop.events[-1], Finished)
    assert shop.events[-1] == built.finished


def test_what_was_fresh(shop):
    shop.build()
    built = shop.build()
    assert figures(built) == {"fresh": 2}
    assert built.lasting


def test_what_was_restored(shop):
    shop.build()
    (shop.root / "out/shots/lamp_0.png").unlink()
    assert figures(shop.build()) == {"fresh": 1, "restored": 1}


def test_what_was_removed(shop):
    shop.build()
    shop.edit("specs/shop.yaml", ("[lamp, chair]", "[lamp]"))
    assert figures(shop.build()) == {"fresh": 1, "removed": 1}


def test_only_what_was_chosen_is_counted(shop):
    assert figures(shop.build(patterns=("thing=lamp",))) == {"built": 1, "generated": 1}


def test_a_failure_names_target_output_place_cause_and_way_out(shop, painter):
    painter.refuses.add("lamp")
    built = shop.build()
    assert figures(built) == {"built": 1, "generated": 1, "failed": 1, "exit_code": Exit.TARGET_FAILED}
    assert built.failures == (
        Failure(
            id=LAMP,
            output="shots/lamp_0.png",
            where="specs/shop.yaml:3:3",
            cause="'lamp' will not be painted",
            hint="ask for something else",
            kind="failed",
        ),
    )
    assert [event for event in shop.events if isinstance(event, Failure)] == list(built.failures)


def test_a_failure_that_leaves_an_older_image_says_so(shop, painter):
    shop.build()
    painter.refuses.add("old")
    shop.edit("specs/shop.yaml", ("{{ thing }}", "old {{ thing }}"))
    built = shop.build()
    assert {failure.hint for failure in built.failures} == {
        "ask for something else; the last image stays published, and is stale"
    }


def test_what_is_made_from_a_failure_is_skipped(shop, painter):
    painter.refuses.add("lamp")
    shop.write({"specs/shop.yaml": SPEC + USE})
    built = shop.build()
    assert figures(built) == {
        "built": 2,
        "generated": 2,
        "failed": 1,
        "skipped": 1,
        "exit_code": Exit.TARGET_FAILED,
    }
    skipped = built.failures[1]
    assert (skipped.id, skipped.cause, skipped.hint, skipped.kind) == (
        "shop/use[thing=lamp]@paint#0",
        "an input of it failed",
        "mend that first",
        "skipped",
    )


RULE = "validate: [{{brightness: {{min: 1, on_fail: {}}}}}]"
FAILED = {"failed": 2, "exit_code": Exit.RULE_FAILED}
BROKEN = {
    "fail": ({**FAILED, "generated": 2}, FAILED, {"rule"}),
    "reroll": ({**FAILED, "generated": 6}, FAILED, {"rule"}),
    "review": ({"built": 2, "generated": 2, "review": 2}, {"fresh": 2, "review": 2}, {"review"}),
    "warn": ({"built": 2, "generated": 2}, {"fresh": 2}, set()),
}


@pytest.mark.parametrize("on_fail", BROKEN)
def test_a_broken_rule(shop, on_fail):
    first, again, kinds = BROKEN[on_fail]
    add(shop, RULE.format(on_fail))
    for told in (first, again):
        built = shop.build()
        assert figures(built) == told
        assert {failure.kind for failure in built.failures} == kinds
        assert built.lasting
        for failure in built.failures:
            assert failure.rule == "brightness (at least 1.0)"
            assert failure.cause == f"brightness {failure.figure} (at least 1.0)"


def test_a_failure_outranks_a_rule(shop, painter):
    add(shop, RULE.format("fail"))
    painter.refuses.add("lamp")
    built = shop.build()
    assert {failure.id: failure.kind for failure in built.failures} == {LAMP: "failed", CHAIR: "rule"}
    assert built.finished.exit_code == Exit.TARGET_FAILED


def test_a_locked_image_that_an_edited_rule_finds_fault_with(shop):
    shop.build()
    add(shop, RULE.format("fail"))
    for built in (shop.build(), shop.build()):
        assert {**figures(built), "fresh": 0} == {"fresh": 0, "failed": 2, "exit_code": Exit.RULE_FAILED}
        told = built.failures[0]
        assert told.cause == f"brightness {told.figure} (at least 1.0)"
        assert (told.rule, told.figure[:2]) == ("brightness (at least 1.0)", "0.")
        assert (told.kind, told.hint) == (
            "rule",
            "the locked image stays; `imgbuild build --reroll` tries other seeds",
        )
        assert built.lasting


def test_an_image_to_be_reviewed_says_how(shop):
    shop.build()
    add(shop, RULE.format("review"))
    built = shop.build()
    assert {(failure.kind, failure.hint) for failure in built.failures} == {
        ("review", "look at it, then approve or reject it by `imgbuild review`")
    }
    assert built.finished.exit_code == Exit.DONE


def test_verdicts_on_what_was_not_chosen_are_not_told(shop):
    shop.build()
    add(shop, RULE.format("fail"))
    shop.build()
    assert [failure.id for failure in shop.build(patterns=("thing=lamp",)).failures] == [LAMP]


def test_what_may_pass_does_not_last(shop, painter, monkeypatch):
    def wait(self, requests):
        raise Transient("too many requests", retry_after=1e6)

    monkeypatch.setattr(painter, "generate", wait)
    built = shop.build()
    assert (built.finished.failed, built.lasting) == (2, False)


def test_a_refusal_lasts_once_it_is_remembered(shop, painter):
    painter.refuses.add("lamp")
    assert not shop.build().lasting
    assert shop.build().lasting


def test_a_row_at_fault_lasts_with_what_is_made_from_it(shop):
    shop.write(
        {
            "specs/shop.yaml": SPEC
            + "  cut: {from: gone.png}\n  use: {prompt: it, models: [paint], inputs: {image: {asset: cut}}}\n"
        }
    )
    built = shop.build()
    assert [(failure.id, failure.kind) for failure in built.failures] == [
        ("shop/cut#0", "failed"),
        ("shop/use@paint#0", "skipped"),
    ]
    assert built.lasting


def test_an_interrupted_build_does_not_last(shop):
    stop = threading.Event()
    stop.set()
    built = shop.build(stop=stop)
    assert figures(built) == {"interrupted": True, "exit_code": Exit.INTERRUPTED}
    assert not built.lasting
