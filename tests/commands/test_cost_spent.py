"""What was spent, by day, asset, model and build."""

from __future__ import annotations

import msgspec
import pytest

from imgbuild.store.journal import NOT_NOTED, Journal, Purpose

DAY = 86_400
HERO = Purpose(target="shop/hero@gpt#0", asset="shop/hero", model="gpt", source="gpt-image-2", build="b2")
CARD = Purpose(target="shop/card@gpt#0", asset="shop/card", model="gpt", source="gpt-image-2", build="b1")
EDIT = Purpose(target="shop/hero@flux#0", asset="shop/hero", model="flux", source="flux-2-pro", build="b2")


def spend(project, *requests):
    """Journal requests: (day, provider, estimate, cost or None while it is under way, blob, what it is for)."""
    folder = project.root / ".imgbuild"
    folder.mkdir(exist_ok=True)
    times = [day * DAY for day, *_ in requests]
    journal = Journal(folder / "journal", clock=lambda: times.pop(0))
    for _, provider, estimate, cost, blob, purpose in requests:
        entry = journal.begin("key", provider, estimate, purpose)
        if cost is not None:
            journal.settle(entry, cost, blob)


@pytest.fixture
def project(bench):
    """Its spec is broken: what was spent is told all the same."""
    made = bench({"specs/a.yaml": "broken: [\n"})
    spend(
        made,
        (20_000, "openai", 0.04, 0.04, "old", NOT_NOTED),
        (20_000, "openai", 0.04, 0.05, "card", CARD),
        (20_001, "openai", 0.2, None, None, HERO),
        (20_001, "bfl", 0.03, 0.045, "edit", EDIT),
        (20_002, "openai", 0.2, 0.2, None, HERO),
    )
    return made


def test_by_day(project):
    assert project.tell("cost", "--spent") == (
        0,
        """\
day (UTC)   requests  images  unknown  spent
2024-10-04         2       2        0  $0.09
2024-10-05         2       1        1  $0.24
2024-10-06         1       0        0  $0.20
in all             5       3        1  $0.54
1 request of unknown fate counted at the estimate
""",
        "",
    )
    assert project.tell("cost", "--by", "day") == project.tell("cost", "--spent")


BY_MODEL = """\
model                     requests  images  unknown  spent
(not noted) (openai)             1       1        0  $0.04
flux (bfl/flux-2-pro)            1       1        0  $0.04
gpt (openai/gpt-image-2)         3       1        1  $0.45
in all                           5       3        1  $0.54
1 request of unknown fate counted at the estimate
"""
BY_ASSET_AND_BUILD = """\
asset        build        requests  images  unknown  spent
(not noted)  (not noted)         1       1        0  $0.04
shop/card    b1                  1       1        0  $0.05
shop/hero    b2                  3       1        1  $0.45
in all                           5       3        1  $0.54
1 request of unknown fate counted at the estimate
"""


def test_by_other_things(project):
    assert project.tell("cost", "--spent", "--by", "model").out == BY_MODEL
    assert project.tell("cost", "--by", "asset", "--by", "build").out == BY_ASSET_AND_BUILD
    assert project.tell("cost", "--by", "asset, build,asset").out == BY_ASSET_AND_BUILD


def test_since_a_day(project):
    assert project.tell("cost", "--since", "2024-10-06") == (
        0,
        """\
day (UTC)   requests  images  unknown  spent
2024-10-06         1       0        0  $0.20
in all             1       0        0  $0.20
""",
        "",
    )
    told = "nothing was spent since 2024-10-07: no paid request was sent from here\n"
    assert project.tell("cost", "--spent", "--since", "2024-10-07") == (0, told, "")


def test_as_json(project):
    def rows(*flags):
        told = project.tell("cost", "--spent", "--json", *flags)
        assert (told.code, told.err) == (0, "")
        return [msgspec.json.decode(line) for line in told.out.splitlines()]

    assert rows()[0] == {
        "event": "spent",
        "day": "2024-10-04",
        "requests": 2,
        "images": 2,
        "unknown": 0,
        "cost": 0.09,
    }
    assert rows("--by", "model,build", "--since", "2024-10-05") == [
        {
            "event": "spent",
            "model": "flux",
            "provider": "bfl",
            "source": "flux-2-pro",
            "build": "b2",
            "requests": 1,
            "images": 1,
            "unknown": 0,
            "cost": 0.045,
        },
        {
            "event": "spent",
            "model": "gpt",
            "provider": "openai",
            "source": "gpt-image-2",
            "build": "b2",
            "requests": 2,
            "images": 0,
            "unknown": 1,
            "cost": 0.4,
        },
    ]
    assert rows("--since", "2024-10-07") == []


def test_nothing_was_spent(bench):
    project = bench()
    told = "nothing was spent: no paid request was ever sent from here\n"
    assert project.tell("cost", "--spent") == (0, told, "")
    assert not (project.root / ".imgbuild").exists()


def test_a_damaged_journal_is_told(project):
    path = project.root / ".imgbuild/journal"
    path.write_bytes(path.read_bytes() + b"half a li")
    out = project.tell("cost", "--spent").out
    assert out.splitlines()[0] == f"warning: {path}: the last line was cut off and has been dropped"
    assert path.read_bytes().endswith(b"half a li")


WRONG = {
    "a group that there is none of": (
        ("--by", "asset,modle"),
        "error: 'modle' is nothing to group by\n"
        "hint: did you mean 'model'? Groups here: asset, build, day, model\n",
    ),
    "no group": (
        ("--by", ""),
        "error: '' is nothing to group by\nhint: Groups here: asset, build, day, model\n",
    ),
    "no date": (
        ("--since", "yesterday"),
        "error: 'yesterday' is no date\nhint: write it like 2026-03-31\n",
    ),
    "a selection": (
        ("--spent", "-s", "hero"),
        "error: what was spent is told of the whole project\n"
        "hint: leave out the specs and --select; --by asset tells them apart\n",
    ),
    "specs": (
        ("--by", "day", "specs/a.yaml"),
        "error: what was spent is told of the whole project\n"
        "hint: leave out the specs and --select; --by asset tells them apart\n",
    ),
}


@pytest.mark.parametrize(("flags", "said"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_told(project, flags, said):
    assert project.tell("cost", *flags) == (2, "", said)
