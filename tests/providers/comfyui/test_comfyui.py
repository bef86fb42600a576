"""The adapter against a server that checks, queues and draws prompts as ComfyUI does."""

import json
import threading
import time

import pytest
from PIL import Image as pillow

from imgbuild.errors import Gone, ProviderFailed, TargetError, Transient, Unavailable
from imgbuild.types import Activity, Image
from tests.vendors.comfyui_flows import PORTRAIT, REPAINT, edited, node
from tests.vendors.server import Answer

LOGIN = "IMGBUILD_HOUSE_KEY"
LATER = "was it started again, or its queue cleared? build again"


def calls(server):
    """What was asked, but for looks at the queue and at node classes."""
    told = [f"{asked.method} {asked.path.partition('?')[0]}" for asked in server.asked]
    return [call for call in told if not call.startswith(("GET /queue", "GET /object_info", "GET /history"))]


def prompts(server):
    return [asked.fields["prompt"] for asked in server.asked if asked.path == "/prompt"]


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def begin_when_heard(server):
    """Let samplers begin once a client listens."""

    def begin():
        wait_until(lambda: server.sockets)
        server.gate.set()

    server.pace = 0.05
    threading.Thread(target=begin, daemon=True).start()


def test_an_image_by_its_words(server, provider, model, request_of):
    request = request_of(model(), negative="blurry", steps=3)
    (image,) = provider.generate([request])
    assert isinstance(image, Image)
    assert (image.pixels.size, image.data, image.seed, image.cost) == ((64, 48), None, 7, None)
    assert calls(server) == [
        "GET /system_stats",
        "POST /prompt",
        "GET /ws",
        "GET /view",
        "POST /history",
    ]
    (sent,) = prompts(server)
    mark = sent["9"]["inputs"]["filename_prefix"].removeprefix("portraits/hero-")
    assert len(mark) == 8
    assert sent == edited(
        PORTRAIT,
        n3={"seed": 7, "steps": 3},
        n6={"text": "a brass lamp"},
        n7={"text": "blurry"},
        n9={"filename_prefix": f"portraits/hero-{mark}"},
    )
    name = image.info["request"]
    assert image.info == {"request": name}
    told = next(asked.fields for asked in server.asked if asked.path == "/prompt")
    assert (told["prompt_id"], told["client_id"], told.keys()) == (
        name,
        name,
        {"prompt", "prompt_id", "client_id"},
    )
    assert server.history == {}
    assert provider.environment() == {
        "comfyui": "0.3.64",
        "torch": "2.8.0+cu128",
        "python": "3.12.3",
        "device": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync",
    }


def test_a_server_is_met_and_a_workflow_checked_once(server, provider, model, request_of):
    declared = model()
    first, second = provider.generate([request_of(declared), request_of(declared, seed=8)])
    assert first.pixels.tobytes() != second.pixels.tobytes()
    looked = [
        asked.path for asked in server.asked if asked.path.startswith(("/system_stats", "/object_info"))
    ]
    kinds = (
        "KSampler",
        "CheckpointLoaderSimple",
        "EmptyLatentImage",
        "CLIPTextEncode",
        "VAEDecode",
        "SaveImage",
    )
    assert looked == ["/system_stats", *(f"/object_info/{kind}" for kind in kinds)]


def test_the_same_again_is_drawn_and_saved_again(server, provider, model, request_of):
    """Where the server has kept all of it, it still saves a file; and it may have kept a file that was removed."""
    request = request_of(model())
    (first,) = provider.generate([request])
    server.files.clear()
    (second,) = provider.generate([request])
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert (len(prompts(server)), server.billed, server.drawn) == (2, 2, 1)


def test_pictures_are_uploaded_once_and_named_by_what_they_are(server, provider, model, request_of):
    blue, mask = pillow.new("RGB", (16, 16), "blue"), pillow.new("L", (16, 16), 255)
    declared = model(REPAINT)
    one = request_of(declared, inputs={"image": [blue], "mask": [mask]}, strength=0.5)
    provider.generate([one, request_of(declared, inputs={"image": [blue], "mask": [mask]}, seed=8)])
    assert len([name for place, _, name in server.files if place == "input"]) == 2
    sent = prompts(server)[0]
    pictures = [sent[name]["inputs"]["image"] for name in ("10", "11")]
    assert all(name.startswith("imgbuild/") for name in pictures)
    assert all(("input", "imgbuild", name.removeprefix("imgbuild/")) in server.files for name in pictures)
    assert sent["3"]["inputs"]["denoise"] == 0.5
    uploads = [asked for asked in server.asked if asked.path == "/upload/image"]
    assert uploads[0].fields == {"type": "input", "subfolder": "imgbuild"}


def test_a_picture_that_is_there_under_another_s_name(server, provider, model, request_of):
    blue = pillow.new("RGB", (16, 16), "blue")
    declared = model(edited(REPAINT, n5={"mask": ["10", 1]}))
    provider.generate([request_of(declared, inputs={"image": [blue]})])
    (place,) = [place for place in server.files if place[0] == "input"]
    server.files[place] = b"half a file"
    provider.generate([request_of(declared, inputs={"image": [blue]})])
    assert prompts(server)[1]["10"]["inputs"]["image"] == f"imgbuild/{place[2].replace('.png', ' (1).png')}"


# --- how far it is ------------------------------------------------------------------------------------------


def test_its_progress_is_told(server, provider, model, request_of):
    heard = []
    provider.tell = heard.append
    request = request_of(model(), steps=4)
    server.gate.clear()
    ticket = provider.submit(request)
    begin_when_heard(server)
    provider.collect(ticket, request, time.sleep)
    told = [Activity(pin=request.pin, doing="draw", done=step, total=4) for step in range(1, 5)]
    assert heard[:3] == told[:3]  # the last step may be over before anybody hears of it


@pytest.mark.parametrize("breaks", ["deaf", "cut"])
def test_where_nothing_is_told_the_queue_is_looked_at(server, provider, model, request_of, breaks):
    server.deaf, server.cuts = breaks == "deaf", 4 if breaks == "cut" else None
    heard = []
    provider.tell = heard.append
    server.gate.clear()
    request = request_of(model(), steps=50)
    ticket = provider.submit(request)
    threading.Timer(0.2, server.gate.set).start()
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)
    assert len(heard) < 50
    assert len([asked for asked in server.asked if asked.path == "/queue"]) > 2


ODD = (
    b"\0\0",
    "[]",
    "{",
    '"x"',
    '{"type": 3}',
    '{"type": "progress", "data": []}',
    '{"type": "progress", "data": {}}',
)


def test_whatever_is_told_an_image_comes(server, provider, model, request_of):
    request = request_of(model())
    server.gate.clear()
    ticket = provider.submit(request)
    tell, told = server.tell, []

    def babble(client, event, data):
        socket = server.sockets.get(client)
        for odd in ODD if socket and not told.append(1) else ():
            socket.send(odd)
        tell(client, event, data)

    server.tell = babble
    begin_when_heard(server)
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)
    assert told


# --- what goes on where a build ends ------------------------------------------------------------------------


class Stopped(Exception):
    pass


def stop(seconds):
    raise Stopped


def test_what_a_build_leaves_behind_is_collected_by_the_next(server, provider, model, request_of):
    request = request_of(model())
    server.gate.clear()
    ticket = provider.submit(request)
    with pytest.raises(Stopped):
        provider.collect(ticket, request, stop)
    for state in ("draws", "done"):
        if state == "done":
            server.gate.set()
            wait_until(lambda: server.history)
        again = type(provider)()
        again.files = provider.files
        assert again.submit(request) == ticket
        again.close()
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)
    assert (len(prompts(server)), server.history) == (1, {})


def test_what_waits_in_the_queue_is_found_there(server, provider, model, request_of):
    declared = model()
    server.gate.clear()
    tickets = [provider.submit(request_of(declared, seed=seed)) for seed in (1, 2, 1, 2)]
    assert tickets[:2] == tickets[2:]
    assert len(prompts(server)) == 2
    server.gate.set()


def test_what_failed_and_was_not_collected_is_handed_in_again(server, provider, model, request_of):
    server.breaks["VAEDecode"] = ("RuntimeError", "no luck")
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.history)
    del server.breaks["VAEDecode"]
    assert provider.submit(request) == ticket
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)
    assert len(prompts(server)) == 2


def test_servers_that_name_prompts_themselves(server, provider, model, request_of):
    server.own_names = True
    heard = []
    provider.tell = heard.append
    server.gate.clear()
    request = request_of(model(), steps=3)
    ticket = provider.submit(request)
    assert ticket.startswith("00000000-0000-4000-8000-000000000000 ")
    begin_when_heard(server)
    image = provider.collect(ticket, request, time.sleep)
    assert image.info == {"request": "00000000-0000-4000-8000-000000000000"}
    assert heard


def test_it_is_gone_where_the_server_was_started_again(server, provider, model, request_of):
    server.gate.clear()
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.running)
    server.running = None
    with pytest.raises(Gone) as raised:
        provider.collect(ticket, request, time.sleep)
    assert (raised.value.message, raised.value.hint) == ("ComfyUI knows the prompt no more", LATER)


def test_an_image_that_was_removed_is_drawn_again_by_the_next_build(server, provider, model, request_of):
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.history)
    server.files.clear()
    with pytest.raises(Gone) as raised:
        provider.collect(ticket, request, time.sleep)
    assert (raised.value.message, raised.value.hint) == (
        "the image is not at the server any more",
        "was it removed there? build again",
    )
    assert provider.generate([request])[0].pixels.size == (64, 48)


def test_a_prompt_that_takes_too_long_is_ended_and_others_are_not(server, provider, model, request_of):
    declared = model(timeout=1)
    server.gate.clear()
    first, second = request_of(declared), request_of(declared, seed=8)
    tickets = [provider.submit(first), provider.submit(second)]
    waiting, failed = threading.Event(), []

    def wait():
        try:
            provider.collect(tickets[1], second, lambda seconds: time.sleep(seconds))
        except TargetError as error:
            failed.append(error)
        waiting.set()

    threading.Thread(target=wait, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(ProviderFailed) as raised:
        provider.collect(tickets[0], first, time.sleep)
    assert (raised.value.message, raised.value.hint) == (
        "it was not drawn in 1 seconds",
        "give the model a longer 'timeout'",
    )
    assert 1 <= time.monotonic() - began < 5
    server.gate.set()  # the second one waited as long, and is drawn now
    assert waiting.wait(10)
    assert failed == []
    ended = [asked.fields for asked in server.asked if asked.path == "/interrupt"]
    assert ended == [{"prompt_id": tickets[0]}]


def test_what_is_stopped_at_the_server_can_be_built_again(server, provider, model, request_of):
    server.gate.clear()
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.running)
    server.interrupted.set()
    with pytest.raises(TargetError) as raised:
        provider.collect(ticket, request, time.sleep)
    assert (type(raised.value), raised.value.message, raised.value.hint) == (
        TargetError,
        "it was interrupted at the server",
        "build again",
    )
    server.gate.set()
    assert provider.generate([request])[0].pixels.size == (64, 48)


# --- what goes wrong ----------------------------------------------------------------------------------------


TURNED = {
    "a value": (
        {"sampler_name": "best"},
        "node 'KSampler' (3): Value not in list: sampler_name: 'best' not in ['euler', 'dpmpp_2m'] "
        "('sampler_name' of the spec goes there)",
    ),
    "too many": (
        {"steps": 20000},
        "node 'KSampler' (3): Value 20000 bigger than max of 10000: steps ('steps' of the spec goes there)",
    ),
    "no name of a file": (
        {"bind": {"file": "4.ckpt_name"}, "file": "flux"},
        "node 'Load Checkpoint' (4): Value not in list: ckpt_name: 'flux' not in ['sdxl.safetensors'] "
        "('file' of the spec goes there)",
    ),
}


@pytest.mark.parametrize(("params", "message"), TURNED.values(), ids=TURNED)
def test_what_the_server_turns_down(server, provider, model, request_of, params, message):
    bind = {"bind": params["bind"]} if "bind" in params else {}
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model(**bind), **params)])
    assert (raised.value.message, raised.value.hint) == (f"ComfyUI does not take the workflow: {message}", "")


def test_a_fault_of_the_workflow_itself(server, provider, model, request_of):
    broken = edited(PORTRAIT, n3={"steps": 0})
    del broken["8"]["inputs"]["vae"]
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model(broken, bind={"steps": []}))])
    assert raised.value.message == (
        "ComfyUI does not take the workflow: node 'KSampler' (3): Value 0 smaller than min of 1: steps; "
        "node 'VAE Decode' (8): Required input is missing: vae"
    )


BODIES = {
    "an error of all": (
        Answer(
            400,
            {"error": {"type": "x", "message": "Prompt has no outputs", "details": ""}, "node_errors": {}},
        ),
        ProviderFailed,
        "ComfyUI does not take the workflow: Prompt has no outputs",
    ),
    "a text": (
        Answer(400, {"error": "nonsense", "node_errors": []}),
        ProviderFailed,
        "ComfyUI does not take the workflow: nonsense",
    ),
    "no JSON": (Answer(400, b"Bad Request"), ProviderFailed, "ComfyUI does not take the workflow: error 400"),
    "no name": (Answer(200, {}), ProviderFailed, "ComfyUI does not take the workflow: error 200"),
    "an exception": (
        Answer(500, b"500 Internal Server Error\n\nServer got itself in trouble"),
        ProviderFailed,
        "ComfyUI does not take this: 500 Internal Server Error Server got itself in trouble",
    ),
    "too large": (Answer(413, b""), ProviderFailed, "ComfyUI does not take this: error 413"),
    "a gateway": (Answer(502, b"Bad Gateway"), Transient, "the server failed: Bad Gateway"),
    "busy": (Answer(429, b"slow down"), Transient, "the server failed: slow down"),
    "a lost answer": (Answer(200, {}, cut=True), Transient, None),
    "another server": (Answer(404, b"Not Found"), Unavailable, None),
    "a door": (Answer(403, b"Forbidden"), Unavailable, "ComfyUI lets nobody in: Forbidden"),
}


@pytest.mark.parametrize(("answer", "kind", "message"), BODIES.values(), ids=BODIES)
def test_what_becomes_of_a_prompt_is_told(server, provider, model, request_of, answer, kind, message):
    request = request_of(model())
    handle = server.answer
    server.answer = lambda asked: answer if asked.path == "/prompt" else handle(asked)
    with pytest.raises(kind) as raised:
        provider.submit(request)
    assert type(raised.value) is kind
    if message is not None:
        assert raised.value.message == message


def test_a_prompt_whose_answer_was_lost_is_found_in_the_queue(server, provider, model, request_of):
    handle = server.answer

    def lose(asked):
        told = handle(asked)
        return Answer(200, {}, cut=True) if asked.path == "/prompt" else told

    request = request_of(model())
    server.answer = lose
    with pytest.raises(Transient):
        provider.submit(request)
    server.answer = handle
    assert provider.collect(provider.submit(request), request, time.sleep).pixels.size == (64, 48)
    assert len(prompts(server)) == 1


BROKEN = {
    "memory": (
        "VAEDecode",
        (
            "torch.OutOfMemoryError",
            "Allocation on device 0 would exceed allowed memory.\nTIPS: a smaller batch",
        ),
        "node 'VAE Decode' (8) failed: OutOfMemoryError: Allocation on device 0 would exceed allowed memory.",
        "ask for a smaller 'size', or free memory there",
    ),
    "a bug": (
        "KSampler",
        ("RuntimeError", "no luck"),
        "node 'KSampler' (3) failed: RuntimeError: no luck",
        "",
    ),
}


@pytest.mark.parametrize(("kind", "error", "message", "hint"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_while_it_is_drawn(server, provider, model, request_of, kind, error, message, hint):
    server.breaks[kind] = error
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model())])
    assert (raised.value.message, raised.value.hint) == (message, hint)
    assert server.history == {}


def ended(status, outputs=None):
    prompt = [0, "x", {**PORTRAIT}, {}, ["9"]]
    return {"prompt": prompt, "outputs": outputs or {}, "status": status}


ENTRIES = {
    "no reason": (
        ended({"status_str": "error", "completed": False, "messages": []}),
        "the workflow failed: no reason given",
        "",
    ),
    "said only in words": (
        ended(
            {
                "status_str": "success",
                "messages": [["execution_error", {"node_id": "9", "exception_type": "a.B"}], 3],
            }
        ),
        "node 'Save Image' (9) failed: B",
        "",
    ),
    "no image": (
        ended({"status_str": "success"}),
        "node 'Save Image' (9) gave no image",
        "name another node as 'output' in the model's params",
    ),
    "something else": (
        ended(None, {"9": {"images": ["x"]}}),
        "node 'Save Image' (9) gave no image",
        "name another node as 'output' in the model's params",
    ),
    "nothing known": (
        {"prompt": None, "outputs": []},
        "node 9 gave no image",
        "name another node as 'output' in the model's params",
    ),
}


@pytest.mark.parametrize(("entry", "message", "hint"), ENTRIES.values(), ids=ENTRIES)
def test_what_the_history_says(server, provider, model, request_of, entry, message, hint):
    request = request_of(model())
    server.history["x"] = entry
    with pytest.raises(ProviderFailed) as raised:
        provider.collect("x", request, time.sleep)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_several_images_at_a_time(server, provider, model, request_of):
    server.copies = 4
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model())])
    assert (raised.value.message, raised.value.hint) == (
        "node 'Save Image' (9) gave 4 images, and one is asked for",
        "set the workflow's batch_size to 1",
    )


def test_a_file_that_is_no_image(server, provider, model, request_of):
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.history)
    server.files = dict.fromkeys(server.files, b"a film")
    with pytest.raises(ProviderFailed) as raised:
        provider.collect(ticket, request, time.sleep)
    assert raised.value.message == "what ComfyUI made is not an image that can be read"


def test_a_look_that_fails_is_looked_again_and_loses_nothing(server, provider, model, request_of):
    request = request_of(model())
    ticket = provider.submit(request)
    wait_until(lambda: server.history)
    for path in ("/history", "/view"):
        handle = server.answer
        server.answer = lambda asked, path=path, handle=handle: (
            Answer(503, b"busy") if asked.path.startswith(path) and asked.method == "GET" else handle(asked)
        )
        with pytest.raises(Transient) as raised:
            provider.collect(ticket, request, time.sleep)
        assert raised.value.message == "the server failed: busy"
        server.answer = handle
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)


def test_an_image_in_hand_is_kept_whatever_follows(server, provider, model, request_of):
    handle = server.answer
    server.answer = lambda asked: (
        Answer(500, b"") if asked.method + asked.path == "POST/history" else handle(asked)
    )
    assert provider.generate([request_of(model())])[0].pixels.size == (64, 48)


# --- which server, and what it may be asked for -------------------------------------------------------------


def test_where_no_server_runs(provider, model, request_of, monkeypatch):
    monkeypatch.setattr("imgbuild.providers.comfyui.provider.ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(Unavailable) as raised:
        provider.submit(request_of(model()))
    assert raised.value.message.startswith(
        "ComfyUI does not answer at http://127.0.0.1:9: the server can't be reached"
    )
    assert raised.value.hint == "start it, or say in the model's params where it is: base_url"


@pytest.mark.parametrize(
    "answer",
    [Answer(404, b"Not Found"), Answer(200, b"<html>"), Answer(200, {}), Answer(200, [{"system": []}])],
)
def test_another_program_at_that_address(server, provider, model, request_of, answer):
    server.first = [answer]
    with pytest.raises(Unavailable) as raised:
        provider.submit(request_of(model()))
    assert (raised.value.message, raised.value.hint) == (
        f"what answers at {server.address} is no ComfyUI",
        "look at 'base_url'",
    )


def test_offline_leaves_other_machines_alone(server, provider, model, request_of):
    provider.offline = True
    assert provider.submit(request_of(model()))
    with pytest.raises(TargetError) as raised:
        provider.submit(request_of(model(base_url="http://gpu.lan:8188")))
    assert (raised.value.message, raised.value.hint) == (
        "'comfyui' is on another machine",
        "build without --offline",
    )


def test_a_login_comes_from_the_environment(server, provider, model, request_of, monkeypatch):
    server.login = "anna:se:cret"
    monkeypatch.setenv(LOGIN, server.login)
    heard = []
    provider.tell = heard.append
    request = request_of(model(key=LOGIN, base_url=f"{server.address}/"), steps=4)
    server.gate.clear()
    ticket = provider.submit(request)
    begin_when_heard(server)
    assert provider.collect(ticket, request, time.sleep).pixels.size == (64, 48)
    assert heard  # it listens, too
    provider._met.clear()
    server.first = [Answer(401, b"no, anna:se:cret")]
    with pytest.raises(Unavailable) as raised:
        provider.submit(request)
    assert (raised.value.message, raised.value.hint) == (
        "ComfyUI lets nobody in: no, (key)",
        "name a variable with user:password as 'key'",
    )
    monkeypatch.setenv(LOGIN, "secret")
    with pytest.raises(Unavailable) as raised:
        provider.submit(request)
    assert raised.value.hint == "write both, and a colon between them"


def test_a_class_that_the_server_has_not(server, provider, model, request_of):
    del server.kinds["VAEDecode"]
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model())])
    assert (raised.value.message, raised.value.hint) == (
        f"ComfyUI at {server.address} has no 'VAEDecode', which node 'VAE Decode' (8) of the workflow is",
        "install there what brings it, or update ComfyUI",
    )
    assert prompts(server) == []


SHARP = edited(PORTRAIT, n9={"images": ["12", 0]})
SHARP["12"] = node("Sharpen+", "Sharpen", image=["8", 0], much=0.5)
CLOUD = edited(PORTRAIT, n9={"images": ["12", 0]})
CLOUD["12"] = node("CloudUpscale", image=["8", 0])


def test_nodes_of_others_run_only_where_that_is_declared(server, provider, model, request_of):
    with pytest.raises(TargetError) as raised:
        provider.generate([request_of(model(SHARP))])
    assert (type(raised.value), raised.value.message, raised.value.hint) == (
        TargetError,
        "node 'Sharpen' (12) of the workflow is a 'Sharpen+', which others than ComfyUI's makers wrote "
        "(custom_nodes.sharpen)",
        "it can run any program; where you trust it, say so in the model's params: custom_nodes: true",
    )
    assert prompts(server) == []
    asked = request_of(model(SHARP, custom_nodes=True, bind={"much": "Sharpen.much"}), much=0.25)
    provider.generate([asked])
    assert prompts(server)[0]["12"]["inputs"]["much"] == 0.25


def test_nodes_that_ask_paid_services_never_run(server, provider, model, request_of):
    with pytest.raises(TargetError) as raised:
        provider.generate([request_of(model(CLOUD, custom_nodes=True))])
    assert (type(raised.value), raised.value.message, raised.value.hint) == (
        TargetError,
        "node 'CloudUpscale' (12) of the workflow is a 'CloudUpscale', which asks a paid service",
        "leave it out: its costs can't be told",
    )


def test_an_input_that_the_server_s_class_has_not(server, provider, model, request_of):
    flow = edited(PORTRAIT, n8={"tile_size": 512})
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model(flow, bind={"tiles": "8.tile_size"}), tiles=256)])
    assert (raised.value.message, raised.value.hint) == (
        "'tiles' is bound to 'tile_size' of node 'VAE Decode' (8), which has no such input at this server",
        "export the workflow again from the ComfyUI that draws it",
    )


def test_half_a_step(server, provider, model, request_of):
    declared = model(bind={"rounds": "3.steps"})
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(declared, rounds=2.5)])
    assert (raised.value.message, raised.value.hint) == (
        "parameter 'rounds' goes into an input of whole numbers, and is 2.5",
        "the rest would be cut off",
    )
    assert provider.generate([request_of(declared, rounds=2.0)])[0].pixels.size == (64, 48)


def test_a_workflow_that_was_edited_meanwhile_draws_nothing(server, provider, model, request_of):
    request = request_of(model())
    model(edited(PORTRAIT, n3={"cfg": 3}))
    with pytest.raises(TargetError) as raised:
        provider.submit(request)
    assert (raised.value.message, raised.value.hint) == (
        "flows/a.json is not the workflow that is pinned",
        "was it edited meanwhile? Build again",
    )
    assert prompts(server) == []


def test_a_server_that_does_not_say_where_it_put_a_picture(server, provider, model, request_of):
    handle = server.answer
    server.answer = lambda asked: Answer(200, {}) if asked.path == "/upload/image" else handle(asked)
    inputs = {"image": [pillow.new("RGB", (16, 16))]}
    with pytest.raises(ProviderFailed) as raised:
        provider.submit(request_of(model(REPAINT), inputs=inputs))
    assert raised.value.message == "the server does not say where it put a picture"


def test_it_costs_nothing(provider, model, request_of):
    assert provider.price(request_of(model())) == 0
    assert (provider.paid, provider.network, provider.device) == (False, False, False)


@pytest.mark.parametrize(("missing", "title"), [("httpx", "httpx"), ("websockets", "websockets")])
def test_without_the_libraries(server, provider, model, request_of, monkeypatch, missing, title):
    from importlib.util import find_spec

    monkeypatch.setattr(
        "imgbuild.extras.find_spec", lambda name: None if name == missing else find_spec(name)
    )
    with pytest.raises(ProviderFailed) as raised:
        provider.generate([request_of(model())])
    assert (raised.value.message, raised.value.hint) == (
        f"provider 'comfyui' needs {title}, which is not installed",
        "install it with `pip install 'imgbuild[comfyui]'`",
    )


def test_the_key_of_the_lock_is_readable(provider, model):
    takes = json.loads(json.dumps(provider.pin(model()).takes))
    assert takes["bound"]["prompt"] == [["6", "text"]]
    assert takes["size"] == [64, 48]
