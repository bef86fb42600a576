"""Builds through Ideogram's API: each image paid once, fetched at once, and no key anywhere."""

import pytest

from imgbuild.providers import ideogram
from tests.vendors.ideogram import KEY, Ideogram, failure
from tests.vendors.server import Answer, serving

SPEC = """\
    version: 1
    models:
      api: {provider: ideogram, source: ideogram-v3, size: 640x1344, params: {rendering_speed: QUALITY}, fallback: [placeholder]}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        negative: blurry
        matrix: {color: [red, blue, gold]}
        models: [api]
    """


@pytest.fixture
def vendor(monkeypatch, webs):
    vendor = Ideogram()
    monkeypatch.setenv("IDEOGRAM_API_KEY", KEY)
    with serving(vendor) as address:
        vendor.address = address
        monkeypatch.setattr(ideogram, "ADDRESS", address)
        yield vendor


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC})


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    vendor.first = [Answer(429, b"", {"Retry-After": "0.01"}), failure(500, "Later.")]
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, vendor.images) == (3, {})  # each was fetched, and once
    assert [asked.method for asked in vendor.asked].count("POST") == 5
    assert ended.finished.cost == pytest.approx(3 * 0.09)
    assert {(line.grade, line.via) for line in shop.lines().values()} == {("perceptual", "")}
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 3


def test_an_image_that_is_withheld_is_a_refusal_and_a_fallback_takes_over(shop, vendor):
    vendor.unsafe = ("gold",)
    ended = shop.build()
    assert ended.failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@api#0": "placeholder"
    }


def test_an_image_that_can_not_be_fetched_is_not_paid_again_unasked(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red]"))
    vendor.first = [None, failure(404, "The link has expired.")]
    (failed,) = shop.build().failures
    assert failed.cause == "the image can't be fetched: 404"
    (failed,) = shop.build().failures
    assert failed.cause == "this request was sent before and its answer was lost; it may have been paid for"
    assert vendor.billed == 1
    assert shop.build(resend=True).failures == ()
    assert vendor.billed == 2


def test_the_key_is_nowhere(shop, vendor):
    told = [shop.tell("build", "--json"), shop.tell("doctor"), shop.tell("manifest")]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor):
    shop.edit("specs/catalog.yaml", ("QUALITY", "BEST"))
    told = shop.tell("build")
    assert (told.code, vendor.asked) == (2, [])
    assert told.err == (
        "specs/catalog.yaml:3:92: parameter 'rendering_speed' of model 'api' can't be 'BEST'\n"
        "    3 |   api: {provider: ideogram, source: ideogram-v3, size: 640x1344, params: {rendering_speed: BEST}, fallback: [placeholder]}\n"
        "      |                                                                                            ^^^^\n"
        "hint: it takes one of FLASH, TURBO, BALANCED, DEFAULT, QUALITY\n"
    )
