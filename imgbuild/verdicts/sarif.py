"""Verdicts as SARIF 2.1.0 (OASIS), which code hosts show at the lines of files: here at the asset that an image is of.

What holds is left out: SARIF is of findings. A picture that no spec declares stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from imgbuild import __version__
from imgbuild.verdicts.clusters import Cluster
from imgbuild.verdicts.row import Row

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"fail": "error", "error": "error", "missing": "error", "review": "warning", "warn": "warning"}


def sarif(rows: Sequence[Row], clusters: Sequence[Cluster] = ()) -> str:
    """The report as text. Paths in it are relative to the project. What an image is like is related to its finding."""
    found = [row for row in rows if row.status in _LEVELS]
    names = sorted({_rule(row) for row in found})
    driver = {
        "name": "imgbuild",
        "version": __version__,
        "rules": [{"id": name, "shortDescription": {"text": f"imgbuild's rule '{name}'"}} for name in names],
    }
    near = {(cluster.rule, item.id): cluster for cluster in clusters for item in cluster.members}
    results = [
        _result(row, names.index(_rule(row)), near.get((row.rule, row.id)) if row.others else None)
        for row in found
    ]
    report = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def _rule(row: Row) -> str:
    return row.rule or row.status


def _result(row: Row, index: int, cluster: Cluster | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": _rule(row),
        "ruleIndex": index,
        "level": _LEVELS[row.status],
        "message": {"text": f"{row.id}: {' '.join(filter(None, (row.rule, row.why)))}"},
        "locations": [_place(row.spec, row.line) if row.spec else _place(row.output)],
        "partialFingerprints": {"target/v1": " ".join([row.id, _rule(row), row.limit])},
    }
    related = [(row.output, "the image")] if row.spec and row.output else []
    for item in cluster.members if cluster else ():
        if item.id != row.id:
            related.append((cluster.outputs[item.id] if cluster else "", f"alike: {item.id}"))
    if related:
        result["relatedLocations"] = [{**_place(path), "message": {"text": text}} for path, text in related]
    return result


def _place(path: str, line: int = 0) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path)}}
    if line:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}
