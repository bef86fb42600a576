"""Templates with plain holes, and that they mean what Jinja means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.errors import SpecError
from imgbuild.templates.sandboxed import Sandboxed
from imgbuild.templates.template import Holes, Plain, compile_template
from imgbuild.templates.values import Group, labelled, wrap
from imgbuild.templates.varying import Varying
from imgbuild.types import Where

WHERE = Where(file="s.yaml", line=3, column=9, length=30, text="prompt: a name: {{ nmae }}, {{ row.siz }}")
BINDINGS = {
    "name": "lamp {{ 7 * 7 }}",
    "n": 5,
    "f": 2.5,
    "yes": True,
    "nothing": None,
    "umlaut": "e\u0301",
    "row": wrap({"size": "XL", "items": 3, "deep": {"er": "x"}}),
    "style": labelled("neon %s", "moody"),
    "flag": labelled(False, "off"),
    "list": [1, 2],
}


def outcome(template: object) -> str:
    try:
        return template.render(BINDINGS)  # type: ignore[attr-defined]
    except SpecError as error:
        return f"error: {error.message}"


PIECES = st.one_of(
    st.text(alphabet="ab {}%#\n\r-é\u0301'", max_size=4),
    st.sampled_from(
        [
            "{{ name }}",
            "{{n}}",
            "{{  f  }}",
            "{{ yes }}",
            "{{ nothing }}",
            "{{ umlaut }}",
            "{{ row.size }}",
            "{{ row.items }}",
            "{{ row.deep.er }}",
            "{{ style }}",
            "{{ style.label }}",
            "{{ flag }}",
            "{{ flag.label }}",
            "{{ row }}",
            "{{ list }}",
            "{{ nmae }}",
            "{{ row.keys }}",
            "{{ name.upper }}",
            "{{ true }}",
            "{{ none }}",
            "{{\nname\t}}",
            "{{ name.label }}",
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=6))
def test_the_fast_path_gives_what_jinja_gives(pieces: list[str]) -> None:
    source = "".join(pieces)
    try:
        fast = compile_template(source, WHERE)
    except SpecError:
        return  # only Jinja's own parser refuses, so there is nothing to compare
    ours, jinjas = outcome(fast), outcome(Sandboxed(source, WHERE))
    assert ours == jinjas or (ours.startswith("error:") and jinjas.startswith("error:"))


@given(st.text(max_size=60))
def test_values_are_never_rendered_as_templates(text: str) -> None:
    value = wrap(text)
    for source in ("{{ value }}", "{{ value }}{# slow #}"):
        assert compile_template(source, WHERE).render({"value": value}) == value


def test_which_path_is_taken() -> None:
    assert isinstance(compile_template("a } b", WHERE), Plain)
    assert isinstance(compile_template("a {{ b.c }}", WHERE), Holes)
    for source in ("{{ b | upper }}", "{{- b }}", "{{ true }}", "{% if b %}{% endif %}"):
        assert isinstance(compile_template(source, WHERE), Sandboxed)
    with pytest.raises(SpecError, match="expected token ':', got '}'"):
        compile_template("{{{ b }}", WHERE)


def test_texts_of_values() -> None:
    source = "{{ n }} {{ f }} {{ yes }} [{{ nothing }}] {{ umlaut }} {{ style }} {{ style.label }} {{ flag }}"
    assert compile_template(source, WHERE).render(BINDINGS) == "5 2.5 true [] é neon %s moody false"


def test_unknown_variable() -> None:
    with pytest.raises(SpecError) as caught:
        compile_template("a name: {{ nmae }}", WHERE).render(BINDINGS)
    assert str(caught.value) == (
        "s.yaml:3:20: unknown variable 'nmae'\n"
        "    3 | prompt: a name: {{ nmae }}, {{ row.siz }}\n"
        "      |                    ^^^^\n"
        "hint: did you mean 'name'? Variables here: f, flag, list, n, name, nothing, row, style, umlaut, yes"
    )


@pytest.mark.parametrize("tail", ["", "{# slow #}"])
def test_unknown_key(tail: str) -> None:
    with pytest.raises(SpecError) as caught:
        compile_template("{{ row.siz }}" + tail, WHERE).render(BINDINGS)
    assert str(caught.value) == (
        "s.yaml:3:36: 'row' has no 'siz'\n"
        "    3 | prompt: a name: {{ nmae }}, {{ row.siz }}\n"
        "      |                                    ^^^\n"
        "hint: did you mean 'size'? Names in 'row' here: deep, items, size"
    )


def test_a_single_value_has_no_keys() -> None:
    with pytest.raises(SpecError) as caught:
        compile_template("{{ name.size }}", WHERE).render(BINDINGS)
    assert caught.value.message == "'name' has no 'size'"
    assert caught.value.hint == "'name' is a single value: write {{ name }}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{{ row }}",
            "s.yaml:1:1: a mapping has no text of its own\nhint: name one of its keys: size, items, deep",
        ),
        (
            "{{ list }}",
            "s.yaml:1:1: a list has no text of its own\nhint: join its items: {{ name | join(', ') }}",
        ),
    ],
)
def test_what_has_no_text(source: str, message: str) -> None:
    for tail in ("", "{# slow #}"):
        with pytest.raises(SpecError) as caught:
            compile_template(source + tail, Where(file="s.yaml", line=1, column=1)).render(BINDINGS)
        assert str(caught.value) == message


def test_source_and_result_are_bounded() -> None:
    with pytest.raises(SpecError, match="a template has 20001 characters, more than 20000"):
        compile_template("x" * 20_001, WHERE)
    with pytest.raises(SpecError, match="a template renders to 30000 characters, more than 20000"):
        compile_template("{{ a }}{{ a }}", WHERE).render({"a": "x" * 15_000})


def test_a_row_reads_its_own_columns_before_its_label() -> None:
    row = wrap({"label": "own", "keys": "k"})
    assert isinstance(row, Group)
    row.label = "A1"
    assert compile_template("{{ row.label }} {{ row.keys }}", WHERE).render({"row": row}) == "own k"


@pytest.mark.parametrize("source", ["x{{ a }}", "{% if true %}x{{ a }}{% endif %}"])
def test_what_is_rendered_once_may_be_long_and_is_not_remembered(source: str) -> None:
    template = compile_template(source, WHERE, once=True)
    assert template.render({"a": "y" * 50_000}) == "x" + "y" * 50_000
    for number in range(100):
        value = Group({"b": str(number)})  # each where the last one lay, as likely as not
        assert compile_template("x{{ a.b | upper }}", WHERE, once=True).render({"a": value}) == f"x{number}"
        assert Varying(["{{ a.b | int }}", "{{ a.b }}!"], WHERE, once=True).of({"a": value}) == [
            number,
            f"{number}!",
        ]
