"""Winners: what people pick among several goes into the next asset, for as long as it is the picture they picked."""

import json
import shutil
import subprocess

import pytest

SPEC = """\
    version: 1
    models:
      paint: {provider: painter}
    assets:
      concepts:
        prompt: "{{ page }}, {{ style }}"
        matrix: {page: [home, shop], style: [plain, moody]}
        models: [paint]
      heroes:
        prompt: "{{ page }}, refined"
        matrix: {page: [home, shop]}
        models: [paint]
        inputs: {image: {pick: concepts}}
      posters:
        prompt: "poster of {{ page }}"
        matrix: {page: [home, shop]}
        models: [paint]
        inputs: {image: {asset: heroes}}
    """


def concept(page, style):
    return f"catalog/concepts[page={page},style={style}]@paint#0"


def hero(page):
    return f"catalog/heroes[page={page}]@paint#0"


def poster(page):
    return f"catalog/posters[page={page}]@paint#0"


PLAIN, MOODY = concept("home", "plain"), concept("home", "moody")
OPEN = {
    hero("home"): (
        "no winner of concepts[page=home] is picked",
        f"look at them, and `imgbuild review pick` one of {PLAIN}, {MOODY}",
    ),
    hero("shop"): (
        "no winner of concepts[page=shop] is picked",
        "look at them, and `imgbuild review pick` one of "
        f"{concept('shop', 'plain')}, {concept('shop', 'moody')}",
    ),
}


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/catalog.yaml": SPEC})


@pytest.fixture
def picked(shop, painter):
    """A project with a winner for each page, all of it built."""
    shop.build()
    pick(shop, PLAIN, concept("shop", "moody"))
    assert shop.build().failures == ()
    painter.asked.clear()
    return shop


def pick(shop, *targets, by="Ann"):
    told = shop.tell("review", "pick", *targets, "--by", by)
    assert (told.code, told.err) == (0, "")


def prompts(painter):
    asked = sorted(request.prompt for request in painter.asked)
    painter.asked.clear()
    return asked


def failed(ended):
    return {
        failure.id: (failure.cause, failure.hint) for failure in ended.failures if failure.kind == "failed"
    }


def why(shop, target):
    told = shop.tell("why", target, "--json")
    assert told.code == 0, told.err
    story = json.loads(told.out)
    return story["action"], story["why"]


def is_up_to_date(shop):
    ended = shop.build()
    return not ended.ran and not ended.failures


def test_a_winner_goes_into_the_next_asset(shop, painter):
    ended = shop.build()
    assert failed(ended) == OPEN
    assert {failure.id for failure in ended.failures if failure.kind == "skipped"} == {
        poster("home"),
        poster("shop"),
    }
    assert prompts(painter) == ["home, moody", "home, plain", "shop, moody", "shop, plain"]
    pick(shop, MOODY)
    ended = shop.build()
    assert failed(ended) == {hero("shop"): OPEN[hero("shop")]}
    assert prompts(painter) == ["home, refined", "poster of home"]
    pick(shop, concept("shop", "plain"))
    assert shop.build().failures == ()
    assert prompts(painter) == ["poster of shop", "shop, refined"]
    assert is_up_to_date(shop)


def test_another_winner_makes_its_dependents_again_and_nothing_else(picked, painter):
    pick(picked, MOODY)
    assert why(picked, hero("home")) == ("run", f"the winner changed: {MOODY}, no more {PLAIN}")
    assert why(picked, hero("shop")) == ("fresh", "")
    before = picked.lines()
    assert picked.build().failures == ()
    assert prompts(painter) == ["home, refined", "poster of home"]
    changed = {name for name, line in picked.lines().items() if line != before[name]}
    assert changed == {hero("home").partition("/")[2], poster("home").partition("/")[2]}
    pick(picked, PLAIN)
    assert picked.build().failures == ()
    assert prompts(painter) == []  # it is all in the store
    assert picked.lines() == before


def test_a_pick_among_others_changes_nothing(picked, painter):
    pick(picked, PLAIN)
    assert is_up_to_date(picked)
    told = picked.tell("review", "comment", MOODY, "-m", "nice, too", "--by", "Ben")
    assert told.code == 0
    assert is_up_to_date(picked)


def test_winners_are_told_apart_where_only_their_seeds_differ(shop, painter):
    shop.edit("specs/catalog.yaml", (", style: [plain, moody]", ""), (", {{ style }}", ""))
    shop.edit(
        "specs/catalog.yaml",
        (
            '        prompt: "{{ page }}"\n'.replace("        ", "    ", 1),
            '    prompt: "{{ page }}"\n    seeds: 2\n',
        ),
    )
    shop.build()
    first, second = (f"catalog/concepts[page=home]@paint#{index}" for index in (0, 1))
    pick(shop, second)
    shop.build()
    painter.asked.clear()
    pick(shop, first)
    assert why(shop, hero("home")) == ("run", f"the winner changed: {first}, no more {second}")
    shop.build()
    assert prompts(painter) == ["home, refined", "poster of home"]


def test_a_changed_picture_is_picked_no_more(picked, painter):
    changed = (
        f"the picture that was picked, {PLAIN}, has changed since",
        f"look at what it is now, then `imgbuild review pick '{PLAIN}'`, or another; "
        "the last image stays published, and is stale",
    )
    picked.edit("specs/catalog.yaml", ('"{{ page }}, {{ style }}"', '"{{ page }}, so {{ style }}"'))
    ended = picked.build()
    assert failed(ended)[hero("home")] == changed
    assert len(prompts(painter)) == 4  # the concepts, and nothing that is made from them
    assert why(picked, hero("home")) == ("fault", changed[0])
    ended = picked.build()
    assert failed(ended)[hero("home")] == changed
    assert prompts(painter) == []
    pick(picked, PLAIN)
    assert why(picked, hero("home")) == ("run", f"another picture was picked: {PLAIN}")
    pick(picked, concept("shop", "plain"))
    assert picked.build().failures == ()
    assert is_up_to_date(picked)


def test_a_pick_outlives_what_changes_no_pixels(picked, painter):
    picked.edit(
        "specs/catalog.yaml",
        (
            "style: [plain, moody]}\n    models: [paint]",
            "style: [plain, moody]}\n    models: [paint]\n    format: {type: png, compress_level: 1}",
        ),
    )
    assert picked.build().failures == ()
    assert prompts(painter) == []
    assert is_up_to_date(picked)


def test_who_is_rejected_has_won_no_more(picked, painter):
    assert picked.tell("review", "reject", PLAIN, "-m", "the logo is wrong", "--by", "Ben").code == 0
    ended = picked.build()
    assert failed(ended)[hero("home")] == (
        "the winner of concepts[page=home] was rejected",
        f"look at them, and `imgbuild review pick` one of {PLAIN}, {MOODY}; "
        "the last image stays published, and is stale",
    )
    assert (picked.root / "out/heroes/home_0.png").exists()
    assert prompts(painter) == []


def test_a_pick_follows_its_target_to_another_name(picked, painter):
    picked.edit("specs/catalog.yaml", ("  concepts:", "  ideas:"), ("pick: concepts", "pick: ideas"))
    assert picked.build().failures == ()
    assert prompts(painter) == []
    assert is_up_to_date(picked)
    (picked.root / "specs/catalog.yaml").rename(picked.root / "specs/shop.yaml")
    assert picked.build().failures == ()
    assert prompts(painter) == []
    assert is_up_to_date(picked)


def test_winners_of_winners_follow_to_other_names(picked, painter):
    picked.edit("specs/catalog.yaml", ("{asset: heroes}", "{pick: heroes}"))
    assert {cause for cause, _ in failed(picked.build()).values()} == {
        "no winner of heroes[page=home] is picked",
        "no winner of heroes[page=shop] is picked",
    }
    pick(picked, hero("home"), hero("shop"))
    assert picked.build().failures == ()
    assert prompts(painter) == []  # it is the same picture that goes in
    (picked.root / "specs/catalog.yaml").rename(picked.root / "specs/shop.yaml")
    assert picked.build().failures == ()
    assert prompts(painter) == []
    assert is_up_to_date(picked)


def test_a_winner_goes_in_beside_other_pictures(picked, painter):
    picked.edit(
        "specs/catalog.yaml",
        ("inputs: {image: {pick: concepts}}", "inputs: {image: {pick: concepts}, reference: {asset: brand}}"),
        ("  heroes:", '  brand:\n    prompt: "the brand"\n    models: [paint]\n  heroes:'),
    )
    assert why(picked, hero("home"))[1] == "input catalog/brand@paint#0 is made again"
    assert picked.build().failures == ()
    pick(picked, MOODY)
    assert why(picked, hero("home")) == ("run", f"the winner changed: {MOODY}, no more {PLAIN}")
    picked.build()
    assert picked.tell("lock", "--reseed", "brand").code == 0
    picked.build()
    assert is_up_to_date(picked)


def test_a_reseeded_winner_is_picked_no_more(picked, painter):
    assert picked.tell("lock", "--reseed", PLAIN).code == 0
    ended = picked.build()
    assert failed(ended)[hero("home")][0] == f"the picture that was picked, {PLAIN}, has changed since"
    assert prompts(painter) == ["home, plain"]


def test_from_nothing_but_the_sources(picked, painter):
    before = picked.lines()
    assert picked.again() == 8
    assert picked.lines() == before


def test_a_selection_needs_the_winner_alone(picked, painter):
    shutil.rmtree(picked.root / ".imgbuild")
    shutil.rmtree(picked.root / "out")
    assert picked.build(patterns=(hero("home"),)).failures == ()
    assert prompts(painter) == ["home, plain", "home, refined"]


def test_a_null_build_notices_a_pick(picked):
    assert picked.tell("build").out.startswith("up to date")
    pick(picked, MOODY)
    assert "built 2, 6 up to date in" in picked.tell("build").out


def test_locks_that_must_not_change_stop_a_new_winner(picked):
    pick(picked, MOODY)
    told = picked.tell("build", "--locked")
    assert (told.code, told.err) == (
        5,
        f"error: {hero('home')} is not what the lock says: the winner changed: {MOODY}, no more {PLAIN}\n"
        "hint: build without --locked and commit the lock\n",
    )


def test_of_two_branches_the_later_pick_holds(picked, painter):
    def git(*words):
        subprocess.run(["git", *words], cwd=picked.root, check=True, capture_output=True)

    picked.write(
        {
            ".gitattributes": "specs/**/*.lock merge=union\nspecs/**/*.reviews merge=union\n",
            ".gitignore": "out/\n.imgbuild/\nhome/\n",
        }
    )
    git("init", "-q", "-b", "main")
    for key, value in {"user.name": "Ann", "user.email": "ann@shop.example"}.items():
        git("config", key, value)
    git("add", "-A")
    git("commit", "-qm", "pictures")
    git("switch", "-qc", "other")
    pick(picked, PLAIN, by="Ben")
    git("commit", "-qam", "Ben's")
    git("switch", "-q", "main")
    pick(picked, MOODY)
    git("commit", "-qam", "Ann's")
    git("merge", "-q", "other")
    assert picked.text("specs/catalog.reviews").count('"pick"') == 4
    picked.build()
    assert prompts(painter) == ["home, refined", "poster of home"]


def wrong(shop, *words):
    told = shop.tell(*words)
    assert (told.code, told.out) == (2, "")
    return told.err


def test_who_competes_with_none_wins_nothing(shop):
    shop.build()
    assert wrong(shop, "review", "pick", PLAIN, MOODY) == (
        f"error: {MOODY} and {PLAIN} compete: only one wins\nhint: pick one of them\n"
    )
    shop.edit("specs/catalog.yaml", ("{pick: concepts}", "{asset: concepts, match: [page]}"))
    shop.edit("specs/catalog.yaml", (", style: [plain, moody]", ", style: [plain]"))
    shop.build()
    assert wrong(shop, "review", "pick", PLAIN) == (
        f"error: nothing asks for a winner among {PLAIN} and others\n"
        "hint: 'pick' of its asset does, or 'inputs: {image: {pick: …}}' of another one\n"
    )
    assert not (shop.root / "specs/catalog.reviews").exists()


def test_a_winner_is_approved_and_so_its_checklist_is_ticked(shop):
    shop.write({"imgbuild.yaml": "review: {checklist: [trademark]}\n"})
    shop.build()
    assert wrong(shop, "review", "pick", PLAIN) == (
        "error: not ticked: trademark\nhint: look, then add --tick trademark\n"
    )
    told = shop.tell("review", "pick", PLAIN, "--tick", "trademark", "--by", "Ann")
    assert told.out == "1 image picked, in specs/catalog.reviews\n"
    rows = [json.loads(line) for line in shop.tell("review", "list", "--json").out.splitlines()]
    assert {row["id"] for row in rows if row["state"] == "approved"} == {PLAIN}


WRONG = {
    "{pick: idea}": (
        "specs/catalog.yaml:13:28: unknown asset 'idea'\n"
        "   13 |     inputs: {image: {pick: idea}}\n"
        "      |                            ^^^^\n"
        "hint: Assets here: concepts, heroes, posters\n"
    ),
    "{pick: heroes}": (
        "specs/catalog.yaml:13:28: 'heroes' would be made from the winner among its own images\n"
        "   13 |     inputs: {image: {pick: heroes}}\n"
        "      |                            ^^^^^^\n"
        "hint: pick from another asset, whose images are there before\n"
    ),
    "{pick: posters}": (
        "specs/catalog.yaml:13:28: winners are waited for in a circle: catalog/heroes → catalog/posters → catalog/heroes\n"
        "   13 |     inputs: {image: {pick: posters}}\n"
        "      |                            ^^^^^^^\n"
        "hint: a winner is picked among images that are there before; let one of these assets begin without\n"
    ),
    "{pick: concepts, asset: posters}": (
        "specs/catalog.yaml:13:38: unknown key 'asset'\n"
        "   13 |     inputs: {image: {pick: concepts, asset: posters}}\n"
        "      |                                      ^^^^^\n"
        "hint: Keys here: index, match, model, pick\n"
    ),
    "{pick: concepts, match: [style]}": (
        "specs/catalog.yaml:13:46: 'style' in 'match' is not a variable of both assets\n"
        "   13 |     inputs: {image: {pick: concepts, match: [style]}}\n"
        "      |                                              ^^^^^\n"
        "hint: Shared variables here: page\n"
    ),
    "{pick: concepts, index: 1}": (
        "specs/catalog.yaml:13:21: no target of 'concepts' goes with 'catalog/heroes[page=home]@paint#0'\n"
        "   13 |     inputs: {image: {pick: concepts, index: 1}}\n"
        "      |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: name fewer variables in 'match', or give that asset the missing cell\n"
    ),
}


@pytest.mark.parametrize(("written", "error"), WRONG.items(), ids=WRONG)
def test_what_is_written_wrong_is_told_at_its_place(shop, written, error):
    shop.edit("specs/catalog.yaml", ("{pick: concepts}", written))
    assert wrong(shop, "build") == error
