"""Whole expansions: the example of the manual, order, and any matrix at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from subprocess import run
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.errors import ImgbuildError, SpecError
from imgbuild.expand import Expansion
from imgbuild.expand.clashes import fold
from imgbuild.expand.names import check_name
from imgbuild.types import Format, Target, Where

Targets = Callable[..., list[Target]]

CATALOG = """\
version: 1
models:
  sdxl: {provider: placeholder, params: {steps: 30, guidance: 6.5}}
  hero: {provider: placeholder, fallback: [sdxl]}
templates:
  product:
    prompt: "Product photo of {{ name }} on a {{ background }} background, {{ angle }} angle, {{ color }}, {{ style }}"
    negative: "blurry"
    requires: [name]
assets:
  thumbnails:
    template: product
    tags: [catalog]
    vars: {background: white, has_text: false}
    matrix:
      product: {csv: products.csv, key: sku, where: "stock > 0"}
      color: [red, blue]
      angle: [45-degree]
      style: {plain: "high detail", moody: "dark theme, neon accents"}
      exclude: [{color: red, sku: A2}]
      include: [{sku: A9, name: chair, color: green, angle: front, style: plain}]
    route:
      - {when: "has_text", model: hero}
      - {model: sdxl}
    seeds: {count: 2, per: [sku]}
    size: 1024x1024
    params: {steps: 40}
    process:
      - resize: {width: 512, height: 512, fit: cover}
    format: {type: webp, quality: 90}
    validate:
      - dimensions: {width: 512, height: 512}
      - not_blank
    attempts: 4
    output: "catalog/{{ sku }}_{{ color }}_{{ style.label }}_{{ index }}.webp"
"""


def test_the_manuals_example(targets: Targets) -> None:
    made = targets(CATALOG, {"specs/products.csv": "sku;name;stock\nA1;lamp;5\nA2;desk;1\nA3;sofa;0\n"})
    assert len(made) == (2 * 2 * 2 - 2 + 1) * 2
    first, last = made[0], made[-1]
    assert first.id == "catalog/thumbnails[sku=A1,color=red,angle=45-degree,style=plain]@sdxl#0"
    assert (
        first.asks[0].prompt
        == "Product photo of lamp on a white background, 45-degree angle, red, high detail"
    )
    assert first.asks[0].params == {"steps": 40, "guidance": 6.5}
    assert first.output == "catalog/A1_red_plain_0.webp"
    assert last.id == "catalog/thumbnails[sku=A9,color=green,angle=front,style=plain]@sdxl#1"
    assert last.output == "catalog/A9_green_plain_1.webp"
    recipe = first.recipe
    assert (recipe.spec, recipe.asset, recipe.tags, recipe.attempts) == (
        "catalog",
        "thumbnails",
        ("catalog",),
        4,
    )
    assert recipe.format == Format(type="webp", quality=90)
    assert [rule.name for rule in recipe.rules] == ["dimensions", "not_blank"]
    assert [operation.name for operation in recipe.process] == ["resize"]
    assert recipe.where.line == 11
    assert len({target.seed for target in made if "[sku=A1," in target.id}) == 2


def test_targets_come_by_spec_and_asset(targets: Targets) -> None:
    files = {
        "specs/z.yaml": "version: 1\nassets: {y: {prompt: y}, x: {prompt: x}}\n",
        "specs/b.yaml": "version: 1\nassets: {w: {prompt: y}}\n",
    }
    made = targets("version: 1\nassets: {a: {prompt: x}}\n", files)
    assert [target.id.partition("@")[0] for target in made] == ["b/w", "catalog/a", "z/y", "z/x"]


def test_a_plain_project_needs_no_heavy_library() -> None:
    code = (
        "import sys, pathlib, tempfile\n"
        "from imgbuild.files import Files\nfrom imgbuild.settings import Settings\n"
        "from imgbuild.expand import expand, read_drafts\nfrom imgbuild.spec import load\n"
        "root = pathlib.Path(tempfile.mkdtemp()); (root / 'specs').mkdir()\n"
        "(root / 'specs' / 'a.yaml').write_text('version: 1\\nassets: {a: {prompt: \"{{ c }}\", matrix: {c: [1]}}}')\n"
        "files, settings = Files(root), Settings(root=root)\n"
        "assert len(expand(read_drafts(load(files, settings), settings, files)).targets) == 1\n"
        "print([name for name in ('jinja2', 'numpy', 'torch') if name in sys.modules])\n"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


LABELS = st.text(
    alphabet=st.one_of(
        st.sampled_from("aAbB_-./ %[]=,@#é\u0301ßİ"), st.characters(codec="utf-8", exclude_categories=["Cc"])
    ),
    min_size=1,
    max_size=5,
)
AXES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(
        st.lists(LABELS, min_size=1, max_size=3), st.dictionaries(LABELS, LABELS, min_size=1, max_size=3)
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(AXES, st.integers(1, 3), st.data())
def test_any_matrix_gives_unique_ids_and_names_or_an_error(
    expanded: Callable[..., Expansion], axes: dict[str, Any], seeds: int, data: st.DataObject
) -> None:
    asset = {"prompt": "{{ " + " }} {{ ".join(axes) + " }}", "matrix": axes, "seeds": seeds}
    if data.draw(st.booleans()):
        holes = data.draw(st.lists(st.sampled_from([*axes, "index", "asset"]), min_size=1))
        asset["output"] = "_".join(f"{{{{ {hole} }}}}" for hole in holes)
    try:
        made = expanded(json.dumps({"version": 1, "assets": {"x": asset}}, ensure_ascii=False)).targets
    except ImgbuildError:
        return
    assert len({target.id for target in made}) == len(made)
    assert len({fold(target.output) for target in made}) == len(made)
    for target in made:
        check_name(target.output, Where(file="", line=1, column=1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(min_size=1, alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"])),
        min_size=1,
        max_size=4,
    )
)
def test_text_of_tables_never_executes(expanded: Callable[..., Expansion], cells: list[str]) -> None:
    """Whatever a cell holds, with and without template syntax around it, comes out as it is."""
    cells = [
        cell + suffix for cell, suffix in zip(cells, ["", "{{ 7 * 7 }}", "{% if %}", "{#"], strict=False)
    ]
    rows = [{"id": str(at), "text": cell} for at, cell in enumerate(cells)]
    spec = {
        "version": 1,
        "assets": {
            "fast": {"prompt": ">{{ text }}<", "matrix": {"p": {"json": "p.json", "key": "id"}}},
            "slow": {"prompt": ">{{ text | trim('') }}<", "matrix": {"p": {"json": "p.json", "key": "id"}}},
        },
    }
    made = expanded(json.dumps(spec), {"specs/p.json": json.dumps(rows, ensure_ascii=False)}).targets
    texts = [normalize("NFC", f">{cell}<") for cell in cells]
    assert [target.asks[0].prompt for target in made] == texts * 2


def test_rules_and_operations_are_checked_with_their_places(targets: Targets) -> None:
    spec = "version: 1\nassets:\n  a:\n    prompt: x\n    process:\n      - resize: {width: 0}\n"
    with pytest.raises(SpecError) as caught:
        targets(spec)
    assert str(caught.value) == (
        "specs/catalog.yaml:6:25: operation 'resize': width must be 1 to 65535 pixels, not 0\n"
        "    6 |       - resize: {width: 0}\n"
        "      |                         ^\n"
        "hint: parameters of 'resize': width, height, fit, anchor, upscale"
    )


def test_reference_images_exist(targets: Targets) -> None:
    spec = "version: 1\nassets:\n  a: {prompt: x, validate: [{similar_to: {reference: ref.png}}]}\n"
    with pytest.raises(SpecError) as caught:
        targets(spec)
    assert caught.value.message == "file 'ref.png' does not exist"
    assert targets(spec, {"specs/ref.png": b""})
