"""What imgbuild costs, beside its peers on the same machine: `python -m tests.benchmarks [ROW]… [--targets N]`.

Every figure is the median of several runs, ours and the peer's in turn. A ratio is ours over the peer's, or over
the time that the goal allows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.lab import Lab, Row
from tests.benchmarks.rows import ROWS, measure

HEADERS = ("figure", "targets", "imgbuild", "beside", "takes", "ratio", "goal", "peak")


def main(arguments: Sequence[str]) -> int:
    """Measure the rows that are asked for, and print each as it comes; 0."""
    asked = _asked(arguments)
    if not asked.json:
        _print(HEADERS)
    with tempfile.TemporaryDirectory(prefix="imgbuild-benchmarks-", dir=asked.folder) as folder:
        lab = Lab(Path(folder).resolve(), asked.runs)
        for row in measure(lab, asked.rows, asked.targets):
            print(json.dumps(row._asdict()), flush=True) if asked.json else _print(_cells(row))
    return 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all, if none is named")
    parser.add_argument("--targets", type=int, metavar="N", help="instead of the figure's own number")
    parser.add_argument("--runs", type=int, default=9, metavar="N", help="of which the median is taken")
    parser.add_argument("--folder", metavar="PATH", help="where to make the files (default: the system's)")
    parser.add_argument("--json", action="store_true", help="one object a row")
    asked = parser.parse_args(arguments)
    for name in set(asked.rows) - set(ROWS):
        parser.error(f"there is no row '{name}'; there are {', '.join(ROWS)}")
    return asked


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    theirs = "not installed" if row.theirs is None else _shown(row.theirs, row.unit)
    peak = _shown(row.peak, "bytes") if row.peak else ""
    return (
        row.name,
        f"{row.targets:,}",
        _shown(row.ours, row.unit),
        row.peer,
        theirs,
        ratio,
        f"{row.goal:g}",
        peak,
    )


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 1e6:.0f} MB"
    if unit == "nodes":
        return f"{value:,.0f}"
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def _print(cells: Sequence[str]) -> None:
    widths = (30, 8, 9, 15, 13, 6, 5, 7)
    print(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
