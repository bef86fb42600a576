"""The adapter against a web UI that takes no field it does not know."""

import base64
import io

import pytest
from PIL import Image as pillow

from imgbuild.errors import ProviderFailed, TargetError, Transient, Unanswered, Unavailable
from imgbuild.images import decode
from imgbuild.providers.automatic1111 import Automatic1111
from imgbuild.types import Concern, Grade, Model, Pin, Request
from tests.vendors.automatic1111 import SHA, WebUI, checkpoint, exception
from tests.vendors.server import Answer, serving

SOURCE = "sd_xl_base_1.0"
PIN = Pin(provider="automatic1111", source=SOURCE, revision=SHA)
LOGIN = "IMGBUILD_WEBUI_KEY"


@pytest.fixture
def webui(monkeypatch):
    webui = WebUI()
    with serving(webui) as address:
        webui.address = address
        monkeypatch.setattr("imgbuild.providers.automatic1111.provider.ADDRESS", address)
        yield webui


@pytest.fixture
def provider():
    provider = Automatic1111()
    yield provider
    provider.close()


def request(prompt="a brass lamp", *, negative="", inputs=None, pin=PIN, **params):
    return Request(
        pin=pin,
        prompt=prompt,
        negative=negative,
        width=64,
        height=128,
        seed=7,
        params=params,
        inputs=inputs or {},
    )


def model(source=SOURCE, revision="", **params):
    return Model(provider="automatic1111", source=source, revision=revision, params=params)


ALWAYS = {
    "prompt": "a brass lamp",
    "negative_prompt": "blurry",
    "seed": 7,
    "width": 64,
    "height": 128,
    "batch_size": 1,
    "n_iter": 1,
    "send_images": True,
    "save_images": False,
    "do_not_save_samples": True,
    "do_not_save_grid": True,
    "override_settings": {"sd_model_checkpoint": SOURCE},
    "override_settings_restore_afterwards": True,
}
CHOSEN = {"steps": 30, "guidance": 5.5, "sampler_name": "DPM++ 2M", "scheduler": "Karras"}


def test_an_image_by_its_words(webui, provider):
    (image,) = provider.generate([request(negative="blurry", **CHOSEN)])
    assert decode(image.data).size == (64, 128)
    (asked,) = webui.asked
    assert (asked.method, asked.path) == ("POST", "/sdapi/v1/txt2img")
    assert asked.fields == {
        **ALWAYS,
        "steps": 30,
        "cfg_scale": 5.5,
        "sampler_name": "DPM++ 2M",
        "scheduler": "Karras",
    }
    assert (image.seed, image.cost) == (7, None)
    assert image.info == {
        "sd_model_name": SOURCE,
        "version": "v1.10.1",
        "infotext": "a brass lamp\nSeed: 7, Version: v1.10.1",
    }


def test_settings_of_the_web_ui_are_overridden_for_one_image(webui, provider):
    provider.generate([request(clip_skip=2, vae="sdxl.vae.safetensors")])
    assert webui.asked[0].fields["override_settings"] == {
        "sd_model_checkpoint": SOURCE,
        "CLIP_stop_at_last_layers": 2,
        "sd_vae": "sdxl.vae.safetensors",
    }


def test_a_picture_and_a_mask_are_drawn_over(webui, provider):
    blue, mask = pillow.new("RGB", (32, 64), "blue"), pillow.new("RGB", (64, 128), "white")
    provider.generate([request(negative="blurry", inputs={"image": [blue]}, strength=0.6)])
    provider.generate([request(inputs={"image": [blue], "mask": [mask]})])
    plain, masked = (asked.fields for asked in webui.asked)
    assert [asked.path for asked in webui.asked] == ["/sdapi/v1/img2img"] * 2
    picture = plain.pop("init_images")
    assert plain == {**ALWAYS, "denoising_strength": 0.6}
    assert decode(base64.b64decode(picture[0])).getpixel((0, 0)) == (0, 0, 255)
    sent = pillow.open(io.BytesIO(base64.b64decode(masked["mask"])))
    assert (sent.mode, sent.getpixel((0, 0))) == ("L", 255)
    assert masked["inpainting_mask_invert"] == 0


@pytest.mark.parametrize("role", ["image", "mask"])
def test_a_picture_of_another_shape_would_be_distorted(webui, provider, role):
    inputs = {"image": [pillow.new("RGB", (64, 128))], role: [pillow.new("RGB", (64, 64))]}
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request(inputs=inputs)])
    assert (raised.value.message, raised.value.hint) == (
        f"the picture for input '{role}' is 64x64, which is another shape than 64x128",
        "crop or pad it first, with an asset of its own",
    )
    assert webui.asked == []


@pytest.mark.parametrize(
    "source", [SOURCE, f"{SOURCE}.safetensors", f"{SOURCE}.safetensors [{SHA[:10]}]"], ids=str
)
def test_a_checkpoint_is_pinned_by_its_hash(webui, provider, source):
    pin = provider.pin(model(source))
    assert pin == Pin(provider="automatic1111", source=source, revision=SHA)
    assert [asked.path for asked in webui.asked] == ["/sdapi/v1/sd-models"]
    assert provider.pin(model(source, SHA[:10].upper())).revision == SHA


NOT_PINNED = {
    "none": (
        model(""),
        ProviderFailed,
        "the model names no 'source'",
        "such as source: sd_xl_base_1.0",
    ),
    "another name": (
        model("sd_xl_base_1"),
        ProviderFailed,
        "the web UI has no checkpoint 'sd_xl_base_1'",
        "did you mean 'sd_xl_base_1.0'? Checkpoints here: fresh, sd_xl_base_1.0",
    ),
    "not hashed": (
        model("fresh"),
        TargetError,
        "the web UI has not hashed checkpoint 'fresh' yet",
        "load it there once, without --no-hashing, and build again",
    ),
    "another file": (
        model(SOURCE, "abc"),
        ProviderFailed,
        f"checkpoint '{SOURCE}' of the web UI is 31e35c80fc, not abc",
        "'revision' is the SHA-256 of its file, or how that begins",
    ),
}


@pytest.mark.parametrize(("wanted", "kind", "message", "hint"), NOT_PINNED.values(), ids=NOT_PINNED)
def test_what_can_not_be_pinned(webui, provider, wanted, kind, message, hint):
    with pytest.raises(kind) as raised:
        provider.pin(wanted)
    assert (raised.value.message, raised.value.hint) == (message, hint)


@pytest.mark.parametrize("answer", [Answer(200, {}), Answer(200, [None, "x"])])
def test_a_list_that_is_none_has_no_checkpoints(webui, provider, answer):
    webui.first = [answer]
    with pytest.raises(ProviderFailed) as raised:
        provider.pin(model())
    assert raised.value.hint == "there are no checkpoints here"


def test_another_checkpoint_than_the_pinned_one_is_noticed(webui, provider):
    webui.checkpoints = [checkpoint(SOURCE, "f" * 64)]
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request()])
    assert (raised.value.message, raised.value.hint) == (
        "the web UI drew with checkpoint ffffffffff, and 31e35c80fc is pinned",
        f"is '{SOURCE}' still there, and the same? `imgbuild lock --upgrade` pins it anew",
    )


ANSWERS = {
    "no API": (
        Answer(404, {"detail": "Not Found"}),
        ProviderFailed,
        "the web UI does not take this: Not Found",
        "was it started with --api?",
    ),
    "no memory": (
        exception("OutOfMemoryError", "CUDA out of memory."),
        ProviderFailed,
        "the web UI failed: OutOfMemoryError: CUDA out of memory.",
        "",
    ),
    "failed": (Answer(500, b"Internal Server Error"), ProviderFailed, "the web UI failed: error 500", ""),
    "not taken": (
        Answer(422, {"detail": [{"loc": ["body", "steps"], "msg": "not an integer", "type": "x"}]}),
        ProviderFailed,
        "the request is not taken: body.steps: not an integer",
        "",
    ),
    "no login": (
        Answer(401, {"detail": "Incorrect username or password"}),
        Unavailable,
        "the key is not taken: Incorrect username or password",
        "is it whole, of this vendor, and allowed to do this?",
    ),
    "gateway": (Answer(502, b"Bad Gateway"), Unanswered, "the server did not answer: Bad Gateway", ""),
    "interrupted": (
        Answer(200, {"images": [], "parameters": {}, "info": "{}"}),
        ProviderFailed,
        "the answer has no image in it",
        "was it interrupted in the web UI?",
    ),
    "info that is none": (
        Answer(200, {"images": ["AAAA"], "parameters": {}, "info": "[]"}),
        ProviderFailed,
        "the answer has no image in it",
        "was it interrupted in the web UI?",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message", "hint"), ANSWERS.values(), ids=ANSWERS)
def test_what_becomes_of_a_request_is_told(webui, provider, answer, kind, message, hint):
    webui.first = [answer]
    with pytest.raises(kind) as raised:
        provider.generate([request()])
    assert (type(raised.value), raised.value.message, raised.value.hint) == (kind, message, hint)
    assert len(webui.asked) == 1


def test_a_sampler_that_there_is_none_of(webui, provider):
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request(sampler_name="Best")])
    assert raised.value.message == "the request is not taken: Sampler not found"


def test_where_no_web_ui_runs(provider, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.automatic1111.provider.ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Transient) as raised:
        provider.pin(model())
    assert raised.value.message.startswith("the server can't be reached: ")


def test_a_login_comes_from_the_environment(webui, provider, monkeypatch):
    webui.login = "anna:se:cret"
    monkeypatch.setenv(LOGIN, webui.login)
    assert provider.pin(model(key=LOGIN)).revision == SHA
    provider.generate([request(key=LOGIN)])
    assert webui.billed == 1
    monkeypatch.setenv(LOGIN, "secret")
    with pytest.raises(Unavailable) as raised:
        provider.pin(model(key=LOGIN))
    assert (raised.value.message, raised.value.hint) == (
        "IMGBUILD_WEBUI_KEY does not hold user:password",
        "write it as the web UI's --api-auth has it",
    )
    monkeypatch.delenv(LOGIN)
    with pytest.raises(Unavailable) as raised:
        provider.pin(model(key=LOGIN))
    assert raised.value.message == "'automatic1111' needs a key, and IMGBUILD_WEBUI_KEY is not set"


def test_another_machine_needs_consent(provider):
    said = "sends prompts and pictures to gpu.lan:7860, which is another machine"
    concern = Concern(wants=said, place=("params", "base_url"))
    assert provider.concerns(model(base_url="http://gpu.lan:7860")) == (concern,)
    assert provider.concerns(model()) == ()


def test_offline_leaves_other_machines_alone(webui, provider):
    provider.offline = True
    assert provider.pin(model()).revision == SHA
    with pytest.raises(TargetError) as raised:
        provider.pin(model(base_url="http://gpu.lan:7860"))
    assert (raised.value.message, raised.value.hint) == (
        "'automatic1111' is on another machine",
        "build without --offline",
    )


def test_it_costs_nothing_and_is_near_equal_by_its_seed(provider):
    assert provider.price(request()) == 0
    assert provider.capabilities(model()).grade is Grade.PERCEPTUAL


def test_without_the_library(provider, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        provider.pin(model())
    assert (raised.value.message, raised.value.hint) == (
        "provider 'automatic1111' needs httpx, which is not installed",
        "install it with `pip install 'imgbuild[http]'`",
    )
