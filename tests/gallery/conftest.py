"""A shop of lamps that is built, its gallery, and somebody at a browser who came through the door.

Also a real browser: Debian's chromium, driven by Playwright, whose pages fail a test where their console says anything.
"""

import subprocess

import pytest
from starlette.testclient import TestClient

from imgbuild.commands.gallery import View, source_of
from imgbuild.commands.session import Session
from imgbuild.gallery.gallery import Gallery
from imgbuild.gallery.guard import Door
from imgbuild.gallery.server import application
from tests.gallery.browser import launched
from tests.gallery.stand_in import StandIn

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
ICONS = """
models:
  fake: {provider: placeholder}
assets:
  icon:
    prompt: "a {{ color }} {{ shape }}"
    tags: [set]
    matrix: {shape: [star, heart], color: [red, blue, green]}
    models: [fake]
    size: 96x64
    validate: [not_blank]
"""


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


@pytest.fixture
def project(bench):
    """Six pictures, built and committed, of somebody whom git knows."""
    project = bench({"specs/icons.yaml": ICONS, ".gitignore": ".imgbuild/\nout/\nsite/\n"})
    git(project, "init", "-q", "-b", "main")
    for name, value in {"name": "A Person", "email": "a.person@example.org"}.items():
        git(project, "config", f"user.{name}", value)
    project.build()
    commit(project)
    return project


def git(project, *words):
    return subprocess.run(
        ["git", *words], cwd=project.root, check=True, capture_output=True, text=True
    ).stdout


def commit(project):
    git(project, "add", "-A")
    git(project, "commit", "-qm", "as it is")


@pytest.fixture(
    scope="module"
)  # as long as it is there, a loop of asyncio runs that other modules' tests can't have
def chromium():
    """The browser, in a profile of its own that is gone afterwards."""
    with launched() as browser:
        yield browser


@pytest.fixture
def browse(chromium):
    """A function: address → the page there, in a window of its own. Nothing may be said on any console."""
    contexts, said = [], []

    def go(address, *, width=1280, height=800, ready="body.ready", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.wait_for_selector(ready, state="attached")
        return page

    go.said = said
    yield go
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def stand_in():
    """A function: catalogue → a stand-in for the server, which shows it."""
    made = []

    def serve(catalogue):
        made.append(StandIn(catalogue))
        return made[-1]

    yield serve
    for server in made:
        server.close()
