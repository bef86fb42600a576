"""Of an address that may hold a secret, its host is all that is shown; and it leads by https, or to this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.settings.address import fault_of, hidden, host_of

GOOD = [
    "https://hooks.slack.com/services/T0/B0/secret",
    "https://hooks.example.com:8443/x?token=secret",
    "HTTPS://hooks.example.com",
    "http://localhost:9000/x",
    "http://127.0.0.1/x",
    "http://[::1]:9000/x",
]
NONE = "is no address such as https://hooks.example.com/…"
BAD = {
    "": NONE,
    "hooks.example.com/x": NONE,
    "ftp://hooks.example.com/x": NONE,
    "file:///etc/passwd": NONE,
    "https://": NONE,
    "https:///x": NONE,
    "https://hooks.example.com/a b": NONE,
    "https://hooks.example.com/\n": NONE,
    "https://hööks.example.com/": NONE,
    "https://hooks.example.com:port/x": "is no address",
    "https://[hooks/x": "is no address",
    "https://me:word@hooks.example.com/x": "must not hold a user's name",
    "http://hooks.example.com/x": "must begin with https: hooks.example.com is another machine",
    "http://127.0.0.1.example.com/x": "must begin with https: 127.0.0.1.example.com is another machine",
    "http://10.0.0.1/x": "must begin with https: 10.0.0.1 is another machine",
}


@pytest.mark.parametrize("address", GOOD)
def test_what_an_address_may_be(address: str) -> None:
    assert fault_of(address) == ""


@pytest.mark.parametrize("address", BAD)
def test_what_it_may_not_be(address: str) -> None:
    assert fault_of(address) == BAD[address]


def test_the_host_is_what_is_shown() -> None:
    assert [host_of(address) for address in GOOD] == [
        "hooks.slack.com",
        "hooks.example.com:8443",
        "hooks.example.com",
        "localhost:9000",
        "127.0.0.1",
        "[::1]:9000",
    ]
    assert host_of("https://me:word@hooks.example.com/x") == "hooks.example.com"


HIDDEN = {
    "url: https://hooks.example.com": "url: https://hooks.example.com",
    'notify: {url: "https://a.b/c/d", on: []}': 'notify: {url: "https://a.b****** on: []}',
    'notify: {url: "https://a.b", on: []}': 'notify: {url: "https://a.b", on: []}',
    "HTTPS://a.b/it's": "HTTPS://a.b*****",
    "https://a.b?key=1 https://me:x@a.b/c": "https://a.b****** https://**********",
    "no address: //a.b/c": "no address: //a.b/c",
}


@pytest.mark.parametrize("text", HIDDEN)
def test_the_rest_is_starred_out_and_as_long(text: str) -> None:
    assert hidden(text) == HIDDEN[text]
    assert len(hidden(text)) == len(text)


@given(
    st.text(),
    st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=3),
)
def test_no_secret_is_shown_whatever_stands_beside_it(around: str, secret: str) -> None:
    text = f"{around} https://hooks.example.com/{secret} {around}"
    shown = hidden(text)
    assert len(shown) == len(text)
    assert f"https://hooks.example.com/{secret}" not in shown
