"""Winners: what the expansion is told of picks, when it asks, and what it makes of them."""

import pytest

from imgbuild.expand import expand, read_drafts
from imgbuild.expand.winners import Contests, Winner, no_winner
from imgbuild.files import Files
from imgbuild.settings import Settings
from imgbuild.spec.load import load
from imgbuild.types import Input, Won

SPEC = """\
models:
  paint: {provider: placeholder}
assets:
  ideas:
    prompt: "{{ page }}"
    matrix: {page: [home, shop]}
    models: [paint]
    seeds: 4
    pick: {over: [seed], output: "{{ page }}.png"}
  heroes:
    prompt: "{{ page }}"
    matrix: {page: [home, shop]}
    models: [paint]
    inputs: {image: {pick: ideas}}
"""
PLAIN = SPEC.replace("pick: {over", "vars: {over").replace("{pick: ideas}", "{asset: ideas, index: 0}")


def idea(page, index):
    return f"catalog/ideas[page={page}]@paint#{index}"


@pytest.fixture
def told(tmp_path):
    """A function: the text of a spec, and what opens picks → its targets by id, and the whole expansion."""

    def run(spec, picks):
        (tmp_path / "specs").mkdir()
        (tmp_path / "specs/catalog.yaml").write_text(spec)
        files, settings = Files(tmp_path), Settings(root=tmp_path)
        found = expand(read_drafts(load(files, settings), settings, files), picks=picks)
        return {target.id: target for target in found.targets}, found

    return run


def test_nobody_is_asked_where_nothing_competes(told):
    def picks(_):
        raise AssertionError("picks were opened")

    targets, found = told(PLAIN, picks)
    assert targets["catalog/heroes[page=home]@paint#0"].inputs == (
        Input(role="image", target=idea("home", 0)),
    )
    assert (found.contests, list(found.trials)) == ({}, [])


def test_who_was_picked_goes_in_and_is_published(told):
    opened = []

    def picks(names):
        opened.append(set(names))
        return lambda ids: Winner(target=ids[2], pixels="seen") if ids[2] == idea("home", 2) else None

    targets, found = told(SPEC, picks)
    assert opened == [set(targets)]
    hero = targets["catalog/heroes[page=home]@paint#0"]
    others = tuple(idea("home", index) for index in (0, 1, 3))
    assert hero.inputs == (Input(role="image", target=idea("home", 2), picked="seen", rivals=others),)
    assert hero.fault == ""
    won = {name: target.won for name, target in targets.items() if target.won is not None}
    assert {name: (item.output, item.pixels) for name, item in won.items()} == {
        idea("home", 2): ("home.png", "seen")
    }
    assert isinstance(won[idea("home", 2)], Won)
    assert targets[idea("home", 2)].paths == ("ideas/home_2.png", "home.png")
    other = targets["catalog/heroes[page=shop]@paint#0"]
    assert (other.inputs, other.fault) == ((), "no winner of ideas[page=shop] is picked")
    assert {ids[0]: winner is not None for ids, winner in found.contests.items()} == {
        idea("home", 0): True,
        idea("shop", 0): False,
    }


def test_a_rejected_winner_is_none(told):
    targets, _ = told(SPEC, lambda _: lambda ids: Winner(target=ids[0], pixels="seen", rejected=True))
    assert targets["catalog/heroes[page=home]@paint#0"].fault == "the winner of ideas[page=home] was rejected"
    assert all(target.won is None for target in targets.values())


def test_what_is_said_of_many_rivals_is_short(target):
    rivals = [target(f"catalog/ideas#{index}") for index in range(5)]
    fault = no_winner("ideas", rivals, None)
    assert fault.message == "no winner of ideas is picked"
    assert fault.hint == (
        "look at them, and `imgbuild review pick` one of catalog/ideas#0, catalog/ideas#1, catalog/ideas#2, …"
    )


def test_picks_are_looked_up_once_for_the_same_rivals(target):
    asked = []
    contests = Contests(lambda _: lambda ids: asked.append(ids), set)
    rivals = [target("catalog/ideas#0"), target("catalog/ideas#1")]
    assert contests.winner(rivals) is contests.winner(rivals) is None
    assert asked == [("catalog/ideas#0", "catalog/ideas#1")]
