"""Routes by price, end to end: what was chosen stays through new prices, renames and new rows, until it is given up."""

import json
from textwrap import dedent
from typing import ClassVar

import pytest

from imgbuild.errors import LockWouldChange
from imgbuild.providers import PROVIDERS
from imgbuild.types import Capabilities, Grade

SPEC = """
models:
  sketch: {provider: placeholder, traits: {text: false}}
  flux: {provider: priced, source: flux, traits: [text], license: mit}
  hero: {provider: priced, source: hero, traits: [text, people], license: mit}
assets:
  shots:
    prompt: "Photo of {{ name }}"
    matrix: {name: [chair, lamp]}
    tags: [web]
    size: 16x16
    output: "{{ name }}.png"
    route:
      - {when: "'print' in tags", model: hero}
      - {cheapest: [sketch, flux, hero], needs: {text: true, license: commercial}}
"""
CHAIR, LAMP = (f"shots[name={name}]@flux#0" for name in ("chair", "lamp"))


@pytest.fixture
def priced(monkeypatch, painter):
    """Paints as the painter does; by its source, what that costs. Nobody sends a bill for it."""

    class Priced(painter):
        name = "priced"
        prices: ClassVar[dict] = {"flux": 0.03, "hero": 0.17}
        asked: ClassVar[list] = []

        def price(self, request):
            return self.prices[request.pin.source]

    monkeypatch.setitem(PROVIDERS._loaded, "priced", Priced)
    return Priced


@pytest.fixture
def shop(bench, priced):
    return bench({"specs/catalog.yaml": SPEC})


def pins(project):
    """The models in the lock, and how many choices each has."""
    text = json.loads(project.text("specs/catalog.lock"))
    return {name: len(pin.get("chosen", ())) for name, pin in text["models"].items() if name}


def drawn(priced):
    """Who was asked since the last time."""
    asked = [request.pin.source for request in priced.asked]
    priced.asked.clear()
    return asked


def test_a_new_list_of_prices_makes_nothing_again(shop, priced):
    assert shop.build().finished.built == 2
    assert drawn(priced) == ["flux", "flux"]
    assert pins(shop) == {"flux": 1, "hero": 0}
    before, locks = shop.state("out"), shop.locks()
    priced.prices.update(flux=0.3)
    (shop.root / ".imgbuild/snapshot").unlink(missing_ok=True)
    assert shop.actions() == {CHAIR: "fresh", LAMP: "fresh"}
    assert shop.build(locked=True).finished.fresh == 2
    assert (shop.state("out"), shop.locks(), drawn(priced)) == (before, locks, [])
    assert shop.tell("lock", "--check").code == 0


def test_from_the_lock_alone_the_same_models_draw(shop, priced):
    shop.build()
    before = shop.outputs()
    priced.prices.update(flux=0.3)
    drawn(priced)
    assert shop.again() == 2
    assert (drawn(priced), shop.outputs()) == (["flux", "flux"], before)


def test_why_tells_the_reason(shop, priced):
    shop.build()
    assert shop.why("chair.png").splitlines()[2] == (
        "  routed to 'flux' by line 2, the cheapest of sketch, flux, hero that have text, commercial licence: $0.03 "
        "(hero $0.17; sketch: no text)"
    )
    priced.prices.update(flux=0.3)
    assert shop.why("chair.png").splitlines()[2:5] == [
        "  routed to 'flux' by line 2, once the cheapest of sketch, flux, hero that have text, commercial licence: $0.30 "
        "(hero $0.17; sketch: no text)",
        "  'hero' would cost less now ($0.30 to $0.17); `imgbuild lock --reroute flux` chooses anew",
        "  fresh",
    ]
    shop.edit("specs/catalog.yaml", ("tags: [web]", "tags: [print]"))
    (first, _) = shop.actions()
    assert (
        shop.why(f"catalog/{first}").splitlines()[2] == "  routed to 'hero' by line 1 (when: 'print' in tags)"
    )
    shop.edit("specs/catalog.yaml", ("    route:\n", "    models: [sketch]\n    # "))
    shop.write({"specs/catalog.yaml": shop.text("specs/catalog.yaml").partition("    # ")[0]})
    assert "routed" not in shop.why("catalog/shots[name=chair]@sketch#0")


def test_why_as_json(shop):
    (told,) = map(json.loads, shop.tell("why", "--json", "lamp.png").out.splitlines())
    assert told["route"] == {
        "model": "flux",
        "line": 2,
        "needs": "text, commercial licence",
        "offers": [
            {"model": "sketch", "price": None, "why_not": "no text"},
            {"model": "flux", "price": 0.03, "why_not": ""},
            {"model": "hero", "price": 0.17, "why_not": ""},
        ],
    }


def test_plan_tells_of_a_cheaper_one_and_reroute_chooses_anew(shop, priced):
    shop.build()
    assert shop.tell("plan").out == "2 targets: 2 fresh\n"
    priced.prices.update(flux=0.3)
    assert shop.tell("plan").out == (
        "2 targets: 2 fresh\n"
        "model 'flux' stays as it is locked: 'hero' would cost less now ($0.30 to $0.17); "
        "`imgbuild lock --reroute flux` chooses anew\n"
    )
    assert shop.tell("lock", "--reroute", "hero") == (0, "0 choices by price given up; `imgbuild plan` shows what is chosen now\n", "")  # fmt: skip
    assert shop.tell("lock", "--reroute", "flux").out.startswith("1 choice by price given up; ")
    assert shop.actions() == {
        CHAIR.replace("flux", "hero"): "unpinned",
        LAMP.replace("flux", "hero"): "unpinned",
    } or (set(shop.actions().values()) == {"run"})
    drawn(priced)
    ended = shop.build()
    assert (ended.finished.built, drawn(priced), pins(shop)) == (2, ["hero", "hero"], {"flux": 0, "hero": 1})
    assert sorted(shop.outputs()) == ["chair.png", "lamp.png"]
    assert sorted(shop.lines()) == [CHAIR.replace("flux", "hero"), LAMP.replace("flux", "hero")]


def test_reroute_as_json_and_of_an_unknown_model(shop):
    shop.build()
    assert shop.tell("lock", "--reroute", "fluks").err == (
        "error: unknown model 'fluks'\nhint: did you mean 'flux'? Models here: flux, hero\n"
    )
    (told,) = map(json.loads, shop.tell("lock", "--reroute", "--json").out.splitlines())
    assert told == {"event": "rerouted", "spec": "catalog", "model": "flux", "choices": 1}
    assert shop.tell("lock", "--reroute", "--json").out == ""


def test_an_upgrade_of_a_pin_chooses_nothing_anew(shop, priced):
    shop.build()
    locks = shop.locks()
    priced.prices.update(flux=0.3)
    assert shop.tell("lock", "--upgrade").out == "catalog/flux: same\ncatalog/hero: same\n"
    assert shop.locks() == locks


RENAMED = {
    "the asset": ("  shots:", "  pictures:"),
    "the model": ("flux: {", "fluxus: {"),
    "an axis": ("matrix: {name: [chair, lamp]}", "matrix: {name: [chair, lamp], view: [front]}"),
}


@pytest.mark.parametrize("name", RENAMED)
def test_a_rename_generates_nothing_whatever_prices_are(shop, priced, name):
    shop.build()
    drawn(priced)
    priced.prices.update(flux=0.3)
    shop.edit("specs/catalog.yaml", RENAMED[name])
    if name == "the model":
        shop.edit("specs/catalog.yaml", ("[sketch, flux,", "[sketch, fluxus,"))
    ended = shop.build()
    assert (dict(ended.ran), drawn(priced), len(shop.lines())) == ({}, [], 2)
    assert shop.build(locked=True).finished.fresh == 2


def test_a_new_row_is_drawn_by_the_model_of_the_others(shop, priced):
    shop.build()
    drawn(priced)
    priced.prices.update(flux=0.3)
    shop.edit("specs/catalog.yaml", ("[chair, lamp]", "[chair, lamp, mug]"))
    assert shop.build().finished.built == 1
    assert drawn(priced) == ["flux"]


def test_an_edit_of_the_route_chooses_at_once(shop, priced):
    shop.build()
    drawn(priced)
    shop.edit(
        "specs/catalog.yaml", ("hero, source: hero,", "hero, source: hero, price: 0.01,")
    ) if False else None
    shop.edit("specs/catalog.yaml", ("needs: {text: true,", "needs: {text: true, people: true,"))
    with pytest.raises(LockWouldChange):
        shop.build(locked=True)
    assert shop.build().finished.built == 2
    assert (drawn(priced), pins(shop)) == (["hero", "hero"], {"flux": 0, "hero": 1})
    shop.edit("specs/catalog.yaml", ("text: true, people: true,", "text: true,"))
    shop.build()
    assert pins(shop) == {"flux": 1, "hero": 0}


def test_an_edit_that_leaves_the_choice_moves_one_line_of_the_lock(shop):
    shop.build()
    lines = shop.lines()
    before = shop.text("specs/catalog.lock").splitlines()
    shop.edit("specs/catalog.yaml", ("license: commercial}", "license: commercial, max_price: 0.1}"))
    assert shop.actions() == {CHAIR: "fresh", LAMP: "fresh"}
    assert shop.tell("lock", "--check").code == 5
    ended = shop.build()
    after = shop.text("specs/catalog.lock").splitlines()
    assert (dict(ended.ran), shop.lines()) == ({}, lines)
    assert [line.split(":")[0] for line, old in zip(after, before, strict=True) if line != old] == [
        '  "flux"'
    ]


def test_a_selection_and_an_edit_of_rows_leave_a_lock_that_is_whole(shop):
    """By way of narrow builds the lock comes to the same as by one that looks at everything."""
    names = ", ".join(f"n{number}" for number in range(40))
    shop.edit("specs/catalog.yaml", ("[chair, lamp]", f"[{names}]"), ("tags: [web]", "vars: {side: 16}"))
    shop.edit(
        "specs/catalog.yaml",
        ("    size: 16x16", "    size: '{{ side }}x16'"),
        ("'print' in tags", "side > 99"),
    )
    shop.build(patterns=("n1.png",))
    assert (pins(shop), len(shop.lines())) == ({"flux": 1, "hero": 0}, 1)
    shop.build()
    shop.edit("specs/catalog.yaml", ("side: 16", "side: 24"))
    shop.build(prune=True)
    assert pins(shop) == {"flux": 1, "hero": 0}
    locks = shop.locks()
    (shop.root / ".imgbuild/snapshot").unlink(missing_ok=True)
    assert shop.build(locked=True).finished.fresh == 40
    assert shop.locks() == locks


def test_all_that_are_compared_are_pinned_and_found_out_about_first(shop, priced, monkeypatch):
    """What a model takes may be known for certain only when it is pinned: the choice is made by that."""

    class Probed(priced):
        name = "probed"
        asked: ClassVar[list] = []
        pinned_now: ClassVar[list] = []

        def capabilities(self, model):
            return Capabilities(
                takes=frozenset({"seed"}), grade=Grade.BITWISE, params={"*": {}}, default_size=(16, 16)
            )

        def pin(self, model):
            self.pinned_now.append(model.source)
            pin = super().pin(model)
            return type(pin)(provider=self.name, source=model.source, weights="w", takes={"most": 8})

        def pinned(self, model, pin):
            from msgspec.structs import replace

            return replace(self.capabilities(model), max_side=pin.takes["most"])

        def price(self, request):
            return 0.0

    monkeypatch.setitem(PROVIDERS._loaded, "probed", Probed)
    shop.edit(
        "specs/catalog.yaml",
        ("sketch: {provider: placeholder, traits: {text: false}}", "sketch: {provider: probed, source: s, traits: [text], license: mit}"),
    )  # fmt: skip
    assert set(shop.actions()) == {CHAIR.replace("flux", "sketch"), LAMP.replace("flux", "sketch")}
    assert set(shop.actions().values()) == {"unpinned"}
    assert shop.build().finished.built == 2
    assert (sorted(shop.lines()), pins(shop)) == ([CHAIR, LAMP], {"flux": 1, "hero": 0, "sketch": 0})
    assert (drawn(priced), Probed.pinned_now) == (["flux", "flux"], ["s"])
    assert shop.build(locked=True).finished.fresh == 2
    assert Probed.pinned_now == ["s"]
    assert "sketch: makes no images of 16x16" in shop.why("chair.png")


def test_one_that_is_only_compared_asks_for_consent_too(shop):
    """It is pinned with the others, and what that does is up to its provider."""
    shop.edit(
        "specs/catalog.yaml",
        ("sketch: {provider: placeholder, traits: {text: false}}", "sketch: {provider: openai, source: x, price: 9, "
         "traits: [text], license: mit, params: {base_url: 'https://images.example.com', key: IMGBUILD_A_KEY}}"),
    )  # fmt: skip
    told = shop.tell("build")
    assert told.code == 2
    assert told.err.splitlines()[0] == (
        "specs/catalog.yaml:3:100: model 'sketch' sends prompts, pictures and what IMGBUILD_A_KEY holds to "
        "images.example.com, which is not the vendor's own host"
    )


def test_two_branches_that_chose_for_different_assets_merge(shop):
    shop.build()
    ours = shop.text("specs/catalog.lock")
    shop.edit("specs/catalog.yaml", ("    size: 16x16\n", "    size: 24x16\n"))
    shop.build()
    theirs = shop.text("specs/catalog.lock")
    shop.edit("specs/catalog.yaml", ("    size: 24x16\n", "    size: 16x16\n"))
    line = next(line for line in ours.splitlines() if '"flux"' in line)
    other = next(line for line in theirs.splitlines() if '"flux"' in line)
    marked = ours.replace(line, f"<<<<<<< ours\n{line}\n=======\n{other}\n>>>>>>> theirs")
    shop.write({"specs/catalog.lock": marked.encode()})
    ended = shop.build()
    assert (dict(ended.ran), shop.text("specs/catalog.lock")) == ({}, ours)
    assert shop.notes() == []


def test_a_row_that_none_can_make_is_in_the_final_table(shop):
    shop.edit(
        "specs/catalog.yaml",
        ("matrix: {name: [chair, lamp]}", "matrix: {name: [chair, lamp], w: [16, big]}"),
        ("size: 16x16", "size: '{{ w }}x16'"),
        ('"{{ name }}.png"', '"{{ name }}{{ w }}.png"'),
    )
    ended = shop.build()
    assert (ended.finished.built, len(ended.failures)) == (2, 2)
    assert ended.failures[0].cause == (
        "no model of the route can make this: 'sketch': no text; 'flux': 'bigx16' is not a size; "
        "'hero': 'bigx16' is not a size"
    )


# --- tiers ----------------------------------------------------------------------------------------------------------

TIERS = """
profiles:
  preview: {models: {"*": placeholder}, size: 8x8, validate: false}
  premium: {models: {flux: hero}, lock: true}
"""


def test_three_tiers_by_profiles(shop, priced):
    """Preview costs nothing, the default takes the cheapest that will do, premium the best."""
    shop.write({"imgbuild.yaml": dedent(TIERS)})
    tiers = {"preview": [], "": ["flux", "flux"], "premium": ["hero", "hero"]}
    for profile, asked in tiers.items():
        ended = shop.build(profile=profile)
        assert (ended.finished.exit_code, ended.finished.built, drawn(priced)) == (0, 2, asked)
    assert sorted(shop.outputs()) == [
        f"{folder}{name}.png" for folder in ("", "premium/", "preview/") for name in ("chair", "lamp")
    ]
    assert list(shop.locks()) == ["specs/catalog.lock", "specs/catalog.premium.lock"]
    assert [sorted(shop.lines(name))[0] for name in ("catalog", "catalog.premium")] == [CHAIR, CHAIR]
    assert (
        "routed to 'flux' by line 2, the cheapest of sketch, flux, hero that have text, commercial licence: free "
        in (shop.tell("why", "--profile", "preview", "chair.png").out)
    )
    priced.prices.update(flux=0.5)
    for profile in tiers:
        ended = shop.build(profile=profile)
        assert (ended.finished.fresh, drawn(priced)) == (2, [])


def test_a_tier_that_lacks_what_is_needed(shop):
    shop.write({"imgbuild.yaml": "profiles: {cheap: {models: {'*': {provider: priced, source: flux}}}}\n"})
    told = shop.tell("plan", "--profile", "cheap")
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines()[0] == (
        "specs/catalog.yaml:15:10: no model of the route can make this: 'sketch': not known for text, no licence stated; "
        "'flux': not known for text, no licence stated; 'hero': not known for text, no licence stated"
    )
