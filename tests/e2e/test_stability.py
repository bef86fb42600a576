"""Builds through Stability's API: each image paid once, and what it does not take told before anything is sent."""

import pytest

from imgbuild.providers import stability
from tests.vendors.server import serving
from tests.vendors.stability import KEY, Stability, busy, failure

SPEC = """\
    version: 1
    models:
      api: {provider: stability, source: ultra, size: 1280x720, fallback: [placeholder]}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        negative: blurry
        matrix: {color: [blue, gold]}
        models: [api]
      day: {prompt: "a lamp at noon", models: [api]}
      night:
        prompt: "the same lamp at night"
        models: [api]
        inputs: {image: {asset: day}, strength: 0.5}
    """


@pytest.fixture
def vendor(monkeypatch, webs):
    vendor = Stability()
    monkeypatch.setenv("STABILITY_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr(stability, "ADDRESS", address)
        yield vendor


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC})


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    vendor.first = [busy({"Retry-After": "0.01"}), failure(500, "internal_error", "Later.")]
    ended = shop.build()
    assert ended.failures == ()
    assert (vendor.billed, len(vendor.asked)) == (4, 6)
    assert ended.finished.cost == pytest.approx(4 * 0.08)
    assert {(line.grade, line.via) for line in shop.lines().values()} == {("perceptual", "")}
    assert [asked.fields["aspect_ratio"] for asked in vendor.asked] == ["16:9"] * 6
    (over,) = [asked for asked in vendor.asked if asked.files]
    assert (over.fields["prompt"], over.fields["strength"]) == ("the same lamp at night", "0.5")
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 4


def test_a_filtered_image_is_a_refusal_and_a_fallback_takes_over(shop, vendor):
    vendor.filtered = ("gold",)
    ended = shop.build()
    assert ended.failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@api#0": "placeholder"
    }


def test_the_key_is_nowhere(shop, vendor):
    told = [shop.tell("build", "--json"), shop.tell("doctor"), shop.tell("manifest")]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


ERRORS = {
    "a size of no ratio": (
        ("size: 1280x720", "size: 1280x721"),
        """\
specs/catalog.yaml:3:3: model 'api' makes no images of 1280x721
    3 |   api: {provider: stability, source: ultra, size: 1280x721, fallback: [placeholder]}
      |   ^^^
hint: leave it out, or let the model say 'unsupported: {size: drop}'; its sizes: 1024x1024, 1280x720, 720x1280, 1248x832, 832x1248, 1120x896, 896x1120, 1512x648, 648x1512
"""
        * 3,  # once an asset
    ),
    "a negative prompt for a distilled model": (
        ("source: ultra", "source: sd3.5-flash"),
        """\
specs/catalog.yaml:7:15: model 'api' takes no negative prompt
    7 |     negative: blurry
      |               ^^^^^^
hint: leave it out, or let the model say 'unsupported: {negative: drop}' or '{negative: fold}'
""",
    ),
    "a model that there is none of": (
        ("source: ultra", "source: ulta"),
        """\
specs/catalog.yaml:3:19: 'ulta' is no model of provider 'stability'
    3 |   api: {provider: stability, source: ulta, size: 1280x720, fallback: [placeholder]}
      |                   ^^^^^^^^^
hint: its models: core, ultra, sd3.5-large, sd3.5-large-turbo, sd3.5-medium, sd3.5-flash
"""
        * 3,
    ),
}


@pytest.mark.parametrize(("edit", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor, edit, said):
    shop.edit("specs/catalog.yaml", edit)
    told = shop.tell("build")
    assert (told.code, told.err, vendor.asked) == (2, said, [])
