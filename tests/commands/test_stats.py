"""How attempts went, told by model; what was refused; what is left of the month's budget."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from imgbuild.store.history import Attempt, History, Refusal
from imgbuild.store.journal import Journal

DAY = 86_400
THEN = DAY * 20_000  # 2024-10-04
SPEC = """\
models:
  api: {provider: painter}
assets:
  hero: {prompt: a hero, models: [api], seeds: 2, size: 16x16}
  drafts: {prompt: a draft, models: [api], size: 16x16}
"""
HERO, DRAFT = "a/hero@api#0", "a/drafts@api#0"


@pytest.fixture
def project(bench, painter):
    made = bench({"specs/a.yaml": SPEC})
    (made.root / ".imgbuild").mkdir()
    return made


def an_attempt(at, end="accepted", model="api", **own):
    known = {"key": f"key {at}", "target": HERO, "provider": "vendor", "source": "gpt-image-2", **own}
    return Attempt(at=at, end=end, model=model, **known)


def note(project, *attempts):
    History(project.root / ".imgbuild").attempts.add(attempts)


MANY = [
    an_attempt(THEN, seconds=2.0, cost=0.04),
    an_attempt(THEN + 1, "turned down", rules=("sharpness", "unique"), seconds=2.0, cost=0.04),
    an_attempt(THEN + 2, "turned down", rules=("sharpness",), seconds=2.0, cost=0.04),
    an_attempt(THEN + 3, "refused"),
    an_attempt(THEN + 4, "failed", kind="no answer", cost=0.04),
    an_attempt(THEN + 5, model="house", provider="diffusers", source="./mine", seconds=90.0, target=DRAFT),
    an_attempt(THEN + 6, "refused", model="old", source="one"),
]
TOLD = """\
model   provider   source       attempts  accepted  success  turned down  refused  failed  time/image  cost/image
api     vendor     gpt-image-2         5         1     20 %            2        1       1       6.0 s       $0.16
house   diffusers  ./mine              1         1    100 %            0        0       0    1 m 30 s       $0.00
old     vendor     one                 1         0      0 %            0        1       0
in all                                 7         2     29 %            2        2       1        48 s       $0.08

turned down by  model  attempts
sharpness       api           2
unique          api           1

failed     model  attempts
no answer  api           1

7 attempts, the first on 2024-10-04 (UTC)
"""


def test_before_anything_was_made(bench):
    project = bench()
    assert project.tell("stats") == (0, "nothing was made here yet\n", "")
    assert project.tell("stats", "--refusals") == (0, "nothing was refused here yet\n", "")
    assert project.tell("stats", "--json") == (0, "", "")
    assert not (project.root / ".imgbuild").exists()


def test_by_model(project):
    note(project, *MANY)
    assert project.tell("stats") == (0, TOLD, "")


def test_a_broken_spec_is_in_nobodys_way(project):
    note(project, *MANY)
    project.write({"specs/a.yaml": "broken: [\n"})
    assert project.tell("stats") == (0, TOLD, "")
    assert project.tell("stats", "-s", "hero").code == 2


def test_as_json(project):
    note(project, *MANY)
    rows = [msgspec.json.decode(line) for line in project.tell("stats", "--json").out.splitlines()]
    assert [row["model"] for row in rows] == ["api", "house", "old"]
    assert rows[0] == {
        "event": "stats",
        "model": "api",
        "provider": "vendor",
        "source": "gpt-image-2",
        "attempts": 5,
        "accepted": 1,
        "success": 0.2,
        "turned_down": 2,
        "rules": {"sharpness": 2, "unique": 1},
        "refused": 1,
        "failed": {"no answer": 1},
        "seconds": 6.0,
        "cost": 0.16,
        "seconds_per_image": 6.0,
        "cost_per_image": 0.16,
    }
    assert (rows[2]["seconds_per_image"], rows[2]["cost_per_image"]) == (None, None)


@pytest.mark.parametrize(
    "since", ["2024-10-05", "2024-10-05T00:00:00", "2024-10-05T00:00:00Z", "2024-10-05T02:00:00+02:00"]
)
def test_since_a_date(project, since):
    note(project, an_attempt(THEN + DAY - 1), an_attempt(THEN + DAY))
    assert project.tell("stats", "--since", since).out.splitlines()[-1] == (
        "1 attempt, the first on 2024-10-05 (UTC)"
    )


def test_nothing_since_then_or_of_these(project):
    note(project, an_attempt(THEN, target=DRAFT))
    assert project.tell("stats", "--since", "2024-10-05").out == "nothing was made here since 2024-10-05\n"
    assert project.tell("stats", "-s", "hero").out == "nothing was made of these yet\n"
    told = "nothing was refused of these since 2024-10-05\n"
    assert project.tell("stats", "-s", "hero", "--refusals", "--since", "2024-10-05").out == told


def test_what_is_no_date(project):
    told = "error: 'last week' is no date\nhint: write it like 2026-03-31\n"
    assert project.tell("stats", "--since", "last week") == (2, "", told)


def test_of_chosen_targets(project):
    note(project, *MANY)
    for chosen in (("-s", "drafts"), ("-s", DRAFT)):
        out = project.tell("stats", *chosen).out
        assert [line.split()[0] for line in out.splitlines()[:2]] == ["model", "house"]
        assert out.splitlines()[-1].startswith("1 attempt, ")


def test_each_profile_has_its_own(project):
    project.write({"imgbuild.yaml": "profiles: {preview: {size: 8x8}}\n"})
    note(project, an_attempt(THEN), an_attempt(THEN + 1, profile="preview"), an_attempt(THEN + 2))
    assert project.tell("stats").out.splitlines()[-1].startswith("2 attempts")
    assert project.tell("stats", "--profile", "preview").out.splitlines()[-1].startswith("1 attempt,")


def test_an_hour_of_work_has_the_price_of_the_settings(project):
    project.write({"imgbuild.yaml": "cost: {diffusers: {per_hour: 3.6}}\n"})
    note(project, MANY[5])
    assert project.tell("stats").out.splitlines()[1].endswith("1 m 30 s       $0.09")


def test_what_a_build_did(project, painter):
    painter.refuses.add("draft")
    assert project.tell("build", "-q").code == 1
    (row,) = [msgspec.json.decode(line) for line in project.tell("stats", "--json").out.splitlines()]
    figures = {name: row[name] for name in ("attempts", "accepted", "success", "refused", "cost")}
    assert figures == {"attempts": 3, "accepted": 2, "success": 0.6667, "refused": 1, "cost": 0.0}
    (refused,) = project.tell("stats", "--refusals", "--json").out.splitlines()
    assert msgspec.json.decode(refused)["prompt"] == "a draft"


def test_damage_is_told_and_costs_what_it_hit(project):
    note(project, *MANY)
    path = project.root / ".imgbuild/attempts"
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"failed"', b'"fooled"'))
    told = project.tell("stats")
    assert told.err == f"warning: {path}: 1 damaged line was skipped\n"
    assert told.out.splitlines()[-1].startswith("6 attempts")
    path.write_bytes(b"\xff" + text[:-9] + b"\n")
    assert project.tell("stats").err == f"warning: {path}: 2 damaged lines were skipped\n"
    path.write_bytes(text[:400])
    assert project.tell("stats", "--json").err == f"warning: {path}: 1 damaged line was skipped\n"


def test_what_can_not_be_read_is_told(project):
    path = project.root / ".imgbuild/attempts"
    path.mkdir()
    assert project.tell("stats") == (
        2,
        "",
        f"error: {path} can't be read: Is a directory\nhint: remove it; only statistics are lost with it\n",
    )


# --- refusals -------------------------------------------------------------------------------------------


def a_refusal(at, **own):
    known = {
        "target": HERO,
        "asset": "a/hero",
        "where": "specs/a.yaml:4:3",
        "model": "api",
        "provider": "vendor",
        "source": "gpt-image-2",
        "prompt": "a hero",
        "said": "refused: no heroes",
        **own,
    }
    return Refusal(at=at, **known)


def test_refusals_with_their_prompts(project):
    first = a_refusal(THEN, negative="fog", fallback="house")
    second = a_refusal(THEN + 3661.7, target=DRAFT, asset="a/drafts", source="", said="no\x1b[2K\nnever")
    History(project.root / ".imgbuild").refusals.add([first, second])
    assert project.tell("stats", "--refusals") == (
        0,
        """\
2024-10-04T00:00:00Z  a/hero@api#0  api (vendor gpt-image-2)
  asset:    a/hero, specs/a.yaml:4:3
  prompt:   a hero
  negative: fog
  said:     refused: no heroes
  then:     house took over
2024-10-04T01:01:01Z  a/drafts@api#0  api (vendor)
  asset:    a/drafts, specs/a.yaml:4:3
  prompt:   a hero
  said:     no\\x1b[2K\\nnever
""",
        "",
    )
    assert project.tell("stats", "--refusals", "-s", "drafts").out.count("asset:") == 1
    rows = project.tell("stats", "--refusals", "--json").out.splitlines()
    assert msgspec.json.decode(rows[0]) == {
        "event": "refusal",
        "at": "2024-10-04T00:00:00Z",
        "target": HERO,
        "profile": "",
        "asset": "a/hero",
        "where": "specs/a.yaml:4:3",
        "model": "api",
        "provider": "vendor",
        "source": "gpt-image-2",
        "prompt": "a hero",
        "negative": "fog",
        "said": "refused: no heroes",
        "fallback": "house",
    }


# --- the budget -----------------------------------------------------------------------------------------


def test_what_is_left_of_the_month(project):
    project.write({"imgbuild.yaml": "budget: {month: 10}\n"})
    now = datetime.now(UTC).timestamp()
    times = [now, now - 32 * DAY]
    journal = Journal(project.root / ".imgbuild/journal", clock=lambda: times.pop(0))
    journal.settle(journal.begin("key", "vendor", 2.5), None, None)
    journal.settle(journal.begin("old", "vendor", 5.0), None, None)
    told = "nothing was made here yet\n$7.50 of the $10.00 for this month is left\n"
    assert project.tell("stats") == (0, told, "")
    (row,) = project.tell("stats", "--json").out.splitlines()
    assert msgspec.json.decode(row) == {"event": "budget", "month": 10.0, "spent": 2.5, "left": 7.5}
    journal = Journal(project.root / ".imgbuild/journal")
    journal.settle(journal.begin("more", "vendor", 20.0), None, None)
    assert project.tell("stats").out.splitlines()[-1] == "$0.00 of the $10.00 for this month is left"
