"""Which model makes a cell, and what it is asked; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from imgbuild.errors import Misdeclared, SpecError
from imgbuild.expand import Expansion
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.settings import Profile
from imgbuild.types import Capabilities, Grade, Image, Model, Request, Target

Targets = Callable[..., list[Target]]


class Narrow(Provider):
    """Takes little."""

    name = "narrow"

    def capabilities(self, model: Model) -> Capabilities:
        if model.source == "gone":
            raise SpecError("narrow has no 'gone'", hint="it was removed")
        if model.source == "odd":
            raise Misdeclared("there is no 'lmap'", ("params", "body", 1), word="lmap", hint="a lamp?")
        if model.source == "odder":
            raise Misdeclared("'body' is not needed", ("params", "body"), key=True)
        return Capabilities(
            takes=frozenset(),
            grade=Grade.STORED,
            params={"steps": {"type": "integer", "minimum": 1}, "quality": {"enum": ["low", "high"]}},
            multiple_of=8,
            min_side=64,
            max_side=2048,
            sizes=((512, 512), (1024, 512)) if model.source == "fixed" else (),
            default_size=(512, 512),
        )

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        raise NotImplementedError


class Local(Narrow):
    """Has parameters of the model itself, one that is in no key, and one that needs a picture."""

    name = "local"

    def capabilities(self, model: Model) -> Capabilities:
        return Capabilities(
            takes=frozenset({"image"}),
            grade=Grade.BITWISE,
            params={"steps": {}, "batch": {}, "offload": {}, "strength": {}, "body": {}},
            of_model=frozenset({"batch", "body"}),
            unkeyed=frozenset({"offload"}),
            verbatim=frozenset({"body"}),
            needs={"strength": "image"},
            prompt_tokens=77,
        )


class Shapeless(Narrow):
    """Can't be told a size, and says what would let it take more."""

    name = "shapeless"

    def capabilities(self, model: Model) -> Capabilities:
        ways = {"size": "bind its width and height", "negative": "bind its text", "mask": "bind its mask"}
        return Capabilities(takes=frozenset(), grade=Grade.STORED, ways=ways, sized=False)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS._loaded, "narrow", Narrow)
    monkeypatch.setitem(PROVIDERS._loaded, "local", Local)
    monkeypatch.setitem(PROVIDERS._loaded, "shapeless", Shapeless)


def spec(body: str, **models: str) -> str:
    declared = "".join(f"  {name}: {{{text}}}\n" for name, text in models.items())
    section = f"models:\n{declared}" if models else ""
    return f"version: 1\n{section}assets:\n  a: {{prompt: a lamp, {body}}}\n"


def aliases(targets: list[Target]) -> list[str]:
    return [target.recipe.model.alias for target in targets if target.recipe.model]


def test_every_model_of_the_list_makes_every_cell(targets: Targets) -> None:
    made = targets(
        spec("models: [m, n], matrix: {c: [1, 2]}", m="provider: placeholder", n="provider: narrow")
    )
    assert [target.id.partition("]")[2] for target in made] == ["@m#0", "@n#0", "@m#0", "@n#0"]
    assert made[0].recipe is made[2].recipe
    assert made[0].recipe.model is made[2].recipe.model


def test_the_route_picks_one_model_a_cell(targets: Targets) -> None:
    body = "vars: {big: false}, matrix: {n: [1, 5, 9], k: [x]}, route: [{when: big or n > 5, model: m}, {model: n}]"
    made = targets(spec(body, m="provider: placeholder", n="provider: narrow"))
    assert aliases(made) == ["n", "n", "m"]
    assert made[0].output == "a/1_x_n_0.png"


def test_a_cell_that_no_line_of_the_route_takes(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec("matrix: {n: [1, 5]}, route: [{when: n > 1, model: m}]", m="provider: placeholder"))
    assert caught.value.message == "no line of the route holds for cell [n=1]"
    assert caught.value.hint == "end the route with a line without 'when'"


def test_without_models_the_one_declared_or_the_stand_in_is_used(targets: Targets) -> None:
    assert aliases(targets(spec("seeds: 1", m="provider: narrow"))) == ["m"]
    assert aliases(targets(spec("seeds: 1"))) == ["placeholder"]
    with pytest.raises(SpecError) as caught:
        targets(spec("seeds: 1", m="provider: narrow", n="provider: narrow"))
    assert caught.value.message == "asset 'a' does not say which model makes it"
    assert caught.value.hint == "add 'models: [m]'. Models here: m, n"


def test_parameters_and_sizes_by_rank(targets: Targets) -> None:
    body = "params: {steps: 40, x: 1}, models: [m]"
    model = "provider: placeholder, size: 64x32, params: {steps: 30, guidance: 5, y: 2}"
    (made,) = targets(spec(body, m=model))
    assert made.asks[0].params == {"steps": 40, "guidance": 5, "y": 2, "x": 1}
    assert (made.asks[0].width, made.asks[0].height) == (64, 32)
    profile = Profile(size="16x16", params={"steps": 2}, attempts=1, validate=False)
    (made,) = targets(spec(body + ", size: 8x8, validate: [not_blank]", m=model), profile=profile)
    assert made.asks[0].params == {"steps": 2, "guidance": 5, "y": 2, "x": 1}
    assert (made.asks[0].width, made.asks[0].height) == (16, 16)
    assert (made.recipe.attempts, made.recipe.rules) == (1, ())


def test_parameters_and_sizes_take_variables(targets: Targets) -> None:
    body = (
        "matrix: {n: [1, 2], w: [32]}, size: '{{ w }}x{{ n * 16 }}',"
        " params: {steps: '{{ n * 10 }}', k: '{{ n }}', text: 'n {{ n }}', list: [{at: '{{ n }}'}], same: '{{ w }}'}"
    )
    first, second = targets(spec(body))
    assert first.asks[0].params == {"steps": 10, "k": 1, "text": "n 1", "list": [{"at": 1}], "same": 32}
    assert (second.asks[0].width, second.asks[0].height) == (32, 32)


def test_text_of_tables_becomes_the_number_that_is_wanted(targets: Targets) -> None:
    body = "matrix: {p: {csv: p.csv, key: id}}, params: {steps: '{{ n }}', scheduler: '{{ n }}', other: '{{ n }}'}"
    made = targets(spec(body), {"specs/p.csv": "id,n\n1,5\n2,many\n"})
    assert made[0].asks[0].params == {"steps": 5, "scheduler": "5", "other": "5"}
    assert made[1].fault == "parameter 'steps' of model 'placeholder' must be a whole number, not 'many'"
    assert made[1].hint == "it takes a whole number from 1 to 1000"


def test_equal_parameters_are_one_object(targets: Targets) -> None:
    made = targets(spec("matrix: {n: [1, 2], k: [3, 4]}, params: {steps: '{{ n }}'}"))
    assert made[0].asks[0].params is made[1].asks[0].params is not made[2].asks[0].params
    made = targets(spec("matrix: {n: [1, 2]}, params: {steps: 3}, seeds: 2"))
    assert made[0].asks[0].params is made[3].asks[0].params
    assert made[0].asks is made[1].asks


def test_rows_with_sizes_that_do_not_fit(targets: Targets) -> None:
    made = targets(
        spec("matrix: {s: [512x512, 100x100, big, 4096x64]}, size: '{{ s }}'", m="provider: narrow")
    )
    assert [(target.fault, target.hint) for target in made] == [
        ("", ""),
        ("model 'm' makes no images of 100x100", "sides must be multiples of 8"),
        ("'big' is not a size", "write it as 1024x768"),
        ("model 'm' makes no images of 4096x64", "sides must be 64 to 2048 pixels"),
    ]
    assert len(made[2].asks) == 1


REFUSED = [
    ("negative: dark", "takes no negative prompt", "negative: drop}' or '{negative: fold"),
    ("inputs: {image: i.png}", "takes no input 'image'", "image: drop"),
    ("params: {cfg: 3}", "takes no parameter 'cfg'", "cfg: drop"),
    ("inputs: {strength: 0.5}", "takes no parameter 'strength'", "strength: drop"),
    ("size: 1000x500", "makes no images of 1000x500", "size: drop"),
]


@pytest.mark.parametrize(("body", "message", "way"), REFUSED)
@pytest.mark.parametrize("fallback", [False, True])
def test_what_a_model_does_not_take_is_an_error(
    targets: Targets, body: str, message: str, way: str, fallback: bool
) -> None:
    models = {"m": "provider: narrow"}
    title = "model 'm'"
    if fallback:
        models = {"first": "provider: placeholder, fallback: [m]", **models}
        title = "model 'm', which takes over from 'first',"
    with pytest.raises(SpecError) as caught:
        targets(spec(f"{body}, models: [{next(iter(models))}]", **models), {"specs/i.png": b""})
    assert caught.value.message == f"{title} {message}"
    assert caught.value.hint.startswith(f"leave it out, or let the model say 'unsupported: {{{way}}}'")
    assert caught.value.where is not None
    assert "prompt: a lamp" in caught.value.where.text


def test_the_error_of_what_is_not_taken_in_full(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec("params: {cfg: 3}", m="provider: narrow"))
    assert str(caught.value) == (
        "specs/catalog.yaml:5:32: model 'm' takes no parameter 'cfg'\n"
        "    5 |   a: {prompt: a lamp, params: {cfg: 3}}\n"
        "      |                                ^^^\n"
        "hint: leave it out, or let the model say 'unsupported: {cfg: drop}'; its parameters: quality, steps"
    )


WAYS = [
    ("size: 64x64", "size", "drop", "takes no size", "bind its width and height"),
    ("matrix: {n: [64]}, size: '{{ n }}x64'", "size", "drop", "takes no size", "bind its width and height"),
    ("negative: dark", "negative", "drop}' or '{negative: fold", "takes no negative prompt", "bind its text"),
    ("inputs: {mask: i.png}", "mask", "drop", "takes no input 'mask'", "bind its mask"),
]


@pytest.mark.parametrize(("body", "what", "ways", "message", "way"), WAYS)
def test_what_would_let_a_model_take_it_is_told(
    targets: Targets, body: str, what: str, ways: str, message: str, way: str
) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec(body, m="provider: shapeless"), {"specs/i.png": b""})
    assert (caught.value.message, caught.value.hint) == (
        f"model 'm' {message}",
        f"{way}, leave it out, or let the model say 'unsupported: {{{what}: {ways}}}'",
    )


def test_a_size_is_dropped_where_the_model_takes_none(targets: Targets) -> None:
    (made,) = targets(spec("size: 64x64", m="provider: shapeless, unsupported: {size: drop}"))
    assert (made.asks[0].width, made.asks[0].height) == (1024, 1024)
    (made,) = targets(spec("seeds: 1", m="provider: shapeless"))
    assert (made.asks[0].width, made.asks[0].height) == (1024, 1024)


@pytest.mark.parametrize(
    "unsupported", ["drop", "{negative: drop, image: drop, cfg: drop, strength: drop, size: drop}"]
)
def test_dropped_where_the_model_says_so(targets: Targets, unsupported: str) -> None:
    body = "negative: dark, inputs: {image: i.png, strength: 0.5}, params: {cfg: 3, steps: 4}, size: 100x100"
    (made,) = targets(spec(body, m=f"provider: narrow, unsupported: {unsupported}"), {"specs/i.png": b""})
    ask = made.asks[0]
    assert (ask.prompt, ask.negative, ask.params) == ("a lamp", "", {"steps": 4})
    assert (ask.width, ask.height, made.inputs) == (512, 512, ())


def test_a_negative_prompt_is_folded_where_the_model_says_so(targets: Targets) -> None:
    models = {
        "m": "provider: narrow, unsupported: {negative: fold}, fallback: [p]",
        "p": "provider: placeholder",
    }
    (made,) = targets(spec("negative: 'dark, blurry', models: [m]", **models))
    assert [(ask.alias, ask.prompt, ask.negative) for ask in made.asks] == [
        ("m", "a lamp. Avoid: dark, blurry", ""),
        ("p", "a lamp", "dark, blurry"),
    ]
    assert [bound.alias for bound in made.recipe.fallbacks] == ["p"]


@pytest.mark.parametrize(
    ("body", "model", "message"),
    [
        (
            "params: {steps: 0}",
            "provider: narrow",
            "parameter 'steps' of model 'm' must be at least 1",
        ),
        (
            "seeds: 1",
            "provider: narrow, params: {quality: best}",
            "parameter 'quality' of model 'm' can't be 'best'",
        ),
        ("seeds: 1", "provider: narow", "unknown provider 'narow'"),
        ("seeds: 1", "provider: narrow, source: gone", "narrow has no 'gone'"),
        ("size: 512x1024", "provider: narrow, source: fixed", "model 'm' makes no images of 512x1024"),
        ("models: [m, m]", "provider: narrow", "model 'm' is listed twice"),
    ],
)
def test_faults(targets: Targets, body: str, model: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec(body, m=model))
    assert caught.value.message == message
    assert caught.value.where is not None
    assert caught.value.hint


def test_profiles_put_other_models_in_place(targets: Targets) -> None:
    models = {"m": "provider: narrow, params: {steps: 3}", "n": "provider: placeholder, source: x"}
    text = spec("models: [m], seeds: 1", **models)

    def model(replacement: Any) -> Model:
        (made,) = targets(text, profile=Profile(models=replacement))
        assert made.id == "catalog/a@m#0"
        assert made.recipe.model is not None
        return made.recipe.model.model

    assert model({"m": "n"}).source == "x"
    assert model({"*": Model(provider="placeholder", source="y")}).source == "y"
    assert model({"m": Model(provider="narrow"), "*": "n"}).provider == "narrow"
    assert model({"*": "placeholder"}) == Model(provider="placeholder", params={"steps": 3})
    with pytest.raises(SpecError) as caught:
        model({"*": "nn"})
    assert caught.value.message == "profile 'preview' puts 'nn' in place of 'm', which is no model here"


def test_profiles_are_checked_too(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec("seeds: 1", m="provider: narrow"), profile=Profile(params={"guidance": 2}))
    assert caught.value.message == "model 'm' takes no parameter 'guidance'"
    with pytest.raises(SpecError) as caught:
        targets(spec("seeds: 1", m="provider: narrow"), profile=Profile(size="9x9"))
    assert caught.value.message == "model 'm' makes no images of 9x9"


def test_policies_on_providers_and_licences(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec("seeds: 1", m="provider: narrow"), policy={"providers": ["openai"]})
    assert str(caught.value) == (
        "specs/catalog.yaml:3:17: model 'm' is of provider 'narrow', which the project does not allow\n"
        "    3 |   m: {provider: narrow}\n"
        "      |                 ^^^^^^\n"
        "hint: allowed: openai ('policy.providers' in imgbuild.yaml)"
    )
    with pytest.raises(SpecError, match="model 'm' has the licence 'nc', which the project does not allow"):
        targets(spec("seeds: 1", m="provider: narrow, license: nc"), policy={"licenses": ["mit"]})
    with pytest.raises(SpecError, match="model 'm' states no licence, which the project does not allow"):
        targets(spec("seeds: 1", m="provider: narrow"), policy={"licenses": ["mit"]})
    assert targets(spec("seeds: 1", m="provider: narrow, license: mit"), policy={"licenses": ["mit"]})


def test_lint(expanded: Callable[..., Expansion]) -> None:
    models = {"p": "provider: placeholder, params: {guidance: 30}", "m": "provider: narrow"}
    made = expanded(spec("models: [p]", **models))
    assert [notice.message for notice in made.warnings] == [
        "guidance 30 burns images: models are made for 1 to 20"
    ]
    made = expanded(spec("models: [m], size: 2048x2048", **models))
    assert [notice.message for notice in made.warnings] == [
        "2048x2048 is far from the 512x512 that model 'm' was made for"
    ]


@pytest.mark.parametrize(("words", "told"), [(76, 0), (77, 1)])
def test_a_prompt_that_is_longer_than_what_is_read(
    expanded: Callable[..., Expansion], words: int, told: int
) -> None:
    prompt = " ".join(["{{ colour }}", *["lamp"] * (words - 1)])
    made = expanded(
        "models:\n  m: {provider: local}\nassets:\n  a:\n"
        f"    prompt: {prompt!r}\n    matrix: {{colour: [red, blue]}}\n"
    )
    assert [notice.message for notice in made.warnings] == [
        "a prompt is longer than the 77 tokens that model 'm' reads: its end is lost"
    ] * told


def test_a_fault_that_a_provider_finds_is_told_at_its_place(targets: Targets) -> None:
    body = "\n  m:\n    provider: narrow\n    source: {source}\n    params:\n      body: [a lamp, a lmap]\n"
    text = "models:" + body + "assets:\n  a: {{prompt: a lamp}}\n"
    with pytest.raises(SpecError) as caught:
        targets(text.format(source="odd"))
    assert str(caught.value) == (
        "specs/catalog.yaml:6:24: there is no 'lmap'\n"
        "    6 |       body: [a lamp, a lmap]\n"
        "      |                        ^^^^\n"
        "hint: a lamp?"
    )
    with pytest.raises(SpecError) as caught:
        targets(text.format(source="odder"))
    assert str(caught.value) == (
        "specs/catalog.yaml:6:7: 'body' is not needed\n"
        "    6 |       body: [a lamp, a lmap]\n"
        "      |       ^^^^"
    )


# --- parameters of the model itself ---------------------------------------------------------------------------


def test_a_parameter_that_is_in_no_key_is_kept_apart(targets: Targets) -> None:
    (made,) = targets(spec("params: {steps: 2, offload: all}", m="provider: local, params: {batch: 4}"))
    (ask,) = made.asks
    assert (ask.params, ask.unkeyed) == ({"batch": 4, "steps": 2}, {"offload": "all"})


def test_templates_of_the_provider_are_left_as_they_are_written(targets: Targets) -> None:
    (made,) = targets(spec("models: [m]", m='provider: local, params: {body: ["{{ seed }}", "{% x"]}'))
    assert made.asks[0].params == {"body": ["{{ seed }}", "{% x"]}


def test_a_parameter_of_the_model_that_has_no_meaning_here_is_left_out(targets: Targets) -> None:
    (made,) = targets(spec("models: [m]", m="provider: local, params: {strength: 0.5}"))
    assert made.asks[0].params == {}


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (
            "params: {batch: 8}",
            "parameter 'batch' of model 'm' can't differ between its images",
            "give it in the model's own declaration; declare another model for another value",
        ),
        (
            "params: {strength: 0.5}",
            "parameter 'strength' of model 'm' means nothing without an input 'image'",
            "leave it out, or give 'inputs: {image: …}'",
        ),
    ],
)
def test_parameters_that_an_asset_can_not_give(targets: Targets, body: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        targets(spec(body, m="provider: local"))
    assert (caught.value.message, caught.value.hint) == (message, hint)
