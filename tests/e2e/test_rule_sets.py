"""Rules by set: declared once, in this file or an included one, and named by assets; one edit measures one rule."""

from textwrap import dedent

import pytest
from PIL import Image as pillow

from imgbuild.images import encode
from imgbuild.types import Format

SHARED = """
    rules:
      web:
        - not_blank
        - dimensions: {max_width: 64}
        - similar_to: {reference: refs/house.png, distance: 64}
      brand:
        - brightness: {min: 0, on_fail: warn}
    """
SPEC = """
    include: [../shared/rules.yaml]
    models: {draw: {provider: placeholder}}
    rules:
      own:
        - contrast: {max: 0.5}
    assets:
      icon:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, chair]}
        models: [draw]
        size: 32x32
        validate: [web, own, {noise: {max: 255}}, brand]
    """


@pytest.fixture
def project(bench):
    picture = encode(pillow.new("RGB", (32, 32), "teal"), Format())
    return bench({"specs/a.yaml": SPEC, "shared/rules.yaml": SHARED, "shared/refs/house.png": picture})


def verdicts(project, code=0):
    told = project.tell("check", "--verbose")
    assert told.code == code, told.err
    return sorted({tuple(line.split()[i] for i in (0, 2)) for line in told.out.splitlines()[1:-1]})


def test_all_of_a_set_is_checked(project):
    assert project.build().finished.exit_code == 0
    assert verdicts(project) == [
        ("pass", "brightness"),
        ("pass", "contrast"),
        ("pass", "dimensions"),
        ("pass", "noise"),
        ("pass", "not_blank"),
        ("pass", "similar_to"),
    ]


def test_an_edit_of_a_set_checks_anew_and_makes_nothing(project, measured):
    project.build()
    assert measured == dict.fromkeys(
        ("brightness", "contrast", "dimensions", "noise", "not_blank", "similar_to"), 2
    )
    measured.clear()
    project.edit("shared/rules.yaml", ("max_width: 64", "max_width: 16"))
    ended = project.build()
    assert (dict(ended.ran), measured) == ({}, {})
    assert ended.finished.exit_code == 3
    assert ("fail", "dimensions") in verdicts(project, code=3)
    project.edit(
        "shared/rules.yaml", ("max_width: 16", "max_width: 64"), ("- not_blank", "- sharpness: {min: 0}")
    )
    assert (project.build().finished.exit_code, measured) == (0, {"sharpness": 2})


TEN = {
    "aspect_ratio": ("{ratio: '1:1'}", "{ratio: '1:1', tolerance: 0.5}"),
    "background": ("{share: 0}", "{share: 0, border: 0.1}"),
    "banding": ("{max: 1}", "{max: 0.9}"),
    "brightness": ("{min: 0}", "{min: 0.001}"),
    "contrast": ("{max: 0.5}", "{max: 0.49}"),
    "dimensions": ("{width: 32}", "{height: 32}"),
    "edges": ("{max: 1}", "{max: 1, contrast: 9}"),
    "noise": ("{max: 255}", "{max: 254}"),
    "palette": ("{colors: [red], share: 0}", "{colors: [blue], share: 0}"),
    "subject": ("{margin: 0}", "{margin: 0, contrast: 20}"),
}
LOOKED_AT = {
    "background",
    "edges",
    "subject",
}  # those whose edit changes what is measured, not only what is allowed


@pytest.mark.parametrize("edited", TEN)
def test_an_edit_of_one_of_ten_rules_measures_that_one_alone(bench, measured, edited):
    def rules(**changed):
        return "".join(f"\n      - {name}: {changed.get(name, given)}" for name, (given, _) in TEN.items())

    text = dedent(SPEC.partition("    rules:")[0].replace("    include: [../shared/rules.yaml]\n", ""))
    text += "assets:\n  icon:\n    prompt: a {{ thing }}\n    matrix: {thing: [lamp, chair, desk]}\n"
    text += "    models: [draw]\n    size: 32x32\n    validate:"
    made = bench({"specs/a.yaml": text + rules()})
    made.build()
    assert measured == dict.fromkeys(TEN, 3)
    measured.clear()
    made.write({"specs/a.yaml": text + rules(**{edited: TEN[edited][1]})})
    ended = made.build()
    assert (dict(ended.ran), measured) == ({}, {edited: 3} if edited in LOOKED_AT else {})
    assert made.build().finished.fresh == 3


NESTED = """
    rules:
      web: [not_blank, dimensions: {max_width: 64}]
      brand: [web, noise: {max: 255}]
      hero: [brand, web, contrast: {max: 0.5}]
    """


def test_sets_of_sets_hold_each_rule_once_in_order(project, measured):
    project.write({"shared/rules.yaml": NESTED})
    project.edit(
        "specs/a.yaml", ("validate: [web, own, {noise: {max: 255}}, brand]", "validate: [hero, brand]")
    )
    (recipe,) = {target.recipe for target in project.load().graph.targets.values()}
    assert [rule.name for rule in recipe.rules] == ["not_blank", "dimensions", "noise", "contrast"]
    assert project.build().finished.exit_code == 0
    assert measured == dict.fromkeys(("not_blank", "dimensions", "noise", "contrast"), 2)


def test_an_edit_of_a_set_within_sets_is_noticed(project, measured):
    project.write({"shared/rules.yaml": NESTED})
    project.edit("specs/a.yaml", ("validate: [web, own, {noise: {max: 255}}, brand]", "validate: [hero]"))
    project.build()
    measured.clear()
    project.edit("shared/rules.yaml", ("max_width: 64", "max_width: 16"))
    ended = project.build()
    assert (ended.finished.exit_code, dict(ended.ran), measured) == (3, {}, {})
    project.edit(
        "shared/rules.yaml",
        ("web: [not_blank,", "web: [sharpness: {min: 0},"),
        ("max_width: 16", "width: 32"),
    )
    assert (project.build().finished.exit_code, measured) == (0, {"sharpness": 2})


def test_pictures_are_held_against_each_set_once(project):
    project.write({"shared/rules.yaml": NESTED})
    out = project.tell("check", "--rules", "shared/rules.yaml", "shared/refs", "--json").out
    assert [line.count('"rule":"not_blank"') for line in out.splitlines()].count(1) == 1
    assert len(out.splitlines()) == 4
    one = project.tell("check", "--rules", "shared/rules.yaml", "--set", "brand", "shared/refs", "--json").out
    assert len(one.splitlines()) == 3


def test_sets_may_nest_deeply(project):
    chain = "".join(f"  s{number}: [s{number + 1}]\n" for number in range(2000))
    project.write({"shared/rules.yaml": f"rules:\n{chain}  s2000: [not_blank]\n"})
    out = project.tell("check", "--rules", "shared/rules.yaml", "--set", "s0", "shared/refs").out
    assert out.splitlines()[-1] == "1 image: 1 fail"  # one colour all over


def test_a_fault_in_a_set_is_told_where_it_is_written(project):
    project.edit("shared/rules.yaml", ("max_width: 64", "max_widht: 64"))
    told = project.tell("plan")
    assert told.err == dedent(
        """\
        shared/rules.yaml:5:20: unknown key 'max_widht'
            5 |     - dimensions: {max_widht: 64}
              |                    ^^^^^^^^^
        hint: did you mean 'max_width'? Keys here: adjust, height, max_height, max_width, min_height, min_width, on_fail, width
        """
    )
    project.edit("shared/rules.yaml", ("max_widht: 64", "min_width: 64, max_width: 16"))
    told = project.tell("plan")
    assert told.err.splitlines()[0].startswith("shared/rules.yaml:5:")
    assert "min_width 64 is above max_width 16: nothing would pass" in told.err


def test_a_reference_is_found_beside_the_set_that_names_it(project):
    (project.root / "shared/refs/house.png").unlink()
    told = project.tell("plan")
    assert told.err == dedent(
        """\
        shared/rules.yaml:6:31: file 'refs/house.png' does not exist
            6 |     - similar_to: {reference: refs/house.png, distance: 64}
              |                               ^^^^^^^^^^^^^^
        hint: it was looked for at shared/refs/house.png
        """
    )
