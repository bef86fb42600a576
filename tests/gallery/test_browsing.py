"""The gallery as a person uses it: `imgbuild gallery` beside a project, looked at in a real browser."""

import json
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect


@pytest.fixture
def gallery(project):
    """A function: options → the address at which the gallery of the project is served."""
    started = []

    def serve(*options):
        process = project.start("gallery", "--json", *options)
        started.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return json.loads(line)["url"]

    yield serve
    for process in started:
        process.terminate()
        process.communicate(timeout=20)


def cards(page):
    return page.locator("#grid .card")


def pictures_are_here(page, count):
    expect(page.locator("#grid .pic.here")).to_have_count(count)


@contextmanager
def taken(page):
    """A decision that is made within is the server's, too: the page shows it before that."""
    with page.expect_response("**/api/review") as answer:
        yield
    assert answer.value.json() == {"done": 1}


def test_the_gallery_shows_what_is_built(project, gallery, browse):
    page = browse(gallery())
    expect(page.locator("#count")).to_have_text("6")
    pictures_are_here(page, 6)
    assert "token" not in page.url
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="star · red")
    expect(dialog).to_contain_text("specs/icons.yaml:5")
    expect(dialog).to_contain_text("not_blank")
    expect(dialog.locator("img.full.here")).to_be_visible()
    assert dialog.locator("img.full").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [
        96,
        64,
    ]


def test_a_key_approves_and_the_line_is_kept_beside_the_lock(project, gallery, browse):
    page = browse(gallery())
    with taken(page):
        page.keyboard.press("a")
    expect(cards(page).first).to_contain_text("approved")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("r")
    with taken(page):
        page.keyboard.type("too dark")
        page.keyboard.press("Enter")
    expect(cards(page).nth(1)).to_contain_text("rejected")
    with taken(page):
        page.keyboard.press("s")
    expect(cards(page).nth(1)).to_contain_text("1 star")
    page.reload()
    expect(cards(page).first).to_contain_text("approved")
    expect(cards(page).nth(1)).to_contain_text("rejected")
    said = [json.loads(line) for line in project.text("specs/icons.reviews").splitlines()]
    assert [(item["target"], item["decision"], item["who"], item.get("note", "")) for item in said] == [
        ("icon[shape=star,color=red]@fake#0", "approve", "A Person <a.person@example.org>", ""),
        ("icon[shape=star,color=blue]@fake#0", "reject", "A Person <a.person@example.org>", "too dark"),
        ("icon[shape=star,color=blue]@fake#0", "star", "A Person <a.person@example.org>", ""),
    ]
    assert said[0]["pixels"] == project.lines("icons")["icon[shape=star,color=red]@fake#0"].pixels


def test_a_build_beside_it_replaces_the_picture_in_place(project, gallery, browse):
    page = browse(gallery())
    pictures_are_here(page, 6)
    old = cards(page).first.locator("img").get_attribute("src")
    page.evaluate("window.mark = 'the same page'")
    with taken(page):
        page.keyboard.press("a")
    expect(cards(page).first).to_contain_text("approved")
    project.edit("specs/icons.yaml", ('"a {{ color }} {{ shape }}"', '"one {{ color }} {{ shape }}"'))
    expect(cards(page).first).to_contain_text("stale")
    project.call("build")
    expect(cards(page).first.locator("img")).not_to_have_attribute("src", old)
    expect(cards(page).first).to_contain_text("changed since it was decided on")
    expect(page.get_by_alt_text("one red star")).to_be_visible()
    assert page.evaluate("window.mark") == "the same page"


def test_a_broken_spec_is_told_and_the_pictures_stay(project, gallery, browse):
    page = browse(gallery())
    project.edit("specs/icons.yaml", ("models: [fake]", "models: [fak]"))
    expect(page.locator("#toasts")).to_contain_text("unknown model 'fak'")
    pictures_are_here(page, 6)
    project.edit(
        "specs/icons.yaml", ("models: [fak]", "models: [fake]"), ("star, heart", "star, heart, ring")
    )
    expect(page.locator("#count")).to_have_text("9")
    expect(page.locator("#toasts")).not_to_contain_text("unknown model 'fak'")


def test_before_and_after_a_commit(project, gallery, browse):
    project.edit(
        "specs/icons.yaml",
        ("color: [red, blue, green]", "color: [red, blue, green, grey]"),
        ("96x64", "64x96"),
    )
    project.build()
    page = browse(gallery())
    page.keyboard.press("e")
    page.get_by_role("button", name="HEAD", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("6 pictures changed, 2 new, 0 gone since HEAD")
    expect(page.locator("#count")).to_have_text("8")
    page.keyboard.press("Home")
    page.keyboard.press("b")
    expect(page.locator("#table img.here")).to_have_count(2)
    expect(page.locator("#table")).to_contain_text("star · red, at HEAD")


def test_who_may_only_look_decides_on_nothing(project, gallery, browse):
    page = browse(gallery("--read-only"))
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("this gallery is for looking only")
    assert not (project.root / "specs/icons.reviews").exists()
