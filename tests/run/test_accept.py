"""From verdicts to what happens next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.foreign import Broke
from imgbuild.rules.base import GroupRule, Rule
from imgbuild.rules.sharpness import Sharpness
from imgbuild.rules.unique import Unique
from imgbuild.run.accept import Next, decide, judge, judge_group, rank, status_of, tell, tell_apart
from imgbuild.types import Verdict

STATUS = {"fail": "fail", "warn": "warn", "review": "review", "reroll": "fail"}
HELD = Verdict(rule="format", status="pass", on_fail="fail", figure="png")


def broken(on_fail, rule="sharpness", **own):
    return Verdict(rule=rule, status=STATUS[on_fail], on_fail=on_fail, **{"figure": 1, **own})


DECIDED = {
    "no rules": ([], 1, 1, Next.ACCEPT),
    "all hold": ([HELD], 1, 1, Next.ACCEPT),
    "a warning": ([HELD, broken("warn")], 1, 3, Next.ACCEPT),
    "to be reviewed": ([broken("review")], 1, 3, Next.ACCEPT),
    "a reroll": ([HELD, broken("reroll")], 1, 3, Next.RETRY),
    "the last attempt but one": ([broken("reroll")], 2, 3, Next.RETRY),
    "the attempts are spent": ([broken("reroll")], 3, 3, Next.FAIL),
    "only one attempt": ([broken("reroll")], 1, 1, Next.FAIL),
    "a failure": ([broken("fail")], 1, 3, Next.FAIL),
    "a failure, which another seed would not mend, and a reroll": (
        [broken("reroll"), broken("fail")],
        1,
        3,
        Next.FAIL,
    ),
    "a reroll and a warning": ([broken("warn"), broken("reroll"), broken("review")], 1, 3, Next.RETRY),
}


@pytest.mark.parametrize("name", DECIDED)
def test_what_becomes_of_an_image(name):
    verdicts, tries, attempts, wanted = DECIDED[name]
    assert decide(verdicts, tries, attempts) is wanted
    assert decide(verdicts[::-1], tries, attempts) is wanted


@given(
    st.lists(st.sampled_from([HELD, *map(broken, STATUS)]), max_size=4), st.integers(1, 9), st.integers(1, 9)
)
def test_any_search_ends(verdicts, tries, attempts):
    following = decide(verdicts, tries, attempts)
    assert following is not Next.RETRY or tries < attempts
    assert (following is Next.ACCEPT) is (status_of(verdicts) != "fail")


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], "pass"),
        ([HELD], "pass"),
        ([HELD, broken("warn")], "warn"),
        ([broken("review"), broken("warn")], "review"),
        ([broken("warn"), broken("fail"), broken("review")], "fail"),
        ([broken("reroll")], "fail"),
    ],
)
def test_the_worst_counts(verdicts, status):
    assert status_of(verdicts) == status


def test_what_is_broken_in_words():
    assert tell([]) == tell([HELD]) == ""
    assert tell([broken("fail", figure=42.1, limit="at least 100")]) == "sharpness 42.1 (at least 100)"
    assert tell([broken("warn", figure=3, unit="px")]) == "sharpness 3 px"
    assert tell([HELD, broken("fail"), broken("review", rule="mode", figure="L", limit="RGB")]) == (
        "sharpness 1; mode L (RGB)"
    )


def test_what_clashes_in_words():
    others = ("a#0", "a#1", "a#2", "a#3")
    clash = broken("fail", rule="unique", figure=2, unit="bits of 64", limit="more than 4", others=others)
    assert tell([clash]) == "unique 2 bits of 64 (more than 4, like a#0, a#1, a#2)"
    assert tell_apart([clash]) == ("unique (more than 4)", "2 bits of 64, like a#0, a#1, a#2")


def test_rules_are_told_apart_from_figures():
    assert tell_apart([HELD]) == ("", "")
    assert tell_apart([broken("fail", figure=42.1, limit="at least 100")]) == (
        "sharpness (at least 100)",
        "42.1",
    )
    assert tell_apart(
        [HELD, broken("warn", figure=3, unit="px"), broken("review", rule="mode", figure="L", limit="RGB")]
    ) == (
        "sharpness; mode (RGB)",
        "3 px; L",
    )


RULES = (Sharpness(min=10, on_fail="reroll"), Unique(distance=4, on_fail="review"), Sharpness(max=90))


def test_single_images_are_judged_by_single_rules():
    verdicts = judge(RULES, {0: {"sharpness": 5}, 1: {"phash": "0" * 16}, 2: {"sharpness": 5}})
    assert [(item.rule, item.status, item.on_fail, item.figure) for item in verdicts] == [
        ("sharpness", "fail", "reroll", 5),
        ("sharpness", "pass", "fail", 5),
    ]


def hashed(*hashes):
    return [(f"a#{place}", {1: {"phash": text}}) for place, text in enumerate(hashes)]


def test_groups_are_judged_by_rules_over_groups_and_the_later_is_blamed():
    found = judge_group(RULES, hashed("0" * 16, "f" * 16, "0" * 15 + "1"))
    assert {name: [(item.status, item.others) for item in items] for name, items in found.items()} == {
        "a#0": [("pass", ())],
        "a#1": [("pass", ())],
        "a#2": [("review", ("a#0",))],
    }


def test_without_a_rule_over_the_group_nobody_is_blamed():
    assert judge_group(RULES[:1], hashed("0" * 16, "0" * 16)) == {"a#0": [], "a#1": []}


class Fickle(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "fickle"

    def judge(self, measured):
        return 1 / 0


class FickleGroup(GroupRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name = "fickle"

    def judge_group(self, members):
        return {"a stranger": None}


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: judge([Fickle()], {0: {}}), "ZeroDivisionError: division by zero"),
        (lambda: judge_group([FickleGroup()], [("a#0", {0: {}})]), "KeyError: 'a#0'"),
    ],
)
def test_a_rule_that_breaks_is_named(call, cause):
    with pytest.raises(Broke) as caught:
        call()
    assert caught.value.message == f"rule 'fickle' broke: {cause}"
    assert caught.value.hint.startswith("this is a bug of it, or of what it uses, at ")


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefghxyz")), st.randoms()
)
def test_locked_members_rank_first_then_each_by_its_id(members, locked, dice):
    ranked = rank(members, list(locked))
    dice.shuffle(members)
    assert rank(members, list(locked)) == ranked
    firm = [name for name in ranked if name in locked]
    assert ranked == sorted(firm) + sorted(set(members) - locked)
