"""The benchmarks run, at a size that says nothing of time, and count what they claim to measure."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def benchmarks(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
    )


def test_every_row_runs_and_counts(tmp_path):
    done = benchmarks("--targets", "20", "--runs", "1", "--json", "--folder", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    turned_down = {row["touched"] for row in rows if row["name"] == "image of an API"}
    counts = {(row["name"], row["targets"], row["touched"]) for row in rows}
    assert counts == {
        ("null build", 21, 0),
        ("plan from nothing", 21, 21),
        ("first request after an edit", 21, 20),
        ("cold build", 21, 21),
        ("save to image under watch", 21, 1),
        ("first picture in gallery", 21, 1),
        ("longest task, load", 21, 21),
        ("longest task, load, CPU", 21, 21),
        ("longest task, slow scroll", 21, 21),
        ("longest task, slow scroll, CPU", 21, 21),
        ("longest task, fling", 21, 21),
        ("longest task, fling, CPU", 21, 21),
        ("JS heap, all shown", 21, 21),
        ("DOM nodes, all shown", 21, 21),
        ("save to picture in browser", 21, 1),
        ("diffusion", 16, 16),
        ("ten rules", 20, 20),
        *(("image of an API", 20, count) for count in turned_down),
    }
    assert len(turned_down) == 1
    assert all(row["ours"] > 0 for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_row_is_told():
    done = benchmarks("nul")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "there is no row 'nul'; there are null, plan, edit, cold, watch, gallery, replaced, local, rules, api\n"
    )
