"""The moment that `--since` means."""

import pytest

from imgbuild.commands.since import moment_of
from imgbuild.errors import UsageError


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", 0.0),
        ("1970-01-02", 86_400.0),
        ("1970-01-02T01:00", 90_000.0),
        ("1970-01-02T01:00:00+01:00", 86_400.0),
    ],
)
def test_a_date_and_perhaps_a_time(text: str, moment: float) -> None:
    assert moment_of(text) == moment


def test_what_is_no_date() -> None:
    with pytest.raises(UsageError) as caught:
        moment_of("soon")
    assert str(caught.value) == "error: 'soon' is no date\nhint: write it like 2026-03-31"
