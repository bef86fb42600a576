"""Which new ids take over the lines of which vanished ones."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.digest import digest_bytes
from imgbuild.lock.rename import carry_over
from imgbuild.types import Line

A, B = digest_bytes(b"a"), digest_bytes(b"b")


def locked(**ids: str) -> dict[str, Line]:
    return {id: line(intent) for id, intent in ids.items()}


def line(intent: str) -> Line:
    return Line(intent=intent, seed=1, attempt=0)


def test_a_renamed_asset_takes_its_lines_along() -> None:
    old = {f"catalog/thumbs[sku={sku}]@sdxl#0": line(intent) for sku, intent in (("A1", A), ("A2", B))}
    wanted = {"catalog/cards[sku=A2]@sdxl#0": B, "catalog/cards[sku=A1]@sdxl#0": A}
    assert carry_over(old, wanted) == {
        "catalog/cards[sku=A1]@sdxl#0": "catalog/thumbs[sku=A1]@sdxl#0",
        "catalog/cards[sku=A2]@sdxl#0": "catalog/thumbs[sku=A2]@sdxl#0",
    }


def test_a_renamed_file_does_too() -> None:
    assert carry_over({"old/a@m#0": line(A)}, {"new/a@m#0": A}) == {"new/a@m#0": "old/a@m#0"}


def test_only_what_vanished_and_what_appeared_is_paired() -> None:
    assert carry_over({"stays@m#0": line(A)}, {"stays@m#0": A, "new@m#0": A}) == {}
    assert carry_over({"gone@m#0": line(A)}, {"new@m#0": B}) == {}
    assert carry_over({"gone@m#0": line(A), "kept@m#0": line(A)}, {"kept@m#0": A}) == {}


def test_equal_intents_are_paired_by_index_and_then_in_order() -> None:
    old = {id: line(A) for id in ("a[c=red]@m#0", "a[c=red]@m#1", "a[c=blue]@m#0", "a[c=blue]@m#1")}
    wanted = dict.fromkeys(
        ("b[c=red]@m#1", "b[c=blue]@m#1", "b[c=blue]@m#0", "b[c=red]@m#2", "b[c=tan]@m#3"), A
    )
    assert carry_over(old, wanted) == {
        "b[c=blue]@m#0": "a[c=blue]@m#0",
        "b[c=blue]@m#1": "a[c=blue]@m#1",
        "b[c=red]@m#1": "a[c=red]@m#1",
        "b[c=red]@m#2": "a[c=red]@m#0",
    }


def test_a_line_that_was_never_built_is_not_taken_over() -> None:
    assert carry_over({"a@m#0": line("")}, {"b@m#0": ""}) == {}


ids = st.builds("{}@m#{}".format, st.sampled_from("abcdef"), st.integers(0, 2))


@settings(max_examples=150)
@given(
    st.dictionaries(ids, st.sampled_from([A, B])),
    st.dictionaries(ids, st.sampled_from([A, B])),
    st.randoms(use_true_random=False),
)
def test_pairs_are_fair_and_no_order_matters(
    old: dict[str, str], wanted: dict[str, str], random: Random
) -> None:
    pairs = carry_over(locked(**old), wanted)
    assert len(set(pairs.values())) == len(pairs)
    assert all(wanted[new] == old[gone] for new, gone in pairs.items())
    assert not pairs.keys() & old.keys()
    assert not set(pairs.values()) & wanted.keys()
    for intent in (A, B):
        gone = sum(old[id] == intent for id in old.keys() - wanted.keys())
        new = sum(wanted[id] == intent for id in wanted.keys() - old.keys())
        assert sum(wanted[id] == intent for id in pairs) == min(gone, new)
    items, more = list(old.items()), list(wanted.items())
    random.shuffle(items)
    random.shuffle(more)
    assert carry_over(locked(**dict(items)), dict(more)) == pairs
