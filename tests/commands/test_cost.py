"""What a build would cost, and what was spent."""

from __future__ import annotations

import msgspec
import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.store.journal import Journal

SPEC = """\
models:
  dear: {provider: dear}
  odd: {provider: odd}
  free: {provider: painter}
assets:
  hero: {prompt: a hero, models: [dear], seeds: 3, size: 16x16}
  drafts: {prompt: a draft, models: [free], seeds: 2, size: 16x16}
  riddles: {prompt: a riddle, models: [odd, dear], size: 16x16}
  edges: {from: "edge.png"}
"""
DAY = 86_400


@pytest.fixture
def project(bench, painter, monkeypatch):
    dear = type("Dear", (painter,), {"name": "dear", "price": lambda self, request: 0.04})
    odd = type("Odd", (painter,), {"name": "odd", "price": lambda self, request: None})
    monkeypatch.setitem(PROVIDERS._loaded, "dear", dear)
    monkeypatch.setitem(PROVIDERS._loaded, "odd", odd)
    return bench({"specs/a.yaml": SPEC})


NOTE = "estimates of one attempt for each image; what a rule turns down is paid for again\n"


def test_before_the_first_build(project):
    assert project.tell("cost") == (
        0,
        """\
asset      model       to do                now  targets       from nothing
a/drafts   free            2              $0.00        2              $0.00
a/edges    (pictures)      0              $0.00        1              $0.00
a/hero     dear            3              $0.12        3              $0.12
a/riddles  dear            1              $0.04        1              $0.04
a/riddles  odd             1            unknown        1            unknown
total                      7  $0.16 + 1 unknown        8  $0.16 + 1 unknown
"""
        + NOTE,
        "",
    )


def test_what_is_built_costs_nothing_more(project):
    assert project.tell("build", "-q", "-s", "hero") == (0, "", "")
    assert project.tell("cost", "-s", "hero").out == (
        "asset   model  to do    now  targets  from nothing\n"
        "a/hero  dear       0  $0.00        3         $0.12\n" + NOTE
    )
    project.edit("specs/a.yaml", ("seeds: 3", "seeds: 4"))
    assert project.tell("cost", "-s", "hero").out.splitlines()[1] == (
        "a/hero  dear       1  $0.04        4         $0.16"
    )


def test_as_json(project):
    rows = [
        msgspec.json.decode(line) for line in project.tell("cost", "--json", "-s", "riddles").out.splitlines()
    ]
    assert rows[1] == {
        "event": "cost",
        "asset": "a/riddles",
        "model": "odd",
        "now": {"images": 1, "cost": 0.0, "unknown": 1},
        "from_nothing": {"images": 1, "cost": 0.0, "unknown": 1},
    }


def test_without_targets(bench):
    told = "no targets: write a spec, or let `imgbuild init` write one\n"
    assert bench().tell("cost") == (0, told, "")


def spend(project, *requests):
    """Journal requests: (seconds since the epoch, estimate, cost or None while it is under way)."""
    folder = project.root / ".imgbuild"
    folder.mkdir(exist_ok=True)
    times = [begun for begun, _, _ in requests]
    journal = Journal(folder / "journal", clock=lambda: times.pop(0))
    for _, estimate, cost in requests:
        entry = journal.begin("key", "dear", estimate)
        if cost is not None:
            journal.settle(entry, cost, None)


def test_spent_by_day(bench):
    project = bench({"specs/a.yaml": "broken: [\n"})
    spend(project, (DAY * 20_000, 0.04, 0.05), (DAY * 20_000 + 5, 0.04, 0.04), (DAY * 20_001, 0.2, None))
    assert project.tell("cost", "--spent") == (
        0,
        """\
day (UTC)   requests  spent
2024-10-04         2  $0.09
2024-10-05         1  $0.20
in all             3  $0.29
1 request of unknown fate counted at the estimate
""",
        "",
    )
    rows = [msgspec.json.decode(line) for line in project.tell("cost", "--spent", "--json").out.splitlines()]
    assert rows == [
        {"event": "spent", "day": "2024-10-04", "requests": 2, "cost": 0.09},
        {"event": "spent", "day": "2024-10-05", "requests": 1, "cost": 0.2},
    ]


def test_nothing_was_spent(bench):
    project = bench()
    told = "nothing was spent: no paid request was ever sent from here\n"
    assert project.tell("cost", "--spent") == (0, told, "")
    assert not (project.root / ".imgbuild").exists()


def test_a_damaged_journal_is_told(bench):
    project = bench()
    spend(project, (DAY, 0.5, 0.5))
    path = project.root / ".imgbuild/journal"
    path.write_bytes(path.read_bytes() + b"half a li")
    out = project.tell("cost", "--spent").out
    assert out.splitlines()[0] == f"warning: {path}: the last line was cut off and has been dropped"
    assert path.read_bytes().endswith(b"half a li")
