"""What the headers of answers say of a rate limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.providers.allowance import LONGEST, allowance_of, wait_of
from imgbuild.types import Allowance

NOW = 1_800_000_000.0


def filling(left, full, limit=5000, what="requests"):
    return {
        f"x-ratelimit-limit-{what}": str(limit),
        f"x-ratelimit-remaining-{what}": str(left),
        f"x-ratelimit-reset-{what}": full,
    }


SAID = {
    "one was taken": (filling(4999, "12ms"), Allowance(calls=4999, per_second=1 / 0.012)),
    "none is left": (filling(0, "1m0s", 60), Allowance(calls=0, per_second=1.0)),
    "parts of seconds": (filling(50, "1h2m3.5s", 100), Allowance(calls=50, per_second=50 / 3723.5)),
    "names in capitals": (
        {name.title(): value for name, value in filling(1, "1s", 2).items()},
        Allowance(calls=1, per_second=1.0),
    ),
    "no tokens are left": (
        {**filling(9, "1s", 10), **filling(0, "2s", 1000, "tokens")},
        Allowance(calls=0, per_second=500.0),
    ),
    "tokens are left": (
        {**filling(9, "1s", 10), **filling(7, "2s", 1000, "tokens")},
        Allowance(calls=9, per_second=1.0),
    ),
    "a window": (
        {"X-RateLimit-Limit": "24", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "17"},
        Allowance(calls=3, until=17.0),
    ),
    "a window that ends on a date": (
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 30)},
        Allowance(calls=0, until=30.0),
    ),
    "a window of the draft's": (
        {"RateLimit-Remaining": "5", "RateLimit-Reset": "8"},
        Allowance(calls=5, until=8.0),
    ),
    "nothing": ({"content-type": "image/png"}, None),
    "half of it": ({"X-RateLimit-Remaining": "5"}, None),
    "a window of days": ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "86400"}, None),
    "no numbers": ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "soon"}, None),
    "no such unit": (filling(1, "3 fortnights"), None),
}


@pytest.mark.parametrize(("headers", "found"), SAID.values(), ids=SAID)
def test_what_is_left(headers, found):
    assert allowance_of(headers, lambda: NOW) == found


def test_how_long_to_wait_where_nothing_is_left():
    assert wait_of(filling(0, "1m0s", 60)) == 1.0
    assert wait_of({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "17"}) == 17.0
    assert wait_of({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "17"}) is None
    assert wait_of({}) is None


NAMES = ["limit-requests", "remaining-requests", "reset-requests", "remaining", "reset", "remaining-tokens"]
VALUES = st.text("0123456789.-+e_ msh", max_size=9) | st.sampled_from(
    ["inf", "-inf", "nan", "1e999", "9" * 400]
)


@given(st.dictionaries(st.sampled_from([f"x-ratelimit-{name}" for name in NAMES]), VALUES))
def test_nothing_that_a_vendor_says_breaks_it(headers):
    found = allowance_of(headers, lambda: NOW)
    assert found is None or (found.calls >= 0 and 0 <= found.until <= LONGEST)
    assert found is None or found.per_second is None or found.per_second >= 1 / LONGEST
