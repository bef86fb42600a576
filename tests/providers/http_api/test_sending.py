"""What is sent for an image: templates filled, whatever the prompt."""

import base64
import json
from email.parser import BytesParser
from email.policy import HTTP
from unicodedata import normalize
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from imgbuild.errors import ImgbuildError, Misdeclared
from imgbuild.providers.http_api.declaration import Declaration
from imgbuild.providers.pictures import png
from imgbuild.types import Pin, Request

URL = "https://images.example.com/v1/draw"
PIN = Pin(provider="http", source="xl")
RED, BLUE = (pillow.new("RGB", (4, 4), color) for color in ("red", "blue"))


def request(prompt="a brass lamp", *, negative="", inputs=None, seed=7, **params):
    return Request(
        pin=PIN,
        prompt=prompt,
        negative=negative,
        width=64,
        height=96,
        seed=seed,
        params=params,
        inputs=inputs or {},
    )


def call(sent, asked=None, *, takes=None, **params):
    """What is sent. sent: the declared request."""
    asked = asked or request()
    declared = {"request": {"url": URL, **sent}, "takes": takes or {}, **params}
    return Declaration({**declared, **asked.params}).call(
        Request(
            **{name: getattr(asked, name) for name in asked.__struct_fields__}
            | {"params": {**declared, **asked.params}}
        )
    )


def body(template, asked=None, **more):
    return json.loads(call({"json": template}, asked, **more).content)


def test_a_hole_by_itself_keeps_its_type():
    given = body(
        {
            "text": "{{ prompt }}",
            "seed": "{{ seed }}",
            "size": "{{ width }}x{{ height }}",
            "w": "{{ width }}",
            "model": "{{ source }}",
            "double": "{{ width * 2 }}",
            "on": "{{ params.on }}",
            "list": "{{ params.list }}",
            "fixed": 3,
            "none": None,
            "empty": {},
            "half": "{{ params.half }}",
        },
        request(on=True, list=[1, "a"], half=0.5),
    )
    assert given == {
        "text": "a brass lamp",
        "seed": 7,
        "size": "64x96",
        "w": 64,
        "model": "xl",
        "double": 128,
        "on": True,
        "list": [1, "a"],
        "fixed": 3,
        "none": None,
        "empty": {},
        "half": 0.5,
    }


def test_what_comes_to_nothing_is_left_out():
    template = {
        "prompt": "{{ prompt }}",
        "negative": "{{ negative }}",
        "revision": "{{ revision }}",
        "steps": "{{ params.steps }}",
        "cfg": {"scale": "{{ params.scale }}"},
        "loras": [{"name": "{{ params.lora }}"}],
        "tags": ["fixed", "{{ params.tag }}"],
        "image": "{{ image.base64 }}",
        "all": "{{ images.base64 }}",
    }
    assert body(template, takes={"image": 1}) == {"prompt": "a brass lamp", "tags": ["fixed"]}
    full = body(
        template,
        request(negative="blurry", steps=0, scale="", lora="x", tag=False, inputs={"image": [RED]}),
        takes={"image": 1},
    )
    assert full["negative"] == "blurry"
    assert (full["steps"], full["cfg"], full["loras"], full["tags"]) == (
        0,
        {"scale": ""},
        [{"name": "x"}],
        ["fixed", False],
    )
    assert full["image"] == full["all"][0] == base64.b64encode(png(RED)).decode()


def test_an_empty_body_is_an_empty_mapping():
    assert call({"json": {"steps": "{{ params.steps }}"}}).content == b"{}"


def test_text_around_holes_and_conditions():
    text = "{{ prompt }}{% if negative %} --no {{ negative }}{% endif %} --ar {{ width }}:{{ height }}"
    assert body({"prompt": text}) == {"prompt": "a brass lamp --ar 64:96"}
    assert body({"prompt": text}, request(negative="dust")) == {"prompt": "a brass lamp --no dust --ar 64:96"}
    assert body({"s": "{{ params.style | default('plain') }}"}) == {"s": "plain"}


def test_nothing_of_a_request_is_remembered_for_the_next():
    """What a template that needs Jinja gave for one picture is not given for another, wherever that lies in memory."""
    template = {
        "image": "{% if image.base64 %}{{ image.base64 }}{% endif %}",
        "p": "{% if params.a %}{{ params.a }}{% endif %}",
    }
    declared = {"request": {"url": URL, "json": template}, "takes": {"image": 1}, "a": 0}
    declaration = Declaration(declared)
    for number in range(200):
        picture = pillow.new("RGB", (2, 2), (number, 0, 0))
        asked = Request(
            pin=PIN,
            prompt="x",
            negative="",
            width=1,
            height=1,
            seed=1,
            params={**declared, "a": number + 1},
            inputs={"image": [picture]},
        )
        told = json.loads(declaration.call(asked).content)
        assert told == {"image": base64.b64encode(png(picture)).decode(), "p": str(number + 1)}


def test_all_parameters_together():
    assert body({"options": "{{ params }}"}, request(steps=3, style="bold")) == {
        "options": {"steps": 3, "style": "bold"}
    }


def test_pictures_in_json():
    given = body(
        {
            "image": "{{ image.data_uri }}",
            "uri": "data:image/png;base64,{{ image.base64 }}",
            "all": "{{ references.base64 }}",
        },
        request(inputs={"image": [RED], "reference": [RED, BLUE]}),
        takes={"image": 1, "reference": 2},
    )
    red, blue = (base64.b64encode(png(picture)).decode() for picture in (RED, BLUE))
    assert given == {
        "image": f"data:image/png;base64,{red}",
        "uri": f"data:image/png;base64,{red}",
        "all": [red, blue],
    }


def test_a_picture_of_any_size_goes_along():
    noise = pillow.effect_noise((400, 400), 90)
    given = body(
        {"uri": "{% if true %}data:image/png;base64,{{ image.base64 }}{% endif %}"},
        request(inputs={"image": [noise]}),
        takes={"image": 1},
    )
    assert base64.b64decode(given["uri"].partition(",")[2]) == png(noise)


def test_a_form():
    made = call(
        {
            "form": {
                "prompt": "{{ prompt }}",
                "n": 1,
                "on": True,
                "tags": "{{ params.tags }}",
                "steps": "{{ params.steps }}",
            }
        },
        request("50% & more = ü", tags=["a", "b"]),
    )
    assert made.headers == {"content-type": "application/x-www-form-urlencoded"}
    assert parse_qs(made.content.decode()) == {
        "prompt": ["50% & more = ü"],
        "n": ["1"],
        "on": ["true"],
        "tags": ["a", "b"],
    }


def test_a_form_with_files():
    made = call(
        {
            "multipart": {
                "prompt": "{{ prompt }}",
                "image": "{{ image.file }}",
                "more": "{{ references.file }}",
                "mask": "{{ mask.file }}",
            }
        },
        request(inputs={"image": [RED], "reference": [RED, BLUE]}),
        takes={"image": 1, "reference": True, "mask": 1},
    )
    assert made.parts == [
        ("prompt", (None, b"a brass lamp", None)),
        ("image", ("image-1.png", png(RED), "image/png")),
        ("more", ("reference-1.png", png(RED), "image/png")),
        ("more", ("reference-2.png", png(BLUE), "image/png")),
    ]
    assert (made.content, made.headers) == (None, {})


def test_headers_and_queries():
    made = call(
        {
            "method": "GET",
            "url": "https://images.example.com/v1/{{ source }}/{{ prompt }}",
            "headers": {"X-Seed": "{{ seed }}", "X-None": "{{ params.none }}"},
            "query": {"w": "{{ width }}", "tag": ["a", "b"], "none": "{{ params.none }}"},
        },
        request("../a b?c=d&e#f/%"),
    )
    assert made.address == "https://images.example.com/v1/xl/..%2Fa%20b%3Fc%3Dd%26e%23f%2F%25"
    assert (made.headers, made.query) == ({"x-seed": "7"}, [("w", "64"), ("tag", "a"), ("tag", "b")])
    assert call({"url": "https://images.example.com/{{ prompt }}/x"}, request("..")).address.endswith(
        "/%2E%2E/x"
    )


def test_a_base_url_and_what_is_below_it():
    made = call({"url": "/v1/draw"}, base_url="https://images.example.com/api/")
    assert made.address == "https://images.example.com/api/v1/draw"


def test_a_header_can_not_hold_any_prompt():
    with pytest.raises(Misdeclared, match="header 'x-prompt' would hold what no header can"):
        call({"headers": {"X-Prompt": "{{ prompt }}"}}, request("a lamp\r\nX-Admin: yes"))


def test_numbers_that_are_not_finite():
    with pytest.raises(Misdeclared, match="a number in it is not finite, and JSON has no such"):
        call({"json": {"n": "{{ params.n }}"}}, request(n=float("nan")))


ANY = st.one_of(
    st.text(),
    st.text(alphabet="{}%#\"'\\\n\r\t\0<>&=+ é\u0301\u202e🎨", max_size=30),
    st.text(alphabet=st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010), max_size=5),
    st.sampled_from(
        [
            "{{ seed }}",
            "{% raw %}",
            "{{",
            "}}",
            '"}',
            "', 'x': '",
            "\ud800",
            "{# x",
            "../..",
            "%00",
            "a" * 30_000,
        ]
    ),
)
TEMPLATE = {
    "whole": "{{ prompt }}",
    "mixed": ">{{ prompt }}<",
    "jinja": "{% if prompt %}{{ prompt }}{% else %}-{% endif %}",
    "deep": [{"again": "{{ prompt }}"}],
}


def paired(text):
    """With two halves of one letter as that letter, as any reader of JSON has them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(prompt=ANY, negative=ANY)
def test_any_prompt_arrives_as_it_is(prompt, negative):
    asked = request(prompt, negative=negative)
    told = body({**TEMPLATE, "no": "{{ negative }}"}, asked, takes={"negative": True})
    assert told["whole"] == told["deep"][0]["again"] == paired(prompt)
    assert told.get("no", "") == paired(negative)
    assert told["mixed"] == paired(normalize("NFC", f">{prompt}<"))
    assert told["jinja"] == paired(normalize("NFC", prompt or "-"))


@given(prompt=ANY.filter(bool))
def test_any_prompt_in_an_address_leads_nowhere_else(prompt):
    made = call(
        {
            "method": "GET",
            "url": "https://images.example.com/v1/{{ prompt }}/end?q={{ prompt }}",
        },
        request(prompt),
    )
    parts = urlsplit(made.address)
    assert (parts.netloc, parts.path.count("/")) == ("images.example.com", 3)
    expected = prompt.encode("utf-8", "replace").decode()
    assert unquote(parts.path.split("/")[2]) == expected
    assert parts.path.endswith("/end")


@given(prompt=ANY)
def test_any_prompt_in_a_form(prompt):
    made = call({"form": {"p": "{{ prompt }}"}}, request(prompt))
    assert parse_qs(made.content.decode("ascii"), keep_blank_values=True, errors="replace")["p"] == [
        prompt.encode("utf-8", "replace").decode()
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [
        "{{ prompt }}",
        "{{ params.a }}",
        "{{ params.b.c }}",
        "{{ params }}",
        "{{ seed / params.a }}",
        "{{ params.a | join }}",
        "{{ params.a | round }}",
        "{{ image.base64[0] }}",
        "{% for x in params.a %}{{ x }}{% endfor %}",
        "{{ nope }}",
        "x",
        "{{ params.a | length }}",
        "{{ params.a < 3 }}",
        "{{ params.a[params.b] }}",
        "{{ image }}",
        "{{ image.file }}",
        "{{",
        "{{ params.a ~ 1 }}",
    ]
)


@given(
    template=st.dictionaries(st.sampled_from("xyz"), st.lists(PIECES, max_size=3).map("".join)),
    a=VALUES,
    b=VALUES,
    prompt=ANY,
)
@pytest.mark.parametrize("kind", ["json", "form", "multipart", "query", "headers"])
def test_filling_raises_our_errors_alone(kind, template, a, b, prompt):
    asked = request(prompt, a=a, b=b, inputs={"image": [RED]})
    try:
        made = call({kind: template}, asked, takes={"image": 1})
    except ImgbuildError:
        return
    assert made.address == URL


def test_the_parts_as_a_server_reads_them():
    import httpx

    made = call({"multipart": {"prompt": "{{ prompt }}"}}, request('ü"\r\n--x'))
    sent = httpx.Request("POST", URL, files=made.parts)
    whole = f"Content-Type: {sent.headers['content-type']}\r\n\r\n".encode() + sent.read()
    (part,) = BytesParser(policy=HTTP).parsebytes(whole).iter_parts()
    assert part.get_payload(decode=True).decode() == 'ü"\r\n--x'
