"""A key, tested: one request to its vendor, for which nothing is made, and after which nothing is kept of the key."""

import pytest

from imgbuild.errors import ProviderFailed, TargetError, Transient, Unavailable
from imgbuild.providers import PROVIDERS
from imgbuild.providers.placeholder import Placeholder
from imgbuild.types import Account, Model
from tests.vendors import automatic1111, bfl, google, ideogram, openai, stability
from tests.vendors.server import Answer, serving

OWN = {
    "bfl": (bfl.BFL, "imgbuild.providers.bfl.ADDRESS", ""),
    "google": (google.Google, "imgbuild.providers.google.provider.ADDRESS", ""),
    "ideogram": (ideogram.Ideogram, "imgbuild.providers.ideogram.ADDRESS", ""),
    "openai": (openai.OpenAI, "imgbuild.providers.openai.provider.ADDRESS", "/v1"),
    "stability": (stability.Stability, "imgbuild.providers.stability.ADDRESS", ""),
}
KEYS = {"bfl": bfl.KEY, "google": google.KEY, "ideogram": ideogram.KEY, "openai": openai.KEY}
KEYS["stability"] = stability.KEY


class Desk:
    """An adapter and the server that it asks."""

    def __init__(self, provider, vendor, address):
        self.provider, self.vendor, self.address = provider, vendor, address

    def account(self, **params):
        return self.provider.account(Model(provider=self.provider.name, params=params))


@pytest.fixture
def desk(monkeypatch):
    """A function: an adapter's name → the adapter, with its key, and the server it asks."""
    opened = []

    def open_one(name, **environ):
        kind, place, path = OWN[name]
        vendor, provider = kind(), PROVIDERS.get(name)()
        server = serving(vendor)
        address = server.__enter__()
        opened.append((server, provider))
        monkeypatch.setattr(place, f"{address}{path}")
        provider.environ = environ or {provider.env[0]: KEYS[name]}
        return Desk(provider, vendor, f"{address}{path}")

    yield open_one
    for server, provider in opened:
        provider.close()
        server.__exit__(None, None, None)


SAID = {
    "bfl": (Account(credits=1234, dollars=12.34), "/v1/credits"),
    "google": (Account(), "/v1beta/models?pageSize=1"),
    "ideogram": (Account(), "/v2/account/api-keys"),
    "openai": (
        Account(models={"gpt-image-2": "", "gpt-image-2-2026-04-21": "", "gpt-image-1-mini": "2026-12-01"}),
        "/v1/models",
    ),
    "stability": (Account(credits=45.625, dollars=0.45625), "/v1/user/balance"),
}


@pytest.mark.parametrize("name", OWN)
def test_a_key_that_is_taken(desk, name):
    at = desk(name)
    account, path = SAID[name]
    assert at.account() == account
    assert [(asked.method, asked.path, asked.data) for asked in at.vendor.asked] == [("GET", path, b"")]
    assert at.vendor.billed == 0


REFUSED = {
    "bfl": "the key is not taken: Not authenticated",
    "google": "the key is not taken: API key not valid. Please pass a valid API key.",
    "ideogram": "the key is not taken: Not authorized: (key)",
    "openai": "the key is not taken: Incorrect API key provided: (key).",
    "stability": "the key is not taken: authorization: invalid key (key)",
}


@pytest.mark.parametrize("name", OWN)
def test_a_key_that_is_not_taken(desk, name):
    at = desk(name, IMGBUILD_HOUSE_KEY="wrong-0123456789")
    with pytest.raises(Unavailable) as raised:
        at.account(key="IMGBUILD_HOUSE_KEY")
    assert raised.value.message == REFUSED[name]
    assert len(at.vendor.asked) == 1


@pytest.mark.parametrize("name", OWN)
def test_without_a_key_nothing_is_asked(desk, name):
    at = desk(name, OTHER="x")
    with pytest.raises(Unavailable, match=f"'{name}' needs a key"):
        at.account()
    assert at.vendor.asked == []


@pytest.mark.parametrize("name", OWN)
def test_a_server_that_has_no_such_page(desk, name):
    at = desk(name)
    at.vendor.first = [Answer(404, {"error": {"message": "Not Found", "code": 404}})]
    assert at.account(base_url=at.address) is None


@pytest.mark.parametrize("name", OWN)
def test_a_server_that_fails(desk, name):
    at = desk(name)
    at.vendor.first = [Answer(503, {"error": {"message": "busy", "code": 503}})]
    with pytest.raises(Transient):
        at.account()


@pytest.mark.parametrize("told", [{}, [], {"credits": None}, {"credits": "many"}, {"credits": True}])
def test_credits_that_are_not_told(desk, told):
    at = desk("bfl")
    at.vendor.first = [Answer(200, told)]
    assert at.account() == Account()


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_draw_and_not_list_models(desk, status):
    at = desk("openai")
    said = "You have insufficient permissions for this operation. Missing scopes: api.model.read."
    at.vendor.first = [openai.failure(status, said)]
    assert at.account() == Account(note="it may not list models")


@pytest.mark.parametrize("name", ["openai", "google"])
def test_without_the_library(desk, name, monkeypatch):
    at = desk(name)
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed, match="which is not installed"):
        at.account()


def test_a_web_ui_tells_its_checkpoints(monkeypatch):
    provider = PROVIDERS.get("automatic1111")()
    vendor = automatic1111.WebUI(login="ann:secret")
    provider.environ = {"IMGBUILD_HOUSE_KEY": "ann:secret", "IMGBUILD_OTHER_KEY": "ann:wrong"}
    with serving(vendor) as address:

        def account(**params):
            return provider.account(Model(provider="automatic1111", params={"base_url": address, **params}))

        models = account(key="IMGBUILD_HOUSE_KEY").models
        assert {"sd_xl_base_1.0", "sd_xl_base_1.0.safetensors", "fresh"} <= {*models}
        assert set(models.values()) == {""}
        with pytest.raises(Unavailable) as raised:
            account(key="IMGBUILD_OTHER_KEY")
        assert raised.value.message == "the key is not taken: Incorrect username or password"
        assert [asked.path for asked in vendor.asked] == ["/sdapi/v1/sd-models"] * 2
    with pytest.raises(Transient, match="the server can't be reached"):
        account(base_url="http://127.0.0.1:9")
    provider.offline = True
    with pytest.raises(TargetError, match="is on another machine"):
        account(base_url="http://192.0.2.1")
    provider.close()


def test_who_has_no_such_request_says_nothing():
    assert Placeholder().account(Model(provider="placeholder")) is None
