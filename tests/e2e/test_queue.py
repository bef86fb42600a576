"""Builds through a queue: whatever ends a build, what was taken is asked for again by its name, and paid once."""

import random
import threading
import time

import pytest
from PIL import Image as pillow

from imgbuild.errors import Unanswered
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Queued
from imgbuild.store.journal import Journal
from imgbuild.types import Capabilities, Grade, Image
from tests.vendors.bfl import BFL, KEY
from tests.vendors.server import serving

COLORS = ("red", "blue", "green", "gold", "grey", "teal")
SPEC = """\
    version: 1
    models:
      flux: {{provider: bfl, source: flux-2-pro, size: 64x64, params: {{base_url: "{address}"}}}}
    assets:
      heroes:
        prompt: "a {{{{ color }}}} lamp"
        matrix: {{color: [red, blue, green, gold, grey, teal]}}
        models: [flux]
    """
GONE = "this request was sent before and its answer was lost; it may have been paid for"


@pytest.fixture
def vendor(monkeypatch):
    vendor = BFL()
    monkeypatch.setenv("BFL_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.bfl.FIRST", 0.01)
    with serving(vendor) as address:
        vendor.address = address
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC.format(address=vendor.address)})


def submitted(vendor):
    return [asked.fields["prompt"] for asked in vendor.asked if asked.method == "POST"]


def entries(project):
    return Journal(project.root / ".imgbuild/journal", write=False).entries()


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_every_image_is_taken_and_paid_once(shop, vendor):
    ended = shop.build()
    assert ended.failures == ()
    assert sorted(submitted(vendor)) == sorted(f"a {color} lamp" for color in COLORS)
    assert ended.finished.cost == pytest.approx(6 * 0.045)
    assert all(entry.provider_id and entry.state == "settled" for entry in entries(shop))
    assert {line.grade for line in shop.lines().values()} == {"perceptual"}
    assert KEY.encode() not in (shop.root / ".imgbuild/journal").read_bytes()
    shop.build()
    assert vendor.billed == 6


def test_a_stopped_build_leaves_its_tasks_to_the_next(shop, vendor):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 6)
    stop.set()
    building.join(30)
    assert all(entry.state == "in flight" and entry.provider_id for entry in entries(shop))
    for task in vendor.tasks.values():
        task["polls"] = 0
    ended = shop.build(budget=0.0)  # what is under way was counted before
    assert ended.failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (6, 6)
    assert sum(entry.cost for entry in entries(shop)) == pytest.approx(6 * 0.045)


def test_what_is_under_way_is_asked_for_though_what_went_into_it_has_to_be_made_again(bench, vendor):
    spec = SPEC.replace(
        "      heroes:\n",
        "      base: {{prompt: a lamp, models: [placeholder], size: 64x64}}\n      heroes:\n",
    )
    spec = f"{spec}    inputs: {{{{reference: {{{{asset: base}}}}}}}}\n"
    shop = bench({"specs/catalog.yaml": spec.format(address=vendor.address)})
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 6)
    stop.set()
    building.join(30)
    for blob in (shop.root / ".imgbuild/blobs").glob("??/*"):
        if not blob.suffix:
            blob.write_bytes(bytes(blob.stat().st_size))  # damaged, as is found when it is read
    vendor.polls = 0
    for task in vendor.tasks.values():
        task["polls"] = 0
    ended = shop.build()
    assert ended.failures == ()
    assert ended.ran["generate"] == 7
    assert (vendor.billed, len(submitted(vendor))) == (6, 6)
    assert {entry.state for entry in entries(shop)} == {"settled"}


def kill(shop, vendor, moment):
    """Kill a build in the middle, by the number of requests that it had sent."""
    vendor.polls = 10**6
    with shop.start("build", "--trust", "--plain") as process:
        wait_until(lambda: len(vendor.asked) >= moment)
        time.sleep(random.random() * 0.01)
        process.kill()
        process.wait(30)
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0


def killed(shop, vendor, moment):
    """What a kill at that moment leaves to the next build: no image is paid twice, and every loss is told."""
    kill(shop, vendor, moment)
    ended = shop.build()
    nameless = [failure for failure in ended.failures if failure.cause == GONE]
    assert len(nameless) == len(ended.failures)  # killed between the journal's line and the vendor's name
    assert len(submitted(vendor)) == len(set(submitted(vendor))) == vendor.billed
    assert len(shop.lines()) == 6 - len(nameless)
    assert all(entry.state == "settled" for entry in entries(shop) if entry.provider_id)
    assert dict(shop.build().ran) == {}
    assert len(submitted(vendor)) == vendor.billed


@pytest.mark.parametrize("moment", [1, 3, 6, 9, 14, 25])
def test_killed_at_some_moment_every_image_is_paid_once(shop, vendor, moment):
    killed(shop, vendor, moment)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(10))
def test_killed_at_any_moment_every_image_is_paid_once(bench, vendor, share):
    """A hundred kills, after so many requests, and a little later still."""
    dice = random.Random(share)
    for number in range(10):
        vendor.asked.clear()
        vendor.tasks.clear()
        vendor.billed = 0
        shop = bench({"specs/catalog.yaml": SPEC.format(address=vendor.address)}, f"project-{number}")
        killed(shop, vendor, dice.randrange(1, 40))


def test_tasks_that_are_gone_count_as_spent_and_are_sent_again_only_if_asked(shop, vendor):
    kill(shop, vendor, 12)
    known = {entry.key for entry in entries(shop) if entry.provider_id}
    vendor.tasks.clear()
    ended = shop.build()
    gone = [failure for failure in ended.failures if failure.cause == "the task is not known any more"]
    assert len(gone) == len(known) > 0
    before = vendor.billed
    causes = {failure.cause for failure in shop.build().failures}
    assert causes == {GONE}
    assert vendor.billed == before
    assert shop.build(resend=True).failures == ()
    assert len(shop.lines()) == 6


def test_polls_that_fail_hand_nothing_in_again(shop, vendor):
    from tests.vendors.server import Answer

    vendor.polls, failed = 2, []

    def stutter(asked):
        with vendor.lock:
            fails = asked.method == "GET" and "id=" in asked.path and len(failed) < 8
            if fails:
                failed.append(1)
        return Answer(503, {"detail": "busy"}) if fails else vendor.answer(asked)

    vendor.first = [stutter] * 60
    ended = shop.build()
    assert ended.failures == ()
    assert (len(failed), len(submitted(vendor)), vendor.billed) == (8, 6, 6)


def test_a_task_is_not_given_up_where_its_key_is_missing(shop, vendor, monkeypatch):
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", "[red]"))
    kill(shop, vendor, 2)
    monkeypatch.delenv("BFL_API_KEY")
    (failed,) = shop.build().failures
    assert (failed.cause, failed.hint) == (
        "'bfl' needs a key, and BFL_API_KEY is not set",
        "build again: it is asked for by its name, and not paid for once more",
    )
    monkeypatch.setenv("BFL_API_KEY", KEY)
    assert shop.build().failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (1, 1)


class Either(Queued):
    """Draws at once what is blue, and takes the rest into a queue."""

    name, paid = "either", True
    submitted, made = [], []

    def capabilities(self, model):
        return Capabilities(
            takes=frozenset(), grade=Grade.STORED, params={"all": {}}, unkeyed=frozenset({"all"})
        )

    def queues(self, request):
        return "all" in request.params or "blue" not in request.prompt

    def submit(self, request):
        self.submitted.append(request.prompt)
        return request.prompt

    def collect(self, ticket, request, pause):
        if "all" in request.params:
            raise Unanswered("it is still under way")
        return self.draw(ticket)

    def generate(self, requests):
        self.made.extend(request.prompt for request in requests)
        return [self.draw(request.prompt) for request in requests]

    def draw(self, prompt):
        return Image(pixels=pillow.new("RGB", (8, 8), "blue" if "blue" in prompt else "red"))


EITHER = """\
    version: 1
    models: {m: {provider: either, price: 0.1}}
    assets: {lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [m]}}
    """


def test_a_provider_may_answer_some_requests_at_once(bench, monkeypatch):
    monkeypatch.setitem(PROVIDERS._loaded, "either", Either)
    monkeypatch.setattr(Either, "submitted", [])
    monkeypatch.setattr(Either, "made", [])
    shop = bench({"specs/catalog.yaml": EITHER})
    assert shop.build().failures == ()
    assert (Either.submitted, Either.made) == (["a red lamp"], ["a blue lamp"])
    assert {entry.provider_id for entry in entries(shop)} == {"a red lamp", ""}
    assert shop.build().finished.cost == 0


def test_what_has_a_ticket_is_collected_whatever_the_model_is_now(bench, monkeypatch):
    monkeypatch.setitem(PROVIDERS._loaded, "either", Either)
    monkeypatch.setattr(Either, "submitted", [])
    monkeypatch.setattr(Either, "made", [])
    shop = bench({"specs/catalog.yaml": EITHER.replace("price: 0.1", "price: 0.1, params: {all: true}")})
    assert len(shop.build().failures) == 2
    shop.edit("specs/catalog.yaml", (", params: {all: true}", ""))
    assert shop.build().failures == ()
    assert (sorted(Either.submitted), Either.made) == (["a blue lamp", "a red lamp"], [])
