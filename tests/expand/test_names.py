"""Output names: inside the folder, fit for every file system, and one for each target."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import SpecError
from imgbuild.expand.names import MAX_COMPONENT, check_name, shorten, slug
from imgbuild.types import Target, Where

Targets = Callable[..., list[Target]]
WHERE = Where(file="s.yaml", line=1, column=1)


def asset(body: str, more: str = "") -> str:
    return f"version: 1\nassets:\n  a: {{prompt: x, {body}}}\n{more}"


def outputs(targets: list[Target]) -> list[str]:
    return [target.output for target in targets]


def test_default_names(targets: Targets) -> None:
    made = targets(asset("matrix: {c: [deep red, 12:30], d: [é]}, seeds: 2"))
    assert outputs(made) == ["a/deep-red_é_0.png", "a/deep-red_é_1.png", "a/12-30_é_0.png", "a/12-30_é_1.png"]


def test_several_models_are_told_apart(targets: Targets) -> None:
    models = "models: {m: {provider: placeholder}, n: {provider: placeholder}}\n"
    assert outputs(targets(asset("models: [m, n], format: jpeg", models))) == ["a/m_0.jpg", "a/n_0.jpg"]


def test_the_template_has_what_imgbuild_gives(targets: Targets) -> None:
    made = targets(
        asset(
            "matrix: {s: {l: {v: 1}}}, seeds: 2, format: webp,"
            " output: '{{ spec }}/{{ asset }}/{{ model }}-{{ s.label }}{{ s.v }}-{{ index }}.{{ ext }}'"
        )
    )
    assert outputs(made) == ["catalog/a/placeholder-l1-0.webp", "catalog/a/placeholder-l1-1.webp"]


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        ("output: x.webp", "x.webp", "webp"),
        ("output: x.JPG", "x.JPG", "jpeg"),
        ("output: x.v2", "x.v2.png", "png"),
        ("output: '{{ n }}', matrix: {n: [x.tif]}, format: tiff", "x.tif", "tiff"),
        ("output: '{{ n }}', matrix: {n: [x.1]}", "x.1.png", "png"),
        ("output: x.webp, format: {quality: 80}", "x.webp", "webp"),
        ("format: avif", "a/0.avif", "avif"),
    ],
)
def test_suffix_and_format(targets: Targets, body: str, name: str, kind: str) -> None:
    (made,) = targets(asset(body))
    assert (made.output, made.recipe.format.type) == (name, kind)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("output: x.jpg, format: png", "the format is png, and the output's name says jpeg"),
        ("output: x.gif", "'.gif' is no type that images are published in"),
        (
            "output: '{{ n }}', matrix: {n: [x.jpg]}",
            "'x.jpg' does not end in '.png', the type it is published in",
        ),
        ("format: {type: png, quality: 3}", "format png has no 'quality'"),
        ("output: ../x.png", "'../x.png' can't be an output: it leads out of its folder"),
        ("output: /etc/x.png", "'/etc/x.png' can't be an output: it begins with '/'"),
        ("output: 'C:/x.png'", "'C:/x.png' can't be an output: it holds ':'"),
        ("output: 'a\\x.png'", "'a\\x.png' can't be an output: it holds '\\\\'"),
        ("output: a//x.png", "'a//x.png' can't be an output: a name is empty"),
        ("output: Con.png", "'Con.png' can't be an output: the name 'Con.png' is reserved"),
        ("output: lpt1/x.png", "'lpt1/x.png' can't be an output: the name 'lpt1' is reserved"),
        ("output: .git/x.png", "'.git/x.png' can't be an output: the name '.git' is reserved"),
        ("output: 'a /x.png'", "'a /x.png' can't be an output: 'a ' begins or ends with a space or a dot"),
        ("output: a./x.png", "'a./x.png' can't be an output: 'a.' begins or ends with a space or a dot"),
        (
            f"output: {'é' * 101}.png",
            f"'{'é' * 101}.png' can't be an output: a name has 206 bytes, more than 200",
        ),
        (
            "output: '{{ n }}.png', matrix: {n: [../../etc/passwd]}",
            "'../../etc/passwd.png' can't be an output: it leads out of its folder",
        ),
        ("output: '{{ n }}.png', matrix: {n: [1], model: [x]}", ""),
        (
            "output: '{{ model }}.png', matrix: {model: [x]}",
            "'model' is a variable of 'a', and in names also what imgbuild gives",
        ),
        ("output: '{{ colour }}.png', matrix: {color: [x]}", "unknown variable 'colour'"),
    ],
)
def test_faults(targets: Targets, body: str, message: str) -> None:
    if not message:
        assert outputs(targets(asset(body))) == ["1.png"]
        return
    with pytest.raises(SpecError) as caught:
        targets(asset(body))
    assert caught.value.message == message
    assert caught.value.where is not None
    assert caught.value.hint


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (
            "matrix: {c: [red, blue], d: [1]}, output: '{{ d }}.png'",
            "'catalog/a[c=red,d=1]@placeholder#0' and 'catalog/a[c=blue,d=1]@placeholder#0' would both be '1.png'",
            "the output does not use 'c': add {{ c }}",
        ),
        (
            "matrix: {c: {red: 1, blue: 1}}, output: '{{ c }}.png'",
            "'catalog/a[c=red]@placeholder#0' and 'catalog/a[c=blue]@placeholder#0' would both be '1.png'",
            "their values of c differ too little for file names: change one, or set 'output'",
        ),
        (
            "matrix: {c: {red: 1, blue: 1}}, output: x.png",
            "'catalog/a[c=red]@placeholder#0' and 'catalog/a[c=blue]@placeholder#0' would both be 'x.png'",
            "the output does not use 'c': add {{ c.label }}",
        ),
        (
            "seeds: 2, output: x.png",
            "'catalog/a@placeholder#0' and 'catalog/a@placeholder#1' would both be 'x.png'",
            "the output does not use 'index': add {{ index }}",
        ),
        (
            "matrix: {c: [red, RED]}",
            "'catalog/a[c=red]@placeholder#0' and 'catalog/a[c=RED]@placeholder#0' would both be"
            " 'a/red_0.png' and 'a/RED_0.png', one file where case is folded",
            "their values of c differ too little for file names: change one, or set 'output'",
        ),
        (
            "matrix: {c: [ß, SS]}, output: '{{ c }}.png'",
            "'catalog/a[c=ß]@placeholder#0' and 'catalog/a[c=SS]@placeholder#0' would both be"
            " 'ß.png' and 'SS.png', one file where case is folded",
            "their values of c differ too little for file names: change one, or set 'output'",
        ),
        (
            "matrix: {c: [x.png, x.png/y]}, output: '{{ c }}'",
            "'x.png' of 'catalog/a[c=x.png]@placeholder#0' would be a file, and a folder for"
            " 'catalog/a[c=x.png%2Fy]@placeholder#0'",
            "rename one of the two",
        ),
    ],
)
def test_clashes(targets: Targets, body: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        targets(asset(body))
    assert caught.value.message == message
    assert caught.value.hint == hint


def test_clash_between_models_and_between_assets(targets: Targets) -> None:
    models = "models: {m: {provider: placeholder}, n: {provider: placeholder}}\n"
    with pytest.raises(SpecError) as caught:
        targets(asset("models: [m, n], output: x.png", models))
    assert caught.value.hint == "the output does not use 'model': add {{ model }}"
    with pytest.raises(SpecError) as caught:
        targets(asset("output: x.png"), {"specs/other.yaml": asset("output: x.png")})
    assert str(caught.value) == (
        "specs/other.yaml:3:26: 'catalog/a@placeholder#0' and 'other/a@placeholder#0' would both be 'x.png'\n"
        "    3 |   a: {prompt: x, output: x.png}\n"
        "      |                          ^^^^^\n"
        "hint: the output does not use 'spec': add {{ spec }}"
    )
    with pytest.raises(SpecError) as caught:
        targets(asset("seeds: 1"), {"specs/other.yaml": asset("seeds: 1")})
    assert caught.value.hint == "rename one of the assets, or set its 'output'"


def test_long_default_names_are_told_apart_by_a_digest(targets: Targets) -> None:
    made = outputs(targets(asset(f"matrix: {{c: [{'é' * 150}x, {'é' * 150}y]}}")))
    assert len(set(made)) == 2
    assert all(len(name.partition("/")[2].encode()) <= MAX_COMPONENT for name in made)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=3))
def test_any_labels_make_a_name_that_every_system_takes(labels: list[str]) -> None:
    stem = "_".join([*map(slug, labels), "0"])
    check_name(f"a/{shorten(stem, '.png')}", WHERE)
