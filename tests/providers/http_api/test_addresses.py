"""Addresses mean the same to whoever reads them: to the reader who consents, to us, and to the library that asks."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.providers.http_api.addresses import followed, is_of, is_plain, origin, whole

ORIGINS = {
    "https://images.example.com/v1": "images.example.com",
    "https://Images.Example.COM:443": "images.example.com",
    "https://images.example.com:8443/": "images.example.com:8443",
    "http://127.0.0.1:8188/x": "http://127.0.0.1:8188",
    "http://localhost:80/": "http://localhost",
    "https://[::1]:7860/": "[::1]:7860",
    "images.example.com": "images.example.com",
    "images.example.com:8443": "images.example.com:8443",
    "http://images.example.com": "http://images.example.com",
}


@pytest.mark.parametrize("address", ORIGINS)
def test_whom_an_address_leads_to(address):
    assert origin(address) == ORIGINS[address]


@pytest.mark.parametrize(
    "address", ["", "ftp://a.example", "https://", "https://a.example:99999", "https://[::::]"]
)
def test_addresses_that_lead_nowhere(address):
    with pytest.raises(ValueError):
        origin(address)


def test_what_is_below_a_base():
    assert whole("/v1/draw", "https://a.example/api/") == "https://a.example/api/v1/draw"
    assert whole("https://b.example/x", "https://a.example/api") == "https://b.example/x"


BELOW = {
    ("a.example.com", "*.example.com"): True,
    ("b.a.example.com", "*.example.com"): True,
    ("example.com", "*.example.com"): False,
    ("evilexample.com", "*.example.com"): False,
    ("a.example.com:8443", "*.example.com"): False,
    ("http://a.example.com", "*.example.com"): False,
    ("http://a.example.com", "http://*.example.com"): True,
    ("a.example.com", "http://*.example.com"): False,
    ("a.example.com", "a.example.com"): True,
    ("a.example.com", "example.com"): False,
}


@pytest.mark.parametrize(("found", "named"), BELOW)
def test_hosts_below_one(found, named):
    assert is_of(found, named) == BELOW[found, named]


FOLLOWED = {
    "/images/1": "https://a.example/images/1",
    "2.png": "https://a.example/v1/2.png",
    "//cdn.example/x": "https://cdn.example/x",
    "https://cdn.example/a b/ü.png?sig=%2Fa+b&e=1#top": "https://cdn.example/a%20b/%C3%BC.png?sig=%2Fa+b&e=1",
    "HTTPS://CDN.example/x": "https://CDN.example/x",
}


@pytest.mark.parametrize("address", FOLLOWED)
def test_addresses_in_answers(address):
    assert followed("https://a.example/v1/draw", address) == FOLLOWED[address]


PIECES = [
    "http://",
    "https://",
    "//",
    "a.example",
    "evil.example",
    "@",
    ":",
    "\\",
    "#",
    "?",
    "/",
    "%2F",
    ":80",
    "[::1]",
    "[",
    " ",
    "ü",
    "..",
    "\t",
]


@given(address=st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=8).map("".join))
def test_whoever_reads_an_address_finds_the_same_host(address):
    try:
        found = followed("https://a.example/v1/draw", address)
    except ValueError:
        return
    assert is_plain(found)
    read = httpx.URL(found)
    host = f"[{read.host}]" if ":" in read.host else read.host
    port = "" if read.port is None else f":{read.port}"
    assert origin(found) == f"{'http://' if read.scheme == 'http' else ''}{host}{port}"
    assert not read.userinfo
