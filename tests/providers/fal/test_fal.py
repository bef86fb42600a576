"""The adapter and the vendor's SDK, against a queue like the vendor's: taken, polled, fetched."""

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    Gone,
    ProviderFailed,
    Refused,
    SpecError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.fal import Fal, provider
from imgbuild.types import Concern, Grade, Model, Request
from tests.vendors.fal import KEY, broke, faults, opened, refusal
from tests.vendors.fal import Fal as Vendor
from tests.vendors.server import Answer, serving


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor(flagged=("gore",))
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setattr(provider, "FIRST", 0.001)
    with serving(vendor) as address:
        vendor.address = address
        monkeypatch.setattr(provider, "ADDRESS", address)
        yield vendor
    assert vendor.faults == []


@pytest.fixture
def fal():
    made = Fal()
    yield made
    made.close()


def request(
    prompt="a brass lamp", *, source="fal-ai/flux/dev", size=(64, 32), negative="", inputs=None, **params
):
    return Request(
        pin=Fal().pin(Model(provider="fal", source=source, params=params)),
        prompt=prompt,
        negative=negative,
        width=size[0],
        height=size[1],
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def sent(vendor):
    """What was handed in last."""
    return [asked for asked in vendor.asked if asked.method == "POST"][-1].fields


def said(kind, call):
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    return raised.value.message


def test_an_image_is_handed_in_polled_and_fetched(fal, vendor):
    waits = []
    vendor.polls = 2
    asked = request(num_inference_steps=20, guidance_scale=3, acceleration="none")
    image = fal.collect(fal.submit(asked), asked, waits.append)
    (task,) = vendor.tasks
    assert decode(image.data).size == (64, 32)
    assert (image.seed, image.cost, image.info) == (7, None, {"request": task})
    assert sent(vendor) == {
        "prompt": "a brass lamp",
        "image_size": {"width": 64, "height": 32},
        "seed": 7,
        "output_format": "png",
        "num_images": 1,
        "sync_mode": False,
        "num_inference_steps": 20,
        "guidance_scale": 3,
        "acceleration": "none",
    }
    base = f"/fal-ai/flux/requests/{task}"  # without the end of the model's name
    assert [(asked.method, asked.path) for asked in vendor.asked] == [
        ("POST", "/fal-ai/flux/dev"),
        *[("GET", f"{base}/status?logs=false")] * 5,
        ("GET", base),
        ("GET", f"/files/rabbit/{task}.png"),
    ]
    assert len(waits) == 4
    assert waits == sorted(waits)


ULTRA = "fal-ai/flux-pro/v1.1-ultra"


def test_a_ratio_where_a_model_takes_no_pixels(fal, vendor):
    (image,) = fal.generate([request(source=ULTRA, size=(1280, 720))])
    assert sent(vendor)["aspect_ratio"] == "16:9"
    assert "image_size" not in sent(vendor)
    assert image.info["size"] == "64x32"  # which is not what was asked for


def test_prompts_are_not_rewritten_unless_asked(fal, vendor):
    fal.generate([request(source=ULTRA, size=(1024, 1024))])
    assert sent(vendor)["enhance_prompt"] is False
    vendor.more = {"prompt": "a lamp of finest brass"}
    (image,) = fal.generate([request(source=ULTRA, size=(1024, 1024), enhance_prompt=True)])
    assert sent(vendor)["enhance_prompt"] is True
    assert image.info["revised_prompt"] == "a lamp of finest brass"


def test_a_tolerance_is_a_number_here_and_text_there(fal, vendor):
    fal.generate([request(source=ULTRA, size=(1024, 1024), safety_tolerance=6, raw=True)])
    assert (sent(vendor)["safety_tolerance"], sent(vendor)["raw"]) == ("6", True)


def plain(color, size=(8, 8)):
    return pillow.new("RGB", size, color)


def test_pictures_go_along_within_the_request(fal, vendor):
    given = {"image": [plain("red"), plain("lime")], "reference": [plain("blue")]}
    fal.generate([request(source="fal-ai/nano-banana-2/edit", size=(1024, 1024), inputs=given)])
    pictures = [opened(address) for address in sent(vendor)["image_urls"]]
    assert [picture.getpixel((0, 0)) for picture in pictures] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert sent(vendor)["limit_generations"] is True  # else a prompt may make several, and all are paid for
    fal.generate([request(source=ULTRA, size=(1024, 1024), inputs={"reference": [plain("red")]})])
    assert opened(sent(vendor)["image_url"]).size == (8, 8)


def test_a_mask(fal, vendor):
    given = {"image": [plain("red")], "mask": [plain("white")]}
    fal.generate([request(source="fal-ai/flux-lora/inpainting", inputs=given, strength=0.5)])
    assert opened(sent(vendor)["image_url"]).getpixel((0, 0)) == (255, 0, 0)
    assert opened(sent(vendor)["mask_url"]).getpixel((0, 0)) == (255, 255, 255)


def test_of_a_model_that_takes_no_size_the_picture_has_it(fal, vendor):
    asked = request(source="fal-ai/flux/dev/image-to-image", inputs={"image": [plain("red")]}, strength=0.5)
    (image,) = fal.generate([asked])
    assert "image_size" not in sent(vendor)
    assert (opened(sent(vendor)["image_url"]).size, decode(image.data).size) == ((64, 32), (64, 32))
    assert "size" not in image.info


def test_a_negative_prompt(fal, vendor):
    fal.generate([request(source="fal-ai/fast-sdxl", negative="blurry")])
    first = sent(vendor)
    assert (first["negative_prompt"], first["format"], first["expand_prompt"]) == ("blurry", "png", False)
    fal.generate([request(source="fal-ai/fast-sdxl")])
    assert "negative_prompt" not in sent(vendor)


BRUSH = "someone/brush/paint"


def test_a_model_that_is_not_known_takes_what_the_spec_says(fal, vendor):
    fields = {"size": "aspect_ratio", "seed": "dice", "reference": "picture_urls"}
    model = Model(provider="fal", source=BRUSH, params={"fields": fields})
    takes = fal.capabilities(model)
    assert (takes.takes, takes.pictures, takes.grade) == ({"seed", "reference"}, {}, Grade.STORED)
    assert (takes.default_size, (1280, 720) in takes.sizes) == ((1024, 1024), True)
    fields = {"seed": "dice", "reference": "picture_urls"}
    asked = request(source=BRUSH, fields=fields, inputs={"reference": [plain("red")]}, shape="round")
    fal.generate([asked])
    (address,) = sent(vendor).pop("picture_urls")
    assert sent(vendor) == {"prompt": "a brass lamp", "shape": "round", "dice": 7}
    assert opened(address).size == (64, 32)


def test_what_the_spec_names_is_no_parameter_beside_that(fal):
    model = Model(provider="fal", source=BRUSH, params={"fields": {"seed": "dice"}, "dice": 3})
    with pytest.raises(SpecError) as raised:
        fal.capabilities(model)
    assert (raised.value.message, raised.value.hint) == (
        "'dice' of a model of provider 'fal' is no parameter: it is filled in",
        "leave it out",
    )
    assert {"dice", "prompt", "num_images"} <= fal.capabilities(
        Model(provider="fal", source=BRUSH, params={"fields": {"seed": "dice"}})
    ).of_model


def test_a_field_of_one_picture_is_named_for_one(fal):
    fields = {"image": "image_url", "reference": "image_url"}
    with pytest.raises(SpecError) as raised:
        fal.capabilities(Model(provider="fal", source=BRUSH, params={"fields": fields}))
    assert (raised.value.message, raised.value.hint) == (
        "'image_url' takes one picture, and is named for several",
        "name it once",
    )


NO_MODELS = {
    "": (
        "a 'source' is needed by provider 'fal'",
        "it is the name on the model's page: fal-ai/flux/dev",
    ),
    "flux": (
        "'flux' is no model of provider 'fal'",
        "it is the name on the model's page: fal-ai/flux/dev",
    ),
    "fal-ai/../x": (
        "'fal-ai/../x' is no model of provider 'fal'",
        "it is the name on the model's page: fal-ai/flux/dev",
    ),
    "fal-ai/x?fal_webhook=http": (
        "'fal-ai/x?fal_webhook=http' is no model of provider 'fal'",
        "it is the name on the model's page: fal-ai/flux/dev",
    ),
    BRUSH: (
        f"it is not known what model '{BRUSH}' of provider 'fal' takes",
        "say it in its 'params', by the names on the model's page, such as "
        "{fields: {size: image_size, seed: seed, format: output_format}}",
    ),
}


@pytest.mark.parametrize("source", NO_MODELS)
def test_names_of_no_model(fal, source):
    with pytest.raises(SpecError) as raised:
        fal.capabilities(Model(provider="fal", source=source))
    assert (raised.value.message, raised.value.hint) == NO_MODELS[source]


def test_there_are_no_revisions(fal):
    with pytest.raises(SpecError) as raised:
        fal.capabilities(Model(provider="fal", source="fal-ai/flux/dev", revision="2"))
    assert (raised.value.message, raised.value.hint) == (
        "models of provider 'fal' have no revisions",
        "leave 'revision' out",
    )


SUBMITTED = {
    "throttled": (
        Answer(429, {"error": {"type": "rate_limited", "message": "Slow down"}}, {"Retry-After": "7"}),
        Throttled,
        "too many requests: Slow down",
    ),
    "no credit": (
        Answer(403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}),
        Unavailable,
        "the account has no credit left: User is locked. Reason: Exhausted balance. Top up your balance.",
    ),
    "locked": (
        Answer(403, {"detail": "User is locked. Reason: Admin lock."}),
        Unavailable,
        "the key is not taken: User is locked. Reason: Admin lock.",
    ),
    "no such key": (
        Answer(401, {"detail": f"No user found for {KEY}"}),
        Unavailable,
        "the key is not taken: No user found for (key)",
    ),
    "gone": (
        Answer(404, {"detail": "Application 'flux' not found"}),
        ProviderFailed,
        "there is no model 'fal-ai/flux/dev' any more: Application 'flux' not found",
    ),
    "wrong": (
        faults((["image_size", "width"], "too small", "less_than"), ([], "no", "x")),
        ProviderFailed,
        "the request is not taken: image_size/width: too small; no",
    ),
    "refused": (
        refusal(),
        Refused,
        "refused: prompt: The content was flagged by a content checker.",
    ),
    "failed": (Answer(500, {"detail": "Oh no"}), Transient, "the server failed: Oh no"),
    "overloaded": (Answer(503, b"<html>nginx</html>"), Transient, "the server failed: <html>nginx</html>"),
    "gateway": (
        Answer(502, b"<html>nginx</html>"),
        Unanswered,
        "the server did not answer: <html>nginx</html>",
    ),
    "nothing said": (Answer(504, b""), Unanswered, "the server did not answer: status 504"),
    "elsewhere": (
        Answer(307, b"", {"Location": "http://127.0.0.1:9/"}),
        ProviderFailed,
        "the request is not taken: status 307",
    ),
    "no task": (Answer(200, {"status": "IN_QUEUE"}), Unanswered, "the answer names no task"),
    "no JSON": (Answer(200, b"yes"), Unanswered, "the answer names no task"),
}


@pytest.mark.parametrize(("answer", "kind", "message"), SUBMITTED.values(), ids=SUBMITTED)
def test_what_becomes_of_handing_in(fal, vendor, answer, kind, message):
    vendor.first = [answer]
    with pytest.raises(kind) as raised:
        fal.submit(request())
    assert (type(raised.value), raised.value.message) == (kind, message)
    assert getattr(raised.value, "retry_after", None) in (None, 7)
    assert len(vendor.asked) == 1  # the SDK hands nothing in again by itself


@pytest.mark.parametrize("status", [200, 408, 409, 429, 503])
def test_a_submission_that_is_cut_is_not_sent_again_by_the_sdk(fal, vendor, status):
    vendor.first = [Answer(status, {"request_id": "x"}, cut=True)]
    with pytest.raises(Unanswered) as raised:
        fal.submit(request())
    assert raised.value.message.startswith("the connection was lost: ")
    assert len(vendor.asked) == 1


def test_a_submission_that_takes_too_long_is_not_sent_again_by_the_sdk(fal, vendor, monkeypatch):
    call = fal.web.call
    monkeypatch.setattr(fal.web, "call", lambda *args, **given: call(*args, **given, timeout=0.2))
    vendor.first = [Answer(200, {"request_id": "x"}, seconds=0.5)]
    assert said(Unanswered, lambda: fal.submit(request())) == "no answer in time"
    assert len(vendor.asked) == 1


def test_a_server_that_is_not_there_has_taken_nothing(fal, monkeypatch):
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setattr(provider, "ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Transient, match="the server can't be reached: "):
        fal.submit(request())


def test_where_to_hand_in_is_not_for_the_environment_to_say(fal, vendor, monkeypatch):
    monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", "https://queue.evil.example/")
    fal.submit(request())
    assert vendor.billed == 1


def test_an_sdk_that_has_changed_is_not_used(fal, vendor, monkeypatch):
    import fal_client

    monkeypatch.delattr(fal_client.SyncClient, "_client")
    with pytest.raises(ProviderFailed) as raised:
        fal.submit(request())
    assert (raised.value.message, raised.value.hint) == (
        "this fal-client may send a request twice",
        "install fal-client 1.0.3",
    )
    assert vendor.asked == []


POLICY = "refused: prompt: The content was flagged by a content checker."
ENDS = {
    "refused": (refusal(), Refused, POLICY),
    "wrong": (
        faults((["seed"], "too large", "less_than")),
        ProviderFailed,
        "the request is not taken: seed: too large",
    ),
    "broke": (broke(), ProviderFailed, "the task failed: Runner disconnected"),
    "timed out": (
        broke("request_timeout", 504, "Request timed out"),
        ProviderFailed,
        "the task failed: Request timed out",
    ),
    "busy downstream": (broke("downstream", 429, "Busy"), ProviderFailed, "the task failed: Busy"),
    "no such path": (
        Answer(404, {"detail": "Path /dev not found"}),
        ProviderFailed,
        "there is no model 'fal-ai/flux/dev' any more: Path /dev not found",
    ),
}


@pytest.mark.parametrize(("end", "kind", "message"), ENDS.values(), ids=ENDS)
def test_how_tasks_end(fal, vendor, end, kind, message):
    vendor.ends = [end]
    with pytest.raises(kind) as raised:
        fal.collect(fal.submit(request()), request(), lambda _: None)
    assert (type(raised.value), raised.value.message) == (kind, message)


def test_a_picture_that_is_wanting_is_the_models_to_miss(fal, vendor):
    with pytest.raises(ProviderFailed) as raised:
        fal.generate([request(source="fal-ai/flux/dev/image-to-image")])
    assert raised.value.message == "the request is not taken: image_url: field required"


def test_a_flagged_image_is_refused_and_not_even_fetched(fal, vendor):
    with pytest.raises(Refused) as raised:
        fal.generate([request("gore")])
    assert (raised.value.message, raised.value.hint) == (
        "refused: what came out is flagged as not safe for work",
        "say it otherwise, or name a 'fallback'",
    )
    assert not any(asked.path.startswith("/files/") for asked in vendor.asked)


RESULTS = {
    "none": ({"images": []}, Unanswered, "the answer has no image in it"),
    "no address": ({"images": [{"width": 3}]}, Unanswered, "the answer has no image in it"),
    "words": (
        {"images": [], "description": "I can not draw that."},
        Refused,
        "refused: answered in words, I can not draw that.",
    ),
    "one alone": ({"images": None, "image": {"url": ""}}, Unanswered, "the answer has no image in it"),
}


@pytest.mark.parametrize(("more", "kind", "message"), RESULTS.values(), ids=RESULTS)
def test_results_without_an_image(fal, vendor, more, kind, message):
    vendor.more = more
    with pytest.raises(kind) as raised:
        fal.generate([request()])
    assert raised.value.message == message


def test_an_image_that_is_not_in_a_list(fal, vendor):
    ticket = fal.submit(request())
    (task,) = vendor.tasks
    vendor.more = {"images": None, "image": {"url": f"{vendor.address}/files/rabbit/{task}.png"}}
    assert decode(fal.collect(ticket, request(), lambda _: None).data).size == (64, 32)


def test_a_task_that_is_gone(fal, vendor):
    ticket = fal.submit(request())
    tasks, vendor.tasks = vendor.tasks, {}
    with pytest.raises(Gone) as raised:
        fal.collect(ticket, request(), lambda _: None)
    assert (raised.value.message, raised.value.hint) == (
        "the task is not known any more",
        "results are kept for some minutes only",
    )
    vendor.tasks = tasks
    vendor.first = [None, Answer(404, {"detail": "Not found"})]  # its state is kept longer than its result
    with pytest.raises(Gone):
        fal.collect(ticket, request(), lambda _: None)


ASKED = {
    "failed": (Answer(503, b""), Transient, "the server failed: status 503"),
    "gateway": (
        Answer(502, b"<html>nginx</html>"),
        Transient,
        "the server did not answer: <html>nginx</html>",
    ),
    "busy": (
        Answer(429, {"detail": "Slow down"}, {"Retry-After": "3"}),
        Throttled,
        "too many requests: Slow down",
    ),
    "cut": (Answer(200, {"status": "COMPLETED"}, cut=True), Transient, None),
    "no key any more": (
        Answer(401, {"detail": "No user found"}),
        Unanswered,
        "the key is not taken: No user found",
    ),
}


@pytest.mark.parametrize("late", [False, True], ids=["state", "result"])
@pytest.mark.parametrize(("answer", "kind", "message"), ASKED.values(), ids=ASKED)
def test_asking_that_fails_loses_nothing(fal, vendor, answer, kind, message, late):
    ticket = fal.submit(request())
    vendor.first = [None, answer] if late else [answer]
    with pytest.raises(kind) as raised:
        fal.collect(ticket, request(), lambda _: None)
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert getattr(raised.value, "retry_after", None) in (None, 3)
    assert decode(fal.collect(ticket, request(), lambda _: None).data).size == (64, 32)
    assert (vendor.billed, vendor.first) == (1, [])


@pytest.mark.parametrize(
    "body", [b"no JSON", {"status": "LOST"}, {"status": "IN_PROGRESS"}, ["COMPLETED"]], ids=str
)
def test_a_state_that_is_not_understood_is_asked_for_again(fal, vendor, body):
    ticket = fal.submit(request())
    vendor.first = [Answer(200, body)]
    assert (
        said(Transient, lambda: fal.collect(ticket, request(), lambda _: None))
        == "the state of the task can't be understood"
    )


def test_a_result_that_is_not_understood(fal, vendor):
    ticket = fal.submit(request())
    vendor.first = [None, Answer(200, b"no JSON")]
    assert (
        said(Unanswered, lambda: fal.collect(ticket, request(), lambda _: None))
        == "the answer can't be understood"
    )


def test_an_image_that_can_not_be_fetched(fal, vendor):
    ticket = fal.submit(request())
    vendor.first = [None, None, Answer(404, {"detail": "gone"})]
    assert (
        said(Unanswered, lambda: fal.collect(ticket, request(), lambda _: None))
        == "the image can't be fetched: 404"
    )


def test_what_is_no_image_was_paid_for(fal, vendor):
    ticket = fal.submit(request())
    vendor.first = [None, None, Answer(200, b"<svg/>", {"Content-Type": "image/svg+xml"})]
    with pytest.raises(Gone) as raised:
        fal.collect(ticket, request(), lambda _: None)
    assert (raised.value.message, raised.value.hint) == (
        "what the vendor sent is not an image that can be read",
        "it may have been paid for; is it a model for images?",
    )


def test_a_task_that_takes_too_long(fal, vendor):
    vendor.polls = 10**6
    slow = request(timeout=1)
    assert (
        said(Unanswered, lambda: fal.collect(fal.submit(slow), slow, lambda _: None))
        == "the task is still under way"
    )


ELSEWHERE = [
    ("https://queue.fal.run.evil.example/x", "queue.fal.run.evil.example"),
    ("https://queue.fal.run@evil.example/x", "evil.example"),
    ("http://queue.fal.run/x", "queue.fal.run"),
    ("https://queue.fal.run:8443/x", "queue.fal.run"),
    ("https://evilfal.run/x", "evilfal.run"),
    ("//queue.fal.run\\@evil.example/x", None),
    ("x", "x"),
    ("https://queue.fal.run:port/x", "https://queue.fal.run:port/x"),
]


@pytest.mark.parametrize(("address", "host"), ELSEWHERE)
@pytest.mark.parametrize("which", ["status", "response"])
def test_the_key_goes_to_no_other_host(fal, vendor, monkeypatch, address, host, which):
    monkeypatch.setattr(provider, "ADDRESS", "https://queue.fal.run")
    own = "https://queue.fal.run/x"
    ticket = msgspec.json.encode({"id": "x", "status": own, "response": own, which: address}).decode()
    with pytest.raises(Unanswered) as raised:
        fal.collect(ticket, request(), lambda _: None)
    begins = f"the task is to be asked for at a host that is not the vendor's: {host or ''}"
    assert raised.value.message.startswith(begins)
    assert vendor.asked == []


def test_hosts_that_are_the_vendors_own():
    from imgbuild.providers.fal.line import check_own

    for host in ("queue.fal.run", "other.fal.run"):
        check_own(f"https://{host}/x", "https://queue.fal.run")
    check_own("http://127.0.0.1:9/x", "http://127.0.0.1:9/prefix")


def test_without_a_key_nothing_is_sent_and_nothing_taken_is_lost(fal, vendor, monkeypatch):
    ticket = fal.submit(request())
    monkeypatch.delenv("FAL_KEY")
    with pytest.raises(Unavailable) as raised:
        fal.submit(request())
    assert (raised.value.message, raised.value.hint) == (
        "'fal' needs a key, and FAL_KEY is not set",
        "set it, and build again",
    )
    assert (
        said(Unanswered, lambda: fal.collect(ticket, request(), lambda _: None))
        == "'fal' needs a key, and FAL_KEY is not set"
    )
    assert len(vendor.asked) == 1


def test_without_the_sdk_nothing_is_sent_and_nothing_taken_is_lost(fal, vendor, monkeypatch):
    ticket = fal.submit(request())
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    for kind, call in (
        (ProviderFailed, lambda: fal.submit(request())),
        (Unanswered, lambda: fal.collect(ticket, request(), lambda _: None)),
    ):
        with pytest.raises(kind) as raised:
            call()
        assert (type(raised.value), raised.value.message, raised.value.hint) == (
            kind,
            "provider 'fal' needs the SDK of fal, which is not installed",
            "install it with `pip install 'imgbuild[fal]'`",
        )
    assert len(vendor.asked) == 1


def test_another_server_has_a_key_of_its_own_and_needs_consent(fal, vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.delenv("FAL_KEY")
    monkeypatch.setattr(provider, "ADDRESS", "https://queue.fal.run")
    house = {"base_url": f"{vendor.address}/", "key": "IMGBUILD_HOUSE_KEY"}
    (image,) = fal.generate([request(**house)])
    assert decode(image.data).size == (64, 32)
    assert not {"base_url", "key"} & sent(vendor).keys()
    model = Model(provider="fal", source="fal-ai/flux/dev", params=house)
    assert fal.concerns(model) == (
        Concern(
            wants=f"sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to {vendor.address[7:]}, "
            "which is not the vendor's own host",
            place=("params", "base_url"),
        ),
    )
    assert fal.price(request(**house)) is None
    assert fal.concerns(Model(provider="fal", source="fal-ai/flux/dev")) == ()


PRICES = [
    ("fal-ai/flux/dev", (1024, 1024), 0.025),
    ("fal-ai/flux/dev", (1024, 1025), 0.05),
    ("fal-ai/flux/schnell", (512, 512), 0.003),
    ("fal-ai/flux-2-pro", (1024, 1024), None),
    ("fal-ai/flux-pro/kontext", (2048, 1024), 0.04),
    ("fal-ai/qwen-image", (1024, 1024), None),
]


@pytest.mark.parametrize(("source", "size", "price"), PRICES)
def test_prices_by_megapixels_that_are_begun(fal, source, size, price):
    assert fal.price(request(source=source, size=size)) == (price if price is None else pytest.approx(price))


TAKES = {
    "fal-ai/flux/dev": {"seed"},
    "fal-ai/flux/dev/image-to-image": {"seed", "image"},
    "fal-ai/flux-lora/inpainting": {"seed", "image", "mask"},
    "fal-ai/flux-pro/kontext": {"seed", "image"},
    "fal-ai/flux-pro/kontext/multi": {"seed", "image", "reference"},
    "fal-ai/flux-2-pro/edit": {"seed", "image", "reference"},
    "fal-ai/qwen-image": {"seed", "negative"},
    "openai/gpt-image-2": set(),
}


@pytest.mark.parametrize("source", TAKES)
def test_what_models_take(fal, source):
    found = fal.capabilities(Model(provider="fal", source=source))
    assert (found.takes, found.grade) == (TAKES[source], Grade.STORED)  # no version can be asked for again
    assert ("strength" in found.needs) is ("strength" in found.params)


def test_all_that_is_sent_of_known_models_is_taken_by_one_that_is_closed(fal):
    from imgbuild.providers.fal.families import KNOWN

    for source in KNOWN:
        found = fal.capabilities(Model(provider="fal", source=source))
        assert "*" not in found.params
        assert found.default_size == (1024, 1024)
        assert not {"prompt", "seed", "num_images", "sync_mode", "image_url"} & found.params.keys()
