"""What can be wrong with a declaration: each fault by its sentence, its place in the declaration, and its hint."""

from copy import deepcopy

import pytest

from imgbuild.errors import Misdeclared
from imgbuild.providers.http_api import HttpApi
from imgbuild.types import Grade, Model

SENT = {"url": "https://images.example.com/v1/draw", "json": {"prompt": "{{ prompt }}"}}
QUEUE = {
    "id": "task.id",
    "url": "https://images.example.com/v1/tasks/{{ id }}",
    "state": "status",
    "done": ["ok"],
}
BY_POST = {
    **QUEUE,
    "url": "https://images.example.com/v1/ask",
    "method": "POST",
    "json": {"task_id": "{{ id }}"},
}


def model(params=None, **declared):
    return Model(provider="http", params={"request": SENT, **(params or {})}, **declared)


def takes(params=None, **declared):
    return HttpApi().capabilities(model(params, **declared))


def sent(**more):
    """A request with more in it."""
    return {"request": {**SENT, **more}}


def body(**more):
    return sent(json={"prompt": "{{ prompt }}", **more})


def test_what_a_bare_declaration_takes():
    found = takes()
    assert (found.takes, found.grade, found.sizes, found.concurrency) == (
        set(),
        Grade.STORED,
        ((1024, 1024),),
        4,
    )
    assert (found.pictures, found.needs) == ({}, {})


def test_what_is_declared_is_taken():
    found = takes(
        {
            **body(
                no="{{ negative }}",
                seed="{{ seed }}",
                size="{{ width }}x{{ height }}",
                image="{{ image.base64 }}",
                more="{{ references.data_uri }}",
                strength="{{ params.strength }}",
                style="{{ params.style | default('plain') }}",
            ),
            "takes": {
                "negative": True,
                "seed": True,
                "image": 1,
                "reference": True,
                "concurrency": 2,
                "sides": {"min": 64, "max": 2048, "multiple_of": 8},
            },
            "grade": "perceptual",
        }
    )
    assert found.takes == {"negative", "seed", "image", "reference"}
    assert (found.pictures, found.needs) == ({"image": 1}, {"strength": "image"})
    assert (found.grade, found.concurrency) == (Grade.PERCEPTUAL, 2)
    assert (found.min_side, found.max_side, found.multiple_of, found.sizes) == (64, 2048, 8, ())
    assert (found.params["strength"], found.params["style"]) == ({}, {})
    assert "*" not in found.params


def test_of_the_declaration_only_the_request_is_in_the_key():
    found = takes()
    own = {"request", "auth", "answer", "poll", "takes", "hosts", "grade", "base_url", "key", "timeout"}
    assert found.of_model == found.verbatim == own
    assert own - found.unkeyed == {"request", "base_url"}


def test_sizes():
    assert takes(size="512x768").sizes == ((512, 768),)
    listed = {"takes": {"sizes": ["768x512", "512x512"]}}
    both = {**body(width="{{ width }}", height="{{ height }}"), **listed}
    assert takes(both).sizes == ((768, 512), (512, 512))
    assert takes(both).default_size == (768, 512)
    assert takes({**body(side="{{ width }}"), **listed}).sizes == ((768, 512), (512, 512))
    assert takes(
        {**body(w="{{ width }}", h="{{ height }}"), "takes": {"sides": {"max": 500, "multiple_of": 8}}}
    ).default_size == (496, 496)


def test_parameters_that_are_listed_have_their_schema():
    listed = {"steps": {"type": "integer", "minimum": 1}, "style": {"enum": ["plain", "bold"]}}
    found = takes(
        {**body(steps="{{ params.steps }}", style="{{ params.style }}"), "takes": {"params": listed}}
    )
    assert (found.params["steps"], found.params["style"]) == (listed["steps"], listed["style"])
    assert takes(body(options="{{ params }}")).params["*"] == {}


# For each the parameters, then the sentence, the path in the declaration, and the hint.
FAULTS = {
    "no request": (
        {"request": None},
        "'request' must be a mapping",
        ("params", "request"),
        "it is empty: give it a value, or leave the key out",
    ),
    "no url": (
        {"request": {"json": {}}},
        "'request' needs 'url'",
        ("params", "request"),
        "url: where it goes",
    ),
    "unknown key": (
        sent(metod="GET"),
        "unknown key 'metod'",
        ("params", "request", "metod"),
        "did you mean 'method'? Keys here: form, headers, json, method, multipart, query, url",
    ),
    "unknown method": (
        sent(method="DELETE"),
        "'method' can't be 'DELETE'",
        ("params", "request", "method"),
        "Values here: GET, POST, PUT",
    ),
    "host in a hole": (
        sent(url="https://{{ params.host }}/v1"),
        "'url' must be an address with its host written out, or begin with '/' to stand below 'base_url'",
        ("params", "request", "url"),
        "",
    ),
    "user in an address": (
        sent(url="https://images.example.com@evil.example/v1"),
        "'url' must be an address with its host written out, or begin with '/' to stand below 'base_url'",
        ("params", "request", "url"),
        "",
    ),
    "odd port": (
        sent(url="https://images.example.com:99999/v1"),
        "'https://images.example.com:99999/v1' has no host that can be asked",
        ("params", "request", "url"),
        "",
    ),
    "no base": (
        sent(url="/v1/draw"),
        "'/v1/draw' is below no address",
        ("params", "request", "url"),
        "write the whole of it, or give the model a 'base_url'",
    ),
    "blank in an address": (
        sent(url="https://images.example.com/v1/draw it"),
        "the address has blanks or letters in it that no address can have",
        ("params", "request", "url"),
        "percent-encode what is not plain: a blank is %20",
    ),
    "statement in an address": (
        sent(url="https://images.example.com/{% if seed %}a{% endif %}"),
        "an address has no templates but holes",
        ("params", "request", "url"),
        "write {{ name }}",
    ),
    "hole without value in an address": (
        sent(url="https://images.example.com/{{ params.engine }}"),
        "'{{ params.engine }}' has no value, and the address needs one",
        ("params", "request", "url"),
        "give it in the model's 'params', or write {{ params.engine | default('…') }}",
    ),
    "two bodies": (
        sent(form={"prompt": "{{ prompt }}"}),
        "a request has one body, and here are both 'json' and 'form'",
        ("params", "request", "form"),
        "remove one of the two",
    ),
    "a GET with a body": (
        sent(method="GET"),
        "a GET has no body",
        ("params", "request", "json"),
        "put it into 'query'",
    ),
    "literal key in a header": (
        sent(headers={"X-Api-Key": "sk-123"}),
        "'X-Api-Key' is written into the spec, and a key has no place there",
        ("params", "request", "headers", "X-Api-Key"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "key by a template": (
        sent(headers={"Authorization": "Bearer {{ params.key }}"}),
        "'Authorization' is written into the spec, and a key has no place there",
        ("params", "request", "headers", "Authorization"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "literal key in an address": (
        sent(url="https://images.example.com/v1?key=sk-123"),
        "'key' is written into the spec, and a key has no place there",
        ("params", "request", "url", "key"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "literal key in a body": (
        body(api_key="sk-123"),
        "'api_key' is written into the spec, and a key has no place there",
        ("params", "request", "json", "api_key"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "a key that is no variable's name": (
        {"key": "HOME"},
        "'key' is not written as it must be",
        ("params", "key"),
        r"its pattern is ^(IMGBUILD_[A-Z0-9_]+|[A-Z0-9]+(_[A-Z0-9]+)*_(API_KEY|API_TOKEN))$",
    ),
    "a secret that is no variable's name": (
        {
            "auth": {
                "oauth": {
                    "url": "https://id.example.com/t",
                    "client_id": "IMGBUILD_ID",
                    "client_secret": "PATH",
                }
            }
        },
        "'client_secret' must name an environment variable: IMGBUILD_…, or a vendor's …_API_KEY",
        ("params", "auth", "oauth", "client_secret"),
        "",
    ),
    "auth without a key": (
        {"auth": {"header": "X-Key"}},
        "'auth' says how a key goes along, and there is none",
        ("params", "auth", "header"),
        "name the variable that holds it: 'key: IMGBUILD_HOUSE_KEY'",
    ),
    "two ways": (
        {"key": "IMGBUILD_K", "auth": {"header": "X-Key", "query": "key"}},
        "the key goes along once, and here are both 'header' and 'query'",
        ("params", "auth", "query"),
        "remove one of the two",
    ),
    "a prefix without a header": (
        {"key": "IMGBUILD_K", "auth": {"query": "key", "prefix": "Key "}},
        "a 'prefix' stands in a header only",
        ("params", "auth", "prefix"),
        "leave it out",
    ),
    "key and token in one header": (
        {
            "key": "IMGBUILD_K",
            "auth": {
                "oauth": {
                    "url": "https://i.example/t",
                    "client_id": "IMGBUILD_ID",
                    "client_secret": "IMGBUILD_S",
                }
            },
        },
        "the token and the key would be the same header",
        ("params", "auth", "oauth"),
        "let the key have a header of its own: 'auth: {header: x-api-key, …}', or leave it out",
    ),
    "an odd header": (
        {"key": "IMGBUILD_K", "auth": {"header": "X Key"}},
        "'header' holds what no header can",
        ("params", "auth", "header"),
        "",
    ),
    "a header beyond ASCII": (
        sent(headers={"X-Style": "schön"}),
        "header 'x-style' would hold what no header can",
        ("params", "request", "headers"),
        "",
    ),
    "a header that is none": (
        sent(headers={"X Style": "bold"}),
        "'x style' is no header that a request can have",
        ("params", "request", "headers"),
        "",
    ),
    "a header of HTTP's own": (
        sent(headers={"Content-Length": "3"}),
        "'content-length' is no header that a request can have",
        ("params", "request", "headers"),
        "",
    ),
    "no source": (
        body(model="{{ source }}"),
        "the request sends 'source', and the model has none",
        ("params", "request", "json", "model"),
        "write 'source: …' beside its 'provider'",
    ),
    "templates in the headers of a poll": (
        {"poll": {**QUEUE, "headers": {"X-Id": "{{ id }}"}}},
        "headers of 'poll' are sent as they are, without templates",
        ("params", "poll", "headers"),
        "",
    ),
    "an odd header of a poll": (
        {"poll": {**QUEUE, "headers": {"X-Id": "ü"}}},
        "header 'x-id' would hold what no header can",
        ("params", "poll", "headers"),
        "",
    ),
    "no JMESPath": (
        {"answer": {"base64": "images[0"}},
        "'images[0' is no JMESPath: it ends too early",
        ("params", "answer", "base64"),
        "such as images[0].url; jmespath.org tells all of it",
    ),
    "JMESPath with a slip": (
        {"answer": {"refused": {"when": "error code"}}},
        "'error code' is no JMESPath: 'code' is not expected at character 7",
        ("params", "answer", "refused", "when"),
        "such as images[0].url; jmespath.org tells all of it",
    ),
    "unknown function": (
        {"answer": {"url": "images[?lenght(url) > `1`].url | [0]"}},
        "JMESPath has no function 'lenght'",
        ("params", "answer", "url"),
        "did you mean 'length'? Functions here: abs, avg, ceil, contains, ends_with, floor, join, keys, length, map, …",
    ),
    "long JMESPath": (
        {"answer": {"url": "a." * 501 + "b"}},
        "an expression has more than 1000 characters",
        ("params", "answer", "url"),
        "",
    ),
    "image in two ways": (
        {"answer": {"base64": "a", "url": "b"}},
        "the image is found in one way, and here are both 'base64' and 'url'",
        ("params", "answer", "url"),
        "remove one of the two",
    ),
    "nowhere to ask": (
        {"poll": {"id": "id"}},
        "'poll' does not say where to ask",
        ("params", "poll"),
        "give 'id' and 'url', or 'address' where the answer names that",
    ),
    "two places to ask": (
        {"poll": {**QUEUE, "address": "url"}},
        "'poll' has both 'url' and 'address'",
        ("params", "poll"),
        "give 'id' and 'url', or 'address' where the answer names that",
    ),
    "no id": (
        {"poll": {**QUEUE, "id": ""}},
        "'poll' does not say where the answer has the 'id' that is asked for",
        ("params", "poll"),
        "such as id: task.id",
    ),
    "no id in the address": (
        {"poll": {**QUEUE, "url": "https://images.example.com/v1/tasks"}},
        "'url' does not say which task is asked for",
        ("params", "poll", "url"),
        "such as https://images.example.com/v1/tasks/{{ id }}",
    ),
    "another name in the address": (
        {"poll": {**QUEUE, "url": "https://images.example.com/v1/tasks/{{ task }}"}},
        "unknown variable 'task'",
        ("params", "poll", "url"),
        "Variables here: id",
    ),
    "a question with a body by GET": (
        {"poll": {**QUEUE, "json": {"task_id": "{{ id }}"}}},
        "a GET has no body",
        ("params", "poll", "json"),
        "add 'method: POST', or put it into the address",
    ),
    "a question by another method": (
        {"poll": {**QUEUE, "method": "PUT"}},
        "'method' can't be 'PUT'",
        ("params", "poll", "method"),
        "Values here: GET, POST",
    ),
    "no id by POST": (
        {"poll": {name: value for name, value in BY_POST.items() if name != "json"}},
        "'url' does not say which task is asked for",
        ("params", "poll", "url"),
        "such as https://images.example.com/v1/tasks/{{ id }}, or json: {task_id: '{{ id }}'}",
    ),
    "no id in the body": (
        {"poll": {**BY_POST, "json": {"task_id": "id"}}},
        "neither 'url' nor 'json' says which task is asked for",
        ("params", "poll", "json"),
        "such as task_id: '{{ id }}'",
    ),
    "another name in the body": (
        {"poll": {**BY_POST, "json": {"tasks": ["{{ id }}", "{{ seed }}"]}}},
        "unknown variable 'seed'",
        ("params", "poll", "json", "tasks", 1),
        "Variables here: id",
    ),
    "no id for the body": (
        {"poll": {**BY_POST, "url": "", "id": "", "address": "task.url"}},
        "'poll' does not say where the answer has the 'id' that is asked for",
        ("params", "poll"),
        "such as id: task.id",
    ),
    "a body that JSON can't hold": (
        {"poll": {**BY_POST, "json": {"task_id": "{{ id }}", "n": float("inf")}}},
        "a number in it is not finite, and JSON has no such",
        ("params", "poll", "json"),
        "",
    ),
    "a literal key in a question": (
        {"poll": {**BY_POST, "json": {"task_id": "{{ id }}", "api_key": "sk-123"}}},
        "'api_key' is written into the spec, and a key has no place there",
        ("params", "poll", "json", "api_key"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "a literal key in the address of a task": (
        {"poll": {**QUEUE, "url": "https://images.example.com/{{ id }}?token=sk-123"}},
        "'token' is written into the spec, and a key has no place there",
        ("params", "poll", "url", "token"),
        "name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along",
    ),
    "state without done": (
        {"poll": {**QUEUE, "done": []}},
        "'poll' needs 'done' beside 'state'",
        ("params", "poll"),
        "the values of the state that say that the image is there",
    ),
    "done without state": (
        {"poll": {**QUEUE, "state": ""}},
        "'poll' needs 'state' beside 'done'",
        ("params", "poll"),
        "its JMESPath, such as state: status",
    ),
    "one state twice": (
        {"poll": {**QUEUE, "failed": ["no", "ok"]}},
        "the state 'ok' is both 'done' and 'failed'",
        ("params", "poll", "failed"),
        "",
    ),
    "unknown variable": (
        body(text="{{ promt }}"),
        "unknown variable 'promt'",
        ("params", "request", "json", "text"),
        "did you mean 'prompt'? Variables here: control, controls, height, image, images, mask, masks, negative, params, prompt, …",
    ),
    "broken template": (
        body(text="{{ prompt "),
        "a '{{' is not closed",
        ("params", "request", "json", "text"),
        "write two braces on each side: {{ name }}",
    ),
    "what templates can't do": (
        body(deep=[{"x": "{{ ''.__class__ }}"}]),
        "'value' has no '__class__'",
        ("params", "request", "json", "deep", 0, "x"),
        "'value' is a single value: write {{ value }}",
    ),
    "a parameter within text": (
        body(text="{{ prompt }}, {{ params.style }}"),
        "'params' has no 'style'",
        ("params", "request", "json", "text"),
        "give it in the model's 'params', or write {{ params.style | default('…') }}",
    ),
    "a file in JSON": (
        {**body(image="{{ image.file }}"), "takes": {"image": 1}},
        "a file can't stand in JSON",
        ("params", "request", "json", "image"),
        "write its 'base64' or 'data_uri', or send the request as 'multipart'",
    ),
    "a file in text": (
        {**body(image="x{{ image.file }}"), "takes": {"image": 1}},
        "a file has no text of its own",
        ("params", "request", "json", "image"),
        "let it be the whole value of a part of 'multipart'",
    ),
    "a picture without its form": (
        {"request": {"url": SENT["url"], "form": {"image": "{{ image }}"}}, "takes": {"image": 1}},
        "a mapping has no text of its own",
        ("params", "request", "form", "image"),
        "name one of its keys: base64, data_uri, file",
    ),
    "taken and not sent": (
        {"takes": {"seed": True}},
        "'takes' has 'seed', and the request sends none",
        ("params", "takes", "seed"),
        "write {{ seed }} where it goes",
    ),
    "a picture that is not sent": (
        {"takes": {"mask": 1}},
        "'takes' has 'mask', and the request sends none",
        ("params", "takes", "mask"),
        "write {{ mask.base64 }} where it goes",
    ),
    "sent and not taken": (
        body(no="{{ negative }}"),
        "the request sends 'negative', and 'takes' does not have it",
        ("params", "request", "json", "no"),
        "add 'takes: {negative: true}'",
    ),
    "pictures that are dropped": (
        {**body(image="{{ reference.base64 }}"), "takes": {"reference": 3}},
        "'takes' has several pictures of 'reference', and the request sends the first",
        ("params", "takes", "reference"),
        "write {{ references.base64 }} for all of them",
    ),
    "sizes that are dropped": (
        {"takes": {"sizes": ["512x512", "768x768"]}},
        "'takes' has several sizes, and the request sends none of them",
        ("params", "takes", "sizes"),
        "write {{ width }} and {{ height }} where they go, or name one size",
    ),
    "no size": (
        {"takes": {"sizes": ["large"]}},
        "item 1 of 'sizes' must be WIDTHxHEIGHT in pixels, such as 1024x768",
        ("params", "takes", "sizes", 0),
        "",
    ),
    "a parameter that is not listed": (
        {**body(steps="{{ params.stpes }}"), "takes": {"params": {"steps": {}}}},
        "'takes.params' has no 'stpes'",
        ("params", "request", "json", "steps"),
        "did you mean 'steps'? Parameters here: steps",
    ),
    "a parameter that is not sent": (
        {"takes": {"params": {"steps": {}}}},
        "'takes.params' has 'steps', and the request sends none",
        ("params", "takes", "params", "steps"),
        "write {{ params.steps }} where it goes",
    ),
    "a grade without a seed": (
        {"grade": "perceptual"},
        "without a seed no picture can be had again",
        ("params", "grade"),
        "a picture comes back by its seed: add 'takes: {seed: true}', or leave 'grade' out",
    ),
    "too many hosts": (
        {"hosts": ["*.com"]},
        "item 1 of 'hosts' must be a host, such as images.example.com or *.example.com",
        ("params", "hosts", 0),
        "",
    ),
    "no host": (
        {"hosts": ["images.example.com/v1"]},
        "item 1 of 'hosts' must be a host, such as images.example.com or *.example.com",
        ("params", "hosts", 0),
        "",
    ),
}


@pytest.mark.parametrize(("params", "sentence", "path", "hint"), FAULTS.values(), ids=FAULTS)
def test_faults(params, sentence, path, hint):
    with pytest.raises(Misdeclared) as raised:
        takes(deepcopy(params))
    assert (raised.value.message, raised.value.path, raised.value.hint) == (sentence, path, hint)


def test_no_request_at_all():
    with pytest.raises(Misdeclared) as raised:
        HttpApi().capabilities(Model(provider="http"))
    assert raised.value.message == "a model of provider 'http' needs 'request'"
    assert raised.value.hint == "request: what is sent for one image"


def test_parameters_that_vary_are_not_known_here():
    takes({**body(n="{{ params.n * 2 }}"), "n": "{{ stock }}"})


def test_names_that_only_look_like_keys_are_none():
    takes(body(max_tokens=5, keywords="a", token_merging=True))
    takes(
        sent(
            headers={"Idempotency-Key": "{{ seed }}-1", "X-Version": "2"},
            json={"prompt": "{{ prompt }}", "s": "{{ seed }}"},
        )
        | {"takes": {"seed": True}}
    )


def test_without_jmespath_a_model_can_be_looked_at_and_not_pinned(monkeypatch):
    from imgbuild.errors import ProviderFailed
    from imgbuild.providers.http_api import finding

    monkeypatch.setattr(finding, "find_spec", lambda name: None)
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    takes({"answer": {"base64": "images[0"}})
    with pytest.raises(ProviderFailed) as raised:
        HttpApi().pin(model())
    assert raised.value.message == "provider 'http' needs jmespath, which is not installed"
    assert raised.value.hint == "install it with `pip install 'imgbuild[http]'`"
