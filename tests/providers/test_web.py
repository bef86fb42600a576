"""One call over HTTP, and what its answer means for a request and the money."""

import io

import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    BadImage,
    ProviderFailed,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.providers import web
from imgbuild.providers.web import Reply, Web, failure_of
from tests.vendors.server import Answer, Vendor, serving

PNG = io.BytesIO()
pillow.new("RGB", (8, 8), "red").save(PNG, format="PNG")


class Files(Vendor):
    """Gives what stands under each path."""

    def __init__(self, **files):
        super().__init__()
        self.files = files

    def answer(self, asked):
        return self.files[asked.path.strip("/")]


@pytest.fixture
def server():
    vendor = Files(image=Answer(200, PNG.getvalue(), {"Content-Type": "image/png"}))
    with serving(vendor) as address:
        vendor.address = address
        yield vendor


@pytest.fixture
def calls():
    made = Web("house", "http")
    yield made
    made.close()


def test_a_call_and_its_answer(calls, server):
    server.first = [Answer(201, {"id": 7}, {"X-Request": "r1"})]
    reply = calls.call("POST", f"{server.address}/make", json={"prompt": "a lämp"}, headers={"X-Key": "k"})
    assert (reply.status, reply.json, reply.headers["x-request"]) == (201, {"id": 7}, "r1")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.fields, asked.headers["X-Key"]) == (
        "POST",
        "/make",
        {"prompt": "a lämp"},
        "k",
    )


def test_where_nobody_is_nothing_was_taken(calls):
    with pytest.raises(Transient) as raised:
        calls.call("GET", "http://127.0.0.1:9/")
    assert raised.value.message.startswith("the server can't be reached: ")


LOST = {
    "cut off": (Answer(200, b"half", cut=True), "the connection was lost: "),
    "too late": (Answer(200, b"", seconds=1.0), "no answer in time"),
}


@pytest.mark.parametrize(("answer", "message"), LOST.values(), ids=LOST)
def test_what_was_sent_and_not_answered_may_have_been_paid_for(calls, server, answer, message):
    server.first = [answer]
    with pytest.raises(Unanswered) as raised:
        calls.call("GET", f"{server.address}/image", timeout=0.3)
    assert raised.value.message.startswith(message)


def test_an_answer_without_end_is_cut(calls, server, monkeypatch):
    monkeypatch.setattr(web, "LARGEST", 1 << 20)
    server.first = [Answer(200, b"x" * (2 << 20))]
    with pytest.raises(Unanswered) as raised:
        calls.call("GET", f"{server.address}/image")
    assert (raised.value.message, raised.value.hint) == (
        "the answer has more than 1 MB",
        "it may have been paid for",
    )


def test_an_image_is_fetched(calls, server):
    assert calls.fetch(f"{server.address}/image", server.address) == PNG.getvalue()
    server.first = [Answer(302, b"", {"Location": "/image"})]
    assert calls.fetch(f"{server.address}/here", server.address) == PNG.getvalue()


def test_no_image_is_fetched_from_a_private_network(calls, server):
    api = "https://api.vendor.example"
    for address in (f"{server.address}/image", "http://169.254.169.254/latest", "http://[::1]/x"):
        with pytest.raises(Unanswered, match="the image lies in a private network, at "):
            calls.fetch(address, api)
    assert server.asked == []


def test_no_redirect_leads_into_one(calls, server):
    server.first = [Answer(302, b"", {"Location": "http://127.0.0.2/image"})]
    with pytest.raises(Unanswered) as raised:
        calls.fetch(f"{server.address}/here", server.address)
    assert raised.value.message == "the image lies in a private network, at 127.0.0.2, and is not fetched"


def test_what_is_for_the_apis_own_host_goes_to_no_other(calls, server, monkeypatch):
    monkeypatch.setattr(web, "_refuse_private", lambda address, own: None)
    other = Files(image=Answer(200, PNG.getvalue()))
    with serving(other) as elsewhere:
        server.first = [Answer(302, b"", {"Location": f"{elsewhere}/image"})]
        calls.fetch(f"{server.address}/here", server.address, headers={"X-Key": "k"})
        calls.fetch(f"{server.address}/image", server.address, headers={"X-Key": "k"})
        calls.fetch(
            f"{server.address}/image", server.address.replace("http", "https"), headers={"X-Key": "k"}
        )
    assert [asked.headers.get("X-Key") for asked in server.asked] == ["k", "k", None]
    assert [asked.headers.get("X-Key") for asked in other.asked] == [None]


FETCHED = {
    "gone": (Answer(404, b""), Unanswered, "the image can't be fetched: 404"),
    "no image": (
        Answer(200, b"<html>"),
        BadImage,
        "what the vendor sent is not an image that can be read",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), FETCHED.values(), ids=FETCHED)
def test_what_can_not_be_fetched(calls, server, answer, kind, message):
    server.first = [answer]
    with pytest.raises(kind) as raised:
        calls.fetch(f"{server.address}/image", server.address)
    assert raised.value.message == message


def test_an_image_where_nobody_is_was_paid_for_all_the_same(calls):
    with pytest.raises(Unanswered) as raised:
        calls.fetch("http://127.0.0.1:9/image", "http://127.0.0.1:9")
    assert raised.value.message.startswith("the server can't be reached: ")
    assert raised.value.hint == "the image may have been paid for"


def test_redirects_that_go_round(calls, server):
    server.first = [Answer(302, b"", {"Location": "/again"})] * 9
    with pytest.raises(Unanswered, match="redirects go on and on"):
        calls.fetch(f"{server.address}/again", server.address)
    assert len(server.asked) == 5


def test_an_address_that_is_none(calls):
    with pytest.raises(Unanswered) as raised:
        calls.fetch("file:///etc/passwd", "https://api.vendor.example")
    assert raised.value.message == "the vendor gave no address of an image, but 'file:///etc/passwd'"


STATUS = {
    400: (ProviderFailed, "the request is not taken: no (key) here"),
    401: (Unavailable, "the key is not taken: no (key) here"),
    402: (Unavailable, "the account has no credit left: no (key) here"),
    403: (Unavailable, "the key is not taken: no (key) here"),
    404: (ProviderFailed, "there is no model 'flux' any more: no (key) here"),
    429: (Throttled, "too many requests: no (key) here"),
    500: (Transient, "the server failed: no (key) here"),
    502: (Unanswered, "the server did not answer: no (key) here"),
    503: (Transient, "the server failed: no (key) here"),
    504: (Unanswered, "the server did not answer: no (key) here"),
}


@pytest.mark.parametrize("status", STATUS)
def test_every_status_means_something(status):
    reply = Reply(status=status, headers={}, body=b'{"message": "no secret\\n here"}')
    error = failure_of(reply, "secret", "flux")
    assert (type(error), error.message) == STATUS[status]


def test_how_long_to_wait_is_found_wherever_it_stands():
    def wait(headers, body):
        return failure_of(Reply(status=429, headers=headers, body=body), "", "m").retry_after

    assert wait({"retry-after": "3"}, b"") == 3
    assert wait({"retry-after": "Wed, 21 Oct"}, b'{"retry_after": 7}') == 7
    assert wait({}, b"[]") is None


def test_what_a_vendor_says_is_found():
    def said(body, find=None):
        return failure_of(Reply(status=400, headers={}, body=body), "", "m", find).message.partition(": ")[2]

    assert said(b'{"detail": "too long"}') == "too long"
    assert said(b'{"errors": ["a", "b"]}', lambda told: "; ".join(told["errors"])) == "a; b"
    assert said(b'{"detail": [1]}', lambda told: told["nothing"]) == '{"detail": [1]}'
    assert said(b"") == "status 400"


def test_without_the_library(calls, monkeypatch):
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    with pytest.raises(ProviderFailed) as raised:
        calls.call("GET", "http://127.0.0.1:9/")
    assert (raised.value.message, raised.value.hint) == (
        "provider 'house' needs httpx, which is not installed",
        "install it with `pip install 'imgbuild[http]'`",
    )
