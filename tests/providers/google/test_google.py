"""The adapter and the vendor's SDK, against a server that takes no field it does not know."""

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import ProviderFailed, Refused, Throttled, Transient, Unanswered, Unavailable
from imgbuild.images import decode
from imgbuild.providers.google import Google
from imgbuild.providers.google.families import capabilities_of, shapes_of
from imgbuild.types import Concern, Grade, Model, Pin, Request
from tests.vendors.google import KEY, MODELS, USAGE, blocked, busy, failure, finished, no_key
from tests.vendors.google import Google as Vendor
from tests.vendors.server import Answer, serving

FLASH = "gemini-3.1-flash-image"


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor(refused=("gore",))
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with serving(vendor) as address:
        monkeypatch.setattr("imgbuild.providers.google.provider.ADDRESS", address)
        yield vendor


def request(prompt="a brass lamp", *, source=FLASH, size=(1376, 768), inputs=None, **params):
    return Request(
        pin=Google().pin(Model(provider="google", source=source, params=params)),
        prompt=prompt,
        negative="",
        width=size[0],
        height=size[1],
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def made(*args, **given):
    provider = Google()
    try:
        (image,) = provider.generate([request(*args, **given)])
        return image
    finally:
        provider.close()


def test_an_image_by_its_words(vendor):
    image = made()
    assert decode(image.data).size == (64, 32)
    (asked,) = vendor.asked
    assert (asked.method, asked.path) == ("POST", f"/v1beta/models/{FLASH}:generateContent")
    assert asked.fields == {
        "contents": [{"role": "user", "parts": [{"text": "a brass lamp"}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "candidateCount": 1,
            "seed": 7,
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        },
    }
    assert image.cost == pytest.approx((50 * 0.5 + 1120 * 60 + 100 * 3) / 1e6)
    assert image.tokens == {"text": 40, "image": 10, "output": 1120, "words": 100}
    assert (image.info["response"], image.info["version"]) == ("r1", "gemini-test")
    assert image.info["usage"]["total_token_count"] == USAGE["totalTokenCount"]


def test_bytes_stay_as_they_were_sent(vendor):
    vendor.kind = "jpeg"
    assert pillow.open(io.BytesIO(made().data)).format == "JPEG"


def test_pictures_go_after_the_words_in_their_order(vendor):
    blue, red = (pillow.new("RGB", (8, 8), colour) for colour in ("blue", "red"))
    made(inputs={"reference": [red], "image": [blue]})
    words, *pictures = vendor.asked[0].fields["contents"][0]["parts"]
    assert words == {"text": "a brass lamp"}
    assert {part["inlineData"]["mime_type"] for part in pictures} == {"image/png"}
    sent = [
        decode(base64.urlsafe_b64decode(part["inlineData"]["data"])).getpixel((0, 0)) for part in pictures
    ]
    assert sent == [(0, 0, 255), (255, 0, 0)]


@given(st.sampled_from(MODELS), st.data())
def test_every_size_is_asked_for_by_one_ratio_and_class(source, data):
    shapes = shapes_of(source)
    assert len(set(shapes.values())) == len(shapes)
    width, height = data.draw(st.sampled_from(capabilities_of(source).sizes))
    across, down = map(int, shapes[width, height][0].split(":"))
    assert width / height == pytest.approx(across / down, rel=0.06)


def test_what_models_of_a_name_take():
    def takes(source):
        return Google().capabilities(Model(provider="google", source=source))

    assert takes(FLASH).grade is Grade.STORED
    assert takes(FLASH).takes == {"seed", "image", "reference"}
    assert [size in takes(FLASH).sizes for size in ((512, 512), (3072, 384), (4096, 4096))] == [True] * 3
    assert [size in takes("gemini-3-pro-image").sizes for size in ((512, 512), (5056, 3392))] == [False, True]
    assert len(takes("gemini-2.5-flash-image").sizes) == 10


def test_the_first_models_have_no_size_classes(vendor):
    made(source="gemini-2.5-flash-image", size=(1344, 768))
    assert vendor.asked[0].fields["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
ANSWERS = {
    "prompt blocked": (blocked("PROHIBITED_CONTENT"), Refused, "refused: PROHIBITED_CONTENT"),
    "prompt blocked, and why": (blocked("OTHER", "Not this."), Refused, "refused: OTHER, Not this."),
    "image unsafe": (
        finished("IMAGE_SAFETY", {"text": "Unable to show the image."}),
        Refused,
        "refused: IMAGE_SAFETY, Unable to show the image.",
    ),
    "no image": (finished("NO_IMAGE"), Refused, "refused: NO_IMAGE"),
    "recited": (finished("IMAGE_RECITATION"), Refused, "refused: IMAGE_RECITATION"),
    "words only": (
        finished("STOP", {"text": "I can't\ndraw that."}),
        Refused,
        "refused: answered in words, I can't draw that.",
    ),
    "nothing in it": (finished("STOP"), Unanswered, "the answer has no image in it"),
    "a thought only": (
        finished("MAX_TOKENS", {**IMAGE, "thought": True}),
        Unanswered,
        "the answer has no image in it",
    ),
    "nobody answered": (Answer(200, {}), Unanswered, "the answer has no image in it"),
    "throttled": (busy(), Throttled, "too many requests: You exceeded your current quota."),
    "used up": (
        busy(quota="GenerateRequestsPerDayPerProjectPerModel"),
        Unavailable,
        "the quota of today is used up: You exceeded your current quota.",
    ),
    "no such key": (
        no_key(),
        Unavailable,
        "the key is not taken: API key not valid. Please pass a valid API key.",
    ),
    "not allowed": (
        failure(403, f"Key {KEY} may not do this."),
        Unavailable,
        "the key is not taken: Key (key) may not do this.",
    ),
    "not served here": (
        failure(400, "User location is not supported.", "FAILED_PRECONDITION"),
        Unavailable,
        "the account may not do this: User location is not supported.",
    ),
    "gone": (
        failure(404, "The model is not found."),
        ProviderFailed,
        f"there is no model '{FLASH}' any more: The model is not found.",
    ),
    "not taken": (failure(400, "Bad size."), ProviderFailed, "the request is not taken: Bad size."),
    "failed": (failure(500, "Internal error."), Transient, "the server failed: Internal error."),
    "overloaded": (failure(503, "Overloaded."), Transient, "the server failed: Overloaded."),
    "too slow": (failure(504, "Deadline."), Unanswered, "the server did not answer: Deadline."),
    "gateway": (
        Answer(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        Unanswered,
        "the server did not answer: <html>Bad Gateway</html>",
    ),
    "sent elsewhere": (
        Answer(302, b"{}", {"Location": "http://127.0.0.1:9/"}),
        ProviderFailed,
        "the request is not taken: status 302",
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
    for delay in ("27s", "0.25s", "", "soon"):
        vendor.first = [busy(delay)]
        with pytest.raises(Throttled) as raised:
            made()
        waits.append(raised.value.retry_after)
    assert waits == [27, 0.25, None, None]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, {"candidates": []}, cut=True), "the connection was lost: "),
        (Answer(200, {"candidates": []}, seconds=1.5), "no answer in time"),
        (Answer(200, b"half of it"), "the answer can't be understood: "),
        (finished("STOP", {"inlineData": {"mimeType": "image/png", "data": "!"}}), "the answer "),
    ],
    ids=["cut off", "too late", "no JSON", "no base64"],
)
def test_what_was_sent_and_not_answered_may_have_been_paid_for(vendor, answer, message):
    vendor.first = [answer]
    with pytest.raises(Unanswered) as raised:
        made(timeout=1.0)
    assert raised.value.message.startswith(message)
    assert len(vendor.asked) == 1


def test_a_server_that_is_not_there_has_taken_nothing(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.google.provider.ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Transient) as raised:
        made()
    assert raised.value.message.startswith("the server can't be reached: ")


def test_the_environment_leads_nowhere_else(vendor, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "house")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    made()
    assert vendor.billed == 1


def test_either_name_of_the_key_will_do(vendor, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    made()
    monkeypatch.delenv("GOOGLE_API_KEY")
    with pytest.raises(Unavailable) as raised:
        made()
    assert (raised.value.message, raised.value.hint) == (
        "'google' needs a key, and GEMINI_API_KEY or GOOGLE_API_KEY is not set",
        "set it, and build again",
    )
    assert vendor.billed == 1


@pytest.mark.parametrize("missing", ["google", "google.genai"])
def test_without_the_sdk(monkeypatch, missing):
    def find_spec(name):
        if missing == "google":
            raise ModuleNotFoundError(name)

    monkeypatch.setattr("imgbuild.extras.find_spec", find_spec)
    with pytest.raises(ProviderFailed) as raised:
        made()
    assert (raised.value.message, raised.value.hint) == (
        "provider 'google' needs the SDK of Google, which is not installed",
        "install it with `pip install 'imgbuild[google]'`",
    )


def test_another_server_has_a_key_of_its_own_and_needs_consent(vendor, monkeypatch):
    from imgbuild.providers.google import provider

    house = {"base_url": provider.ADDRESS, "key": "IMGBUILD_HOUSE_KEY"}
    monkeypatch.setattr(provider, "ADDRESS", "https://generativelanguage.googleapis.com")
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("GEMINI_API_KEY")
    assert decode(made(**house).data).size == (64, 32)
    host = house["base_url"].split("/")[2]

    def concerns(**params):
        return Google().concerns(Model(provider="google", source=FLASH, params=params))

    def wants(key):
        said = f"sends prompts, pictures and what {key} holds to {host}, which is not the vendor's own host"
        return (Concern(wants=said, place=("params", "base_url")),)

    assert concerns(**house) == wants("IMGBUILD_HOUSE_KEY")
    assert concerns(base_url=house["base_url"]) == wants("GEMINI_API_KEY or GOOGLE_API_KEY")
    assert concerns() == ()
    assert Google().price(request(**house)) is None


PRICES = [
    (FLASH, (512, 512), 0.045),
    (FLASH, (1376, 768), 0.067),
    (FLASH, (2752, 1536), 0.101),
    ("gemini-3-pro-image", (4096, 4096), 0.24),
    ("gemini-2.5-flash-image", (1024, 1024), None),
]


@pytest.mark.parametrize(("source", "size", "price"), PRICES)
def test_prices_by_size_class(source, size, price):
    assert Google().price(request(source=source, size=size)) == price


def test_a_pin_is_a_name():
    model = Model(provider="google", source=FLASH)
    assert Google().pin(model) == Pin(provider="google", source=FLASH)
    with pytest.raises(ProviderFailed) as raised:
        Google().pin(Model(provider="google"))
    assert (raised.value.message, raised.value.hint) == (
        "the model names no 'source'",
        f"such as source: {FLASH}",
    )
