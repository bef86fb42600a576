"""Builds through a web UI: its checkpoint is pinned by hash, nothing is drawn twice, and other machines need consent."""

import pytest

from tests.vendors.automatic1111 import SHA, WebUI, checkpoint, exception
from tests.vendors.server import Answer, serving

SPEC = """\
    version: 1
    models:
      ui: {provider: automatic1111, source: sd_xl_base_1.0, size: 64x64, params: {steps: 20}}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        negative: blurry
        matrix: {color: [red, blue]}
        models: [ui]
      rooms:
        prompt: a room
        matrix: {color: [red]}
        models: [ui]
        inputs: {image: {asset: lamps, match: [color]}}
        params: {strength: 0.5}
    """


@pytest.fixture
def webui(monkeypatch, webs):
    webui = WebUI()
    with serving(webui) as address:
        monkeypatch.setattr("imgbuild.providers.automatic1111.provider.ADDRESS", address)
        yield webui


@pytest.fixture
def shop(bench, webui):
    return bench({"specs/catalog.yaml": SPEC})


def test_every_image_is_drawn_once_with_the_seed_of_the_lock(shop, webui):
    ended = shop.build()
    assert ended.failures == ()
    assert (webui.billed, ended.finished.cost) == (3, 0)
    lines = shop.lines()
    assert {line.grade for line in lines.values()} == {"perceptual"}
    drawn = [asked for asked in webui.asked if asked.method == "POST"]
    assert sorted(asked.path for asked in drawn) == ["/sdapi/v1/img2img", *["/sdapi/v1/txt2img"] * 2]
    assert {asked.fields["seed"] for asked in drawn} == {line.seed for line in lines.values()}
    assert SHA in next((shop.root / "specs").glob("*.lock")).read_text()
    asked = len(webui.asked)
    assert dict(shop.build().ran) == {}
    assert len(webui.asked) == asked


def test_it_is_built_offline(shop, webui):
    assert shop.tell("build", "--offline", "-q").code == 0
    assert webui.billed == 3


def test_a_checkpoint_that_changed_behind_the_pin_makes_nothing(shop, webui):
    shop.edit("specs/catalog.yaml", ("[red, blue]", "[red]"))
    assert shop.build().failures == ()
    webui.checkpoints = [checkpoint("sd_xl_base_1.0", "f" * 64)]
    shop.edit(
        "specs/catalog.yaml",
        ("blurry\n    matrix: {color: [red]}", "blurry\n    matrix: {color: [red, blue]}"),
    )
    assert [failure.cause for failure in shop.build().failures] == [
        "the web UI drew with checkpoint ffffffffff, and 31e35c80fc is pinned"
    ]


def test_what_fails_is_told_and_a_fallback_takes_over(shop, webui):
    shop.edit("specs/catalog.yaml", ("params: {steps: 20}", "params: {steps: 20}, fallback: [placeholder]"))
    shop.edit("specs/catalog.yaml", ("[red, blue]", "[red]"))
    webui.first = [Answer(200, webui.checkpoints), exception("OutOfMemoryError", "CUDA out of memory.")]
    assert shop.build().failures == ()
    assert {name: line.via for name, line in shop.lines().items()} == {
        "lamps[color=red]@ui#0": "placeholder",
        "rooms[color=red]@ui#0": "",
    }


def test_another_machine_needs_consent(shop, webui):
    shop.edit(
        "specs/catalog.yaml",
        ("params: {steps: 20}", "params: {steps: 20, base_url: 'http://gpu.example:7860'}"),
    )
    told = shop.tell("build")
    assert (told.code, webui.asked) == (2, [])
    assert "sends prompts and pictures to gpu.example:7860, which is another machine" in told.err


ERRORS = {
    "an address with a login": (
        ("steps: 20", "base_url: 'http://127.0.0.1@gpu.example'"),
        "parameter 'base_url' of model 'ui' is not written as it must be",
    ),
    "a size between": (("size: 64x64", "size: 68x64"), "model 'ui' makes no images of 68x64"),
    "another's key": (
        ("steps: 20", "key: AWS_SECRET"),
        "parameter 'key' of model 'ui' is not written as it must be",
    ),
    "a strength over nothing": (
        ("negative: blurry", "params: {strength: 0.5}"),
        "parameter 'strength' of model 'ui' means nothing without an input 'image'",
    ),
}


@pytest.mark.parametrize(("edit", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, webui, edit, said):
    shop.edit("specs/catalog.yaml", edit)
    told = shop.tell("build")
    assert (told.code, webui.asked) == (2, [])
    assert told.err.splitlines()[0].partition(": ")[2] == said
