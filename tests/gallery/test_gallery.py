"""How the gallery keeps up: what it looks at again, what it tells the page, what it keeps when a spec is broken."""

import subprocess
import threading

import msgspec
import pytest

from imgbuild.digest import to_hex
from imgbuild.errors import ImgbuildError
from imgbuild.gallery.look import hex_of
from imgbuild.select import handle

RED = "shop/lamps[color=red]@paint#0"
BLUE = "shop/lamps[color=blue]@paint#0"


@pytest.fixture
def told(gallery, monkeypatch):
    """What the page is told, in order."""
    events = []
    monkeypatch.setattr(gallery.feed, "send", lambda name, data: events.append((name, data)))
    return events


@pytest.fixture
def looks(gallery, monkeypatch):
    """How often the whole project was looked at."""
    made = []
    load = gallery.source.load
    source = msgspec.structs.replace(gallery.source, load=lambda: made.append(1) or load())
    monkeypatch.setattr(gallery, "source", source)
    return made


def card(gallery, id=RED):
    return next(item for item in gallery.shown.whole.targets if item.id == id)


def notice(gallery, shop, *names, **flags):
    gallery.notice([str(shop.root / name) for name in names], **flags)


def test_a_build_elsewhere_is_shown(shop, gallery, told):
    shop.edit("specs/shop.yaml", ("a {{ color }} lamp", "one {{ color }} lamp"))
    shop.build()
    notice(gallery, shop, "specs/shop.yaml", "specs/shop.lock")
    (event,) = told
    assert event[0] == "changed"
    assert event[1]["etag"] == gallery.shown.tag
    assert [(item["id"], item["text"]) for item in event[1]["targets"]] == [
        (RED, "one red lamp"),
        (BLUE, "one blue lamp"),
    ]
    assert card(gallery).image == to_hex(shop.lines("shop")["lamps[color=red]@paint#0"].image)


def test_targets_that_come_and_go_are_another_catalogue(shop, gallery, told):
    shop.edit("specs/shop.yaml", ("[red, blue]", "[red, blue, gold]"))
    notice(gallery, shop, "specs/shop.yaml")
    assert told == [("catalogue", {"etag": gallery.shown.tag})]
    assert len(gallery.shown.whole.targets) == 3


def test_many_changes_are_another_catalogue(shop, gallery, told, monkeypatch):
    monkeypatch.setattr("imgbuild.gallery.gallery.MOST", 1)
    shop.edit("specs/shop.yaml", ("a {{ color }} lamp", "one {{ color }} lamp"))
    notice(gallery, shop, "specs/shop.yaml")
    assert told == [("catalogue", {"etag": gallery.shown.tag})]


def test_what_is_no_news_is_not_looked_at(shop, gallery, told, looks):
    shop.write({"notes.txt": "nothing", "out/lamps/other.png": b"x"})
    notice(gallery, shop, "specs/shop.yaml", "notes.txt", "out/lamps/other.png", ".imgbuild/state.db-wal")
    gallery.notice([])
    assert (told, looks) == ([], [])


def test_a_new_spec_is_news(shop, gallery, looks):
    shop.write({"specs/more.yaml": "version: 1\n"})
    notice(gallery, shop, "specs/more.yaml")
    assert looks == [1]


def test_a_broken_spec_keeps_what_there_is(shop, gallery, told):
    before = gallery.shown
    good = shop.text("specs/shop.yaml")
    shop.edit("specs/shop.yaml", ("models: [paint]", "models: [pain]"))
    notice(gallery, shop, "specs/shop.yaml")
    notice(gallery, shop, "specs/shop.yaml")
    assert gallery.shown is before
    ((name, note),) = told
    assert (name, note["level"]) == ("note", "error")
    assert note["text"].startswith("specs/shop.yaml:9:14: unknown model 'pain'\n")
    assert b"unknown model" in gallery.first()
    shop.write({"specs/shop.yaml": good})
    notice(gallery, shop, "specs/shop.yaml")
    assert told[1:] == [("catalogue", {"etag": before.tag})]
    assert gallery.first().startswith(b"event: catalogue\n")
    assert b"unknown model" not in gallery.first()


def test_a_first_look_at_a_broken_spec_is_an_error(shop, opened):
    shop.edit("specs/shop.yaml", ("models: [paint]", "models: [pain]"))
    with pytest.raises(ImgbuildError):
        opened(shop)


def test_decisions_made_elsewhere_are_read_alone(shop, gallery, told, looks):
    shop.tell("review", "approve", RED)
    notice(gallery, shop, "specs/shop.reviews")
    assert card(gallery).review == "approved"
    shop.tell("review", "star", RED)
    notice(gallery, shop, "specs/shop.reviews")
    notice(gallery, shop, "specs/shop.reviews")
    assert card(gallery).stars == 1
    assert looks == []
    assert [name for name, _ in told] == ["changed", "changed"]


def test_a_decision_on_an_earlier_picture(shop, gallery):
    shop.tell("review", "approve", RED)
    shop.tell("lock", "--reseed", RED)
    shop.build()
    gallery.refresh()
    assert card(gallery).review == "changed"


@pytest.mark.parametrize("digest", ["", "nothing", "../../../etc/passwd", "ü" * 43, "A" * 60])
def test_what_is_no_digest_names_no_image(digest):
    assert hex_of(digest) == ""
    assert hex_of("A" * 43) == "0" * 64


def test_a_picture_that_waits_for_its_build_is_still_shown(shop, gallery):
    image = card(gallery).image
    shop.tell("lock", "--reseed", RED)
    gallery.refresh()
    assert (card(gallery).state, card(gallery).image, card(gallery).pixels) == ("run", image, "")
    assert gallery.pictures.read(image) == (shop.root / "out/lamps/red_0.png").read_bytes()


CHAIRS = """
  chairs:
    prompt: "a chair"
    models: [paint]
  cups:
    prompt: "cup {{ number }}"
    matrix: {number: [1, 2, 3, 4, 5, 6, 7, 8]}
    models: [paint]
"""
CHAIR = "shop/chairs@paint#0"


def test_after_a_build_of_a_part_only_that_part_is_looked_at(shop, gallery, told, looks):
    shop.write({"specs/shop.yaml": shop.text("specs/shop.yaml") + CHAIRS})
    shop.build()
    gallery.refresh()
    lamp, prompts = card(gallery), gallery.shown.whole.prompts
    looks.clear()
    told.clear()
    shop.edit("specs/shop.yaml", ("a chair", "an armchair"))
    built = shop.build()
    assert (built.project.is_whole, list(built.project.graph.targets)) == (False, [CHAIR])
    gallery.patch(built.project)
    notice(gallery, shop, "specs/shop.yaml", "specs/shop.lock")
    assert looks == []
    ((name, event),) = told
    assert (name, [(item["id"], item["text"]) for item in event["targets"]]) == (
        "changed",
        [(CHAIR, "an armchair")],
    )
    assert card(gallery) == lamp
    chair = card(gallery, CHAIR)
    assert chair.image == to_hex(shop.lines("shop")["chairs@paint#0"].image)
    assert gallery.pictures.read(chair.image)
    assert gallery.shown.whole.prompts == (*prompts, "an armchair")
    assert msgspec.json.decode(gallery.detail(handle(CHAIR)))["prompt"] == "an armchair"
    assert msgspec.json.decode(gallery.detail(handle(RED)))["prompt"] == "a red lamp"


def test_a_part_that_was_not_there_is_looked_at_with_all(shop, gallery, told, looks):
    shop.write({"specs/shop.yaml": shop.text("specs/shop.yaml") + CHAIRS})
    built = shop.build()
    gallery.patch(built.project)
    assert looks == [1]
    assert [name for name, _ in told] == ["catalogue"]


def test_decisions_after_a_part_was_looked_at(shop, gallery, looks):
    shop.write({"specs/shop.yaml": shop.text("specs/shop.yaml") + CHAIRS})
    shop.build()
    gallery.refresh()
    shop.edit("specs/shop.yaml", ("a chair", "an armchair"))
    gallery.patch(shop.build().project)
    shop.tell("review", "approve", CHAIR)
    notice(gallery, shop, "specs/shop.reviews", alone=False)
    assert card(gallery, CHAIR).review == "approved"


def test_a_selection_is_all_that_is_shown(shop, opened):
    gallery = opened(shop, select=("color=red",))
    assert [item.id for item in gallery.shown.whole.targets] == [RED]
    assert list(gallery.pictures.known) == [card(gallery).image]
    assert gallery.detail(handle(BLUE)) is None


def test_what_differs_from_a_revision(shop, gallery):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=Ann", "-c", "user.email=a@b.example", *words],
            cwd=shop.root,
            check=True,
            capture_output=True,
        )

    with pytest.raises(ImgbuildError, match="there is no history to compare with"):
        gallery.since("HEAD")
    git("init", "-q")
    git("add", "specs")
    git("commit", "-qm", "one")
    before = card(gallery).image
    shop.tell("lock", "--reseed", RED)
    shop.build()
    gallery.refresh()
    found = msgspec.to_builtins(gallery.since("HEAD"))
    assert list(found["changed"]) == [
        {"id": RED, "handle": handle(RED), "before": before, "after": card(gallery).image}
    ]
    assert (found["rev"], found["new"], found["gone"]) == ("HEAD", (), ())
    assert gallery.pictures.read(before)
    detail = msgspec.json.decode(gallery.detail(handle(RED)))
    assert detail["before"] == {"image": before, "revision": "HEAD"}
    for name in ("nothing", "--help", "\0", "", "x" * 300):
        with pytest.raises(ImgbuildError, match=r"git knows no revision|that is no name of a revision"):
            gallery.since(name)


def test_it_follows_until_it_is_stopped(shop, gallery):
    stop, seen = threading.Event(), threading.Event()
    gallery.feed.send = lambda name, data: seen.set()
    following = threading.Thread(target=gallery.follow, args=(stop,))
    following.start()
    try:
        for number in range(100):  # until the watcher is there
            shop.write({"specs/shop.yaml": shop.text("specs/shop.yaml").replace('lamp"', f'lamp {number}"')})
            if seen.wait(0.3):
                break
        assert seen.is_set()
    finally:
        stop.set()
        following.join(20)
    assert not following.is_alive()
