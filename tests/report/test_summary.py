"""The last line of a build."""

import pytest

from imgbuild.report.events import Finished
from imgbuild.report.summary import device_line, has_trouble, is_up_to_date, summary


@pytest.mark.parametrize(
    ("finished", "line"),
    [
        (
            Finished(built=12, generated=12, restored=3, fresh=235, failed=1, seconds=3.2, cost=0.04),
            "built 12, restored 3, 235 up to date, 1 failed in 3.2 s, $0.04",
        ),
        (Finished(fresh=250, seconds=0.1), "up to date (250 targets)"),
        (Finished(fresh=1), "up to date (1 target)"),
        (Finished(fresh=9, failed=1, seconds=0.2), "9 up to date, 1 failed in 0.2 s"),
        (Finished(built=12, seconds=5), "built 12 (generated 0) in 5.0 s"),
        (
            Finished(built=1200, generated=1300, review=2, skipped=4, removed=5, seconds=125),
            "built 1,200 (generated 1,300), removed 5, 2 to review, 4 skipped in 2 m 05 s",
        ),
        (Finished(interrupted=True, seconds=1.5), "interrupted: nothing built in 1.5 s"),
        (Finished(built=2, generated=2, interrupted=True, seconds=1.5), "interrupted: built 2 in 1.5 s"),
    ],
)
def test_summary(finished: Finished, line: str) -> None:
    assert summary(finished) == line


@pytest.mark.parametrize(
    ("finished", "line"),
    [
        (Finished(built=1, busy=0.9312, memory=2_100_000_000), "device busy 93 %, peak 2.1 GB"),
        (Finished(built=1, busy=1.0), "device busy 100 %"),
        (Finished(built=1), ""),
    ],
)
def test_how_a_device_was_used(finished: Finished, line: str) -> None:
    assert device_line(finished) == line


def test_removing_is_work_and_no_trouble() -> None:
    finished = Finished(fresh=3, removed=1)
    assert not is_up_to_date(finished)
    assert not has_trouble(finished)
