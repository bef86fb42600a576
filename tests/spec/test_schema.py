"""The committed schemas are those that the types give, and they say what the docstrings say."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from imgbuild.document import check, parse_document
from imgbuild.errors import ImgbuildError
from imgbuild.spec.schema import lock_schema, schema_texts, settings_schema, spec_schema, write_schemas

COMMITTED = Path(__file__).parents[2] / "schema"


@pytest.mark.parametrize("name", ["spec", "lock", "settings"])
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    file = f"{name}.schema.json"
    told = "run: python -m imgbuild.spec.schema schema"
    assert (COMMITTED / file).read_text(encoding="utf-8") == schema_texts()[file], told


def test_schemas_are_written(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schema")
    assert {path.name: path.read_text() for path in (tmp_path / "schema").iterdir()} == schema_texts()


@pytest.mark.parametrize("schema", [spec_schema, lock_schema, settings_schema])
def test_schemas_are_schemas(schema: object) -> None:
    assert callable(schema)
    Draft202012Validator.check_schema(schema())


def test_editors_see_what_the_docstrings_say() -> None:
    definitions = spec_schema()["$defs"]
    assert definitions["Asset"]["properties"]["from"]["description"] == (
        "Path of existing pictures; no model is used."
    )
    missing = [
        f"{name}.{key}"
        for name in ("Model", "Template", "Seeds", "Table", "Route", "Edge", "Format", "Asset")
        for key, value in definitions[name]["properties"].items()
        if "description" not in value
    ]
    assert missing == []


def complaint(asset: str) -> str:
    text = f"assets:\n  a:\n    {asset}\n"
    with pytest.raises(ImgbuildError) as caught:
        check(parse_document(text.encode(), "a.yaml"), spec_schema())
    return str(caught.value)


FITTING = [
    "seeds: [7, 11]",
    "seeds: {base: 42, count: 4}",
    "seeds: {count: 4, per: [sku]}",
    "matrix: {p: {csv: p.csv, key: sku, where: 'stock > 0'}, c: [red, 1, true], s: {plain: x, moody: {a: 1}}}",
    "matrix: {a: [1], exclude: [{a: 1}], include: [{a: 2, b: x}]}",
    "inputs: {image: 'refs/{{ sku }}.png', strength: 0.5}",
    "inputs: {image: {asset: cutouts, match: [sku]}, reference: [a.png, {asset: b}]}",
    "size: '{{ width }}x{{ height }}'",
    "process: [{crop: {aspect: '1:1'}}, sharpen]",
    "validate: [not_blank, {unique: {distance: 6, on_fail: review}}]",
    "format: webp",
    "format: {type: png, compress_level: 9}",
]


@pytest.mark.parametrize("asset", FITTING)
def test_what_is_allowed(asset: str) -> None:
    check(parse_document(f"assets:\n  a:\n    {asset}\n".encode(), "a.yaml"), spec_schema())


REFUSED = {
    "seeds: [-1]": "3:13: item 1 of 'seeds' must be at least 0",
    "seeds: [2147483648]": "3:13: item 1 of 'seeds' must be at most 2147483647",
    "seeds: {base: 1}": "3:5: 'seeds' needs 'count'",
    "matrix: {a: red}": "3:17: 'a' must be a list or a mapping",
    "matrix: {a: [[1]]}": "3:18: item 1 of 'a' must be text, a number, true or false",
    "matrix: {a: []}": "3:14: 'a' must not be empty",
    "matrix: {a-b: [1]}": "3:14: 'a-b' can't be a variable: use letters, digits and '_'",
    "matrix: {p: {csv: p.csv}}": "3:14: 'p' needs 'key'",
    "matrix: {p: {csv: a, json: b, key: c}}": "3:17: 'p' must name a csv or a json file, not both",
    "matrix: {p: {csv: a, key: c, kye: d}}": "3:34: unknown key 'kye'",
    "matrix: {include: [{}]}": "3:24: item 1 of 'include' must not be empty",
    "inputs: {picture: a.png}": "3:14: unknown key 'picture'",
    "inputs: {image: {aset: a}}": "3:22: unknown key 'aset'",
    "inputs: {strength: high}": "3:24: 'strength' must be a number from 0 to 1",
    "size: 1024": "3:11: 'size' must be WIDTHxHEIGHT in pixels, such as 1024x768",
    "size: 1024 x 768": "3:11: 'size' must be WIDTHxHEIGHT in pixels, such as 1024x768",
    "process: [convert]": "3:15: item 1 of 'process' needs its parameters: write 'convert: {mode: …}'",
    "process: [{crop: {}, pad: {}}]": "3:26: item 1 of 'process' must hold one key",
    "process: [blurr]": "3:15: unknown operation 'blurr'",
    "format: gif": "3:13: unknown type 'gif'",
    "attempts: 0": "3:15: 'attempts' must be at least 1",
}


@pytest.mark.parametrize("asset", REFUSED)
def test_what_is_refused(asset: str) -> None:
    heads = [line for line in complaint(asset).splitlines() if line.startswith("a.yaml:")]
    assert f"a.yaml:{REFUSED[asset]}" in heads


def test_an_unknown_rule_is_told_whole() -> None:
    names = "aesthetic, aspect_ratio, background, banding, brightness, command, contrast, differs_from, dimensions, edges"
    assert (
        complaint("validate: [{sharpnes: {min: 1}}]")
        == f"""\
a.yaml:3:17: unknown rule 'sharpnes'
    3 |     validate: [{{sharpnes: {{min: 1}}}}]
      |                 ^^^^^^^^
hint: did you mean 'sharpness'? Rules here: {names}, …"""
    )


def test_names_can_be_used_in_target_ids() -> None:
    for name in ("a b", "a/b", "a[", "@a", "a#1", "a,b", ".a", "-a", "a=b"):
        with pytest.raises(ImgbuildError, match="can't be a name"):
            check(parse_document(f"assets: {{'{name}': {{prompt: x}}}}".encode(), "a.yaml"), spec_schema())
    for name in ("a", "A.b-c_1", "größe", "1"):
        check(parse_document(f"assets: {{'{name}': {{prompt: x}}}}".encode(), "a.yaml"), spec_schema())
