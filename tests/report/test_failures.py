"""The table of failures."""

from imgbuild.report.events import Failure
from imgbuild.report.failures import CAUSES, failure_lines

MISSING = "missing reference image 'refs/lamp.png'"


def failure(number: int, cause: str = MISSING, **fields: str) -> Failure:
    name = f"catalog/thumbs[sku=A{number}]@sdxl#0"
    return Failure(id=name, output=f"{number}.webp", where="specs/catalog.yaml:24:3", cause=cause, **fields)


def test_equal_causes_stand_together_in_the_order_people_count() -> None:
    failures = [failure(number, hint="add the file") for number in (10, 2, 1, 30, 4)]
    failures.append(
        Failure(id="a/b#0", output="b.png", where="specs/a.yaml:3:1", cause="skipped", kind="skipped")
    )
    failures.append(failure(7, "sharpness 43.1 is below 100", kind="rule"))
    assert failure_lines(failures, None) == [
        "5 failed: missing reference image 'refs/lamp.png'",
        "  catalog/thumbs[sku=A1]@sdxl#0  specs/catalog.yaml:24:3",
        "  catalog/thumbs[sku=A2]@sdxl#0  specs/catalog.yaml:24:3",
        "  catalog/thumbs[sku=A4]@sdxl#0  specs/catalog.yaml:24:3",
        "  and 2 more",
        "  hint: add the file",
        "",
        "1 broke a rule: sharpness 43.1 is below 100",
        "  catalog/thumbs[sku=A7]@sdxl#0  specs/catalog.yaml:24:3",
        "",
        "1 skipped: skipped",
        "  a/b#0  specs/a.yaml:3:1",
        "",
    ]


RULE = "sharpness (at least 100)"


def broken(number: int, figure: str) -> Failure:
    return failure(number, f"sharpness {figure} (at least 100)", kind="rule", rule=RULE, figure=figure)


def test_what_breaks_one_rule_stands_together_with_its_figures() -> None:
    failures = [broken(2, "43.1"), broken(10, "7"), broken(1, "99.95"), failure(3)]
    assert failure_lines(failures, None)[3:] == [
        "3 broke a rule: sharpness (at least 100)",
        "  catalog/thumbs[sku=A1]@sdxl#0   99.95  specs/catalog.yaml:24:3",
        "  catalog/thumbs[sku=A2]@sdxl#0   43.1   specs/catalog.yaml:24:3",
        "  catalog/thumbs[sku=A10]@sdxl#0  7      specs/catalog.yaml:24:3",
        "",
    ]
    assert failure_lines(failures[:1], 40) == [
        "1 broke a rule: sharpness (at least 100)",
        "  catalog/thumbs[sku=A2]@sdxl#0",
        "    43.1",
        "    specs/catalog.yaml:24:3",
        "",
    ]


def test_narrow_lines_put_the_place_below_and_never_cut_an_id() -> None:
    assert failure_lines([failure(1, hint="add the file, or take it out of the spec")], 30) == [
        "1 failed: missing reference",
        "  image 'refs/lamp.png'",
        "  catalog/thumbs[sku=A1]@sdxl#0",
        "    specs/catalog.yaml:24:3",
        "  hint: add the file, or take",
        "  it out of the spec",
        "",
    ]


def test_a_cause_of_several_lines_is_indented() -> None:
    lines = failure_lines([failure(1, "drift\nweights: a\nnow: \x1b[2Jb")], 80)
    assert lines[:3] == ["1 failed: drift", "  weights: a", "  now: \\x1b[2Jb"]


def test_many_causes_are_cut_unless_everything_is_asked_for() -> None:
    failures = [failure(number, f"cause {number:02}") for number in range(CAUSES + 2)]
    cut = failure_lines(failures, None)
    assert cut[-2:] == ["and 2 more causes (2 targets); --verbose shows all", ""]
    assert len(cut) == CAUSES * 3 + 2
    assert len(failure_lines(failures, None, everything=True)) == (CAUSES + 2) * 3


def test_everything_names_all_targets() -> None:
    assert len(failure_lines([failure(number) for number in range(5)], None, everything=True)) == 7


def test_no_failures_no_lines() -> None:
    assert failure_lines([], 80) == []
