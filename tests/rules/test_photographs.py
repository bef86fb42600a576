"""Every rule on real photographs: a picture that passes, and one made to fail."""

import pytest
from PIL import Image as pillow
from PIL import ImageFilter, ImageOps
from skimage import data

from imgbuild.images import Picture, encode
from imgbuild.rules import RULES
from imgbuild.types import Format


def photograph(name):
    return pillow.fromarray(getattr(data, name)()).convert("RGB")


def on(ground, margin=60):
    """The coins' picture, which is all in its frame, on a ground of its own."""
    return ImageOps.expand(photograph("coffee"), margin, ground)


def noisy(picture):
    return pillow.blend(picture, pillow.effect_noise(picture.size, 120).convert("RGB"), 0.4)


CASES = {
    "aspect_ratio": ({"ratio": "3:2"}, photograph("coffee"), photograph("astronaut")),
    "background": ({"color": "white"}, on("white"), photograph("coffee")),
    "banding": ({"max": 0.005}, photograph("chelsea"), photograph("moon")),
    "brightness": (
        {"min": 0.3},
        photograph("coffee"),
        photograph("hubble_deep_field").point(lambda v: v // 4),
    ),
    "contrast": ({"min": 0.1}, photograph("camera"), photograph("camera").point(lambda v: 120 + v // 16)),
    "dimensions": ({"width": 512}, photograph("astronaut"), photograph("chelsea")),
    "edges": ({}, on("#eeeeee"), photograph("rocket")),
    "file_size": ({"max": "400kB"}, photograph("chelsea"), photograph("astronaut")),
    "format": ({"type": "png"}, photograph("chelsea"), None),
    "mode": ({"mode": "RGB"}, photograph("chelsea"), photograph("chelsea").convert("L")),
    "noise": ({"max": 5}, photograph("astronaut"), noisy(photograph("astronaut"))),
    "not_blank": ({}, photograph("moon"), pillow.new("RGB", (64, 64), "grey")),
    "palette": (
        {"colors": ["white", "#7b4a2b"], "distance": 30, "share": 0.3},
        on("white"),
        photograph("hubble_deep_field"),
    ),
    "sharpness": (
        {"min": 100},
        photograph("camera"),
        photograph("camera").filter(ImageFilter.GaussianBlur(4)),
    ),
    "subject": ({"margin": 0.05, "centered": 0.01}, on("black"), photograph("astronaut")),
    "similar_to": ({"reference": "cat.png"}, photograph("chelsea").resize((200, 133)), photograph("coffee")),
    "differs_from": (
        {"reference": "cat.png"},
        photograph("coffee"),
        photograph("chelsea").resize((200, 133)),
    ),
}
SSIM = {
    "similar_to": {"reference": "cat.png", "by": "ssim", "similarity": 0.8},
    "differs_from": {"reference": "cat.png", "by": "ssim", "similarity": 0.8},
}


def holds(name, parameters, picture, format=None):
    import msgspec

    rule = msgspec.convert(parameters, RULES.get(name))
    given = Picture(encode(picture, format or Format()), picture)
    return rule.judge(rule.measure(given, {"cat.png": encode(photograph("chelsea"), Format())})).ok


@pytest.mark.parametrize("name", CASES)
def test_a_photograph_passes_and_another_fails(name):
    parameters, good, bad = CASES[name]
    assert holds(name, parameters, good)
    if bad is not None:
        assert not holds(name, parameters, bad)


@pytest.mark.parametrize("name", SSIM)
def test_likeness_by_structure(name):
    _, good, bad = CASES[name]
    assert holds(name, SSIM[name], good)
    assert not holds(name, SSIM[name], bad)


def test_a_photograph_of_another_type_fails():
    assert not holds("format", {"type": "png"}, photograph("chelsea"), Format(type="jpeg"))


def needs_weights(kind):
    import msgspec

    return any(field.required and field.name in kind.model_fields for field in msgspec.structs.fields(kind))


def test_every_rule_on_one_image_is_here():
    kinds = {name: RULES.get(name) for name in RULES.names()}
    rules = {name for name, kind in kinds.items() if not (kind.group or needs_weights(kind))}
    assert {*CASES} == rules - {"command", "python"}  # which measures what somebody else's program does
