"""A project with a workflow, a server that draws it, and the adapter between the two."""

import json

import pytest

from imgbuild.files import Files
from imgbuild.providers.comfyui import ComfyUI
from imgbuild.types import Model, Request
from tests.vendors.comfyui import ComfyUI as Server
from tests.vendors.comfyui_flows import PORTRAIT
from tests.vendors.server import serving

PATH = "flows/a.json"


@pytest.fixture
def server(monkeypatch):
    server = Server()
    with serving(server) as address:
        server.address = address
        monkeypatch.setattr("imgbuild.providers.comfyui.provider.ADDRESS", address)
        monkeypatch.setattr("imgbuild.providers.comfyui.watching.FIRST", 0.02)
        monkeypatch.setattr("imgbuild.providers.comfyui.watching.SLOWEST", 0.05)
        yield server
        server.close()


@pytest.fixture
def provider(tmp_path):
    provider = ComfyUI()
    provider.files = Files(tmp_path)
    yield provider
    provider.close()


@pytest.fixture
def model(tmp_path):
    """A function: a workflow, and parameters → the model of it."""

    def write(flow=PORTRAIT, **params):
        (tmp_path / "flows").mkdir(exist_ok=True)
        (tmp_path / PATH).write_text(flow if isinstance(flow, str) else json.dumps(flow))
        return Model(provider="comfyui", source=f"./{PATH}", params=params)

    return write


@pytest.fixture
def request_of(provider):
    """A function: a model, and what else is asked → the request."""

    def ask(model, prompt="a brass lamp", *, negative="", inputs=None, seed=7, size=(64, 48), **params):
        return Request(
            pin=provider.pin(model),
            prompt=prompt,
            negative=negative,
            width=size[0],
            height=size[1],
            seed=seed,
            params={**model.params, **params},
            inputs=inputs or {},
        )

    return ask
