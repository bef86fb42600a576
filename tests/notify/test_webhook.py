"""A webhook is told once, in bounded time, and nobody else is; what goes wrong shows its host alone."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import OpenerDirector

import pytest

from imgbuild import __version__
from imgbuild.notify import webhook
from imgbuild.notify.webhook import send
from tests.vendors.server import Answer, serving
from tests.vendors.webhook import Hook

PATH = "/services/T0/secret"


@pytest.fixture
def hook():
    return Hook()


@pytest.fixture
def address(hook):
    with serving(hook) as base:
        yield base + PATH


def host(address):
    return address.removeprefix("http://").removesuffix(PATH)


def sent(address, data=b'{"text": "done"}', stop=None):
    return send(address, data, stop or threading.Event())


def test_it_is_handed_json(hook, address):
    assert sent(address, json.dumps({"text": "Ω"}).encode()) == ""
    (asked,) = hook.asked
    assert (asked.method, asked.path, asked.fields) == ("POST", PATH, {"text": "Ω"})
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["User-Agent"] == f"imgbuild/{__version__}"


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_what_it_answers_is_told_and_it_is_not_told_again(hook, address, status):
    hook.first.append(Answer(status, {"error": PATH}))
    assert sent(address) == f"{host(address)} answered {status}"
    assert len(hook.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(hook, address, status):
    other = Hook()
    with serving(other) as elsewhere:
        for there in (f"{elsewhere}/x", "/y"):
            hook.first.append(Answer(status, b"", {"Location": there}))
            assert sent(address) == f"{host(address)} answered {status}"
    assert (len(hook.asked), other.asked) == (2, [])


def test_nobody_is_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert sent(f"http://127.0.0.1:{port}{PATH}") == f"127.0.0.1:{port} can't be reached: Connection refused"


def test_the_connection_is_cut(hook, address):
    def cut(asked):
        raise ConnectionAbortedError

    hook.first.append(cut)
    assert sent(address) == f"{host(address)} can't be reached: RemoteDisconnected"


def test_one_that_does_not_answer_is_waited_for_no_longer_than_that(hook, address, monkeypatch):
    monkeypatch.setattr(webhook, "LIMIT", 0.2)
    hook.first.append(Answer(200, b"", seconds=2))
    began = time.monotonic()
    assert sent(address) == f"{host(address)} gave no answer in 0.2 s"
    assert time.monotonic() - began < 1.5


def test_ctrl_c_is_not_kept_waiting(hook, address):
    stop = threading.Event()

    def answer(asked):
        stop.set()
        return Answer(200, b"", seconds=2)

    hook.first.append(answer)
    began = time.monotonic()
    assert sent(address, stop=stop) == ""
    assert time.monotonic() - began < 1.5


def test_this_machine_is_behind_no_proxy(hook, address, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert sent(address) == ""


ERRORS = {
    "a name that nobody knows": (
        URLError(socket.gaierror(-2, "Name or service not known")),
        "Name or service not known",
    ),
    "a certificate": (URLError(ssl.SSLCertVerificationError(1, "certificate verify failed")), "certificate verify failed"),
    "a reason in words": (URLError(f"unknown url type: https://hooks.example.com{PATH}"), "str"),
    "what can't be an address": (ValueError(f"URL can't contain '{PATH}'"), "ValueError"),
    "what is no HTTP": (HTTPException(PATH), "HTTPException"),
    "the system": (OSError(101, "Network is unreachable"), "Network is unreachable"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_no_error_repeats_the_address(monkeypatch, name):
    error, told = ERRORS[name]

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(OpenerDirector, "open", fail)
    assert sent(f"https://hooks.example.com{PATH}") == f"hooks.example.com can't be reached: {told}"


@pytest.mark.parametrize("error", [TimeoutError(), URLError(TimeoutError())])
def test_the_limit_of_the_connection_is_told_as_the_other(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(OpenerDirector, "open", fail)
    assert sent(f"https://hooks.example.com{PATH}") == "hooks.example.com gave no answer in 5 s"
