"""The adapter and the vendor's SDK, against a server that holds each request to the vendor's document."""

import base64
import io
import os

import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    Misdeclared,
    ProviderFailed,
    Refused,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.openai import OpenAI
from imgbuild.types import Allowance, Concern, Grade, Model, Request
from tests.vendors import openapi
from tests.vendors.openai import KEY, busy, failure
from tests.vendors.openai import OpenAI as Vendor
from tests.vendors.server import Answer, serving


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor(refused=("gore",))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", f"{address}/v1")
        yield vendor
    assert vendor.faults == []


def request(prompt="a brass lamp", *, source="gpt-image-2", width=64, height=32, inputs=None, **params):
    pin = OpenAI().pin(Model(provider="openai", source=source, params=params))
    return Request(
        pin=pin,
        prompt=prompt,
        negative="",
        width=width,
        height=height,
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def made(*args, **given):
    (image,) = OpenAI().generate([request(*args, **given)])
    return image


def test_the_document_is_looked_at_where_it_is():
    """What is checked against it would pass without it, too."""
    if openapi.FOLDER:
        assert openapi.faults("openai", "CreateImageRequest", {"prompt": "a lamp", "seed": 7})
        assert not openapi.faults("openai", "CreateImageRequest", {"prompt": "a lamp", "n": 1})
    else:
        assert "IMGBUILD_OPENAPI" not in os.environ


def test_an_image_by_its_words(vendor):
    image = made(quality="low", background="transparent", moderation="low")
    assert decode(image.data).size == (64, 32)
    (asked,) = vendor.asked
    assert (asked.method, asked.path) == ("POST", "/v1/images/generations")
    assert asked.fields == {
        "model": "gpt-image-2-2026-04-21",
        "prompt": "a brass lamp",
        "n": 1,
        "size": "64x32",
        "output_format": "png",
        "quality": "low",
        "background": "transparent",
        "moderation": "low",
    }
    assert image.info == {
        "request": "req_1",
        "usage": {
            "input_tokens": 50,
            "output_tokens": 1000,
            "total_tokens": 1050,
            "input_tokens_details": {"text_tokens": 40, "image_tokens": 10},
        },
    }
    assert image.cost == pytest.approx((40 * 5 + 10 * 8 + 1000 * 30) / 1e6)
    assert image.tokens == {"text": 40, "image": 10, "output": 1000}
    assert image.seed is None


def test_pictures_and_the_mask_are_sent_to_be_edited(vendor):
    blue, red = (pillow.new("RGB", (64, 32), color) for color in ("blue", "red"))
    mask = pillow.new("L", (64, 32), 0)
    mask.paste(255, (0, 0, 32, 32))
    inputs = {"image": [blue], "reference": [red], "mask": [mask]}
    assert decode(made(inputs=inputs, input_fidelity="high", moderation="low").data).size == (64, 32)
    (asked,) = vendor.asked
    assert asked.path == "/v1/images/edits"
    assert (asked.fields["input_fidelity"], asked.fields["prompt"]) == ("high", "a brass lamp")
    sent = [decode(data).getpixel((0, 0)) for _, data in asked.files["image[]"]]
    assert sent == [(0, 0, 255), (255, 0, 0)]
    ((_, data),) = asked.files["mask"]
    alpha = pillow.open(io.BytesIO(data)).getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((63, 0))) == (0, 255)  # what is white is drawn anew


ANSWERS = {
    "refused": (
        failure(400, "Your request was rejected.", "moderation_blocked"),
        Refused,
        "refused: Your request was rejected.",
    ),
    "throttled": (busy(20), Throttled, "too many requests: Rate limit reached."),
    "no credit": (
        failure(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
        Unavailable,
        "the account has no credit left: You exceeded your current quota.",
    ),
    "no such key": (
        failure(401, f"Incorrect API key provided: {KEY}.", "invalid_api_key"),
        Unavailable,
        "the key is not taken: Incorrect API key provided: (key).",
    ),
    "gone": (
        failure(404, "The model does not exist.", "model_not_found"),
        ProviderFailed,
        "there is no model 'gpt-image-2-2026-04-21' any more: The model does not exist.",
    ),
    "gone, in other words": (
        failure(400, "The model has been deprecated.", "model_not_found"),
        ProviderFailed,
        "there is no model 'gpt-image-2-2026-04-21' any more: The model has been deprecated.",
    ),
    "not for this account": (
        failure(403, "Your project has no access.", "model_not_found"),
        Unavailable,
        "the key is not taken: Your project has no access.",
    ),
    "not taken": (
        failure(400, "Invalid size.", "invalid_value"),
        ProviderFailed,
        "the request is not taken: Invalid size.",
    ),
    "failed": (
        failure(500, "The server had an error."),
        Transient,
        "the server failed: The server had an error.",
    ),
    "overloaded": (failure(503, "Overloaded."), Transient, "the server failed: Overloaded."),
    "gateway": (
        Answer(504, b"<html>Gateway Timeout</html>", {"Content-Type": "text/html"}),
        Unanswered,
        "the server did not answer: Error code: 504",
    ),
    "nothing in it": (
        Answer(200, {"created": 1, "data": []}),
        Unanswered,
        "the answer has no image in it",
    ),
    "no JSON": (Answer(200, b"half of it"), Unanswered, "the answer can't be understood"),
    "no base64": (
        Answer(200, {"created": 1, "data": [{"b64_json": "!"}]}),
        Unanswered,
        "the answer has no image in it",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS.values(), ids=ANSWERS)
def test_what_becomes_of_a_request_is_told(vendor, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        made()
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert len(vendor.asked) == 1  # the SDK sends nothing again by itself


def test_how_long_the_vendor_wants_to_be_left_alone(vendor):
    waits = []
    for answer in (
        busy(20),
        busy(),
        failure(429, "x", "rate_limit_exceeded", headers={"retry-after-ms": "250"}),
    ):
        vendor.first = [answer]
        with pytest.raises(Throttled) as raised:
            made()
        waits.append(raised.value.retry_after)
    assert waits == [20, None, 0.25]


@pytest.mark.parametrize("usage", [None, 7, {"output_tokens": "many"}, {"input_tokens_details": None}])
def test_an_image_is_taken_whatever_is_said_of_its_tokens(vendor, usage):
    picture = base64.b64encode(b"a picture").decode()
    vendor.first = [Answer(200, {"data": [{"b64_json": picture, "revised_prompt": 7}], "usage": usage})]
    image = made()
    assert (image.data, image.tokens, image.cost) == (b"a picture", {}, None)


def test_an_answer_that_is_cut_off_may_have_been_paid_for(vendor):
    vendor.first = [Answer(200, {"created": 1}, cut=True)]
    with pytest.raises(Unanswered) as raised:
        made()
    assert raised.value.message.startswith("the connection was lost: ")


def test_an_answer_that_takes_too_long_may_have_been_paid_for(vendor):
    vendor.first = [Answer(200, {"created": 1}, seconds=1.5)]
    with pytest.raises(Unanswered) as raised:
        made(timeout=1.0)
    assert (raised.value.message, raised.value.hint) == (
        "no answer in time",
        "give the model a longer 'timeout'",
    )


def test_a_server_that_is_not_there_has_taken_nothing(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.openai.provider.ADDRESS", "http://127.0.0.1:9/v1")
    with pytest.raises(Transient) as raised:
        made()
    assert raised.value.message.startswith("the server can't be reached: ")


def test_without_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Unavailable) as raised:
        made()
    assert (raised.value.message, raised.value.hint) == (
        "'openai' needs a key, and OPENAI_API_KEY is not set",
        "set it, and build again",
    )


def test_without_the_sdk(monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        made()
    assert (raised.value.message, raised.value.hint) == (
        "provider 'openai' needs the SDK of OpenAI, which is not installed",
        "install it with `pip install 'imgbuild[openai]'`",
    )


def test_another_server_has_a_key_of_its_own_and_needs_consent(vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY")
    from imgbuild.providers.openai import provider

    house = {"base_url": provider.ADDRESS, "key": "IMGBUILD_HOUSE_KEY"}
    monkeypatch.setattr(provider, "ADDRESS", "https://api.openai.com/v1")
    assert decode(made(source="house-model", **house).data).size == (64, 32)
    assert vendor.asked[0].fields["model"] == "house-model"
    host = house["base_url"].split("/")[2]
    assert OpenAI().concerns(Model(provider="openai", source="x", params=house)) == (
        Concern(
            wants=f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {host}, "
            "which is not the vendor's own host",
            place=("params", "base_url"),
        ),
    )
    assert OpenAI().price(request(source="gpt-image-2", **house)) is None
    assert OpenAI().concerns(Model(provider="openai", source="x")) == ()


def test_a_deployment_on_azure_is_asked_as_azure_wants_it(vendor, monkeypatch):
    """By its name in the path, the API's version in the query, and the key in a header of its own."""
    from imgbuild.providers.openai import provider

    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    vendor.azure = "2025-04-01-preview"
    azure = {
        "base_url": provider.ADDRESS.replace("/v1", "/openai"),
        "key": "AZURE_OPENAI_API_KEY",
        "api_version": "2025-04-01-preview",
    }
    picture = pillow.new("RGB", (64, 32), "red")
    assert decode(made(source="lamps", **azure).data).size == (64, 32)
    assert decode(made(source="lamps", inputs={"image": [picture]}, **azure).data).size == (64, 32)
    assert [asked.path for asked in vendor.asked] == [
        "/openai/deployments/lamps/images/generations?api-version=2025-04-01-preview",
        "/openai/deployments/lamps/images/edits?api-version=2025-04-01-preview",
    ]
    assert vendor.billed == 2


def test_azure_is_nowhere_without_an_address():
    with pytest.raises(Misdeclared) as raised:
        OpenAI().capabilities(
            Model(provider="openai", source="x", params={"api_version": "2025-04-01-preview"})
        )
    assert (raised.value.message, raised.value.path, raised.value.hint) == (
        "it is of a deployment on Azure, and no 'base_url' says where that is",
        ("params", "api_version"),
        'such as base_url: "https://NAME.openai.azure.com/openai"',
    )


PRICES = [
    ({"quality": "low"}, (1024, 1024), 0.006),
    ({"quality": "high"}, (1536, 1024), 0.165),
    ({}, (1024, 1024), 0.211),
    ({"quality": "medium"}, (2048, 1024), 0.106),
]


@pytest.mark.parametrize(("params", "size", "price"), PRICES)
def test_prices_by_quality_and_size(params, size, price):
    asked = request(width=size[0], height=size[1], **params)
    assert OpenAI().price(asked) == pytest.approx(price)


def test_what_models_of_a_name_take():
    def takes(source):
        return OpenAI().capabilities(Model(provider="openai", source=source))

    assert takes("gpt-image-1-mini").sizes == ((1024, 1024), (1536, 1024), (1024, 1536))
    assert (takes("gpt-image-2").sizes, takes("gpt-image-2").multiple_of) == ((), 16)
    assert takes("gpt-image-2-2026-04-21").params["quality"]["enum"] == ["low", "medium", "high", "auto"]
    assert "max" in takes("gpt-image-2.6-sunburst").params["quality"]["enum"]
    for source in ("gpt-image-1", "gpt-image-2", "other"):
        found = takes(source)
        assert (found.grade, found.takes) == (Grade.STORED, {"image", "mask", "reference"})


def test_names_are_pinned_to_the_snapshot_that_they_stand_for():
    def pinned(source, **declared):
        return OpenAI().pin(Model(provider="openai", source=source, **declared)).revision

    assert pinned("gpt-image-2") == "gpt-image-2-2026-04-21"
    assert pinned("gpt-image-2-2026-04-21") == ""
    assert pinned("gpt-image-2", revision="gpt-image-2-2027-01-01") == "gpt-image-2-2027-01-01"
    assert pinned("gpt-image-2", params={"base_url": "https://house.example/v1"}) == ""
    with pytest.raises(ProviderFailed, match="the model names no 'source'"):
        pinned("")


def test_what_is_left_of_the_limit_is_told(vendor):
    told = []
    openai = OpenAI()
    openai.tell_left = told.append

    def full(asked):
        answer = vendor.answer(asked)
        answer.headers |= limits(left=0)
        return answer

    vendor.first = [full]
    openai.generate([request(), request()])
    assert told == [Allowance(calls=0, per_second=2.0)]
    vendor.first = [failure(429, "Rate limit reached.", "rate_limit_exceeded", headers=limits(left=0))]
    with pytest.raises(Throttled) as raised:
        openai.generate([request()])
    assert raised.value.retry_after == 0.5


def limits(left):
    return {
        "x-ratelimit-limit-requests": "120",
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": "1m0s",
    }
