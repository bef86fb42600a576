"""Errors as people read them: the sentence, the place, the line and its caret, the way out; and their exit codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.columns import columns
from imgbuild.errors import (
    BadImage,
    Busy,
    Drift,
    Errors,
    Exit,
    ImgbuildError,
    LockWouldChange,
    ProviderFailed,
    Refused,
    SpecError,
    TargetError,
    Transient,
    Unanswered,
    UsageError,
    did_you_mean,
    excerpt,
    raise_all,
)
from imgbuild.types import Where


def at(text, column, length=1, line=24):
    return Where(file="specs/catalog.yaml", line=line, column=column, length=length, text=text)


def test_a_sentence_alone():
    assert str(ImgbuildError("no specs here")) == "error: no specs here"


def test_a_sentence_with_a_way_out():
    error = ImgbuildError("no specs here", hint="run `imgbuild init`")
    assert str(error) == "error: no specs here\nhint: run `imgbuild init`"


def test_a_place_its_line_a_caret_and_a_hint():
    error = SpecError(
        "unknown model 'sdlx'",
        where=at("    models: [sdlx]", 14, 4),
        hint="did you mean 'sdxl'? Models here: hero, sdxl",
    )
    assert str(error) == (
        "specs/catalog.yaml:24:14: unknown model 'sdlx'\n"
        "   24 |     models: [sdlx]\n"
        "      |              ^^^^\n"
        "hint: did you mean 'sdxl'? Models here: hero, sdxl"
    )


def test_a_place_without_its_line():
    where = Where(file="specs/products.csv", line=3, column=1)
    assert str(SpecError("a row is short", where=where)) == "specs/products.csv:3:1: a row is short"


CARETS = {
    "the first column": (at("models:", 1, 6, line=1), ["    1 | models:", "      | ^^^^^^"]),
    "tabs, each one column": (at("\tname:\tx", 8), ["   24 |  name: x", "      |        ^"]),
    "wide characters before it": (at("名前: 赤い", 5, 2), ["   24 | 名前: 赤い", "      |       ^^^^"]),
    "marks, which take no column": (at("e\u0301a: x", 5), ["   24 | e\u0301a: x", "      |    ^"]),
    "an emoji": (at("k: 🍎 b", 6), ["   24 | k: 🍎 b", "      |       ^"]),
    "more than the line holds": (at("models: [", 9, 40), ["   24 | models: [", "      |         ^"]),
    "beyond the end of the line": (at("models:", 12), ["   24 | models:", "      |            ^"]),
    "a line of many digits": (at("x", 1, line=123456), ["123456 | x", "      | ^"]),
}


@pytest.mark.parametrize("name", CARETS)
def test_the_caret(name):
    where, lines = CARETS[name]
    assert excerpt(where) == lines


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1), st.data())
def test_a_caret_is_as_wide_as_what_it_points_at_and_starts_where_that_does(text, data):
    column = data.draw(st.integers(1, len(text)))
    length = data.draw(st.integers(1, len(text) - column + 1))
    line, caret = excerpt(at(text, column, length))
    assert line == f"   24 | {text}"
    pointed = text[column - 1 : column - 1 + length]
    assert caret == f"      | {' ' * columns(text[: column - 1])}{'^' * max(1, columns(pointed))}"


CODES = {
    ImgbuildError: Exit.USAGE,
    SpecError: Exit.USAGE,
    UsageError: Exit.USAGE,
    LockWouldChange: Exit.LOCK_WOULD_CHANGE,
    Busy: Exit.BUSY,
    TargetError: Exit.TARGET_FAILED,
    Refused: Exit.TARGET_FAILED,
    ProviderFailed: Exit.TARGET_FAILED,
    Transient: Exit.TARGET_FAILED,
    Unanswered: Exit.TARGET_FAILED,
    BadImage: Exit.TARGET_FAILED,
    Drift: Exit.TARGET_FAILED,
}


@pytest.mark.parametrize("kind", CODES)
def test_what_an_error_ends_in(kind):
    assert kind("so").exit_code is CODES[kind]


def test_the_exit_codes_are_those_of_the_manual():
    assert {code.name: int(code) for code in Exit} == {
        "DONE": 0,
        "TARGET_FAILED": 1,
        "USAGE": 2,
        "RULE_FAILED": 3,
        "PENDING": 4,
        "LOCK_WOULD_CHANGE": 5,
        "BUSY": 6,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


def test_how_long_to_wait_is_kept():
    error = Transient("too many requests", retry_after=2.5, hint="wait")
    assert (error.retry_after, str(error)) == (2.5, "error: too many requests\nhint: wait")
    assert Transient("too many requests").retry_after is None


ONE = SpecError("one", where=at("a: b", 1), hint="do this")
TWO = UsageError("two", hint="do that")


def test_many_errors_are_each_shown_whole():
    assert str(Errors([ONE, TWO])) == f"{ONE}\n{TWO}"
    assert Errors([TWO, ONE]).where is None
    assert Errors([ONE, TWO]).exit_code is Exit.USAGE


def test_raising_none_one_or_all():
    raise_all([])
    with pytest.raises(UsageError) as alone:
        raise_all([TWO])
    assert alone.value is TWO
    with pytest.raises(Errors) as both:
        raise_all([ONE, TWO])
    assert both.value.errors == [ONE, TWO]


MEANT = {
    "a near name": (("sdlx", ["sdxl", "hero"]), "did you mean 'sdxl'? Models here: hero, sdxl"),
    "nothing near": (("zzz", ["sdxl", "hero"]), "Models here: hero, sdxl"),
    "nothing at all": (("zzz", []), "there are no models here"),
    "ten names": (("x", "abcdefghij"), "Models here: a, b, c, d, e, f, g, h, i, j"),
    "more than ten": (("x", "abcdefghijk"), "Models here: a, b, c, d, e, f, g, h, i, j, …"),
    "a near one among those not shown": (
        ("zebra1", [*"abcdefghij", "zebra"]),
        "did you mean 'zebra'? Models here: a, b, c, d, e, f, g, h, i, j, …",
    ),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_may_have_been_meant(name):
    (word, known), hint = MEANT[name]
    assert did_you_mean(word, known, "models") == hint
    assert did_you_mean(word, iter(known), "models") == hint
