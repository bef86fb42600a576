"""What the locks should say after a run, from surveys made by hand."""

from types import SimpleNamespace

import pytest

from imgbuild.lock.text import Lock
from imgbuild.relock import relock
from imgbuild.types import Line, Pin

PIN, NEW_PIN = Pin(provider="painter", revision="1"), Pin(provider="painter", revision="2")


def line(text):
    return Line(seed=1, attempt=0, intent=text, image=text)


@pytest.fixture
def survey(target, model):
    """A function: ids of the targets that are declared, locks by spec, and what else was found → a survey."""

    def make(ids, locks, *, declared=("paint",), known=None, chosen=None, left_out=None, **found):
        base = {name: Lock(models=models, targets=targets) for name, (models, targets) in locks.items()}
        lines = {f"{name}/{id}": item for name, lock in base.items() for id, item in lock.targets.items()}
        carried = found.get("carried", {})
        specs = [
            SimpleNamespace(name=name, models={alias: model(alias, home=name) for alias in declared})
            for name in locks
        ]
        return SimpleNamespace(
            book=SimpleNamespace(base=base),
            project=SimpleNamespace(
                graph=SimpleNamespace(targets={id: target(id) for id in ids}),
                specs=[spec for spec in specs if any(id.startswith(f"{spec.name}/") for id in ids)],
                chosen=chosen or {},
                is_whole=left_out is None,
            ),
            pins=SimpleNamespace(known={("shop", "paint"): PIN} if known is None else known),
            lines=lines | {new: lines[old] for new, old in carried.items()},
            carried=carried,
            gone=found.get("gone", {}),
            guarded=frozenset(found.get("guarded", ())),
        )

    return make


def relocked(found, made=None, chosen=None, *, whole=True, prune=False):
    wanted = found.project.graph.targets if chosen is None else chosen
    return relock(found, made or {}, wanted, whole=whole, prune=prune)


A, B = "shop/a@paint#0", "shop/b@paint#0"
SHOP = {"shop": ({"paint": PIN}, {"a@paint#0": line("old a"), "b@paint#0": line("old b")})}


def test_without_news_the_locks_stay_what_they_are(survey):
    found = survey([A, B], SHOP)
    assert relocked(found) == found.book.base


def test_what_was_made_is_locked(survey):
    found = survey([A, B], SHOP)
    lock = relocked(found, {B: line("new b")})["shop"]
    assert lock.targets == {"a@paint#0": line("old a"), "b@paint#0": line("new b")}


def test_the_locks_that_were_read_are_not_changed(survey):
    found = survey([A, B], SHOP, gone={"shop": ["b@paint#0"]}, known={("shop", "paint"): NEW_PIN})
    relocked(found, {A: line("new a")})
    assert found.book.base["shop"] == Lock(models=SHOP["shop"][0], targets=SHOP["shop"][1])


def test_a_first_build_locks_pins_and_lines(survey):
    found = survey([A], {"shop": ({}, {})})
    assert relocked(found, {A: line("a")}) == {
        "shop": Lock(models={"paint": PIN}, targets={"a@paint#0": line("a")})
    }


def test_each_spec_has_its_own_lock(survey):
    found = survey(
        ["one/a@paint#0", "two/a@paint#0"], {"one": ({}, {}), "two": ({}, {})}, known={("two", "paint"): PIN}
    )
    locks = relocked(found, {"one/a@paint#0": line("a"), "two/a@paint#0": line("b")})
    assert locks["one"] == Lock(targets={"a@paint#0": line("a")})
    assert locks["two"] == Lock(models={"paint": PIN}, targets={"a@paint#0": line("b")})


# --- what nothing declares any more --------------------------------------------------------------------------

GONE = {"gone": {"shop": ["b@paint#0"]}}


def test_lines_that_nothing_declares_go(survey):
    assert list(relocked(survey([A], SHOP, **GONE))["shop"].targets) == ["a@paint#0"]


def test_under_a_selection_they_stay(survey):
    assert list(relocked(survey([A], SHOP, **GONE), whole=False)["shop"].targets) == [
        "a@paint#0",
        "b@paint#0",
    ]


def test_where_too_many_would_go_they_stay_until_pruned(survey):
    found = survey([A], SHOP, **GONE, guarded=["shop"])
    assert list(relocked(found)["shop"].targets) == ["a@paint#0", "b@paint#0"]
    assert list(relocked(found, prune=True)["shop"].targets) == ["a@paint#0"]
    assert list(relocked(found, prune=True, whole=False)["shop"].targets) == ["a@paint#0", "b@paint#0"]


def test_a_guarded_spec_guards_no_other(survey):
    locks = {**SHOP, "brand": ({}, {"old@paint#0": line("old")})}
    found = survey([A], locks, gone={"shop": ["b@paint#0"], "brand": ["old@paint#0"]}, guarded=["shop"])
    assert relocked(found)["brand"].targets == {}
    assert len(relocked(found)["shop"].targets) == 2


# --- renames ---------------------------------------------------------------------------------------------------

C = "shop/c@paint#0"


def test_a_renamed_target_takes_its_line_along(survey):
    found = survey([A, C], SHOP, carried={C: B})
    assert relocked(found)["shop"].targets == {"a@paint#0": line("old a"), "c@paint#0": line("old b")}


def test_what_was_made_of_a_renamed_target_counts(survey):
    found = survey([A, C], SHOP, carried={C: B})
    assert relocked(found, {C: line("new c")})["shop"].targets["c@paint#0"] == line("new c")


def test_a_rename_that_was_not_chosen_waits(survey):
    found = survey([A, C], SHOP, carried={C: B})
    assert relocked(found, chosen=[A], whole=False)["shop"].targets == SHOP["shop"][1]


def test_a_line_moves_from_a_spec_that_is_gone_to_the_new_one(survey):
    locks = {"old": ({"paint": PIN}, {"a@paint#0": line("a")}), "shop": ({}, {})}
    found = survey([A], locks, carried={A: "old/a@paint#0"})
    assert relocked(found) == {
        "old": Lock(),
        "shop": Lock(models={"paint": PIN}, targets={"a@paint#0": line("a")}),
    }


# --- pins --------------------------------------------------------------------------------------------------------


def test_a_pin_that_moved_is_locked(survey):
    found = survey([A, B], SHOP, known={("shop", "paint"): NEW_PIN})
    assert relocked(found)["shop"].models == {"paint": NEW_PIN}
    assert relocked(found, whole=False)["shop"].models == {"paint": NEW_PIN}


def test_pins_of_models_that_are_declared_and_not_used_stay(survey):
    locks = {"shop": ({"paint": PIN, "spare": NEW_PIN}, {})}
    assert relocked(survey([A], locks, declared=("paint", "spare")))["shop"].models == {
        "paint": PIN,
        "spare": NEW_PIN,
    }


def test_pins_of_models_that_nothing_declares_go_with_a_whole_build(survey):
    locks = {"shop": ({"paint": PIN, "spare": NEW_PIN}, {})}
    assert relocked(survey([A], locks))["shop"].models == {"paint": PIN}
    assert relocked(survey([A], locks), whole=False)["shop"].models == {"paint": PIN, "spare": NEW_PIN}


def test_a_model_that_could_not_be_pinned_keeps_its_old_pin(survey):
    assert relocked(survey([A], SHOP, known={}))["shop"].models == {"paint": PIN}


def test_pins_are_sorted_by_name(survey):
    known = {("shop", alias): PIN for alias in ("z", "a", "m")}
    found = survey([A], {"shop": ({}, {})}, declared=("z", "a", "m"), known=known)
    assert list(relocked(found)["shop"].models) == ["a", "m", "z"]


# --- choices by price ------------------------------------------------------------------------------------------


def of(*chosen):
    return Pin(provider="painter", revision="1", chosen=chosen)


def chosen(found, **how):
    return {alias: pin.chosen for alias, pin in relocked(found, **how)["shop"].models.items()}


CHOSEN = {"shop": ({"paint": of("old"), "pen": of("older")}, {"a@paint#0": line("a")})}


def test_choices_are_those_of_the_specs(survey):
    now = {("shop", "paint"): {"b": None, "a": None}, ("brand", "paint"): {"c": None}}
    found = survey([A], CHOSEN, declared=("paint", "pen"), chosen=now)
    assert chosen(found) == chosen(found, whole=False) == {"paint": ("a", "b"), "pen": ()}


def test_choices_of_what_was_not_looked_at_stay(survey):
    now = {("shop", "paint"): {"a": None}}
    found = survey([A], CHOSEN, declared=("paint", "pen"), chosen=now, left_out=7)
    assert chosen(found) == {"paint": ("a", "old"), "pen": ("older",)}
    found = survey(["brand/a@paint#0"], {**CHOSEN, "brand": ({}, {})}, declared=("paint", "pen"))
    assert chosen(found, whole=False) == {"paint": ("old",), "pen": ("older",)}  # their spec is gone
