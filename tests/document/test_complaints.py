"""What a schema refuses, as sentences with places."""

from __future__ import annotations

from typing import Any

import pytest

from imgbuild.document import Misfit, check, first_misfit, parse_document
from imgbuild.errors import ImgbuildError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "seeds": {"type": ["integer", "array", "object"], "items": {"type": "integer"}, "minimum": 1},
        "either": {
            "anyOf": [
                {"type": "string"},
                {"$ref": "#/$defs/Point"},
                {"type": "array", "items": {"type": "number"}},
            ]
        },
        "kind": {"enum": ["png", "jpeg"], "title": "type"},
        "level": {"enum": [1, 2]},
        "version": {"enum": [1]},
        "names": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
        "flag": {"type": "boolean"},
        "size": {"type": "string", "pattern": "^[0-9]+x[0-9]+$", "errorMessage": "must be WIDTHxHEIGHT"},
        "free": {"type": "string", "pattern": "^a"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "rate": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
        "one": {
            "type": "object",
            "maxProperties": 1,
            "propertyNames": {"enum": ["crop", "pad"], "title": "operation"},
        },
        "keyed": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]+$", "errorMessage": "can't be a name"},
        },
        "plain": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}},
        "point": {"$ref": "#/$defs/Point"},
        "even": {"multipleOf": 2},
        "same": {"type": "array", "uniqueItems": True},
    },
    "additionalProperties": False,
    "$defs": {
        "Point": {
            "type": "object",
            "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
            "required": ["x"],
            "additionalProperties": False,
        }
    },
}


def complaint(text: str) -> str:
    with pytest.raises(ImgbuildError) as caught:
        check(parse_document(text.encode(), "a.yaml"), SCHEMA)
    return str(caught.value)


TEXTS = {
    "seeds: x\n": """\
a.yaml:1:8: 'seeds' must be a whole number, a list of whole numbers or a mapping
    1 | seeds: x
      |        ^""",
    "seeds: [1, a]\n": """\
a.yaml:1:12: item 2 of 'seeds' must be a whole number
    1 | seeds: [1, a]
      |            ^""",
    "seeds: 0\n": """\
a.yaml:1:8: 'seeds' must be at least 1
    1 | seeds: 0
      |        ^""",
    "flagg: true\n": """\
a.yaml:1:1: unknown key 'flagg'
    1 | flagg: true
      | ^^^^^
hint: did you mean 'flag'? Keys here: either, even, flag, free, keyed, kind, level, names, one, plain, …""",
    "either: 3\n": """\
a.yaml:1:9: 'either' must be text, a mapping or a list of numbers
    1 | either: 3
      |         ^
hint: put it in quotes""",
    "either: {x: 1, z: 2}\n": """\
a.yaml:1:16: unknown key 'z'
    1 | either: {x: 1, z: 2}
      |                ^
hint: Keys here: x, y""",
    "either: [1, b]\n": """\
a.yaml:1:13: item 2 of 'either' must be a number
    1 | either: [1, b]
      |             ^""",
    "kind: jpg\n": """\
a.yaml:1:7: unknown type 'jpg'
    1 | kind: jpg
      |       ^^^
hint: did you mean 'jpeg'? Types here: jpeg, png""",
    "level: 3\n": """\
a.yaml:1:8: 'level' must be one of 1, 2
    1 | level: 3
      |        ^""",
    "version: '1'\n": """\
a.yaml:1:10: 'version' must be 1
    1 | version: '1'
      |          ^^^""",
    "names: a b\n": """\
a.yaml:1:8: 'names' must be a list of texts
    1 | names: a b
      |        ^^^
hint: write it as a list: ["a b"]""",
    "names: [2024]\n": """\
a.yaml:1:9: item 1 of 'names' must be text
    1 | names: [2024]
      |         ^^^^
hint: put it in quotes""",
    "names: []\n": """\
a.yaml:1:1: 'names' must not be empty
    1 | names: []
      | ^^^^^
hint: give it a value, or leave the key out""",
    "names: [a, b, c]\n": """\
a.yaml:1:8: 'names' must hold at most 2 values
    1 | names: [a, b, c]
      |        ^^^^^^^^^""",
    "flag:\n": """\
a.yaml:1:6: 'flag' must be true or false
    1 | flag:
      |      ^
hint: it is empty: give it a value, or leave the key out""",
    "flag: yes\n": """\
a.yaml:1:7: 'flag' must be true or false
    1 | flag: yes
      |       ^^^""",
    "size: 10\n": """\
a.yaml:1:7: 'size' must be WIDTHxHEIGHT
    1 | size: 10
      |       ^^""",
    "size: big\n": """\
a.yaml:1:7: 'size' must be WIDTHxHEIGHT
    1 | size: big
      |       ^^^""",
    "free: b\n": """\
a.yaml:1:7: 'free' is not written as it must be
    1 | free: b
      |       ^
hint: its pattern is ^a""",
    "share: 2\n": """\
a.yaml:1:8: 'share' must be at most 1
    1 | share: 2
      |        ^""",
    "rate: 0\n": """\
a.yaml:1:7: 'rate' must be above 0
    1 | rate: 0
      |       ^""",
    "one: {crop: 1, pad: 2}\n": """\
a.yaml:1:16: 'one' must hold one key
    1 | one: {crop: 1, pad: 2}
      |                ^^^
hint: begin each with '- ', and indent what belongs to 'crop' further than it""",
    "one: {cropp: 1}\n": """\
a.yaml:1:7: unknown operation 'cropp'
    1 | one: {cropp: 1}
      |       ^^^^^
hint: did you mean 'crop'? Operations here: crop, pad""",
    "keyed: {A: 1}\n": """\
a.yaml:1:9: 'A' can't be a name
    1 | keyed: {A: 1}
      |         ^""",
    "plain: {A: 1}\n": """\
a.yaml:1:9: 'A' can't be a key here
    1 | plain: {A: 1}
      |         ^""",
    "point: {y: 1}\n": """\
a.yaml:1:1: 'point' needs 'x'
    1 | point: {y: 1}
      | ^^^^^""",
    "even: 3\n": """\
a.yaml:1:7: 'even' must be a multiple of 2
    1 | even: 3
      |       ^""",
    "same: [1, 1]\n": """\
a.yaml:1:7: 'same' does not fit the schema's 'uniqueItems'
    1 | same: [1, 1]
      |       ^^^^^^""",
    "[a]\n": """\
a.yaml:1:1: the file must be a mapping
    1 | [a]
      | ^^^
hint: write 'name: value' lines in place of a list""",
}


@pytest.mark.parametrize("text", TEXTS)
def test_faults_are_told_whole(text: str) -> None:
    assert complaint(text) == TEXTS[text]


def test_what_fits_passes() -> None:
    text = "seeds: {a: 1}\neither: {x: 1}\nkind: png\nnames: [a]\nflag: true\nsize: 1x1\none: {crop: 1}\n"
    check(parse_document(text.encode(), "a.yaml"), SCHEMA)


def test_faults_come_in_the_order_of_their_places() -> None:
    lines = complaint("flag: 1\nseeds: x\nzzz: 1\n").splitlines()
    assert [line for line in lines if line.startswith("a.yaml")] == [
        "a.yaml:1:7: 'flag' must be true or false",
        "a.yaml:2:8: 'seeds' must be a whole number, a list of whole numbers or a mapping",
        "a.yaml:3:1: unknown key 'zzz'",
    ]


def test_at_most_twenty_are_told() -> None:
    many = "".join(f"unknown{i}: 1\n" for i in range(50))
    assert complaint(many).count("a.yaml") == 20
    items = f"seeds: [{', '.join(['x'] * 50)}]\n"
    assert complaint(items).count("a.yaml") == 20


MISFITS: list[tuple[Any, Misfit]] = [
    (
        {"zzz": 1},
        Misfit(
            sentence="unknown key 'zzz'",
            path=("zzz",),
            hint="Keys here: either, even, flag, free, keyed, kind, level, names, one, plain, …",
            of_key=True,
        ),
    ),
    ({"size": "large"}, Misfit(sentence="'size' must be WIDTHxHEIGHT", path=("size",))),
    (
        {"flag": "x"},
        Misfit(sentence="'flag' must be true or false", path=("flag",)),
    ),
    ({"share": 2}, Misfit(sentence="'share' must be at most 1", path=("share",))),
    (
        {"names": ["a", 3]},
        Misfit(sentence="item 2 of 'names' must be text", path=("names", 1), hint="put it in quotes"),
    ),
    (
        [],
        Misfit(
            sentence="the model must be a mapping",
            path=(),
            hint="write 'name: value' lines in place of a list",
        ),
    ),
]


@pytest.mark.parametrize(("value", "told"), MISFITS)
def test_the_first_misfit_of_a_value_without_a_file(value: Any, told: Misfit) -> None:
    assert first_misfit(value, SCHEMA, "the model") == told


def test_a_value_that_fits_has_none() -> None:
    assert first_misfit({"flag": True}, SCHEMA, "the model") is None
