"""Selections: each kind of pattern, what matches nothing, samples and shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.errors import UsageError
from imgbuild.select import Selection, choose, handle, is_named, matcher, sample, select, shard

IDS = (
    "catalog/thumbs[sku=A1,color=red]@sdxl#0",
    "catalog/thumbs[sku=A1,color=red]@sdxl#1",
    "catalog/thumbs[sku=A1,color=blue]@sdxl#0",
    "catalog/thumbs[sku=B2,color=red]@hero#0",
    "catalog/packs[sku=A1]#0",
    "brand/logo@hero#0",
)
STATES = {IDS[0]: "failed", IDS[3]: "review"}


@pytest.fixture(scope="module")
def targets(target):
    tags = {"thumbs": ("catalog", "small"), "packs": ("catalog",)}
    return [target(id, tags=tags.get(id.partition("/")[2].partition("[")[0], ())) for id in IDS]


def found(targets, *patterns):
    return [IDS.index(target.id) for target in select(targets, patterns, STATES, "out")]


PATTERNS = {
    # ids, names and their globs
    "catalog/thumbs[sku=A1,color=red]@sdxl#1": [1],
    "catalog/thumbs[sku=A1,color=red]*": [0, 1],
    "catalog/thumbs[sku=*,color=red]@*#0": [0, 3],
    "catalog/thumbs[sku=?1,color=blue]@sdxl#0": [2],
    "*#1": [1],
    "catalog": [0, 1, 2, 3, 4],
    "brand": [5],
    "catalog/thumbs": [0, 1, 2, 3],
    "thumbs": [0, 1, 2, 3],
    "thu*": [0, 1, 2, 3],
    "catalog/*": [0, 1, 2, 3, 4],
    "*": [0, 1, 2, 3, 4, 5],
    # outputs
    "thumbs/A1_red_1.png": [1],
    "out/thumbs/A1_red_1.png": [1],
    "./out/thumbs/A1_red_1.png": [1],
    "out/thumbs/*_red_0.png": [0, 3],
    "packs/*": [4],
    # handles
    handle(IDS[2]): [2],
    # tags, models, states
    "tag:small": [0, 1, 2, 3],
    "tag:cat*": [0, 1, 2, 3, 4],
    "model:hero": [3, 5],
    "model:s*": [0, 1, 2],
    "state:failed": [0],
    "state:review": [3],
    # variables
    "color=red": [0, 1, 3],
    "sku=A*": [0, 1, 2, 4],
    # all parts hold
    "color=red,sku=A1": [0, 1],
    "tag:catalog,model:hero": [3],
    "thumbs,color=red,*#0": [0, 3],
    "color=red,": [0, 1, 3],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern(targets, pattern):
    assert found(targets, pattern) == PATTERNS[pattern]


def test_any_of_several_patterns_in_the_order_of_the_targets(targets):
    assert found(targets, "brand", "color=blue", "color=blue") == [2, 5]


def test_an_output_whose_name_has_signs_that_patterns_use(target):
    odd = target("shop/a#0", output="x/a=b,tag:c[1]*.png")
    other = target("shop/b#0", output="x/b.png")
    for path in (odd.output, f"out/{odd.output}"):
        assert select([odd, other], [path], {}, "out") == [odd]


def test_an_output_of_a_folder_within_a_folder(target):
    lamp = target("shop/a#0", output="x/a.png")
    assert select([lamp], ["build/out/x/a.png"], {}, "build/out/") == [lamp]


NOTHING = {
    "thumps": "did you mean 'thumbs'? Assets here: logo, packs, thumbs",
    "catalog/thumps": "did you mean 'catalog/thumbs'? Assets here: brand/logo, catalog/packs, catalog/thumbs",
    "zzz": "Assets here: logo, packs, thumbs",
    "": "Assets here: logo, packs, thumbs",
    ",": "Assets here: logo, packs, thumbs",
    "color=green": "Assets here: logo, packs, thumbs",
    "color=Red": "Assets here: logo, packs, thumbs",
    "tag:none": "Assets here: logo, packs, thumbs",
    "state:done": "Assets here: logo, packs, thumbs",
    "color=red,color=blue": "Assets here: logo, packs, thumbs",
    "00000000": "Assets here: logo, packs, thumbs",
}


@pytest.mark.parametrize("pattern", NOTHING)
def test_a_pattern_that_matches_nothing(targets, pattern):
    with pytest.raises(UsageError) as caught:
        select(targets, ["*", pattern], STATES, "out")
    assert str(caught.value) == (
        f"error: '{pattern}' matches no target\nhint: {NOTHING[pattern]}; `imgbuild ls` shows all targets"
    )


def test_a_pattern_where_there_are_no_targets():
    with pytest.raises(UsageError) as caught:
        select([], ["*"], {}, "out")
    assert str(caught.value) == (
        "error: '*' matches no target\nhint: there are no assets here; `imgbuild ls` shows all targets"
    )


@given(st.text("abc[]=,#@/*?:!-", max_size=8))
def test_any_text_is_a_pattern(targets, pattern):
    test = matcher(pattern, STATES, "out")
    assert {test(target) for target in targets} <= {True, False}


@given(st.sampled_from(IDS))
def test_every_id_and_handle_names_its_own_target_alone(targets, id):
    for name in (id, handle(id)):
        assert [target.id for target in select(targets, [name], {}, "out")] == [id]


def test_handles_are_safe_for_shells_and_stay_what_they_are():
    assert handle("catalog/thumbs[sku=A1,color=red]@sdxl#0") == "44f28c87"
    assert all(handle(id).isalnum() and len(handle(id)) == 8 for id in IDS)


# --- selections -------------------------------------------------------------------------------------------


def chosen(targets, **selection):
    return [IDS.index(target.id) for target in choose(targets, Selection(**selection), STATES, "out")]


def test_no_selection_is_all(targets):
    assert chosen(targets) == [0, 1, 2, 3, 4, 5]
    assert Selection().is_all()
    for one in ({"specs": ("brand",)}, {"patterns": ("*",)}, {"sample": 9}, {"shard": (1, 1)}):
        assert not Selection(**one).is_all()


def test_specs_and_patterns_both_hold(targets):
    assert chosen(targets, specs=("brand",)) == [5]
    assert chosen(targets, specs=("catalog", "brand"), patterns=("model:hero",)) == [3, 5]
    with pytest.raises(UsageError):
        chosen(targets, specs=("brand",), patterns=("thumbs",))


def test_a_sample_is_of_what_is_selected(targets):
    assert len(chosen(targets, patterns=("thumbs",), sample=2)) == 2
    assert set(chosen(targets, patterns=("thumbs",), sample=2)) <= {0, 1, 2, 3}


def many(target, count=60, assets=("a", "b", "c")):
    return [target(f"shop/{asset}[n={number}]#0") for number in range(count) for asset in assets]


@pytest.fixture(scope="module")
def crowd(target):
    return many(target)


def ids(targets):
    return [target.id for target in targets]


@given(st.data())
def test_a_sample_does_not_depend_on_the_order(crowd, data):
    turned = data.draw(st.permutations(crowd[:30]))
    count = data.draw(st.integers(0, 40))
    assert set(ids(sample(turned, count))) == set(ids(sample(crowd[:30], count)))


@given(st.integers(0, 200))
def test_a_sample_is_as_large_as_asked_and_in_order(crowd, count):
    found = sample(crowd, count)
    assert len(found) == min(count, len(crowd))
    assert found == [target for target in crowd if target in found]


@given(st.integers(0, 60))
def test_a_sample_takes_from_every_asset_alike(crowd, count):
    found = ids(sample(crowd, count))
    shares = [sum(1 for id in found if id.startswith(f"shop/{asset}[")) for asset in "abc"]
    assert max(shares) - min(shares) <= 1


@given(st.integers(0, 100))
def test_a_larger_sample_has_all_of_a_smaller_one(crowd, count):
    assert set(ids(sample(crowd, count))) <= set(ids(sample(crowd, count + 1)))


def test_a_sample_is_spread_over_an_asset(target):
    found = sample(many(target, 1000, ("a",)), 50)
    numbers = [int(found_one.cell[0][1]) for found_one in found]
    tenths = {number // 100 for number in numbers}
    assert len(tenths) >= 9


@given(st.integers(1, 12))
def test_shards_are_a_partition(crowd, of):
    shards = [ids(shard(crowd, number, of)) for number in range(1, of + 1)]
    assert sorted(id for part in shards for id in part) == sorted(ids(crowd))


def test_which_shard_a_target_is_in_depends_on_its_id_alone(crowd):
    assert ids(shard(crowd[::-1], 2, 4))[::-1] == ids(shard(crowd, 2, 4))
    assert ids(shard(crowd[50:], 2, 4)) == [id for id in ids(shard(crowd, 2, 4)) if id in ids(crowd[50:])]


def test_shards_are_about_as_large(crowd):
    sizes = [len(shard(crowd, number, 4)) for number in range(1, 5)]
    assert min(sizes) > 25


def test_what_names_a_target_of_which_only_the_id_is_known():
    id = "deep/shop/lamps[color=red]@paint#0"
    for pattern in (id, handle(id), "deep/shop", "deep/shop/lamps", "lamps", "la*", "*[color=red]*", "*#0"):
        assert is_named(id, pattern), pattern
    for pattern in ("shop", "lamp", "paint", "color=red", "#0", "tag:lamps", "la*r", "*[color=blue]*", ""):
        assert not is_named(id, pattern), pattern
