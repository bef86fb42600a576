"""What intents and keys are taken over: literal digests, what changes them, and what never does."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert
from msgspec.structs import replace

from imgbuild.keys import (
    DECLARED,
    Intents,
    Way,
    bound_at,
    encode_key,
    generate_key,
    import_key,
    inputs_for,
    pin_fields,
    process_key,
    rule_reference,
    seal_rules,
)
from imgbuild.plan import inputs_digest, outcome_key, peers_digest
from imgbuild.process.adjust import Adjust
from imgbuild.process.compose import Compose, Layer
from imgbuild.process.resize import Resize
from imgbuild.rules.sharpness import Sharpness
from imgbuild.rules.similar_to import SimilarTo
from imgbuild.rules.unique import Unique
from imgbuild.types import Adjustment, Change, Format, Input, Line, Pin

GOLDEN = json.loads((Path(__file__).parent / "golden" / "digests.json").read_text(encoding="utf-8"))

PIN = Pin(provider="diffusers", source="acme/xl", revision="4621659", weights="w" * 43, declared="main")
OTHER = Pin(provider="openai", source="gpt-image-2", revision="2026-04-21", adapter=3)
PINS = {("shop", "paint"): PIN, ("shop", "other"): OTHER}
FILES = {"refs/a.png": "f" * 43, "refs/b.png": "g" * 43}
RESIZE = Resize(width=512, height=512)
LAYERS = [Layer(asset="base"), Layer(picture=True, scale=0.5)]


@pytest.fixture(scope="module")
def intent(target):
    """A function: what is different about a target (or the pins or files) → its intent."""

    def of(id="shop/lamps[color=red]@paint#0", *, pins=PINS, files=FILES, upstream=None, position=0, **own):
        own = {"params": {"steps": 30, "guidance": 6.5}, "prompt": "a red lamp", **own}
        return Intents(pins, files).of(target(id, **own), upstream or {}, Way(position))

    return of


# --- golden ---------------------------------------------------------------------------------------------


def cases(target, model, intent):
    """Everything that is hashed into locks and stores, by name."""
    ask = target(prompt="a red lamp", negative="blurry", params={"steps": 30, "guidance": 6.5}).asks[0]
    edge = target(needs=["shop/base#0", "shop/mask#0"])
    rules = (Sharpness(min=100, on_fail="reroll"), SimilarTo(reference="refs/a.png"), Unique(distance=6))
    return {
        "intent": intent(),
        "intent, processed": intent(
            process=(RESIZE, Adjust(gamma=1.2)), format=Format(type="webp", quality=90)
        ),
        "intent, from a file": intent("shop/cut[sku=A1]#0", inputs=(Input(role="image", file="refs/a.png"),)),
        "intent, from targets": intent(
            needs=["shop/base#0", "shop/mask#0"], upstream={"shop/base#0": "b" * 43, "shop/mask#0": "m" * 43}
        ),
        "intent, by a fallback": intent(models=[model("paint"), model("other")], position=1),
        "generate": generate_key(ask, PIN, 42, {}),
        "generate, from pictures": generate_key(ask, PIN, 42, {"image": ["p" * 43], "mask": ["q" * 43]}),
        "import": import_key("f" * 43),
        "process": process_key(RESIZE, "p" * 43),
        "process, with layers": process_key(Compose(layers=LAYERS), "p" * 43, {"asset://base": "b" * 43}.get),
        "encode": encode_key(Format(type="webp", quality=90, lossless=False), "p" * 43),
        "encode, described": encode_key(Format(type="webp"), "p" * 43, {"source": "trainedAlgorithmicMedia"}),
        "rules": seal_rules(rules, 3, FILES.get),
        "measured with a reference": (rule_reference(rules[1], FILES.get), None),
        "inputs": (inputs_digest(edge, {"shop/base#0": "b" * 43, "shop/mask#0": "m" * 43}), None),
        "outcome": (outcome_key("i" * 43, "r" * 43, "p" * 43), None),
        "peers": (peers_digest({"shop/lamps@paint#1": "q" * 43, "shop/lamps@paint#0": "p" * 43}), None),
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_stay_what_they_are(name, target, model, intent):
    digest, manifest = cases(target, model, intent)[name]
    assert (digest, manifest) == (GOLDEN[name]["digest"], GOLDEN[name].get("manifest"))


def test_all_that_is_hashed_has_a_golden_digest(target, model, intent):
    assert list(GOLDEN) == list(cases(target, model, intent))


# --- what is not in an intent -----------------------------------------------------------------------------

NOT_IN_IT = {
    "the seed": {"seed": 8},
    "a seed that the spec wrote down": {"seed": 8, "explicit": True},
    "the index": {"id": "shop/lamps[color=red]@paint#3"},
    "the names of asset and variable": {"id": "shop/candles[colour=rot]@paint#0"},
    "the output's name": {"output": "elsewhere.png"},
    "tags": {"tags": ("catalog",)},
    "rules": {"rules": (Sharpness(min=100), Unique())},
    "attempts": {"attempts": 9},
    "the order of parameters": {"params": {"guidance": 6.5, "steps": 30}},
    "how a whole number is written": {"params": {"steps": 30.0, "guidance": 6.5}},
    "a hint": {"hint": "look here"},
}


@pytest.mark.parametrize("name", NOT_IN_IT)
def test_not_in_an_intent(name, intent):
    assert intent(**NOT_IN_IT[name]) == intent()


def test_the_models_alias_home_and_licence_are_not_in_an_intent(intent, model):
    named = model("fancy", home="shared", license="openrail++", revision="main", fallback=["other"])
    pins = {("shared", "fancy"): PIN}
    assert intent("shop/lamps[color=red]@fancy#0", models=[named], pins=pins) == intent()


def test_what_the_spec_asked_for_is_not_in_an_intent_once_it_is_pinned(intent):
    assert intent(pins={("shop", "paint"): replace(PIN, declared="v2")}) == intent()


def test_fallbacks_are_not_in_an_intent_until_one_made_the_image(intent, model):
    chain = [model("paint"), model("other")]
    assert intent(models=chain) == intent()
    assert intent(models=chain, position=1) != intent()


# --- what is ------------------------------------------------------------------------------------------------

IN_IT = {
    "the prompt": ({"prompt": "a blue lamp"}, "prompt"),
    "the negative prompt": ({"negative": "blurry"}, "negative"),
    "the width": ({"width": 24}, "width"),
    "the height": ({"height": 24}, "height"),
    "a parameter's value": ({"params": {"steps": 31, "guidance": 6.5}}, "params"),
    "a parameter more": ({"params": {"steps": 30, "guidance": 6.5, "scheduler": "Euler"}}, "params"),
    "a parameter less": ({"params": {"steps": 30}}, "params"),
    "an operation": ({"process": (RESIZE,)}, "process"),
    "the file type": ({"format": Format(type="webp")}, "format"),
    "an option of the encoder": ({"format": Format(compress_level=9)}, "format"),
    "an input": ({"inputs": (Input(role="image", file="refs/a.png"),)}, "inputs"),
    "the provider": ({"pins": {("shop", "paint"): replace(PIN, provider="other")}}, "model"),
    "the source": ({"pins": {("shop", "paint"): replace(PIN, source="acme/other")}}, "model"),
    "the revision": ({"pins": {("shop", "paint"): replace(PIN, revision="5")}}, "model"),
    "the weights": ({"pins": {("shop", "paint"): replace(PIN, weights="v" * 43)}}, "model"),
    "the adapter's version": ({"pins": {("shop", "paint"): replace(PIN, adapter=2)}}, "model"),
}


@pytest.mark.parametrize("name", IN_IT)
def test_in_an_intent(name, intent):
    change, field = IN_IT[name]
    (before, old), (after, new) = intent(), intent(**change)
    assert before != after
    assert {key for key in {*old, *new} if old.get(key) != new.get(key)} == {field}


def test_every_part_of_a_pin_but_what_was_asked_for_or_chosen_is_in_an_intent():
    assert {*pin_fields(PIN)} == {*Pin.__struct_fields__} - {"declared", "takes", "chosen"}


def test_a_model_whose_files_were_looked_at_is_the_same_wherever_they_come_from(intent):
    pin = replace(PIN, takes={"size": [512, 512]})
    mirror = replace(pin, source="./models/xl", revision="", declared="", takes={"size": [64, 64]})
    assert intent(pins={("shop", "paint"): mirror}) == intent(pins={("shop", "paint"): pin})
    assert intent(pins={("shop", "paint"): replace(pin, weights="v" * 43)}) != intent(
        pins={("shop", "paint"): pin}
    )


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=5), st.randoms())
def test_parameters_count_whatever_their_order(intent, params, dice):
    items = list(params.items())
    dice.shuffle(items)
    assert intent(params=dict(items)) == intent(params=params)
    assert intent(params={**params, "more": 1}) != intent(params=params)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_six_and_six_point_nought_are_one_parameter(intent, number):
    assert intent(params={"x": number, "y": [{"z": float(number)}]}) == intent(
        params={"x": float(number), "y": [{"z": number}]}
    )


def test_a_parameter_counts_however_its_text_is_composed(intent):
    composed, decomposed = {"style": "caf\u00e9"}, {"style": "cafe\u0301"}
    assert intent(params=composed) == intent(params=decomposed)
    assert intent(params=composed) != intent(params={"style": "cafe"})


@pytest.mark.parametrize(
    ("kind", "whole", "fraction"),
    [
        (Adjust, {"gamma": 2}, {"gamma": 2.0}),
        (Sharpness, {"min": 100}, {"min": 100.0}),
    ],
)
def test_a_whole_number_is_one_value_in_operations_and_rules_too(kind, whole, fraction):
    one, other = convert(whole, kind), convert(fraction, kind)
    if kind is Adjust:
        assert process_key(one, "p") == process_key(other, "p")
    else:
        assert seal_rules([one], 3, {}.get) == seal_rules([other], 3, {}.get)


def test_the_version_of_an_operation_is_in_its_key(monkeypatch):
    before = process_key(RESIZE, "p")
    monkeypatch.setattr(Resize, "version", Resize.version + 1)
    assert process_key(RESIZE, "p") != before


def test_operations_count_in_their_order(intent):
    assert intent(process=(RESIZE, Adjust())) != intent(process=(Adjust(), RESIZE))


def test_input_files_count_by_their_bytes_and_role_and_not_by_their_names(intent):
    def of(role="image", file="refs/a.png", files=FILES):
        return intent(inputs=(Input(role=role, file=file),), files=files)

    assert of(file="moved.png", files={"moved.png": FILES["refs/a.png"]}) == of()
    assert of(files={"refs/a.png": "z" * 43}) != of()
    assert of(role="mask") != of()


def test_inputs_of_one_role_count_in_their_order(intent):
    one, other = Input(role="reference", file="refs/a.png"), Input(role="reference", file="refs/b.png")
    assert intent(inputs=(one, other)) != intent(inputs=(other, one))


def test_roles_count_whatever_their_order(intent):
    one, other = Input(role="image", file="refs/a.png"), Input(role="mask", file="refs/b.png")
    assert intent(inputs=(one, other))[0] == intent(inputs=(other, one))[0]


def test_upstream_counts_by_its_intent_and_not_by_its_name(intent):
    one = intent(needs=["shop/base#0"], upstream={"shop/base#0": "b" * 43})
    assert intent(needs=["shop/moved#0"], upstream={"shop/moved#0": "b" * 43}) == one
    assert intent(needs=["shop/base#0"], upstream={"shop/base#0": "c" * 43}) != one


def test_there_is_no_intent_while_a_model_is_unpinned(intent, model):
    chain = [model("paint"), model("other")]
    assert intent(pins={}) is None
    assert intent(models=chain, pins={("shop", "paint"): PIN}) is not None
    assert intent(models=chain, pins={("shop", "paint"): PIN}, position=1) is None
    assert intent("shop/cut#0", pins={}, inputs=(Input(role="image", file="refs/a.png"),)) is not None


# --- who made the locked image ----------------------------------------------------------------------------


def made_by(via, intent=""):
    return Line(seed=1, attempt=0, via=via, intent=intent)


def test_which_of_the_chain_made_the_image(target, model):
    lamp = target(models=[model("paint"), model("other"), model("third")])
    intents = Intents({**PINS, ("shop", "third"): PIN}, {})
    assert intents.way_of(lamp, {}, None) == DECLARED
    assert [intents.way_of(lamp, {}, made_by(via)) for via in ("", "other", "third")] == [
        Way(),
        Way(1),
        Way(2),
    ]
    assert intents.way_of(lamp, {}, made_by("gone")) == DECLARED


def an_adjusting(target, *labels, **own):
    """A target whose rules each add to its guidance: the first 1, the second 2."""
    found = [
        Adjustment(label=label, place=at, changes=((Change(name="guidance", value=at + 1, adds=True),),))
        for at, label in enumerate(labels)
    ]
    return target(**{"params": {"guidance": 6}, "adjustments": tuple(found), **own})


def test_an_adjusted_image_has_the_intent_of_what_was_asked(target):
    intents = Intents(PINS, {})
    lamp = an_adjusting(target, "sharpness", "contrast")
    way = Way(0, ("sharpness", "contrast", "sharpness"))
    assert intents.of(lamp, {}, way)[0] == intents.of(target(params={"guidance": 10}), {})[0]
    assert intents.of(lamp, {})[0] == intents.of(target(params={"guidance": 6}), {})[0]


def test_the_adjustments_of_a_line_are_known_by_their_rules_or_by_their_intent(target):
    intents = Intents(PINS, {})

    def found(lamp, labels, intent):
        return intents.way_of(lamp, {}, Line(seed=1, attempt=1, intent=intent, adjusted=labels)).adjusted

    def intent(lamp, *labels):
        return intents.of(lamp, {}, Way(0, labels))[0]

    lamp = an_adjusting(target, "sharpness", "sharpness#2")
    by_first, by_second = intent(lamp, "sharpness"), intent(lamp, "sharpness#2")
    assert found(lamp, ("sharpness",), by_first) == ("sharpness",)
    assert found(lamp, ("sharpness",), by_second) == ("sharpness#2",)  # they changed places
    assert found(lamp, ("sharpness",), "another") == ("sharpness",)  # what it would be asked for now
    assert found(lamp, ("sharpness",), intent(lamp)) == ()  # it is declared so by now
    assert found(an_adjusting(target, "contrast"), ("sharpness",), by_first) == ()


def test_an_adjustment_counts_among_the_rules_and_in_no_measurement():
    plain, adjusting = (
        Sharpness(min=1, on_fail="reroll", **own) for own in ({}, {"adjust": {"guidance": "+1"}})
    )
    assert seal_rules([plain], 3, {}.get)[0] != seal_rules([adjusting], 3, {}.get)[0]
    assert "adjust" not in seal_rules([plain], 3, {}.get)[1]["rules"][0]
    assert rule_reference(plain, {}.get) == rule_reference(adjusting, {}.get)


def test_a_fallback_under_another_alias_is_known_by_its_intent(target, model):
    lamp = target(models=[model("paint"), model("third"), model("renamed")])
    intents = Intents({**PINS, ("shop", "renamed"): OTHER}, {})
    before = Intents(PINS, {}).of(target(models=[model("paint"), model("other")]), {}, Way(1))
    assert intents.way_of(lamp, {}, made_by("other", before[0])) == Way(2)


def test_the_chain_of_models(target, model):
    chain = [model("paint"), model("other")]
    lamp = target(models=chain)
    assert [bound_at(lamp, position) for position in (0, 1)] == chain


def test_a_model_gets_the_inputs_that_it_takes(target, model):
    chain = [model("paint"), model("other", takes=["mask"])]
    inputs = tuple(Input(role=role, file="refs/a.png") for role in ("image", "mask"))
    lamp = target(models=chain, inputs=inputs)
    assert inputs_for(lamp, 0) == list(inputs)
    assert inputs_for(lamp, 1) == [inputs[1]]


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_key_has_the_seed_and_the_pixels_that_go_in(target):
    ask = target().asks[0]
    key = generate_key(ask, PIN, 1, {"image": ["p"]})[0]
    assert key != generate_key(ask, PIN, 2, {"image": ["p"]})[0]
    assert key != generate_key(ask, PIN, 1, {"image": ["q"]})[0]
    assert key != generate_key(ask, PIN, 1, {"mask": ["p"]})[0]
    assert (
        key
        == generate_key(replace(ask, alias="renamed"), replace(PIN, declared="v2"), 1, {"image": ["p"]})[0]
    )


def test_keys_of_different_steps_never_meet():
    assert len({import_key("x")[0], process_key(RESIZE, "x")[0], encode_key(Format(), "x")[0]}) == 3


def test_thresholds_are_not_in_what_a_measurement_depends_on():
    assert (
        rule_reference(Sharpness(min=1), {}.get)
        == rule_reference(Sharpness(max=9, on_fail="warn"), {}.get)
        == ""
    )
    near, far = SimilarTo(reference="refs/a.png", distance=1), SimilarTo(reference="refs/a.png", distance=9)
    assert rule_reference(near, FILES.get) == rule_reference(far, FILES.get) != ""


def test_the_bytes_of_a_reference_are_in_what_a_measurement_depends_on():
    rule = SimilarTo(reference="refs/a.png")
    known = rule_reference(rule, FILES.get)
    assert rule_reference(rule, {"refs/a.png": "z" * 43}.get) != known
    assert rule_reference(rule, {}.get) not in (known, "")


def test_everything_about_a_rule_is_in_what_an_outcome_holds_for():
    base = seal_rules([Sharpness(min=1)], 3, {}.get)[0]
    others = [
        seal_rules([Sharpness(min=2)], 3, {}.get)[0],
        seal_rules([Sharpness(min=1, on_fail="warn")], 3, {}.get)[0],
        seal_rules([Sharpness(min=1)], 4, {}.get)[0],
        seal_rules([], 3, {}.get)[0],
        seal_rules([Sharpness(min=1), Unique()], 3, {}.get)[0],
    ]
    assert len({base, *others}) == 6


def test_what_an_outcome_holds_for():
    assert len({outcome_key("i", "r", "a"), outcome_key("i", "r", "b"), outcome_key("i", "s", "a")}) == 3


def test_the_pixels_of_inputs(target):
    edge = target(needs=["shop/a#0", "shop/b#0"])
    pixels = {"shop/a#0": "p", "shop/b#0": "q"}
    known = inputs_digest(edge, pixels)
    assert inputs_digest(edge, {**pixels, "shop/b#0": "r"}) != known
    assert inputs_digest(edge, {"shop/a#0": "q", "shop/b#0": "p"}) != known
    assert inputs_digest(target(inputs=(Input(role="image", file="refs/a.png"),)), {}) == ""
