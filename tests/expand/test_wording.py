"""Prompts: what they require and what they must not hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imgbuild.errors import SpecError
from imgbuild.expand import Expansion
from imgbuild.types import Target

Targets = Callable[..., list[Target]]
TEMPLATED = """\
version: 1
templates:
  t:
    prompt: "  Photo of {{ name }}  "
    negative: "blurry {{ name }}"
    requires: [name]
    forbid: [face, human being]
assets:
  a:
    template: t
    matrix: {p: {csv: p.csv, key: sku}}
"""


def table(*names: str) -> dict[str, str]:
    return {"specs/p.csv": "sku,name\n" + "".join(f"A{at},{name}\n" for at, name in enumerate(names))}


def faults(targets: list[Target]) -> list[tuple[str, str]]:
    return [(target.fault, target.hint) for target in targets]


def test_prompt_and_negative_are_rendered_and_stripped(targets: Targets) -> None:
    (made,) = targets(TEMPLATED, table("lamp"))
    assert (made.asks[0].prompt, made.asks[0].negative) == ("Photo of lamp", "blurry lamp")


def test_the_assets_own_negative_outranks_the_templates(targets: Targets) -> None:
    (made,) = targets(TEMPLATED + "    negative: dark\n", table("lamp"))
    assert made.asks[0].negative == "dark"


def test_prompts_are_nfc(targets: Targets) -> None:
    (made,) = targets(TEMPLATED, table("e\u0301"))
    assert made.asks[0].prompt == "Photo of é"


def test_an_empty_required_name_fails_its_row_only(targets: Targets) -> None:
    made = targets(TEMPLATED, table("lamp", "", "' '"))
    assert faults(made) == [
        ("", ""),
        ("'name' is empty", "the template requires it: fill it in for this row"),
        ("", ""),
    ]
    assert made[1].asks[0].prompt == "Photo of"


def test_a_forbidden_word_fails_its_row_only(targets: Targets) -> None:
    made = targets(TEMPLATED, table("surface", "a FACE!", "a Human  being", "preface"))
    assert [fault for fault, _ in faults(made)] == [
        "",
        "the prompt holds the forbidden word 'FACE'",
        "the prompt holds the forbidden word 'Human  being'",
        "",
    ]


def test_a_forbidden_word_of_the_template_itself(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(TEMPLATED.replace("Photo", "Face"), table("lamp"))
    assert str(caught.value) == (
        "specs/catalog.yaml:4:16: the prompt holds the forbidden word 'Face'\n"
        '    4 |     prompt: "  Face of {{ name }}  "\n'
        "      |                ^^^^\n"
        "hint: take it out, or take it off 'forbid' or the project's 'policy.blocked'"
    )


def test_the_projects_words(expanded: Callable[..., Expansion]) -> None:
    policy = {"blocked": ["Nike"], "warned": ["logo"]}
    made = expanded(TEMPLATED, table("nike lamp", "a Logo", "another logo"), policy)
    assert [target.fault for target in made.targets] == ["the prompt holds the forbidden word 'nike'", "", ""]
    assert [notice.message for notice in made.warnings] == ["a prompt holds 'logo'"]


def test_length(targets: Targets) -> None:
    made = targets(TEMPLATED, table("lamp", "x" * 30), {"prompt_length": 20})
    assert faults(made) == [
        ("", ""),
        ("the prompt has 39 characters, more than the 20 allowed", "shorten it"),
    ]
    with pytest.raises(SpecError) as caught:
        targets("version: 1\nassets: {a: {prompt: a lamp}}\n", policy={"prompt_length": 5})
    assert str(caught.value) == (
        "specs/catalog.yaml:2:22: the prompt has 6 characters, more than the 5 allowed\n"
        "    2 | assets: {a: {prompt: a lamp}}\n"
        "      |                      ^^^^^^\n"
        "hint: shorten it"
    )


def test_an_empty_prompt_fails_its_row(targets: Targets) -> None:
    spec = "version: 1\nassets: {a: {prompt: '{{ n }}', matrix: {l: {x: ' ', y: z}}}}\n"
    made = targets(spec.replace("{{ n }}", "{{ l }}"))
    assert [target.fault for target in made] == ["the prompt is empty", ""]


def test_a_required_name_that_is_bound_nowhere(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(TEMPLATED.replace("[name]", "[nmae]"), table("lamp"))
    assert caught.value.message == "required variable 'nmae' is bound nowhere in 'a'"
    assert caught.value.hint == "did you mean 'name'? Variables here: name, p, sku"


def test_an_added_cell_without_the_required_name(targets: Targets) -> None:
    spec = TEMPLATED.replace("key: sku}}", "key: sku}, include: [{sku: A9}]}")
    with pytest.raises(SpecError) as caught:
        targets(spec, table("lamp"))
    assert caught.value.message == "there is no 'name', in this cell"
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (11, 51)
