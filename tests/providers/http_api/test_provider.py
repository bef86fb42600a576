"""The adapter against a house's own API: at once, through a queue, with keys of all kinds."""

import base64
import io
import threading
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.errors import (
    Gone,
    ProviderFailed,
    Refused,
    TargetError,
    Throttled,
    Transient,
    Unanswered,
    Unavailable,
)
from imgbuild.images import decode
from imgbuild.providers.http_api import HttpApi
from imgbuild.providers.http_api.access import Access
from imgbuild.types import Concern, Model, Pin, Request
from tests.vendors.house import CLIENT, KEY, SECRET, House, draw, failure
from tests.vendors.server import Answer, serving

BODY = {"prompt": "{{ prompt }}", "seed": "{{ seed }}", "width": "{{ width }}", "height": "{{ height }}"}
SAID = {"seed": "seed", "cost": "credits", "credit": 0.01, "prompt": "prompt", "reason": "error.message"}
POLL = {
    "id": "task.id",
    "state": "status",
    "done": ["SUCCESS"],
    "failed": ["FAILURE"],
    "refused": ["FLAGGED"],
    "every": 0.001,
}
OAUTH = {"client_id": "IMGBUILD_HOUSE_ID", "client_secret": "IMGBUILD_HOUSE_SECRET"}


@pytest.fixture
def house(monkeypatch):
    house = House()
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    monkeypatch.setenv("IMGBUILD_HOUSE_ID", CLIENT)
    monkeypatch.setenv("IMGBUILD_HOUSE_SECRET", SECRET)
    with serving(house) as address:
        house.address = address
        yield house
    assert house.wrong == []


@pytest.fixture
def api():
    api = HttpApi()
    yield api
    api.close()


@pytest.fixture
def asking(house):
    """A function: how answers are read, and what else is declared → a request of a model like that."""

    def make(answer=None, path="/v1/base64", prompt="a brass lamp", inputs=None, request=None, **params):
        given = {
            "request": {"url": f"{house.address}{path}", "json": BODY, **(request or {})},
            "answer": {**SAID, **({"base64": "images[0].data"} if answer is None else answer)},
            "takes": {"seed": True},
            "key": "IMGBUILD_HOUSE_KEY",
            **params,
        }
        return Request(
            pin=Pin(provider="http"),
            prompt=prompt,
            negative="",
            width=64,
            height=96,
            seed=7,
            params={name: value for name, value in given.items() if value is not None},
            inputs=inputs or {},
        )

    return make


@pytest.fixture
def queued(house, asking):
    """The same for a queue."""

    def make(poll=None, answer=None, **params):
        where = {"url": f"{house.address}/v1/tasks/{{{{ id }}}}"}
        told = (
            {"url": "image", "cost": "credits", "prompt": "", "reason": "reason"}
            if answer is None
            else answer
        )
        return asking(told, "/v1/queue", poll={**POLL, **(where if poll is None else poll)}, **params)

    return make


def asked_for(house):
    return [asked.method for asked in house.asked if asked.path.startswith("/v1/")]


# --- at once ---------------------------------------------------------------------------------------------


def test_an_image_in_base64(api, house, asking):
    (image,) = api.generate([asking()])
    assert image.data == draw({"prompt": "a brass lamp", "seed": 7, "width": 64, "height": 96})
    assert (image.seed, image.cost) == (7, 0.02)
    assert image.info == {"revised_prompt": "a brass lamp, in a studio"}
    (asked,) = house.asked
    assert asked.fields == {"prompt": "a brass lamp", "seed": 7, "width": 64, "height": 96}
    assert (asked.headers["Authorization"], asked.headers["Content-Type"]) == (
        f"Bearer {KEY}",
        "application/json",
    )


def test_an_image_that_is_the_answer(api, house, asking):
    (image,) = api.generate([asking({}, "/v1/bytes")])
    assert decode(image.data).size == (64, 96)
    assert (image.seed, image.cost, image.info) == (None, None, {})


def test_an_image_at_an_address_is_fetched_without_the_key(api, house, asking):
    for auth in (None, {"header": "X-Key"}, {"query": "api_key"}):
        (image,) = api.generate([asking({"url": "images[0].url"}, "/v1/url", auth=auth)])
        assert decode(image.data).size == (64, 96)
    fetched = [asked for asked in house.asked if asked.path.startswith("/images/")]
    assert len(fetched) == 3
    assert not any(KEY in str(asked.headers) + asked.path for asked in fetched)


def test_an_image_by_get(api, house, asking):
    sent = {
        "method": "GET",
        "url": f"{house.address}/v1/draw/{{{{ prompt }}}}",
        "json": None,
        "query": {"seed": "{{ seed }}"},
    }
    sent = {name: value for name, value in sent.items() if value is not None}
    asked = asking({}, prompt="50% & ü/more?")
    asked = msgspec.structs.replace(asked, params={**asked.params, "request": sent})
    (image,) = api.generate([asked])
    assert image.data == draw({"prompt": "50% & ü/more?", "seed": "7"})
    assert image.info == {"size": "64x64"}


def test_a_form_and_a_form_with_files(api, house, asking):
    picture = pillow.new("RGB", (8, 8), "red")
    for kind in ("form", "multipart"):
        fields = dict(BODY) | ({"image": "{{ image.file }}"} if kind == "multipart" else {})
        made = asking(inputs={"image": [picture]}, takes={"seed": True, "image": 1})
        sent = {"url": f"{house.address}/v1/base64", kind: fields}
        (image,) = api.generate([msgspec.structs.replace(made, params={**made.params, "request": sent})])
        assert decode(image.data).size == (64, 96)
    ((name, data),) = house.asked[-1].files["image"]
    assert (name, pillow.open(io.BytesIO(data)).size) == ("image-1.png", (8, 8))


def test_data_uris_and_addresses_that_are_relative(api, house, asking):
    data = draw({"prompt": "x"})
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    for found in (uri, uri.partition(",")[2], uri[:60] + "\n" + uri[60:]):
        house.first = [Answer(200, {"images": [{"data": found}]})]
        assert api.generate([asking()])[0].data == data
    house.first = [Answer(200, {"images": [uri]})]
    assert api.generate([asking({"url": "images[0]"})])[0].data == data
    house.images["1"] = data
    house.first = [Answer(200, {"images": ["/images/1"]})]
    assert api.generate([asking({"url": "images[0]"})])[0].data == data


def test_an_image_that_is_the_answer_says_the_rest_in_its_headers(api, house, asking):
    said = {"seed": '"x-seed"', "refused": {"when": "finish == 'FILTERED'"}, "cost": "credits"}
    (image,) = api.generate([asking(said, "/v1/bytes")])
    assert (image.seed, image.cost) == (7, None)
    data = draw({"prompt": "x"})
    house.first = [Answer(200, data, {"Content-Type": "image/png", "Finish": "FILTERED"})]
    with pytest.raises(Refused):
        api.generate([asking(said, "/v1/bytes")])
    house.first = [Answer(200, data, {"Content-Type": "image/png", "Credits": "2.5"})]
    assert api.generate([asking(said, "/v1/bytes")])[0].cost == 0.025


def test_an_image_of_a_private_network_lies_at_a_host_that_is_named(api, house, asking):
    with serving(house) as elsewhere:
        house.elsewhere = elsewhere
        with pytest.raises(Unanswered, match="the image lies in a private network"):
            api.generate([asking({"url": "images[0].url"}, "/v1/url")])
        (image,) = api.generate([asking({"url": "images[0].url"}, "/v1/url", hosts=[elsewhere])])
        assert decode(image.data).size == (64, 96)
        api.close()


ODD = {
    "an odd host": "http://[::::]/x",
    "a backslash": "https://a.example\\@b.example/x",
    "a user": "https://a@b.example/x",
    "another scheme": "file:///etc/passwd",
    "an odd port": "https://a.example:99999/x",
    "a key": f"ftp://{KEY}/x",
}


@pytest.mark.parametrize("address", ODD.values(), ids=ODD)
def test_addresses_of_images_that_can_not_be_asked(api, house, asking, address):
    house.first = [Answer(200, {"images": [{"url": address}]})]
    with pytest.raises(Unanswered) as raised:
        api.generate([asking({"url": "images[0].url"})])
    shown = address.replace(KEY, "(key)")
    assert raised.value.message == f"the answer names no address that can be asked, but '{shown}'"
    assert len(house.asked) == 1


# --- keys ------------------------------------------------------------------------------------------------

AUTHS = {
    "bearer": (None, "Authorization", f"Bearer {KEY}"),
    "header": ({"header": "X-Key"}, "X-Key", KEY),
    "prefix": ({"header": "X-Key", "prefix": "Key "}, "X-Key", f"Key {KEY}"),
    "own prefix": ({"prefix": "Key "}, "Authorization", f"Key {KEY}"),
    "basic": ({"basic": True}, "Authorization", f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"),
}


@pytest.mark.parametrize(("auth", "header", "sent"), AUTHS.values(), ids=AUTHS)
def test_how_the_key_goes_along(api, house, asking, auth, header, sent):
    house.key = ""
    api.generate([asking(auth=auth)])
    assert house.asked[0].headers[header] == sent


def test_a_key_in_the_address(api, house, asking):
    api.generate([asking(auth={"query": "api_key"}, request={"query": {"w": "{{ width }}"}})])
    assert parse_qs(urlsplit(house.asked[0].path).query) == {"w": ["64"], "api_key": [KEY]}


def test_keys_are_looked_up_where_the_build_says(api, house, asking, monkeypatch):
    for name in ("KEY", "ID", "SECRET"):
        monkeypatch.delenv(f"IMGBUILD_HOUSE_{name}")
    api.environ = {"IMGBUILD_HOUSE_KEY": KEY, "IMGBUILD_HOUSE_ID": CLIENT, "IMGBUILD_HOUSE_SECRET": SECRET}
    api.generate([asking(), asking(key=None, auth=oauth(house))])
    assert (house.billed, house.given) == (2, 1)


def test_what_is_hidden():
    access = Access(secrets=("sk-1/2", "sk-1/2-long", "ab", ""))
    assert access.hide("sk-1/2-long, sk-1/2, sk-1%2F2, about") == "(key), (key), (key), about"
    assert Access(secrets=("sk 1",)).hide("sk%201") == "(key)"
    assert Access().hide("a b") == "a b"


def test_no_key_at_all(api, house, asking):
    house.key = ""
    api.generate([asking(key=None)])
    assert "Authorization" not in house.asked[0].headers


def test_a_key_that_is_not_set_or_can_not_be_sent(api, house, asking, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", "naïve")
    with pytest.raises(Unavailable) as raised:
        api.generate([asking()])
    assert raised.value.message == "what IMGBUILD_HOUSE_KEY holds is no key"
    monkeypatch.delenv("IMGBUILD_HOUSE_KEY")
    with pytest.raises(Unavailable) as raised:
        api.generate([asking()])
    assert raised.value.message == "'http' needs a key, and IMGBUILD_HOUSE_KEY is not set"
    assert house.asked == []


# --- OAuth 2 ---------------------------------------------------------------------------------------------


def oauth(house, **more):
    return {"oauth": {"url": f"{house.address}/token", **OAUTH, **more}}


def test_a_token_is_fetched_once_and_sent_until_it_expires(api, house, asking):
    asked = asking(auth=oauth(house, scope="draw", fields={"audience": "images"}), key=None)
    for _ in range(3):
        api.generate([asked])
    assert house.given == 1
    form = parse_qs(house.asked[0].data.decode())
    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": [CLIENT],
        "client_secret": [SECRET],
        "scope": ["draw"],
        "audience": ["images"],
    }
    now = api.tokens._clock()
    api.tokens._clock = lambda: now + 3600 - 29
    api.generate([asked])
    assert (house.given, house.billed) == (2, 4)


def test_a_token_that_is_not_taken_is_fetched_anew_once(api, house, asking):
    asked = asking(auth=oauth(house), key=None)
    api.generate([asked])
    house.tokens = {"another"}  # as if it had been withdrawn
    api.generate([asked])
    assert (house.given, house.billed) == (2, 2)
    house.first = [failure(401, "no", "no"), None, failure(401, "no", "not you")]
    with pytest.raises(Unavailable) as raised:
        api.generate([asked])
    assert raised.value.message == "the key is not taken: not you"
    assert (house.given, house.billed) == (3, 2)


def test_a_key_beside_the_token(api, house, asking):
    api.generate([asking(auth={"header": "X-Api-Key", **oauth(house)})])
    drawn = house.asked[-1]
    assert (drawn.headers["X-Api-Key"], drawn.headers["Authorization"]) == (
        KEY,
        f"Bearer {next(iter(house.tokens))}",
    )


def test_threads_share_a_token(api, house, asking):
    asked = asking(auth=oauth(house), key=None)
    threads = [threading.Thread(target=api.generate, args=([asked],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (house.given, house.billed) == (1, 8)


NO_TOKENS = {
    "unknown client": (
        Answer(401, {"error": "invalid_client", "error_description": f"no {SECRET} here"}),
        Unavailable,
        "no token is given: invalid_client",
        "do IMGBUILD_HOUSE_ID and IMGBUILD_HOUSE_SECRET hold those of a client that may do this?",
    ),
    "repeats the secret": (
        Answer(400, {"message": f"no {SECRET} here"}),
        Unavailable,
        "no token is given: no (key) here",
        "do IMGBUILD_HOUSE_ID and IMGBUILD_HOUSE_SECRET hold those of a client that may do this?",
    ),
    "no token in it": (
        Answer(200, {"ok": True}),
        Unavailable,
        'no token is given: {"ok": true}',
        "do IMGBUILD_HOUSE_ID and IMGBUILD_HOUSE_SECRET hold those of a client that may do this?",
    ),
    "busy": (
        Answer(429, {"message": "slow down"}, {"Retry-After": "3"}),
        Throttled,
        "no token could be had: slow down",
        "",
    ),
    "down": (Answer(503, {"message": "later"}), Transient, "no token could be had: later", ""),
    "cut": (Answer(200, b"x", cut=True), Transient, None, ""),
}


@pytest.mark.parametrize(("answer", "kind", "message", "hint"), NO_TOKENS.values(), ids=NO_TOKENS)
def test_where_no_token_is_given_no_image_is_asked_for(api, house, asking, answer, kind, message, hint):
    house.first = [answer]
    with pytest.raises(kind) as raised:
        api.generate([asking(auth=oauth(house), key=None)])
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert raised.value.hint == hint
    assert SECRET not in raised.value.message
    assert (len(house.asked), house.billed) == (1, 0)


def test_tokens_that_do_not_say_how_long_they_last(api, house, asking):
    house.lasts = None
    for _ in range(2):
        api.generate([asking(auth=oauth(house), key=None)])
    house.lasts, api.tokens._known = "600", {}
    api.generate([asking(auth=oauth(house), key=None)])
    (token,) = api.tokens._known.values()
    assert 560 < token.until - api.tokens._clock() < 571
    assert house.given == 2


# --- what answers mean -----------------------------------------------------------------------------------

REFUSED = {"status": [451], "when": "error.code == 'moderation' || flagged"}
ANSWERS = {
    "refused by status": (failure(451, "law", "not here"), Refused, "refused: not here"),
    "refused by what it says": (failure(400, "moderation", "not this"), Refused, "refused: not this"),
    "flagged": (
        Answer(200, {"flagged": True, "images": [{"data": "x"}]}),
        Refused,
        'refused: {"flagged": true, "images": [{"data": "x"}]}',
    ),
    "wrong": (
        failure(422, "invalid", "width:  too\nsmall"),
        ProviderFailed,
        "the request is not taken: width: too small",
    ),
    "failed though all is well": (
        Answer(200, {"code": 3, "error": {"message": "no such account"}}),
        ProviderFailed,
        "the request came to nothing: no such account",
    ),
    "throttled": (failure(429, "busy", "slow down"), Throttled, "too many requests: slow down"),
    "no credit": (
        failure(402, "money", "pay first"),
        Unavailable,
        "the account has no credit left: pay first",
    ),
    "bad key": (failure(401, "key", f"who is {KEY}?"), Unavailable, "the key is not taken: who is (key)?"),
    "failed": (failure(500, "oops", "sorry"), Transient, "the server failed: sorry"),
    "gateway": (Answer(502, b"<html>"), Unanswered, "the server did not answer: <html>"),
    "elsewhere": (
        Answer(302, b"", {"Location": "/x"}),
        Unanswered,
        "the answer leads elsewhere (302), and is not followed",
    ),
    "cut": (Answer(200, b"x", cut=True), Unanswered, None),
    "no JSON": (Answer(200, b"fine"), Unanswered, "the answer has no image in it"),
    "no image": (Answer(200, {"images": []}), Unanswered, "the answer has no image in it"),
    "an error in a 200": (
        failure(200, "x", "out of luck"),
        Unanswered,
        "the answer has no image in it: out of luck",
    ),
    "no base64": (Answer(200, {"images": [{"data": "?!"}]}), Unanswered, "the image is not in base64"),
    "no picture": (
        Answer(200, {"images": [{"data": base64.b64encode(b"text").decode()}]}),
        Unanswered,
        "what the API sent is not an image that can be read",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS.values(), ids=ANSWERS)
def test_what_answers_mean(api, house, asking, answer, kind, message):
    house.first = [answer]
    with pytest.raises(kind) as raised:
        api.generate([asking({"base64": "images[0].data", "refused": REFUSED, "failed": "code > `1`"})])
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert KEY not in raised.value.message + raised.value.hint


def test_nothing_at_the_address(api, house, asking):
    house.first = [failure(404, "no", "no such path")]
    with pytest.raises(ProviderFailed) as raised:
        api.generate([asking()])
    assert raised.value.message == f"there is nothing at {house.address}/v1/base64: no such path"
    assert raised.value.hint == "is the model's 'url' right?"


def test_how_long_to_wait(api, house, asking):
    waits = {
        "by its field": (failure(429, "busy", "x", wait="7.5"), 7.5),
        "by the header": (failure(429, "busy", "x", {"Retry-After": "3"}), 3.0),
        "by neither": (failure(429, "busy", "x", wait="soon"), None),
    }
    for answer, wait in waits.values():
        house.first = [answer]
        with pytest.raises(Throttled) as raised:
            api.generate([asking({"base64": "images[0].data", "retry_after": "error.wait"})])
        assert raised.value.retry_after == wait


def test_where_an_address_leads_to_no_picture(api, house, asking):
    asked = asking({"url": "images[0].url"}, "/v1/url")
    house.first = [None, Answer(200, b"<html>")]
    with pytest.raises(Unanswered, match="what the vendor sent is not an image that can be read"):
        api.generate([asked])
    house.first = [None, failure(404, "gone", "gone")]
    with pytest.raises(Unanswered, match="the image can't be fetched: 404"):
        api.generate([asked])
    house.elsewhere = "http://127.0.0.2:1"
    with pytest.raises(Unanswered, match="the image lies in a private network"):
        api.generate([asked])


def test_numbers_that_are_none(api, house, asking):
    data = base64.b64encode(draw({"prompt": "x"})).decode()
    for seed, credits in (("seven", "much"), (True, -1), (None, None), (1.5, [1]), ("9" * 40, "inf")):
        house.first = [Answer(200, {"images": [{"data": data}], "seed": seed, "credits": credits})]
        (image,) = api.generate([asking()])
        assert (image.seed, image.cost) == (None, None)


def test_what_can_not_be_written_is_told_before_anything_is_sent(api, house, asking):
    asked = asking(request={"json": {**BODY, "style": "{{ params.n / 0 }}"}}, n=1)
    with pytest.raises(TargetError) as raised:
        api.generate([asked])
    assert type(raised.value) is TargetError
    assert raised.value.message.startswith("the request can't be written: ")
    assert house.asked == []


# --- a queue ---------------------------------------------------------------------------------------------


def test_a_task_is_taken_asked_for_and_fetched(api, house, queued):
    waits, asked = [], queued()
    house.polls = 3
    ticket = api.submit(asked)
    assert ticket == '{"id":"0001"}'
    image = api.collect(ticket, asked, waits.append)
    assert image.data == draw({"prompt": "a brass lamp", "seed": 7, "width": 64, "height": 96})
    assert (image.seed, image.cost, image.info) == (7, 0.03, {"request": "0001"})
    assert asked_for(house) == ["POST", *["GET"] * 4]
    assert (len(waits), waits) == (3, sorted(waits))
    assert all(asked.headers.get("Authorization") for asked in house.asked[:5])


def test_which_requests_go_into_a_queue(api, asking, queued):
    assert (api.queues(asking()), api.queues(queued())) == (False, True)


def test_both_kinds_are_generated(api, house, asking, queued):
    both = api.generate([asking(), queued()])
    assert both[0].data == both[1].data
    assert house.billed == 2


def test_the_address_of_a_task_may_come_from_the_answer(api, house, queued):
    asked = queued({"id": "", "address": "task.url"})
    ticket = api.submit(asked)
    assert msgspec.json.decode(ticket) == {"address": f"{house.address}/v1/tasks/0001"}
    assert decode(api.collect(ticket, asked, lambda _: None).data).size == (64, 96)


def test_a_result_may_lie_at_a_place_of_its_own(api, house, queued):
    poll = {
        "url": f"{house.address}/v1/tasks/{{{{ id }}}}",
        "result": f"{house.address}/v1/tasks/{{{{ id }}}}/result",
    }
    image = api.generate([queued(poll, {"url": "images[0].url", "cost": "credits"})])[0]
    assert (decode(image.data).size, image.seed) == ((64, 96), 7)


def test_a_queue_without_a_state_is_done_when_the_image_is_there(api, house, queued):
    house.polls, asked = 2, queued({"url": f"{house.address}/v1/tasks/{{{{ id }}}}", "state": "", "done": []})
    asked.params["poll"] |= {"failed": [], "refused": []}
    waits = []
    house.first = [None, Answer(202, b"")]
    assert decode(api.collect(api.submit(asked), asked, waits.append).data).size == (64, 96)
    assert len(waits) == 3


def test_a_queue_whose_last_answer_is_the_image(api, house, queued):
    asked = queued(answer={"cost": "", "seed": ""})
    house.first = [
        None,
        Answer(200, {"status": "RUNNING"}),
        Answer(200, draw({"prompt": "x"}), {"Content-Type": "image/png"}),
    ]
    asked.params["poll"] |= {"state": "", "done": [], "failed": [], "refused": []}
    waits = []
    assert api.collect(api.submit(asked), asked, waits.append).data == draw({"prompt": "x"})
    assert len(waits) == 1


def test_a_queue_may_be_asked_by_post(api, house, queued):
    """With the task's name in a body; the ticket is as for any other."""
    house.polls, waits = 2, []
    body = {"task_id": "{{ id }}", "fields": ["status", "image"]}
    asked = queued({"url": f"{house.address}/v1/tasks", "method": "POST", "json": body})
    ticket = api.submit(asked)
    assert ticket == '{"id":"0001"}'
    house.first = [failure(503, "busy", "busy")]
    with pytest.raises(Transient):
        api.collect(ticket, asked, waits.append)
    image = api.collect(ticket, asked, waits.append)
    assert image.data == draw({"prompt": "a brass lamp", "seed": 7, "width": 64, "height": 96})
    assert (image.seed, image.cost, image.info) == (7, 0.03, {"request": "0001"})
    assert (asked_for(house), house.billed, len(waits)) == (["POST"] * 5, 1, 2)
    for question in house.asked[1:5]:
        assert question.fields == {"task_id": "0001", "fields": ["status", "image"]}
        assert question.headers["Content-Type"] == "application/json"
        assert question.headers["Authorization"] == f"Bearer {KEY}"


def test_a_post_needs_no_body(api, house, queued):
    for poll in ({"url": f"{house.address}/v1/tasks/{{{{ id }}}}"}, {"id": "", "address": "task.url"}):
        asked = queued({**poll, "method": "POST"})
        assert decode(api.generate([asked])[0].data).size == (64, 96)
    assert all("Content-Type" not in asked.headers for asked in house.asked if "/tasks/" in asked.path)


def test_a_body_beside_an_address_that_the_answer_names(api, house, queued):
    poll = {"address": "task.url", "method": "POST", "json": {"task_id": "{{ id }}", "fields": []}}
    asked = queued({**poll, "headers": {"Content-Type": "application/vnd.house+json"}})
    house.first = [Answer(202, {"task": {"id": 17, "url": f"{house.address}/v1/tasks"}})]
    ticket = api.submit(asked)
    assert msgspec.json.decode(ticket) == {"id": "17", "address": f"{house.address}/v1/tasks"}
    house.first = [Answer(200, {"status": "FAILURE"})]
    with pytest.raises(ProviderFailed):
        api.collect(ticket, asked, lambda _: None)
    assert msgspec.json.decode(house.asked[-1].data) == {"task_id": "17", "fields": []}
    assert house.asked[-1].headers["Content-Type"] == "application/vnd.house+json"
    for told in ({"url": f"{house.address}/v1/tasks"}, {"id": 17}):
        house.first = [Answer(202, {"task": told})]
        with pytest.raises(Unanswered) as raised:
            api.submit(asked)
        assert raised.value.message == "the answer names no task"


def test_a_result_is_fetched_without_what_asked_for_it(api, house, queued):
    poll = {
        "url": f"{house.address}/v1/tasks",
        "method": "POST",
        "json": {"task_id": "{{ id }}", "fields": []},
        "result": f"{house.address}/v1/tasks/{{{{ id }}}}/result",
    }
    image = api.generate([queued(poll, {"url": "images[0].url", "cost": "credits"})])[0]
    assert (decode(image.data).size, image.seed) == ((64, 96), 7)
    assert asked_for(house) == ["POST", "POST", "POST", "GET"]


ENDS = {
    "FAILURE": (ProviderFailed, "the task failed: no luck"),
    "FLAGGED": (Refused, "refused: no luck"),
}


@pytest.mark.parametrize("state", ENDS)
def test_how_tasks_end(api, house, queued, state):
    house.states = [state]
    with pytest.raises(TargetError) as raised:
        api.generate([queued()])
    assert (type(raised.value), raised.value.message) == ENDS[state]


def test_a_state_that_is_not_named(api, house, queued):
    house.states, waits = ["MODERATING"], []
    asked = queued(timeout=1)
    asked.params["poll"]["pending"] = ["RUNNING"]
    with pytest.raises(Unanswered) as raised:
        api.collect(api.submit(asked), asked, waits.append)
    assert raised.value.message == "the task is in a state that 'poll' does not name: MODERATING"
    assert len(waits) == 1


def test_a_task_that_takes_too_long(api, house, queued):
    house.polls, asked = 10**6, queued(timeout=1)
    with pytest.raises(Unanswered) as raised:
        api.collect(api.submit(asked), asked, lambda _: None)
    assert raised.value.message == "the task is still RUNNING"


ASKING = {
    "gone": (failure(404, "no", "no such task"), Gone, "the task is not known any more"),
    "gone for good": (failure(410, "no", "no such task"), Gone, "the task is not known any more"),
    "busy": (failure(429, "no", "slow down"), Throttled, "too many requests: slow down"),
    "failed": (failure(500, "no", "oops"), Transient, "the server failed: oops"),
    "gateway": (failure(502, "no", "oops"), Transient, "the server did not answer: oops"),
    "cut": (Answer(200, b"x", cut=True), Transient, None),
    "not allowed": (failure(403, "no", "not you"), Unavailable, "the key is not taken: not you"),
    "wrong": (
        failure(400, "no", "what?"),
        Unanswered,
        "the task can't be asked for: the request is not taken: what?",
    ),
    "elsewhere": (Answer(303, b""), Unanswered, "the answer leads elsewhere (303), and is not followed"),
    "done without an image": (
        Answer(200, {"status": "SUCCESS"}),
        Unanswered,
        "the answer has no image in it",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "message"), ASKING.values(), ids=ASKING)
def test_whatever_asking_comes_to_the_task_was_taken(api, house, queued, answer, kind, message):
    asked = queued(answer={"url": "image", "reason": "error.message"})
    ticket = api.submit(asked)
    house.first = [answer]
    with pytest.raises(kind) as raised:
        api.collect(ticket, asked, lambda _: None)
    assert type(raised.value) is kind
    assert message is None or raised.value.message == message
    assert decode(api.collect(ticket, asked, lambda _: None).data).size == (64, 96)
    assert house.billed == 1


@pytest.mark.parametrize(
    "told", [{"ok": 1}, {"task": {"id": ""}}, {"task": {"id": None}}, {"task": {"id": ["x"]}}]
)
def test_answers_that_name_no_task(api, house, queued, told):
    house.first = [Answer(202, told)]
    with pytest.raises(Unanswered) as raised:
        api.submit(queued())
    assert (raised.value.message, raised.value.hint) == (
        "the answer names no task",
        "it may have been paid for",
    )


def test_a_task_of_a_model_that_is_no_queue_any_more(api, queued, asking):
    ticket = api.submit(queued())
    with pytest.raises(Unanswered) as raised:
        api.collect(ticket, asking(), lambda _: None)
    assert raised.value.message == "the task was taken by a queue, and the model has no 'poll' any more"
    with pytest.raises(Unanswered) as raised:
        api.collect('{"address":"https://x.example/1"}', queued(), lambda _: None)
    assert raised.value.message == "the task has no id, and 'poll' asks for it by that"


HOSTS = {
    "another host": ("https://evil.example/1", "evil.example"),
    "another user": ("http://127.0.0.1@evil.example/1", "http://127.0.0.1@evil.example/1"),
    "a backslash": ("http://127.0.0.1\\@evil.example/1", "http://127.0.0.1\\@evil.example/1"),
    "another port": ("http://127.0.0.1:1/1", "http://127.0.0.1:1"),
    "no address": ("file:///etc/passwd", "file:///etc/passwd"),
    "nothing": ("", "no address"),
    "an odd port": ("http://127.0.0.1:99999/1", "http://127.0.0.1:99999/1"),
}


@pytest.mark.parametrize(("address", "shown"), HOSTS.values(), ids=HOSTS)
def test_the_key_goes_to_no_other_host(api, house, queued, address, shown):
    asked = queued({"id": "", "address": "task.url"})
    with pytest.raises(Unanswered) as raised:
        api.collect(msgspec.json.encode({"address": address}).decode(), asked, lambda _: None)
    assert (
        raised.value.message
        == f"the task is to be asked for at {shown}, which is none of the model's 'hosts'"
    )
    assert house.asked == []


def test_a_host_that_is_named_may_be_asked(api, house, queued):
    with serving(house) as elsewhere:
        house.elsewhere = elsewhere
        asked = queued({"id": "", "address": "task.url"})
        ticket = api.submit(asked)
        with pytest.raises(Unanswered, match="which is none of the model's 'hosts'"):
            api.collect(ticket, asked, lambda _: None)
        asked = queued({"id": "", "address": "task.url"}, hosts=[elsewhere])
        assert decode(api.collect(ticket, asked, lambda _: None).data).size == (64, 96)
        api.close()
    assert house.billed == 1


def test_a_key_in_the_address_of_a_task_is_not_kept(api, house, queued):
    asked = queued({"id": "", "address": "task.url"}, auth={"query": "api_key"})
    house.first = [Answer(202, {"task": {"url": f"{house.address}/v1/tasks/1?a=b%20c&api_key={KEY}#x"}})]
    assert msgspec.json.decode(api.submit(asked)) == {"address": f"{house.address}/v1/tasks/1?a=b+c"}
    house.first = [Answer(202, {"task": {"url": "https://[:::/x"}})]
    with pytest.raises(Unanswered, match="the answer names no address that can be asked, but 'https://"):
        api.submit(asked)
    house.first = [Answer(202, {"task": {"id": f"{KEY}-1"}})]
    assert KEY not in api.submit(queued())


# --- what needs consent ----------------------------------------------------------------------------------


def concern(**params):
    sent = {"url": "https://images.example.com/v1", "json": {"prompt": "{{ prompt }}"}}
    return HttpApi().concerns(Model(provider="http", params={"request": sent, **params}))


WANTS = {
    "prompts": ({}, "sends prompts to images.example.com"),
    "pictures and a key": (
        {
            "request": {"url": "http://house.local:8080/v1", "json": {"image": "{{ image.base64 }}"}},
            "takes": {"image": 1},
            "key": "IMGBUILD_HOUSE_KEY",
        },
        "sends prompts, pictures and what IMGBUILD_HOUSE_KEY holds to http://house.local:8080",
    ),
    "several hosts": (
        {
            "request": {"url": "/v1/draw", "json": {}},
            "base_url": "https://API.example.com:443/x",
            "poll": {"id": "id", "url": "https://queue.example.com/{{ id }}", "result": "/r/{{ id }}"},
            "hosts": ["status.example.com", "https://api.example.com"],
            "key": "IMGBUILD_HOUSE_KEY",
        },
        "sends prompts to api.example.com and what IMGBUILD_HOUSE_KEY holds to "
        "api.example.com, queue.example.com and status.example.com",
    ),
    "a queue that is asked by a body": (
        {
            "poll": {
                "id": "id",
                "url": "https://q.example.com/ask",
                "method": "POST",
                "json": {"id": "{{ id }}"},
            },
            "key": "IMGBUILD_HOUSE_KEY",
        },
        "sends prompts to images.example.com and what IMGBUILD_HOUSE_KEY holds to images.example.com and q.example.com",
    ),
    "no key at all": (
        {"hosts": ["queue.example.com"]},
        "sends prompts to images.example.com and the names of its tasks to images.example.com and queue.example.com",
    ),
    "a token": (
        {"auth": {"oauth": {"url": "https://id.example.com/token", **OAUTH}}},
        "sends prompts to images.example.com, what IMGBUILD_HOUSE_ID and IMGBUILD_HOUSE_SECRET hold to id.example.com "
        "and the token from there to images.example.com",
    ),
}


@pytest.mark.parametrize(("params", "wants"), WANTS.values(), ids=WANTS)
def test_every_host_and_variable_is_named(params, wants):
    assert concern(**params) == (Concern(wants=wants, place=("params", "request", "url")),)


def test_each_server_has_limits_of_its_own(api, asking, house):
    own = house.address
    assert api.server(asking()) == f"{own} IMGBUILD_HOUSE_KEY"
    assert api.server(asking(key="IMGBUILD_OTHER_KEY")) == f"{own} IMGBUILD_OTHER_KEY"


def test_what_is_pinned():
    pin = HttpApi().pin(Model(provider="http", source="xl", revision="2026-05", params={}))
    assert pin == Pin(provider="http", source="xl", revision="2026-05", declared="2026-05")


def test_no_price_of_a_house_is_known(api, asking):
    assert api.price(asking()) is None
