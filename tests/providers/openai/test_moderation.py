"""The service that judges pictures, against a server that holds each request to the vendor's document."""

import pytest
from PIL import Image as pillow

from imgbuild.errors import Misdeclared, ProviderFailed, TargetError, Throttled, Transient, Unavailable
from imgbuild.providers.openai.moderation import LABELS, LARGEST, Moderation
from imgbuild.types import Account, Allowance, Concern, Model
from tests.vendors.openai import KEY, OpenAI, busy, failure
from tests.vendors.server import Answer, serving

MODEL = Model(provider="openai_moderation", source="omni-moderation-latest")
PICTURE = pillow.new("RGB", (64, 48), "red")


@pytest.fixture
def vendor(monkeypatch):
    vendor = OpenAI()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vendor) as address:
        vendor.address = f"{address}/v1"
        monkeypatch.setattr("imgbuild.providers.openai.moderation.ADDRESS", vendor.address)
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def service():
    service = Moderation()
    yield service
    service.close()


def asked(service, picture=PICTURE, model=MODEL):
    return service.fetched(model, service.pin(model)).ask(picture)


def test_a_picture_is_judged_by_the_labels_that_look_at_pictures(service, vendor):
    vendor.scores = {"sexual": 0.75, "violence": 0.25, "hate": 0.5}
    found = asked(service)
    assert found == {**dict.fromkeys(LABELS, 1e-6), "sexual": 0.75, "violence": 0.25}
    (request,) = vendor.asked
    assert (request.method, request.path) == ("POST", "/v1/moderations")
    assert request.fields.keys() == {"model", "input"}
    assert request.fields["model"] == "omni-moderation-2024-09-26"
    assert vendor.shown == [("data:image/png;base64", "PNG", "RGB", (64, 48))]


def test_a_large_picture_is_made_smaller(service, vendor):
    asked(service, pillow.new("RGB", (LARGEST * 2, 64)))
    assert [size for *_, size in vendor.shown] == [(LARGEST, 32)]


def test_what_is_pinned_is_who_judges(service):
    pin = service.pin(MODEL)
    assert (pin.source, pin.revision, pin.declared) == (MODEL.source, "omni-moderation-2024-09-26", "")
    dated = service.pin(Model(provider="openai_moderation", source="omni-moderation-2024-09-26"))
    assert (dated.revision, dated.weights) == ("", pin.weights)
    other = Model(
        provider="openai_moderation", source="omni-moderation-latest", revision="omni-moderation-2027-01-01"
    )
    assert service.pin(other).weights != pin.weights
    elsewhere = Model(**{**_fields(MODEL), "params": {"base_url": "https://x.example/v1"}})
    assert service.pin(elsewhere).revision == ""
    assert service.weights(elsewhere, pin) not in (pin.weights, service.pin(elsewhere).weights)
    assert service.weights(MODEL, pin) == pin.weights


def _fields(model):
    return {name: getattr(model, name) for name in model.__struct_fields__}


def test_what_is_left_of_the_limit_is_passed_on(service, vendor):
    left = []
    service.tell_left = left.append
    headers = {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-reset-requests": "0.1s",
    }
    answer = vendor.judged({"input": "x", "model": "m"})
    vendor.first = [Answer(200, answer.body, headers)]
    asked(service)
    assert left == [Allowance(calls=599, per_second=10.0)]


FAILURES = {
    "busy": (busy(3), Throttled, "too many requests: Rate limit reached."),
    "failed": (failure(500, "oops"), Transient, "the server failed: oops"),
    "gateway": (failure(502, "oops"), Transient, "the server did not answer: oops"),
    "cut": (Answer(200, b"{", cut=True), Transient, None),
    "not taken": (failure(400, "no picture"), ProviderFailed, "the request is not taken: no picture"),
    "no key": (failure(401, f"what is {KEY}?"), Unavailable, "the key is not taken: what is (key)?"),
    "nothing in it": (
        Answer(200, {"results": []}),
        ProviderFailed,
        "the answer does not say how likely it is",
    ),
    "a label that is missing": (
        Answer(200, {"results": [{"category_scores": {"sexual": 0.5}}]}),
        ProviderFailed,
        "the answer does not say how likely it is",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), FAILURES.values(), ids=FAILURES)
def test_what_answers_mean(service, vendor, answer, kind, message):
    """Nothing was to be paid for, and so it may always be asked again; nor is it sent twice by the SDK."""
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        asked(service)
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert len(vendor.asked) == 1


def test_without_a_key_or_the_network_nothing_is_asked(service, vendor, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(Unavailable) as raised:
        asked(service)
    assert raised.value.message == "'openai_moderation' needs a key, and OPENAI_API_KEY is not set"
    service.offline = True
    with pytest.raises(TargetError) as raised:
        asked(service)
    assert (raised.value.message, raised.value.hint) == (
        "'openai_moderation' needs the network",
        "build without --offline",
    )
    assert vendor.asked == []


def test_a_key_is_tested_by_a_word(service, vendor):
    assert service.account(MODEL) == Account()
    assert [request.fields for request in vendor.asked] == [{"model": MODEL.source, "input": "lamp"}]
    vendor.first = [failure(401, "no")]
    with pytest.raises(Unavailable):
        service.account(MODEL)


def test_another_host_needs_consent(service, monkeypatch):
    params = {"base_url": "https://judge.example/v1", "key": "IMGBUILD_HOUSE_KEY"}
    wants = (
        "sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to judge.example, "
        "which is not the vendor's own host"
    )
    assert service.concerns(MODEL) == ()
    assert service.concerns(Model(**{**_fields(MODEL), "params": params})) == (
        Concern(wants=wants, place=("params", "base_url")),
    )


def test_another_server_is_asked_with_its_key(service, vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.setattr("imgbuild.providers.openai.moderation.ADDRESS", "http://127.0.0.1:9")
    params = {"base_url": vendor.address, "key": "IMGBUILD_HOUSE_KEY"}
    model = Model(**{**_fields(MODEL), "params": params})
    judge = service.fetched(model, service.pin(model))
    assert judge.server == vendor.address
    assert judge.ask(PICTURE).keys() == set(LABELS)


FAULTS = {
    "no source": (
        {"source": ""},
        "a model of provider 'openai_moderation' needs a 'source'",
        ("provider",),
        "it is omni-moderation-latest, or one of its snapshots",
    ),
    "a size": (
        {"size": "64x64"},
        "a model of provider 'openai_moderation' makes no images, and has no 'size'",
        ("size",),
        "leave it out",
    ),
    "an unknown parameter": (
        {"params": {"quality": "low"}},
        "unknown key 'quality'",
        ("params", "quality"),
        "Keys here: base_url, key, timeout",
    ),
    "a wrong one": (
        {"params": {"timeout": 0}},
        "'timeout' must be at least 1",
        ("params", "timeout"),
        "",
    ),
}


@pytest.mark.parametrize(("given", "message", "path", "hint"), FAULTS.values(), ids=FAULTS)
def test_faults_of_a_declaration(service, given, message, path, hint):
    with pytest.raises(Misdeclared) as raised:
        service.capabilities(Model(**{**_fields(MODEL), **given}))
    assert (raised.value.message, raised.value.path, raised.value.hint) == (message, path, hint)


def test_it_makes_no_images(service):
    assert service.capabilities(MODEL).takes == frozenset()
    with pytest.raises(TypeError):
        service.generate([])
