"""Pictures that go in: files, existing pictures, and targets of other assets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbuild.errors import SpecError
from imgbuild.expand import expand, read_drafts
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec import load
from imgbuild.types import Input, Target

Targets = Callable[..., list[Target]]


def asset(body: str, more: str = "") -> str:
    return f"version: 1\nassets:\n  a: {{{body}}}\n{more}"


def test_files_are_found_beside_the_spec(targets: Targets) -> None:
    body = "prompt: x, matrix: {sku: [A1, A2]}, inputs: {image: 'refs/{{ sku }}.png', mask: ../m.png, strength: 0.5}"
    first, second = targets(asset(body), {"specs/refs/A1.png": b"", "m.png": b""})
    mask = Input(role="mask", file="m.png")
    assert first.inputs == (Input(role="image", file="specs/refs/A1.png"), mask)
    assert first.asks[0].params == {"strength": 0.5}
    assert first.fault == ""
    assert second.inputs == (Input(role="image", file="specs/refs/A2.png"), mask)
    assert second.fault == "input image 'refs/A2.png' does not exist"
    assert second.hint == "it was looked for at specs/refs/A2.png"


def test_several_of_one_role(targets: Targets) -> None:
    (made,) = targets(
        asset("prompt: x, inputs: {reference: [a.png, b.png]}"), {"specs/a.png": b"", "specs/b.png": b""}
    )
    assert [item.file for item in made.inputs] == ["specs/a.png", "specs/b.png"]


def test_existing_pictures(targets: Targets) -> None:
    body = "from: 'photos/{{ sku }}.jpg', matrix: {p: {csv: p.csv, key: sku}}, process: [{crop: {aspect: '1:1'}}]"
    files = {"specs/p.csv": "sku\nA1\nA2\n", "specs/photos/A1.jpg": b""}
    first, second = targets(asset(body), files)
    assert (first.id, first.output) == ("catalog/a[sku=A1]#0", "a/A1_0.png")
    assert first.inputs == (Input(role="image", file="specs/photos/A1.jpg"),)
    assert (first.asks, first.seed, first.explicit, first.recipe.model) == ((), 0, False, None)
    assert [type(operation).__name__ for operation in first.recipe.process] == ["Crop"]
    assert second.fault == "input image 'photos/A2.jpg' does not exist"


@pytest.mark.parametrize("key", ["from: '{}'", "prompt: x, inputs: {{image: '{}'}}"])
def test_paths_stay_inside_the_project(targets: Targets, key: str) -> None:
    for path in ("../../x.png", "/etc/passwd", "{{ v }}/../../../x.png", "a/../../../x.png"):
        with pytest.raises(SpecError):
            targets(asset(f"{key.format(path)}, vars: {{v: '..'}}"))
    (made,) = targets(asset(f"{key.format('{{ v }}/x.png')}, vars: {{v: ../../..}}"))
    assert (made.fault, made.inputs) == ("'../../../x.png' leads out of the project", ())


def test_links_out_of_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "specs").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"")
    os.symlink(tmp_path / "secret.png", root / "specs" / "A1.png")  # noqa: PTH211 - as an attacker would
    (root / "specs" / "catalog.yaml").write_text(
        asset("prompt: x, matrix: {sku: [A1]}, inputs: {image: '{{ sku }}.png'}")
    )
    files, settings = Files(root), Settings(root=root)
    (made,) = expand(read_drafts(load(files, settings), settings, files)).targets
    assert (made.fault, made.inputs) == ("'A1.png' leads out of the project through a symbolic link", ())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("from: photos/*.jpg", "'photos/*.jpg' is a pattern, and a path is needed"),
        ("prompt: x, inputs: {image: {asset: b}}", "unknown asset 'b'"),
        ("prompt: x, inputs: {image: {asset: other/a}}", "unknown asset 'other/a'"),
    ],
)
def test_faults(targets: Targets, body: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        targets(asset(body))
    assert caught.value.message == message
    assert caught.value.where is not None
    assert caught.value.where.line == 3


def wired(
    edge: str, upstream: str, matrix: str = "{sku: [A1, A2], angle: [front, back]}", more: str = ""
) -> str:
    return (
        "version: 1\nmodels: {m: {provider: placeholder}, n: {provider: placeholder}}\nassets:\n"
        f"  cutouts: {{prompt: cut, models: [m], {upstream}}}\n"
        f"  final: {{prompt: x, models: [m], matrix: {matrix}, inputs: {{image: {{asset: cutouts{edge}}}}}{more}}}\n"
    )


def edges(targets: list[Target]) -> list[str]:
    return [target.inputs[0].target.removeprefix("catalog/cutouts") for target in targets if target.inputs]


def test_edges_agree_in_what_both_have(targets: Targets) -> None:
    made = targets(wired("", "matrix: {sku: [A1, A2], light: [day]}"))
    assert edges(made) == [
        "[sku=A1,light=day]@m#0",
        "[sku=A1,light=day]@m#0",
        "[sku=A2,light=day]@m#0",
        "[sku=A2,light=day]@m#0",
    ]
    assert all(
        target.inputs[0].role == "image" and not target.inputs[0].file for target in made if target.inputs
    )


def test_edges_agree_in_match_only(targets: Targets) -> None:
    upstream = "matrix: {sku: [A1, A2], angle: [top]}"
    assert edges(targets(wired(", match: [sku]", upstream)))[::2] == [
        "[sku=A1,angle=top]@m#0",
        "[sku=A2,angle=top]@m#0",
    ]
    with pytest.raises(SpecError) as caught:
        targets(wired("", upstream))
    assert caught.value.message == "no target of 'cutouts' goes with 'catalog/final[sku=A1,angle=front]@m#0'"
    assert caught.value.hint == "name fewer variables in 'match', or give that asset the missing cell"


def test_edges_take_the_same_index_or_the_only_one(targets: Targets) -> None:
    assert edges(targets(wired("", "seeds: 2", "{sku: [A1]}", ", seeds: 2"))) == ["@m#0", "@m#1"]
    assert edges(targets(wired("", "seeds: 1", "{sku: [A1]}", ", seeds: 3"))) == ["@m#0", "@m#0", "@m#0"]
    assert edges(targets(wired(", index: 1", "seeds: 2", "{sku: [A1]}", ", seeds: 3"))) == [
        "@m#1",
        "@m#1",
        "@m#1",
    ]


def test_edges_that_find_several(targets: Targets) -> None:
    upstream = "matrix: {sku: [A1, A2], light: [day, night]}"
    with pytest.raises(SpecError) as caught:
        targets(wired("", upstream))
    assert str(caught.value) == (
        "specs/catalog.yaml:5:98: 2 targets of 'cutouts' go with 'catalog/final[sku=A1,angle=front]@m#0':"
        " catalog/cutouts[sku=A1,light=day]@m#0, catalog/cutouts[sku=A1,light=night]@m#0\n"
        "    5 |   final: {prompt: x, models: [m], matrix: {sku: [A1, A2], angle: [front, back]},"
        " inputs: {image: {asset: cutouts}}}\n"
        "      |                                                                                                  "
        "^^^^^^^^^^^^^^^^\n"
        "hint: choose one: give this asset the axis 'light' too"
    )


def test_edges_name_a_model(targets: Targets) -> None:
    spec = wired(", model: n", "seeds: 1").replace("cut, models: [m]", "cut, models: [m, n]")
    assert edges(targets(spec)) == ["@n#0"] * 4
    with pytest.raises(SpecError) as caught:
        targets(spec.replace(", model: n", ""))
    assert caught.value.hint == "choose one: add 'model'"


def test_edges_to_another_file(targets: Targets) -> None:
    other = "version: 1\nassets:\n  base: {prompt: b, matrix: {sku: [A1, 'a,b']}}\n"
    body = "prompt: x, matrix: {sku: ['a,b']}, inputs: {image: [{asset: other/base}, own.png]}"
    made = targets(asset(body), {"specs/other.yaml": other, "specs/own.png": b""})
    assert made[0].inputs == (
        Input(role="image", target="other/base[sku=a%2Cb]@placeholder#0"),
        Input(role="image", file="specs/own.png"),
    )


def test_match_names_variables_that_both_have(targets: Targets) -> None:
    with pytest.raises(SpecError) as caught:
        targets(wired(", match: [angel]", "matrix: {sku: [A1], angle: [front]}"))
    assert caught.value.message == "'angel' in 'match' is not a variable of both assets"
    assert caught.value.hint == "did you mean 'angle'? Shared variables here: angle, sku"
