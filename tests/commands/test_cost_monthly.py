"""What a month of so many images costs, in the mix of the targets that there are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.commands.cost_monthly import Month, spread
from imgbuild.costs import Sum
from imgbuild.providers import PROVIDERS

SPEC = """\
models:
  dear: {provider: dear, source: vendor/dear}
  odd: {provider: odd}
  free: {provider: painter}
assets:
  hero: {prompt: a hero, models: [dear], seeds: 3, size: 16x16}
  drafts: {prompt: a draft, models: [free], seeds: 2, size: 16x16}
  riddle: {prompt: a riddle, models: [odd], size: 16x16}
  edges: {from: "edge.png"}
"""
NOTE = "estimates of one attempt for each image; what a rule turns down is paid for again\n"


@pytest.fixture
def project(bench, painter, monkeypatch):
    for name, price in (("dear", 0.04), ("odd", None)):
        kind = {"name": name, "price": lambda self, request, price=price: price}
        monkeypatch.setitem(PROVIDERS._loaded, name, type(name.title(), (painter,), kind))
    return bench({"specs/a.yaml": SPEC, "edge.png": b""})


def month(project, *flags):
    told = project.tell("cost", "--monthly", *flags)
    assert (told.code, told.err) == (0, "")
    return told.out


def test_in_the_mix_of_all_targets(project):
    assert month(project, "2000") == (
        """\
asset     model  share  images  an image               a month
a/drafts  free    33 %     667     $0.00                 $0.00
a/hero    dear    50 %   1,000     $0.04                $40.00
a/riddle  odd     17 %     333   unknown               unknown
total            100 %   2,000     $0.02  $40.00 + 333 unknown
"""
        + NOTE
    )


def test_beside_the_budget_of_a_month(project):
    project.write({"imgbuild.yaml": "budget: {month: 50}\n"})
    assert month(project, "2000", "-s", "hero", "-s", "drafts") == (
        """\
asset     model  share  images  an image  a month
a/drafts  free    40 %     800     $0.00    $0.00
a/hero    dear    60 %   1,200     $0.04   $48.00
total            100 %   2,000     $0.02   $48.00
the month's budget is $50.00: that is 96 % of it
"""
        + NOTE
    )
    assert "the month's budget is $50.00: that is at least 80 % of it\n" in month(project, "2000")
    assert month(project, "3000", "-s", "hero").splitlines() == [
        "asset   model  share  images  an image  a month",
        "a/hero  dear   100 %   3,000     $0.04  $120.00",
        "the month's budget is $50.00: that is 240 % of it",
        NOTE.strip(),
    ]
    project.write({"imgbuild.yaml": "budget: {month: 0}\n"})
    assert "the month's budget is $0.00: nothing may be spent\n" in month(project, "2000")


def test_what_was_built_already_costs_as_much_again(project):
    before = month(project, "2000", "-s", "hero")
    assert project.tell("build", "-q", "-s", "hero").code == 0
    assert month(project, "2000", "-s", "hero") == before


def test_on_other_models(project):
    project.write({"imgbuild.yaml": "budget: {month: 50}\n"})
    assert month(project, "2000", "--compare", "free,dear,odd,placeholder,google/gemini-3-pro-image") == (
        """\
model                      images               a month             difference      of $50.00  can't take
as declared                 2,000  $40.00 + 333 unknown                         at least 80 %
free                        2,000                 $0.00  -$40.00 + 333 unknown            0 %           0
dear                        2,000                $80.00  +$26.67 + 333 unknown          160 %           0
odd                         2,000               unknown                unknown        unknown           0
placeholder                 2,000                 $0.00  -$40.00 + 333 unknown            0 %           0
google/gemini-3-pro-image       0                     -                      -              -      6 of 6
a difference is to what the same targets cost as declared: what a model can't take is in neither
google/gemini-3-pro-image can't take a/hero@dear#0: model 'google/gemini-3-pro-image' makes no images of 16x16
"""
        + NOTE
    )


def test_as_json(project):
    def rows(*flags):
        return [msgspec.json.decode(line) for line in month(project, *flags, "--json").splitlines()]

    project.write({"imgbuild.yaml": "budget: {month: 10}\n"})
    drafts, heroes = ({"images": n, "cost": cost, "unknown": 0} for n, cost in ((40, 0.0), (60, 2.4)))
    whole = {"images": 100, "cost": 2.4, "unknown": 0}
    assert rows("100", "-s", "hero", "-s", "drafts") == [
        {"event": "month", "asset": "a/drafts", "model": "free", "share": 0.4, "month": drafts},
        {"event": "month", "asset": "a/hero", "model": "dear", "share": 0.6, "month": heroes},
        {"event": "month_total", "month": whole, "budget": 10.0, "of_budget": 0.24},
    ]
    assert rows("100", "-s", "hero", "--compare", "free") == [
        {
            "event": "month_total",
            "month": {"images": 100, "cost": 4.0, "unknown": 0},
            "budget": 10.0,
            "of_budget": 0.4,
        },
        {
            "event": "month_compared",
            "model": "free",
            "provider": "painter",
            "source": "",
            "month": {"images": 100, "cost": 0.0, "unknown": 0},
            "difference": {"images": 100, "cost": -4.0, "unknown": 0},
            "budget": 10.0,
            "of_budget": 0.0,
            "cannot": 0,
            "first": "",
            "reason": "",
            "resized": 0,
        },
    ]


def test_what_is_not_known_is_never_nothing():
    """However few of a month's images have an unknown price, it is said that there are some."""
    month = Month(10, Sum(1000, 5.0, 1), None)
    assert month.of(Sum(1000, 5.0, 1)) == Sum(10, 0.05, 1)
    assert month.of(Sum(1000, 0.0, 1000)) == Sum(10, 0.0, 10)
    assert (month.share(Sum(1, 1.0)), month.told_share(Sum(1, 1.0))) == (None, "-")
    month = Month(10, Sum(1000, 5.0, 1), 50.0)
    assert [month.told_share(of) for of in (Sum(), Sum(2, 0.0, 2), Sum(2, 1.0, 1), Sum(2, 1.0))] == [
        "-",
        "unknown",
        "at least 2 %",
        "2 %",
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(1, 5000))
def test_images_are_shared_out_whole(counts, images):
    shares = spread(counts, images)
    assert sum(shares) == images
    exact = [count * images / sum(counts) for count in counts]
    assert all(abs(share - wanted) < 1 for share, wanted in zip(shares, exact, strict=True))
