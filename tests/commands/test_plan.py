"""What `plan` and `build --dry-run` print, and their exit codes."""

import json

import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.select import handle

SPEC = """\
models:
  paint: {provider: painter, params: {steps: 4}}
  dear: {provider: dear, source: vendor/model}
assets:
  shots:
    prompt: "a {{ thing }}"
    matrix: {thing: [lamp, pen]}
    models: [paint]
  scene:
    prompt: a scene
    models: [dear]
    inputs: {image: {asset: shots}}
    matrix: {thing: [lamp]}
"""
LAMP, PEN = "shop/shots[thing=lamp]@paint#0", "shop/shots[thing=pen]@paint#0"
SCENE = "shop/scene[thing=lamp]@dear#0"


@pytest.fixture
def shop(bench, painter, monkeypatch):
    dear = type("Dear", (painter,), {"name": "dear", "paid": True, "price": lambda self, request: 0.04})
    monkeypatch.setitem(PROVIDERS._loaded, "dear", dear)
    return bench({"specs/shop.yaml": SPEC})


@pytest.fixture
def built(shop):
    assert shop.build().finished.exit_code == 0
    return shop


def plan(shop, *flags):
    """What `plan` says; a dry run says the same."""
    told = shop.tell("plan", *flags)
    assert shop.tell("build", "-n", *flags) == told
    assert (told.code, told.err) == (0, "")
    return told.out


def test_before_the_first_build(shop):
    assert (
        plan(shop)
        == f"""\
action    target                          why                                                          cost
unpinned  {LAMP}  its model is not pinned yet
unpinned  {PEN}   its model is not pinned yet
unpinned  {SCENE}   its input {LAMP} is not pinned yet  $0.04
3 targets: 3 unpinned; about $0.04
"""
    )


def test_nothing_to_do(built):
    assert plan(built) == "3 targets: 3 fresh\n"


MOVED = """\
action  target                          why                                                                         cost
run     shop/shots[thing=lamp]@paint#0  changed: params.steps, prompt
run     shop/shots[thing=pen]@paint#0   changed: params.steps, prompt
maybe   shop/scene[thing=lamp]@dear#0   input shop/shots[thing=lamp]@paint#0 is made again: inputs.image.0.target  $0.04
3 targets: 2 run, 1 maybe; about $0.04
"""


def test_what_changed_and_what_that_may_move(built):
    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"), ("steps: 4", "steps: 5"))
    assert plan(built) == MOVED


def test_what_is_missing_or_not_ours(built):
    (built.root / "out/shots/lamp_0.png").unlink()
    (built.root / "out/shots/pen_0.png").write_bytes(b"edited by hand")
    assert (
        plan(built)
        == f"""\
action   target                          why                                                               cost
restore  {LAMP}  its output is missing
blocked  {PEN}   shots/pen_0.png was not written by imgbuild, or was edited since
3 targets: 1 fresh, 1 restore, 1 blocked
"""
    )


FAULTS = """\
action  target                         why                                               cost
fault   shop/shots[thing=lamp]#0       input image 'lamp.png' does not exist
fault   shop/shots[thing=pen]#0        input image 'pen.png' does not exist
fault   shop/scene[thing=lamp]@dear#0  its input shop/shots[thing=lamp]#0 can't be made
3 targets: 3 fault
"""


def test_a_row_at_fault_and_what_is_made_from_it(shop):
    shop.edit(
        "specs/shop.yaml",
        ('prompt: "a {{ thing }}"', "from: '{{ thing }}.png'"),
        ("    models: [paint]\n", ""),
    )
    assert plan(shop) == FAULTS


def test_a_selection_is_shown_with_what_it_needs(built):
    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    assert plan(built, "-s", "scene").splitlines()[-1] == "2 targets: 1 run, 1 maybe; about $0.04"
    assert plan(built, "-s", "thing=pen").splitlines()[-1] == "1 target: 1 run"


def test_what_else_there_is_to_know(built, painter):
    built.edit("specs/shop.yaml", ("[lamp, pen]", "[lamp]"))
    painter.version = 2
    assert plan(built) == (
        "2 targets: 2 fresh\n"
        "1 locked target declared no more\n"
        "model 'paint' is pinned with an older adapter; `imgbuild lock --upgrade paint` moves it\n"
        "model 'dear' is pinned with an older adapter; `imgbuild lock --upgrade dear` moves it\n"
    )


def test_long_plans_are_cut_unless_they_are_asked_for(shop):
    things = ", ".join(f"t{number}" for number in range(210))
    shop.edit("specs/shop.yaml", ("[lamp, pen]", f"[lamp, {things}]"))
    told = plan(shop).splitlines()
    assert len(told) == 1 + 200 + 2
    assert told[-2:] == ["… and 12 more; --verbose shows all", "212 targets: 212 unpinned; about $0.04"]
    assert len(plan(shop, "--verbose").splitlines()) == 1 + 212 + 1


@pytest.mark.parametrize(
    ("change", "code"), [(None, 0), (("a {{", "the {{"), 4), (("[lamp, pen]", "[lamp, pen, cup]"), 4)]
)
def test_the_exit_code_says_whether_work_is_pending(built, change, code):
    if change:
        built.edit("specs/shop.yaml", change)
    assert built.tell("plan", "--exit-code").code == code
    assert built.tell("plan").code == 0


def test_what_nothing_can_be_done_about_is_not_pending(built):
    (built.root / "out/shots/pen_0.png").write_bytes(b"edited by hand")
    assert built.tell("plan", "--exit-code").code == 0


def test_as_json(shop):
    told = shop.tell("plan", "--json", "-s", "scene")
    assert [json.loads(line) for line in told.out.splitlines()] == [
        {
            "event": "plan",
            "id": LAMP,
            "handle": handle(LAMP),
            "action": "unpinned",
            "why": "its model is not pinned yet",
            "output": "shots/lamp_0.png",
            "where": "specs/shop.yaml:5:3",
            "cost": 0.0,
        },
        {
            "event": "plan",
            "id": SCENE,
            "handle": handle(SCENE),
            "action": "unpinned",
            "why": f"its input {LAMP} is not pinned yet",
            "output": "scene/lamp_0.png",
            "where": "specs/shop.yaml:9:3",
            "cost": 0.04,
        },
    ]


def test_planning_writes_nothing(built):
    built.edit("specs/shop.yaml", ("a {{ thing }}", "the {{ thing }}"))
    before = built.state()
    plan(built)
    built.tell("plan", "--json")
    assert built.state() == before


def test_a_broken_spec(shop):
    shop.edit("specs/shop.yaml", ("models: [paint]", "models: [pant]"))
    assert shop.tell("plan") == (
        2,
        "",
        "specs/shop.yaml:8:14: unknown model 'pant'\n"
        "    8 |     models: [pant]\n"
        "      |              ^^^^\n"
        "hint: did you mean 'paint'? Models here: dear, paint\n",
    )


# --- what it costs --------------------------------------------------------------------------------------

PAID = """\
models:
  dear: {provider: dear, source: vendor/dear}
  cheap: {provider: cheap}
  odd: {provider: odd}
  free: {provider: painter}
assets:
  hero: {prompt: a hero, models: [dear, cheap], seeds: 2}
  draft: {prompt: a draft, models: [free]}
  riddle: {prompt: a riddle, models: [odd]}
"""
TABLE = """
asset     model  images     cost
a/hero    cheap       2    $0.02
a/hero    dear        2    $0.08
a/riddle  odd         1  unknown

6 targets: 6 unpinned; about $0.10 and 1 of unknown cost
"""


@pytest.fixture
def paid(bench, painter, monkeypatch):
    for name, price in (("dear", 0.04), ("cheap", 0.01), ("odd", None)):
        kind = {"name": name, "paid": True, "price": lambda self, request, price=price: price}
        monkeypatch.setitem(PROVIDERS._loaded, name, type(name.title(), (painter,), kind))
    return bench({"specs/a.yaml": PAID})


def test_what_costs_how_much_by_asset_and_model(paid):
    told = plan(paid)
    assert told.endswith(TABLE)
    assert [line.split()[-1] for line in told.splitlines()[1:7]] == [
        "$0.04",
        "$0.04",
        "$0.01",
        "$0.01",
        "yet",
        "unknown",
    ]


@pytest.mark.parametrize(
    ("asset", "end"),
    [
        ("draft", "1 target: 1 unpinned"),
        ("riddle", "1 target: 1 unpinned; 1 of unknown cost"),
        ("model:dear", "2 targets: 2 unpinned; about $0.08"),
    ],
)
def test_one_model_that_is_paid_needs_no_table(paid, asset, end):
    told = plan(paid, "-s", asset).splitlines()
    assert (told[-1], "" in told) == (end, False)


NEAR = {
    "far from it": ("{build: 0.2, month: 1}", ""),
    "near the build's": (
        "{build: 0.12}",
        "warning: this build would cost about $0.10: then $0.10 of its budget of $0.12 is spent, and $0.02 is left\n",
    ),
    "above the build's": (
        "{build: 0.05, month: 5}",
        "warning: this build would cost about $0.10, and $0.05 is left of its budget of $0.05: it would not start\n",
    ),
    "near both": (
        "{build: 0.1, month: 0.125}",
        "warning: this build would cost about $0.10: then $0.10 of its budget of $0.10 is spent, and $0.00 is left\n"
        "warning: this build would cost about $0.10: "
        "then $0.10 of the month's budget of $0.12 is spent, and $0.02 is left\n",
    ),
}


@pytest.mark.parametrize(("budget", "said"), NEAR.values(), ids=NEAR)
def test_budgets_that_it_comes_near(paid, budget, said):
    paid.write({"imgbuild.yaml": f"budget: {budget}\n"})
    assert plan(paid).endswith(f"of unknown cost\n{said}")
    assert "warning" not in plan(paid, "-s", "draft")


def test_the_budget_of_the_command_line(paid):
    told = paid.tell("build", "-n", "--budget", "0.1", "-s", "model:dear").out
    assert told.splitlines()[-1] == (
        "warning: this build would cost about $0.08: then $0.08 of its budget of $0.10 is spent, and $0.02 is left"
    )


def test_budgets_as_json(paid):
    paid.write({"imgbuild.yaml": "budget: {month: 0.1}\n"})
    rows = [json.loads(line) for line in plan(paid, "--json", "-s", "model:dear").splitlines()]
    assert [row["event"] for row in rows] == ["plan", "plan", "budget"]
    assert rows[-1] == {
        "event": "budget",
        "of": "month",
        "limit": 0.1,
        "spent": 0.0,
        "left": 0.1,
        "estimate": 0.08,
    }


def test_the_month_counts_what_was_spent_in_it(paid):
    paid.write({"imgbuild.yaml": "budget: {month: 0.1}\n"})
    assert paid.tell("build", "-q", "-s", "model:cheap").code == 0
    assert plan(paid, "-s", "model:dear").splitlines()[-1] == (
        "warning: this build would cost about $0.08: then $0.10 of the month's budget of $0.10 is spent, and $0.00 is left"
    )
