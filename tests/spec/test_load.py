"""Files to Specs: names, includes, scopes, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgbuild.errors import ImgbuildError
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec.declared import Spec
from imgbuild.spec.load import load
from imgbuild.types import Asset, Format, Route, Seeds

MODELS = "models: {sdxl: {provider: placeholder}, hero: {provider: placeholder}}\n"


def write(root: Path, **texts: str) -> None:
    """Specs by name, '__' standing for '/'."""
    for name, text in texts.items():
        path = root / "specs" / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read(root: Path, *extra: str, specs: tuple[str, ...] = ("specs",)) -> dict[str, Spec]:
    return {spec.name: spec for spec in load(Files(root), Settings(root=root, specs=specs), extra)}


def complaint(root: Path, *extra: str) -> str:
    with pytest.raises(ImgbuildError) as caught:
        read(root, *extra)
    return str(caught.value)


def test_a_whole_spec(tmp_path: Path) -> None:
    write(
        tmp_path,
        catalog=MODELS
        + """\
templates:
  product: {prompt: "Photo of {{ name }}", negative: blurry, requires: [name], forbid: [person]}
assets:
  thumbnails:
    template: product
    tags: [catalog]
    vars: {has_text: false, code: 00123, answer: NO, at: 12:30}
    matrix:
      product: {csv: products.csv, key: sku}
      color: [red, blue]
    route: [{when: has_text, model: hero}, {model: sdxl}]
    seeds: {count: 4, per: [sku]}
    size: 1024x1024
    params: {steps: 40}
    process: [{resize: {width: 512, height: 512}}]
    format: {type: webp, quality: 90}
    validate: [not_blank]
    attempts: 5
    output: "{{ sku }}.webp"
  packshots:
    from: "photos/{{ sku }}.jpg"
    matrix: {sku: [a, b]}
""",
    )
    spec = read(tmp_path)["catalog"]
    assert (spec.file, spec.included) == ("specs/catalog.yaml", False)
    assert list(spec.assets) == ["thumbnails", "packshots"]
    thumbnails = spec.assets["thumbnails"]
    assert thumbnails.value == Asset(
        template="product",
        tags=["catalog"],
        vars={"has_text": False, "code": "00123", "answer": "NO", "at": "12:30"},
        matrix={"product": {"csv": "products.csv", "key": "sku"}, "color": ["red", "blue"]},
        route=[Route(when="has_text", model="hero"), Route(model="sdxl")],
        seeds=Seeds(count=4, per=["sku"]),
        size="1024x1024",
        params={"steps": 40},
        process=[{"resize": {"width": 512, "height": 512}}],
        format=Format(type="webp", quality=90),
        validate=["not_blank"],
        attempts=5,
        output="{{ sku }}.webp",
    )
    assert spec.assets["packshots"].value.from_ == "photos/{{ sku }}.jpg"
    assert (thumbnails.home, thumbnails.path) == ("catalog", ("assets", "thumbnails"))
    assert thumbnails.where("route", 0, "model").line == 12
    assert thumbnails.where(key=True).line == 5


def test_names_are_paths_below_the_specs_folder(tmp_path: Path) -> None:
    write(tmp_path, catalog="", sub__more="", _private="")
    (tmp_path / "specs" / "other.yml").write_text("")
    (tmp_path / "specs" / ".hidden.yaml").write_text("broken: [")
    (tmp_path / "specs" / ".git").mkdir()
    (tmp_path / "specs" / ".git" / "a.yaml").write_text("broken: [")
    (tmp_path / "specs" / "notes.txt").write_text("broken: [")
    assert list(read(tmp_path)) == ["_private", "catalog", "other", "sub/more"]


def test_without_a_specs_folder_the_named_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "one.yaml").write_text("")
    (tmp_path / "art" / "two.yaml").write_text("")
    (tmp_path / "top.yml").write_text("")
    assert read(tmp_path) == {}
    assert list(read(tmp_path, "art/one.yaml")) == ["art/one"]
    assert list(read(tmp_path, "./art/", "top.yml")) == ["art/one", "art/two", "top"]


def test_files_below_specs_keep_their_name_when_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, a="", b="")
    assert list(read(tmp_path, "specs/a.yaml", "specs")) == ["a", "b"]


def test_several_specs_folders(tmp_path: Path) -> None:
    write(tmp_path, a="")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text("")
    assert list(read(tmp_path, specs=("specs", "more"))) == ["a", "b"]


def test_outputs_and_store_are_not_searched(tmp_path: Path) -> None:
    for folder in ("out", ".imgbuild", "specs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yaml").write_text("")
    assert list(read(tmp_path, specs=(".",))) == ["specs/a"]


def test_two_files_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, catalog="")
    (tmp_path / "specs" / "catalog.yml").write_text("")
    assert complaint(tmp_path) == (
        "error: specs/catalog.yaml and specs/catalog.yml would both be the spec 'catalog'\n"
        "hint: rename one, since its name is part of target ids"
    )


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    assert complaint(tmp_path, "nope.yaml") == (
        "error: there is no file 'nope.yaml'\nhint: give a spec, or a folder that holds specs"
    )


def test_folders_and_files_are_stamped(tmp_path: Path) -> None:
    write(tmp_path, a="include: [sub/b.yaml]\n", sub__b="")
    files = Files(tmp_path)
    load(files, Settings(root=tmp_path))
    assert sorted(files.seen) == ["specs", "specs/a.yaml", "specs/sub", "specs/sub/b.yaml"]
    files = Files(tmp_path / "specs" / "sub")
    load(files, Settings(root=tmp_path / "specs" / "sub"))
    assert files.seen == {"specs": None}


def test_includes_bring_models_and_templates_and_no_assets(tmp_path: Path) -> None:
    write(tmp_path, a="include: [../shared/m.yaml]\nassets: {x: {template: t, models: [sdxl]}}\n")
    (tmp_path / "shared").mkdir()
    shared = MODELS + "templates: {t: {prompt: p}}\nassets: {y: {prompt: q}}\n"
    (tmp_path / "shared" / "m.yaml").write_text(shared)
    specs = read(tmp_path)
    assert list(specs["a"].models) == ["sdxl", "hero"]
    assert specs["a"].models["sdxl"].home == "shared/m"
    assert specs["a"].models["sdxl"].document.file == "shared/m.yaml"
    assert list(specs["a"].assets) == ["x"]
    assert specs["shared/m"].included
    assert specs["shared/m"].assets == {}


def test_a_diamond_of_includes_is_fine(tmp_path: Path) -> None:
    write(
        tmp_path,
        top="include: [left.yaml, right.yaml]\nassets: {x: {prompt: p, models: [sdxl]}}\n",
        left="include: [base.yaml]\n",
        right="include: [./base.yaml]\n",
        base=MODELS,
    )
    assert read(tmp_path)["top"].models["sdxl"].home == "base"


def test_a_circle_of_includes_is_printed(tmp_path: Path) -> None:
    write(tmp_path, a="include: [b.yaml]\n", b="version: 1\ninclude: [c.yaml]\n", c="include: [a.yaml]\n")
    assert (
        complaint(tmp_path)
        == """\
specs/c.yaml:1:11: includes go round in a circle: specs/a.yaml:1 → specs/b.yaml:2 → specs/c.yaml:1 → specs/a.yaml
    1 | include: [a.yaml]
      |           ^^^^^^
hint: move what they share into a file that includes neither"""
    )


def test_a_file_that_includes_itself(tmp_path: Path) -> None:
    write(tmp_path, a="include: [a.yaml]\n")
    assert "includes go round in a circle: specs/a.yaml:1 → specs/a.yaml" in complaint(tmp_path)


def test_long_chains_of_includes_are_bounded(tmp_path: Path) -> None:
    write(tmp_path, **{f"f{i:03}": f"include: [f{i + 1:03}.yaml]\n" for i in range(100)}, f100="")
    assert "includes nest more than 64 deep" in complaint(tmp_path)


def test_an_absent_include(tmp_path: Path) -> None:
    write(tmp_path, a="include: [nope.yaml]\nassets: {x: {prompt: p, models: [unknown]}}\n")
    assert (
        complaint(tmp_path)
        == """\
specs/a.yaml:1:11: there is no file 'specs/nope.yaml'
    1 | include: [nope.yaml]
      |           ^^^^^^^^^
hint: paths are relative to the file that includes them"""
    )


@pytest.mark.parametrize("path", ["../../secret.yaml", "/etc/passwd", "linked.yaml", "folder/secret.yaml"])
def test_includes_stay_inside_the_project(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    write(root, a=f"include: [{path}]\n")
    (tmp_path / "secret.yaml").write_text(MODELS)
    (root / "specs" / "folder").symlink_to(tmp_path)
    (root / "elsewhere.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "specs" / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    told = complaint(root)
    if path != "linked.yaml":
        (root / "specs" / "linked.yaml").unlink()
        told = complaint(root)
        assert told.startswith(f"specs/a.yaml:1:11: '{path}' ")
    assert "leads out of the project" in told or "is not a path inside the project" in told


def test_a_name_declared_twice_names_both_places(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="include: [b.yaml]\nmodels:\n  sdxl: {provider: placeholder}\n",
        b="models: {sdxl: {provider: placeholder}}\n",
    )
    assert (
        complaint(tmp_path)
        == """\
specs/a.yaml:3:3: model 'sdxl' is defined twice
    3 |   sdxl: {provider: placeholder}
      |   ^^^^
hint: it is defined at specs/b.yaml:1:10 too; rename one of the two"""
    )


def test_two_includes_that_declare_one_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="include: [b.yaml, c.yaml]\n",
        b="templates: {t: {prompt: p}}\n",
        c="templates: {t: {prompt: q}}\n",
    )
    assert (
        complaint(tmp_path)
        == """\
specs/b.yaml:1:13: template 't' is defined twice
    1 | templates: {t: {prompt: p}}
      |             ^
hint: it is defined at specs/c.yaml:1:13 too; rename one of the two"""
    )


def test_two_includes_that_declare_one_set_of_rules(tmp_path: Path) -> None:
    write(tmp_path, a="include: [b.yaml]\nrules: {web: []}\n", b="rules: {web: [not_blank]}\n")
    assert (
        complaint(tmp_path)
        == """\
specs/a.yaml:2:9: rule set 'web' is defined twice
    2 | rules: {web: []}
      |         ^^^
hint: it is defined at specs/b.yaml:1:9 too; rename one of the two"""
    )


def test_an_unknown_model_is_told_with_place_caret_and_hint(tmp_path: Path) -> None:
    write(
        tmp_path,
        catalog="version: 1\nmodels:\n  sdxl:\n    provider: placeholder\n  hero:\n    provider: placeholder\n"
        + "templates:\n  product:\n    prompt: p\n"
        + "assets:\n"
        + "".join(f"  a{i}:\n    template: product\n    tags: [x]\n" for i in range(4))
        + "  thumbnails:\n    models: [sdlx]\n    template: product\n",
    )
    assert (
        complaint(tmp_path)
        == """\
specs/catalog.yaml:24:14: unknown model 'sdlx'
   24 |     models: [sdlx]
      |              ^^^^
hint: did you mean 'sdxl'? Models here: hero, sdxl"""
    )


FAULTS = {
    "assets: {x: {prompt: p, route: [{model: nope}]}}": """\
specs/a.yaml:2:41: unknown model 'nope'
    2 | assets: {x: {prompt: p, route: [{model: nope}]}}
      |                                         ^^^^
hint: Models here: hero, sdxl""",
    "assets: {x: {template: produkt}}\ntemplates: {product: {prompt: p}}": """\
specs/a.yaml:2:24: unknown template 'produkt'
    2 | assets: {x: {template: produkt}}
      |                        ^^^^^^^
hint: did you mean 'product'? Templates here: product""",
    "assets: {x: {template: t}}": """\
specs/a.yaml:2:24: unknown template 't'
    2 | assets: {x: {template: t}}
      |                        ^
hint: there are no templates here""",
    "assets: {x: {template: t, prompt: p}}\ntemplates: {t: {prompt: p}}": """\
specs/a.yaml:2:27: asset 'x' has both a template and a prompt
    2 | assets: {x: {template: t, prompt: p}}
      |                           ^^^^^^
hint: remove one of the two""",
    "assets: {x: {tags: [a]}}": """\
specs/a.yaml:2:10: asset 'x' has neither a template nor a prompt
    2 | assets: {x: {tags: [a]}}
      |          ^
hint: add 'template', 'prompt' or, for existing pictures, 'from'""",
    "assets: {x: {prompt: p, models: [sdxl], route: [{model: hero}]}}": """\
specs/a.yaml:2:41: asset 'x' has both models and a route
    2 | assets: {x: {prompt: p, models: [sdxl], route: [{model: hero}]}}
      |                                         ^^^^^
hint: 'models' builds every cell with each of them, 'route' picks one per cell; remove one of the two""",
    "assets: {x: {from: a.png, models: [sdxl]}}": """\
specs/a.yaml:2:27: 'models' has no meaning beside 'from'
    2 | assets: {x: {from: a.png, models: [sdxl]}}
      |                           ^^^^^^
hint: existing pictures are not generated; remove one of the two""",
    "assets: {x: {prompt: p, validate: [wbe]}}\nrules: {web: [{sharpness: {min: 1}}]}": """\
specs/a.yaml:2:36: unknown rule 'wbe'
    2 | assets: {x: {prompt: p, validate: [wbe]}}
      |                                    ^^^
hint: did you mean 'web'? Rules and rule sets here: aesthetic, aspect_ratio, background, banding, brightness, \
command, contrast, differs_from, dimensions, edges, …""",
    "rules: {sharpness: [{noise: {max: 1}}]}": """\
specs/a.yaml:2:9: 'sharpness' is the name of a rule
    2 | rules: {sharpness: [{noise: {max: 1}}]}
      |         ^^^^^^^^^
hint: give the set another""",
    "rules: {web: [brnad], brand: [{noise: {max: 1}}]}": """\
specs/a.yaml:2:15: unknown rule 'brnad'
    2 | rules: {web: [brnad], brand: [{noise: {max: 1}}]}
      |               ^^^^^
hint: did you mean 'brand'? Rules and rule sets here: aesthetic, aspect_ratio, background, banding, brand, brightness, \
command, contrast, differs_from, dimensions, …""",
    "rules: {web: [web, not_blank]}": """\
specs/a.yaml:2:15: rule sets go round in a circle: web → web
    2 | rules: {web: [web, not_blank]}
      |               ^^^
hint: a set can't hold itself""",
    "rules: {web: [hero], hero: [not_blank, brand], brand: [web]}": """\
specs/a.yaml:2:56: rule sets go round in a circle: web → hero → brand → web
    2 | rules: {web: [hero], hero: [not_blank, brand], brand: [web]}
      |                                                        ^^^
hint: 'web' names 'hero' at specs/a.yaml:2:15; take one of them out""",
    "templates: {t: {prompt: 7}}": """\
specs/a.yaml:2:25: 'prompt' must be text
    2 | templates: {t: {prompt: 7}}
      |                         ^
hint: put it in quotes""",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_are_told_whole(tmp_path: Path, text: str) -> None:
    write(tmp_path, a=MODELS + text + "\n")
    assert complaint(tmp_path) == FAULTS[text]


def test_an_unknown_fallback(tmp_path: Path) -> None:
    write(tmp_path, a="models:\n  hero: {provider: placeholder, fallback: [sdxl]}\n")
    assert (
        complaint(tmp_path)
        == """\
specs/a.yaml:2:44: unknown model 'sdxl'
    2 |   hero: {provider: placeholder, fallback: [sdxl]}
      |                                            ^^^^
hint: Models here: hero"""
    )


def test_a_circle_of_fallbacks(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="models:\n  a: {provider: placeholder, fallback: [b]}\n  b: {provider: placeholder, fallback: [c, d]}\n"
        + "  c: {provider: placeholder, fallback: [a]}\n  d: {provider: placeholder, fallback: [c]}\n",
    )
    told = complaint(tmp_path)
    assert told.startswith("specs/a.yaml:4:41: fallbacks go round in a circle: a → b → c → a\n")
    assert told.endswith("hint: each model of a chain may stand in it once")
    assert told.count("fallbacks go round") == 1


def test_the_stand_in_needs_no_declaration(tmp_path: Path) -> None:
    write(tmp_path, a="assets: {x: {prompt: p, models: [placeholder]}, y: {prompt: p}}\n")
    assert read(tmp_path)["a"].assets["x"].value.models == ["placeholder"]


def test_the_faults_of_all_files_are_told_together(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="x: 1\n",
        b="a: [1\n",
        c="assets: {x: {prompt: p, models: [m]}}\n",
        d="include: [a.yaml]\n",
    )
    heads = [line for line in complaint(tmp_path).splitlines() if line.startswith("specs/")]
    assert [head.partition(": ")[2] for head in heads] == [
        "unknown key 'x'",
        "the list is not closed",
        "unknown model 'm'",
    ]


def test_ten_thousand_lines_load_in_steps_for_each(tmp_path: Path, calls: Any) -> None:
    asset = (
        "  a{}:\n    prompt: p {}\n    tags: [a, b]\n    matrix:\n      k:\n        - x\n        - y z\n"
        "    models: [sdxl]\n    seeds: 3\n    size: 8x8\n"
    )
    write(tmp_path, a=MODELS + "assets:\n" + "".join(asset.format(i, i) for i in range(1000)))
    assert calls(lambda: read(tmp_path)) < 200 * 10_000
    assert len(read(tmp_path)["a"].assets) == 1000
