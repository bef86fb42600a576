"""What rules may adjust: fitted to every model of the chain, and refused at its place where some attempt could not ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from textwrap import dedent
from typing import Any

import pytest

from imgbuild.adjustments import ask_at
from imgbuild.errors import SpecError
from imgbuild.expand import Expansion
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.report.errors import print_error
from imgbuild.settings import Profile
from imgbuild.types import Ask, Capabilities, Change, Grade, Image, Model, Request, Target


class Studio(Provider):
    """Takes what most do. Source `plain`: no negative prompt, and no guidance."""

    name = "studio"

    def capabilities(self, model: Model) -> Capabilities:
        params: dict[str, Any] = {
            "steps": {"type": "integer", "minimum": 1, "maximum": 50},
            "guidance": {"type": "number", "minimum": 0, "maximum": 20},
            "strength": {"type": "number", "minimum": 0, "maximum": 1},
            "style": {"type": "string"},
            "tags": {"type": "array"},
            "lora": {"type": "string"},
            "offload": {},
        }
        plain = model.source == "plain"
        return Capabilities(
            takes=frozenset({"seed", "image"} if plain else {"seed", "image", "negative"}),
            grade=Grade.BITWISE,
            params={name: schema for name, schema in params.items() if not (plain and name == "guidance")},
            of_model=frozenset({"lora"}),
            unkeyed=frozenset({"offload"}),
            needs={"strength": "image"},
        )

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS._loaded, "studio", Studio)


def spec(adjust: str, *, model: str = "params: {guidance: 6, steps: 20}", asset: str = "") -> str:
    """A spec whose asset has one rule, which adjusts this. asset: more of its lines."""
    text = dedent(
        f"""\
        version: 1
        models:
          m: {{provider: studio, {model}}}
          plain: {{provider: studio, source: plain, params: {{steps: 4}}}}
          folding: {{provider: studio, source: plain, unsupported: {{negative: fold, guidance: drop}}}}
        assets:
          a:
            prompt: a lamp
            models: [m]
            ASSET
            validate:
              - brightness: {{min: 0.3, on_fail: reroll, adjust: {adjust}}}
        """
    )
    return text.replace("ASSET", asset)


def asked(target: Target, *labels: str, position: int = 0) -> Ask:
    return ask_at(target, position, labels)


CHANGES = {
    "{guidance: +1}": Change(name="guidance", value=1, adds=True),
    '{guidance: "+1"}': Change(name="guidance", value=1, adds=True),
    "{guidance: -0.5}": Change(name="guidance", value=-0.5, adds=True),
    "{guidance: +.5}": Change(name="guidance", value=0.5, adds=True),
    "{guidance: 7}": Change(name="guidance", value=7),
    "{guidance: 7.5}": Change(name="guidance", value=7.5),
    "{steps: '30'}": Change(name="steps", value=30),
    '{prompt: "+, at dusk"}': Change(name="prompt", value=", at dusk", adds=True),
    "{prompt: a sharp lamp}": Change(name="prompt", value="a sharp lamp"),
    "{negative: +blurry}": Change(name="negative", value="blurry", adds=True),
    '{negative: ""}': Change(name="negative", value=""),
    "{style: vivid}": Change(name="style", value="vivid"),
    "{tags: [a, b]}": Change(name="tags", value=["a", "b"]),
}


@pytest.mark.parametrize("adjust", CHANGES)
def test_what_has_a_sign_is_added_and_all_else_takes_its_place(
    targets: Callable[..., list[Target]], adjust: str
) -> None:
    (target,) = targets(spec(adjust))
    (adjustment,) = target.recipe.adjustments
    assert (adjustment.label, adjustment.place) == ("brightness", 0)
    assert adjustment.changes == ((CHANGES[adjust],),)


def test_a_target_without_adjustments_is_as_it_was(targets: Callable[..., list[Target]]) -> None:
    (target,) = targets(spec("{guidance: +1}").replace(", adjust: {guidance: +1}", ""))
    assert target.recipe.adjustments == ()


def test_every_model_of_the_chain_is_fitted(targets: Callable[..., list[Target]]) -> None:
    text = spec(
        "{negative: +blurry, guidance: +1, steps: +1}",
        model="params: {guidance: 6}, fallback: [folding]",
        asset="params: {steps: 9}",
    )
    (target,) = targets(text)
    own, other = (asked(target, "brightness", "brightness", position=at) for at in (0, 1))
    assert (own.prompt, own.negative, dict(own.params)) == (
        "a lamp",
        "blurry, blurry",
        {"guidance": 8, "steps": 11},
    )
    assert (other.prompt, other.negative) == ("a lamp. Avoid: blurry, blurry", "")
    assert dict(other.params) == {"steps": 11}


def test_text_is_added_before_what_is_folded_in(targets: Callable[..., list[Target]]) -> None:
    text = spec('{prompt: "+at dusk", negative: "+blurry"}', asset="negative: hands").replace(
        "models: [m]", "models: [folding]"
    )
    (target,) = targets(text)
    assert asked(target).prompt == "a lamp. Avoid: hands"
    assert asked(target, "brightness").prompt == "a lamp, at dusk. Avoid: hands, blurry"


def test_rules_of_one_name_have_numbers(targets: Callable[..., list[Target]]) -> None:
    more = "- brightness: {max: 0.9}\n      - brightness: {max: 0.8, on_fail: reroll, adjust: {steps: +1}}\n"
    (target,) = targets(spec("{guidance: +1}") + f"      {more}")
    assert [(item.label, item.place) for item in target.recipe.adjustments] == [
        ("brightness", 0),
        ("brightness#2", 2),
    ]


FAULTS = {
    "nothing to reroll": (
        spec("{guidance: +1}").replace("on_fail: reroll, ", ""),
        """\
        specs/catalog.yaml:12:32: rule 'brightness' adjusts the next attempt, and asks for none
           12 |       - brightness: {min: 0.3, adjust: {guidance: +1}}
              |                                ^^^^^^
        hint: give it 'on_fail: reroll', or leave 'adjust' out
        """,
    ),
    "nothing adjusted": (
        spec("{}"),
        """\
        specs/catalog.yaml:12:49: 'adjust' must not be empty
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {}}
              |                                                 ^^^^^^
        hint: give it a value, or leave the key out
        """,
    ),
    "an unknown parameter": (
        spec("{guidence: +1}"),
        """\
        specs/catalog.yaml:12:58: model 'm' takes no parameter 'guidence'
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidence: +1}}
              |                                                          ^^^^^^^^
        hint: did you mean 'guidance'? Else leave it out, or let the model say 'unsupported: {guidence: drop}'; its parameters: guidance, lora, offload, steps, strength, style, tags
        """,
    ),
    "one that a fallback does not take": (
        spec("{guidance: +1}", model="params: {guidance: 6}, fallback: [plain]").replace(
            "guidance: 6}, f", "guidance: 6}, unsupported: drop, f"
        ),
        """\
        specs/catalog.yaml:12:58: model 'plain', which takes over from 'm', takes no parameter 'guidance'
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: +1}}
              |                                                          ^^^^^^^^
        hint: leave it out, or let the model say 'unsupported: {guidance: drop}'; its parameters: lora, offload, steps, strength, style, tags
        """,
    ),
    "no negative prompt": (
        spec("{negative: +blurry}").replace("models: [m]", "models: [plain]"),
        """\
        specs/catalog.yaml:12:58: model 'plain' takes no negative prompt
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {negative: +blurry}}
              |                                                          ^^^^^^^^
        hint: leave it out, or let the model say 'unsupported: {negative: drop}' or '{negative: fold}'
        """,
    ),
    "a value that does not fit": (
        spec("{guidance: 30}"),
        """\
        specs/catalog.yaml:12:68: parameter 'guidance' of model 'm' must be at most 20
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: 30}}
              |                                                                    ^^
        hint: it takes a number from 0 to 20
        """,
    ),
    "too much in the end": (
        spec("{guidance: +5}", asset="attempts: 4"),
        """\
        specs/catalog.yaml:12:68: parameter 'guidance' of model 'm' must be at most 20, and 3 rerolls can make it 21
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: +5}}
              |                                                                    ^^
        hint: it takes a number from 0 to 20; adjust it by less, or allow fewer 'attempts'
        """,
    ),
    "too much of two": (
        spec("{guidance: +5}", asset="attempts: 2")
        + "      - contrast: {min: 0.3, on_fail: reroll, adjust: {guidance: +10}}\n",
        """\
        specs/catalog.yaml:13:66: parameter 'guidance' of model 'm' must be at most 20, and 1 reroll can make it 21
           13 |       - contrast: {min: 0.3, on_fail: reroll, adjust: {guidance: +10}}
              |                                                                  ^^^
        hint: it takes a number from 0 to 20; adjust it by less, or allow fewer 'attempts'
        """,
    ),
    "a part of a whole number": (
        spec("{steps: +0.5}"),
        """\
        specs/catalog.yaml:12:65: parameter 'steps' of model 'm' must be a whole number, and 1 reroll can make it 20.5
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {steps: +0.5}}
              |                                                                 ^^^^
        hint: it takes a whole number from 1 to 50; adjust it by less, or allow fewer 'attempts'
        """,
    ),
    "nothing to add to": (
        spec("{guidance: +1}", model="params: {steps: 20}"),
        """\
        specs/catalog.yaml:12:68: parameter 'guidance' of model 'm' is given no value that +1 could be added to
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: +1}}
              |                                                                    ^^
        hint: give one in 'params: {guidance: …}', or adjust it to a value, without a sign
        """,
    ),
    "text added to a number": (
        spec("{guidance: +more}"),
        """\
        specs/catalog.yaml:12:68: parameter 'guidance' of model 'm' can't be adjusted: more can't be added to 6
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: +more}}
              |                                                                    ^^^^^
        hint: write it without a sign to put it in place of 6
        """,
    ),
    "a parameter of the model": (
        spec("{lora: other}"),
        """\
        specs/catalog.yaml:12:58: parameter 'lora' of model 'm' can't differ between its images
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {lora: other}}
              |                                                          ^^^^
        hint: give it in the model's own declaration; declare another model for another value
        """,
    ),
    "one that changes no picture": (
        spec("{offload: 1}"),
        """\
        specs/catalog.yaml:12:58: parameter 'offload' of model 'm' changes nothing in a picture
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {offload: 1}}
              |                                                          ^^^^^^^
        hint: leave it out: there is nothing to adjust
        """,
    ),
    "one without its picture": (
        spec("{strength: 0.6}"),
        """\
        specs/catalog.yaml:12:58: parameter 'strength' of model 'm' means nothing without an input 'image'
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {strength: 0.6}}
              |                                                          ^^^^^^^^
        hint: leave it out, or give 'inputs: {image: …}'
        """,
    ),
    "a template": (
        spec('{prompt: "+, {{ color }}"}'),
        """\
        specs/catalog.yaml:12:66: 'prompt' is adjusted by a template, and rules know no variables
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {prompt: "+, {{ color }}"}}
              |                                                                  ^^^^^^^^^^^^^^^^
        hint: write the value itself
        """,
    ),
    "a number for a prompt": (
        spec("{negative: 3}"),
        """\
        specs/catalog.yaml:12:68: 'negative' is adjusted by text, not by 3
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {negative: 3}}
              |                                                                    ^
        hint: write 'negative: "+…"' to add to it, or the text that takes its place
        """,
    ),
    "no prompt": (
        spec('{prompt: ""}'),
        """\
        specs/catalog.yaml:12:66: the adjusted prompt is empty
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {prompt: ""}}
              |                                                                  ^^
        hint: write some, or leave it out
        """,
    ),
    "nothing added": (
        spec('{prompt: "+ "}'),
        """\
        specs/catalog.yaml:12:66: 'prompt' is adjusted by no text
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {prompt: "+ "}}
              |                                                                  ^^^^
        hint: write some, or leave it out
        """,
    ),
    "a forbidden word": (
        spec('{prompt: "+with a face"}', asset="forbid: [face]"),
        """\
        specs/catalog.yaml:12:66: the adjusted prompt holds the forbidden word 'face'
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {prompt: "+with a face"}}
              |                                                                  ^^^^^^^^^^^^^^
        hint: take it out, or take it off 'forbid' or the project's 'policy.blocked'
        """,
    ),
    "pictures that exist": (
        spec("{guidance: +1}").replace("prompt: a lamp\n    models: [m]", "from: photo.png\n"),
        """\
        specs/catalog.yaml:12:49: rule 'brightness' adjusts what a model is asked for, and no model makes these pictures
           12 |       - brightness: {min: 0.3, on_fail: reroll, adjust: {guidance: +1}}
              |                                                 ^^^^^^
        hint: leave 'adjust' out
        """,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_some_attempt_could_not_ask_is_refused_at_its_place(
    expanded: Callable[..., Expansion], name: str
) -> None:
    text, told = FAULTS[name]
    with pytest.raises(SpecError) as caught:
        expanded(text, {"specs/photo.png": b""})
    said = StringIO()
    print_error(caught.value, said, color=False)
    assert said.getvalue() == dedent(told)


def test_what_hangs_on_a_row_fails_with_the_row(targets: Callable[..., list[Target]]) -> None:
    text = spec(
        '{guidance: +5, prompt: "+ lamp"}',
        asset="matrix: {g: [1, 12], c: [red, blue]}\n    params: {guidance: '{{ g }}'}\n    forbid: [red lamp]",
    ).replace("prompt: a lamp", 'prompt: "{{ c }}"')
    assert [(target.fault, target.hint) for target in targets(text)] == [
        ("the adjusted prompt holds the forbidden word 'red lamp'", "adjust it otherwise"),
        ("", ""),
        (
            "parameter 'guidance' of model 'm' must be at most 20, and 2 rerolls can make it 22",
            "it takes a number from 0 to 20; adjust it by less, or allow fewer 'attempts'",
        ),
        (
            "parameter 'guidance' of model 'm' must be at most 20, and 2 rerolls can make it 22",
            "it takes a number from 0 to 20; adjust it by less, or allow fewer 'attempts'",
        ),
    ]


def test_a_prompt_that_grows_too_long_fails_with_its_row(expanded: Callable[..., Expansion]) -> None:
    (target,) = expanded(
        spec('{prompt: "+, dusk"}', asset="attempts: 3"), policy={"prompt_length": 20}
    ).targets
    assert (target.fault, target.hint) == (
        "the prompt has 22 characters, more than the 20 allowed, when it is adjusted as often as it may be",
        "shorten it",
    )


def test_a_profile_without_rules_adjusts_nothing(expanded: Callable[..., Expansion]) -> None:
    (target,) = expanded(spec("{nothing: +1}"), profile=Profile(validate=False)).targets
    assert target.recipe.adjustments == ()


def test_many_attempts_are_looked_at_in_no_time(targets: Callable[..., list[Target]]) -> None:
    rules = "".join(
        f"      - brightness: {{min: 0.{n}, on_fail: reroll, adjust: {{guidance: +0.00{n}, steps: 20}}}}\n"
        for n in range(1, 9)
    )
    with pytest.raises(SpecError, match=r"379 rerolls can make it 20\.001"):
        targets(spec("{guidance: +0.001}", asset="attempts: 500") + rules)
