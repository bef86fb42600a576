"""The gallery in a process of its own: opened, fed by a build, ended by Ctrl-C."""

import json
import signal
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

SPEC = """\
    version: 1
    models:
      draft: {provider: placeholder}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        matrix: {color: [red, blue]}
        models: [draft]
        size: 64x64
    """
PATIENCE = 60


class Browser:
    """Somebody who opened the address that was printed."""

    def __init__(self, address):
        self.client = httpx.Client(timeout=PATIENCE)
        first = self.client.get(address)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        self.base = address.partition("/?")[0]

    def ask(self, path):
        return self.client.get(f"{self.base}{path}")

    def catalogue(self):
        return self.ask("/api/catalogue").json()

    def events(self):
        """Names and data of events, as they come."""
        with self.client.stream("GET", f"{self.base}/api/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            name = ""
            for line in answer.iter_lines():
                kind, _, text = line.partition(": ")
                if kind == "event":
                    name = text
                elif kind == "data":
                    yield name, json.loads(text)


@pytest.fixture
def shop(bench):
    shop = bench({"specs/shop.yaml": SPEC, "imgbuild.yaml": ""})
    assert shop.call("build").code == 0
    return shop


@pytest.fixture
def browsers():
    made = []
    yield made
    for browser in made:
        browser.client.close()


@contextmanager
def started(shop, *flags):
    with shop.start("gallery", "--json", *flags) as process:
        try:
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def ended(process):
    """What Ctrl-C makes of it."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def test_open_build_see_end(shop, browsers):
    with started(shop) as (process, address):
        browser = Browser(address)
        browsers.append(browser)
        assert b"<!doctype html>" in browser.ask("/").content.lower()
        before = browser.catalogue()["targets"]
        for card in before:
            assert (
                browser.ask(f"/image/{card['image']}").read()
                == (shop.root / "out" / card["output"]).read_bytes()
            )
            assert browser.ask(f"/thumb/{card['image']}/64").content[8:12] == b"WEBP"
        heard = []
        listening = threading.Thread(target=lambda: heard.extend(browser.events()))
        listening.start()
        until(lambda: heard)
        shop.edit("specs/shop.yaml", ("a {{ color }} lamp", "one {{ color }} lamp"))
        assert shop.call("build").code == 0
        images = {card["id"]: card["image"] for card in before}
        until(lambda: all(card["image"] != images[card["id"]] for card in browser.catalogue()["targets"]))
        assert ended(process) == (0, "", "")
        listening.join(PATIENCE)
        assert not listening.is_alive()
    assert heard[0][0] == "catalogue"
    changed = [data for name, data in heard if name == "changed"]
    assert {item["text"] for item in changed[-1]["targets"]} == {"one red lamp", "one blue lamp"}
    with pytest.raises(httpx.ConnectError):
        browser.ask("/")


def test_a_watch_tells_the_page_what_it_builds(shop, browsers):
    with shop.start("watch", "--open", "--plain") as process:
        try:
            address = process.stdout.readline().rpartition(" ")[2].strip()
            while not process.stdout.readline().startswith("watching"):
                pass
            browser = Browser(address)
            browsers.append(browser)
            heard = []
            listening = threading.Thread(target=lambda: heard.extend(browser.events()))
            listening.start()
            until(lambda: heard)
            shop.edit("specs/shop.yaml", ("a {{ color }} lamp", "one {{ color }} lamp"))
            until(lambda: [name for name, _ in heard].count("changed"))
            until(lambda: {data.get("state") for name, data in heard if name == "moved"} >= {"done"})
            shop.edit("specs/shop.yaml", ("models: [draft]", "models: [draf]"))
            until(lambda: any(data.get("level") == "error" for name, data in heard if name == "note"))
            assert shop.tell("review", "list").code == 2
            assert ended(process)[0] == 0
            listening.join(PATIENCE)
            assert not listening.is_alive()
        finally:
            process.kill()
    prompts = {item["text"] for name, data in heard if name == "changed" for item in data["targets"]}
    assert prompts == {"one red lamp", "one blue lamp"}


def until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
