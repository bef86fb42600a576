"""The graph: inputs first, circles told whole, groups waited for, and no depth or width too large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import SpecError
from imgbuild.graph import build_graph, closure
from imgbuild.rules.sharpness import Sharpness
from imgbuild.rules.unique import Unique
from imgbuild.types import Input, Where

UNIQUE = (Unique(),)


@pytest.fixture(scope="module")
def graph(target):
    """A function: for each id the ids it needs, in the order of the specs → their graph."""
    return lambda needs, rules=(): build_graph(
        [
            target(id, needs=given, rules=rules if id.startswith("shop/group") else ())
            for id, given in needs.items()
        ]
    )


def order(graph):
    return list(graph.targets)


def test_nothing():
    assert order(build_graph([])) == []


def test_without_edges_the_order_is_that_of_the_specs(graph):
    found = graph({"shop/b#0": [], "shop/a#0": [], "shop/c#0": []})
    assert order(found) == ["shop/b#0", "shop/a#0", "shop/c#0"]
    assert (found.needs, found.needed_by, found.groups) == ({}, {}, {})


def test_inputs_come_first_and_the_rest_stays_in_order(graph):
    found = graph({"shop/z#0": ["shop/b#0"], "shop/a#0": [], "shop/b#0": ["shop/c#0"], "shop/c#0": []})
    assert order(found) == ["shop/c#0", "shop/b#0", "shop/z#0", "shop/a#0"]


def test_who_needs_whom_both_ways(graph):
    found = graph(
        {"shop/a#0": [], "shop/b#0": ["shop/a#0"], "shop/c#0": ["shop/a#0", "shop/b#0", "shop/a#0"]}
    )
    assert found.needs == {"shop/b#0": ("shop/a#0",), "shop/c#0": ("shop/a#0", "shop/b#0")}
    assert found.needed_by == {"shop/a#0": ("shop/b#0", "shop/c#0"), "shop/b#0": ("shop/c#0",)}


def test_input_files_are_no_edges(target):
    alone = target("shop/a#0", inputs=(Input(role="image", file="photo.png"),))
    assert build_graph([alone]).needs == {}


def test_a_target_is_taken_as_it_is(target):
    lamp = target()
    assert build_graph([lamp]).targets[lamp.id] is lamp


# --- circles --------------------------------------------------------------------------------------------


def test_a_circle_is_told_whole_with_its_place(target):
    where = Where(file="specs/shop.yaml", line=9, column=3, length=1, text="  b:")
    targets = [
        target("shop/a#0", needs=["shop/b#0"], where=where),
        target("shop/b#0", needs=["shop/c#0"]),
        target("shop/c#0", needs=["shop/a#0"]),
    ]
    with pytest.raises(SpecError) as caught:
        build_graph(targets)
    assert str(caught.value) == (
        "specs/shop.yaml:9:3: targets need each other in a circle: shop/a#0 → shop/b#0 → shop/c#0 → shop/a#0\n"
        "    9 |   b:\n"
        "      |   ^\n"
        "hint: an input must not depend on what is made from it; break the circle in 'inputs' or 'process'"
    )


def message(graph, needs, rules=()):
    with pytest.raises(SpecError) as caught:
        graph(needs, rules)
    return caught.value.message, caught.value.hint


def test_what_only_leads_into_a_circle_is_not_told(graph):
    needs = {
        "shop/x#0": ["shop/y#0"],
        "shop/y#0": ["shop/a#0"],
        "shop/a#0": ["shop/b#0"],
        "shop/b#0": ["shop/a#0"],
    }
    told, _ = message(graph, needs)
    assert told == "targets need each other in a circle: shop/a#0 → shop/b#0 → shop/a#0"


def test_a_target_that_needs_itself(graph):
    told, _ = message(graph, {"shop/a#0": ["shop/a#0"]})
    assert told == "targets need each other in a circle: shop/a#0 → shop/a#0"


def test_a_member_of_a_group_cant_need_another(graph):
    assert message(graph, {"shop/group#0": [], "shop/group#1": ["shop/group#0"]}, UNIQUE) == (
        "targets need each other in a circle: shop/group#1 → all of shop/group → shop/group#1",
        "an input must not depend on what is made from it; break the circle in 'inputs' or 'process', "
        "or leave out the rule that compares the whole asset",
    )


def test_without_a_rule_over_the_group_it_can(graph):
    found = graph({"shop/group#1": ["shop/group#0"], "shop/group#0": []}, (Sharpness(min=1),))
    assert order(found) == ["shop/group#0", "shop/group#1"]


# --- groups -----------------------------------------------------------------------------------------------


def test_groups_are_the_assets_that_a_rule_compares(graph):
    needs = {"shop/group#0": [], "shop/single#0": [], "shop/group@a#0": [], "shop/group@b#0": []}
    assert graph(needs, UNIQUE).groups == {
        ("shop", "group"): ("shop/group#0", "shop/group@a#0", "shop/group@b#0")
    }
    assert graph(needs, (Sharpness(min=1),)).groups == {}


def test_what_needs_a_member_comes_after_the_whole_group(graph):
    needs = {"shop/user#0": ["shop/group#1"], "shop/group#0": [], "shop/group#1": [], "shop/group#2": []}
    assert order(graph(needs, UNIQUE)) == ["shop/group#1", "shop/group#0", "shop/group#2", "shop/user#0"]
    assert order(graph(needs)) == ["shop/group#1", "shop/user#0", "shop/group#0", "shop/group#2"]


def wide(across="project", distance=4):
    return Unique(distance=distance, across=across)


def test_assets_that_are_compared_with_each_other_are_one_group(target):
    targets = [
        target("one/a#0", rules=(wide(),)),
        target("two/b#0", rules=(wide("spec"), wide("project", 5))),
        target("two/c#0", rules=(wide("spec"),)),
        target("two/d#0", rules=(wide(), wide("asset"))),
        target("two/e#0", rules=(wide("project", 6),)),
        target("two/f#0", rules=(wide("asset"),)),
    ]
    found = build_graph(targets)
    assert found.groups == {
        ("one", "a"): ("one/a#0", "two/d#0"),
        ("two", "b"): ("two/b#0", "two/c#0"),
        ("two", "e"): ("two/e#0",),
        ("two", "f"): ("two/f#0",),
    }
    assert [found.group_of(item) for item in targets[:3]] == [("one", "a"), ("two", "b"), ("two", "b")]
    assert found.across == {
        ("one", "a"): {"unique 4": ["one/a", "two/d"]},
        ("two", "b"): {"unique 4 two": ["two/b", "two/c"], "unique 5": ["two/b"]},
        ("two", "e"): {"unique 6": ["two/e"]},
    }


def test_groups_that_share_an_asset_are_one(target):
    rules = {
        "a": (wide(),),
        "b": (wide(distance=5),),
        "c": (wide("spec"),),
        "d": (wide(), wide(distance=5), wide("spec")),
    }
    found = build_graph([target(f"shop/{name}#0", rules=rules[name]) for name in rules])
    assert found.groups == {("shop", "a"): ("shop/a#0", "shop/b#0", "shop/c#0", "shop/d#0")}


def test_what_is_compared_with_what_it_is_made_from_is_told_whole(target):
    targets = [target("one/a#0", rules=(wide(),)), target("two/b#0", needs=["one/a#0"], rules=(wide(),))]
    with pytest.raises(SpecError) as caught:
        build_graph(targets)
    assert (caught.value.message, caught.value.hint) == (
        "targets need each other in a circle: two/b#0 → all of one/a and two/b → two/b#0",
        "an input must not depend on what is made from it; break the circle in 'inputs' or 'process', "
        "or leave out the rule that compares the whole asset",
    )


def test_groups_of_two_specs_are_two(target):
    targets = [target("one/group#0", rules=UNIQUE), target("two/group#0", rules=UNIQUE)]
    assert build_graph(targets).groups == {
        ("one", "group"): ("one/group#0",),
        ("two", "group"): ("two/group#0",),
    }


# --- closure ------------------------------------------------------------------------------------------------


def test_a_selection_with_all_that_it_needs(graph):
    found = graph(
        {"shop/a#0": [], "shop/b#0": ["shop/a#0"], "shop/c#0": ["shop/b#0"], "shop/d#0": ["shop/a#0"]}
    )
    assert closure(found, ["shop/c#0"]) == {"shop/a#0", "shop/b#0", "shop/c#0"}
    assert closure(found, ["shop/d#0", "shop/d#0"]) == {"shop/a#0", "shop/d#0"}
    assert closure(found, []) == set()


# --- size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, -1])
def test_a_chain_of_5000(graph, turn):
    ids = [f"shop/a#{number}" for number in range(5000)]
    needs = {id: ids[place - 1 : place] for place, id in enumerate(ids)}
    found = graph(dict([*needs.items()][::turn]))
    assert order(found) == ids
    assert closure(found, ids[-1:]) == set(ids)


def test_a_circle_of_5000(graph):
    ids = [f"shop/a#{number}" for number in range(5000)]
    told, _ = message(graph, {id: ids[place - 1 :][:1] for place, id in enumerate(ids)})
    assert told.count("→") == 5000


def test_a_group_of_1000_that_each_feeds_another_is_looked_through_once(graph, calls):
    group = {f"shop/group#{number}": [] for number in range(1000)}
    users = {f"shop/user#{number}": [f"shop/group#{number}"] for number in range(1000)}
    found = []
    made = calls(lambda: found.append(graph({**users, **group}, UNIQUE)))
    assert made < 40 * 2_000  # some a target; it was 1,000 for each user when each looked through the group
    assert {id.partition("#")[0] for id in order(found[0])[:1000]} == {"shop/group"}


@given(st.data())
def test_any_graph_without_a_circle_is_ordered(graph, data):
    ids = [f"shop/{data.draw(st.sampled_from(['group', 'a', 'b']))}{n}#0" for n in range(12)]
    needs = {
        id: data.draw(st.lists(st.sampled_from(ids[:place]), max_size=3)) if place else []
        for place, id in enumerate(ids)
    }
    found = graph(dict(data.draw(st.permutations(list(needs.items())))), UNIQUE)
    places = {id: place for place, id in enumerate(order(found))}
    assert sorted(places) == sorted(ids)
    assert all(places[needed] < places[id] for id, given in needs.items() for needed in given)
    assert {needed: set(users) for needed, users in found.needed_by.items()} == {
        id: users for id in ids if (users := {user for user, given in needs.items() if id in given})
    }
