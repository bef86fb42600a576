"""The gallery as plain files: what is in them, whose they are, and that the page works from a disk."""

import re

import pytest
from playwright.sync_api import expect


def test_an_export_works_from_a_disk(project, browse):
    told = project.tell("gallery", "-o", "site")
    assert (told.code, told.out) == (0, "6 images in site; open site/index.html\n")
    page = browse((project.root / "site/index.html").as_uri())
    expect(page.locator("#grid .pic.here")).to_have_count(6)
    page.keyboard.press("m")
    assert page.get_by_role("rowheader").all_text_contents() == ["star", "heart"]
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="star · red")
    expect(dialog.locator("img.full.here")).to_be_visible()
    expect(dialog).to_contain_text("specs/icons.yaml:5")
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    for key in ("v", "2", "3", "4"):
        page.keyboard.press(key)
    expect(page.locator(".difference-canvas")).to_be_visible()
    page.reload()
    expect(page.locator(".difference-canvas")).to_be_visible()


def test_an_export_names_everything_relative_to_itself_and_no_one_by_address(project):
    assert project.tell("review", "approve", "*").code == 0
    assert project.tell("gallery", "-o", "site").code == 0
    texts = [path.read_text() for path in sorted((project.root / "site").rglob("*.js"))]
    assert any('"who":"A Person"' in text for text in texts)
    assert not any("example.org" in text or str(project.root) in text for text in texts)
    page = (project.root / "site/index.html").read_text()
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) - {"data:,"} == {
        "catalogue.js",
        *(f"page/{path.name}" for path in (project.root / "site/page").iterdir()),
    }


def test_a_second_export_writes_no_picture_again_and_removes_what_is_shown_no_more(project):
    project.tell("gallery", "-o", "site")
    before = project.state("site")
    again = project.tell("gallery", "-o", "site")
    after = project.state("site")
    assert again.code == 0
    assert {name: digest for name, (digest, _) in after.items()} == {
        name: digest for name, (digest, _) in before.items()
    }
    pictures = [name for name in before if name.startswith(("images/", "thumbs/"))]
    assert len(pictures) == 6 * 4
    assert all(before[name] == after[name] for name in pictures)
    project.tell("gallery", "-o", "site", "-s", "color=red")
    assert len([name for name in project.state("site") if name.startswith("images/")]) == 2


def test_what_is_nowhere_is_left_out_and_said(project):
    name = (
        "icon/star_red_0.png"
        if (project.root / "out/icon/star_red_0.png").exists()
        else sorted(project.outputs())[-1]
    )
    digest = project.outputs()[name]
    (project.root / "out" / name).unlink()
    for path in (project.root / ".imgbuild/blobs").rglob(f"*{digest[2:]}*"):
        path.unlink()
    told = project.tell("gallery", "-o", "site")
    assert told.code == 0
    assert told.out == "5 images in site; open site/index.html\n"
    assert "1 image left out, which `imgbuild build` brings back: icons/icon[" in told.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "notes/mine.txt",
            "notes holds other files than a gallery's\nhint: name an empty folder, or a new one",
        ),
        ("notes", "notes is a file\nhint: name a folder"),
    ],
)
def test_an_export_never_writes_over_other_things(project, name, text):
    place = project.root / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("mine")
    told = project.tell("gallery", "-o", "notes")
    assert told.code == 2
    assert told.err.strip().endswith(text)
    assert place.read_text() == "mine"
