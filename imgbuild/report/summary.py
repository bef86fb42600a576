"""The last lines of a build: how it used a device, what was done, how long it took, what it cost."""

from __future__ import annotations

from imgbuild.report.events import Finished
from imgbuild.report.text import data_size, duration, money, percent, plural


def summary(finished: Finished) -> str:
    """`built 12, restored 3, 235 up to date, 1 failed in 3.2 s, $0.04`; figures of nought are left out."""
    parts = _parts(finished)
    if is_up_to_date(finished):
        return f"up to date ({plural(finished.fresh, 'target')})"
    cost = f", {money(finished.cost)}" if finished.cost else ""
    line = f"{', '.join(parts) or 'nothing built'} in {duration(finished.seconds)}{cost}"
    return f"interrupted: {line}" if finished.interrupted else line


def device_line(finished: Finished) -> str:
    """`device busy 93 %, peak 2.1 GB`, or nothing where no device was used."""
    if not finished.busy:
        return ""
    peak = f", peak {data_size(finished.memory)}" if finished.memory else ""
    return f"device busy {percent(finished.busy)}{peak}"


def is_up_to_date(finished: Finished) -> bool:
    """Whether there was nothing to do, and nothing is left to do."""
    done = finished.built or finished.restored or finished.removed or finished.interrupted
    return not (done or has_trouble(finished))


def has_trouble(finished: Finished) -> bool:
    """Whether the build left something that a person should look at."""
    return bool(finished.failed or finished.review or finished.skipped or finished.interrupted)


def _parts(finished: Finished) -> list[str]:
    figures = (
        (finished.built, f"built {finished.built:,}{_generated(finished)}"),
        (finished.restored, f"restored {finished.restored:,}"),
        (finished.removed, f"removed {finished.removed:,}"),
        (finished.fresh, f"{finished.fresh:,} up to date"),
        (finished.failed, f"{finished.failed:,} failed"),
        (finished.review, f"{finished.review:,} to review"),
        (finished.skipped, f"{finished.skipped:,} skipped"),
    )
    return [text for count, text in figures if count]


def _generated(finished: Finished) -> str:
    """Said only where it is not what one thinks: rerolls make more images, an edited step makes none."""
    return "" if finished.generated == finished.built else f" (generated {finished.generated:,})"
