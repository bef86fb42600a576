"""What templates can't do, and how long the attempt takes."""

from __future__ import annotations

import pytest

from imgbuild.errors import SpecError
from imgbuild.templates.sandboxed import Expression, Sandboxed
from imgbuild.templates.values import wrap
from imgbuild.types import Where

WHERE = Where(file="s.yaml", line=1, column=1)
BINDINGS = {
    "name": "lamp",
    "n": 5,
    "long": "a" * 20_000,
    "xs": wrap([3, 1, 2, 3]),
    "many": list(range(101)),
    "row": wrap({"a": "1", "b": {"c": 2}}),
}

REFUSED = [
    ("{{ 'a' * 10 ** 9 }}", "templates have no powers"),
    ("{{ 10 ** 10 ** 10 }}", "templates have no powers"),
    ("{{ 'a' * 1000000000 }}", "'*' takes numbers, not 'a'"),
    ("{{ xs * 1000000000 }}", "'*' takes numbers, not [3, 1, 2, 3]"),
    ("{{ 999999999999999 * n }}", "'*' gives a number above 1000000000000000"),
    ("{{ '%1000000000d' % n }}", "'%' takes numbers, not '%1000000000d'"),
    ("{{ long ~ long }}", "text of more than 20000 characters"),
    ("{{ long + long }}", "text of more than 20000 characters"),
    ("{{ long | replace('a', long) }}", "text of more than 20000 characters"),
    ("{{ xs | join(long) }}", "text of more than 20000 characters"),
    ("{% for x in xs %}{{ long }}{% endfor %}", "a template renders to 40000 characters, more than 20000"),
    ("{% for x in many %}{% endfor %}", "a loop goes over a list of at most 100 items"),
    ("{% for x in name %}{% endfor %}", "a loop goes over a list of at most 100 items"),
    (
        "{% for x in xs %}{% for y in xs %}{% endfor %}{% endfor %}",
        "a loop can't be nested, filtered or recursive",
    ),
    ("{% for x in xs if x %}{% endfor %}", "a loop can't be nested, filtered or recursive"),
    ("{% for x in range(9) %}{% endfor %}", "templates have no calls"),
    ("{{ name.upper() }}", "templates have no calls"),
    ("{{ name | replace(*xs) }}", "templates have no calls"),
    ("{{ name.__class__ }}", "'name' has no '__class__'"),
    ("{{ ''.__class__.__mro__ }}", "'value' has no '__class__'"),
    ("{{ name['__class__'] }}", "'name' has no '__class__'"),
    ("{{ row.keys }}", "'row' has no 'keys'"),
    ("{{ name | attr('upper') }}", "unknown filter 'attr'"),
    ("{{ name | uper }}", "unknown filter 'uper'"),
    ("{{ n is evn }}", "unknown test 'evn'"),
    ("{{ self }}", "'self' is not a variable"),
    ("{{ cycler }}", "unknown variable 'cycler'"),
    ("{{ lipsum }}", "unknown variable 'lipsum'"),
    ("{{ missing.more }}", "unknown variable 'missing'"),
    ("{{ row.x.y }}", "'row' has no 'x'"),
    ("{{ row.b.d | upper }}", "'value' has no 'd'"),
    ("{{ missing + 1 }}", "unknown variable 'missing'"),
    ("{% for x in missing %}{% endfor %}", "unknown variable 'missing'"),
    ("{% set x = 1 %}", "templates have no assignments"),
    ("{% include 'x' %}", "templates have no 'include'"),
    ("{% import 'os' as os %}", "templates have no 'import'"),
    ("{% extends 'x' %}", "templates have no 'extends'"),
    ("{% macro f() %}{% endmacro %}", "templates have no 'macro'"),
    ("{% block b %}{% endblock %}", "templates have no 'block'"),
    ("{{ {'a': 1} }}", "templates have no mappings"),
    ("{{ n / 0 }}", "this can't be rendered: division by zero"),
    ("{{ name | truncate(1) }}", "this can't be rendered: expected length >= 3, got 1"),
    ("{% if %}{% endif %}", "a hole is empty"),
    (
        "\n\n{{ name",
        "a '{{' is not closed in line 3 of the template",
    ),
    ("{{ " + "not " * 60 + "n }}", "a template can't be nested deeper than 40 levels"),
    ("{{ xs[::0] }}", "this can't be rendered: slice step cannot be zero"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED, ids=[source[:30].strip() for source, _ in REFUSED])
def test_refused(source: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Sandboxed(source, WHERE).render(BINDINGS)
    assert caught.value.message == message
    assert caught.value.where == WHERE
    assert caught.value.hint


@pytest.mark.parametrize("nest", ["(", "-", "not ", "["])
def test_deep_nesting_is_refused_before_anything_follows_it(nest: str) -> None:
    close = {"(": ")", "[": "]"}.get(nest, "")
    with pytest.raises(SpecError):
        Sandboxed("{{ " + nest * 4_000 + "n" + close * 4_000 + " }}", WHERE)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ name | upper }}", "LAMP"),
        ("{{ name | title | replace('L', 'D') }}", "Damp"),
        ("{{ xs | unique | sort | join(', ') }}", "1, 2, 3"),
        ("{{ xs | first }}{{ xs | last }}{{ xs | length }}", "334"),
        ("{{ xs[1:3] | join }}", "12"),
        ("{{ name[0] }}{{ name[:2] }}", "lla"),
        ("{{ missing | default('none') }}{{ row.x | default('!') }}", "none!"),
        ("{{ 'yes' if missing is defined else 'no' }}", "no"),
        ("{% if n > 3 %}many{% elif n %}few{% else %}none{% endif %}", "many"),
        (
            "{% for x in xs[:2] %}{{ loop.index }}:{{ x }}{{ '' if loop.last else ', ' }}{% endfor %}",
            "1:3, 2:1",
        ),
        ("{{ name ~ n ~ '!' }}", "lamp5!"),
        ("{{ name + '!' }}", "lamp!"),
        ("{{ n // 2 + 1.5 }} {{ 7 % 4 }} {{ -n }}", "3.5 3 -5"),
        ("{{ 2.567 | round(1) }} {{ 2.5 | round(-1000000000) }} {{ 2.4 | round }}", "2.6 2 2"),
        ("{{ n > 3 }} {{ 3 in xs }}", "true true"),
        ("{{ row['b'].c }}{{ row.a }}", "21"),
        ("{% raw %}{{ name }}{% endraw %}", "{{ name }}"),
        ("{{ '5' | int + 1 }} {{ 'x' | float }}", "6 0.0"),
    ],
)
def test_what_templates_can_do(source: str, text: str) -> None:
    assert Sandboxed(source, WHERE).render(BINDINGS) == text


def test_rendered_once_for_each_distinct_set_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    template = Sandboxed("{{ a | upper }}", WHERE)
    rendered = []
    collect = template._collect
    monkeypatch.setattr(template, "_collect", lambda used: rendered.append(dict(used)) or collect(used))
    for a, b in (("x", 1), ("x", 2), ("y", 3), ("x", 4)):
        template.render({"a": a, "b": b})
    assert rendered == [{"a": "x"}, {"a": "y"}]


def test_values_that_only_look_equal_are_told_apart() -> None:
    template = Sandboxed("{{ a }}{# #}", WHERE)
    assert [template.render({"a": a}) for a in (1, 1.0, True, "1")] == ["1", "1.0", "true", "1"]


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("stock > 0", True),
        ("stock >= 10 and stock <= 10", True),
        ("stock < 9", False),
        ("stock == 10", True),
        ("stock == '10'", True),
        ("stock == '10.0'", False),
        ("stock == other", True),
        ("stock != 10", False),
        ("9 < stock", True),
        ("stock > '9'", True),
        ("stock * 2 == 20", True),
        ("sku == 123", False),
        ("sku == '00123'", True),
        ("sku < 'B'", True),
        ("name in ['lamp', 'desk']", True),
        ("missing is defined", False),
        ("'' == empty", True),
    ],
)
def test_expressions_compare_numbers_as_numbers(source: str, holds: bool) -> None:
    row = {"stock": "10", "other": "10.0", "sku": "00123", "name": "lamp", "empty": ""}
    assert Expression(source, WHERE).holds(row) is holds


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("stock >", "the expression ends too early"),
        ("", "the expression ends too early"),
        ("a, b", "',' is not expected here"),
        ("a }} {{ b", "a condition stands without braces"),
        ("stcok > 0", "unknown variable 'stcok'"),
        ("name > 0", "text and a number can't be compared with '>'"),
        ("10 ** 10 ** 10", "templates have no powers"),
        ("(name ~ name)()", "templates have no calls"),
    ],
)
def test_expressions_that_are_refused(source: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Expression(source, WHERE).holds({"stock": "10", "name": "lamp"})
    assert caught.value.message == message
