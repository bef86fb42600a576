"""Who may ask the gallery: not a hostile page in the same browser, not a name made to lead here, not a stranger."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.gallery.guard import HEADERS, MAX_BODY, Asked, Door, check, new_token

DOOR = Door(port=4711, token="a-token-that-nobody-guesses")
COOKIE = f"imgbuild_4711={DOOR.token}"
OURS = {"host": ["127.0.0.1:4711"], "cookie": [COOKIE]}


def asked(method="GET", path="/api/catalogue", query="", **headers):
    named = {name.replace("_", "-"): [value] for name, value in headers.items() if value is not None}
    left = {name: value for name, value in OURS.items() if headers.get(name, "") is not None}
    return Asked(method=method, path=path, query=query, headers={**left, **named})


def said(request):
    answer = check(DOOR, request)
    return (answer.status, answer.text) if answer is not None else None


def test_our_own_page_may_ask():
    assert said(asked()) is None
    assert (
        said(asked(host="localhost:4711", origin="http://localhost:4711", sec_fetch_site="same-origin"))
        is None
    )
    assert said(asked("POST", content_type="application/json; charset=utf-8", content_length="12")) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:4711",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:4711.evil.example",
        "[::1]:4711",
    ],
)
def test_a_name_that_was_made_to_lead_here_gets_nothing(host):
    wrong = (403, "this is not the address that the gallery was started at")
    assert said(asked(host=host)) == wrong
    assert said(asked(path="/", query=f"token={DOOR.token}", host=host)) == wrong


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:80"},
        {"origin": "https://127.0.0.1:4711"},
        {"origin": "http://localhost:4711"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://127.0.0.1:4711", "sec_fetch_site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_site_in_the_same_browser_gets_nothing(headers, method):
    wrong = (403, "other sites may not ask the gallery")
    assert said(asked(method, content_type="application/json", **headers)) == wrong
    assert said(asked(method, path="/", query=f"token={DOOR.token}", **headers)) == wrong


@pytest.mark.parametrize(
    "cookie", [None, "", "imgbuild_4711=", "imgbuild_4712=x", f"imgbuild_4711={DOOR.token}x", "\x00"]
)
def test_without_the_token_nothing_is_said(cookie):
    for path in ("/", "/page/grid.js", "/api/catalogue", "/api/events", "/thumb/a/64", "/nothing"):
        wrong = (403, "open the address that imgbuild printed: it has the token")
        assert said(asked(path=path, cookie=cookie)) == wrong


@given(st.text(alphabet=string.printable, max_size=60))
def test_no_other_token_opens(token):
    if token != DOOR.token:
        assert said(asked(cookie=f"imgbuild_4711={token}"))[0] == 403


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_has():
    answer = check(DOOR, asked(path="/", query=f"token={DOOR.token}", cookie=None))
    assert answer.status == 303
    assert dict(answer.headers) == {
        "location": "/",
        "set-cookie": f"imgbuild_4711={DOOR.token}; HttpOnly; SameSite=Strict; Path=/",
    }
    wrong = (403, "this is not the token of this gallery: it was started anew since")
    assert said(asked(path="/", query="token=old", cookie=None)) == wrong
    assert said(asked(path="/", query="token=", cookie=None)) == wrong
    assert said(asked(path="/api/catalogue", query=f"token={DOOR.token}", cookie=None))[0] == 403
    assert said(asked("POST", path="/", query=f"token={DOOR.token}", cookie=None))[0] == 403


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
def test_only_json_is_posted(kind):
    assert said(asked("POST", content_type=kind)) == (415, "only application/json is taken")


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 30])
def test_what_says_that_it_is_large_is_not_read(length):
    wrong = (413, "at most 65536 bytes are taken")
    assert said(asked("POST", content_type="application/json", content_length=length)) == wrong
    assert said(asked(content_length=length)) == wrong


def test_a_length_that_is_none():
    assert said(asked("POST", content_length="-1")) == (400, "Content-Length is no number")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods(method):
    assert said(asked(method)) == (405, "the gallery takes GET and POST")


def test_of_two_headers_that_differ_none_counts():
    twice = Asked(
        method="GET", path="/", query="", headers={**OURS, "host": ["127.0.0.1:4711", "evil.example"]}
    )
    assert said(twice)[0] == 403


ANSWERS = [
    "/",
    "/page/index.html",
    "/api/catalogue",
    "/api/target/nothing",
    "/api/diff",
    "/thumb/x/64",
    "/image/x",
    "/nothing",
]


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_has_the_headers_and_none_lets_other_sites_read(inside, outside, path):
    for answer in (inside.get(path), outside.get(path), inside.post(path, json={}), inside.options(path)):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "default-src 'none'" in HEADERS["content-security-policy"]
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_a_body_without_a_length_is_counted_as_it_comes(inside):
    def endless():
        for _ in range(100):
            yield b" " * 1024

    answer = inside.post("/api/review", content=endless(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (413, "at most 65536 bytes are taken\n")


def test_a_browser_that_opens_the_address(outside):
    first = outside.get("/", params={"token": "a-token-that-nobody-guesses"})
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert outside.get(first.headers["location"]).status_code == 200
    assert outside.get("/api/catalogue").status_code == 200
