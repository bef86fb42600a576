"""What the same images would cost on other models, and what these can't make."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from imgbuild.providers import PROVIDERS
from imgbuild.types import Capabilities, Grade

SPEC = """\
models:
  dear: {provider: dear, source: vendor/dear}
  cheap: {provider: cheap, source: vendor/cheap}
  odd: {provider: odd}
  free: {provider: painter}
assets:
  hero: {prompt: a hero, models: [dear], seeds: 3, size: 16x16}
  card: {prompt: a card, negative: blurry, models: [dear], size: 16x16}
  drafts: {prompt: "a {{ size }} draft", models: [free], matrix: {size: [16x16, 24x24]}, size: "{{ size }}"}
  riddle: {prompt: a riddle, models: [odd], size: 16x16}
"""
NOTES = """\
a difference is to what the same targets cost as declared: what a model can't take is in neither
"""
NOTE = "estimates of one attempt for each image; what a rule turns down is paid for again\n"


@pytest.fixture
def project(bench, painter, monkeypatch):
    """Three providers that are paid beside the free painter: one takes no negative prompt, and one size alone."""

    def capabilities(self, model):
        return Capabilities(
            takes=frozenset({"seed"}), grade=Grade.STORED, sizes=((16, 16),), default_size=(16, 16)
        )

    def add(name, price, **own):
        kind = {"name": name, "paid": True, "price": lambda self, request: price, **own}
        monkeypatch.setitem(PROVIDERS._loaded, name, type(name.title(), (painter,), kind))
        monkeypatch.setitem(PROVIDERS._built_in, name, "")

    add("dear", 0.04)
    add("cheap", 0.01, capabilities=capabilities)
    add("odd", None)
    return bench({"specs/a.yaml": SPEC})


def compared(project, *flags):
    told = project.tell("cost", *flags)
    assert (told.code, told.err) == (0, "")
    return told.out


def test_the_same_work_on_other_models(project):
    assert compared(project, "--compare", "cheap,free,odd, dear") == (
        """\
model                      now          difference       from nothing          difference  can't take
as declared  $0.16 + 1 unknown                      $0.16 + 1 unknown
cheap                    $0.05  -$0.08 + 1 unknown              $0.05  -$0.08 + 1 unknown      2 of 7
free                     $0.00  -$0.16 + 1 unknown              $0.00  -$0.16 + 1 unknown           0
odd                    unknown             unknown            unknown             unknown           0
dear                     $0.28  +$0.08 + 1 unknown              $0.28  +$0.08 + 1 unknown           0
"""
        + NOTES
        + "cheap can't take a/card@dear#0: model 'cheap' takes no negative prompt\n"
        + NOTE
    )


def test_only_what_is_selected(project):
    assert compared(project, "--compare", "cheap", "--compare", "dear", "-s", "hero", "-s", "drafts") == (
        """\
model          now  difference  from nothing  difference  can't take
as declared  $0.12                     $0.12
cheap        $0.04      -$0.08         $0.04      -$0.08      1 of 5
dear         $0.20      +$0.08         $0.20      +$0.08           0
"""
        + NOTES
        + "cheap can't take a/drafts[size=24x24]@free#0: model 'cheap' makes no images of 24x24\n"
        + NOTE
    )


def test_what_is_built_would_cost_nothing_now_on_any_model(project):
    assert project.tell("build", "-q", "-s", "hero").code == 0
    project.edit("specs/a.yaml", ("seeds: 3", "seeds: 4"))
    assert compared(project, "--compare", "cheap", "-s", "hero").splitlines()[:3] == [
        "model          now  difference  from nothing  difference  can't take",
        "as declared  $0.04                     $0.16",
        "cheap        $0.01      -$0.03         $0.04      -$0.12           0",
    ]


def test_finishing_anew_asks_no_model(project):
    assert project.tell("build", "-q", "-s", "hero").code == 0
    project.edit("specs/a.yaml", ("seeds: 3,", "seeds: 3, process: [sharpen],"))
    assert compared(project, "--compare", "cheap", "-s", "hero").splitlines()[1:3] == [
        "as declared  $0.00                     $0.12",
        "cheap        $0.00       $0.00         $0.03      -$0.09           0",
    ]


def test_nothing_that_a_model_takes(project):
    assert compared(project, "--compare", "cheap", "-s", "card").splitlines()[2:] == [
        "cheap            -           -             -           -      1 of 1",
        NOTES.strip(),
        "cheap can't take a/card@dear#0: model 'cheap' takes no negative prompt",
        NOTE.strip(),
    ]


def test_a_size_that_nobody_asked_for_is_kept_where_it_can_be(project, painter, monkeypatch):
    project.edit("specs/a.yaml", ("models: [dear], seeds: 3, size: 16x16", "models: [dear], seeds: 3"))
    takes = painter().capabilities(None)
    monkeypatch.setattr(PROVIDERS.get("dear"), "capabilities", lambda *_: replace(takes, default_size=(8, 8)))
    assert compared(project, "--compare", "cheap,free", "-s", "hero").splitlines()[1:] == [
        "as declared  $0.12                     $0.12",
        "cheap        $0.03      -$0.09         $0.03      -$0.09           0",
        "free         $0.00      -$0.12         $0.00      -$0.12           0",
        NOTES.strip(),
        "cheap makes 3 images in another size than now",
        NOTE.strip(),
    ]


def test_as_json(project):
    rows = [
        msgspec.json.decode(line)
        for line in compared(project, "--compare", "cheap", "-s", "card", "--json").splitlines()
    ]
    none = {"images": 0, "cost": 0.0, "unknown": 0}
    one = {"images": 1, "cost": 0.04, "unknown": 0}
    assert rows == [
        {"event": "declared", "now": one, "from_nothing": one},
        {
            "event": "compared",
            "model": "cheap",
            "provider": "cheap",
            "source": "vendor/cheap",
            "now": none,
            "from_nothing": none,
            "difference": {"now": none, "from_nothing": none},
            "cannot": 1,
            "first": "a/card@dear#0",
            "reason": "model 'cheap' takes no negative prompt",
            "resized": 0,
        },
    ]


def test_a_model_that_no_spec_declares(project):
    out = compared(project, "--compare", "cheap/vendor/other,gpt-image-2,placeholder", "-s", "hero")
    assert [line.split() for line in out.splitlines()[2:5]] == [
        ["cheap/vendor/other", "$0.03", "-$0.09", "$0.03", "-$0.09", "0"],
        ["gpt-image-2", "$0.0002", "-$0.12", "$0.0002", "-$0.12", "0"],
        ["placeholder", "$0.00", "-$0.12", "$0.00", "-$0.12", "0"],
    ]


def test_existing_pictures_are_made_by_no_model(bench):
    project = bench({"specs/a.yaml": "assets: {edges: {from: edge.png}}\n"})
    assert project.tell("cost", "--compare", "placeholder") == (
        0,
        "no model makes any of these images\n",
        "",
    )
    assert project.tell("cost", "--compare", "placeholder", "--json") == (0, "", "")
    assert project.tell("cost", "--monthly", "9", "--json") == (0, "", "")
    assert project.tell("cost", "--compare", "cheep").code == 2


def test_a_policy_holds_for_what_is_compared_too(project):
    project.write({"imgbuild.yaml": "policy: {providers: [dear, odd, painter]}\n"})
    assert project.tell("cost", "--compare", "cheap") == (
        2,
        "",
        "error: model 'cheap' is of provider 'cheap', which the project does not allow\n"
        "hint: allowed: dear, odd, painter ('policy.providers' in imgbuild.yaml)\n",
    )


WRONG = {
    "no model": (
        ("--compare", "cheep"),
        "error: no model is called 'cheep'\nhint: did you mean 'cheap'? Models here: cheap, dear, free, odd; "
        "any other one is named as provider/source\n",
    ),
    "nearly one of the list": (
        ("--compare", "gpt-imge-2"),
        "error: no model is called 'gpt-imge-2'\nhint: did you mean 'gpt-image-2'? Models here: cheap, dear, free, odd; "
        "any other one is named as provider/source\n",
    ),
    "no provider": (
        ("--compare", "vendor/dear"),
        "error: no model is called 'vendor/dear'\nhint: Models here: cheap, dear, free, odd; "
        "any other one is named as provider/source\n",
    ),
    "a model of its provider that there is none of": (
        ("--compare", "ideogram/x"),
        "error: 'x' is no model of provider 'ideogram'\n"
        "hint: it is ideogram-v3, or one of your own: model/NAME/version/VERSION\n",
    ),
    "weights": (
        ("--compare", "weights/x"),
        "error: model 'weights/x' makes no images\nhint: it is of provider 'weights'; name one that draws\n",
    ),
    "the past": (
        ("--compare", "cheap", "--spent"),
        "error: --compare and --monthly are about what work would cost, not about what was spent\n"
        "hint: leave out --spent, --by and --since\n",
    ),
}


@pytest.mark.parametrize(("flags", "said"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_compared(project, flags, said):
    assert project.tell("cost", *flags) == (2, "", said)


def test_a_name_that_two_specs_give_to_different_models(project):
    project.write(
        {
            "specs/b.yaml": """\
                models: {cheap: {provider: dear, source: another}}
                assets: {sign: {prompt: a sign, size: 16x16}}
                """
        }
    )
    assert project.tell("cost", "--compare", "cheap") == (
        2,
        "",
        "error: several models are called 'cheap'\n"
        "hint: name one as provider/source: cheap/vendor/cheap (a), dear/another (b)\n",
    )
    project.edit("specs/b.yaml", ("dear, source: another", "cheap, source: vendor/cheap"))
    assert project.tell("cost", "--compare", "cheap", "-s", "sign").code == 0


def test_a_name_that_two_providers_have(project, monkeypatch):
    from imgbuild.price import Price
    from imgbuild.providers.prices import PriceList

    models = {name: {"twin-1": Price(source="https://", image=0.1)} for name in ("dear", "cheap", "odd")}
    monkeypatch.setattr(
        "imgbuild.compare.price_list", lambda: PriceList(read="2026-11-27", models={**models, "odd": {}})
    )
    assert project.tell("cost", "--compare", "twin-1") == (
        2,
        "",
        "error: several providers have a model 'twin-1'\nhint: name one of dear/twin-1, cheap/twin-1\n",
    )
