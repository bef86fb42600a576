"""Builds through fal's queue: each image paid once, whatever ends a build in between, and no key anywhere."""

import json
import threading
import time

import pytest

from imgbuild.store.journal import Journal
from tests.vendors.fal import KEY, Fal, refusal
from tests.vendors.server import Answer, serving

COLORS = ("red", "blue", "gold", "teal")
SPEC = """\
    version: 1
    models:
      flux: {{provider: fal, source: fal-ai/flux/dev, size: 64x64, params: {{base_url: "{address}"}}, fallback: [placeholder]}}
    assets:
      heroes:
        prompt: "a {{{{ color }}}} lamp"
        matrix: {{color: [red, blue, gold, teal]}}
        models: [flux]
    """
GONE = "this request was sent before and its answer was lost; it may have been paid for"


@pytest.fixture
def vendor(monkeypatch, webs):
    vendor = Fal(polls=1)
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.fal.provider.FIRST", 0.01)
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


def test_every_image_is_taken_and_paid_once(shop, vendor, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.fal.provider.ADDRESS", vendor.address)
    shop.edit("specs/catalog.yaml", (f', params: {{base_url: "{vendor.address}"}}', ""))
    ended = shop.build()
    assert ended.failures == ()
    assert sorted(submitted(vendor)) == sorted(f"a {color} lamp" for color in COLORS)
    assert ended.finished.cost == pytest.approx(4 * 0.025)  # the vendor says nothing of it, so by the list
    assert all(entry.provider_id and entry.state == "settled" for entry in entries(shop))
    assert {(line.grade, line.via) for line in shop.lines().values()} == {("stored", "")}
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 4


def test_a_refusal_is_told_and_a_fallback_takes_over(shop, vendor):
    vendor.flagged = ("gold",)
    shop.edit("specs/catalog.yaml", ("[red, blue, gold, teal]", "[gold]"))
    assert shop.build().failures == ()
    vendor.ends = [refusal()]
    shop.edit("specs/catalog.yaml", ("[gold]", "[gold, red]"))
    assert shop.build().failures == ()
    assert {line.via for line in shop.lines().values()} == {"placeholder"}


def test_a_stopped_build_leaves_its_tasks_to_the_next(shop, vendor):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 4)
    stop.set()
    building.join(30)
    assert all(entry.state == "in flight" and entry.provider_id for entry in entries(shop))
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0
    ended = shop.build(budget=0.0)  # what is under way was counted before
    assert ended.failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (4, 4)


def test_a_build_without_the_key_leaves_them_too(shop, vendor, monkeypatch):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 4)
    stop.set()
    building.join(30)
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0
    monkeypatch.delenv("FAL_KEY")
    causes = {failure.cause for failure in shop.build().failures}
    assert causes == {"'fal' needs a key, and FAL_KEY is not set"}
    monkeypatch.setenv("FAL_KEY", KEY)
    assert shop.build().failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (4, 4)


@pytest.mark.parametrize("moment", [1, 4, 7, 12])
def test_killed_at_some_moment_every_image_is_paid_once(shop, vendor, moment):
    vendor.polls = 10**6
    with shop.start("build", "--trust", "--plain") as process:
        wait_until(lambda: len(vendor.asked) >= moment)
        process.kill()
        process.wait(30)
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0
    ended = shop.build()
    nameless = [failure for failure in ended.failures if failure.cause == GONE]
    assert len(nameless) == len(ended.failures)  # killed between the journal's line and the vendor's name
    assert len(submitted(vendor)) == len(set(submitted(vendor))) == vendor.billed
    assert len(shop.lines()) == 4 - len(nameless)
    assert dict(shop.build().ran) == {}
    assert len(submitted(vendor)) == vendor.billed


def test_polls_that_fail_hand_nothing_in_again(shop, vendor):
    failed = []

    def stutter(asked):
        with vendor.lock:
            fails = asked.method == "GET" and "/status" in asked.path and len(failed) < 6
            if fails:
                failed.append(1)
        return Answer(503, {"detail": "busy"}) if fails else vendor.answer(asked)

    vendor.first = [stutter] * 60
    assert shop.build().failures == ()
    assert (len(failed), len(submitted(vendor)), vendor.billed) == (6, 4, 4)


def test_the_key_is_nowhere(shop, vendor):
    vendor.ends = [Answer(500, {"detail": f"it broke for Key {KEY}"})]
    told = [shop.tell("build", "--trust", "--json"), shop.tell("doctor"), shop.tell("manifest")]
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_host_that_is_not_the_vendors_needs_consent(shop, vendor):
    told = shop.tell("build")
    assert (told.code, vendor.asked) == (2, [])
    assert "sends prompts, pictures and what FAL_KEY holds to 127.0.0.1" in told.err


def edited(shop, *changes):
    """The spec, of the vendor's own host."""
    address = shop.text("specs/catalog.yaml").partition('base_url: "')[2].partition('"')[0]
    shop.edit("specs/catalog.yaml", (f'{{base_url: "{address}"}}', "{acceleration: high}"), *changes)


ERRORS = {
    "a value there is none of": (
        [("high", "most")],
        """\
specs/catalog.yaml:3:86: parameter 'acceleration' of model 'flux' can't be 'most'
    3 |   flux: {provider: fal, source: fal-ai/flux/dev, size: 64x64, params: {acceleration: most}, fallback: [placeholder]}
      |                                                                                      ^^^^
hint: it takes one of none, regular, high
""",
    ),
    "a model that is not known": (
        [("fal-ai/flux/dev", "someone/brush")],
        """\
specs/catalog.yaml:3:20: it is not known what model 'someone/brush' of provider 'fal' takes
    3 |   flux: {provider: fal, source: someone/brush, size: 64x64, params: {acceleration: high}, fallback: [placeholder]}
      |                    ^^^
hint: say it in its 'params', by the names on the model's page, such as {fields: {size: image_size, seed: seed, format: output_format}}
""",
    ),
    "a size of no ratio": (
        [("fal-ai/flux/dev", "fal-ai/flux-pro/kontext"), ("{acceleration: high}", "{}")],
        """\
specs/catalog.yaml:3:3: model 'flux' makes no images of 64x64
    3 |   flux: {provider: fal, source: fal-ai/flux-pro/kontext, size: 64x64, params: {}, fallback: [placeholder]}
      |   ^^^^
hint: leave it out, or let the model say 'unsupported: {size: drop}'; its sizes: 1024x1024, 1280x720, 720x1280, 1152x864, 864x1152, 1248x832, 832x1248, 1512x648, 648x1512
""",
    ),
}


@pytest.mark.parametrize(("changes", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor, changes, said):
    edited(shop, *changes)
    told = shop.tell("build")
    assert (told.code, told.err, vendor.asked) == (2, said, [])


def test_a_model_that_is_not_known_is_used_by_the_names_that_the_spec_gives(shop, vendor):
    stated = f"""{{base_url: "{vendor.address}", shape: round, fields: {{seed: dice}}}}"""
    shop.edit(
        "specs/catalog.yaml",
        ("fal-ai/flux/dev", "someone/brush/paint"),
        (f'{{base_url: "{vendor.address}"}}', stated),
    )
    assert shop.build().failures == ()
    fields = next(asked.fields for asked in vendor.asked if asked.method == "POST")
    assert fields.keys() == {"prompt", "shape", "dice"}
    told = shop.tell("why", "catalog/heroes[color=red]@flux#0", "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out.splitlines()[0])
