"""What is noted of an image: its seed, and what differs from what was asked for."""

import io

import pytest
from PIL import Image as pillow

from imgbuild.errors import BadImage
from imgbuild.providers.noted import noted
from imgbuild.types import Image, Pin, Request

REQUEST = Request(
    pin=Pin(provider="house"), prompt="a lamp", negative="", width=8, height=6, seed=7, params={}, inputs={}
)


def png(width=8, height=6):
    out = io.BytesIO()
    pillow.new("RGB", (width, height)).save(out, format="PNG")
    return out.getvalue()


def test_of_what_is_as_it_was_asked_for_nothing_is_noted():
    data = png()
    assert noted(data, REQUEST) == Image(data=data)
    assert noted(data, REQUEST, prompt="a lamp", more={"request": "", "usage": {}}) == Image(data=data)


def test_what_differs_is_noted():
    data = png(6, 8)
    found = noted(data, REQUEST, seed=9, prompt="a lamp of brass", cost=0.5, more={"request": "r1"})
    info = {"request": "r1", "revised_prompt": "a lamp of brass", "size": "6x8"}
    assert found == Image(data=data, seed=9, cost=0.5, info=info)


@pytest.mark.parametrize("odd", ["", "7", 7.0, True, None, [7], {"text": "a lamp"}])
def test_what_is_no_seed_or_no_prompt_is_passed_over(odd):
    found = noted(png(), REQUEST, seed=odd, prompt=odd if odd != "7" else None)
    assert (found.seed, found.info) == (None, {})


def test_what_is_no_picture_is_an_error():
    with pytest.raises(BadImage) as raised:
        noted(b"text", REQUEST, who="the API")
    assert raised.value.message == "what the API sent is not an image that can be read"
