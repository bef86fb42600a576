"""The adapter and the vendor's SDK, against a server that takes no input that its models do not name."""

import base64
import io
import random

import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    Gone,
    ProviderFailed,
    Refused,
    SpecError,
    TargetError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.replicate import Replicate
from imgbuild.types import Allowance, Concern, Grade, Model, Pin, Request
from tests.vendors.replicate import HIDDEN, KEY, OLD, SDXL, UPSCALER, problem, throttled, within
from tests.vendors.replicate import Replicate as Vendor
from tests.vendors.server import Answer, serving

PROVIDER = "imgbuild.providers.replicate.provider"
FLUX, NANO, IDEOGRAM = "black-forest-labs/flux-dev", "google/nano-banana", "ideogram-ai/ideogram-v3-turbo"


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor()
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    monkeypatch.setattr(f"{PROVIDER}.FIRST", 0.001)
    with serving(vendor) as address:
        vendor.address = address
        monkeypatch.setattr(f"{PROVIDER}.ADDRESS", address)
        yield vendor


@pytest.fixture
def adapter(vendor):
    made = Replicate()
    yield made
    made.close()


def model(source, revision="", **params):
    return Model(provider="replicate", source=source, revision=revision, params=params)


@pytest.fixture
def request_of(adapter, vendor):
    """A function: a source and what to ask of it → the request; the look-ups are forgotten."""

    def make(source=f"stability-ai/sdxl:{SDXL}", size=(64, 96), inputs=None, *, prompt="a lamp", **params):
        negative = params.pop("negative", "")
        pin = adapter.pin(model(source, **params))
        vendor.asked.clear()
        width, height = size or adapter.pinned(model(source), pin).default_size
        seed = 2_000_000_007
        return Request(
            pin=pin,
            prompt=prompt,
            negative=negative,
            width=width,
            height=height,
            seed=seed,
            params=params,
            inputs=inputs or {},
        )

    return make


def sent(vendor):
    """The inputs of all predictions that were handed in."""
    posts = [asked for asked in vendor.asked if asked.method == "POST" and asked.path != "/v1/files"]
    return [asked.fields["input"] for asked in posts]


def picture(colour="red", size=(8, 8)):
    return pillow.new("RGB", size, colour)


def noise(side):
    """A picture that no encoder makes small."""
    return pillow.frombytes("RGB", (side, side), random.Random(7).randbytes(3 * side * side))


# --- pins -------------------------------------------------------------------------------------------------


def test_the_newest_version_is_pinned(adapter, vendor):
    pin = adapter.pin(model("stability-ai/sdxl"))
    assert (pin.source, pin.revision, pin.declared) == ("stability-ai/sdxl", SDXL, "")
    assert [asked.path for asked in vendor.asked] == ["/v1/models/stability-ai/sdxl"]
    assert (pin.takes["version"], pin.takes["inputs"]["prompt"]) == (SDXL, {"type": "string"})


@pytest.mark.parametrize(
    "declared",
    [model(f"stability-ai/sdxl:{OLD}"), model("stability-ai/sdxl", OLD)],
    ids=["source", "revision"],
)
def test_a_version_that_is_named_is_pinned(adapter, vendor, declared):
    pin = adapter.pin(declared)
    assert (pin.source, pin.revision, pin.declared) == (declared.source, OLD, declared.revision)
    assert [asked.path for asked in vendor.asked] == [f"/v1/models/stability-ai/sdxl/versions/{OLD}"]


def test_official_models_and_deployments_have_no_version_to_pin(adapter, vendor):
    official, deployed = adapter.pin(model(FLUX)), adapter.pin(model("deployments/acme/house"))
    assert (official.revision, deployed.revision) == ("", "")
    assert (official.takes["official"], official.takes["version"]) == (True, HIDDEN)
    assert (deployed.takes.get("official"), deployed.takes["version"]) == (None, SDXL)


UNPINNED = {
    "gone": (
        "acme/gone",
        "there is no model 'acme/gone' any more: The requested resource could not be found.",
    ),
    "no such version": (
        f"stability-ai/sdxl:{'99' * 32}",
        "there is no model 'stability-ai/sdxl' any more: The requested resource could not be found.",
    ),
    "no version yet": ("acme/none", "the model 'acme/none' has no version yet"),
    "no schema": ("acme/mute", "the model 'acme/mute' does not say what it takes"),
    "nothing deployed": ("deployments/acme/idle", "nothing is deployed as 'acme/idle'"),
    "no such deployment": (
        "deployments/acme/other",
        "there is no model 'acme/other' any more: The requested resource could not be found.",
    ),
}


@pytest.mark.parametrize(("source", "message"), UNPINNED.values(), ids=UNPINNED)
def test_what_can_not_be_pinned(adapter, source, message):
    with pytest.raises(ProviderFailed) as raised:
        adapter.pin(model(source))
    assert raised.value.message == message


def test_looking_up_that_fails_lost_nothing(adapter, vendor):
    for answer in (Answer(502, b"busy"), Answer(200, b"{", cut=True), Answer(200, b"half")):
        vendor.first = [answer]
        with pytest.raises(TargetError) as raised:
            adapter.pin(model(FLUX))
        assert type(raised.value) is Transient
    assert len(vendor.asked) == 3  # each once: the SDK asks nothing again by itself


# --- what models take -------------------------------------------------------------------------------------


def test_what_models_take(adapter):
    def takes(source):
        return adapter.pinned(model(source), adapter.pin(model(source)))

    sdxl, flux, nano, ideogram = map(takes, ("stability-ai/sdxl", FLUX, NANO, IDEOGRAM))
    assert sdxl.takes == {"seed", "negative", "image", "mask"}
    assert flux.takes == {"seed", "image"}
    assert nano.takes == {"image", "reference"}
    assert ideogram.takes == {"seed", "image", "mask", "reference"}
    assert (sdxl.pictures, nano.pictures) == ({"image": 1, "mask": 1}, {})
    assert {*sdxl.params} - {"base_url", "key", "timeout"} == {
        *("steps", "guidance", "strength", "scheduler", "apply_watermark")
    }
    assert sdxl.params["guidance"] == {"type": "number", "minimum": 1, "maximum": 50}
    assert sdxl.needs == {"mask": "image", "strength": "image"}
    assert ideogram.sizes == ((512, 1536), (1024, 1024), (1536, 512))
    assert flux.sizes == ((1024, 1024), (1280, 720), (1248, 832))
    assert nano.params["aspect_ratio"] == {"type": "string", "enum": ["match_input_image"]}
    assert "num_outputs" not in sdxl.params


def test_only_a_version_with_a_seed_promises_a_like_picture(adapter):
    def grade(source):
        return adapter.pinned(model(source), adapter.pin(model(source))).grade

    sources = ("stability-ai/sdxl", FLUX, "deployments/acme/house", NANO, f"acme/upscaler:{UPSCALER}")
    assert [grade(source) for source in sources] == [Grade.PERCEPTUAL, *[Grade.STORED] * 4]


def test_of_what_nobody_looked_up_anything_may_be_asked():
    named, unnamed = (Replicate().capabilities(model(source)) for source in (f"a/b:{SDXL}", "a/b"))
    assert (named.grade, unnamed.grade) == (Grade.PERCEPTUAL, Grade.STORED)
    assert named.takes == {"seed", "negative", "image", "mask", "control", "reference"}
    assert named.params["*"] == {}
    assert Replicate().pinned(model("a/b"), Pin(provider="replicate", source="a/b")) == unnamed


# --- what is sent -----------------------------------------------------------------------------------------


def test_an_image_is_handed_in_polled_and_fetched(adapter, vendor, request_of):
    request, waits = request_of(negative="blurry", steps=20, scheduler="DDIM"), []
    vendor.polls = 3
    image = adapter.collect(adapter.submit(request), request, waits.append)
    assert decode(image.data).size == (64, 96)
    assert (image.seed, image.cost, len(waits)) == (2_000_000_007, None, 3)
    assert image.info == {"request": next(iter(vendor.tasks)), "seconds": 2.9}
    assert waits == sorted(waits)
    first = vendor.asked[0]
    assert (first.method, first.path, first.headers.get("Prefer")) == ("POST", "/v1/predictions", None)
    assert first.fields == {
        "version": SDXL,
        "input": {
            "prompt": "a lamp",
            "negative_prompt": "blurry",
            "width": 64,
            "height": 96,
            "seed": 2_000_000_007,
            "num_outputs": 1,
            "num_inference_steps": 20,
            "scheduler": "DDIM",
        },
    }
    assert vendor.faults == []


PLACES = {
    FLUX: "/v1/models/black-forest-labs/flux-dev/predictions",
    "deployments/acme/house": "/v1/deployments/acme/house/predictions",
    "stability-ai/sdxl": "/v1/predictions",
}


@pytest.mark.parametrize("source", PLACES)
def test_each_kind_is_asked_for_at_its_place(adapter, vendor, request_of, source):
    request = request_of(source, None)
    adapter.submit(request)
    assert [asked.path for asked in vendor.asked] == [PLACES[source]]
    assert vendor.asked[0].fields.get("version") == request.pin.revision or not request.pin.revision
    assert vendor.faults == []


def test_one_image_without_loss_by_words_that_nobody_rewrites(adapter, vendor, request_of):
    adapter.submit(request_of(FLUX, (1280, 720), go_fast=False))
    adapter.submit(request_of(IDEOGRAM, (512, 1536)))
    adapter.submit(request_of(IDEOGRAM, (512, 1536), magic_prompt_option="On"))
    adapter.submit(request_of("bytedance/seedream-4", (2048, 1024)))
    seed = 2_000_000_007
    flux = {"aspect_ratio": "16:9", "num_outputs": 1, "output_format": "png", "go_fast": False}
    given = [task["asked"]["input"] for task in vendor.tasks.values()]
    assert given == [
        {"prompt": "a lamp", "seed": seed, **flux},
        {"prompt": "a lamp", "seed": seed, "resolution": "512x1536", "magic_prompt_option": "Off"},
        {"prompt": "a lamp", "seed": seed, "resolution": "512x1536", "magic_prompt_option": "On"},
        {
            "prompt": "a lamp",
            "seed": seed % 100_000,
            "enhance_prompt": False,
            "max_images": 1,
            "width": 2048,
            "height": 1024,
            "size": "custom",
        },
    ]
    assert vendor.faults == []


def test_a_shape_that_the_spec_states_goes_before_the_size(adapter, vendor, request_of):
    adapter.submit(request_of(NANO, None, aspect_ratio="match_input_image"))
    adapter.submit(request_of("bytedance/seedream-4", (2048, 2048), aspect_ratio="match_input_image"))
    first, second = [task["asked"]["input"] for task in vendor.tasks.values()]
    assert first == {"prompt": "a lamp", "output_format": "png", "aspect_ratio": "match_input_image"}
    assert (second["aspect_ratio"], "width" in second, "size" in second) == (
        "match_input_image",
        False,
        False,
    )


def test_small_pictures_go_within_the_request_and_large_ones_before_it(adapter, vendor, request_of):
    small, large = picture("blue"), noise(400)
    adapter.submit(request_of(NANO, None, {"reference": [large], "image": [small]}))
    upload, create = vendor.asked
    assert (upload.path, create.path) == ("/v1/files", "/v1/models/google/nano-banana/predictions")
    within_it, uploaded = create.fields["input"][
        "image_input"
    ]  # the image first, and then what it is to be like
    assert within_it.startswith("data:image/png;base64,")
    assert decode(base64.b64decode(within_it.partition(",")[2])).getpixel((0, 0)) == (0, 0, 255)
    assert decode(vendor.uploads[uploaded]).tobytes() == large.tobytes()
    assert upload.files["content"][0][0] == "image.png"
    assert vendor.faults == []


def test_roles_have_inputs_of_their_own(adapter, vendor, request_of):
    adapter.submit(request_of(IDEOGRAM, (1024, 1024), {"image": [picture()], "reference": [picture("blue")]}))
    given = sent(vendor)[0]
    assert given["image"].startswith("data:")
    assert [each[:5] for each in given["style_reference_images"]] == ["data:"]
    assert vendor.faults == []


def mask_of(text):
    return decode(base64.b64decode(text.partition(",")[2])).convert("L").getpixel((0, 0))


def test_a_mask_is_white_where_the_model_wants_white_and_black_where_it_wants_black(
    adapter, vendor, request_of
):
    inputs = {"image": [picture()], "mask": [pillow.new("L", (8, 8), 255)]}
    for source, size in ((f"stability-ai/sdxl:{SDXL}", (64, 64)), (IDEOGRAM, (1024, 1024))):
        adapter.submit(request_of(source, size, inputs))
    white, black = [task["asked"]["input"]["mask"] for task in vendor.tasks.values()]
    assert (mask_of(white), mask_of(black)) == (255, 0)


UNASKED = {
    "no prompt is taken": (
        {"scale": 2, "inputs": {"image": [picture()]}},
        "model 'acme/upscaler' takes no prompt",
        "it works on an image alone; name another",
    ),
    "two are missing": (
        {"prompt": ""},
        "model 'acme/upscaler' needs 'image' and 'scale'",
        "give it in 'params' or 'inputs', of the model or the asset",
    ),
    "no such size": (
        {"prompt": "", "scale": 2, "inputs": {"image": [picture()]}, "size": (64, 64)},
        "model 'acme/upscaler' makes no images of 64x64",
        "",
    ),
}


@pytest.mark.parametrize(("given", "message", "hint"), UNASKED.values(), ids=UNASKED)
def test_what_a_model_can_not_be_asked_is_told_before_anything_is_sent(
    adapter, vendor, request_of, given, message, hint
):
    with pytest.raises(ProviderFailed) as raised:
        adapter.submit(request_of("acme/upscaler", **{"size": (1024, 1024), **given}))
    assert (raised.value.message, raised.value.hint, vendor.asked) == (message, hint, [])


def test_a_model_without_words_works_on_an_image(adapter, vendor, request_of):
    request = request_of("acme/upscaler", (1024, 1024), {"image": [picture()]}, prompt="", scale=2)
    image = adapter.collect(adapter.submit(request), request, lambda _: None)
    assert (image.info["size"], image.seed, vendor.faults) == ("64x64", 4711, [])  # as the log says it


# --- what comes back --------------------------------------------------------------------------------------


def collected(adapter, request):
    return adapter.collect(adapter.submit(request), request, lambda _: None)


def png():
    out = io.BytesIO()
    picture("teal").save(out, format="PNG")
    return out.getvalue()


OUTPUTS = {
    "one": lambda place: place,
    "a list": lambda place: [place],
    "a mapping": lambda place: {"note": "made", "image": place},
    "in itself": lambda place: within(png()),
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_form_of_an_output(adapter, vendor, request_of, output):
    request = request_of()
    ticket = adapter.submit(request)
    vendor.tasks[ticket]["end"] = {"output": OUTPUTS[output](f"{vendor.address}/delivery/{ticket}/out.png")}
    assert decode(adapter.collect(ticket, request, lambda _: None).data).size in ((64, 96), (8, 8))


def test_of_several_images_the_first_is_taken_and_the_others_are_told(adapter, vendor, request_of):
    vendor.ends = [{"output": [within(png()), "https://replicate.delivery/second.png"]}]
    image = collected(adapter, request_of())
    assert (image.data, image.info["outputs"]) == (png(), 2)


def test_a_deployment_tells_which_version_made_it(adapter, vendor, request_of):
    assert collected(adapter, request_of("deployments/acme/house")).info["version"] == SDXL
    assert "version" not in collected(adapter, request_of(FLUX, (1024, 1024))).info


SENSITIVE = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
ENDS = {
    "flagged": ({"status": "failed", "error": SENSITIVE}, Refused, f"refused: {SENSITIVE}"),
    "not safe": (
        {"status": "failed", "error": "NSFW content detected. Try running it again,\nor try another prompt."},
        Refused,
        "refused: NSFW content detected. Try running it again, or try another prompt.",
    ),
    "black": (
        {"logs": "Using seed: 7\nPotential NSFW content was detected in one or more images.\n"},
        Refused,
        "refused: what came out was filtered, and is black",
    ),
    "nothing left of it": (
        {"output": [], "logs": "NSFW content detected in image 0"},
        Refused,
        "refused: what came out was filtered, and is black",
    ),
    "failed": (
        {"status": "failed", "error": f"CUDA out of memory ({KEY})"},
        ProviderFailed,
        "the prediction failed: CUDA out of memory ((key))",
    ),
    "failed without a word": (
        {"status": "failed"},
        ProviderFailed,
        "the prediction failed: no reason given",
    ),
    "cancelled": ({"status": "canceled"}, ProviderFailed, "the prediction was cancelled"),
    "aborted": ({"status": "aborted"}, ProviderFailed, "the prediction was ended before it began"),
    "removed": (
        {"data_removed": True, "output": None, "input": {}},
        Gone,
        "the image is not kept any more",
    ),
    "words": ({"output": "a lamp, it seems"}, Gone, "the prediction gave no image"),
    "no image": (
        {"output": within(b"<svg/>")},
        Gone,
        "what the vendor sent is not an image that can be read",
    ),
    "no base64": (
        {"output": "data:image/png;base64,!"},
        Gone,
        "what the vendor sent is not an image that can be read",
    ),
    "a private place": (
        {"output": "http://169.254.169.254/latest"},
        Unanswered,
        "the image lies in a private network, at 169.254.169.254, and is not fetched",
    ),
}


@pytest.mark.parametrize(("end", "kind", "message"), ENDS.values(), ids=ENDS)
def test_how_predictions_end(adapter, vendor, request_of, end, kind, message):
    vendor.ends = [end]
    with pytest.raises(kind) as raised:
        collected(adapter, request_of())
    assert (type(raised.value), raised.value.message) == (kind, message)


def test_a_prediction_that_nobody_knows(adapter, vendor, request_of):
    request = request_of()
    ticket = adapter.submit(request)
    vendor.tasks.clear()
    for name in (ticket, "../account", ""):
        before = len(vendor.asked)
        with pytest.raises(Gone) as raised:
            adapter.collect(name, request, lambda _: None)
        assert raised.value.message == "the prediction is not known any more"
        assert len(vendor.asked) - before == (name == ticket)


def test_a_prediction_that_takes_too_long(adapter, vendor, request_of):
    vendor.polls = 10**6
    with pytest.raises(Unanswered) as raised:
        collected(adapter, request_of(timeout=1))
    assert raised.value.message == "the prediction is still processing"


SEEDS = {
    "as it was asked for": ({}, 2_000_000_007),
    "as the log has it": ({"input": {}, "logs": "Using seed: 7\n"}, 7),
    "in other words": ({"input": {}, "logs": "Random seed set to: 1234567890"}, 1234567890),
    "not told": ({"input": {}, "logs": "seed -1 means any\n 50%"}, None),
}


@pytest.mark.parametrize(("end", "seed"), SEEDS.values(), ids=SEEDS)
def test_the_seed_that_was_used(adapter, vendor, request_of, end, seed):
    request = request_of()
    ticket = adapter.submit(request)
    vendor.tasks[ticket]["end"] = {**end, "output": within(png())}
    assert adapter.collect(ticket, request, lambda _: None).seed == seed


# --- errors of the API ------------------------------------------------------------------------------------

SAID = "Request was throttled. Your rate limit resets in ~30s."
SUBMITTED = {
    "throttled": (throttled(10), Throttled, f"too many requests: {SAID}"),
    "throttled for a while": (throttled(), Throttled, f"too many requests: {SAID}"),
    "no credit": (
        problem(402, "You have insufficient credit to run this model.", "Insufficient credit"),
        Unavailable,
        "the account has no credit left: You have insufficient credit to run this model.",
    ),
    "not allowed": (problem(403, f"Not with {KEY}."), Unavailable, "the key is not taken: Not with (key)."),
    "wrong": (
        problem(422, "- input.width: 7 is too small\n- input.seed: no\n", "Input validation failed"),
        ProviderFailed,
        "the request is not taken: - input.width: 7 is too small - input.seed: no",
    ),
    "gone": (
        problem(404, "The requested resource could not be found."),
        ProviderFailed,
        "there is no model 'stability-ai/sdxl' any more: The requested resource could not be found.",
    ),
    "only a title": (
        Answer(400, {"title": "Bad request"}),
        ProviderFailed,
        "the request is not taken: Bad request",
    ),
    "sent elsewhere": (
        Answer(302, b"", {"Location": "http://127.0.0.1:9/"}),
        ProviderFailed,
        "the request is not taken: status 302",
    ),
    "failed": (problem(500, "Internal server error"), Transient, "the server failed: Internal server error"),
    "overloaded": (Answer(503, b""), Transient, "the server failed: status 503"),
    "too slow": (Answer(504, b"late"), Unanswered, "the server did not answer: late"),
    "gateway": (Answer(502, b"<html>"), Unanswered, "the server did not answer: <html>"),
    "cut off": (Answer(201, b"{", cut=True), Unanswered, None),
    "no JSON": (Answer(201, b"half of it"), Unanswered, "the answer can't be understood"),
    "no mapping": (Answer(201, ["p1"]), Unanswered, "the answer names no prediction"),
    "no name": (Answer(201, {"status": "starting"}), Unanswered, "the answer names no prediction"),
    "no such name": (Answer(201, {"id": "../files"}), Unanswered, "the answer names no prediction"),
}


@pytest.mark.parametrize(("answer", "kind", "message"), SUBMITTED.values(), ids=SUBMITTED)
def test_what_becomes_of_handing_in(adapter, vendor, request_of, answer, kind, message):
    request = request_of("stability-ai/sdxl")
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        adapter.submit(request)
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert getattr(raised.value, "retry_after", None) in (None, 10)
    assert (len(vendor.asked), vendor.billed) == (1, 0)  # the SDK sends nothing again by itself


def test_how_long_the_vendor_wants_to_be_left_alone(adapter, vendor, request_of):
    request, waits = request_of(), []
    for answer in (throttled(10), throttled(), Answer(429, b"{}", {"Retry-After": "7"})):
        vendor.first = [answer]
        with pytest.raises(Throttled) as raised:
            adapter.submit(request)
        waits.append(raised.value.retry_after)
    assert waits == [10, None, 7]


def test_what_is_left_of_the_rate_limit_is_told(adapter, vendor, request_of):
    request, left = request_of(), []
    adapter.tell_left = left.append
    headers = {"RateLimit-Remaining": "5", "RateLimit-Reset": "30"}
    vendor.first = [
        Answer(201, {"id": "p1"}, headers),
        Answer(429, b"{}", {**headers, "RateLimit-Remaining": "0"}),
    ]
    adapter.submit(request)
    with pytest.raises(Throttled) as raised:
        adapter.submit(request)
    assert left == [Allowance(calls=5, until=30), Allowance(calls=0, until=30)]
    assert raised.value.retry_after == 30


def test_an_answer_that_comes_too_late_may_have_been_paid_for(adapter, vendor, request_of):
    request = request_of(timeout=1)
    vendor.first = [Answer(201, {"id": "p1"}, seconds=1.5)]
    with pytest.raises(Unanswered) as raised:
        adapter.submit(request)
    assert raised.value.message == "no answer in time"
    assert len(vendor.asked) == 1


def test_a_server_that_is_not_there_has_taken_nothing(adapter, request_of, monkeypatch):
    request = request_of()
    monkeypatch.setattr(f"{PROVIDER}.ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Transient) as raised:
        adapter.submit(request)
    assert type(raised.value) is Transient
    assert raised.value.message.startswith("the server can't be reached: ")


def test_an_answer_that_the_sdk_does_not_understand_still_names_the_prediction(adapter, vendor, request_of):
    request = request_of()
    vendor.first = [Answer(201, {"id": "p1", "status": "queued", "model": None})]
    assert adapter.submit(request) == "p1"


def test_asking_that_fails_may_be_tried_again(adapter, vendor, request_of):
    request = request_of()
    ticket = adapter.submit(request)
    answers = (
        Answer(503, b""),
        Answer(502, b""),
        throttled(3),
        Answer(200, b"half"),
        Answer(200, b"", cut=True),
    )
    for answer in answers:
        vendor.first = [answer]
        with pytest.raises(Transient):
            adapter.collect(ticket, request, lambda _: None)
    assert decode(adapter.collect(ticket, request, lambda _: None).data).size == (64, 96)
    assert (vendor.billed, len(sent(vendor))) == (1, 1)


def test_what_was_taken_stays_so_when_the_key_does_not_hold_any_more(
    adapter, vendor, request_of, monkeypatch
):
    request = request_of()
    ticket = adapter.submit(request)
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_other")
    with pytest.raises(TargetError) as raised:
        adapter.collect(ticket, request, lambda _: None)
    assert (type(raised.value), raised.value.message) == (
        Unanswered,
        "the key is not taken: You did not pass a valid authentication token",
    )
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    with pytest.raises(TargetError) as raised:
        adapter.collect(ticket, request, lambda _: None)
    assert (type(raised.value), raised.value.message) == (
        Unanswered,
        "'replicate' needs a key, and REPLICATE_API_TOKEN is not set",
    )


def test_uploading_that_fails_is_no_lost_prediction(adapter, vendor, request_of):
    request = request_of(NANO, None, {"image": [noise(400)]})
    for answer in (Answer(502, b""), Answer(201, b"half"), Answer(201, b"", cut=True)):
        vendor.first = [answer]
        with pytest.raises(Transient):
            adapter.submit(request)
    vendor.first = [Answer(201, {"id": "f1", "urls": {}})]
    with pytest.raises(ProviderFailed) as raised:
        adapter.submit(request)
    assert raised.value.message == "the vendor took a picture, and did not say where it lies"
    assert (vendor.billed, sent(vendor)) == (0, [])


# --- keys and hosts ---------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_sent(adapter, vendor, monkeypatch):
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    with pytest.raises(Unavailable) as raised:
        adapter.pin(model(FLUX))
    assert (raised.value.message, raised.value.hint) == (
        "'replicate' needs a key, and REPLICATE_API_TOKEN is not set",
        "set it, and build again",
    )
    assert vendor.asked == []


def test_a_wrong_key_is_not_shown(adapter, vendor, monkeypatch):
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_wrong")
    with pytest.raises(Unavailable) as raised:
        adapter.pin(model(FLUX))
    assert raised.value.message == "the key is not taken: You did not pass a valid authentication token"


def test_the_environment_leads_nowhere_else(adapter, vendor, request_of, monkeypatch):
    monkeypatch.setenv("REPLICATE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert collected(adapter, request_of()).seed == 2_000_000_007


def test_the_key_goes_to_the_vendors_own_host_alone(adapter, vendor, request_of, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.web._refuse_private", lambda address, own: None)
    other = Vendor()
    with serving(other) as elsewhere:
        other.first = [Answer(200, png())] * 2
        vendor.ends = [{"output": f"{elsewhere}/out.png"}, {"output": f"{vendor.address}/v1/files/x"}]
        assert collected(adapter, request_of()).data == png()
        assert [asked.headers.get("Authorization") for asked in other.asked] == [None]
        request = request_of()
        ticket = adapter.submit(request)
        vendor.polls = 0
        vendor.tasks[ticket]["polls"] = 0
        moved = Answer(302, b"", {"Location": f"{elsewhere}/out.png"})
        vendor.first = [vendor.answer, moved]
        assert adapter.collect(ticket, request, lambda _: None).data == png()
        assert vendor.asked[-1].headers["Authorization"] == f"Bearer {KEY}"
        assert [asked.headers.get("Authorization") for asked in other.asked] == [None, None]


def test_another_server_has_a_key_of_its_own_and_needs_consent(adapter, vendor, request_of, monkeypatch):
    house = {"base_url": f"{vendor.address}/v1/", "key": "IMGBUILD_HOUSE_KEY"}
    monkeypatch.setattr(f"{PROVIDER}.ADDRESS", "https://api.replicate.com")
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("REPLICATE_API_TOKEN")
    request = request_of(FLUX, (1024, 1024), **house)
    assert collected(adapter, request).info["size"] == "64x64"
    host = vendor.address.split("/")[2]
    wants = f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {host}, which is not the vendor's own host"
    assert adapter.concerns(model(FLUX, **house)) == (Concern(wants=wants, place=("params", "base_url")),)
    assert adapter.concerns(model(FLUX)) == ()
    assert adapter.concerns(model(FLUX, base_url="https://api.replicate.com/v1")) == ()
    assert adapter.price(request) is None


def test_prices_of_official_models(adapter, request_of):
    assert adapter.price(request_of(FLUX, (1280, 720))) == 0.025
    assert adapter.price(request_of(NANO, None)) is None
    assert adapter.price(request_of()) is None


def test_without_the_sdk(adapter, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        adapter.pin(model(FLUX))
    assert (raised.value.message, raised.value.hint) == (
        "provider 'replicate' needs the SDK of Replicate, which is not installed",
        "install it with `pip install 'imgbuild[replicate]'`",
    )


FORMS = "write owner/name, owner/name:VERSION, or deployments/owner/name"
SOURCES = {
    "none": (model(""), "a 'source' is needed by provider 'replicate'", FORMS),
    "one word": (model("flux-dev"), "'flux-dev' is no model of provider 'replicate'", FORMS),
    "a way out": (model("../account"), "'../account' is no model of provider 'replicate'", FORMS),
    "a short version": (model("a/b:5d5d"), "'a/b:5d5d' is no model of provider 'replicate'", FORMS),
    "a branch": (
        model("a/b", "main"),
        "'main' is no version of a model of provider 'replicate'",
        "a version has 64 hexadecimal digits; without one, the newest is pinned",
    ),
    "two versions": (
        model(f"a/b:{SDXL}", OLD),
        "'source' and 'revision' name different versions",
        "leave one of them out",
    ),
    "a version of a deployment": (
        model("deployments/a/b", SDXL),
        "a deployment has no revisions",
        "leave it out: who deploys it chooses the version",
    ),
}


@pytest.mark.parametrize(("declared", "message", "hint"), SOURCES.values(), ids=SOURCES)
def test_sources_that_name_no_model(declared, message, hint):
    with pytest.raises(SpecError) as raised:
        Replicate().capabilities(declared)
    assert (raised.value.message, raised.value.hint) == (message, hint)
    assert Replicate().capabilities(model(f"a/b:{SDXL}", SDXL)).grade is Grade.PERCEPTUAL
