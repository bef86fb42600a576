"""Builds through Google's API: each image paid once, by the seed that the lock has, and no key anywhere."""

import pytest

from tests.vendors.google import KEY, USAGE, Google, busy, finished
from tests.vendors.server import serving

SPEC = """\
    version: 1
    models:
      api: {provider: google, source: gemini-3.1-flash-image, size: 512x512, fallback: [placeholder]}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue, gold]}
        models: [api]
    """
COST = (50 * 0.5 + USAGE["candidatesTokenCount"] * 60 + USAGE["thoughtsTokenCount"] * 3) / 1e6


@pytest.fixture
def vendor(monkeypatch):
    vendor = Google()
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr("imgbuild.providers.google.provider.ADDRESS", address)
        yield vendor


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC})


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    vendor.first = [busy("0.01s")]
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, len(vendor.asked)) == (3, 4)
    assert ended.finished.cost == pytest.approx(3 * COST)
    lines = shop.lines()
    assert {(line.grade, line.via) for line in lines.values()} == {("stored", "")}
    sent = {asked.fields["generationConfig"]["seed"] for asked in vendor.asked}
    assert sent == {line.seed for line in lines.values()}
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 3


def test_a_refusal_is_told_and_a_fallback_takes_over(shop, vendor):
    vendor.refused = ("gold",)
    assert shop.build().failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@api#0": "placeholder"
    }
    assert vendor.billed == 2


def test_an_answer_without_an_image_is_not_paid_again_unasked(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red]"))
    vendor.first = [finished("STOP")]
    assert [failure.cause for failure in shop.build().failures] == ["the answer has no image in it"]
    assert [failure.cause for failure in shop.build().failures] == [
        "this request was sent before and its answer was lost; it may have been paid for"
    ]
    assert len(vendor.asked) == 1
    assert shop.build(resend=True).failures == ()
    assert vendor.billed == 1


def test_the_key_is_nowhere(shop, vendor):
    told = [shop.tell("build", "--json"), shop.tell("doctor"), shop.tell("manifest")]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_size_that_there_is_none_of_is_an_error_before_anything_is_sent(shop, vendor):
    shop.edit("specs/catalog.yaml", ("gemini-3.1", "gemini-2.5"))
    told = shop.tell("build")
    assert (told.code, vendor.asked) == (2, [])
    assert told.err == (
        """\
specs/catalog.yaml:3:3: model 'api' makes no images of 512x512
    3 |   api: {provider: google, source: gemini-2.5-flash-image, size: 512x512, fallback: [placeholder]}
      |   ^^^
hint: leave it out, or let the model say 'unsupported: {size: drop}'; its sizes: 1024x1024, 832x1248, 1248x832, 864x1184, 1184x864, 896x1152, 1152x896, 768x1344, 1344x768, 1536x672
"""
    )
