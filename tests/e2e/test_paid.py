"""Money: nothing is sent before it is written down, nothing is sent twice, nothing that was bought is lost."""

import os
import re
import shutil
import signal
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from msgspec.structs import replace

from imgbuild.errors import ProviderFailed, TargetError, Transient, Unanswered, UsageError
from imgbuild.expand.seeds import attempt_seed
from imgbuild.keys import generate_key
from imgbuild.process.sharpen import Sharpen
from imgbuild.providers import PROVIDERS
from imgbuild.report.events import NearBudget
from imgbuild.store.journal import Journal
from imgbuild.store.records import Records
from imgbuild.types import Ask, Grade, Image

SPEC = """
    models:
      api: {provider: vendor}
    assets:
      shots:
        prompt: "Photo of {{ name }}"
        matrix: {name: [chair, lamp, table]}
        models: [api]
    """
PRICE = 0.25
LOST = "this request was sent before and its answer was lost; it may have been paid for"
FIRST = "catalog/shots[name=chair]@api#0"


@pytest.fixture
def vendor(painter, monkeypatch):
    """The painter as a seller: one request at a time, each at a price. bill: what it says an image has cost."""

    class Vendor(painter):
        name = "vendor"
        paid = network = True
        bill = None

        def capabilities(self, model):
            return replace(super().capabilities(model), concurrency=1)

        def price(self, request):
            return PRICE

        def paint(self, request):
            return replace(super().paint(request), cost=self.bill)

    monkeypatch.setitem(PROVIDERS._loaded, "vendor", Vendor)
    return Vendor


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC})


def journal(project):
    return Journal(project.root / ".imgbuild/journal", write=False)


def states(project):
    return [entry.state for entry in journal(project).entries()]


def prompts(vendor):
    return [request.prompt.removeprefix("Photo of ") for request in vendor.asked]


def key_of(request):
    names = ("prompt", "negative", "width", "height", "params")
    ask = Ask(alias="", **{name: getattr(request, name) for name in names})
    return generate_key(ask, request.pin, request.seed, {})[0]


def told(ended):
    return {(failure.cause, failure.hint) for failure in ended.failures}


# --- what is written, and when ------------------------------------------------------------------------


def test_a_request_is_on_the_disk_before_it_is_sent(shop, vendor, monkeypatch):
    place, fsync = shop.root / ".imgbuild/journal", os.fsync
    synced, found = [], []

    def note(descriptor):
        fsync(descriptor)
        if place.exists() and os.fstat(descriptor).st_ino == place.stat().st_ino:
            synced.append(place.stat().st_size)

    class Looking(vendor):
        def paint(self, request):
            entry = next(item for item in journal(shop).in_flight() if item.key == key_of(request))
            found.append((entry.provider, entry.estimate, synced[-1] == place.stat().st_size))
            return super().paint(request)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setitem(PROVIDERS._loaded, "vendor", Looking)
    shop.build()
    assert found == [("vendor", PRICE, True)] * 3


def test_what_a_request_was_for_is_written_down_with_it(shop, vendor):
    """Target, asset, model and build; of equal requests, the target that sent it."""
    shop.edit("specs/catalog.yaml", ("{provider: vendor}", "{provider: vendor, source: vendor/model}"))
    shop.build(patterns=("*chair*", "*lamp*"))
    shop.build()
    purposes = [entry.purpose for entry in journal(shop).entries()]
    assert {(item.asset, item.model, item.source) for item in purposes} == {
        ("catalog/shots", "api", "vendor/model")
    }
    assert sorted(item.target for item in purposes) == [
        f"catalog/shots[name={name}]@api#0" for name in ("chair", "lamp", "table")
    ]
    first, also_first, second = (item.build for item in purposes)
    assert first == also_first != second
    assert re.fullmatch(r"20[0-9]{6}T[0-9]{6}Z-[0-9a-f]{4}", first)


def test_what_a_fallback_was_asked_for_is_noted_as_its_own(bench, vendor, monkeypatch):
    vendor.refuses.add("lamp")
    other = type("Other", (vendor,), {"name": "other", "refuses": set()})
    monkeypatch.setitem(PROVIDERS._loaded, "other", other)
    spec = """
        models:
          api: {provider: vendor, fallback: [spare]}
          spare: {provider: other, source: another/model}
        assets: {lamp: {prompt: a lamp, models: [api]}}
        """
    project = bench({"specs/catalog.yaml": spec})
    assert project.build().finished.built == 1
    assert [(entry.provider, entry.state, entry.purpose.model) for entry in journal(project).entries()] == [
        ("vendor", "abandoned", "api"),
        ("other", "settled", "spare"),
    ]


def test_what_was_paid_is_counted_as_billed_else_as_estimated(shop, vendor):
    vendor.bill = 0.3
    assert shop.build().finished.cost == pytest.approx(0.9)
    assert journal(shop).spent() == pytest.approx(0.9)
    assert {entry.blob for entry in journal(shop).entries()} == {line.raw for line in shop.lines().values()}
    vendor.bill = None
    shop.edit("specs/catalog.yaml", ("Photo", "Picture"))
    assert shop.build().finished.cost == pytest.approx(3 * PRICE)
    assert journal(shop).spent() == pytest.approx(0.9 + 3 * PRICE)
    assert states(shop) == ["settled"] * 6
    assert shop.build().finished.cost == 0


def test_what_goes_in_counts_alike_in_the_plan_and_in_the_budget(shop, vendor, monkeypatch):
    def price(self, request):
        return PRICE + sum(width * height for width, height in request.given.get("image", ())) / 1e5

    monkeypatch.setattr(vendor, "price", price)
    shop.write({"specs/photo.png": picture(vendor)})  # 16 × 16
    shop.edit("specs/catalog.yaml", ("models: [api]", "models: [api]\n    inputs: {image: photo.png}"))
    assert "about $0.76" in shop.tell("plan").out
    shop.build(budget=3 * (PRICE + 0.00256))
    assert [entry.estimate for entry in journal(shop).entries()] == [pytest.approx(PRICE + 0.00256)] * 3


def test_equal_requests_are_paid_once(bench, vendor):
    spec = """
        models: {api: {provider: vendor}}
        assets:
          whole: {prompt: a lamp, seeds: [7]}
          small: {prompt: a lamp, seeds: [7], process: [{resize: {width: 8, height: 8}}]}
        """
    project = bench({"specs/catalog.yaml": spec})
    assert project.tell("plan").out.splitlines()[-1] == "2 targets: 2 unpinned; about $0.25"
    total = project.tell("cost").out.splitlines()[-2]
    assert total.split() == ["total", "2", "$0.25", "2", "$0.25"]
    ended = project.build(budget=PRICE)
    assert (ended.finished.built, ended.finished.cost, len(vendor.asked)) == (2, PRICE, 1)
    assert len(project.outputs()) == 2
    project.edit(
        "specs/catalog.yaml", ("  small:", "  other: {prompt: a lamp, seeds: [7], format: webp}\n  small:")
    )
    assert project.build(budget=0.0).finished.exit_code == 0
    assert len(vendor.asked) == 1


def test_equal_requests_are_refused_once(bench, vendor):
    vendor.refuses.add("lamp")
    spec = """
        models: {api: {provider: vendor}}
        assets:
          one: {prompt: a lamp, seeds: [7]}
          two: {prompt: a lamp, seeds: [7]}
        """
    project = bench({"specs/catalog.yaml": spec})
    assert told(project.build()) == {("'a lamp' will not be painted", "ask for something else")}
    assert len(vendor.asked) == 1
    assert states(project) == ["abandoned"]


def test_four_variants_without_seeds_are_four_requests(bench, vendor):
    vendor.grade = Grade.STORED
    spec = "models: {api: {provider: vendor}}\nassets: {lamp: {prompt: a lamp, seeds: 4}}\n"
    project = bench({"specs/catalog.yaml": spec})
    project.build()
    assert len({key_of(request) for request in vendor.asked}) == len(vendor.asked) == 4
    assert {line.grade for line in project.lines().values()} == {Grade.STORED}


# --- what went wrong ----------------------------------------------------------------------------------


def test_a_refusal_is_remembered_and_costs_nothing(shop, vendor):
    vendor.refuses.add("lamp")
    ended = shop.build()
    refused = {("'Photo of lamp' will not be painted", "ask for something else")}
    assert (ended.finished.exit_code, ended.finished.built) == (1, 2)
    assert told(ended) == refused
    assert journal(shop).spent() == 2 * PRICE
    vendor.asked.clear()
    ended = shop.build()
    assert (vendor.asked, ended.finished.exit_code) == ([], 1)
    assert {cause for cause, _ in told(ended)} == {cause for cause, _ in refused}


def test_a_refused_request_is_sent_again_when_it_is_another_or_that_is_said(shop, vendor):
    vendor.refuses.add("lamp")
    shop.build()
    vendor.asked.clear()
    shop.build(retry=True)
    assert prompts(vendor) == ["lamp"]
    shop.edit("specs/catalog.yaml", ("Photo of", "Photo of a"))
    shop.build()
    assert sorted(prompts(vendor)) == ["a chair", "a lamp", "a table", "lamp"]


def test_another_seed_is_another_request(bench, vendor):
    spec = """
        models: {api: {provider: vendor}}
        assets: {lamp: {prompt: a lamp, seeds: [7]}}
        """
    project = bench({"specs/catalog.yaml": spec})
    vendor.refuses.add("lamp")
    project.build()
    project.edit("specs/catalog.yaml", ("[7]", "[8]"))
    project.build()
    assert [request.seed for request in vendor.asked] == [7, 8]
    project.build()
    assert project.tell("lock", "--reseed", "lamp").code == 0
    project.build()
    assert len(vendor.asked) == 3


def test_a_permanent_failure_costs_nothing_and_is_tried_again(shop, vendor, monkeypatch):
    def fail(self, requests):
        raise ProviderFailed("the model is gone", hint="name another one")

    with monkeypatch.context() as patch:
        patch.setattr(vendor, "generate", fail)
        assert told(shop.build()) == {("the model is gone", "name another one")}
    assert (states(shop), journal(shop).spent()) == (["abandoned"] * 3, 0)
    assert shop.build().finished.built == 3


def test_an_image_is_kept_when_a_later_step_fails(shop, vendor, monkeypatch):
    shop.edit("specs/catalog.yaml", ("models: [api]", "models: [api]\n    process: [sharpen]"))

    def fail(self, picture):
        raise TargetError("too dull", hint="brighten it")

    with monkeypatch.context() as patch:
        patch.setattr(Sharpen, "apply", fail)
        ended = shop.build()
    assert told(ended) == {("too dull", "brighten it")}
    assert (ended.finished.generated, ended.finished.cost) == (3, 3 * PRICE)
    assert states(shop) == ["settled"] * 3
    vendor.asked.clear()
    ended = shop.build()
    assert dict(ended.ran) == {"sharpen": 3, "encode": 3}
    assert (vendor.asked, ended.finished.exit_code) == ([], 0)


def test_an_image_is_kept_when_its_reference_is_gone(shop, vendor):
    shop.write({"specs/wanted.png": picture(vendor)})
    rule = "models: [api]\n    validate: [{similar_to: {reference: wanted.png, distance: 64}}]"
    shop.edit("specs/catalog.yaml", ("models: [api]", rule))

    class Careless(vendor):
        def paint(self, request):
            (shop.root / "specs/wanted.png").unlink(missing_ok=True)
            return super().paint(request)

    PROVIDERS._loaded["vendor"] = Careless
    ended = shop.build()
    hint = "is it there, and readable?"
    assert told(ended) == {("specs/wanted.png can't be read: No such file or directory", hint)}
    assert ended.finished.cost == 3 * PRICE
    vendor.asked.clear()
    shop.write({"specs/wanted.png": picture(vendor)})
    PROVIDERS._loaded["vendor"] = vendor
    assert (shop.build().finished.exit_code, vendor.asked) == (0, [])


def test_an_answer_that_is_no_image_was_paid_for(shop, vendor, monkeypatch):
    monkeypatch.setattr(vendor, "paint", lambda self, request: Image(data=b"<html>", cost=0.2))
    ended = shop.build()
    cause = "what 'vendor' sent is not an image that can be read"
    assert told(ended) == {(cause, "known types: PNG, JPEG, WEBP, AVIF, TIFF, GIF, BMP, ICO")}
    assert ended.finished.cost == journal(shop).spent() == pytest.approx(0.6)
    assert states(shop) == ["settled"] * 3


def test_a_provider_that_breaks_may_have_been_paid(shop, vendor, monkeypatch):
    def trip(self, request):
        raise KeyError("data")

    with monkeypatch.context() as patch:
        patch.setattr(vendor, "paint", trip)
        ended = shop.build()
    assert {cause for cause, _ in told(ended)} == {"provider 'vendor' broke: KeyError: 'data'"}
    assert {hint.rpartition(":")[0] for _, hint in told(ended)} == {
        f"this is a bug of it, or of what it uses, at {__file__}"
    }
    assert ended.finished.cost == 3 * PRICE
    assert states(shop) == ["in flight"] * 3
    ended = shop.build()
    assert (told(ended), vendor.asked) == ({(LOST, "send it again with --resend")}, [])
    assert shop.build(resend=True).finished.built == 3


CUT = Unanswered("'vendor' did not answer within 60 s")


def cut_off(vendor, *words):
    """The vendor's answers to these requests are lost on the way."""
    paint = vendor.paint

    def lose(self, request):
        image = paint(self, request)
        if any(word in request.prompt for word in words):
            raise CUT
        return image

    return lose


def test_a_lost_answer_may_have_been_paid_for(shop, vendor, monkeypatch):
    """As after a crash: counted as spent, told as unknown, and sent again only where that is said."""
    with monkeypatch.context() as patch:
        patch.setattr(vendor, "paint", cut_off(vendor, "lamp"))
        ended = shop.build()
        assert told(ended) == {("'vendor' did not answer within 60 s", "send it again with --resend")}
        assert (ended.finished.built, ended.finished.failed, ended.finished.cost) == (2, 1, 3 * PRICE)
    assert sorted(prompts(vendor)) == ["chair", "lamp", "table"]
    assert sorted(states(shop)) == ["in flight", "settled", "settled"]
    assert journal(shop).spent() == 3 * PRICE
    for _ in range(2):
        ended = shop.build()
        assert (told(ended), len(vendor.asked)) == ({(LOST, "send it again with --resend")}, 3)
    spent = shop.tell("cost", "--spent").out.splitlines()
    assert spent[-1] == "1 request of unknown fate counted at the estimate"
    assert shop.build(resend=True).finished.built == 1
    assert prompts(vendor)[3:] == ["lamp"]
    assert journal(shop).spent() == 4 * PRICE


def test_what_was_certainly_not_taken_is_tried_again_and_paid_once(shop, vendor, monkeypatch):
    paint, busy = vendor.paint, [Transient("too many requests", retry_after=0.01)] * 2

    def hesitate(self, request):
        if busy:
            raise busy.pop()
        return paint(self, request)

    monkeypatch.setattr("random.uniform", lambda low, high: low)
    monkeypatch.setattr(vendor, "paint", hesitate)
    ended = shop.build()
    assert (ended.finished.built, ended.finished.cost, len(vendor.asked)) == (3, 3 * PRICE, 3)
    assert states(shop) == ["settled"] * 3


def test_a_lost_batch_is_not_asked_for_one_by_one(shop, vendor, monkeypatch):
    calls = []

    def lose(self, requests):
        calls.append(len(requests))
        raise CUT

    monkeypatch.setattr(vendor, "generate", lose)
    monkeypatch.setattr(
        vendor,
        "capabilities",
        lambda self, model: replace(super(vendor, self).capabilities(model), batch=3, concurrency=1),
    )
    ended = shop.build()
    assert (calls, ended.finished.failed, ended.finished.cost) == ([3], 3, 3 * PRICE)
    assert states(shop) == ["in flight"] * 3


@pytest.mark.parametrize("resend", [False, True])
def test_an_equal_request_of_the_same_build_is_not_sent_either(bench, vendor, monkeypatch, resend):
    """The second target comes to the same seed by a reroll, after the first one's answer was lost."""
    seed = attempt_seed(5, 1)
    spec = f"""
        models: {{api: {{provider: vendor}}}}
        assets:
          one: {{prompt: a lamp, seeds: [{seed}]}}
          two: {{prompt: a lamp, seeds: [5], attempts: 2, validate: [{{sharpness: {{min: 1e9, on_fail: reroll}}}}]}}
        """
    paint = vendor.paint

    def lose(self, request):
        image = paint(self, request)
        if request.seed == seed:
            raise CUT
        return image

    monkeypatch.setattr(vendor, "paint", lose)
    project = bench({"specs/catalog.yaml": spec})
    ended = project.build(resend=resend)
    assert {cause for cause, _ in told(ended)} == {CUT.message, LOST}
    assert [request.seed for request in vendor.asked] == [seed, 5]
    assert ended.finished.cost == 2 * PRICE


def test_offline_nothing_is_sent(shop, vendor):
    ended = shop.build(offline=True)
    assert ended.finished.exit_code == 1
    assert (vendor.asked, states(shop)) == ([], [])
    assert told(ended) == {("pinning 'api' needs the network", "build without --offline")}
    shop.build(patterns=("*chair*",))
    ended = shop.build(offline=True)
    assert told(ended) == {("'vendor' needs the network", "build without --offline")}
    assert (len(vendor.asked), ended.finished.fresh) == (1, 1)


def test_verify_buys_nothing(shop, vendor):
    shop.build()
    vendor.asked.clear()
    told = shop.tell("verify")
    assert told.out.splitlines()[-1] == "3 targets compared with the lock: 3 paid"
    assert (told.code, vendor.asked, journal(shop).spent()) == (0, [], 3 * PRICE)


# --- budgets ------------------------------------------------------------------------------------------


def test_a_build_above_its_budget_does_not_start(shop, vendor):
    with pytest.raises(UsageError) as caught:
        shop.build(budget=0.5)
    assert str(caught.value) == (
        "error: this build would cost about $0.75, and $0.50 is left to spend\n"
        "hint: raise the budget, or build a selection; `imgbuild plan` shows what costs how much"
    )
    assert (vendor.asked, shop.lines()) == ([], {})
    assert shop.build(budget=0.5, patterns=("*chair*", "*lamp*")).finished.built == 2


def test_a_build_stops_before_it_crosses_its_budget(shop, vendor):
    rule = "models: [api]\n    attempts: 40\n    validate: [{brightness: {min: 0.6, on_fail: reroll}}]"
    shop.edit("specs/catalog.yaml", ("models: [api]", rule))
    ended = shop.build(budget=1.0)
    assert (len(vendor.asked), ended.finished.cost) == (4, 1.0)
    over = (
        "the budget of $1.00 would be crossed: $1.00 is spent or under way, and this image costs about $0.25"
    )
    assert told(ended) == {(over, "raise --budget, or build a selection")}
    assert ended.finished.exit_code == 1
    assert len(shop.lines()) == 3 - ended.finished.failed
    ended = shop.build()
    assert ended.finished.exit_code == 0
    assert len({key_of(request) for request in vendor.asked}) == len(vendor.asked)


def test_images_that_cost_more_than_estimated_use_the_budget_up(shop, vendor):
    vendor.bill = 0.5
    ended = shop.build(budget=0.75)
    assert (len(vendor.asked), ended.finished.built) == (2, 2)
    assert ended.finished.failed == 1


def test_the_budgets_of_the_project(shop, vendor):
    shop.write({"imgbuild.yaml": "budget: {build: 0.5, month: 1.25}\n"})
    with pytest.raises(UsageError, match=r"would cost about \$0\.75, and \$0\.50 is left to spend"):
        shop.build()
    shop.build(budget=1.0)
    shop.edit("specs/catalog.yaml", ("[chair, ", "[bed, desk, chair, "))
    shop.build()
    assert journal(shop).spent() == 1.25
    shop.edit("specs/catalog.yaml", ("[bed, ", "[bath, bed, "))
    with pytest.raises(UsageError, match=r"would cost about \$0\.25, and \$0\.00 is left to spend"):
        shop.build(budget=1.0)
    assert len(vendor.asked) == 5


def test_it_is_told_once_that_a_budget_comes_to_its_end(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[chair, lamp, table]", "[a, b, c, d, e]"))
    shop.write({"imgbuild.yaml": "budget: {build: 1.25, month: 1.5}\n"})
    told = shop.tell("build", "--plain").out.splitlines()
    warnings = [line for line in told if line.startswith("warning")]
    assert warnings == [
        "warning: $1.00 of this build's budget of $1.25 is spent, and $0.25 is left",
        "warning: $1.25 of the month's budget of $1.50 is spent, and $0.25 is left",
    ]
    assert told.index(warnings[0]) < len(told) - 2  # in time: while there is something to do
    shop.edit("specs/catalog.yaml", ("[a, ", "[z, a, "))
    assert (
        "warning" not in shop.tell("build").out
    )  # of the month it was told before, and of this build it is not so
    assert (shop.tell("build").out, len(vendor.asked)) == ("up to date (6 targets)\n", 6)


def test_the_warning_as_an_event(shop, vendor):
    vendor.bill = 0.5
    shop.build(budget=1.2)
    assert [event for event in shop.events if isinstance(event, NearBudget)] == [
        NearBudget(of="build", limit=1.2, spent=1.0, left=0.2)
    ]


def test_free_work_comes_near_no_budget(bench, painter):
    project = bench(
        {
            "specs/catalog.yaml": "models: {own: {provider: painter}}\nassets: {lamp: {prompt: a lamp}}\n",
            "imgbuild.yaml": "budget: {build: 0, month: 0}\n",
        }
    )
    assert "warning" not in project.tell("plan").out + project.tell("build").out


def test_what_was_spent_in_another_month_does_not_count(shop):
    shop.write({"imgbuild.yaml": "budget: {month: 0.75}\n", ".imgbuild/.gitignore": "*\n"})
    before = datetime.now(UTC) - timedelta(days=32)
    old = Journal(shop.root / ".imgbuild/journal", clock=before.timestamp)
    old.settle(old.begin("key", "vendor", 9.0), 9.0, None)
    assert shop.build().finished.exit_code == 0


def test_the_plan_and_the_journal_tell_what_images_cost(shop, vendor):
    assert "3 targets: 3 unpinned; about $0.75" in shop.tell("plan").out
    shop.build(patterns=("*chair*",))
    assert "3 targets: 1 fresh, 2 run; about $0.50" in shop.tell("plan").out
    day = datetime.now(UTC).date().isoformat()
    assert shop.tell("cost", "--spent").out.splitlines() == [
        "day (UTC)   requests  images  unknown  spent",
        f"{day}         1       1        0  $0.25",
        "in all             1       1        0  $0.25",
    ]
    assert shop.tell("cost", "--by", "asset,model").out.splitlines() == [
        "asset          model         requests  images  unknown  spent",
        "catalog/shots  api (vendor)         1       1        0  $0.25",
        "in all                              1       1        0  $0.25",
    ]


def test_a_build_tells_first_what_it_will_cost(shop, vendor):
    shop.build(patterns=("*chair*",))
    assert shop.events[0].cost == PRICE
    told = shop.tell("build", "--plain").out.splitlines()
    assert (told[0], told[-1].partition(",")[0]) == ("this build costs about $0.50", "built 2")
    shop.build(force=True)
    assert shop.events[0].cost == 0


# --- bytes that can't be made again -------------------------------------------------------------------


@pytest.fixture
def kept(shop, vendor):
    """Three images of a model that takes no seed."""
    vendor.grade = Grade.STORED
    assert shop.build().finished.exit_code == 0
    vendor.asked.clear()
    return shop


def lose(project, *names):
    for name in names:
        shutil.rmtree(project.root / name)


@pytest.mark.parametrize("lost", ["out", ".imgbuild/blobs", ".imgbuild"])
def test_stored_bytes_come_from_wherever_they_are(kept, vendor, lost):
    before, locks = kept.outputs(), kept.locks()
    lose(kept, lost)
    assert kept.build().finished.exit_code == 0
    assert (vendor.asked, kept.outputs(), kept.locks()) == ([], before, locks)


def test_stored_bytes_that_are_nowhere_are_never_made_again(kept, vendor):
    before, locks = kept.outputs(), kept.locks()
    saved = (kept.root / "out/shots/lamp_0.png").read_bytes()
    lose(kept, ".imgbuild", "out")
    for _ in range(2):
        ended = kept.build()
        assert told(ended) == {
            (
                "its locked bytes are gone, and its model can't make them again",
                "get them back from a store, a shared cache or git, or give them up with `imgbuild lock --reseed`;"
                " the last image stays published, and is stale",
            )
        }
        assert (vendor.asked, ended.finished.exit_code, kept.locks()) == ([], 1, locks)
    kept.write({"out/shots/lamp_0.png": saved})
    assert (
        kept.tell("lock", "--reseed", "name=chair", "name=table").out
        == "2 targets reseeded; `imgbuild build` makes them\n"
    )
    ended = kept.build()
    assert (ended.finished.exit_code, sorted(prompts(vendor))) == (0, ["chair", "table"])
    assert kept.outputs()["shots/lamp_0.png"] == before["shots/lamp_0.png"]


# --- kill -9 ------------------------------------------------------------------------------------------

PLUG_IN = """
import os
import signal
from typing import ClassVar

from PIL import Image as pillow

from imgbuild.process.base import Operation
from imgbuild.providers.base import Provider
from imgbuild.types import Capabilities, Grade, Image


def die(when):
    if os.environ.get("DIES") == when:
        os.kill(os.getpid(), signal.SIGKILL)


class Shop(Provider):
    name = "shop"
    paid = network = True

    def capabilities(self, model):
        return Capabilities(takes=frozenset(), grade=Grade.STORED, concurrency=1, default_size=(16, 16))

    def price(self, request):
        return 0.25

    def generate(self, requests):
        with open("sent", "a") as file:
            file.writelines(f"{request.prompt}\\n" for request in requests)
        die(f"sent {requests[0].prompt}")
        return [Image(pixels=pillow.new("RGB", (16, 16), request.prompt)) for request in requests]


class Deadly(Operation, frozen=True):
    name: ClassVar[str] = "deadly"

    def apply(self, picture):
        die("stored")
        return picture
"""
POINTS = """
    [imgbuild.providers]
    shop = shopping:Shop
    [imgbuild.process]
    deadly = shopping:Deadly
    """
COLOURS = """
    models: {api: {provider: shop}}
    assets: {shots: {prompt: "{{ color }}", matrix: {color: [blue, red]}}}
    """


@pytest.fixture
def mortal(bench, tmp_path):
    """A project whose provider may be killed at a set moment. Its builds run in processes of their own."""
    info = tmp_path / "packages/shopping-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "shopping.py").write_text(PLUG_IN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shopping\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(dedent(POINTS))
    project = bench({"specs/catalog.yaml": COLOURS})

    def build(*flags, dies=""):
        return project.call("build", *flags, env={"PYTHONPATH": str(info.parent), "DIES": dies})

    return project, build


def sent(project):
    return project.text("sent").split()


def test_killed_before_the_answer(mortal):
    """Whether it was paid for is unknown: it is not sent again unless that is said."""
    project, build = mortal
    assert build(dies="sent red").code == -signal.SIGKILL
    assert sent(project) == ["blue", "red"]
    for _ in range(2):
        ended = build()
        assert ended.code == 1
        assert f"1 failed: {LOST}\n  catalog/shots[color=red]@api#0" in ended.out
        assert "  hint: send it again with --resend\n" in ended.out
        assert sent(project) == ["blue", "red"]
        assert list(project.outputs()) == ["shots/blue_0.png"]
    assert "1 request of unknown fate counted at the estimate" in project.tell("cost", "--spent").out
    assert build("--resend").code == 0
    assert sent(project) == ["blue", "red", "red"]
    assert journal(project).spent() == 0.75
    assert build("--resend").code == 0
    assert sent(project) == ["blue", "red", "red"]


def test_a_project_may_send_again_by_itself(mortal):
    project, build = mortal
    build(dies="sent red")
    project.write({"imgbuild.yaml": "resend: yes\n"})
    assert build().code == 0
    assert sent(project) == ["blue", "red", "red"]


@pytest.mark.parametrize("dies", ["sent red", "stored"])
def test_killed_before_the_commit(mortal, dies):
    """What was answered lies beside its blob: it is recorded again, and nothing is sent."""
    project, build = mortal
    if dies == "stored":
        project.edit("specs/catalog.yaml", ('"{{ color }}",', '"{{ color }}", process: [deadly],'))
    assert build(dies=dies).code == -signal.SIGKILL
    answered = project.root / ".imgbuild/blobs"
    assert len(list(answered.rglob("*.json"))) == 1
    with Records(project.root / ".imgbuild/state.db") as records:
        records.drop_records(records.all_records())  # should the machine be so slow that they were committed
    build()
    assert sent(project).count("blue") == 1
    assert build("--resend").code == 0
    assert sent(project).count("blue") == 1
    assert sorted(project.outputs()) == ["shots/blue_0.png", "shots/red_0.png"]


def test_a_lost_database_loses_nothing_that_was_paid_for(mortal):
    project, build = mortal
    assert build().code == 0
    before, locks = project.outputs(), project.locks()
    (project.root / ".imgbuild/state.db").unlink()
    lose(project, "out")
    assert build().code == 0
    assert (sent(project), project.outputs(), project.locks()) == (["blue", "red"], before, locks)


def picture(vendor):
    """Some bytes of a PNG."""
    from imgbuild.images import encode
    from imgbuild.types import Format, Pin, Request

    request = Request(pin=Pin(provider="vendor"), prompt="", negative="", width=16, height=16, seed=1)
    data = encode(vendor().paint(request).pixels, Format())
    vendor.asked.clear()
    return data
