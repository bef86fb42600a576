"""What is noted of attempts: each request once, with what became of it in the end, and every refusal with its prompt."""

import shutil
import threading

import pytest
from msgspec.structs import replace

from imgbuild.errors import ProviderFailed, Refused, TargetError, Transient, Unanswered, Unavailable
from imgbuild.process.sharpen import Sharpen
from imgbuild.providers import PROVIDERS
from imgbuild.store.history import History
from imgbuild.tally import by_model, in_all, last_said
from imgbuild.types import Image

SPEC = """\
models:
  paint: {provider: painter, source: acme/one}
assets:
  shots:
    prompt: "Photo of {{ name }}"
    negative: fog
    matrix: {name: [chair, lamp, table]}
    models: [paint]
    size: 16x16
"""
FALLING = (
    "source: acme/one}",
    "source: acme/one, fallback: [other]}\n  other: {provider: second, source: acme/two}",
)


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/catalog.yaml": SPEC})


@pytest.fixture
def second(painter, monkeypatch):
    """A provider to fall back on."""
    own = type("Second", (painter,), {"name": "second", "asked": [], "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "second", own)
    return own


def history(project):
    return History(project.root / ".imgbuild")


def attempts(project):
    entries, damaged = history(project).attempts.read()
    assert damaged == 0
    return last_said(entries)


def refusals(project):
    return history(project).refusals.read()[0]


def ends(project):
    """What became of each attempt, by target and model."""
    return sorted((item.target, item.model, item.end, item.kind) for item in attempts(project))


def whole(project):
    return in_all(attempts(project), lambda provider, seconds: 0.0)


def shot(name):
    return f"catalog/shots[name={name}]@paint#0"


def failing(error):
    def fail(self, requests):
        raise error

    return fail


# --- images that were made ------------------------------------------------------------------------------


def test_an_image_is_noted_with_all_that_tells_of_it(shop, painter):
    shop.build()
    assert ends(shop) == [(shot(name), "paint", "accepted", "") for name in ("chair", "lamp", "table")]
    first = attempts(shop)[0]
    assert (first.provider, first.source, first.profile, first.cost) == ("painter", "acme/one", "", 0.0)
    assert 0 < first.seconds < 10


def test_a_build_that_asks_for_nothing_notes_nothing(shop, painter):
    shop.build()
    before = shop.state(".imgbuild")["attempts"]
    shop.build(force=True)
    shop.edit("specs/catalog.yaml", ("    size", "    process: [sharpen]\n    size"))
    assert shop.build().finished.generated == 0
    (shop.root / "out/shots/lamp_0.png").unlink()
    shop.build()
    assert shop.state(".imgbuild")["attempts"] == before


def test_each_rule_that_turned_an_image_down_is_named(shop, painter):
    rules = (
        "validate: [{brightness: {min: 0.6, on_fail: reroll}}, {dimensions: {width: 16}}]\n    attempts: 40"
    )
    shop.edit("specs/catalog.yaml", ("    size", f"    {rules}\n    size"))
    shop.build()
    item = whole(shop)
    assert item.attempts == len(painter.asked) > item.accepted == 3
    assert item.rules == {"brightness": item.turned_down}
    assert item.turned_down == item.attempts - 3


def test_one_that_is_given_up_was_turned_down_each_time(shop, painter):
    rules = "validate: [{brightness: {min: 1.0, on_fail: reroll}}]\n    attempts: 2"
    shop.edit("specs/catalog.yaml", ("    size", f"    {rules}\n    size"))
    shop.build()
    assert (whole(shop).attempts, whole(shop).turned_down) == (6, 6)
    shop.edit("specs/catalog.yaml", ("min: 1.0", "min: 0.0"))
    assert shop.build().finished.generated == 0
    item = whole(shop)
    assert (item.attempts, item.accepted, item.turned_down) == (6, 3, 3)  # what was said last of them holds


def test_rules_over_a_group_that_begin_again_count_no_request_twice(bench, painter):
    spec = SPEC.replace("[chair, lamp, table]", "[chair, lamp, table, bed, desk]")
    rule = "validate: [{unique: {distance: 26, on_fail: reroll}}]\n    attempts: 80"
    project = bench({"specs/catalog.yaml": spec.replace("    size", f"    {rule}\n    size")})
    assert project.build().finished.exit_code == 0
    item = whole(project)
    assert (item.attempts, item.accepted) == (len(painter.asked), 5)
    assert item.attempts > 5


def test_what_a_build_did_not_come_to_judge_is_noted_by_the_next(shop, painter, monkeypatch):
    rule = "validate: [{unique: {distance: 0, on_fail: reroll}}]"
    shop.edit("specs/catalog.yaml", ("    size", f"    {rule}\n    size"))
    stop = threading.Event()

    def paint(self, request, original=painter.paint):
        stop.set()  # those that were made wait for their group
        return original(self, request)

    with monkeypatch.context() as patch:
        patch.setattr(painter, "paint", paint)
        patch.setattr(
            painter,
            "capabilities",
            lambda self, model: replace(super(painter, self).capabilities(model), concurrency=1),
        )
        assert shop.build(stop=stop).finished.interrupted
    asked = len(painter.asked)
    assert attempts(shop) == []
    shop.build()
    assert len(painter.asked) == 3 > asked > 0
    assert (whole(shop).attempts, whole(shop).accepted) == (3, 3)


def test_an_image_that_serves_two_targets_was_asked_for_once(bench, painter):
    spec = "models: {paint: {provider: painter}}\nassets:\n"
    spec += "  one: {prompt: a lamp, seeds: [7]}\n  two: {prompt: a lamp, seeds: [7]}\n"
    project = bench({"specs/catalog.yaml": spec})
    assert len(project.build().failures) == 0
    assert (len(painter.asked), whole(project).attempts, whole(project).accepted) == (1, 1, 1)


def test_each_profile_has_its_own(shop):
    shop.write({"imgbuild.yaml": "profiles: {preview: {size: 8x8}}\n"})
    shop.build(profile="preview")
    assert {item.profile for item in attempts(shop)} == {"preview"}


def test_drift_is_a_failure_of_the_model(shop, painter):
    shop.build()
    painter.touch = staticmethod(lambda picture: picture.rotate(90))
    for folder in ("out", ".imgbuild"):
        shutil.rmtree(shop.root / folder)
    shop.build(patterns=("name=lamp",))
    assert ends(shop) == [(shot("lamp"), "paint", "failed", "drift")]


# --- requests that came to nothing ----------------------------------------------------------------------


def test_a_refusal_is_kept_with_its_prompt(shop, painter):
    painter.refuses.add("lamp")
    shop.build()
    (refusal,) = refusals(shop)
    assert replace(refusal, at=0.0) == replace(
        refusal,
        at=0.0,
        target=shot("lamp"),
        profile="",
        asset="catalog/shots",
        where="specs/catalog.yaml:4:3",
        model="paint",
        provider="painter",
        source="acme/one",
        prompt="Photo of lamp",
        negative="fog",
        said="'Photo of lamp' will not be painted",
        fallback="",
    )
    assert (shot("lamp"), "paint", "refused", "") in ends(shop)
    shop.build()  # it is not asked for again
    assert len(refusals(shop)) == 1


def test_a_refusal_says_who_took_over(shop, painter, second):
    shop.edit("specs/catalog.yaml", FALLING)
    painter.refuses.add("lamp")
    second.refuses.add("lamp")
    shop.build()
    assert [(item.model, item.source, item.fallback) for item in refusals(shop)] == [
        ("paint", "acme/one", "other"),
        ("other", "acme/two", ""),
    ]
    assert [item for item in ends(shop) if item[0] == shot("lamp")] == [
        (shot("lamp"), "other", "refused", ""),
        (shot("lamp"), "paint", "refused", ""),
    ]


def test_no_fallback_took_over_that_could_not_be_pinned(shop, painter, second, monkeypatch):
    shop.edit("specs/catalog.yaml", FALLING)
    painter.refuses.add("lamp")
    monkeypatch.setattr(second, "pin", failing(TargetError("no such model")))
    shop.build()
    assert [item.fallback for item in refusals(shop)] == [""]


def test_a_request_that_is_refused_for_two_targets_is_one_attempt_and_told_of_both(bench, painter):
    painter.refuses.add("lamp")
    spec = "models: {paint: {provider: painter}}\nassets:\n"
    spec += "  one: {prompt: a lamp, seeds: [7]}\n  two: {prompt: a lamp, seeds: [7]}\n"
    project = bench({"specs/catalog.yaml": spec})
    project.build()
    assert (whole(project).attempts, whole(project).refused) == (1, 1)
    assert sorted(item.asset for item in refusals(project)) == ["catalog/one", "catalog/two"]


def test_no_key_gets_into_the_log_whatever_a_vendor_says(shop, painter, monkeypatch):
    monkeypatch.setenv("HOUSE_API_KEY", "sk-0123456789")
    monkeypatch.setenv("IMGBUILD_HOUSE_TOKEN", "Photo")  # too short to be one
    error = Refused("refused: 'sk-0123456789' may not ask for lamps")
    monkeypatch.setattr(painter, "generate", failing(error))
    shop.build(patterns=("name=lamp",))
    (refusal,) = refusals(shop)
    assert refusal.said == "refused: '(HOUSE_API_KEY)' may not ask for lamps"
    assert refusal.prompt == "Photo of lamp"
    assert b"sk-0123456789" not in (shop.root / ".imgbuild/refusals").read_bytes()


KINDS = {
    "no answer": Unanswered("cut off"),
    "not made": ProviderFailed("the model is gone"),
    "broke": KeyError("data"),
    "failed": TargetError("what is this"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_has_its_kind(shop, painter, monkeypatch, kind):
    monkeypatch.setattr(painter, "generate", failing(KINDS[kind]))
    shop.build()
    assert ends(shop) == [(shot(name), "paint", "failed", kind) for name in ("chair", "lamp", "table")]


def test_what_was_never_taken_is_an_attempt_once_it_is_given_up(shop, painter, monkeypatch):
    longer = 1e9  # seconds, than any call is tried for
    monkeypatch.setattr("imgbuild.run.limits.Limiter._wait", lambda self, error, tries: longer)
    monkeypatch.setattr(painter, "generate", failing(Transient("come back later")))
    shop.build(patterns=("name=lamp",))
    assert ends(shop) == [(shot("lamp"), "paint", "failed", "not taken")]


def test_who_makes_nothing_for_this_account_was_asked_for_nothing(shop, painter, monkeypatch):
    monkeypatch.setattr(painter, "generate", failing(Unavailable("no key")))
    assert shop.build().finished.failed == 3
    assert attempts(shop) == []


def test_a_lost_answer_counts_as_paid_for(shop, painter, monkeypatch):
    monkeypatch.setattr(painter, "paid", True)
    monkeypatch.setattr(painter, "price", lambda self, request: 0.25)
    monkeypatch.setattr(painter, "generate", failing(Unanswered("cut off")))
    shop.build(patterns=("name=lamp",))
    assert [(item.kind, item.cost) for item in attempts(shop)] == [("no answer", 0.25)]


def test_bytes_that_are_no_image_were_paid_for(shop, painter, monkeypatch):
    monkeypatch.setattr(painter, "paint", lambda self, request: Image(data=b"<html>", cost=0.2))
    shop.build(patterns=("name=lamp",))
    assert [(item.end, item.kind, item.cost) for item in attempts(shop)] == [("failed", "no image", 0.2)]


def test_an_image_that_could_not_be_finished_is_none_until_it_can(shop, painter, monkeypatch):
    shop.edit("specs/catalog.yaml", ("    size", "    process: [sharpen]\n    size"))

    def fail(self, picture):
        raise TargetError("too dull")

    with monkeypatch.context() as patch:
        patch.setattr(Sharpen, "apply", fail)
        shop.build()
    assert {item.kind for item in attempts(shop)} == {"not finished"}
    assert shop.build().finished.generated == 0
    assert (whole(shop).attempts, whole(shop).accepted) == (3, 3)


def test_a_build_that_was_stopped_blames_nobody_but_who_refused(shop, painter, monkeypatch):
    stop = threading.Event()
    answers = {"chair": Unanswered("stopped"), "lamp": Refused("no"), "table": Unanswered("stopped")}

    def fail(self, requests):
        stop.set()
        raise answers[requests[0].prompt.removeprefix("Photo of ")]

    monkeypatch.setattr(painter, "generate", fail)
    shop.build(stop=stop)
    assert {item[2] for item in ends(shop)} <= {"refused"}


# --- where it can't be kept -----------------------------------------------------------------------------


def test_a_build_does_not_hang_on_what_is_noted(shop, painter):
    (shop.root / ".imgbuild/attempts").mkdir(parents=True)
    (shop.root / ".imgbuild/refusals").mkdir()
    painter.refuses.add("lamp")
    assert shop.build().finished.built == 2


def test_models_that_send_no_bill_and_those_that_do_are_told_apart(shop, painter, second):
    shop.edit("specs/catalog.yaml", FALLING)
    painter.refuses.update({"lamp", "table"})
    shop.build()
    found = by_model(attempts(shop), lambda provider, seconds: 1.0 if provider == "second" else 0.0)
    assert [(name.model, item.accepted, item.refused, item.cost) for name, item in found.items()] == [
        ("other", 2, 0, 2.0),
        ("paint", 1, 2, 0.0),
    ]
