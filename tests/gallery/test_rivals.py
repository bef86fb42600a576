"""Pictures that compete: what the page is given of them, what it does with that, and what a pick moves."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from imgbuild.select import handle
from tests.gallery.stand_in import competing

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      heroes:
        prompt: "{{ page }}, {{ style }}"
        matrix: {page: [home, shop], style: [plain, moody]}
        models: [paint]
        pick: {over: [style], output: "{{ page }}/hero.png"}
      icons:
        prompt: "an icon"
        models: [paint]
      posters:
        prompt: "poster of {{ page }}"
        matrix: {page: [home]}
        models: [paint]
        inputs: {image: {pick: heroes}}
      frames:
        prompt: "a frame"
        models: [paint]
        inputs: {image: {pick: heroes, match: []}}
    """


def hero(page, style):
    return f"catalog/heroes[page={page},style={style}]@paint#0"


PLAIN, MOODY, ICON = hero("home", "plain"), hero("home", "moody"), "catalog/icons@paint#0"
POSTER = "catalog/posters[page=home]@paint#0"


@pytest.fixture
def heroes(bench, painter):
    heroes = bench({"specs/catalog.yaml": SPEC, "imgbuild.yaml": ""})
    heroes.build()
    return heroes


@pytest.fixture
def room(heroes, opened):
    """Its gallery."""
    return opened(heroes)


def cards(gallery):
    return {card.id: card for card in gallery.shown.whole.targets}


def wins(gallery):
    return {id for id, card in cards(gallery).items() if card.wins}


def pick(shop, *targets):
    told = shop.tell("review", "pick", *targets, "--by", "Ann")
    assert (told.code, told.err) == (0, "")


def post(client, *ids, decision="pick", **fields):
    seen = {item["handle"]: item["pixels"] for item in client.get("/api/catalogue").json()["targets"]}
    posted = {"handles": [*map(handle, ids)], "decision": decision, "pixels": seen, **fields}
    answer = client.post("/api/review", json=posted)
    return answer.status_code, answer.json()


# --- what the page is given --------------------------------------------------------------------------------


def test_groups_are_named_by_what_their_ids_share(room):
    whole = room.shown.whole
    assert [
        (group.name, group.output, [whole.targets[at].id for at in group.targets]) for group in whole.groups
    ] == [
        ("catalog/heroes[page=home]@paint#0", "home/hero.png", [PLAIN, MOODY]),
        ("catalog/heroes@paint#0", "", [PLAIN, MOODY, hero("shop", "plain"), hero("shop", "moody")]),
        (
            "catalog/heroes[page=shop]@paint#0",
            "shop/hero.png",
            [hero("shop", "plain"), hero("shop", "moody")],
        ),
    ]


def test_models_and_seeds_that_compete_are_not_in_the_name(bench, painter, opened):
    shop = bench({"specs/catalog.yaml": SPEC.partition("      posters:")[0], "imgbuild.yaml": ""})
    shop.edit(
        "specs/catalog.yaml",
        ("paint: {provider: painter}", "paint: {provider: painter}\n  brush: {provider: painter, source: b}"),
        ("models: [paint]\n    pick", "models: [paint, brush]\n    seeds: 2\n    pick"),
        ("[style]", "[style, seed, model]"),
    )
    groups = opened(shop).shown.whole.groups
    assert [(group.name, len(group.targets)) for group in groups] == [
        ("catalog/heroes[page=home]", 8),
        ("catalog/heroes[page=shop]", 8),
    ]


def test_of_a_group_only_those_that_are_shown(heroes, opened):
    whole = opened(heroes, select=("style=plain",)).shown.whole
    assert [group.targets for group in whole.groups] == [(0,), (0, 1), (1,)]
    assert opened(heroes, select=("icons",)).shown.whole.groups == ()


def test_a_winner_wins_until_its_picture_changes_or_is_rejected(heroes, opened):
    pick(heroes, PLAIN)
    room = opened(heroes)
    assert wins(room) == {PLAIN}
    heroes.tell("review", "reject", PLAIN, "-m", "too dark", "--by", "Ann")
    room.refresh()
    assert wins(room) == set()
    heroes.tell("review", "approve", PLAIN, "--by", "Ann")
    room.refresh()
    assert wins(room) == {PLAIN}
    heroes.tell("lock", "--reseed", PLAIN)
    heroes.build()
    room.refresh()
    assert wins(room) == set()


# --- decisions ---------------------------------------------------------------------------------------------


def test_a_pick_is_kept_and_moves_what_is_made_from_the_winner(heroes, room, client_of):
    client = client_of(room)
    assert cards(room)[POSTER].why == "no winner of heroes[page=home] is picked"
    assert post(client, PLAIN, note="as briefed") == (200, {"done": 1})
    decision = json.loads(heroes.text("specs/catalog.reviews"))
    assert (decision["target"], decision["decision"], decision["who"], decision["note"]) == (
        PLAIN.removeprefix("catalog/"),
        "pick",
        "Ann <ann@shop.example>",
        "as briefed",
    )
    assert wins(room) == {PLAIN}
    assert (cards(room)[PLAIN].review, cards(room)[POSTER].why) == ("approved", "new")
    heroes.build()
    room.refresh()
    assert post(client, MOODY) == (200, {"done": 1})
    assert wins(room) == {MOODY}
    assert cards(room)[POSTER].why == f"the winner changed: {MOODY}, no more {PLAIN}"
    assert post(client, MOODY, decision="reject", note="too dark") == (200, {"done": 1})
    assert wins(room) == set()
    assert cards(room)[POSTER].why == "the winner of heroes[page=home] was rejected"


def test_a_pick_made_elsewhere_is_seen(heroes, room):
    told = []
    room.feed.send = lambda name, data: told.append((name, [item["id"] for item in data["targets"]]))
    pick(heroes, PLAIN)
    room.notice([str(heroes.root / "specs/catalog.reviews")])
    assert wins(room) == {PLAIN}
    assert told == [("changed", [PLAIN, POSTER, "catalog/frames@paint#0"])]


def test_what_moves_no_winner_is_read_alone(heroes, room, client_of, monkeypatch):
    client = client_of(room)
    monkeypatch.setattr(room, "refresh", lambda: pytest.fail("nothing else has changed"))
    assert post(client, PLAIN, decision="star") == (200, {"done": 1})
    assert post(client, ICON, decision="approve") == (200, {"done": 1})
    assert (cards(room)[PLAIN].stars, cards(room)[ICON].review) == (1, "approved")


def test_who_can_not_win(heroes, room, client_of):
    client = client_of(room)
    assert post(client, PLAIN, MOODY) == (
        400,
        {"error": f"{MOODY} and {PLAIN} compete: only one wins", "hint": "pick one of them"},
    )
    assert post(client, ICON) == (
        400,
        {
            "error": f"nothing asks for a winner among {ICON} and others",
            "hint": "'pick' of its asset does, or 'inputs: {image: {pick: …}}' of another one",
        },
    )
    assert not (heroes.root / "specs/catalog.reviews").exists()


def test_a_gallery_to_look_at_takes_no_picks(heroes, opened, client_of):
    wrong = {"error": "this gallery takes no decisions", "hint": "it was started with --read-only"}
    assert post(client_of(opened(heroes, can_review=False)), PLAIN) == (403, wrong)
    assert not (heroes.root / "specs/catalog.reviews").exists()


def test_the_command_for_one_that_competes_is_a_pick(room, client_of):
    def command(id):
        return client_of(room).get(f"/api/target/{handle(id)}").json()["commands"][-1]

    assert command(PLAIN) == f"imgbuild review pick {handle(PLAIN)}"
    assert command(ICON) == f"imgbuild review approve {handle(ICON)}"


# --- the page ----------------------------------------------------------------------------------------------


@pytest.fixture
def icons(stand_in):
    """Thirty icons by two models that compete for each but the drops, which all compete for one name."""
    return stand_in(competing())


def handle_of(server, number):
    return server.catalogue["targets"][number]["handle"]


def figure(page, number):
    return page.locator("#table figure").nth(number)


def test_a_key_compares_who_competes_and_another_picks(icons, browse):
    page = browse(icons.url)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("w")
    expect(page.locator("#table figure")).to_have_count(2)
    expect(figure(page, 0).locator(".frame")).to_be_focused()
    expect(figure(page, 0).locator("figcaption")).to_contain_text("approved, the winner")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    expect(figure(page, 1).locator("figcaption")).to_contain_text("approved, the winner")
    expect(figure(page, 0).locator("figcaption")).not_to_contain_text("the winner")
    target = icons.catalogue["targets"][31]
    assert icons.said() == {
        "handles": [target["handle"]],
        "decision": "pick",
        "note": "",
        "ticked": [],
        "reseed": False,
        "pixels": {target["handle"]: target["pixels"]},
    }


def test_a_button_picks_and_keeps_the_focus(icons, browse):
    page = browse(f"{icons.url}#compare={handle_of(icons, 0)}+{handle_of(icons, 30)}")
    button = figure(page, 1).get_by_role("button", name="Pick star · red")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    assert icons.said()["handles"] == [handle_of(icons, 30)]
    page.keyboard.press("2")
    expect(page.locator(".legend")).to_contain_text("approved, the winner")
    page.locator(".legend").get_by_role("button", name="Pick star · red").first.click()
    expect(page.locator(".legend .caption").first).to_contain_text("approved, the winner")
    expect(page.locator(".legend .caption").last).not_to_contain_text("the winner")


def test_the_detail_shows_who_competes(icons, browse):
    page = browse(f"{icons.url}#open={handle_of(icons, 31)}")
    dialog = page.get_by_role("dialog", name="star · orange")
    expect(dialog).to_contain_text("Competes with")
    dialog.get_by_role("button", name="Open tiny, the winner").click()
    expect(dialog).to_contain_text("approved, the winner")
    dialog.get_by_role("button", name="Compare the group").click()
    expect(page.locator("#table figure")).to_have_count(2)
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Next picture").click()
    dialog = page.get_by_role("dialog", name="star · green")
    dialog.get_by_role("button", name="Pick").click()
    expect(dialog).to_contain_text("approved, the winner")
    assert icons.said()["decision"] == "pick"


def test_a_group_that_is_too_large_for_that_is_shown_alone(icons, browse):
    page = browse(f"{icons.url}#open={handle_of(icons, 20)}")
    expect(page.locator("#about")).to_contain_text("The winner is published as best/drop.png, too.")
    page.keyboard.press("w")
    expect(page.locator("#count")).to_have_text("10 of 60")
    expect(page.locator("#chips")).to_have_text("A/B group: icons/icon[shape=drop]#0")
    expect(page.locator("#detail")).to_be_hidden()
    page.go_back()
    expect(page.locator("#detail")).to_be_visible()


def test_filters_tell_winners_from_others_and_let_rivals_stand_together(icons, browse):
    page = browse(icons.url)
    page.locator(".choice", has_text="no winner yet").locator("input").check()
    expect(page.locator("#count")).to_have_text("58 of 60")
    both = ["icons/icon @ tiny", "icons/icon @ house"]
    assert page.locator("#grid .card .where").all_text_contents()[:4] == [*both, *both]
    page.locator(".choice", has_text="no winner yet").locator("input").uncheck()
    page.locator(".choice", has_text="not picked").locator("input").check()
    expect(page.locator("#count")).to_have_text("1 of 60")
    news = [icons.catalogue["targets"][at] | {"wins": at == 31} for at in (1, 31)]
    icons.send("changed", {"etag": "2", "targets": news})
    page.locator(".choice", has_text="winner").first.locator("input").check()
    expect(page.locator("#count")).to_have_text("2 of 60")
    expect(page.locator("#grid .card").last).to_contain_text("approved, the winner")


def test_a_checklist_is_ticked_before_something_is_picked(stand_in, browse):
    server = stand_in(competing() | {"checklist": ["trademark"]})
    page = browse(server.url)
    page.keyboard.press("p")
    dialog = page.get_by_role("dialog", name="Pick star · red")
    dialog.get_by_role("button", name="Pick").click()
    expect(page.get_by_role("alert")).to_have_text("Not ticked: trademark.")
    dialog.get_by_role("checkbox", name="trademark").check()
    dialog.get_by_role("button", name="Pick").click()
    expect(page.locator("#grid .card").first).to_contain_text("approved, the winner")
    assert (server.said() | {"pixels": {}}) == {
        "handles": [handle_of(server, 0)],
        "decision": "pick",
        "note": "",
        "ticked": ["trademark"],
        "reseed": False,
        "pixels": {},
    }


def test_a_refused_pick_leaves_the_winner_as_it_was(icons, browse):
    icons.refuse = 409, {"error": "the picture has changed meanwhile", "hint": "look again"}
    page = browse(f"{icons.url}#compare={handle_of(icons, 1)}+{handle_of(icons, 31)}")
    figure(page, 1).get_by_role("button", name="Pick star · orange").click()
    expect(page.locator("#toasts")).to_contain_text("the picture has changed meanwhile")
    expect(figure(page, 0).locator("figcaption")).to_contain_text("approved, the winner")
    expect(figure(page, 1).locator("figcaption")).not_to_contain_text("approved")
    assert browse.said.pop().startswith("Failed to load resource: the server responded with a status of 409")


def test_what_does_not_compete_can_not_win(stand_in, browse):
    server = stand_in(competing() | {"groups": []})
    page = browse(server.url)
    expect(page.locator("#filters")).not_to_contain_text("A/B")
    for key in ("p", "w"):
        page.keyboard.press(key)
        expect(page.locator("#toasts")).to_contain_text("nothing competes with this picture")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pick", exact=True)).to_have_count(0)
    assert server.posted.empty()


def test_where_decisions_can_not_be_made_the_winner_is_only_shown(stand_in, browse):
    server = stand_in(competing() | {"can": {"review": False}})
    page = browse(f"{server.url}#compare={handle_of(server, 1)}+{handle_of(server, 31)}")
    expect(figure(page, 0)).to_contain_text("approved, the winner")
    expect(page.locator("#table button")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator("#toasts")).to_contain_text("this gallery is for looking only")
    assert server.posted.empty()


def test_an_export_shows_who_wins(heroes, browse):
    pick(heroes, PLAIN)
    assert heroes.tell("gallery", "-o", "site").code == 0
    page = browse(f"{(heroes.root / 'site/index.html').as_uri()}#contest=winner")
    expect(page.locator("#grid .card")).to_have_count(1)
    expect(page.locator("#grid .card")).to_contain_text("approved, the winner")
    page.keyboard.press("w")
    expect(page.locator("#table figure")).to_have_count(2)
    expect(page.locator("#table button")).to_have_count(0)


VIEWS = ("#contest=winner", "#compare={1}+{31}", "#mode=slider&compare={1}+{31}", "#open={1}", "#open={20}")


def addressed(server, view):
    return server.url + re.sub(r"\{(\d+)\}", lambda found: handle_of(server, int(found[1])), view)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_view_violates_what_axe_knows(icons, browse, theme, width):
    found = {}
    for view in VIEWS:
        page = browse(
            addressed(icons, view), color_scheme=theme, reduced_motion="reduce", width=width, height=740
        )
        page.wait_for_timeout(300)
        for violation in Axe().run(page).response["violations"]:
            found[view, violation["id"]] = [node["html"][:160] for node in violation["nodes"]][:3]
    assert found == {}


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_phone_nothing_is_wider_than_the_screen(icons, browse, view):
    page = browse(addressed(icons, view), width=360, height=740, has_touch=True)
    wide = "b => b.offsetParent && b.getBoundingClientRect().right > 361 && !b.closest('.switch')"
    assert page.evaluate(f"[...document.querySelectorAll('button, .pair')].filter({wide}).length") == 0
