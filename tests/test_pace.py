"""What local work costs by the hour: as it took, estimated by what was made before, and no paid request of any kind."""

import pytest
from msgspec.structs import replace

from imgbuild.keys import generate_key
from imgbuild.pace import Pace
from imgbuild.providers import PROVIDERS
from imgbuild.settings import Cost
from imgbuild.store.journal import Journal
from imgbuild.store.records import Records
from imgbuild.store.store import open_store
from imgbuild.types import Ask, Image, Pin, Record

PIN = Pin(provider="diffusers", weights="w", takes={"size": [64, 64]})
OTHER = replace(PIN, weights="other")
ASK = Ask(alias="m", prompt="a lamp", negative="", width=64, height=64, params={"steps": 4, "guidance": 5.0})
DOLLAR_A_SECOND = {"diffusers": Cost(per_hour=3600)}


@pytest.fixture
def records():
    with Records(None) as made:
        yield made


def put(records, *seconds, ask=ASK, pin=PIN, step="generate", created=1000.0):
    for number, each in enumerate(seconds):
        key, manifest = generate_key(ask, pin, number, {})
        records.put_records(
            [
                Record(
                    key=f"{key} {created}",
                    step=step,
                    blob="",
                    pixels="",
                    seconds=each,
                    created=created + number,
                    manifest=manifest,
                )
            ]
        )


def test_without_a_price_no_record_is_read(records, monkeypatch):
    monkeypatch.setattr(records, "all_records", None)
    for cost in ({}, {"other": Cost(per_hour=3600)}, {"diffusers": Cost(per_hour=0)}):
        pace = Pace(cost, records)
        pace.note(ASK, PIN, 3)
        assert (pace.has_price("diffusers"), pace.price(ASK, PIN), pace.cost("diffusers", 9)) == (
            False,
            0.0,
            0.0,
        )
    assert Pace({}, records).spent(0) == 0.0


def test_images_alike_tell(records):
    put(records, 9, 2, 3)  # the first one waited for its model
    assert Pace(DOLLAR_A_SECOND, records).price(replace(ASK, prompt="another"), PIN) == 3


def test_else_its_model_does_by_pixels_and_steps(records):
    put(records, 2)
    pace = Pace(DOLLAR_A_SECOND, records)
    assert pace.price(replace(ASK, width=128, params={"steps": 8}), PIN) == pytest.approx(8)
    assert pace.price(ASK, OTHER) is None


def test_what_is_not_generated_tells_nothing(records):
    put(records, 2, step="resize")
    put(records, 0)
    assert Pace(DOLLAR_A_SECOND, records).price(ASK, PIN) is None


def test_the_latest_tell(records):
    put(records, *[50] * 100, created=1000.0)
    put(records, *[2] * 64, created=2000.0)
    assert Pace(DOLLAR_A_SECOND, records).price(ASK, PIN) == 2


def test_what_was_just_made_tells_too(records):
    pace = Pace(DOLLAR_A_SECOND, records)
    pace.note(ASK, PIN, 3)
    assert pace.price(ASK, PIN) == 3


def test_what_was_spent_since(records):
    put(records, 2, 3, 4, created=1000.0)
    put(records, 5, pin=replace(PIN, provider="painter"), created=2000.0)
    pace = Pace({"diffusers": Cost(per_hour=1800)}, records)
    assert (pace.spent(0), pace.spent(1001), pace.spent(1003)) == (4.5, 3.5, 0.0)


# --- in a project ----------------------------------------------------------------------------------------

SPEC = """\
models: {m: {provider: oven}}
assets: {a: {prompt: "a {{ thing }}", matrix: {thing: [lamp, chair, table]}, models: [m]}}
"""


@pytest.fixture
def oven(painter, monkeypatch):
    """A device that draws one image after the other, in half a second of its own clock each."""
    clock = [100.0]

    class Oven(painter):
        name, device, seconds = "oven", True, 0.5

        def capabilities(self, model):
            return replace(super().capabilities(model), concurrency=1)

        def generate(self, requests):
            clock[0] += self.seconds * len(requests)
            return [Image(pixels=self.paint(request).pixels, seed=request.seed) for request in requests]

    monkeypatch.setitem(PROVIDERS._loaded, "oven", Oven)
    monkeypatch.setattr("imgbuild.run.making.time.perf_counter", lambda: clock[0])
    return Oven


@pytest.fixture
def shop(bench, oven):
    return bench({"specs/shop.yaml": SPEC, "imgbuild.yaml": "cost: {oven: {per_hour: 3600}}\n"})


def costs(told):
    return [line.split()[3:] for line in told.out.splitlines() if line.startswith("shop/")]


def test_a_build_costs_what_its_time_does_and_nothing_is_journaled(shop):
    ended = shop.build()
    assert (ended.finished.generated, ended.finished.cost) == (3, pytest.approx(1.5))
    assert Journal(shop.root / ".imgbuild/journal", write=False).entries() == []
    with open_store(shop.root / ".imgbuild", write=False) as store:
        made = [record for record in store.records.all_records().values() if record.step == "generate"]
    assert [(record.seconds, record.cost) for record in made] == [(0.5, 0.0)] * 3
    assert shop.build().finished.cost == 0.0


def test_locks_and_outputs_know_no_price(shop, bench):
    free = bench({"specs/shop.yaml": SPEC}, "free")
    assert free.build().finished.cost == 0.0
    shop.build()
    assert (free.locks(), free.outputs()) == (shop.locks(), shop.outputs())


def test_what_is_not_known_is_said_and_then_estimated(shop):
    assert costs(shop.tell("cost")) == [["unknown", "3", "unknown"]]
    shop.build(patterns=["thing=lamp"])
    assert costs(shop.tell("cost")) == [["$1.00", "3", "$1.50"]]
    assert "; about $1.00" in shop.tell("plan").out
    told = shop.tell("build")
    assert told.out.startswith("this build costs about $1.00\n")
    assert ", $1.00\n" in told.out.splitlines(keepends=True)[-1]


def test_a_build_stops_before_it_would_cross_its_budget(shop):
    """The price of the first is not known before it is made."""
    ended = shop.build(budget=1.2)
    assert ended.finished.cost == pytest.approx(1.0)
    (failure,) = ended.failures
    assert failure.cause == (
        "the budget of $1.20 would be crossed: $1.00 is spent or under way, and this image costs about $0.50"
    )


def test_a_build_that_would_cost_too_much_is_not_begun(shop, oven):
    shop.build(patterns=["thing=lamp"])
    told = shop.tell("build", "--budget", "0.9")
    assert (told.code, told.err) == (
        2,
        "error: this build would cost about $1.00, and $0.90 is left to spend\n"
        "hint: raise the budget, or build a selection; `imgbuild plan` shows what costs how much\n",
    )


def test_a_month_counts_what_was_made_in_it(shop):
    shop.build(patterns=["thing=lamp"])
    shop.write({"imgbuild.yaml": "cost: {oven: {per_hour: 3600}}\nbudget: {month: 1.2}\n"})
    assert shop.tell("build").err.startswith(
        "error: this build would cost about $1.00, and $0.70 is left to spend\n"
    )


def test_a_bill_is_a_bill(shop, oven, monkeypatch):
    monkeypatch.setattr(oven, "paid", True)
    monkeypatch.setattr(oven, "price", lambda self, request: 0.1)
    assert shop.build().finished.cost == pytest.approx(0.3)
