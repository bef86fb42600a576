"""The gallery in a process of its own: opened, fed by a build, ended by Ctrl-C."""

import json
import signal
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

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
        parts = urlsplit(address)
        self.port = parts.port
        first = self.ask(f"/?{parts.query}")
        assert (first.status, first.getheader("location")) == (303, "/")
        self.cookie = first.getheader("set-cookie").partition(";")[0]

    def ask(self, path):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Cookie": getattr(self, "cookie", "")})
        return connection.getresponse()

    def catalogue(self):
        return json.loads(self.ask("/api/catalogue").read())

    def events(self):
        """Names and data of events, as they come."""
        answer = self.ask("/api/events")
        assert answer.getheader("content-type").startswith("text/event-stream")
        name = ""
        while line := answer.readline():
            kind, _, text = line.decode().rstrip("\n").partition(": ")
            if kind == "event":
                name = text
            elif kind == "data":
                yield name, json.loads(text)


@pytest.fixture
def shop(bench):
    shop = bench({"specs/shop.yaml": SPEC, "imgbuild.yaml": ""})
    assert shop.call("build").code == 0
    return shop


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


def test_open_build_see_end(shop):
    with started(shop) as (process, address):
        browser = Browser(address)
        assert b"<!doctype html>" in browser.ask("/").read().lower()
        before = browser.catalogue()["targets"]
        for card in before:
            assert (
                browser.ask(f"/image/{card['image']}").read()
                == (shop.root / "out" / card["output"]).read_bytes()
            )
            assert browser.ask(f"/thumb/{card['image']}/64").read()[8:12] == b"WEBP"
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
    with pytest.raises(ConnectionRefusedError):
        browser.ask("/")


def until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
