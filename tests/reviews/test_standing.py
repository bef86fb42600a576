"""What holds does not hang on the order in which git left the lines."""

from hypothesis import given
from hypothesis import strategies as st

from imgbuild.reviews.standing import standing_of
from tests.reviews.test_lines import ANN, BEN, decision

KINDS = st.sampled_from(["approve", "reject", "comment", "star", "unstar"])
SAID = st.lists(
    st.tuples(KINDS, st.sampled_from([ANN, BEN]), st.integers(10, 59)), unique_by=lambda item: item[2]
)


@given(SAID, st.randoms())
def test_the_order_of_lines_says_nothing_where_times_differ(said, dice):
    made = [decision(kind=kind, who=who, when=f"2026-11-27T06:30:{at}Z") for kind, who, at in said]
    found = standing_of(made, made)
    assert standing_of(dice.sample(made, len(made)), dice.sample(made, len(made))) == found
    deciding = [item for item in found.said if item.decision in ("approve", "reject")]
    assert found.last == (deciding[-1] if deciding else None)
    assert found.state == (
        {"approve": "approved", "reject": "rejected"}[deciding[-1].decision] if deciding else "open"
    )
