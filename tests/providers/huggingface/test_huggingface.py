"""The adapter, whose requests the vendor's SDK makes, against a hub and a router on this machine."""

import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    ProviderFailed,
    Refused,
    SpecError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.huggingface import HuggingFace, provider
from imgbuild.types import Concern, Grade, Model, Request
from tests.vendors.huggingface import EDITS, KEY, decoded, failure, of_the_sdk, window
from tests.vendors.huggingface import HuggingFace as Vendor
from tests.vendors.server import Answer, serving

EVERYONE = ("fal-ai", "hf-inference", "nscale", "replicate", "together", "wavespeed", "zai-org")
EDITORS = ("fal-ai", "hf-inference", "replicate", "together", "wavespeed")
QUEUES = (("wavespeed", False), ("zai-org", False), ("wavespeed", True), ("fal-ai", True))


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor()
    monkeypatch.setenv("HF_TOKEN", KEY)
    monkeypatch.setattr(provider, "PAUSE", 0.001)
    with serving(vendor) as address, of_the_sdk(address, monkeypatch):
        vendor.address = address
        monkeypatch.setattr(provider, "ADDRESS", address)
        yield vendor


@pytest.fixture
def hub():
    made = HuggingFace()
    yield made
    made.close()


def request(
    prompt="a brass lamp", *, by="fal-ai", edits=False, source="", negative="", size=(64, 32), **params
):
    params = {"served_by": by, **params}
    source = source or ("some/editor" if edits else "some/model")
    return Request(
        pin=HuggingFace().pin(Model(provider="huggingface", source=source, params=params)),
        prompt=prompt,
        negative=negative,
        width=size[0],
        height=size[1],
        seed=7,
        params=params,
        inputs={"image": [pillow.new("RGB", (8, 8), "red")]} if edits else {},
    )


def posted(vendor):
    """What was asked of who serves, last: the path and the fields."""
    asked = [asked for asked in vendor.asked if asked.method == "POST"][-1]
    return asked.path, asked.fields


ASKED = {
    "fal-ai": (
        "/fal-ai/fal-ai/model",
        {
            "prompt": "a brass lamp",
            "negative_prompt": "blurry",
            "image_size": {"width": 64, "height": 32},
            "num_inference_steps": 20,
            "guidance_scale": 3.5,
            "seed": 7,
            "output_format": "png",
        },
    ),
    "hf-inference": (
        "/hf-inference/models/some/model",
        {
            "inputs": "a brass lamp",
            "parameters": {
                "negative_prompt": "blurry",
                "width": 64,
                "height": 32,
                "num_inference_steps": 20,
                "guidance_scale": 3.5,
                "seed": 7,
            },
        },
    ),
    "replicate": (
        "/replicate/v1/models/replicate/model/predictions",
        {
            "input": {
                "prompt": "a brass lamp",
                "negative_prompt": "blurry",
                "width": 64,
                "height": 32,
                "num_inference_steps": 20,
                "guidance_scale": 3.5,
                "seed": 7,
                "output_format": "png",
            }
        },
    ),
    "together": (
        "/together/v1/images/generations",
        {
            "model": "together/model",
            "prompt": "a brass lamp",
            "negative_prompt": "blurry",
            "width": 64,
            "height": 32,
            "steps": 20,
            "guidance_scale": 3.5,
            "seed": 7,
            "response_format": "base64",
            "output_format": "png",
        },
    ),
    "wavespeed": (
        "/wavespeed/api/v3/wavespeed/model",
        {
            "prompt": "a brass lamp",
            "negative_prompt": "blurry",
            "width": 64,
            "height": 32,
            "num_inference_steps": 20,
            "guidance_scale": 3.5,
            "seed": 7,
            "output_format": "png",
        },
    ),
}


@pytest.mark.parametrize("by", ASKED)
def test_what_each_is_asked(hub, vendor, by):
    (image,) = hub.generate([request(by=by, negative="blurry", steps=20, guidance=3.5)])
    assert posted(vendor) == ASKED[by]
    assert decode(image.data).size == (64, 32)
    own = "some/model" if by == "hf-inference" else f"{by}/model"
    assert image.info == {"served_by": by, "model": own}
    assert (image.seed, image.cost) == (7 if by == "fal-ai" else None, None)


PLAIN = {
    "nscale": (
        "/nscale/v1/images/generations",
        {"model": "nscale/model", "prompt": "a brass lamp", "size": "64x32", "response_format": "b64_json"},
    ),
    "zai-org": (
        "/zai-org/api/paas/v4/async/images/generations",
        {"model": "zai-org/model", "prompt": "a brass lamp", "size": "64x32"},
    ),
}


@pytest.mark.parametrize("by", PLAIN)
def test_some_are_handed_on_no_more_than_prompt_and_size(hub, vendor, by):
    (image,) = hub.generate([request(by=by)])
    assert posted(vendor) == PLAIN[by]
    assert decode(image.data).size == (64, 32)


def test_what_else_a_model_is_told(hub, vendor):
    hub.generate([request(extra_body={"acceleration": "high", "output_format": "jpeg"})])
    _, fields = posted(vendor)
    assert (fields["acceleration"], fields["output_format"]) == ("high", "jpeg")
    hub.generate([request(by="hf-inference", scheduler="EulerDiscreteScheduler")])
    _, fields = posted(vendor)
    assert fields["parameters"]["scheduler"] == "EulerDiscreteScheduler"


def test_only_the_key_and_what_is_needed_is_sent_along(hub, vendor):
    hub.generate([request(by="replicate")])
    (asked,) = [asked for asked in vendor.asked if asked.method == "POST"]
    sent = {name.lower() for name in asked.headers}
    assert sent == {
        "host", "accept", "accept-encoding", "connection", "user-agent", "authorization", "prefer",
        "content-type", "content-length",
    }  # fmt: skip
    assert (asked.headers["User-Agent"], asked.headers["Accept"]) == ("imgbuild", "image/png")


@pytest.mark.parametrize("by", EDITORS)
def test_a_picture_is_drawn_over(hub, vendor, by):
    vendor.serves["some/editor"]["hf-inference"] = (EDITS, "some/editor")
    (image,) = hub.generate([request("make it blue", by=by, edits=True, extra_body={"strength": 0.5})])
    _, fields = posted(vendor)
    told = fields.get("input") or fields.get("parameters") or fields
    assert (told["prompt"], told["seed"], told["strength"]) == ("make it blue", 7, 0.5)
    given = {
        "fal-ai": lambda: fields["image_url"],
        "hf-inference": lambda: fields["inputs"],
        "replicate": lambda: told["input_image"],
        "together": lambda: fields["reference_images"][0],
        "wavespeed": lambda: fields["image"],
    }[by]()
    assert decoded(given).getpixel((0, 0)) == (255, 0, 0)
    assert decode(image.data).size == (64, 32)


@pytest.mark.parametrize(("by", "edits"), QUEUES)
def test_tasks_are_waited_for(hub, vendor, by, edits):
    vendor.polls = 3
    (image,) = hub.generate([request(by=by, edits=edits)])
    assert decode(image.data).size == (64, 32)
    assert vendor.billed == 1


@pytest.mark.parametrize(("by", "edits"), QUEUES)
def test_questions_that_fail_are_asked_again(hub, vendor, by, edits):
    hub.generate([request(by=by, edits=edits)])  # now it is known who serves
    vendor.first = [
        None,
        failure(503, "busy"),
        failure(429, "slow down"),
        Answer(200, b"no JSON"),
        Answer(200, {"status": "?"}),
        Answer(200, {}, cut=True),
    ]
    (image,) = hub.generate([request("another", by=by, edits=edits)])
    assert decode(image.data).size == (64, 32)
    assert (vendor.billed, vendor.first) == (2, [])


@pytest.mark.parametrize(("by", "edits"), QUEUES)
def test_a_task_that_takes_too_long(hub, vendor, by, edits):
    vendor.polls = 10**6
    with pytest.raises(Unanswered) as raised:
        hub.generate([request(by=by, edits=edits, timeout=1)])
    assert (raised.value.message, raised.value.hint) == (
        "the task is still under way",
        "give the model a longer 'timeout'",
    )


LOST = {
    "gone": (failure(404, "no such task"), Unanswered, "the task is not known any more"),
    "no key any more": (
        failure(401, "Invalid credentials"),
        Unanswered,
        "the key is not taken: Invalid credentials",
    ),
    "wrong": (
        Answer(422, {"detail": [{"msg": "too small"}]}),
        ProviderFailed,
        "the request is not taken: too small",
    ),
    "refused": (
        Answer(422, {"detail": [{"msg": "flagged", "type": "content_policy_violation"}]}),
        Refused,
        "refused: flagged",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), LOST.values(), ids=LOST)
def test_what_becomes_of_tasks(hub, vendor, answer, kind, message):
    hub.generate([request(by="fal-ai", edits=True)])
    vendor.first = [None, answer]
    with pytest.raises(kind) as raised:
        hub.generate([request(by="fal-ai", edits=True)])
    assert (type(raised.value), raised.value.message) == (kind, message)


REFUSALS = {
    "fal-ai": "refused: what came out is flagged as not safe for work",
    "replicate": "refused: NSFW content detected",
    "wavespeed": "refused: moderation",
}


@pytest.mark.parametrize("by", REFUSALS)
def test_a_flagged_image_is_refused(hub, vendor, by):
    vendor.flagged = ("gore",)
    with pytest.raises(Refused) as raised:
        hub.generate([request("gore", by=by)])
    assert (raised.value.message, raised.value.hint) == (
        REFUSALS[by],
        "say it otherwise, or name a 'fallback'",
    )


def test_a_task_that_failed(hub, vendor):
    vendor.flagged = ("gore",)
    with pytest.raises(ProviderFailed) as raised:
        hub.generate([request("gore", by="zai-org")])
    assert raised.value.message == "the task failed: no reason given"


ANSWERS = {
    "throttled": (window(12), Throttled, "too many requests: Too many requests"),
    "no credit": (
        failure(402, "You have exceeded your monthly included credits."),
        Unavailable,
        "the account has no credit left: You have exceeded your monthly included credits.",
    ),
    "no such key": (
        failure(401, f"Invalid username or password: {KEY}"),
        Unavailable,
        "the key is not taken: Invalid username or password: (key)",
    ),
    "gone": (
        failure(404, "Not Found"),
        ProviderFailed,
        "there is no model 'some/model' any more: Not Found",
    ),
    "ended": (
        failure(410, "The requested model is deprecated."),
        ProviderFailed,
        "the request is not taken: The requested model is deprecated.",
    ),
    "refused": (
        Answer(422, {"detail": [{"msg": "flagged", "type": "content_policy_violation"}]}),
        Refused,
        "refused: flagged",
    ),
    "refused in words": (
        failure(400, {"message": "Potential NSFW content", "type": "x"}),
        Refused,
        "refused: Potential NSFW content",
    ),
    "wrong": (
        Answer(422, {"detail": "safety_tolerance must be a number"}),
        ProviderFailed,
        "the request is not taken: safety_tolerance must be a number",
    ),
    "loading": (
        failure(503, "Model is currently loading", estimated_time=12),
        Transient,
        "the server failed: Model is currently loading",
    ),
    "failed": (failure(500, "Oh no"), Transient, "the server failed: Oh no"),
    "gateway": (
        Answer(504, b"<html>504</html>"),
        Unanswered,
        "the server did not answer: <html>504</html>",
    ),
    "nothing said": (Answer(502, b""), Unanswered, "the server did not answer: status 502"),
    "no image": (Answer(200, {"images": []}), Unanswered, "the answer has no image in it"),
    "no JSON": (Answer(200, b"yes"), Unanswered, "the answer can't be understood"),
    "a list": (Answer(200, ["x"]), Unanswered, "the answer has no image in it"),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS.values(), ids=ANSWERS)
def test_what_becomes_of_a_request_is_told(hub, vendor, answer, kind, message):
    hub.generate([request()])  # now it is known who serves
    before = len(vendor.asked)
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        hub.generate([request()])
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert getattr(raised.value, "retry_after", None) in (None, 12)
    assert len(vendor.asked) == before + 1


ODD = {
    "still made": (
        "replicate",
        {"status": "processing", "output": None},
        "the answer has no image in it: it was still being made",
    ),
    "no base64": ("together", {"data": [{"b64_json": "!"}]}, "the answer has no image in it"),
    "no image": ("hf-inference", {"error": "x"}, "the answer has no image in it"),
}


@pytest.mark.parametrize(("by", "body", "message"), ODD.values(), ids=ODD)
def test_answers_without_an_image(hub, vendor, by, body, message):
    hub.generate([request(by=by)])
    vendor.first = [Answer(200, body)]
    with pytest.raises(Unanswered) as raised:
        hub.generate([request(by=by)])
    assert (raised.value.message, raised.value.hint) == (message, "it may have been paid for")


@pytest.mark.parametrize("by", ["hf-inference", "together"])
def test_what_is_no_image_was_paid_for(hub, vendor, by):
    vendor.kind = "ppm"
    with pytest.raises(Unanswered) as raised:
        hub.generate([request(by=by)])
    assert (raised.value.message, raised.value.hint) == (
        "what the vendor sent is not an image that can be read",
        "it may have been paid for",
    )


def test_an_answer_that_is_cut_off_may_have_been_paid_for(hub, vendor):
    hub.generate([request()])
    vendor.first = [Answer(200, {"images": []}, cut=True)]
    with pytest.raises(Unanswered) as raised:
        hub.generate([request()])
    assert raised.value.message.startswith("the connection was lost: ")


def test_an_answer_that_takes_too_long_may_have_been_paid_for(hub, vendor):
    hub.generate([request()])
    vendor.first = [Answer(200, {"images": []}, seconds=1.5)]
    with pytest.raises(Unanswered) as raised:
        hub.generate([request(timeout=1)])
    assert (raised.value.message, raised.value.hint) == (
        "no answer in time",
        "give the model a longer 'timeout'",
    )


def test_an_image_in_a_private_network_is_not_fetched(hub, vendor):
    vendor.more = {"images": [{"url": "http://127.0.0.2:9/x.png"}]}
    with pytest.raises(Unanswered) as raised:
        hub.generate([request()])
    assert raised.value.message == "the image lies in a private network, at 127.0.0.2, and is not fetched"


def test_what_came_out_otherwise_is_in_the_record(hub, vendor):
    vendor.kind = "jpeg"
    vendor.more = {"prompt": "a lamp of finest brass", "seed": 9}
    (image,) = hub.generate([request(size=(96, 32))])
    assert (image.seed, image.info["revised_prompt"]) == (9, "a lamp of finest brass")
    assert "size" not in image.info
    vendor.more = {"images": [{"url": f"{vendor.address}/file/{next(iter(vendor.files))}.png"}]}
    (image,) = hub.generate([request()])
    assert image.info["size"] == "96x32"
    assert image.data.startswith(b"\xff\xd8")  # the bytes that were sent


HUB = {
    "nobody": (
        "some/other",
        failure(404, "Not found", {"X-Error-Code": "RepoNotFound"}),
        ProviderFailed,
        "the hub has no model 'some/other', or it is private",
    ),
    "busy": ("some/model", failure(429, "x"), Throttled, "too many requests: the hub answered 429"),
    "failed": ("some/model", failure(502, "x"), Transient, "the server did not answer: the hub answered 502"),
    "not this one": (
        "some/model",
        Answer(200, {"id": "some/model", "inferenceProviderMapping": {}}),
        ProviderFailed,
        "'fal-ai' does not serve 'some/model' for that: "
        "Model some/model is not supported by provider fal-ai.",
    ),
}


@pytest.mark.parametrize(("source", "answer", "kind", "message"), HUB.values(), ids=HUB)
def test_what_the_hub_says_of_who_serves(hub, vendor, source, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        hub.generate([request(source=source)])
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert (len(vendor.asked), vendor.billed) == (1, 0)


def test_a_model_that_does_something_else(hub, vendor):
    with pytest.raises(ProviderFailed) as raised:
        hub.generate([request(source="some/editor")])
    assert raised.value.message.startswith("'fal-ai' does not serve 'some/editor' for that: ")
    assert vendor.billed == 0


def test_a_hub_that_is_not_there(hub, vendor, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Transient) as raised:
        hub.generate([request()])
    assert raised.value.message.startswith("the hub can't be reached: ")


def test_a_router_that_is_not_there_has_taken_nothing(hub, vendor, monkeypatch):
    monkeypatch.setattr(provider, "ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Transient) as raised:
        hub.generate([request()])
    assert raised.value.message.startswith("the server can't be reached: ")


def test_a_key_of_another_vendor_goes_to_the_router_too(hub, vendor, monkeypatch):
    """The SDK would send it to who serves."""
    monkeypatch.setenv("HF_TOKEN", "r8_of-replicate")
    with pytest.raises(Unavailable) as raised:
        hub.generate([request(by="replicate")])
    assert raised.value.message == ("the key is not taken: Invalid username or password: Bearer (key)")
    assert posted(vendor)[0].startswith("/replicate/")


def test_an_sdk_that_has_changed_sends_nothing(hub, vendor, monkeypatch):
    from huggingface_hub import InferenceClient

    monkeypatch.delattr(InferenceClient, "_inner_post")
    with pytest.raises(ProviderFailed) as raised:
        hub.generate([request()])
    assert (raised.value.message, raised.value.hint) == (
        "this huggingface_hub is not known here",
        "install huggingface_hub 2.4",
    )


def test_a_request_that_is_to_go_elsewhere_is_not_sent(hub, vendor, monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.constants.INFERENCE_PROXY_TEMPLATE",
        "https://router.huggingface.co.evil.example/{provider}",
    )
    with pytest.raises(ProviderFailed) as raised:
        hub.generate([request()])
    assert raised.value.message.startswith(
        "the request would go to https://router.huggingface.co.evil.example/fal-ai/"
    )
    assert vendor.billed == 0


def test_without_a_key(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(Unavailable) as raised:
        hub.generate([request()])
    assert (raised.value.message, raised.value.hint) == (
        "'huggingface' needs a key, and HF_TOKEN is not set",
        "set it, and build again",
    )


def test_without_the_sdk(hub, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        hub.generate([request()])
    assert (raised.value.message, raised.value.hint) == (
        "provider 'huggingface' needs the SDK of Hugging Face, which is not installed",
        "install it with `pip install 'imgbuild[huggingface]'`",
    )


def test_another_router_has_a_key_of_its_own_and_needs_consent(hub, vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(provider, "ADDRESS", "https://router.huggingface.co")
    house = {"base_url": f"{vendor.address}/", "key": "IMGBUILD_HOUSE_KEY"}
    (image,) = hub.generate([request(**house)])
    assert decode(image.data).size == (64, 32)
    model = Model(provider="huggingface", source="some/model", params={"served_by": "fal-ai", **house})
    assert hub.concerns(model) == (
        Concern(
            wants=f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {vendor.address[7:]}, "
            "which is not the vendor's own host",
            place=("params", "base_url"),
        ),
    )
    assert hub.concerns(Model(provider="huggingface", source="some/model")) == ()


TAKES = {
    "fal-ai": {"seed", "negative", "image"},
    "hf-inference": {"seed", "negative", "image"},
    "nscale": set(),
    "replicate": {"seed", "negative", "image"},
    "together": {"seed", "negative", "image"},
    "wavespeed": {"seed", "negative", "image"},
    "zai-org": set(),
}


@pytest.mark.parametrize("by", EVERYONE)
def test_what_is_taken(hub, by):
    found = hub.capabilities(Model(provider="huggingface", source="a/b", params={"served_by": by}))
    assert (found.takes, found.grade) == (TAKES[by], Grade.STORED)  # nobody says which weights these are
    assert ("steps" in found.params, "scheduler" in found.params) == (bool(TAKES[by]), by == "hf-inference")


MISSING = "its page of the hub says who serves it; known here are fal-ai, hf-inference, nscale, replicate, together, wavespeed, zai-org"
SPECS = {
    "no source": (
        {"source": ""},
        "a 'source' is needed by provider 'huggingface'",
        "such as source: black-forest-labs/FLUX.1-schnell",
    ),
    "no model": (
        {"source": "flux"},
        "'flux' is no model of provider 'huggingface'",
        "such as source: black-forest-labs/FLUX.1-schnell",
    ),
    "a revision": (
        {"revision": "main"},
        "models of provider 'huggingface' have no revisions: who serves them chooses",
        "leave 'revision' out",
    ),
    "nobody": ({"params": {}}, "a model of provider 'huggingface' needs a 'served_by'", MISSING),
    "auto": (
        {"params": {"served_by": "auto"}},
        "a model of provider 'huggingface' needs a 'served_by'",
        MISSING,
    ),
    "filled in": (
        {"params": {"served_by": "fal-ai", "extra_body": {"seed": 3}}},
        "'seed' has no place in 'extra_body': it is filled in",
        "leave it out",
    ),
}


@pytest.mark.parametrize(("declared", "message", "hint"), SPECS.values(), ids=SPECS)
def test_declarations_that_are_no_use(hub, declared, message, hint):
    whole = {"provider": "huggingface", "source": "a/b", "params": {"served_by": "fal-ai"}, **declared}
    with pytest.raises(SpecError) as raised:
        hub.capabilities(Model(**whole))
    assert (raised.value.message, raised.value.hint) == (message, hint)
