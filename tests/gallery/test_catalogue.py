"""What the page shows of targets of every kind and state."""

import io

import msgspec
import pytest
from PIL import Image as pillow

from imgbuild.gallery.catalogue import changed, patched
from imgbuild.select import handle


def png():
    out = io.BytesIO()
    pillow.new("RGB", (8, 4), (1, 2, 3)).save(out, "PNG")
    return out.getvalue()


SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      photos: {from: "photo.png", validate: [{brightness: {min: 0.9, on_fail: review}}]}
      lamps:
        prompt: "a {{ color }} lamp for {{ room }}"
        matrix: {color: [red, blue], room: [hall]}
        models: [paint]
        seeds: [7]
        renditions: {small: {widths: [8]}}
      rooms:
        prompt: "a room"
        models: [paint]
        inputs: {image: {asset: photos}}
        matrix: {only: [1]}
      refs:
        prompt: "as {{ name }}"
        models: [paint]
        matrix: {name: [none]}
        inputs: {image: "refs/{{ name }}.png"}
      sheet: {sheet: lamps}
    """


@pytest.fixture
def kinds(bench, painter):
    kinds = bench(
        {
            "specs/all.yaml": SPEC,
            "specs/photo.png": png(),
            "imgbuild.yaml": "review: {checklist: [trademark]}",
        }
    )
    kinds.build()
    return kinds


@pytest.fixture
def whole(kinds, opened):
    return opened(kinds).shown.whole


def by_asset(whole):
    return {whole.assets[card.asset].id.partition("/")[2]: card for card in whole.targets}


def test_every_kind_of_target(whole):
    cards = by_asset(whole)
    assert list(cards) == ["photos", "lamps", "rooms", "refs", "sheet"]
    assert {name: card.state for name, card in cards.items()} == {
        "photos": "review",
        "lamps": "fresh",
        "rooms": "fresh",
        "refs": "failed",
        "sheet": "fresh",
    }
    assert {name: card.model for name, card in cards.items()} == {
        "photos": "",
        "lamps": "paint",
        "rooms": "paint",
        "refs": "paint",
        "sheet": "",
    }
    assert cards["photos"].rules == {"brightness": "review"}
    assert cards["photos"].why.startswith("brightness ")
    assert (cards["refs"].image, cards["refs"].pixels, cards["refs"].review) == ("", "", "open")
    assert "refs/none.png" in cards["refs"].why
    assert [whole.prompts[card.prompt] for card in whole.targets] == [
        "",
        "a red lamp for hall",
        "a blue lamp for hall",
        "a room",
        "as none",
        "",
    ]


def test_names_of_variables_come_in_the_order_in_which_they_first_appear(whole):
    assert whole.variables == ("color", "room", "only", "name")


def test_details_of_every_kind(kinds, opened):
    gallery = opened(kinds)
    told = {
        name: msgspec.json.decode(gallery.detail(card.handle))
        for name, card in by_asset(gallery.shown.whole).items()
    }
    photo = handle("all/photos#0")
    assert told["photos"]["inputs"] == [{"role": "image", "handle": "", "file": "specs/photo.png"}]
    assert told["rooms"]["inputs"] == [{"role": "image", "handle": photo, "file": ""}]
    assert (told["photos"]["size"], told["photos"]["pin"]) == ([0, 0], {})
    assert told["lamps"]["files"] == ["lamps/blue_hall_0-small-8.png"]
    assert told["refs"]["attempt"] == 0
    reseeds = {name: any("reseed" in line for line in item["commands"]) for name, item in told.items()}
    assert reseeds == {"photos": False, "lamps": False, "rooms": True, "refs": True, "sheet": False}


def test_attempts_that_were_turned_down(bench, painter, opened):
    spec = SPEC.partition("assets:")[0] + (
        "assets:\n"
        '      lamp: {prompt: "a lamp", models: [paint], attempts: 2,\n'
        "        validate: [{brightness: {min: 0.99, on_fail: reroll}}]}\n"
    )
    gallery = opened(_built(bench({"specs/all.yaml": spec, "imgbuild.yaml": ""})))
    (card,) = gallery.shown.whole.targets
    assert (card.state, card.image, card.rules) == ("failed", "", {"brightness": "fail"})
    told = msgspec.json.decode(gallery.detail(card.handle))
    assert [(item["attempt"], item["outcome"]) for item in told["attempts"]] == [
        (0, "turned down"),
        (1, "turned down"),
    ]
    assert all(item["why"].startswith("brightness ") for item in told["attempts"])


def _built(project):
    project.build()
    return project


def test_nothing_has_changed_where_only_more_is_known(whole):
    first = whole.targets[0]
    known = msgspec.structs.replace(first, color="#010203", width=1, height=2)
    after = msgspec.structs.replace(whole, targets=(known, *whole.targets[1:]))
    assert changed(whole, after) == []


def test_a_prompt_that_moved_in_the_list_has_not_changed(whole):
    shifted = [msgspec.structs.replace(card, prompt=card.prompt + 1) for card in whole.targets]
    after = msgspec.structs.replace(whole, targets=tuple(shifted), prompts=("new", *whole.prompts))
    assert changed(whole, after) == []
    assert changed(whole, msgspec.structs.replace(after, prompts=("new", *reversed(whole.prompts)))) != []


@pytest.mark.parametrize("field", ["checklist", "variables", "assets", "targets"])
def test_more_than_targets_has_changed(whole, field):
    assert changed(whole, msgspec.structs.replace(whole, **{field: ()})) is None


def test_a_part_takes_its_place(whole):
    card = msgspec.structs.replace(whole.targets[2], asset=0, prompt=0, state="run")
    part = msgspec.structs.replace(
        whole, assets=(whole.assets[1],), prompts=("a blue lamp",), targets=(card,), variables=("color",)
    )
    found = patched(whole, part)
    assert found.targets[2] == msgspec.structs.replace(card, asset=1, prompt=len(whole.prompts))
    assert found.prompts == (*whole.prompts, "a blue lamp")
    assert found.targets[:2] == whole.targets[:2]
    unknown = msgspec.structs.replace(card, id="all/lamps[color=gold]@paint#0")
    for other in ({"targets": (unknown,)}, {"variables": ("size",)}):
        assert patched(whole, msgspec.structs.replace(part, **other)) is None
    retagged = msgspec.structs.replace(whole.assets[1], tags=("new",))
    assert patched(whole, msgspec.structs.replace(part, assets=(retagged,))) is None
