"""The question that is put before requests of unknown fate are sent again."""

import pytest

from imgbuild.run.lost import question
from imgbuild.store.journal import Entry


def entry(estimate):
    return Entry(id="a", key="k", provider="vendor", begun=0.0, estimate=estimate)


@pytest.mark.parametrize(
    ("estimates", "asked"),
    [
        (
            [0.04],
            "1 request of an earlier build has no known end; it may have been paid for (about $0.04). "
            "Send it again?",
        ),
        (
            [0.04, None, 0.08],
            "3 requests of an earlier build have no known end; they may have been paid for (about $0.12). "
            "Send them again?",
        ),
        (
            [None],
            "1 request of an earlier build has no known end; it may have been paid for. Send it again?",
        ),
    ],
)
def test_how_many_there_are_and_what_they_may_cost(estimates, asked):
    assert question([entry(estimate) for estimate in estimates]) == asked
