"""YAML text to data with places: scalars of YAML 1.2, bounds, and errors with a caret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.document import Document, parse_document
from imgbuild.errors import SpecError


def parse(text: str, *, pure: bool = False) -> Document:
    return parse_document(text.encode(), "a.yaml", pure=pure)


def complaint(text: str | bytes) -> str:
    with pytest.raises(SpecError) as caught:
        parse_document(text.encode() if isinstance(text, str) else text, "a.yaml")
    return str(caught.value)


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("00123", "00123"),
        ("012", "012"),
        ("-012", "-012"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-01-31", "2024-01-31"),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("00.5", "00.5"),
        ("1.2.3", "1.2.3"),
        ("-", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nUll", "nUll"),
        ("true", True),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("False", False),
        ('"7"', "7"),
        ("'null'", "null"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">\n  a\n  b\n", "a b\n"),
        ("e\u0301", "é"),
        ("inf", "inf"),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_scalars_follow_the_core_schema(source: str, value: object, pure: bool) -> None:
    data = parse(f"a: {source}" if source != "-" else "a:", pure=pure).data["a"]
    assert (data, type(data)) == (value, type(value))


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse(text).data == {}


def test_a_byte_order_mark_shifts_no_place() -> None:
    document = parse("\ufeffa: b\n")
    assert document.data == {"a": "b"}
    assert document.where(["a"]).column == 4


def test_keys_are_the_text_of_the_source() -> None:
    assert parse("{7: a, 007: b, true: c, ~: d, 1.50: e}").data == {
        "7": "a",
        "007": "b",
        "true": "c",
        "~": "d",
        "1.50": "e",
    }


def test_aliases_are_copied() -> None:
    data = parse("a: &x [1, {b: c}]\nd: *x\n").data
    assert data == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}
    assert data["a"] is not data["d"]


def test_places() -> None:
    document = parse("assets:\n  a:\n    models: [x, sdlx]\n    7: e\u0301\n")
    value = document.where(["assets", "a", "models", 1])
    assert (value.file, value.line, value.column, value.length) == ("a.yaml", 3, 17, 4)
    assert value.text == "    models: [x, sdlx]"
    key = document.where(["assets", "a", "models"], key=True)
    assert (key.line, key.column, key.length) == (3, 5, 6)
    assert document.where(["assets", "a", "7"]).line == 4


def test_a_place_that_is_not_there_is_its_nearest_ancestor() -> None:
    document = parse("assets:\n  a: {b: c}\n")
    assert document.where(["assets", "a", "x", 3]) == document.where(["assets", "a"])
    assert document.where(["assets", "a", 0]) == document.where(["assets", "a"])
    assert document.where([]).line == 1
    assert parse("").where(["a"]).line == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [("+1", "+1"), ("-0.5", "-0.5"), ("1", "1"), ('"+1"', ""), ("[+1]", ""), ("word", "word"), ("", "")],
)
def test_a_scalar_as_it_is_written(value: str, written: str) -> None:
    document = parse_document(f"a:\n  b: {value}\n".encode(), "a.yaml")
    assert document.written(("a", "b")) == written
    assert document.written(("a", "c")) == ""


def test_a_very_long_line_is_not_shown() -> None:
    assert parse(f"a: {'x' * 1000}").where(["a"]).text == ""


TEXTS = {
    "a: 1\nb: 2\na: 3\n": """\
a.yaml:3:1: 'a' is defined twice
    3 | a: 3
      | ^
hint: it stands in line 1 already; remove one of the two""",
    "a: !!python/object/apply:os.system [ls]\n": """\
a.yaml:1:4: the tag !!python/object/apply:os.system is not allowed
    1 | a: !!python/object/apply:os.system [ls]
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: write the plain value""",
    "a: ! 3\n": """\
a.yaml:1:4: the tag ! is not allowed
    1 | a: ! 3
      |    ^^^
hint: write the plain value""",
    "!!str a: 3\n": """\
a.yaml:1:1: the tag !!str is not allowed
    1 | !!str a: 3
      | ^^^^^^^
hint: write the plain value""",
    "base: &b {x: 1}\na:\n  <<: *b\n": """\
a.yaml:3:3: merge keys ('<<') are not part of YAML 1.2
    3 |   <<: *b
      |   ^^
hint: write the keys out, or share them through a template or `include`""",
    "? [a]\n: b\n": """\
a.yaml:1:3: a key must be text
    1 | ? [a]
      |   ^^^
hint: text with '{', '[' or '? ' in front needs quotes""",
    "?\n: b\n": """\
a.yaml:1:2: a key is missing before the ':'
    1 | ?
      |  ^
hint: write 'key: value'""",
    "{a: 1, : b}\n": """\
a.yaml:1:8: a value is expected here
    1 | {a: 1, : b}
      |        ^
hint: write it, or remove what asks for it""",
    "a: -.inf\n": """\
a.yaml:1:4: '-.inf' is not a number that can be used
    1 | a: -.inf
      |    ^^^^^
hint: it must be finite and fit 64 bits; put text in quotes""",
    "a: 1e999\n": """\
a.yaml:1:4: '1e999' is not a number that can be used
    1 | a: 1e999
      |    ^^^^^
hint: it must be finite and fit 64 bits; put text in quotes""",
    "a: &x [*x]\n": """\
a.yaml:1:4: this holds an alias of itself
    1 | a: &x [*x]
      |    ^^^^^^^
hint: write the values out""",
    "a:\n\tb: c\n": """\
a.yaml:2:1: a tab can't indent YAML
    2 |  b: c
      | ^
hint: indent with spaces""",
    "a: b: c\n": """\
a.yaml:1:5: a ':' is not expected here
    1 | a: b: c
      |     ^
hint: put text that holds ': ' in quotes""",
    "a: [1, 2\nb: 3\n": """\
a.yaml:1:4: the list is not closed
    1 | a: [1, 2
      |    ^
hint: a ',' or ']' is missing""",
    "a: {b: 1\n": """\
a.yaml:1:4: the mapping is not closed
    1 | a: {b: 1
      |    ^
hint: a ',' or '}' is missing""",
    "a: 'x\n": """\
a.yaml:1:4: the quoted text is not closed
    1 | a: 'x
      |    ^
hint: end it with the same quote""",
    'a: "\\q"\n': """\
a.yaml:1:5: this escape is not known
    1 | a: "\\q"
      |     ^
hint: write '\\\\' for a backslash, or use single quotes""",
    "a: @x\n": """\
a.yaml:1:4: text can't begin with this character
    1 | a: @x
      |    ^
hint: put the text in quotes""",
    "a:\n  b: c\n d: e\n": """\
a.yaml:3:2: this does not fit the lines above
    3 |  d: e
      |  ^
hint: check its indentation, and quotes before it""",
    "- a\nb: c\n": """\
a.yaml:2:1: a list item is expected here
    2 | b: c
      | ^
hint: begin it with '- ', or mend the indentation""",
    "a: *x\n": """\
a.yaml:1:4: this alias has no anchor before it
    1 | a: *x
      |    ^
hint: text that begins with '*' needs quotes""",
    "a: &x 1\nb: &x 2\n": """\
a.yaml:2:4: this anchor was named before
    2 | b: &x 2
      |    ^
hint: give each anchor its own name""",
    "--- a\n--- b\n": """\
a.yaml:2:1: a file holds one document
    2 | --- b
      | ^
hint: remove the '---', or split the file""",
    "a\nb: c\n": """\
a.yaml:2:2: a ':' is not expected here
    2 | b: c
      |  ^
hint: put text that holds ': ' in quotes""",
    "a: b\0\n": """\
a.yaml:1:5: the control character U+0000 can't stand in text
hint: remove it""",
}


@pytest.mark.parametrize("text", TEXTS)
def test_errors_are_told_whole(text: str) -> None:
    assert complaint(text) == TEXTS[text]


def test_text_must_be_utf8() -> None:
    assert complaint(b"a: b\nc: \xff\n") == ("a.yaml:2:4: the file is not UTF-8 text\nhint: save it as UTF-8")


def test_too_large_a_file_is_refused() -> None:
    assert complaint(b"#" * (16 * 1024 * 1024 + 1)) == (
        "error: a.yaml is larger than 16777216 bytes\nhint: put rows into a CSV table"
    )


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("text", ["[" * 70 + "]" * 70, "[" * 100_000, "- " * 100 + "a", "{a: " * 100_000])
def test_deep_nesting_is_refused(text: str, pure: bool) -> None:
    with pytest.raises(SpecError, match=r"nested more than 64 deep|is not closed"):
        parse(text, pure=pure)


def test_too_many_values_are_refused() -> None:
    assert "more than 300000 values in one file" in complaint("[" + "1," * 300_001 + "]")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 20)
)


def test_an_alias_bomb_is_refused_at_once(calls: Any) -> None:
    told: list[str] = []
    assert calls(lambda: told.append(complaint(BOMB))) < 20 * 100_000
    assert "aliases grow this to more than 100000 values" in told[0]


def test_a_chain_of_aliases_is_bounded_in_depth() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    assert "aliases nest this more than 64 deep" in complaint(chain)


def test_ten_thousand_lines_are_read_in_steps_for_each(calls: Any) -> None:
    text = "".join(
        f"a{i}:\n  prompt: 'a {i}'\n  tags: [x, y]\n  n: 1.5\n  deep:\n    - 1\n" for i in range(1700)
    )
    assert calls(lambda: parse(text)) < 60 * 1700 * 6
    document = parse(text)
    assert document.where(["a1699", "n"]).line == 1699 * 6 + 4


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet="ab:-[]{}&*!<>|'\"# \n\t?,%@`~.0e\u0301\x85\ufeff").map(str.encode)
)
def test_any_bytes_give_a_document_or_an_error(data: bytes) -> None:
    try:
        document = parse_document(data, "a.yaml")
    except SpecError:
        return
    text = data.decode().removeprefix("\ufeff")
    assert document.where(["a", 0]).line <= text.count("\n") + text.count("\r") + 1


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(["NO", "00123", "a b", "x: y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), PLAIN))
def test_json_is_read_as_it_is_and_both_parsers_agree(data: dict[str, object]) -> None:
    import json

    text = json.dumps(data)
    assert parse(text).data == data
    assert parse(text, pure=True).data == data
