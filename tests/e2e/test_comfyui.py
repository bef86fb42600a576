"""Builds through ComfyUI: a workflow of the project is pinned by what it says, and drawn once, whatever ends a build."""

import json
import random
import threading
import time

import pytest
from PIL import Image as pillow

from tests.vendors.comfyui import ComfyUI
from tests.vendors.comfyui_flows import PORTRAIT, REPAINT, edited, node
from tests.vendors.server import serving

LOGIN = "anna:se:cret-0123456789"
COLORS = ("red", "blue", "green", "gold", "grey", "teal")
SPEC = """\
    version: 1
    models:
      ui: {{provider: comfyui, source: ./flows/portrait.json, params: {{base_url: "{address}"}}}}
      other: {{provider: comfyui, source: ./flows/other.json, params: {{base_url: "{address}"}}}}
    assets:
      lamps:
        prompt: "a {{{{ color }}}} lamp"
        matrix: {{color: [red, blue, green, gold, grey, teal]}}
        models: [ui]
      rooms:
        prompt: a room
        models: [other]
    """


@pytest.fixture
def server(monkeypatch, webs):
    server = ComfyUI()
    monkeypatch.setattr("imgbuild.providers.comfyui.watching.FIRST", 0.02)
    monkeypatch.setattr("imgbuild.providers.comfyui.watching.SLOWEST", 0.1)
    with serving(server) as address:
        server.address = address
        yield server
        server.close()


@pytest.fixture
def shop(bench, server):
    return bench(
        {
            "specs/catalog.yaml": SPEC.format(address=server.address),
            "specs/flows/portrait.json": json.dumps(PORTRAIT),
            "specs/flows/other.json": json.dumps(edited(PORTRAIT, n3={"cfg": 3})),
        }
    )


def handed_in(server):
    return [asked.fields for asked in server.asked if asked.path == "/prompt"]


def texts(server):
    return sorted(fields["prompt"]["6"]["inputs"]["text"] for fields in handed_in(server))


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_every_image_is_drawn_once_with_the_seed_of_the_lock(shop, server):
    ended = shop.build()
    assert ended.failures == ()
    assert (server.billed, ended.finished.cost) == (7, 0)
    assert texts(server) == sorted([*(f"a {color} lamp" for color in COLORS), "a room"])
    lines = shop.lines()
    assert {line.grade for line in lines.values()} == {"perceptual"}
    seeds = {fields["prompt"]["3"]["inputs"]["seed"] for fields in handed_in(server)}
    assert seeds == {line.seed for line in lines.values()}
    with pillow.open(shop.root / "out/rooms/0.png") as picture:
        assert (picture.size, picture.info) == ((64, 48), {})  # nothing of the workflow is in it
    asked = len(server.asked)
    assert dict(shop.build().ran) == {}
    assert len(server.asked) == asked
    assert shop.tell("verify", "-q").code == 0


def test_an_edited_workflow_moves_its_images_and_only_its(shop, server):
    shop.build()
    before = shop.lines()
    shop.write({"specs/flows/portrait.json": json.dumps(edited(PORTRAIT, n3={"steps": 5}))})
    assert set(shop.actions().values()) == {"run", "fresh"}
    ended = shop.build()
    assert (ended.failures, ended.finished.generated) == ((), 6)
    after = shop.lines()
    assert {name for name in after if after[name] != before[name]} == before.keys() - {"rooms@other#0"}
    why = shop.why("catalog/rooms@other#0")
    assert "fresh" in why


def test_a_workflow_and_its_spec_are_edited_together(shop, server):
    """What the lock says that it took is nothing to hold the spec against."""
    shop.build()
    shop.write({"specs/flows/other.json": json.dumps(edited(REPAINT, n5={"mask": ["10", 1]}))})
    shop.edit(
        "specs/catalog.yaml",
        (
            "[other]",
            "[other]\n    inputs: {image: {asset: lamps}}\n    matrix: {color: [red]}\n    params: {strength: 0.5}",
        ),
        ("portrait.json, params: {", "portrait.json, params: {bind: {cfg: 3.cfg}, cfg: 5, "),
    )
    ended = shop.build()
    assert (ended.failures, ended.finished.generated) == ((), 7)


def test_what_is_wrong_is_told_before_anything_is_pinned(shop, server):
    shop.edit("specs/catalog.yaml", ("[other]", "[other]\n    params: {eta: 1}"))
    told = shop.tell("plan")
    assert (told.code, told.err.splitlines()[0].partition(": ")[2]) == (
        2,
        "model 'other' takes no parameter 'eta'",
    )


def test_a_workflow_that_is_written_otherwise_moves_nothing(shop, server):
    shop.build()
    named = {name: {**item, "_meta": {"title": f"My {name}"}} for name, item in PORTRAIT.items()}
    other = edited(named, n3={"seed": 1}, n6={"text": "a test"}, n9={"filename_prefix": "x"})
    shop.write({"specs/flows/portrait.json": json.dumps(other, indent=4)})
    assert set(shop.actions().values()) == {"fresh"}
    locks = shop.locks()
    assert shop.build().finished.generated == 0
    assert shop.locks() == locks


def test_a_broken_workflow_fails_its_images_and_only_its(shop, server):
    shop.build()
    shop.write({"specs/flows/portrait.json": '{"nodes": []}'})
    ended = shop.build()
    assert {(failure.cause, failure.hint) for failure in ended.failures} == {
        (
            "specs/flows/portrait.json is a workflow as ComfyUI's editor keeps it, not as its API takes it",
            "export it from ComfyUI by Workflow → Export (API); the last image stays published, and is stale",
        )
    }
    assert len(ended.failures) == 6
    shop.write({"specs/flows/portrait.json": json.dumps(PORTRAIT)})
    assert shop.build().finished.generated == 0


def test_what_is_bound_is_a_parameter_of_assets(shop, server):
    shop.edit(
        "specs/catalog.yaml",
        ("portrait.json, params: {", 'portrait.json, params: {bind: {cfg: "KSampler.cfg"}, '),
        (
            "matrix: {color: [red, blue, green, gold, grey, teal]}",
            "matrix: {color: [red], cfg: [3, 7.5]}\n    params: {cfg: '{{ cfg }}'}",
        ),
    )
    assert shop.build().failures == ()
    assert {fields["prompt"]["3"]["inputs"]["cfg"] for fields in handed_in(server)} == {3, 7.5}


def test_pictures_of_other_assets_go_in(shop, server):
    shop.write({"specs/flows/other.json": json.dumps(edited(REPAINT, n5={"mask": ["10", 1]}))})
    shop.edit(
        "specs/catalog.yaml",
        (
            "    models: [other]",
            "    models: [other]\n    matrix: {color: [red, blue]}\n    inputs: {image: {asset: lamps, match: [color]}}\n    params: {strength: 0.5}",
        ),
    )
    assert shop.build().failures == ()
    assert len([place for place in server.files if place[0] == "input"]) == 2
    with pillow.open(shop.root / "out/rooms/red_0.png") as picture:
        assert picture.size == (64, 48)


def test_how_far_it_is_is_told(shop, server):
    server.pace = 0.05
    shop.edit("specs/catalog.yaml", ("[red, blue, green, gold, grey, teal]", "[red]"))
    shop.build()
    drawn = [event for event in shop.events if type(event).__name__ == "Draw"]
    assert {event.steps for event in drawn} == {20}
    assert max(event.step for event in drawn) > 5


# --- what ends a build --------------------------------------------------------------------------------------


def test_a_stopped_build_leaves_its_prompts_to_the_next(shop, server):
    stop = threading.Event()
    server.gate.clear()
    building = threading.Thread(target=shop.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(handed_in(server)) >= 2)
    stop.set()
    building.join(30)
    left = len(handed_in(server))
    server.gate.set()
    ended = shop.build()
    assert ended.failures == ()
    assert (server.billed, len(handed_in(server)), left < 7) == (7, 7, True)
    assert [asked.path for asked in server.asked if asked.path == "/interrupt"] == []


def kill(shop, server, moment):
    """Kill a build in the middle, by the number of requests that it had sent."""
    with shop.start("build", "--plain") as process:
        wait_until(lambda: len(server.asked) >= moment)
        time.sleep(random.random() * 0.01)
        process.kill()
        process.wait(30)


@pytest.mark.parametrize("moment", [1, 9, 12, 16, 25, 40])
def test_killed_at_some_moment_every_image_is_drawn_once(shop, server, moment):
    server.gate.clear()
    kill(shop, server, moment)
    server.gate.set()
    wait_until(lambda: not server.queue and not server.running)
    assert shop.build().failures == ()
    assert len(handed_in(server)) == len({fields["prompt_id"] for fields in handed_in(server)}) == 7
    assert server.billed == 7
    assert server.history == {}


def test_a_server_that_is_started_again_is_told_and_asked_again_by_the_next_build(shop, server):
    server.gate.clear()
    told = []
    building = threading.Thread(target=lambda: told.append(shop.build()))
    building.start()
    wait_until(lambda: len(handed_in(server)) >= 2 and server.running)
    with server.lock:
        server.queue, server.running = [], None
    wait_until(lambda: len(handed_in(server)) >= 4)
    server.gate.set()
    building.join(30)
    causes = {failure.cause for failure in told[0].failures}
    assert causes == {"ComfyUI knows the prompt no more"}
    assert shop.build().failures == ()


def test_what_fails_is_told_and_a_fallback_takes_over(shop, server):
    server.breaks["VAEDecode"] = ("torch.OutOfMemoryError", "Allocation on device")
    ended = shop.build(patterns=("catalog/rooms*",))
    assert [(failure.cause, failure.hint) for failure in ended.failures] == [
        (
            "node 'VAE Decode' (8) failed: OutOfMemoryError: Allocation on device",
            "ask for a smaller 'size', or free memory there",
        )
    ]
    shop.edit("specs/catalog.yaml", ("other.json, params", "other.json, fallback: [placeholder], params"))
    assert shop.build(patterns=("catalog/rooms*",)).failures == ()
    assert shop.lines()["rooms@other#0"].via == "placeholder"


def test_where_no_server_runs_it_is_told_at_once(shop, server):
    shop.write({"specs/catalog.yaml": SPEC.format(address="http://127.0.0.1:9")})
    began = time.monotonic()
    causes = {failure.cause.partition(": ")[0] for failure in shop.build().failures}
    assert causes == {"ComfyUI does not answer at http://127.0.0.1:9"}
    assert time.monotonic() - began < 20


# --- what it may be asked for -------------------------------------------------------------------------------


def test_another_machine_needs_consent(shop, server):
    shop.write({"specs/catalog.yaml": SPEC.format(address="http://gpu.example:8188")})
    told = shop.tell("build")
    assert (told.code, server.asked) == (2, [])
    assert "sends prompts and pictures to gpu.example:8188, which is another machine" in told.err


def test_nodes_of_others_need_consent_and_anew_when_the_workflow_changes(shop, server):
    flow = edited(PORTRAIT, n9={"images": ["12", 0]})
    flow["12"] = node("Sharpen+", image=["8", 0], much=0.5)
    shop.write({"specs/flows/other.json": json.dumps(flow)})
    shop.edit("specs/catalog.yaml", ("other.json, params: {", "other.json, params: {custom_nodes: true, "))
    told = shop.tell("build")
    assert (told.code, server.asked) == (2, [])
    assert (
        "lets ComfyUI run nodes that others than its makers wrote, as specs/flows/other.json says" in told.err
    )
    assert shop.tell("trust", "--yes").code == 0
    assert shop.tell("build", "-q").code == 0
    shop.write({"specs/flows/other.json": json.dumps(edited(flow, n12={"much": 0.75}))})
    assert shop.tell("build", "-q").code == 2


def test_the_login_is_found_nowhere(shop, server, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", LOGIN)
    server.login = LOGIN
    shop.edit(
        "specs/catalog.yaml",
        ("portrait.json, params: {", "portrait.json, params: {key: IMGBUILD_HOUSE_KEY, "),
        ("other.json, params: {", "other.json, params: {key: IMGBUILD_HOUSE_KEY, "),
    )
    told = shop.tell("build")
    assert told.code == 0
    server.login = "else"
    shop.edit("specs/catalog.yaml", ("a room", "a hall"))
    refused = shop.tell("build")
    assert "ComfyUI lets nobody in: 401 Authorization Required" in refused.out + refused.err
    said = told.out + told.err + refused.out + refused.err
    secrets = (LOGIN, "cret-0123456789", "YW5uYTpzZTpjcmV0LTAxMjM0NTY3ODk=")
    kept = [path.read_bytes() for path in shop.root.rglob("*") if path.is_file()]
    for secret in secrets:
        assert secret not in said
        assert not any(secret.encode() in data for data in kept)


ERRORS = {
    "an address with a login": (
        ("portrait.json, params: {", "portrait.json, params: {key: AWS_SECRET, "),
        "parameter 'key' of model 'ui' is not written as it must be",
    ),
    "no source": (("./flows/portrait.json", "portrait"), "'portrait' is no source of provider 'comfyui'"),
    "a size between": (("[ui]", "[ui]\n    size: 68x64"), "model 'ui' makes no images of 68x64"),
    "half a step": (
        ("[ui]", "[ui]\n    params: {steps: 2.5}"),
        "parameter 'steps' of model 'ui' must be a whole number",
    ),
    "a picture": (("[ui]", "[ui]\n    inputs: {image: a.png}"), "model 'ui' takes no input 'image'"),
    "another parameter": (("[ui]", "[ui]\n    params: {eta: 1}"), "model 'ui' takes no parameter 'eta'"),
    "a binding that is none": (
        ("portrait.json, params: {", "portrait.json, params: {bind: {seed: 3}, "),
        "parameter 'bind' of model 'ui' 'seed' must be text or a list of texts",
    ),
}


@pytest.mark.parametrize(("edit", "said"), ERRORS.values(), ids=ERRORS)
def test_what_it_does_not_take_is_an_error_before_anything_is_sent(shop, server, edit, said):
    shop.edit("specs/catalog.yaml", edit)
    shop.write({"specs/a.png": (shop.root / "specs/catalog.yaml").read_bytes()})
    told = shop.tell("build")
    assert (told.code, server.asked) == (2, [])
    assert told.err.splitlines()[0].partition(": ")[2] == said


def test_a_size_that_the_workflow_can_not_be_told(shop, server):
    shop.write({"specs/flows/other.json": json.dumps(edited(REPAINT, n5={"mask": ["10", 1]}))})
    shop.edit("specs/catalog.yaml", ("[other]", "[other]\n    size: 64x64"))
    told = shop.tell("build")
    assert (told.code, server.asked) == (2, [])
    lines = told.err.splitlines()
    assert lines[0].partition(": ")[2] == "model 'other' takes no size"
    assert lines[-1] == (
        "hint: bind 'width' and 'height' to inputs of the workflow, leave it out, or let the model say "
        "'unsupported: {size: drop}'"
    )


def test_it_is_built_offline(shop, server):
    assert shop.tell("build", "--offline", "-q").code == 0
    assert server.billed == 7
