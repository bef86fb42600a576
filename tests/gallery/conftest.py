"""A shop of lamps that is built, its gallery, and somebody at a browser who came through the door."""

import pytest
from starlette.testclient import TestClient

from imgbuild.commands.gallery import View, source_of
from imgbuild.commands.session import Session
from imgbuild.gallery.gallery import Gallery
from imgbuild.gallery.guard import Door
from imgbuild.gallery.server import application

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      lamps:
        prompt: "a {{ color }} lamp"
        tags: [home]
        matrix: {color: [red, blue]}
        models: [paint]
        validate: [{not_blank: {}}]
    """
DOOR = Door(port=4711, token="a-token-that-nobody-guesses")
HOST = "127.0.0.1:4711"


@pytest.fixture
def shop(bench, painter, monkeypatch):
    for name, value in {"NAME": "Ann", "EMAIL": "ann@shop.example"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
    shop = bench({"specs/shop.yaml": SPEC, "imgbuild.yaml": ""})
    shop.build()
    return shop


@pytest.fixture
def opened():
    """A function: a project → its gallery, which has looked at it once."""
    made = []

    def open_gallery(shop, **flags):
        session = Session(
            arguments=(),
            folder=shop.root,
            root=shop.root,
            environ={"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@shop.example"},
        )
        can_review = flags.pop("can_review", True)
        gallery = Gallery(session.settings()[1], source_of(session, View(**flags)), can_review=can_review)
        made.append(gallery)
        gallery.refresh()
        return gallery

    yield open_gallery
    for gallery in made:
        gallery.close()


@pytest.fixture
def gallery(shop, opened):
    return opened(shop)


@pytest.fixture
def client_of():
    """A function: a gallery → a browser, with the cookie or without."""

    def make(gallery, *, inside=True):
        client = TestClient(application(gallery, DOOR), base_url=f"http://{HOST}", follow_redirects=False)
        if inside:
            client.cookies.set(DOOR.cookie, DOOR.token)
        return client

    return make


@pytest.fixture
def inside(gallery, client_of):
    """A browser that has the cookie."""
    return client_of(gallery)


@pytest.fixture
def outside(gallery, client_of):
    """A browser that has not."""
    return client_of(gallery, inside=False)
