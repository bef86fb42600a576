"""The adapter against a queue like the vendor's: taken, polled, fetched."""

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    Gone,
    ProviderFailed,
    Refused,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.bfl import BFL
from imgbuild.types import Allowance, Grade, Model, Request
from tests.vendors.bfl import BFL as Vendor
from tests.vendors.bfl import KEY
from tests.vendors.server import Answer, serving


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor()
    monkeypatch.setenv("BFL_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.bfl.FIRST", 0.001)
    with serving(vendor) as address:
        vendor.address = address
        monkeypatch.setattr("imgbuild.providers.bfl.ADDRESS", address)
        yield vendor


@pytest.fixture
def flux(vendor):
    made = BFL()
    yield made
    made.web.close()


def request(source="flux-2-pro", inputs=None, **params):
    model = Model(provider="bfl", source=source, params=params)
    return Request(
        pin=BFL().pin(model),
        prompt="a brass lamp",
        negative="",
        width=64,
        height=96,
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def test_an_image_is_handed_in_polled_and_fetched(flux, vendor):
    waits = []
    vendor.polls = 3
    image = flux.collect(flux.submit(request(safety_tolerance=2)), request(), waits.append)
    assert decode(image.data).size == (64, 96)
    assert (image.seed, image.cost, len(waits)) == (7, 0.045, 3)
    assert image.info == {"request": next(iter(vendor.tasks))}
    assert vendor.asked[0].fields == {
        "prompt": "a brass lamp",
        "seed": 7,
        "width": 64,
        "height": 96,
        "output_format": "png",
        "safety_tolerance": 2,
    }
    assert vendor.faults == []
    assert waits == sorted(waits)


def test_prompts_are_not_rewritten_unless_asked(flux, vendor):
    flux.generate([request("flux-2-flex")])
    flux.generate([request("flux-2-flex", prompt_upsampling=True, guidance=4, steps=20)])
    first, second = (asked.fields for asked in vendor.asked if asked.method == "POST")
    assert first["prompt_upsampling"] is False
    assert (second["prompt_upsampling"], second["guidance"], second["steps"]) == (True, 4, 20)
    assert vendor.faults == []


def test_pictures_go_along(flux, vendor):
    red, blue = (pillow.new("RGB", (8, 8), color) for color in ("red", "blue"))
    flux.generate([request(inputs={"image": [red], "reference": [blue]})])
    assert {"input_image", "input_image_2"} <= vendor.asked[0].fields.keys()


SUBMITTED = {
    "throttled": (
        Answer(429, {"error": "rate_limit_exceeded", "message": "Too many tasks", "retry_after": 7}),
        Throttled,
        "too many requests: Too many tasks",
    ),
    "no credit": (
        Answer(402, {"detail": "Insufficient credits"}),
        Unavailable,
        "the account has no credit left: Insufficient credits",
    ),
    "wrong": (
        Answer(422, {"detail": [{"loc": ["body", "width"], "msg": "too small", "type": "x"}]}),
        ProviderFailed,
        "the request is not taken: width: too small",
    ),
    "no task": (Answer(200, {"status": "ok"}), Unanswered, "the answer names no task"),
    "no answer": (Answer(200, b"x", cut=True), Unanswered, None),
}


@pytest.mark.parametrize(("answer", "kind", "message"), SUBMITTED.values(), ids=SUBMITTED)
def test_what_becomes_of_handing_in(flux, vendor, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        flux.submit(request())
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert getattr(raised.value, "retry_after", None) in (None, 7)


ENDS = {
    "Request Moderated": (Refused, "refused: Request Moderated"),
    "Content Moderated": (Refused, "refused: Content Moderated"),
    "Error": (ProviderFailed, "the task failed: no luck"),
    "Task not found": (Gone, "the task is not known any more"),
}


@pytest.mark.parametrize("state", ENDS)
def test_how_tasks_end(flux, vendor, state):
    vendor.states = [state]
    with pytest.raises(ENDS[state][0]) as raised:
        flux.collect(flux.submit(request()), request(), lambda _: None)
    assert (type(raised.value), raised.value.message) == ENDS[state]


def test_a_task_that_is_gone(flux, vendor):
    ticket = flux.submit(request())
    vendor.tasks.clear()
    with pytest.raises(Gone):
        flux.collect(ticket, request(), lambda _: None)


def test_asking_that_fails_may_be_tried_again(flux, vendor):
    ticket = flux.submit(request())
    for answer in (Answer(503, b""), Answer(502, b"")):
        vendor.first = [answer]
        with pytest.raises(Transient):
            flux.collect(ticket, request(), lambda _: None)
    assert decode(flux.collect(ticket, request(), lambda _: None).data).size == (64, 96)
    assert vendor.billed == 1


def test_a_task_that_takes_too_long(flux, vendor):
    vendor.polls = 10**6
    slow = request(timeout=1)
    with pytest.raises(Unanswered) as raised:
        flux.collect(flux.submit(slow), slow, lambda _: None)
    assert raised.value.message == "the task is still Pending"


def test_the_key_goes_to_no_other_host(flux, vendor, monkeypatch):
    ticket = flux.submit(request())
    before = len(vendor.asked)
    monkeypatch.setattr("imgbuild.providers.bfl.ADDRESS", "https://api.bfl.ai")
    with pytest.raises(Unanswered, match="a host that is not the vendor's"):
        flux.collect(ticket, request(), lambda _: None)
    assert len(vendor.asked) == before
    elsewhere = msgspec.json.encode(
        {"id": "x", "poll": "https://api.bfl.ai.evil.example/x", "cost": None}
    ).decode()
    with pytest.raises(Unanswered, match="a host that is not the vendor's"):
        flux.collect(elsewhere, request(), lambda _: None)


def test_what_models_take():
    def takes(source):
        return BFL().capabilities(Model(provider="bfl", source=source))

    assert takes("flux-2-pro").takes == {"seed", "image", "reference"}
    assert takes("flux-pro-1.1").takes == {"seed"}
    assert (takes("flux-pro-1.1").multiple_of, takes("flux-pro-1.1").max_side) == (32, 1440)
    assert (takes("flux-kontext-max").concurrency, takes("flux-2-max").concurrency) == (6, 24)
    assert takes("flux-2-flex").grade is Grade.PERCEPTUAL
    with pytest.raises(ProviderFailed, match="the model names no 'source'"):
        BFL().pin(Model(provider="bfl"))


def test_what_is_left_of_its_limit_is_told(flux, vendor):
    told = []
    flux.tell_left = told.append

    def generous(asked):
        answer = vendor.answer(asked)
        answer.headers |= {"X-RateLimit-Limit": "24", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "9"}
        return answer

    vendor.first = [generous]
    flux.generate([request(), request()])
    assert told == [Allowance(calls=3, until=9.0)]
    vendor.first = [Answer(429, b"", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"})]
    with pytest.raises(Throttled) as raised:
        flux.submit(request())
    assert raised.value.retry_after == 9.0


PRICES = [  # of the vendor: (first + (out - 1) * each) + in * each, in megapixels
    ("flux-2-klein-4b", (1024, 1024), [], 0.014),
    ("flux-2-klein-4b", (1024, 1024), [(800, 600)], 0.015),
    ("flux-2-klein-9b", (1024, 1024), [(800, 600)], 0.017),
    ("flux-2-pro", (64, 96), [], 0.03),
    ("flux-2-pro", (1024, 1024), [(800, 600)], 0.045),
    ("flux-2-pro", (1920, 1088), [], 0.045),
    ("flux-2-max", (1024, 1024), [(800, 600), (1024, 1024)], 0.13),
    ("flux-2-flex", (2048, 2048), [(800, 600)], 0.25),
    ("flux-2-flex", (1024, 1024), [(6000, 4000)], 0.25),  # scaled down to four megapixels
    ("flux-kontext-pro", (2048, 2048), [(800, 600)], 0.04),
    ("flux-pro-1.1", (1440, 1440), [], 0.04),
]


@pytest.mark.parametrize(("source", "size", "given", "price"), PRICES)
def test_prices_by_the_megapixels_that_come_out_and_go_in(source, size, given, price):
    asked = msgspec.structs.replace(
        request(source), width=size[0], height=size[1], given={"image": given[:1], "reference": given[1:]}
    )
    assert BFL().price(asked) == pytest.approx(price)


def test_prices_that_are_not_known():
    assert BFL().price(request("flux-dev")) is None
    assert BFL().price(request(base_url="https://house.example/v1")) is None
