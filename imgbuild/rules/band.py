"""What rules share that hold a figure between a least and a most allowed value."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import ClassVar

from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class Band(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule on one measured figure, stored under the rule's name: `min` and `max` are still allowed.

    unit: of the figure. low, high: what the figure can be at all; a bound outside is a slip of the spec.
    """

    unit: ClassVar[str] = ""
    low: ClassVar[float] = 0
    high: ClassVar[float | None] = None

    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        check_bounds(self.min, self.max, "min", "max", self.low, self.high)
        if self.min is None and self.max is None:
            raise ValueError(f"{self.name} has nothing to check: give min, max or both")

    def judge(self, measured: Measured) -> Finding:
        figure = measured[self.name]
        return Finding(
            ok=within(figure, self.min, self.max),
            figure=figure,
            unit=self.unit,
            limit=in_words(self.min, self.max),
        )


def check_bounds(
    least: float | None,
    most: float | None,
    least_name: str,
    most_name: str,
    low: float = 0,
    high: float | None = None,
) -> None:
    """Raises ValueError where a bound can't be meant: outside low…high, not finite, or least above most."""
    for name, bound in ((least_name, least), (most_name, most)):
        if bound is None:
            continue
        if not isfinite(bound) or bound < low or (high is not None and bound > high):
            reach = f"at least {low}" if high is None else f"between {low} and {high}"
            raise ValueError(f"{name} must be {reach}, not {bound}")
    if least is not None and most is not None and least > most:
        raise ValueError(f"{least_name} {least} is above {most_name} {most}: nothing would pass")


def within(figure: float, least: float | None, most: float | None) -> bool:
    return (least is None or figure >= least) and (most is None or figure <= most)


def in_words(least: float | None, most: float | None) -> str:
    """The limit as a reader says it: "at least 100", "at most 5", "100 to 500"."""
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least is None else f"{least} to {most}"


def rounded(figure: float) -> float:
    """Six significant digits: more than a picture holds, and few enough for all machines to agree."""
    return float(f"{figure:.6g}")


def deviation(histogram: list[int]) -> float:
    """Standard deviation of 8-bit levels from their histogram, in levels; whole numbers up to the root."""
    count = sum(histogram)
    total = sum(level * pixels for level, pixels in enumerate(histogram))
    squares = sum(level * level * pixels for level, pixels in enumerate(histogram))
    return sqrt(squares * count - total * total) / count
