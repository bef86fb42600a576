"""Rows and what they come to."""

import pytest

from imgbuild.types import Verdict, Where
from imgbuild.verdicts.row import Row, exit_of, row_of, sorted_rows, summary


def row(status, id="a", rule="noise", **more):
    return Row(status=status, id=id, output=f"out/{id}.png", rule=rule, **more)


def test_the_worst_come_first_and_rules_keep_their_order():
    rows = [
        row("pass", "b"),
        row("warn"),
        row("pass", "a", "mode"),
        row("pass"),
        row("missing", "c"),
        row("fail", "z"),
    ]
    assert [(each.status, each.id, each.rule) for each in sorted_rows(rows)] == [
        ("fail", "z", "noise"),
        ("missing", "c", "noise"),
        ("warn", "a", "noise"),
        ("pass", "a", "mode"),
        ("pass", "a", "noise"),
        ("pass", "b", "noise"),
    ]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 0),
        (["pass", "warn", "review"], 0),
        (["pass", "fail"], 3),
        (["fail", "missing"], 1),
        (["error", "pass"], 1),
    ],
)
def test_the_exit_code(statuses, code):
    assert exit_of(map(row, statuses)) == code


def test_each_image_counts_once_by_its_worst():
    rows = sorted_rows([row("pass"), row("fail"), row("review", "b"), row("pass", "b"), row("pass", "c")])
    assert summary(rows, 4) == "4 images: 1 fail, 1 review, 1 pass, 1 without rules"
    assert summary([], 1) == "1 image: 1 without rules"
    assert summary([], 0) == "0 images"


def test_a_row_says_why():
    verdict = Verdict(
        rule="unique",
        status="fail",
        on_fail="fail",
        figure=2,
        unit="bits of 64",
        limit="more than 4",
        others=("b", "c"),
    )
    found = row_of(verdict, "a", "out/a.png", Where(file="specs/a.yaml", line=7, column=3))
    assert found.why == "2 bits of 64 (more than 4, like b, c)"
    assert (found.spec, found.line) == ("specs/a.yaml", 7)
    assert row("missing", limit="not built yet").why == "not built yet"
    assert row("pass", figure=0.5).why == "0.5"
