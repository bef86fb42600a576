"""The adapter of Ideogram, against a server that takes the vendor's forms, and nothing else."""

import io

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
from imgbuild.providers import ideogram
from imgbuild.providers.ideogram import SIZES, Ideogram
from imgbuild.types import Concern, Grade, Model, Request
from tests.vendors.ideogram import KEY, RESOLUTIONS, failure
from tests.vendors.ideogram import Ideogram as Vendor
from tests.vendors.server import Answer, serving

PNG = io.BytesIO()
pillow.new("RGB", (8, 8), "red").save(PNG, format="PNG")


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor(refused=("gore",), unsafe=("blood",))
    monkeypatch.setenv("IDEOGRAM_API_KEY", KEY)
    with serving(vendor) as address:
        monkeypatch.setattr(ideogram, "ADDRESS", address)
        vendor.address = address
        yield vendor


@pytest.fixture
def provider():
    provider = Ideogram()
    yield provider
    provider.web.close()


@pytest.fixture
def make(provider):
    def made(*args, **given):
        (image,) = provider.generate([request(*args, **given)])
        return image

    return made


def request(
    prompt="a brass lämp", *, source="ideogram-v3", negative="", size=(1024, 1024), inputs=None, **params
):
    return Request(
        pin=Ideogram().pin(Model(provider="ideogram", source=source, params=params)),
        prompt=prompt,
        negative=negative,
        width=size[0],
        height=size[1],
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def test_an_image_by_its_words(vendor, make):
    image = make(negative="blurry", size=(1280, 800), rendering_speed="TURBO", style_type="DESIGN")
    assert decode(image.data).size == (1280, 800)
    asked, fetched = vendor.asked
    assert (asked.method, asked.path) == ("POST", "/v1/ideogram-v3/generate")
    assert asked.fields == {
        "prompt": "a brass lämp",
        "negative_prompt": "blurry",
        "seed": "7",
        "resolution": "1280x800",
        "num_images": "1",
        "magic_prompt": "OFF",
        "rendering_speed": "TURBO",
        "style_type": "DESIGN",
    }
    assert asked.files == {}
    assert (fetched.method, fetched.headers["Api-Key"]) == ("GET", None)
    assert (image.seed, image.cost, image.info) == (7, None, {})


def test_a_prompt_is_rewritten_only_when_asked_and_that_is_told(vendor, make):
    assert make(magic_prompt="ON").info == {"revised_prompt": "A serene scene: a brass lämp"}
    assert vendor.asked[0].fields["magic_prompt"] == "ON"


def test_a_size_that_came_out_otherwise_is_told(vendor, make):
    vendor.images["/x.png"] = Answer(200, PNG.getvalue())
    vendor.first = [Answer(200, {"data": [{"url": f"{vendor.address}/x.png", "is_image_safe": True}]})]
    image = make()
    assert (image.data, image.seed, image.info) == (PNG.getvalue(), None, {"size": "8x8"})


def test_references_give_their_style(vendor, make):
    pictures = [pillow.new("RGB", (64, 32), color) for color in ("blue", "red")]
    make(inputs={"reference": pictures})
    sent = vendor.asked[0].files["style_reference_images"]
    assert [name for name, _ in sent] == ["reference-0.png", "reference-1.png"]
    assert [decode(data).getpixel((0, 0)) for _, data in sent] == [(0, 0, 255), (255, 0, 0)]


def test_a_model_of_ones_own(vendor, make):
    make(source="model/house-style/version/2")
    asked = vendor.asked[0]
    assert asked.path == "/v1/ideogram-v3/generate"
    assert asked.fields["custom_model_uri"] == "model/house-style/version/2"


def test_a_link_that_has_expired_was_paid_for(vendor, make):
    vendor.first = [None, failure(404, "The link has expired.")]
    with pytest.raises(Unanswered) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (
        "the image can't be fetched: 404",
        "it may have been paid for",
    )
    assert vendor.billed == 1


def test_no_image_is_fetched_from_a_private_network(vendor, make):
    vendor.first = [Answer(200, {"data": [{"url": "http://127.0.0.2/x.png", "is_image_safe": True}]})]
    with pytest.raises(Unanswered) as raised:
        make()
    assert raised.value.message == "the image lies in a private network, at 127.0.0.2, and is not fetched"


def data(**made):
    return Answer(200, {"created": "2026-11-27T00:00:00+00:00", "data": [made]})


NOTHING = "the answer has no image in it"
ANSWERS = {
    "refused": (
        failure(422, "Prompt provided failed safety check."),
        Refused,
        "refused: Prompt provided failed safety check.",
    ),
    "withheld": (
        data(is_image_safe=False, url=None),
        Refused,
        "refused: what came out did not pass the safety check",
    ),
    "withheld, and shown": (
        data(is_image_safe=False, url="https://ideogram.ai/x.png"),
        Refused,
        "refused: what came out did not pass the safety check",
    ),
    "throttled": (Answer(429, b""), Throttled, "too many requests: status 429"),
    "no credit": (failure(402, "No credits."), Unavailable, "the account has no credit left: No credits."),
    "no such key": (
        failure(401, f"Not authorized: {KEY}"),
        Unavailable,
        "the key is not taken: Not authorized: (key)",
    ),
    "gone": (
        failure(404, "There is none."),
        ProviderFailed,
        "there is no model 'ideogram-v3' any more: There is none.",
    ),
    "not taken": (
        failure(400, "seed: is invalid"),
        ProviderFailed,
        "the request is not taken: seed: is invalid",
    ),
    "failed": (failure(500, "Later."), Transient, "the server failed: Later."),
    "gateway": (Answer(502, b"Bad Gateway"), Unanswered, "the server did not answer: Bad Gateway"),
    "no JSON": (Answer(200, b"<html>"), Unanswered, "the answer can't be understood"),
    "no object": (Answer(200, []), Unanswered, NOTHING),
    "no list": (Answer(200, {"data": {"url": "https://ideogram.ai/x.png"}}), Unanswered, NOTHING),
    "nothing in it": (Answer(200, {"data": []}), Unanswered, NOTHING),
    "no address": (data(is_image_safe=True, url=None), Unanswered, NOTHING),
    "a file": (
        data(is_image_safe=True, url="file:///etc/passwd"),
        Unanswered,
        "the vendor gave no address of an image, but 'file:///etc/passwd'",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS.values(), ids=ANSWERS)
def test_what_becomes_of_a_request_is_told(vendor, make, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        make()
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert len(vendor.asked) == 1


def test_what_lies_there_is_no_image(vendor, make):
    vendor.first = [None, Answer(200, b"<html>")]
    with pytest.raises(BadImage, match="what the vendor sent is not an image that can be read"):
        make()


def test_words_are_refused_and_images_are_withheld(vendor, make):
    for prompt in ("gore", "blood"):
        with pytest.raises(Refused):
            make(prompt)
    assert (vendor.billed, len(vendor.asked)) == (1, 2)  # the withheld one was made, and is not fetched


def test_how_long_the_vendor_wants_to_be_left_alone(vendor, make):
    vendor.first = [failure(429, "Slower.", {"Retry-After": "3"})]
    with pytest.raises(Throttled) as raised:
        make()
    assert raised.value.retry_after == 3


def test_an_answer_that_takes_too_long_may_have_been_paid_for(vendor, make):
    vendor.first = [Answer(200, {}, seconds=1.5)]
    with pytest.raises(Unanswered) as raised:
        make(timeout=1.0)
    assert (raised.value.message, raised.value.hint) == (
        "no answer in time",
        "give the model a longer 'timeout'",
    )


def test_without_a_key(vendor, make, monkeypatch):
    monkeypatch.delenv("IDEOGRAM_API_KEY")
    with pytest.raises(Unavailable) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (
        "'ideogram' needs a key, and IDEOGRAM_API_KEY is not set",
        "set it, and build again",
    )


def test_without_the_library(vendor, make, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (
        "provider 'ideogram' needs httpx, which is not installed",
        "install it with `pip install 'imgbuild[http]'`",
    )


def test_another_server_has_a_key_of_its_own_and_needs_consent(vendor, make, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("IDEOGRAM_API_KEY")
    monkeypatch.setattr(ideogram, "ADDRESS", "https://api.ideogram.ai")
    house = {"base_url": f"{vendor.address}/", "key": "IMGBUILD_HOUSE_KEY"}
    assert decode(make(**house).data).size == (1024, 1024)
    host = vendor.address.split("/")[2]
    assert Ideogram().concerns(Model(provider="ideogram", source="ideogram-v3", params=house)) == (
        Concern(
            wants=f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {host}, "
            "which is not the vendor's own host",
            place=("params", "base_url"),
        ),
    )
    assert Ideogram().price(request(**house)) is None
    assert Ideogram().concerns(Model(provider="ideogram", source="ideogram-v3")) == ()


PRICES = {"FLASH": 0.03, "TURBO": 0.03, "BALANCED": None, "DEFAULT": 0.06, "QUALITY": 0.09}


@pytest.mark.parametrize(("speed", "price"), PRICES.items())
def test_a_price_by_the_speed_whatever_the_size(speed, price):
    for size in ((1024, 1024), (512, 1536)):
        assert Ideogram().price(request(rendering_speed=speed, size=size)) == price


def test_a_price_without_a_speed_and_none_for_ones_own_model():
    assert Ideogram().price(request()) == 0.06
    assert Ideogram().price(request(source="model/house-style/version/2")) is None


def test_what_it_takes():
    found = Ideogram().capabilities(Model(provider="ideogram", source="ideogram-v3"))
    assert (found.takes, found.grade) == ({"seed", "negative", "reference"}, Grade.PERCEPTUAL)
    assert found.default_size == (1024, 1024)
    assert len(SIZES) == len(RESOLUTIONS) == 69
    assert {f"{width}x{height}" for width, height in found.sizes} == RESOLUTIONS


HINT = "it is ideogram-v3, or one of your own: model/NAME/version/VERSION"
DECLARED = {
    "no source": ({}, "a 'source' is needed by provider 'ideogram'", HINT),
    "another's": ({"source": "V_2"}, "'V_2' is no model of provider 'ideogram'", HINT),
    "a revision": (
        {"source": "ideogram-v3", "revision": "2"},
        "models of provider 'ideogram' have no revisions",
        "leave 'revision' out",
    ),
}


@pytest.mark.parametrize(("declared", "message", "hint"), DECLARED.values(), ids=DECLARED)
def test_what_can_not_be_declared(declared, message, hint):
    with pytest.raises(SpecError) as raised:
        Ideogram().capabilities(Model(provider="ideogram", **declared))
    assert (raised.value.message, raised.value.hint) == (message, hint)
