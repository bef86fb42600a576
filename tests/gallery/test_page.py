"""The page in a real browser, over a catalogue that the test makes up."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.gallery.stand_in import a_card, icons, many, sha_of

NARROW = {"width": 360, "height": 740}
TOO_MANY = 400  # elements of pictures in the document: far fewer than there are pictures


@pytest.fixture
def shop(stand_in):
    """Thirty icons by two models."""
    return stand_in(icons())


def cards(page):
    return page.locator("#grid .card")


def card(page, name):
    """The first picture of this name."""
    return cards(page).filter(has=page.locator(".name", has_text=re.compile(f"^{name}$"))).first


def fragment(page):
    return page.evaluate("location.hash")


def handle_of(server, number):
    return server.catalogue["targets"][number]["handle"]


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


# --- what is shown -----------------------------------------------------------------------------------------


def test_it_opens_with_all_pictures_and_their_prompts_as_alternative_text(shop, browse):
    page = browse(shop.url)
    expect(page.locator("#count")).to_have_text("60")
    expect(page).to_have_title("icons · gallery")
    expect(page.get_by_role("option").first).to_be_focused()
    expect(page.get_by_alt_text("a large red star on a white background").first).to_be_visible()
    expect(card(page, "star · orange")).to_contain_text("approved")
    expect(card(page, "star · blue")).to_contain_text("stale")
    expect(card(page, "star · purple")).to_contain_text("fails a rule")
    expect(card(page, "heart · red")).to_contain_text("not built yet")


def test_text_of_specs_is_never_markup(stand_in, browse):
    evil = "<img src=x onerror=console.log('ran')><script>console.log('ran')</script>"
    catalogue = icons()
    catalogue |= {
        "project": evil,
        "prompts": [evil] * len(catalogue["prompts"]),
        "variables": ["shape", evil],
    }
    for target in catalogue["targets"]:
        target["cell"] = {"shape": evil, evil: target["cell"]["color"]}
    server = stand_in(catalogue)
    first = handle_of(server, 0)
    server.details[first] = {
        "prompt": evil,
        "params": {evil: evil},
        "decisions": [{"decision": "approve", "who": evil, "when": evil, "note": evil}],
        "where": {"file": evil, "line": 1, "text": evil},
        "commands": [evil],
        "verdicts": [{"rule": evil, "status": evil, "figure": evil, "unit": evil, "limit": evil}],
        "attempts": [evil],
    }
    page = browse(f"{server.url}#open={first}")
    expect(page.locator("#about code").first).to_have_text(f"{evil}:1")
    press(page, "Escape", "m")
    expect(page.get_by_role("rowheader").first).to_have_text(evil)
    assert page.locator("img[src=x]").count() == 0


def test_filters_narrow_and_count_and_a_reload_keeps_them(shop, browse):
    page = browse(shop.url)
    page.get_by_role("checkbox", name="house").check()
    page.locator(".choice", has=page.locator(".value", has_text=re.compile("^star$"))).locator(
        "input"
    ).check()
    expect(page.locator("#count")).to_have_text("5 of 60")
    assert fragment(page) == "#model=house&v.shape=star"
    expect(page.locator(".choice", has_text="heart").locator(".number")).to_have_text("5")
    page.reload()
    expect(page.locator("#count")).to_have_text("5 of 60")
    expect(page.get_by_role("checkbox", name="house")).to_be_checked()
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#count")).to_have_text("60")


@pytest.mark.parametrize(
    ("address", "count"),
    [
        ("#review=approved", "1 of 60"),
        ("#review=open&review=approved", "59 of 60"),
        ("#state=run", "1 of 60"),
        ("#rule=sharpness", "1 of 60"),
        ("#star=starred", "1 of 60"),
        ("#asset=icons%2Ficon&tag=set", "60"),
        ("#v.color=red&v.color=blue&model=tiny", "12 of 60"),
        ("#q=PURPLE+heart", "2 of 60"),
        ("#v.color=nothing", "0 of 60"),
    ],
)
def test_an_address_says_what_is_shown(shop, browse, address, count):
    page = browse(shop.url + address)
    expect(page.locator("#count")).to_have_text(count)


def test_search_looks_at_prompts_and_names(shop, browse):
    page = browse(shop.url)
    press(page, "/")
    page.keyboard.type("purple heart")
    expect(page.locator("#count")).to_have_text("2 of 60")
    press(page, "Enter")
    expect(cards(page).first).to_be_focused()
    page.reload()
    expect(page.get_by_role("searchbox").first).to_have_value("purple heart")


def test_where_nothing_fits_it_says_so(shop, browse):
    page = browse(f"{shop.url}#q=nothing+like+this")
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.locator("#count")).to_have_text("60")


def test_a_gallery_without_targets_says_how_to_get_some(stand_in, browse):
    page = browse(stand_in(icons() | {"targets": [], "assets": [], "variables": []}).url)
    expect(page.locator("#empty")).to_have_text("No pictures yet. `imgbuild build` makes them.")


# --- moving about ------------------------------------------------------------------------------------------


def test_keys_move_from_picture_to_picture(shop, browse):
    page = browse(shop.url)
    columns = page.evaluate(
        "new Set([...document.querySelectorAll('.card')].map(c => c.getBoundingClientRect().x)).size"
    )
    press(page, "ArrowRight", "l", "ArrowLeft", "ArrowDown", "j", "k")
    expect(page.locator(f".card[aria-posinset='{2 + columns}']")).to_be_focused()
    press(page, "End")
    expect(page.locator(".card[aria-posinset='60']")).to_be_focused()
    expect(page.locator(".card[aria-posinset='60']")).to_be_in_viewport()
    press(page, "Home", "h")
    expect(page.locator(".card[aria-posinset='1']")).to_be_focused()


def test_a_picture_opens_and_the_way_back_leads_to_where_one_was(shop, browse):
    shop.details[handle_of(shop, 1)] = {
        "negative": "blurry",
        "params": {"steps": 16},
        "pin": {"source": "imgbuild/tiny-icons", "revision": "4f1c"},
        "verdicts": [
            {"rule": "sharpness", "status": "pass", "figure": 214.25, "unit": "", "limit": "min 60"}
        ],
        "attempts": ["attempt 1, seed 11: sharpness"],
        "where": {"file": "specs/icons.yaml", "line": 28, "column": 3, "text": "  icon:"},
        "commands": ["imgbuild why 3f2a91c0"],
    }
    page = browse(shop.url, permissions=["clipboard-read", "clipboard-write"])
    press(page, "l", "Enter")
    dialog = page.get_by_role("dialog", name="star · orange")
    expect(dialog.get_by_alt_text("a large orange star on a white background")).to_be_visible()
    for text in (
        "blurry",
        "steps",
        "imgbuild/tiny-icons",
        "214.25",
        "min 60",
        "seed 11",
        "specs/icons.yaml:28:3",
    ):
        expect(dialog).to_contain_text(text)
    dialog.get_by_role("button", name="Copy: imgbuild why 3f2a91c0").click()
    assert page.evaluate("navigator.clipboard.readText()") == "imgbuild why 3f2a91c0"
    assert fragment(page) == f"#open={handle_of(shop, 1)}"
    press(page, "ArrowRight")
    expect(page.get_by_role("dialog", name="star · green")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog", name="star · green")).to_be_visible()
    press(page, "Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(card(page, "star · green")).to_be_focused()
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()


def test_the_matrix_holds_any_two_axes_against_each_other(shop, browse):
    page = browse(shop.url)
    press(page, "m")
    assert page.get_by_role("rowheader").all_text_contents() == [
        "star",
        "heart",
        "hexagon",
        "ring",
        "drop",
        "diamond",
    ]
    assert page.get_by_role("columnheader").all_text_contents()[1:] == [
        "red",
        "orange",
        "green",
        "blue",
        "purple",
    ]
    page.get_by_label("Columns").select_option("model")
    assert page.get_by_role("columnheader").all_text_contents()[1:] == ["tiny", "house"]
    assert fragment(page) == "#view=matrix&rows=v.shape&cols=model"
    page.get_by_role("button", name="Swap").click()
    assert page.get_by_role("rowheader").all_text_contents() == ["tiny", "house"]
    page.reload()
    expect(page.get_by_role("rowheader").first).to_have_text("tiny")


def test_keys_move_in_the_matrix_and_open_what_is_there(shop, browse):
    page = browse(f"{shop.url}#view=matrix&model=tiny")
    press(page, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft", "Enter")
    expect(page.get_by_role("dialog", name="heart · orange")).to_be_visible()
    press(page, "Escape")
    expect(page.locator(".cell[data-row='1'][data-column='1']")).to_be_focused()


def test_a_cell_of_several_pictures_leads_to_them(shop, browse):
    page = browse(f"{shop.url}#view=matrix")
    press(page, "ArrowDown", "Enter")
    expect(page.locator("#count")).to_have_text("2 of 60")
    expect(page.locator("#grid")).to_be_visible()


def test_chosen_pictures_are_compared_in_four_ways(shop, browse):
    page = browse(shop.url)
    press(page, "x", "l", "x", "l", "x", "v")
    table = page.locator("#table")
    expect(table.locator("figure")).to_have_count(3)
    press(page, "2")
    slider = page.get_by_role("slider")
    expect(slider).to_be_focused()
    press(page, "Home")
    assert page.locator(".pair").evaluate("node => node.style.getPropertyValue('--cut')") == "0%"
    press(page, "3", "Space")
    expect(table.locator(".stacked.shown")).to_have_count(1)
    first = table.locator(".caption .name").text_content()
    press(page, "ArrowRight")
    assert table.locator(".caption .name").text_content() != first
    press(page, "4")
    expect(table.locator(".told")).to_have_text(
        re.compile(r"% of the pixels differ, by at most \d+ of 255 levels\.$")
    )
    assert "mode=difference" in fragment(page)
    page.reload()
    expect(page.locator(".difference-canvas")).to_be_visible()
    press(page, "Escape")
    expect(page.locator("#compare")).to_be_hidden()


def test_a_picture_compared_with_its_double_differs_in_nothing(stand_in, browse):
    catalogue = icons()
    catalogue["targets"][1]["image"] = catalogue["targets"][0]["image"]
    server = stand_in(catalogue)
    page = browse(f"{server.url}#mode=difference&compare={handle_of(server, 0)}+{handle_of(server, 1)}")
    expect(page.locator("#table .told")).to_have_text("The pixels are the same.")


def test_what_changed_since_a_revision_is_shown_before_and_after(shop, browse):
    target = shop.catalogue["targets"][7]
    row = {"id": target["id"], "handle": target["handle"], "before": sha_of("old"), "after": target["image"]}
    shop.changes = {"rev": "HEAD~1", "changed": [row], "new": [], "gone": []}
    page = browse(shop.url)
    press(page, "e")
    page.get_by_role("textbox", name="Git revision").fill("HEAD~1")
    press(page, "Enter")
    expect(page.locator("#count")).to_have_text("1 of 60")
    assert "/api/diff?rev=HEAD~1" in shop.asked
    press(page, "b")
    expect(page.locator("#table")).to_contain_text("heart · green, at HEAD~1")
    assert f"/image/{sha_of('old')}" in shop.asked
    page.reload()
    expect(page.locator("#table")).to_contain_text("heart · green, at HEAD~1")


def test_the_keys_are_listed(shop, browse):
    page = browse(shop.url)
    press(page, "?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("approve")
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    expect(cards(page).first).to_be_focused()


# --- decisions ---------------------------------------------------------------------------------------------


def test_a_key_approves_what_was_seen(shop, browse):
    page = browse(shop.url)
    press(page, "a")
    expect(cards(page).first).to_contain_text("approved")
    target = shop.catalogue["targets"][0]
    assert shop.said() == {
        "handles": [target["handle"]],
        "decision": "approve",
        "note": "",
        "ticked": [],
        "reseed": False,
        "pixels": {target["handle"]: target["pixels"]},
    }


def test_rejecting_asks_why(shop, browse):
    page = browse(shop.url)
    press(page, "r", "Enter")
    expect(page.get_by_role("alert")).to_have_text("A note is needed.")
    page.keyboard.type("its edge is soft")
    page.get_by_role("checkbox", name="Let the next build").check()
    page.get_by_role("button", name="Reject").click()
    expect(cards(page).first).to_contain_text("rejected")
    said = shop.said()
    assert (said["decision"], said["note"], said["reseed"]) == ("reject", "its edge is soft", True)


def test_comments_and_stars(shop, browse):
    page = browse(shop.url)
    press(page, "s")
    expect(cards(page).first).to_contain_text("1 star")
    press(page, "s")
    expect(cards(page).first).not_to_contain_text("1 star")
    press(page, "c")
    page.keyboard.type("warmer?")
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("Comment kept")
    said = [shop.said() for _ in range(3)]
    assert [item["decision"] for item in said] == ["star", "unstar", "comment"]
    assert said[2]["note"] == "warmer?"


def test_decisions_are_sent_one_after_another_in_the_order_they_were_made(shop, browse):
    page = browse(shop.url)
    held = []
    page.route("**/api/review", lambda route: held.append(route))
    press(page, "a", "s")
    expect(cards(page).first).to_contain_text("1 star")
    page.wait_for_timeout(100)
    assert [route.request.post_data_json["decision"] for route in held] == ["approve"]
    with page.expect_request("**/api/review"):
        held.pop().abort()
    expect(cards(page).first).not_to_contain_text("approved")
    page.wait_for_timeout(100)
    assert [route.request.post_data_json["decision"] for route in held] == ["star"]
    held.pop().continue_()
    assert shop.said()["decision"] == "star"
    assert browse.said.pop() == "Failed to load resource: net::ERR_FAILED"


def test_shift_decides_on_all_that_are_chosen(shop, browse):
    page = browse(shop.url)
    press(page, "x", "l", "l", "x", "Shift+A")
    expect(cards(page).nth(0)).to_contain_text("approved")
    expect(card(page, "star · green")).to_contain_text("approved")
    assert shop.said()["handles"] == [handle_of(shop, 0), handle_of(shop, 2)]


def test_a_checklist_is_ticked_before_something_is_approved(stand_in, browse):
    server = stand_in(icons() | {"checklist": ["trademark", "audience"]})
    page = browse(server.url)
    press(page, "a")
    page.get_by_role("checkbox", name="trademark").check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_have_text("Not ticked: audience.")
    page.get_by_role("checkbox", name="audience").check()
    page.get_by_role("button", name="Approve").click()
    expect(cards(page).first).to_contain_text("approved")
    assert server.said()["ticked"] == ["trademark", "audience"]


def test_what_the_server_refuses_is_taken_back_and_said(shop, browse):
    shop.refuse = 409, {"error": "the picture has changed meanwhile", "hint": "look again"}
    page = browse(shop.url)
    press(page, "a")
    expect(page.locator("#toasts")).to_contain_text("the picture has changed meanwhile")
    expect(page.locator("#toasts")).to_contain_text("look again")
    expect(cards(page).first).not_to_contain_text("approved")
    assert browse.said.pop().startswith("Failed to load resource: the server responded with a status of 409")


def test_where_decisions_can_not_be_made_none_is_sent(stand_in, browse):
    server = stand_in(icons() | {"can": {"review": False}})
    page = browse(server.url)
    press(page, "a")
    expect(page.locator("#toasts")).to_contain_text("this gallery is for looking only")
    press(page, "Enter")
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    assert server.posted.empty()


# --- live --------------------------------------------------------------------------------------------------


def test_a_new_picture_takes_the_old_ones_place(shop, browse):
    page = browse(shop.url)
    target = shop.catalogue["targets"][0] | {"image": sha_of("new"), "text": "a large red comet"}
    shop.send("changed", {"etag": "2", "targets": [target]})
    expect(cards(page).first.locator("img")).to_have_attribute("src", f"thumb/{sha_of('new')}/256")
    expect(page.get_by_alt_text("a large red comet")).to_be_visible()
    assert shop.asked.count("/api/catalogue") == 1


def test_a_new_catalogue_is_fetched_and_focus_and_place_stay(shop, browse):
    page = browse(shop.url)
    press(page, "End")
    shop.catalogue = icons()
    shop.catalogue["targets"].append(a_card(0, "cloud", "grey"))
    shop.etag = 1
    shop.send("catalogue", {"etag": "1"})
    expect(page.locator("#count")).to_have_text("61")
    expect(page.locator(".card[aria-posinset='60']")).to_be_focused()
    shop.send("catalogue", {"etag": "1"})
    shop.send("note", {"text": "specs/icons.yaml:3:1: that is no YAML", "level": "error"})
    expect(page.locator("#toasts")).to_contain_text("specs/icons.yaml:3:1: that is no YAML")
    assert shop.asked.count("/api/catalogue") == 2


def test_progress_and_spend_are_shown_while_a_build_runs(shop, browse):
    page = browse(shop.url)
    shop.send("moved", {"id": shop.catalogue["targets"][0]["id"], "state": "running"})
    shop.send("progress", {"done": 3, "total": 12, "cost": 0.48, "spent": 0.12})
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "25")
    expect(bar).to_have_text("3 of 12 · $0.12 spent · $0.48 expected")
    expect(cards(page).first).to_contain_text("being made")
    shop.send("moved", {"id": shop.catalogue["targets"][0]["id"], "state": "fresh"})
    shop.send("progress", {"done": 12, "total": 12, "cost": 0.48, "spent": 0.48})
    expect(cards(page).first).not_to_contain_text("being made")
    expect(bar).to_be_hidden()


# --- for everybody -----------------------------------------------------------------------------------------

VIEWS = (
    "",
    "#view=matrix",
    "#open={0}",
    "#compare={0}+{1}",
    "#mode=slider&compare={0}+{1}",
    "#mode=difference&compare={0}+{1}",
)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, NARROW], ids=["wide", "narrow"])
def test_no_view_violates_what_axe_knows(shop, browse, theme, size):
    found = {}
    for view in VIEWS:
        address = view.format(handle_of(shop, 1), handle_of(shop, 2))
        page = browse(shop.url + address, color_scheme=theme, reduced_motion="reduce", **size)
        page.wait_for_load_state("load")
        page.wait_for_timeout(300)
        for violation in Axe().run(page).response["violations"]:
            found[view, violation["id"]] = [node["html"][:160] for node in violation["nodes"]][:3]
    assert found == {}


@pytest.mark.parametrize("key", ["?", "r", "e", "c"])
def test_no_dialog_violates_what_axe_knows(shop, browse, key):
    page = browse(shop.url, reduced_motion="reduce")
    press(page, key)
    found = Axe().run(page).response["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in found] == []


def test_the_theme_is_the_systems_until_one_is_chosen_and_that_is_remembered(shop, browse):
    def ground():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page = browse(shop.url, color_scheme="dark")
    dark = ground()
    press(page, "t")
    light = ground()
    assert sum(map(int, re.findall(r"\d+", dark))) < 150 < 600 < sum(map(int, re.findall(r"\d+", light)))
    page.reload()
    page.wait_for_selector("body.ready")
    assert ground() == light
    press(page, "t")
    assert ground() == dark
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_phone_nothing_is_wider_than_the_screen(shop, browse, view):
    address = view.format(handle_of(shop, 1), handle_of(shop, 2))
    page = browse(shop.url + address, **NARROW, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert (
        page.evaluate(
            "[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.getBoundingClientRect().right > 361 && !b.closest('.switch')).length"
        )
        == 0
    )


def test_filters_open_over_the_page_on_a_phone(shop, browse):
    page = browse(shop.url, **NARROW)
    expect(page.locator("#filters")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("checkbox", name="house").check()
    page.get_by_role("button", name="Close the filters").click()
    expect(page.locator("#count")).to_have_text("30 of 60")


# --- ten thousand ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_ten_thousand_pictures_only_those_near_the_viewport_are_there(stand_in, browse):
    server = stand_in(many())
    page = browse(server.url)
    expect(page.locator("#count")).to_have_text("10,000")
    seen = set()
    for share in (0.1, 0.5, 0.9, 1):
        page.evaluate(
            f"const grid = document.querySelector('#grid'); grid.scrollTop = grid.scrollHeight * {share}"
        )
        page.wait_for_timeout(250)
        assert 0 < cards(page).count() < TOO_MANY
        seen |= set(
            cards(page).evaluate_all("cards => cards.map(card => card.getAttribute('aria-posinset'))")
        )
    assert "10000" in seen
    assert len({path for path in server.asked if path.startswith("/thumb/")}) < TOO_MANY
    press(page, "m")
    page.get_by_label("Rows").select_option("v.shape")
    page.evaluate("document.querySelector('#matrix').scrollTop = 1e6")
    expect(page.get_by_role("rowheader", name="shape 99")).to_be_visible()
    assert page.locator("#matrix .cell").count() < TOO_MANY


@pytest.mark.slow
def test_pictures_that_are_only_passed_are_not_asked_for(stand_in, browse):
    server = stand_in(many())
    page = browse(server.url)
    page.evaluate(
        """async () => {
            const grid = document.querySelector("#grid");
            for (let step = 0; step < 100; step += 1) {
                grid.scrollTop += grid.scrollHeight / 100;
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    expect(page.locator(".card[aria-posinset='10000']")).to_be_visible()
    page.wait_for_timeout(400)
    assert len({path for path in server.asked if path.startswith("/thumb/")}) < TOO_MANY
