"""After one edit, exactly the steps that depend on it run, and `why` names what was edited."""

import pytest

from imgbuild.rules.brightness import Brightness

SPEC = """
    # what the shop shows
    version: 1
    models:
      paint: {provider: painter, params: {steps: 4}}
    templates:
      product:
        prompt: "Photo of {{ name }}, {{ color }}, {{ style }}"
    assets:
      shots:
        template: product
        tags: [shop]
        matrix:
          product: {csv: products.csv, key: sku}
          color: [red, blue]
          style: {plain: soft light}
        models: [paint]
        seeds: 1
        process:
          - adjust: {brightness: 1.2}
        format: {type: webp, quality: 90}
        validate:
          - brightness: {min: 0.01}
        output: "shots/{{ sku }}_{{ color }}_{{ index }}.webp"
    """
CSV = "sku,name\nA1,lamp\nA2,chair\nA3,table\n"
ALL = {"generate": 6, "adjust": 6, "encode": 6}
FIRST = "catalog/shots[sku=A1,color=red,style=plain]@paint#0"


@pytest.fixture
def measured(monkeypatch):
    """How often brightness was measured."""
    times = []
    measure = Brightness.measure
    monkeypatch.setattr(Brightness, "measure", lambda *args: times.append(1) or measure(*args))
    return times


@pytest.fixture
def shop(bench, painter):
    built = bench({"specs/catalog.yaml": SPEC, "specs/products.csv": CSV})
    assert dict(built.build().ran) == ALL
    painter.asked.clear()
    return built


def of_steps(**steps):
    return steps


NOTHING: dict[str, int] = {}

EDITS = {
    "a word of a template": (
        ("specs/catalog.yaml", ("Photo of", "Picture of")),
        ALL,
        "  prompt: 'Photo of lamp, red, soft light' → 'Picture of lamp, red, soft light'",
    ),
    "a row of a table": (
        ("specs/products.csv", ("lamp", "light")),
        of_steps(generate=2, adjust=2, encode=2),
        "  prompt: 'Photo of lamp, red, soft light' → 'Photo of light, red, soft light'",
    ),
    "a value of an axis that only the prompt knows": (
        ("specs/catalog.yaml", ("plain: soft light", "plain: hard light")),
        ALL,
        "  prompt: 'Photo of lamp, red, soft light' → 'Photo of lamp, red, hard light'",
    ),
    "a model's parameter": (("specs/catalog.yaml", ("steps: 4", "steps: 5")), ALL, "  params.steps: 4 → 5"),
    "the size": (
        ("specs/catalog.yaml", ("tags: [shop]", "tags: [shop]\n    size: 24x16")),
        ALL,
        "  width: 16 → 24",
    ),
    "a parameter of an operation": (
        ("specs/catalog.yaml", ("brightness: 1.2", "brightness: 1.3")),
        of_steps(adjust=6, encode=6),
        "  process.adjust.brightness: 1.2 → 1.3",
    ),
    "an operation more": (
        ("specs/catalog.yaml", ("process:\n", "process:\n      - convert: {mode: L}\n")),
        of_steps(convert=6, adjust=6, encode=6),
        "  process.convert: (none) → {",
    ),
    "an operation at the end": (
        ("specs/catalog.yaml", ("brightness: 1.2}\n", "brightness: 1.2}\n      - convert: {mode: L}\n")),
        of_steps(convert=6, encode=6),
        "  process.convert: (none) → {",
    ),
    "an option of the format": (
        ("specs/catalog.yaml", ("quality: 90", "quality: 80")),
        of_steps(encode=6),
        "  format.quality: 90 → 80",
    ),
    "the format": (
        (
            "specs/catalog.yaml",
            ("{type: webp, quality: 90}", "png"),
            ("_{{ index }}.webp", "_{{ index }}.png"),
        ),
        of_steps(encode=6),
        "  format.type: 'webp' → 'png'",
    ),
    "a threshold of a rule": (
        ("specs/catalog.yaml", ("min: 0.01", "min: 0.02")),
        NOTHING,
        "  rules.brightness.min: 0.01 → 0.02",
    ),
    "what follows from a rule": (
        ("specs/catalog.yaml", ("min: 0.01", "min: 0.01, on_fail: warn")),
        NOTHING,
        "  rules.brightness.on_fail: 'fail' → 'warn'",
    ),
    "the attempts": (
        ("specs/catalog.yaml", ("seeds: 1", "seeds: 1\n    attempts: 5")),
        NOTHING,
        "  attempts: 3 → 5",
    ),
    "a name of the outputs": (
        ("specs/catalog.yaml", ('"shots/{{ sku }}', '"pictures/{{ sku }}')),
        NOTHING,
        "  output: 'shots/A1_red_0.webp' → 'pictures/A1_red_0.webp'",
    ),
    "a tag": (("specs/catalog.yaml", ("[shop]", "[shop, spring]")), NOTHING, "  fresh"),
    "a comment and the order of keys": (
        (
            "specs/catalog.yaml",
            ("# what the shop shows", "# for the shop"),
            ("    seeds: 1\n", ""),
            ("    tags", "    seeds: 1\n    tags"),
        ),
        NOTHING,
        "  fresh",
    ),
    "a column that nothing uses": (
        (
            "specs/products.csv",
            ("sku,name", "sku,name,price"),
            ("A1,lamp", "A1,lamp,1"),
            ("A2,chair", "A2,chair,2"),
            ("A3,table", "A3,table,3"),
        ),
        NOTHING,
        "  fresh",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_runs_what_depends_on_it_and_why_names_it(shop, painter, measured, name):
    (file, *changes), ran, told = EDITS[name]
    seeds = {id: line.seed for id, line in shop.lines().items()}
    shop.edit(file, *changes)
    assert told in shop.why(FIRST)
    ended = shop.build()
    assert dict(ended.ran) == ran
    assert len(painter.asked) == ran.get("generate", 0)
    assert len(measured) == ran.get("encode", 0)
    assert {id: line.seed for id, line in shop.lines().items()} == seeds
    assert dict(shop.build().ran) == {}


RENAMES = {
    "the asset": [("  shots:", "  pictures:")],
    "the model's alias": [("  paint: {", "  brush: {"), ("[paint]", "[brush]")],
    "a label": [("plain: soft light", "simple: soft light")],
    "an axis": [
        ("color: [red", "colour: [red"),
        ("{{ color }}, {{", "{{ colour }}, {{"),
        ("_{{ color }}", "_{{ colour }}"),
    ],
    "the template": [
        ("  product:\n    prompt", "  item:\n    prompt"),
        ("template: product", "template: item"),
    ],
    "an axis of one value more": [("      color:", "      finish: [matte]\n      color:")],
}


@pytest.mark.parametrize("name", RENAMES)
def test_a_rename_copies_and_never_generates(shop, painter, measured, name):
    before, published = shop.lines(), shop.state("out")
    shop.edit("specs/catalog.yaml", *RENAMES[name])
    new = f"catalog/{next(iter(shop.actions()))}"
    assert new == FIRST or f"  renamed from {FIRST}" in shop.why(new)
    ended = shop.build()
    assert dict(ended.ran) == {}
    assert (painter.asked, measured) == ([], [])
    assert sorted(shop.lines().values(), key=str) == sorted(before.values(), key=str)
    assert shop.state("out") == published


def test_a_renamed_spec_takes_its_lines_along(shop, painter):
    before, published = shop.lines(), shop.state("out")
    shop.write({"specs/shop.yaml": shop.text("specs/catalog.yaml"), "specs/catalog.yaml": None})
    assert f"  renamed from {FIRST}" in shop.why(FIRST.replace("catalog", "shop"))
    assert dict(shop.build().ran) == {}
    assert painter.asked == []
    assert shop.lines("shop") == before
    assert shop.state("out") == published
    assert list(shop.locks()) == ["specs/shop.lock"]


def test_a_seed_more_adds_images_and_leaves_the_others(shop, painter):
    before = shop.lines()
    shop.edit("specs/catalog.yaml", ("seeds: 1", "seeds: 2"))
    assert "  run: new" in shop.why(FIRST.replace("#0", "#1"))
    assert "  fresh" in shop.why(FIRST)
    assert dict(shop.build().ran) == ALL
    assert {id: line for id, line in shop.lines().items() if id in before} == before
    assert len(shop.lines()) == 12


def test_another_listed_seed_makes_that_image_again(shop, painter):
    shop.edit("specs/catalog.yaml", ("seeds: 1", "seeds: [7, 11]"))
    shop.build()
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("[7, 11]", "[7, 12]"))
    assert "  run: seed 11 → 12" in shop.why(FIRST.replace("#0", "#1"))
    assert "  fresh" in shop.why(FIRST)
    assert dict(shop.build().ran) == ALL
    assert {request.seed for request in painter.asked} == {12}
    shop.edit("specs/catalog.yaml", ("[7, 12]", "[12, 7]"))
    assert dict(shop.build().ran) == {}
    assert [
        shop.lines()[FIRST.removeprefix("catalog/").replace("#0", f"#{index}")].seed for index in (0, 1)
    ] == [12, 7]


def test_a_search_in_vain_is_taken_up_when_something_changes(shop, painter):
    """A rule that nothing passes: not searched again for nothing, but with other seeds, rules or attempts."""
    shop.edit("specs/catalog.yaml", ("min: 0.01", "min: 0.99, on_fail: reroll"), ("Photo of", "Picture of"))
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 18
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 18
    shop.edit("specs/catalog.yaml", ("seeds: 1", "attempts: 4"))
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 24
    assert shop.tell("lock", "--reseed", FIRST).code == 0
    assert shop.build().finished.exit_code == 3
    assert len(painter.asked) == 25
    shop.edit("specs/catalog.yaml", ("min: 0.99", "min: 0.1"))
    assert shop.build().finished.exit_code == 0


def test_a_row_more_adds_its_own_images(shop, painter):
    before, published = shop.lines(), shop.state("out")
    shop.edit("specs/products.csv", ("A1,lamp", "A0,desk\nA1,lamp"))
    assert dict(shop.build().ran) == of_steps(generate=2, adjust=2, encode=2)
    assert {id: line for id, line in shop.lines().items() if id in before} == before
    assert shop.state("out").items() > published.items()


def test_an_edit_and_its_undoing_generate_nothing(shop, painter):
    before, locks = shop.outputs(), shop.locks()
    shop.edit("specs/catalog.yaml", ("Photo of", "Picture of"))
    shop.build()
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("Picture of", "Photo of"))
    assert dict(shop.build().ran) == {}
    assert painter.asked == []
    assert (shop.outputs(), shop.locks()) == (before, locks)


def test_a_reworded_prompt_keeps_the_seed_that_a_reroll_found(bench, painter):
    shop = bench({"specs/catalog.yaml": SPEC, "specs/products.csv": CSV})
    shop.edit(
        "specs/catalog.yaml",
        ("min: 0.01", "min: 0.6, on_fail: reroll"),
        ("seeds: 1", "seeds: 1\n    attempts: 20"),
    )
    assert shop.build().finished.exit_code == 0
    before = {id: (line.seed, line.attempt) for id, line in shop.lines().items()}
    assert max(attempt for _, attempt in before.values()) > 0
    painter.asked.clear()
    shop.edit("specs/catalog.yaml", ("Photo of", "Picture of"))
    shop.build()
    asked = {request.seed for request in painter.asked}
    assert {seed for seed, _ in before.values()} <= asked
    kept = {id for id, line in shop.lines().items() if (line.seed, line.attempt) == before[id]}
    assert kept


def test_an_edited_rule_never_moves_a_locked_image_unless_asked(shop, painter):
    published, locks = shop.state("out"), shop.locks()
    shop.edit("specs/catalog.yaml", ("min: 0.01", "min: 0.5, on_fail: reroll"))
    ended = shop.build()
    assert ended.finished.exit_code == 3
    assert {failure.kind for failure in ended.failures} == {"rule"}
    assert (dict(ended.ran), painter.asked) == ({}, [])
    assert (shop.state("out"), shop.locks()) == (published, locks)
    failing = {failure.id for failure in ended.failures}
    ended = shop.build(reroll=True)
    assert painter.asked
    moved = {f"catalog/{id}" for id, line in shop.lines().items() if line.attempt > 0}
    assert moved
    assert moved <= failing


def test_a_rule_that_is_gone_says_nothing_more(shop):
    shop.edit("specs/catalog.yaml", ("min: 0.01", "min: 0.99"))
    assert shop.build().finished.exit_code == 3
    assert shop.build().finished.exit_code == 3
    shop.edit("specs/catalog.yaml", ("    validate:\n      - brightness: {min: 0.99}\n", ""))
    assert "brightness" not in shop.why(FIRST)
    assert shop.build().finished.exit_code == 0
    assert set(shop.actions().values()) == {"fresh"}


def test_another_reference_is_measured_against_and_nothing_else_runs(shop, painter):
    shop.write({"specs/wanted.png": picture("#505050")})
    shop.edit(
        "specs/catalog.yaml",
        ("min: 0.01}", "min: 0.01}\n      - similar_to: {reference: wanted.png, distance: 64}"),
    )
    assert dict(shop.build().ran) == {}
    shop.write({"specs/wanted.png": picture("#606060")})
    assert set(shop.actions().values()) == {"check"}
    assert "  rules.similar_to.reference files: " in shop.why(FIRST)
    ended = shop.build()
    assert (dict(ended.ran), ended.finished.exit_code) == ({}, 0)
    assert len(painter.asked) == 0
    assert set(shop.actions().values()) == {"fresh"}


def logo(shop):
    """The last step of three lays a logo over the picture."""
    shop.write({"specs/refs/logo.png": picture("#505050")})
    shop.edit(
        "specs/catalog.yaml",
        (
            "brightness: 1.2}\n",
            "brightness: 1.2}\n      - sharpen\n      - overlay: {image: refs/logo.png, scale: 0.5}\n",
        ),
    )
    assert dict(shop.build().ran) == {"sharpen": 6, "overlay": 6, "encode": 6}


def test_another_file_of_an_operation_runs_that_operation_and_what_follows(shop, painter):
    logo(shop)
    before = shop.outputs()
    shop.write({"specs/refs/logo.png": picture("#c00000")})
    assert "  process.overlay.files.0: " in shop.why(FIRST)
    assert dict(shop.build().ran) == {"overlay": 6, "encode": 6}
    assert shop.outputs().keys() == before.keys()
    assert not {*shop.outputs().values()} & {*before.values()}
    assert dict(shop.build().ran) == {}
    shop.write({"specs/refs/logo.png": picture("#505050")})
    assert (dict(shop.build().ran), shop.outputs()) == ({}, before)
    assert painter.asked == []


def test_a_file_of_an_operation_that_goes_is_told_at_its_place(shop):
    logo(shop)
    (shop.root / "specs/refs/logo.png").unlink()
    told = shop.tell("build")
    assert (told.code, told.err) == (
        2,
        "specs/catalog.yaml:22:26: file 'refs/logo.png' does not exist\n"
        "   22 |       - overlay: {image: refs/logo.png, scale: 0.5}\n"
        "      |                          ^^^^^^^^^^^^^\n"
        "hint: it was looked for at specs/refs/logo.png\n",
    )


def test_reordered_operations_run_from_the_first_that_changed(shop, painter):
    logo(shop)
    shop.edit(
        "specs/catalog.yaml", ("      - sharpen\n", ""), ("scale: 0.5}\n", "scale: 0.5}\n      - sharpen\n")
    )
    assert dict(shop.build().ran) == {"overlay": 6, "sharpen": 6, "encode": 6}
    assert painter.asked == []


def test_pixels_that_stay_the_same_stop_the_rebuild(bench, painter):
    """A photo is saved anew with the same pixels: what is made from them is left alone."""
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            assets:
              cut:
                from: "photos/{{ sku }}.png"
                matrix: {sku: [A1]}
                process: [{convert: {mode: L}}]
              scene:
                prompt: "a scene"
                matrix: {sku: [A1]}
                models: [paint]
                inputs: {image: {asset: cut, match: [sku]}}
            """,
            "specs/photos/A1.png": picture("#707070"),
        }
    )
    assert dict(project.build().ran) == {"import": 1, "convert": 1, "encode": 1, "generate": 1}
    before = project.outputs()
    project.write({"specs/photos/A1.png": picture("#707070", level=1)})
    assert project.actions() == {"cut[sku=A1]#0": "run", "scene[sku=A1]@paint#0": "maybe"}
    painter.asked.clear()
    assert dict(project.build().ran) == {"import": 1, "convert": 1, "encode": 1}
    assert painter.asked == []
    assert project.outputs() == before
    assert dict(project.build().ran) == {}


def picture(colour, size=(16, 16), level=6):
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG", compress_level=level)
    return out.getvalue()
