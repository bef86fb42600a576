"""One row for each rule on each image, the worst first, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from imgbuild.errors import Exit
from imgbuild.report.text import alike, plural, with_unit
from imgbuild.types import Status, Value, Verdict, Where

ORDER = ("fail", "error", "missing", "review", "warn", "pass")  # as tables are sorted
NO_IMAGE = ("error", "missing")  # it can't be read, or is not there


class Row(Struct, frozen=True, kw_only=True):
    """What one rule says of one image; or, without a rule, why there is no image to look at.

    id: of the target, or the path of a picture that no target made. output: its path. spec, line: where it is declared.
    """

    status: Status | str
    id: str
    output: str
    rule: str = ""
    figure: Value = None
    unit: str = ""
    limit: str = ""
    others: tuple[str, ...] = ()
    spec: str = ""
    line: int = 0

    @property
    def bound(self) -> str:
        """What is allowed, and which images it clashes with: `more than 4, like b, c`."""
        return ", ".join(filter(None, (self.limit, alike(self.others))))

    @property
    def why(self) -> str:
        """What was measured and what is allowed, or why there is nothing to measure: `512×512 px (width 256)`."""
        measured = with_unit(self.figure, self.unit)
        return f"{measured} ({self.bound})" if measured and self.bound else measured or self.bound


def row_of(verdict: Verdict, id: str, output: str, where: Where | None = None) -> Row:
    return Row(
        status=verdict.status,
        id=id,
        output=output,
        rule=verdict.rule,
        figure=verdict.figure,
        unit=verdict.unit,
        limit=verdict.limit,
        others=verdict.others,
        spec=where.file if where else "",
        line=where.line if where else 0,
    )


def sorted_rows(rows: Iterable[Row]) -> list[Row]:
    """The worst first, then by image; rules of one image stay in their order."""
    return sorted(rows, key=lambda row: (ORDER.index(row.status), row.id))


def exit_of(rows: Iterable[Row]) -> Exit:
    """1 where there is no image, else 3 where a rule fails, else 0."""
    statuses = {row.status for row in rows}
    if not statuses.isdisjoint(NO_IMAGE):
        return Exit.TARGET_FAILED
    return Exit.RULE_FAILED if "fail" in statuses else Exit.DONE


def summary(rows: Sequence[Row], images: int) -> str:
    """`12 images: 1 fail, 11 pass`: each image counted once, by the worst that is said of it. rows: sorted."""
    worst: dict[str, str] = {}
    for row in rows:
        worst.setdefault(row.id, row.status)
    counts = [(status, sum(1 for item in worst.values() if item == status)) for status in ORDER]
    told = [f"{count:,} {status}" for status, count in counts if count]
    bare = images - len(worst)
    told += [f"{bare:,} without rules"] if bare else []
    return f"{plural(images, 'image')}{': ' if told else ''}{', '.join(told)}"
