"""What each address answers, to somebody who may ask."""

import asyncio
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.digest import to_hex
from imgbuild.gallery.guard import Door
from imgbuild.gallery.server import application
from imgbuild.select import handle

DOOR = Door(port=4711, token="another-token")
HOST = "127.0.0.1:4711"
RED = "shop/lamps[color=red]@paint#0"
BLUE = "shop/lamps[color=blue]@paint#0"


def catalogue(client):
    return client.get("/api/catalogue").json()


def card(client, id=RED):
    return next(item for item in catalogue(client)["targets"] if item["id"] == id)


def test_the_catalogue(shop, inside):
    whole = catalogue(inside)
    line = shop.lines("shop")["lamps[color=red]@paint#0"]
    first = whole["targets"][0]
    assert {name: whole[name] for name in whole if name != "targets"} == {
        "project": "project",
        "root": "",
        "profile": "",
        "can": {"review": True},
        "checklist": [],
        "variables": ["color"],
        "assets": [{"id": "shop/lamps", "tags": ["home"]}],
        "prompts": ["a red lamp", "a blue lamp"],
        "groups": [],
    }
    assert first.pop("seconds") >= 0
    assert first == {
        "id": RED,
        "handle": handle(RED),
        "asset": 0,
        "cell": {"color": "red"},
        "model": "paint",
        "index": 0,
        "prompt": 0,
        "output": "lamps/red_0.png",
        "state": "fresh",
        "why": "",
        "image": to_hex(line.image),
        "pixels": line.pixels,
        "width": 16,
        "height": 16,
        "color": "#808080",
        "rules": {"not_blank": "pass"},
        "review": "open",
        "wins": False,
        "stars": 0,
        "seed": line.seed,
        "attempt": 0,
        "cost": 0.0,
        "grade": "bitwise",
        "via": "",
    }


def test_the_catalogue_is_sent_once(inside):
    first = inside.get("/api/catalogue")
    assert len(first.json()["targets"]) == 2
    again = inside.get("/api/catalogue", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_one_target(shop, inside):
    told = inside.get(f"/api/target/{handle(RED)}").json()
    line = shop.lines("shop")["lamps[color=red]@paint#0"]
    assert told.pop("seconds") >= 0
    verdict = told.pop("verdicts")[0]
    assert (verdict["rule"], verdict["status"]) == ("not_blank", "pass")
    short = handle(RED)
    assert told == {
        "id": RED,
        "handle": short,
        "prompt": "a red lamp",
        "negative": "",
        "params": {},
        "size": [16, 16],
        "seed": line.seed,
        "attempt": 0,
        "grade": "bitwise",
        "pin": {"provider": "painter"},
        "via": "",
        "adjusted": "",
        "attempts": [],
        "decisions": [],
        "where": {"file": "specs/shop.yaml", "line": 5, "column": 3, "text": "  lamps:"},
        "files": [],
        "inputs": [],
        "commands": [
            f"imgbuild why {short}",
            f"imgbuild build -s {short}",
            f"imgbuild lock --reseed {short} && imgbuild build -s {short}",
            f"imgbuild review approve {short}",
        ],
        "before": None,
        "cost": 0.0,
        "why": "",
        "hint": "",
    }
    assert inside.get("/api/target/00000000").status_code == 404


def test_an_image(shop, inside):
    answer = inside.get(f"/image/{card(inside)['image']}")
    assert answer.content == (shop.root / "out/lamps/red_0.png").read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_an_image_that_only_the_output_folder_has(shop, inside):
    image = card(inside)["image"]
    (shop.root / ".imgbuild/blobs" / image[:2] / image).unlink()
    assert inside.get(f"/image/{image}").status_code == 200
    (shop.root / "out/lamps/red_0.png").write_bytes(b"edited")
    assert inside.get(f"/image/{image}").status_code == 404


@pytest.mark.parametrize("side", [64, 256, 512])
def test_a_thumbnail(inside, side):
    answer = inside.get(f"/thumb/{card(inside)['image']}/{side}")
    assert answer.headers["content-type"] == "image/webp"
    with pillow.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (16, 16))


def test_what_was_found_out_of_an_image_is_in_the_catalogue(inside):
    before = catalogue(inside)
    inside.get(f"/thumb/{card(inside)['image']}/64")
    assert card(inside)["color"] != "#808080"
    assert card(inside, BLUE)["color"] == "#808080"
    assert len(before["targets"]) == 2


@pytest.mark.parametrize("side", ["0", "63", "65", "100000", "-64", "64.0", "x", "٦٤"])
def test_only_three_sizes_are_made(inside, side):
    assert inside.get(f"/thumb/{card(inside)['image']}/{side}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/page/../catalogue.py",
        "/page/..%2fcatalogue.py",
        "/page/%2e%2e/server.py",
        "/page/",
        "/docs",
        "/openapi.json",
        "/image/../../imgbuild.yaml",
    ],
)
def test_no_path_leads_out(inside, path):
    assert inside.get(path).status_code == 404


NAMES = st.one_of(
    st.text(min_size=1, max_size=80),
    st.sampled_from(
        [
            "..",
            "../..",
            "%2e%2e",
            "/etc/passwd",
            "C:\\",
            "imgbuild.yaml",
            "shop.yaml",
            "__init__.py",
            "a" * 64,
            "\0",
        ]
    ),
    st.text(alphabet="0123456789abcdef", min_size=64, max_size=64),
)


def status_of(app, path):
    """What a path gets that no client has put in order before it sent it."""
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", HOST.encode()), (b"cookie", f"{DOOR.cookie}={DOOR.token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode("utf-8", "replace")}
    asyncio.run(app({**scope, "query_string": b"", "headers": headers, "root_path": ""}, receive, send))
    return sent[0]["status"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(name=NAMES)
@pytest.mark.parametrize(
    "place", ["/image/{}", "/thumb/{}/64", "/page/{}", "/api/target/{}", "/page/../{}", "/{}"]
)
def test_no_name_of_a_client_reaches_a_file(gallery, place, name):
    assert status_of(application(gallery, DOOR), place.format(name)) == 404


def test_the_page_and_its_files(inside):
    page = inside.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.lower().startswith("<!doctype html>")
    assert inside.get("/page/index.html").content == page.content
    assert inside.get("/page/__init__.py").status_code == 404


def post(client, **fields):
    seen = {item["handle"]: item["pixels"] for item in catalogue(client)["targets"]}
    posted = {"handles": [handle(RED)], "decision": "approve", "pixels": seen, **fields}
    answer = client.post("/api/review", json=posted)
    return answer.status_code, answer.json()


def test_a_decision(shop, inside):
    assert post(inside, note="as briefed") == (200, {"done": 1})
    decision = json.loads(shop.text("specs/shop.reviews"))
    assert decision.pop("when").endswith("Z")
    assert decision == {
        "target": "lamps[color=red]@paint#0",
        "pixels": shop.lines("shop")["lamps[color=red]@paint#0"].pixels,
        "decision": "approve",
        "who": "Ann <ann@shop.example>",
        "note": "as briefed",
    }
    assert card(inside)["review"] == "approved"
    assert card(inside, BLUE)["review"] == "open"
    told = inside.get(f"/api/target/{handle(RED)}").json()["decisions"]
    assert [(item["decision"], item["note"], item["holds"]) for item in told] == [
        ("approve", "as briefed", True)
    ]


def test_a_decision_on_a_picture_that_is_no_more(shop, inside):
    seen = {item["handle"]: item["pixels"] for item in catalogue(inside)["targets"]}
    shop.tell("lock", "--reseed", RED)
    shop.build()
    wrong = {"error": f"{RED} has another picture by now", "hint": "look at that one"}
    assert post(inside, pixels=seen) == (409, wrong)
    assert post(inside, pixels={}) == (409, wrong)
    assert post(inside, handles=[handle(BLUE), handle(RED)], pixels=seen) == (409, wrong)
    assert not (shop.root / "specs/shop.reviews").exists()
    assert post(inside) == (200, {"done": 1})


def test_decisions_one_after_the_other(shop, inside, gallery, monkeypatch):
    refresh = gallery.refresh
    monkeypatch.setattr(gallery, "refresh", lambda: pytest.fail("nothing else has changed"))
    first = inside.get("/api/catalogue").headers["etag"]
    assert post(inside, decision="star") == (200, {"done": 1})
    assert post(inside, handles=[handle(BLUE)]) == (200, {"done": 1})
    assert post(inside, handles=[handle(RED)], decision="comment", note="why not") == (200, {"done": 1})
    assert [(card(inside, id)["review"], card(inside, id)["stars"]) for id in (RED, BLUE)] == [
        ("open", 1),
        ("approved", 0),
    ]
    assert inside.get("/api/catalogue").headers["etag"] != first
    said = inside.get(f"/api/target/{handle(RED)}").json()["decisions"]
    assert [item["decision"] for item in said] == ["star", "comment"]
    monkeypatch.setattr(gallery, "refresh", refresh)
    both = [handle(RED), handle(BLUE)]
    assert post(inside, handles=both, decision="reject", note="no") == (200, {"done": 2})
    assert [card(inside, id)["review"] for id in (RED, BLUE)] == ["rejected", "rejected"]


def test_a_decision_that_moves_the_seed(shop, inside):
    assert post(inside, decision="reject", note="too dark", reseed=True) == (200, {"done": 1})
    assert shop.lines("shop")["lamps[color=red]@paint#0"].attempt == 1
    assert card(inside)["state"] == "run"


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"decision": "reject"}, 400, "review reject needs a note"),
        ({"decision": "reject", "note": "  "}, 400, "review reject needs a note"),
        ({"ticked": ["trademark"]}, 400, "'trademark' is not on the checklist"),
        ({"reseed": True}, 400, "--reseed goes with reject alone"),
        ({"handles": []}, 400, "no picture was named"),
        ({"handles": ["../../etc"]}, 404, "no target has the handle '../../etc'"),
        ({"decision": "delete"}, 400, "that is no decision: Invalid enum value 'delete' - at `$.decision`"),
        ({"who": "Eve"}, 400, "that is no decision: Object contains unknown field `who`"),
    ],
)
def test_what_is_no_decision(shop, inside, fields, status, error):
    code, told = post(inside, **fields)
    assert (code, told["error"]) == (status, error)
    assert not (shop.root / "specs/shop.reviews").exists()


def test_a_gallery_to_look_at_takes_no_decisions(shop, opened, client_of):
    client = client_of(opened(shop, can_review=False))
    assert catalogue(client)["can"] == {"review": False}
    wrong = {"error": "this gallery takes no decisions", "hint": "it was started with --read-only"}
    assert post(client) == (403, wrong)
    assert not (shop.root / "specs/shop.reviews").exists()
