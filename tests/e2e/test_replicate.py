"""Builds through Replicate: models pinned with what they take, each image paid once, whatever ends a build."""

import json
import random
import threading
import time

import pytest
from PIL import Image as pillow

from imgbuild.store.journal import Journal
from tests.vendors import replicate as vendors
from tests.vendors.replicate import KEY, OLD, SDXL, Replicate, throttled
from tests.vendors.server import serving

PROVIDER = "imgbuild.providers.replicate.provider"
COLORS = ("red", "blue", "green", "gold")
SPEC = """\
    version: 1
    models:
      sdxl: {{provider: replicate, source: stability-ai/sdxl, size: 64x64, params: {{base_url: "{address}", steps: 20}}, fallback: [placeholder]}}
    assets:
      heroes:
        prompt: "a {{{{ color }}}} lamp"
        matrix: {{color: [red, blue, green, gold]}}
        models: [sdxl]
    """
GONE = "this request was sent before and its answer was lost; it may have been paid for"


@pytest.fixture
def vendor(monkeypatch):
    vendor = Replicate()
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    monkeypatch.setattr(f"{PROVIDER}.FIRST", 0.01)
    with serving(vendor) as address:
        vendor.address = address
        monkeypatch.setattr(f"{PROVIDER}.ADDRESS", address)
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC.format(address=vendor.address)})


def submitted(vendor):
    posts = [asked for asked in vendor.asked if asked.method == "POST" and asked.path != "/v1/files"]
    return [asked.fields["input"]["prompt"] for asked in posts]


def entries(project):
    return Journal(project.root / ".imgbuild/journal", write=False).entries()


def pin_in(project, alias="sdxl"):
    return json.loads((project.root / "specs/catalog.lock").read_text())["models"][alias]


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_model_is_looked_up_once_and_every_image_paid_once(shop, vendor):
    ended = shop.build()
    assert ended.failures == ()
    assert sorted(submitted(vendor)) == sorted(f"a {color} lamp" for color in COLORS)
    assert len([asked for asked in vendor.asked if "/models/" in asked.path]) == 1
    assert {(line.grade, line.via) for line in shop.lines().values()} == {("perceptual", "")}
    assert all(entry.provider_id and entry.state == "settled" for entry in entries(shop))
    pin = pin_in(shop)
    assert (pin["source"], pin["revision"]) == ("stability-ai/sdxl", SDXL)
    assert pin["takes"]["inputs"]["num_inference_steps"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 50,
        "default": 28,
    }
    asked = len(vendor.asked)
    assert dict(shop.build().ran) == {}
    assert (len(vendor.asked), vendor.billed) == (asked, 4)


def test_with_the_lock_alone_the_same_version_makes_the_same_pictures(shop, vendor, monkeypatch):
    shop.build()
    before = shop.outputs()
    monkeypatch.setitem(vendors.LATEST, "stability-ai/sdxl", OLD)  # a newer version is out
    vendor.asked.clear()
    assert shop.again() == 4
    assert shop.outputs() == before
    assert not [asked for asked in vendor.asked if "/models/" in asked.path]
    assert {asked.fields["version"] for asked in vendor.asked if asked.method == "POST"} == {SDXL}
    assert shop.tell("lock", "--upgrade", "sdxl", "--trust").code == 0
    assert pin_in(shop)["revision"] == OLD


def test_official_models_are_kept_as_bytes_and_have_a_price(shop, vendor):
    shop.edit("specs/catalog.yaml", ("stability-ai/sdxl, size: 64x64", "black-forest-labs/flux-dev"))
    shop.edit("specs/catalog.yaml", (f'base_url: "{vendor.address}", ', ""))
    ended = shop.build(budget=1.0)
    assert ended.failures == ()
    assert ended.finished.cost == pytest.approx(4 * 0.025)
    assert {line.grade for line in shop.lines().values()} == {"stored"}
    pin = pin_in(shop)
    assert ("revision" in pin, pin["takes"]["official"]) == (False, True)


def test_a_price_that_nobody_knows_has_to_be_stated_under_a_budget(shop, vendor):
    failures = shop.build(budget=1.0).failures
    assert {(failure.cause, failure.hint) for failure in failures} == {
        (
            "there is a budget, and it is not known what this image costs",
            "state the model's 'price', in US dollars an image",
        )
    }
    assert vendor.billed == 0


def test_a_refusal_is_told_and_a_fallback_takes_over(shop, vendor):
    vendor.refused = ("gold",)
    assert shop.build().failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@sdxl#0": "placeholder"
    }
    assert "placeholder" in shop.why("catalog/heroes[color=gold]@sdxl#0")


def test_what_was_turned_down_is_asked_for_again_and_paid_once(shop, vendor):
    shop.build(patterns=("*red*",))
    vendor.first = [throttled(0.01), throttled(0.01)]
    assert shop.build().failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (4, 6)


def test_pictures_go_along(bench, vendor):
    files = {"specs/catalog.yaml": SPEC.format(address=vendor.address)}
    shop = bench(files)
    for name, mode in (("base", "RGB"), ("hole", "L")):
        pillow.new(mode, (64, 64), "white").save(shop.root / f"specs/{name}.png")
    shop.edit(
        "specs/catalog.yaml",
        ("models: [sdxl]", "models: [sdxl]\n    inputs: {image: base.png, mask: hole.png, strength: 0.5}"),
        (", fallback: [placeholder]", ""),
    )
    assert shop.build().failures == ()
    given = vendor.asked[1].fields["input"]
    assert (given["image"][:22], given["mask"][:22]) == ("data:image/png;base64,",) * 2
    assert given["prompt_strength"] == 0.5


def test_the_key_is_nowhere(shop, vendor):
    told = [
        shop.tell("build", "--json", "--trust"),
        shop.tell("doctor"),
        shop.tell("models"),
        shop.tell("why", "catalog/heroes[color=red]@sdxl#0"),
        shop.tell("manifest"),
    ]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_without_a_key_or_a_network_nothing_is_sent(shop, vendor, monkeypatch):
    ended = shop.build(offline=True)
    assert {failure.cause for failure in ended.failures} == {"pinning 'sdxl' needs the network"}
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    ended = shop.build()
    assert {failure.cause for failure in ended.failures} == {
        "'replicate' needs a key, and REPLICATE_API_TOKEN is not set"
    }
    assert (vendor.asked, shop.lines()) == ([], {})


def test_another_host_needs_consent(shop, vendor):
    house = vendor.address.replace("127.0.0.1", "localhost")
    shop.edit("specs/catalog.yaml", (vendor.address, house))
    told = shop.tell("build")
    assert (told.code, vendor.asked) == (2, [])
    said = f"sends prompts, pictures and what REPLICATE_API_TOKEN holds to {house.removeprefix('http://')}"
    assert said in told.err


ERRORS = {
    "a parameter that there is none of": (
        ("steps: 20", "cfg: 7"),
        "specs/catalog.yaml:3:116: model 'sdxl' takes no parameter 'cfg'",
        "hint: leave it out, or let the model say 'unsupported: {cfg: drop}'; its parameters: apply_watermark, base_url, "
        "guidance, key, scheduler, steps, strength, timeout",
    ),
    "too many steps": (
        ("steps: 20", "steps: 80"),
        "specs/catalog.yaml:3:123: parameter 'steps' of model 'sdxl' must be at most 50",
        "hint: it takes a whole number from 1 to 50",
    ),
    "a role that it does not have": (
        ("models: [sdxl]", "models: [sdxl]\n    inputs: {control: base.png}"),
        "specs/catalog.yaml:9:14: model 'sdxl' takes no input 'control'",
        "hint: leave it out, or let the model say 'unsupported: {control: drop}'",
    ),
    "a mask alone": (
        ("models: [sdxl]", "models: [sdxl]\n    inputs: {mask: base.png}"),
        "specs/catalog.yaml:9:14: input 'mask' of model 'sdxl' means nothing without an input 'image'",
        "hint: give both, or leave 'mask' out",
    ),
    "no model": (
        ("source: stability-ai/sdxl", "source: sdxl"),
        "specs/catalog.yaml:3:20: 'sdxl' is no model of provider 'replicate'",
        "hint: write owner/name, owner/name:VERSION, or deployments/owner/name",
    ),
}


@pytest.mark.parametrize(("edit", "said", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor, edit, said, hint):
    """Some of it is known only once the model was looked up, which is before anything is paid for."""
    pillow.new("RGB", (8, 8), "white").save(shop.root / "specs/base.png")
    shop.edit("specs/catalog.yaml", (", fallback: [placeholder]", ""), edit)
    told = shop.tell("build", "--trust")
    lines = [line for line in told.err.splitlines() if " | " not in line]
    assert (told.code, lines[0], lines[-1]) == (2, said, hint)
    assert (submitted(vendor), vendor.billed) == ([], 0)


def test_a_stopped_build_leaves_its_predictions_to_the_next(shop, vendor):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 4)
    stop.set()
    building.join(30)
    assert all(entry.state == "in flight" and entry.provider_id for entry in entries(shop))
    for task in vendor.tasks.values():
        task["polls"] = 0
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (4, 4)


def test_a_key_that_is_gone_meanwhile_loses_nothing_that_was_taken(shop, vendor, monkeypatch):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) == 4)
    stop.set()
    building.join(30)
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    ended = shop.build()
    assert {(failure.cause, failure.hint) for failure in ended.failures} == {
        (
            "'replicate' needs a key, and REPLICATE_API_TOKEN is not set",
            "build again: it is asked for by its name, and not paid for once more",
        )
    }
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    for task in vendor.tasks.values():
        task["polls"] = 0
    assert shop.build().failures == ()
    assert (vendor.billed, len(submitted(vendor))) == (4, 4)


@pytest.mark.parametrize("moment", [2, 4, 7, 12])
def test_killed_at_some_moment_every_image_is_paid_once(shop, vendor, moment):
    shop.edit("specs/catalog.yaml", (", fallback: [placeholder]", ""))
    vendor.polls = 10**6
    with shop.start("build", "--trust", "--plain") as process:
        wait_until(lambda: len(vendor.asked) >= moment)
        time.sleep(random.random() * 0.01)
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


def test_predictions_that_are_gone_count_as_spent(shop, vendor):
    shop.edit("specs/catalog.yaml", (", fallback: [placeholder]", ""))
    vendor.ends = [{"data_removed": True, "output": None, "input": {}}] * 4
    assert {failure.cause for failure in shop.build().failures} == {"the image is not kept any more"}
    assert {failure.cause for failure in shop.build().failures} == {GONE}
    assert vendor.billed == 4
    vendor.ends = []
    assert shop.build(resend=True).failures == ()
    assert vendor.billed == 8
