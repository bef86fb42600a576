"""The adapter of Stability, against a server that takes the vendor's forms, and nothing else."""

import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    BadImage,
    ProviderFailed,
    Refused,
    SpecError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers import stability
from imgbuild.providers.stability import Stability
from imgbuild.types import Concern, Grade, Model, Request
from tests.vendors.server import Answer, serving
from tests.vendors.stability import KEY, busy, failure
from tests.vendors.stability import Stability as Vendor


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor(refused=("gore",), filtered=("blood",))
    monkeypatch.setenv("STABILITY_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr(stability, "ADDRESS", address)
        vendor.address = address
        yield vendor


@pytest.fixture
def provider():
    provider = Stability()
    yield provider
    provider.web.close()


@pytest.fixture
def make(provider):
    def made(*args, **given):
        (image,) = provider.generate([request(*args, **given)])
        return image

    return made


def request(
    prompt="a brass lämp", *, source="core", negative="", size=(1024, 1024), seed=7, inputs=None, **params
):
    return Request(
        pin=Stability().pin(Model(provider="stability", source=source, params=params)),
        prompt=prompt,
        negative=negative,
        width=size[0],
        height=size[1],
        seed=seed,
        params=params,
        inputs=inputs or {},
    )


def takes(source):
    return Stability().capabilities(Model(provider="stability", source=source))


def test_an_image_by_its_words(vendor, make):
    image = make(negative="blurry", size=(1536, 1024), style_preset="line-art")
    assert decode(image.data).size == (1248, 832)
    (asked,) = vendor.asked
    assert (asked.method, asked.path) == ("POST", "/v2beta/stable-image/generate/core")
    assert asked.fields == {
        "prompt": "a brass lämp",
        "negative_prompt": "blurry",
        "aspect_ratio": "3:2",
        "seed": "7",
        "style_preset": "line-art",
        "output_format": "png",
    }
    assert asked.files == {}
    assert (image.seed, image.cost) == (7, None)
    assert image.info == {"request": "req-1", "size": "1248x832"}


def test_a_size_that_came_out_as_asked_is_not_told(vendor, make):
    assert make(source="ultra").info == {"request": "req-1"}


def test_seed_0_is_no_random_one(vendor, make):
    assert make(seed=0).seed == 2**31
    assert vendor.asked[0].fields["seed"] == "2147483648"


@pytest.mark.parametrize("source", ["sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash"])
def test_models_of_the_family_share_a_service(vendor, make, source):
    make(source=source, cfg_scale=4.5)
    (asked,) = vendor.asked
    assert asked.path == "/v2beta/stable-image/generate/sd3"
    assert asked.fields == {
        "prompt": "a brass lämp",
        "model": source,
        "mode": "text-to-image",
        "aspect_ratio": "1:1",
        "seed": "7",
        "cfg_scale": "4.5",
        "output_format": "png",
    }


def test_a_picture_is_drawn_over(vendor, make):
    blue = pillow.new("RGB", (64, 36), "blue")
    image = make(source="sd3.5-large", size=(1280, 720), inputs={"image": [blue]}, strength=0.6)
    (asked,) = vendor.asked
    assert (asked.fields["mode"], asked.fields["strength"]) == ("image-to-image", "0.6")
    assert "aspect_ratio" not in asked.fields
    ((name, data),) = asked.files["image"]
    assert (name, decode(data).size, decode(data).getpixel((0, 0))) == (
        "image.png",
        (1280, 720),
        (0, 0, 255),
    )
    assert image.info == {"request": "req-1"}


def test_a_picture_for_ultra_goes_with_a_ratio(vendor, make):
    blue = pillow.new("RGB", (1280, 720), "blue")
    make(source="ultra", size=(1280, 720), inputs={"image": [blue]}, strength=0)
    (asked,) = vendor.asked
    assert "mode" not in asked.fields
    assert (asked.fields["aspect_ratio"], asked.fields["strength"]) == ("16:9", "0")
    assert decode(asked.files["image"][0][1]).size == (1280, 720)


def test_a_picture_without_a_strength_is_not_sent(vendor, make):
    blue = pillow.new("RGB", (64, 64), "blue")
    with pytest.raises(ProviderFailed) as raised:
        make(source="ultra", inputs={"image": [blue]})
    assert (raised.value.message, raised.value.hint) == (
        "model 'ultra' needs a 'strength' beside an 'image'",
        "such as strength: 0.6, in 'inputs'",
    )
    assert vendor.asked == []


FILTERED = {"image": "aGk=", "finish_reason": "CONTENT_FILTERED", "seed": 7}
ANSWERS = {
    "refused": (
        failure(403, "content_moderation", "Your request was flagged."),
        Refused,
        "refused: Your request was flagged.",
    ),
    "a public figure": (
        failure(422, "public_figure", "Our system detected the likeness of a public figure."),
        Refused,
        "refused: Our system detected the likeness of a public figure.",
    ),
    "blurred": (Answer(200, FILTERED), Refused, "refused: what came out was filtered, and is blurred"),
    "throttled": (
        busy(),
        Throttled,
        "too many requests: You have exceeded the rate limit of 150 requests within a 10 second period, "
        "and have been timed out for 60 seconds.",
    ),
    "no credit": (
        failure(402, "payment_required", "You lack sufficient credits."),
        Unavailable,
        "the account has no credit left: You lack sufficient credits.",
    ),
    "no such key": (
        failure(401, "unauthorized", f"authorization: invalid key {KEY}"),
        Unavailable,
        "the key is not taken: authorization: invalid key (key)",
    ),
    "forbidden": (failure(403, "forbidden", "No."), Unavailable, "the key is not taken: No."),
    "gone": (
        failure(404, "not_found", "There is none."),
        ProviderFailed,
        "there is no model 'core' any more: There is none.",
    ),
    "not taken": (
        failure(400, "bad_request", "seed: is invalid", "prompt: is required"),
        ProviderFailed,
        "the request is not taken: seed: is invalid; prompt: is required",
    ),
    "another language": (
        failure(422, "invalid_language", "English is the only supported language for this service."),
        ProviderFailed,
        "the request is not taken: English is the only supported language for this service.",
    ),
    "failed": (
        failure(500, "internal_error", "An unexpected server error has occurred."),
        Transient,
        "the server failed: An unexpected server error has occurred.",
    ),
    "gateway": (
        Answer(504, b"<html>Gateway Timeout</html>"),
        Unanswered,
        "the server did not answer: <html>Gateway Timeout</html>",
    ),
    "no object": (Answer(200, []), Unanswered, "the answer has no image in it"),
    "no JSON": (Answer(200, b"\x89PNG"), Unanswered, "the answer can't be understood"),
    "nothing in it": (
        Answer(200, {"finish_reason": "SUCCESS"}),
        Unanswered,
        "the answer has no image in it",
    ),
    "an unknown end": (
        Answer(200, FILTERED | {"finish_reason": "ERROR"}),
        Unanswered,
        "the answer has no image in it",
    ),
    "no base64": (
        Answer(200, {"image": "ä", "finish_reason": "SUCCESS"}),
        Unanswered,
        "the answer has no image in it",
    ),
    "no image": (
        Answer(200, FILTERED | {"finish_reason": "SUCCESS"}),
        BadImage,
        "what the vendor sent is not an image that can be read",
    ),
    "an error that is a list": (Answer(400, ["no"]), ProviderFailed, 'the request is not taken: ["no"]'),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS.values(), ids=ANSWERS)
def test_what_becomes_of_a_request_is_told(vendor, make, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        make()
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert len(vendor.asked) == 1


def test_words_are_refused_and_images_are_filtered(vendor, make):
    for prompt in ("gore", "blood"):
        with pytest.raises(Refused):
            make(prompt)
    assert vendor.billed == 1  # the blurred one was made


def test_how_long_the_vendor_wants_to_be_left_alone(vendor, make):
    waits = []
    for answer in (busy({"Retry-After": "3"}), busy(), failure(429, "rate_limit_exceeded", "Slower.")):
        vendor.first = [answer]
        with pytest.raises(Throttled) as raised:
            make()
        waits.append(raised.value.retry_after)
    assert waits == [3, 60, None]


def test_an_answer_that_takes_too_long_may_have_been_paid_for(vendor, make):
    vendor.first = [Answer(200, {}, seconds=1.5)]
    with pytest.raises(Unanswered) as raised:
        make(timeout=1.0)
    assert (raised.value.message, raised.value.hint) == (
        "no answer in time",
        "give the model a longer 'timeout'",
    )


def test_without_a_key(vendor, make, monkeypatch):
    monkeypatch.delenv("STABILITY_API_KEY")
    with pytest.raises(Unavailable) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (
        "'stability' needs a key, and STABILITY_API_KEY is not set",
        "set it, and build again",
    )


def test_without_the_library(vendor, make, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (
        "provider 'stability' needs httpx, which is not installed",
        "install it with `pip install 'imgbuild[http]'`",
    )


def test_another_server_has_a_key_of_its_own_and_needs_consent(vendor, make, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("STABILITY_API_KEY")
    monkeypatch.setattr(stability, "ADDRESS", "https://api.stability.ai")
    house = {"base_url": f"{vendor.address}/", "key": "IMGBUILD_HOUSE_KEY"}
    assert decode(make(**house).data).size == (1024, 1024)
    host = vendor.address.split("/")[2]
    assert Stability().concerns(Model(provider="stability", source="core", params=house)) == (
        Concern(
            wants=f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {host}, "
            "which is not the vendor's own host",
            place=("params", "base_url"),
        ),
    )
    assert Stability().price(request(**house)) is None
    assert Stability().concerns(Model(provider="stability", source="core")) == ()


PRICES = {
    "core": 0.03,
    "ultra": 0.08,
    "sd3.5-large": 0.065,
    "sd3.5-large-turbo": 0.04,
    "sd3.5-medium": 0.035,
    "sd3.5-flash": 0.025,
}


@pytest.mark.parametrize(("source", "price"), PRICES.items())
def test_a_price_whatever_the_size(source, price):
    for size in takes(source).sizes:
        assert Stability().price(request(source=source, size=size)) == price


def test_no_price_for_what_is_not_listed():
    assert Stability().price(request(source="sd3-large")) is None


TAKES = {
    "core": {"seed", "negative"},
    "ultra": {"seed", "negative", "image"},
    "sd3.5-large": {"seed", "negative", "image"},
    "sd3.5-medium": {"seed", "negative", "image"},
    "sd3.5-large-turbo": {"seed", "image"},
    "sd3.5-flash": {"seed", "image"},
}


@pytest.mark.parametrize(("source", "taken"), TAKES.items())
def test_what_models_take(source, taken):
    found = takes(source)
    assert (found.takes, found.grade) == (taken, Grade.PERCEPTUAL)
    assert ("strength" in found.params) is ("image" in taken)
    assert ("cfg_scale" in found.params) is source.startswith("sd3")
    assert found.default_size in found.sizes


def test_sizes():
    assert takes("ultra").sizes[:4] == ((1024, 1024), (1280, 720), (720, 1280), (1248, 832))
    assert takes("core").sizes[:4] == ((1248, 1248), (1664, 936), (936, 1664), (1536, 1024))


ALL = "its models: core, ultra, sd3.5-large, sd3.5-large-turbo, sd3.5-medium, sd3.5-flash"
DECLARED = {
    "no source": ({}, "a 'source' is needed by provider 'stability'", ALL),
    "another's": ({"source": "flux"}, "'flux' is no model of provider 'stability'", ALL),
    "a revision": (
        {"source": "core", "revision": "2"},
        "models of provider 'stability' have no revisions",
        "leave 'revision' out",
    ),
}


@pytest.mark.parametrize(("declared", "message", "hint"), DECLARED.values(), ids=DECLARED)
def test_what_can_not_be_declared(declared, message, hint):
    with pytest.raises(SpecError) as raised:
        Stability().capabilities(Model(provider="stability", **declared))
    assert (raised.value.message, raised.value.hint) == (message, hint)
