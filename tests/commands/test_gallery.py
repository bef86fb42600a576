"""`imgbuild gallery`: what it says, what it opens, and what it can't do without."""

import json
import threading

import pytest

from imgbuild import extras
from imgbuild.commands import gallery as verb
from imgbuild.commands.interrupt import Stop

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      lamp: {prompt: "a lamp", models: [paint]}
    """


@pytest.fixture
def shop(bench, painter):
    shop = bench({"specs/shop.yaml": SPEC, "imgbuild.yaml": ""})
    shop.build()
    return shop


@pytest.fixture
def stopped(monkeypatch):
    """It ends as soon as it is there."""
    stop = Stop()
    stop.set()

    class Stopped:
        def __enter__(self):
            return stop

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(verb, "interruptible", Stopped)


@pytest.fixture
def browser(monkeypatch):
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    return addresses


def test_it_says_where_it_is(shop, stopped, browser):
    told = shop.tell("gallery")
    first, second = told.out.splitlines()
    assert first.startswith("the gallery is at http://127.0.0.1:")
    assert len(first.partition("/?token=")[2]) >= 43
    assert (told.code, second, told.err) == (0, "Ctrl-C ends it", "")
    assert browser == []
    assert [thread.name for thread in threading.enumerate() if thread.name == "gallery"] == []


def test_it_says_so_to_programs(shop, stopped):
    told = json.loads(shop.tell("gallery", "--json").out)
    assert told["event"] == "gallery"
    assert told["url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("sits", [True, False])
def test_a_browser_is_opened_where_somebody_sits(shop, stopped, browser, monkeypatch, sits):
    monkeypatch.setattr(verb, "is_terminal", lambda stream: sits)
    told = shop.tell("gallery", "--open")
    assert browser == ([told.out.split()[4]] if sits else [])


def test_a_port_that_is_taken(shop, stopped):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = shop.tell("gallery", "--port", str(port))
    assert (told.code, told.err) == (
        2,
        f"error: port {port} can't be used: Address already in use\n"
        "hint: leave out --port, and a free one is taken\n",
    )


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra(shop, monkeypatch, missing):
    monkeypatch.setattr(extras, "_is_there", lambda module: module != missing)
    told = shop.tell("gallery")
    assert (told.code, told.out, told.err) == (
        2,
        "",
        f"error: the gallery needs {missing}, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[serve]'`\n",
    )


def test_a_broken_spec(shop, stopped):
    shop.edit("specs/shop.yaml", ("models: [paint]", "models: [pain]"))
    told = shop.tell("gallery")
    assert told.code == 2
    assert "unknown model 'pain'" in told.err


def test_a_selection_that_names_nothing(shop, stopped):
    told = shop.tell("gallery", "-s", "chair")
    assert (told.code, told.err.splitlines()[0]) == (2, "error: 'chair' matches no target")


def test_gc_knows_the_small_pictures(shop):
    from imgbuild.gallery.thumbs import Thumbs

    (image,) = shop.outputs().values()
    blob = shop.root / ".imgbuild/blobs" / image[:2] / image
    thumbs = Thumbs(shop.root / ".imgbuild", lambda _: blob.read_bytes())
    thumbs.get(image, 64)
    thumbs.close()
    place = shop.root / f".imgbuild/thumbs/{image[:2]}/{image}-64.webp"
    shop.tell("gc", "--all")
    assert place.exists()
    blob.unlink()
    shop.tell("gc", "--all", "--dry-run")
    assert place.exists()
    shop.tell("gc", "--all")
    assert not place.exists()
