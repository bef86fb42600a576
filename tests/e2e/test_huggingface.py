"""Builds through Hugging Face's router: each image paid once, whoever serves it, and no key anywhere."""

import pytest

from imgbuild.providers.huggingface import provider
from tests.vendors.huggingface import KEY, HuggingFace, failure, of_the_sdk, window
from tests.vendors.server import Answer, serving

SPEC = """\
    version: 1
    models:
      api: {provider: huggingface, source: some/model, size: 64x32, params: {served_by: fal-ai, steps: 20}, fallback: [placeholder]}
    assets:
      heroes:
        prompt: "a {{ color }} lamp"
        negative: blurry
        matrix: {color: [red, blue, gold]}
        models: [api]
    """


@pytest.fixture
def vendor(monkeypatch, webs):
    vendor = HuggingFace()
    monkeypatch.setenv("HF_TOKEN", KEY)
    monkeypatch.setattr(provider, "PAUSE", 0.01)
    with serving(vendor) as address, of_the_sdk(address, monkeypatch):
        vendor.address = address
        monkeypatch.setattr(provider, "ADDRESS", address)
        yield vendor


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC})


def posted(vendor):
    return [asked.fields["prompt"] for asked in vendor.asked if asked.method == "POST"]


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    assert shop.build().failures == ()
    assert sorted(posted(vendor)) == ["a blue lamp", "a gold lamp", "a red lamp"]
    assert {(line.grade, line.via) for line in shop.lines().values()} == {("stored", "")}
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 3


def test_what_was_turned_down_is_asked_for_again_and_paid_once(shop, vendor):
    turned = [
        window(0),
        failure(503, "Model is currently loading", estimated_time=0.01),
        failure(500, "Later"),
    ]

    def stutter(asked):
        with vendor.lock:
            answer = turned.pop() if turned and asked.method == "POST" else None
        return answer or vendor.answer(asked)

    vendor.first = [stutter] * 30
    assert shop.build().failures == ()
    assert (vendor.billed, len(posted(vendor))) == (3, 6)


def test_who_serves_is_in_the_key(shop, vendor):
    shop.build()
    shop.edit("specs/catalog.yaml", ("served_by: fal-ai", "served_by: together"))
    assert "'fal-ai' → 'together'" in shop.why("catalog/heroes[color=red]@api#0")
    assert shop.build().failures == ()
    assert vendor.billed == 6


def test_a_flagged_image_is_a_refusal_and_a_fallback_takes_over(shop, vendor):
    vendor.flagged = ("gold",)
    assert shop.build().failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@api#0": "placeholder"
    }


def test_an_answer_that_is_lost_is_not_paid_again_unasked(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red]"), (", fallback: [placeholder]", ""))
    vendor.first = [None, Answer(504, b"")]  # the hub says who serves; the router gives up
    (failed,) = shop.build().failures
    assert failed.cause == "the server did not answer: status 504"
    (failed,) = shop.build().failures
    assert failed.cause == "this request was sent before and its answer was lost; it may have been paid for"
    assert len(posted(vendor)) == 1
    assert shop.build(resend=True).failures == ()
    assert len(posted(vendor)) == 2


def test_a_budget_wants_a_price(shop, vendor):
    causes = {failure.cause for failure in shop.build(budget=1.0).failures}
    assert causes == {"there is a budget, and it is not known what this image costs"}
    assert vendor.asked == []
    shop.edit("specs/catalog.yaml", ("size: 64x32", "size: 64x32, price: 0.25"))
    ended = shop.build(budget=1.0)
    assert (ended.failures, ended.finished.cost) == ((), 0.75)


def test_the_key_is_nowhere(shop, vendor):
    told = [shop.tell("build", "--json"), shop.tell("doctor"), shop.tell("manifest")]
    assert {item.code for item in told} == {0}
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


ERRORS = {
    "nobody serves it": (
        ("served_by: fal-ai, ", ""),
        """\
specs/catalog.yaml:3:19: a model of provider 'huggingface' needs a 'served_by'
    3 |   api: {provider: huggingface, source: some/model, size: 64x32, params: {steps: 20}, fallback: [placeholder]}
      |                   ^^^^^^^^^^^
hint: its page of the hub says who serves it; known here are fal-ai, hf-inference, nscale, replicate, together, wavespeed, zai-org
""",
    ),
    "steps that nobody hands on": (
        ("served_by: fal-ai", "served_by: nscale"),
        """\
specs/catalog.yaml:3:93: model 'api' takes no parameter 'steps'
    3 |   api: {provider: huggingface, source: some/model, size: 64x32, params: {served_by: nscale, steps: 20}, fallback: [placeholder]}
      |                                                                                             ^^^^^
hint: leave it out, or let the model say 'unsupported: {steps: drop}'; its parameters: base_url, extra_body, key, served_by, timeout
""",
    ),
}


@pytest.mark.parametrize(("change", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, vendor, change, said):
    shop.edit("specs/catalog.yaml", change, ("    negative: blurry\n", ""))
    told = shop.tell("build")
    assert (told.code, told.err, vendor.asked) == (2, said, [])
