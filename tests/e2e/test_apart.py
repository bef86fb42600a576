"""Requests that are paid for, made by processes beside the build: as one process makes them, each sent and paid once."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter

import pytest

from imgbuild.store.journal import Journal
from tests.vendors.openai import KEY, OpenAI, busy, drawn, failure, used_up
from tests.vendors.server import serving

pytestmark = pytest.mark.slow

COUNT = 48
SPEC = f"""\
    version: 1
    models:
      api: {{{{provider: openai, source: gpt-image-2, size: 64x32, params: {{{{quality: low, base_url: "{{address}}/v1"}}}}}}}}
    assets:
      lamps:
        prompt: "lamp {{{{{{{{ number }}}}}}}}"
        matrix: {{{{number: [{", ".join(map(str, range(COUNT)))}]}}}}
        models: [api]
        process: [{{{{resize: {{{{width: 16, height: 8}}}}}}}}]
        validate: [{{{{brightness: {{{{max: 0.99}}}}}}}}]
    """
SETTINGS = "limits: {openai: {concurrency: 32}}\n"
LOST = "the process that made this image ended"
COST = (40 * 5 + 10 * 8 + 1000 * 30) / 1e6


class Vendor(OpenAI):
    """Gives equal pictures for equal prompts, so that builds can be compared."""

    def made(self, fields):
        with self.lock:
            self.billed += 1
        return drawn(fields, fields["prompt"])


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.pipeline.CREW_PAYS", 1)
    with serving(vendor) as address:
        vendor.address = address
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC.format(address=vendor.address), "imgbuild.yaml": SETTINGS})


def entries(project):
    return Journal(project.root / ".imgbuild/journal", write=False).entries()


def sent(vendor):
    return Counter(asked.fields["prompt"] for asked in vendor.asked)


def wait_until(true):
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_other_processes_make_what_this_one_would(bench, shop, vendor):
    alone = bench({"specs/catalog.yaml": SPEC.format(address=vendor.address)}, folder="alone")
    assert alone.build(jobs=1).failures == ()
    clients = len({asked.headers["User-Agent"] for asked in vendor.asked})
    vendor.asked.clear()
    began = set(multiprocessing.active_children())
    ended = shop.build(jobs=2)
    assert ended.failures == ()
    assert set(multiprocessing.active_children()) == began
    assert (len(sent(vendor)), len(vendor.asked), clients) == (COUNT, COUNT, 1)
    assert ended.finished.cost == pytest.approx(COUNT * COST)
    assert (shop.outputs(), shop.locks()) == (alone.outputs(), alone.locks())
    assert {(entry.state, entry.cost) for entry in entries(shop)} == {
        (entry.state, entry.cost) for entry in entries(alone)
    }
    assert dict(shop.build(jobs=2).ran) == {}


def test_turned_down_there_is_turned_down_here(shop, vendor):
    """429, with and without a wait, and 500s that were not taken: the pace and the breaker hear of them."""
    vendor.first = [busy(0.05), busy(), busy(0.05)]
    assert shop.build(jobs=2).failures == ()
    assert (vendor.billed, len(vendor.asked)) == (COUNT, COUNT + 3)
    assert {entry.state for entry in entries(shop)} == {"settled"}


def test_what_is_left_is_heard_from_there(shop, vendor):
    """The limit of the first answers, sixty a second from now on, holds for all processes together."""
    answer, came = used_up(vendor, 3600)
    together = threading.Barrier(32)

    def when_all_are_under_way(asked):
        given = answer(asked)
        together.wait(60)
        return given

    vendor.first = [when_all_are_under_way] * 32 + [answer] * (COUNT - 32)
    assert shop.build(jobs=2).failures == ()
    assert vendor.billed == COUNT
    assert came[-1] - came[31] >= (COUNT - 32) / 60 - 0.1


def test_a_refusal_and_a_key_that_is_not_taken(shop, vendor):
    vendor.refused = ("lamp 7",)
    failures = shop.build(jobs=2).failures
    assert [failed.id for failed in failures] == ["catalog/lamps[number=7]@api#0"], failures
    (failed,) = failures
    assert (failed.cause, failed.hint) == (
        "refused: Your request was rejected by the safety system.",
        "say it otherwise, or name a 'fallback'",
    )
    assert Counter(entry.state for entry in entries(shop)) == {"settled": COUNT - 1, "abandoned": 1}
    vendor.first = [failure(401, "Incorrect API key provided.", "invalid_api_key")]
    shop.edit("specs/catalog.yaml", ('"lamp {{', '"red lamp {{'))
    assert len(shop.build(jobs=2).failures) > 1


def test_an_image_is_paid_for_and_kept_when_a_later_step_fails(shop, vendor):
    shop.edit("specs/catalog.yaml", ("{resize: {width: 16, height: 8}}", "{crop: {width: 640, height: 320}}"))
    failures = shop.build(jobs=2).failures
    assert len(failures) == COUNT
    assert {entry.state for entry in entries(shop)} == {"settled"}
    shop.edit("specs/catalog.yaml", ("{crop: {width: 640, height: 320}}", "{crop: {width: 16, height: 8}}"))
    assert shop.build(jobs=2).failures == ()
    assert (vendor.billed, len(vendor.asked)) == (COUNT, COUNT)


def test_a_process_that_dies_loses_what_it_was_at_and_no_more(shop, vendor):
    """It may have been paid for; the others are made by a process that takes its place."""

    def kill_one(asked):
        wait_until(lambda: len(vendor.asked) >= 8)
        multiprocessing.active_children()[0].kill()
        return vendor.answer(asked)

    vendor.first = [kill_one]
    failures = shop.build(jobs=2).failures
    assert failures
    assert {(failed.cause, failed.hint) for failed in failures} == {
        (LOST, "was it out of memory? build again")
    }
    states = Counter(entry.state for entry in entries(shop))
    assert states == {"in flight": len(failures), "settled": COUNT - len(failures)}
    assert set(sent(vendor).values()) == {1}
    before = len(vendor.asked)
    left = shop.build(jobs=2).failures  # without those that it had kept and not told of yet
    assert len(vendor.asked) == before
    assert {failed.id for failed in left} <= {failed.id for failed in failures}
    assert shop.build(jobs=2, resend=True).failures == ()
    assert len(vendor.asked) == before + len(left)


def test_an_interrupt_that_waits_for_nothing_ends_them(shop, vendor):
    held = threading.Event()

    def hold(asked):
        held.wait(60)
        return vendor.answer(asked)

    def interrupt():
        wait_until(lambda: len(vendor.asked) >= 8)
        os.kill(os.getpid(), signal.SIGINT)

    vendor.first = [hold] * COUNT
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        shop.build(jobs=2)
    thread.join()
    held.set()
    assert multiprocessing.active_children() == []
    assert {entry.state for entry in entries(shop)} <= {"in flight", "settled"}
