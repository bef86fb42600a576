"""Verdicts as JUnit XML, which CI systems show as tests: a suite for each rule, a case for each image.

Elements and attributes are those that Jenkins, GitLab and GitHub's actions read. A failed rule is a failure, an image
that can't be looked at an error; one that is up for review is skipped, and a warning is a pass that says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as etree

from imgbuild.verdicts.clusters import Cluster
from imgbuild.verdicts.row import NO_IMAGE, Row

# What XML 1.0 can't hold, however it is written.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(rows: Sequence[Row], clusters: Sequence[Cluster] = ()) -> str:
    """The report as text. Clusters are what the suites of their rules print."""
    suites: dict[str, list[Row]] = {}
    for row in rows:
        suites.setdefault(row.rule or "images", []).append(row)
    root = etree.Element("testsuites", {"name": "imgbuild", **_counts(rows)})
    for name in sorted(suites):
        suite = etree.SubElement(root, "testsuite", {"name": name, **_counts(suites[name])})
        for row in suites[name]:
            _add(suite, row)
        if told := [line for cluster in clusters if cluster.rule == name for line in cluster.lines()]:
            etree.SubElement(suite, "system-out").text = _fit("\n".join(told))
    etree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{etree.tostring(root, encoding="unicode")}\n'


def _counts(rows: Sequence[Row]) -> dict[str, str]:
    return {
        "tests": str(len(rows)),
        "failures": str(sum(1 for row in rows if row.status == "fail")),
        "errors": str(sum(1 for row in rows if row.status in NO_IMAGE)),
        "skipped": str(sum(1 for row in rows if row.status == "review")),
    }


def _add(suite: etree.Element, row: Row) -> None:
    case = etree.SubElement(
        suite,
        "testcase",
        {"classname": _fit(row.rule or "images"), "name": _fit(row.id), "file": _fit(row.output)},
    )
    why = _fit(row.why)
    if row.status == "fail":
        etree.SubElement(case, "failure", {"type": row.rule, "message": why}).text = _fit(row.output)
    elif row.status in NO_IMAGE:
        etree.SubElement(case, "error", {"type": row.status, "message": why}).text = _fit(row.output)
    elif row.status == "review":
        etree.SubElement(case, "skipped", {"message": f"up for review: {why}"})
    elif row.status == "warn":
        etree.SubElement(case, "system-out").text = f"warning: {why}"


def _fit(text: str) -> str:
    return _UNFIT.sub("�", text)
