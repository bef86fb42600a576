"""Circles in what names each other, held against the standard library's sorting of graphs."""

from graphlib import CycleError, TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from imgbuild.spec.circles import circles

NAMES = "abcdef"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES + "z"), max_size=4))


def is_circular(named: dict[str, list[str]]) -> bool:
    try:
        TopologicalSorter(named).prepare()
    except CycleError:
        return True
    return False


@given(GRAPHS)
def test_what_is_found_is_a_circle_and_there_is_one_where_one_is_found(named: dict[str, list[str]]) -> None:
    found = list(circles(named))
    assert bool(found) == is_circular(named)
    for circle in found:
        assert len(set(circle)) == len(circle)
        assert all(after in named[name] for name, after in zip(circle, [*circle[1:], circle[0]], strict=True))


def test_it_goes_as_deep_as_it_has_to() -> None:
    chain = {str(number): [str(number + 1)] for number in range(5000)}
    assert list(circles(chain)) == []
    assert list(circles({**chain, "5000": ["4999"]})) == [["4999", "5000"]]
