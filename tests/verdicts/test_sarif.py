"""Verdicts as SARIF."""

import json

from imgbuild import __version__
from imgbuild.verdicts.row import Row
from imgbuild.verdicts.sarif import sarif


def report(*rows):
    found = json.loads(sarif(rows))
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    return run


def test_what_a_spec_declares_is_told_at_its_line():
    run = report(
        Row(
            status="fail",
            id="a/icon#0",
            output="out/a/icon 1.png",
            rule="noise",
            figure=9,
            unit="levels",
            limit="at most 5",
            spec="specs/a.yaml",
            line=7,
        ),
        Row(status="pass", id="a/icon#1", output="out/a/icon 2.png", rule="noise"),
    )
    assert run["tool"]["driver"] == {
        "name": "imgbuild",
        "version": __version__,
        "rules": [{"id": "noise", "shortDescription": {"text": "imgbuild's rule 'noise'"}}],
    }
    assert run["results"] == [
        {
            "ruleId": "noise",
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "a/icon#0: noise 9 levels (at most 5)"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "specs/a.yaml"},
                        "region": {"startLine": 7},
                    }
                }
            ],
            "partialFingerprints": {"target/v1": "a/icon#0 noise at most 5"},
            "relatedLocations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": "out/a/icon%201.png"}},
                    "message": {"text": "the image"},
                }
            ],
        }
    ]


def test_other_pictures_stand_for_themselves_and_levels_follow_the_status():
    rows = [
        Row(status=status, id="b.png", output="b.png", rule="" if status == "error" else "mode")
        for status in ("fail", "error", "review", "warn", "pass")
    ]
    run = report(*rows)
    assert [(item["ruleId"], item["ruleIndex"], item["level"]) for item in run["results"]] == [
        ("mode", 1, "error"),
        ("error", 0, "error"),
        ("mode", 1, "warning"),
        ("mode", 1, "warning"),
    ]
    assert run["results"][0]["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "b.png"}}}]
    assert "relatedLocations" not in run["results"][0]


def test_nothing_to_report():
    assert report()["results"] == []
