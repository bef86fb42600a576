"""Servers of one's own: whether they are this machine, what consent says of them, and who logs in."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import Unavailable
from imgbuild.providers.servers import away, is_here, login_of, of_server
from imgbuild.types import Concern, Model

LOGIN = "IMGBUILD_HOUSE_KEY"
HERE = ["http://127.0.0.1:7860", "http://localhost:7861/", "https://[::1]:7860/ui", "http://127.8.8.8"]
ELSEWHERE = [
    "http://gpu.lan:7860",
    "http://192.168.1.7:7860",
    "http://0.0.0.0:7860",
    "http://localhost.example:7860",
    "http://127.0.0.1@gpu.lan",
    "http://127.0.0.1.nip.example",
    "http://[::1",
]


def model(**params):
    return Model(provider="automatic1111", source="x", params=params)


@pytest.mark.parametrize("address", HERE)
def test_this_machine_needs_no_consent(address):
    assert away(model(base_url=address)) == ()
    assert away(model()) == ()


@pytest.mark.parametrize("address", ELSEWHERE[:-1])
def test_another_machine_does(address):
    host = address.split("/")[2]

    def wants(what):
        said = f"sends {what} to {host}, which is another machine"
        return (Concern(wants=said, place=("params", "base_url")),)

    assert away(model(base_url=address)) == wants("prompts and pictures")
    assert away(model(base_url=address, key=LOGIN)) == wants(f"prompts, pictures and what {LOGIN} holds")


@given(st.sampled_from(HERE + ELSEWHERE), st.text())
def test_whether_it_is_this_machine_can_always_be_told(address, more):
    assert is_here(address) is (address in HERE)
    is_here(address + more)
    is_here(more)


@pytest.mark.parametrize("address", [*HERE, *ELSEWHERE])
def test_a_host_is_written_plainly(address):
    pattern = of_server("a server", "http://127.0.0.1:1")["base_url"]["pattern"]
    assert bool(re.search(pattern, address)) is not ("@" in address or address == "http://[::1")


def test_a_login_is_user_and_password(monkeypatch):
    monkeypatch.setenv(LOGIN, "anna:se:cret")
    assert login_of(LOGIN, "comfyui", "", os.environ) == ("anna:se:cret", ("anna", "se:cret"))
    monkeypatch.setenv(LOGIN, "secret")
    with pytest.raises(Unavailable) as raised:
        login_of(LOGIN, "comfyui", "write both", os.environ)
    assert (raised.value.message, raised.value.hint) == (
        "IMGBUILD_HOUSE_KEY does not hold user:password",
        "write both",
    )
