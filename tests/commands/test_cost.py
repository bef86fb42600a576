"""What a build would cost."""

from __future__ import annotations

import io

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.providers import PROVIDERS

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


def test_a_target_at_fault_is_not_made_and_costs_nothing(project):
    project.edit(
        "specs/a.yaml", ("a hero, models: [dear]", "a hero, models: [dear], inputs: {image: no.png}")
    )
    told = project.tell("cost", "-s", "hero").out
    assert (
        told
        == "asset   model  to do    now  targets  from nothing\na/hero  dear       0  $0.00        3         $0.00\n"
        + NOTE
    )


def test_what_goes_in_counts_where_the_vendor_charges_for_it(bench):
    data = io.BytesIO()
    pillow.new("RGB", (2000, 1500)).save(data, "PNG")
    spec = """\
        models: {flux: {provider: bfl, source: flux-2-pro}}
        assets:
          shots: {prompt: a lamp, models: [flux]}
          edits: {prompt: a red lamp, models: [flux], inputs: {image: {asset: shots}}}
          photos: {prompt: a photo, models: [flux], inputs: {reference: [a.png, a.png]}, size: 1920x1088}
        """
    project = bench({"specs/a.yaml": spec, "specs/a.png": data.getvalue()})
    assert project.tell("cost").out.splitlines()[1:-1] == [
        "a/edits   flux       1  $0.04        1         $0.04",
        "a/photos  flux       1  $0.14        1         $0.14",
        "a/shots   flux       1  $0.03        1         $0.03",
        "total                3  $0.21        3         $0.21",
    ]
    assert project.tell("plan").out.splitlines()[-1] == "3 targets: 3 unpinned; about $0.21"
