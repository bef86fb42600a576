"""What is asked for after rules turned attempts down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from imgbuild.adjustments import (
    GUESSES,
    adjusted,
    adjusting,
    ask_at,
    changed,
    difference,
    fold,
    forgotten,
    joined,
    readings,
    told_asked,
    told_labels,
    unfolded,
)
from imgbuild.rules.contrast import Contrast
from imgbuild.rules.sharpness import Sharpness
from imgbuild.rules.unique import Unique
from imgbuild.types import Adjustment, Ask, Change, Verdict

ASK = Ask(
    alias="m", prompt="a lamp", negative="hands", width=16, height=16, params={"guidance": 6.5, "steps": 20}
)
MORE = Change(name="guidance", value=1, adds=True)


@pytest.mark.parametrize(
    ("text", "more", "whole"),
    [
        ("a lamp", "at dusk", "a lamp, at dusk"),
        ("a lamp", ", at dusk", "a lamp, at dusk"),
        ("a lamp", " at dusk", "a lamp at dusk"),
        ("a lamp. ", "at dusk", "a lamp, at dusk"),
        ("", "blurry", "blurry"),
        (" ", ", blurry", "blurry"),
        ("hands", "(blurry:1.2)", "hands, (blurry:1.2)"),
    ],
)
def test_text_is_added_after_a_comma_unless_it_brings_a_mark(text, more, whole):
    assert joined(text, more) == whole


def test_numbers_are_added_as_they_are_written():
    tenth = Change(name="guidance", value=0.1, adds=True)
    value = 0.1
    for _ in range(2):
        value = changed(value, tenth)
    assert value == 0.3
    assert (changed(6, MORE), type(changed(6, MORE))) == (7, int)


@pytest.mark.parametrize("now", [True, None, [1], {}])
def test_nothing_is_added_to_what_is_no_number(now):
    with pytest.raises(TypeError, match=r"^1 can't be added to "):
        changed(now, MORE)


@given(st.lists(st.integers(0, 2), max_size=8))
def test_changes_are_made_one_after_the_other(order):
    kinds = [MORE, Change(name="steps", value=30), Change(name="negative", value="dark", adds=True)]
    found = adjusted(ASK, [kinds[at] for at in order])
    assert found.params["guidance"] == 6.5 + order.count(0)
    assert found.params["steps"] == (30 if 1 in order else 20)
    assert found.negative == "hands" + ", dark" * order.count(2)
    assert (found.prompt, ASK.params) == ("a lamp", {"guidance": 6.5, "steps": 20})
    assert difference(ASK, ASK) == {}
    assert difference(ASK, found).keys() == {
        name for at, name in enumerate(("guidance", "steps", "negative")) if at in order
    }


@given(prompt=st.text(), negative=st.text())
def test_what_was_folded_in_can_be_taken_out(prompt, negative):
    folded = replace(ASK, prompt=fold(prompt, negative), negative="", folded=negative)
    assert fold(unfolded(folded), negative) == folded.prompt
    assert adjusted(folded, []) == folded


@pytest.fixture
def lamp(target):
    """A target whose rules adjust; two of them have one name."""

    def make(*labels):
        found = [Adjustment(label=label, place=at, changes=((MORE,),)) for at, label in enumerate(labels)]
        return target(params={"guidance": 6}, adjustments=tuple(found))

    return make


def test_what_is_asked_after_attempts(lamp):
    made = lamp("sharpness", "contrast")
    assert ask_at(made, 0) is made.asks[0]
    assert ask_at(made, 0, ("sharpness", "contrast", "sharpness")).params == {"guidance": 9}


def test_labels_are_read_as_they_stand_and_then_as_they_may_be_meant(lamp):
    recipe = lamp("sharpness", "contrast", "sharpness#2").recipe
    assert list(readings(recipe, ())) == [()]
    assert list(readings(recipe, ("contrast", "contrast"))) == [("contrast", "contrast")]
    assert list(readings(recipe, ("sharpness#2", "sharpness"))) == [
        ("sharpness#2", "sharpness"),
        ("sharpness#2", "sharpness#2"),
        ("sharpness", "sharpness"),
        ("sharpness", "sharpness#2"),
    ]
    assert list(readings(recipe, ("contrast#2",))) == [("contrast",)]
    assert list(readings(recipe, ("contrast", "noise"))) == []
    assert (forgotten(recipe, ("contrast", "noise#2")), forgotten(recipe, ("sharpness#9",))) == ("noise", "")


def test_a_line_that_nobody_wrote_costs_nothing(lamp):
    recipe = lamp(*("sharpness", *(f"sharpness#{number}" for number in range(2, 40)))).recipe
    labels = [f"sharpness#{number}" for number in range(30)]
    assert len(list(readings(recipe, labels))) == GUESSES
    assert list(readings(recipe, ["sharpness"] * 40_000)) == []


def test_which_rules_adjust(target):
    rules = (Unique(distance=4), Sharpness(min=1), Contrast(min=0.1))
    found = [Adjustment(label=rule.name, place=at, changes=((),)) for at, rule in enumerate(rules)]
    recipe = target(rules=rules, adjustments=tuple(found)).recipe

    def verdicts(*broken):
        return [
            Verdict(rule=name, status="fail" if name in broken else "pass", on_fail="reroll", figure=1)
            for name in ("sharpness", "contrast", "unique")
        ]

    assert adjusting(recipe, verdicts("sharpness", "unique")) == ("unique", "sharpness")
    assert adjusting(recipe, verdicts("contrast")[:2]) == ("contrast",)
    assert adjusting(recipe, verdicts()) == ()


def test_in_words():
    labels = ("sharpness", "contrast", "sharpness", *["noise"] * 3)
    assert told_labels(labels) == "sharpness (twice), contrast, noise (3 times)"
    assert told_asked({"guidance": 8.5, "negative": "hands, dark"}) == "guidance 8.5, negative 'hands, dark'"
