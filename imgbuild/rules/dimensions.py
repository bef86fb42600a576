"""Width and height, in pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, within
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class Dimensions(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the size, in pixels, to exact sides (`width`, `height`) or to a least and a most one."""

    name: ClassVar[str] = "dimensions"
    example: ClassVar[str] = "{width: 1024, height: 1024}"

    width: int | None = None
    height: int | None = None
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None

    def __post_init__(self) -> None:
        sides = self._sides()
        if all(least is None and most is None for least, most in sides.values()):
            raise ValueError("dimensions has nothing to check: give width, height, or a min_ or max_ of them")
        for side, (least, most) in sides.items():
            exact = getattr(self, side)
            bounds = (getattr(self, f"min_{side}"), getattr(self, f"max_{side}"))
            if exact is not None and bounds != (None, None):
                raise ValueError(f"{side} is exact: leave out min_{side} and max_{side}")
            names = (side, side) if exact is not None else (f"min_{side}", f"max_{side}")
            check_bounds(least, most, *names, low=1)

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"width": picture.pixels.width, "height": picture.pixels.height}

    def judge(self, measured: Measured) -> Finding:
        declared = {side: band for side, band in self._sides().items() if band != (None, None)}
        return Finding(
            ok=all(within(measured[side], *band) for side, band in declared.items()),
            figure=f"{measured['width']}×{measured['height']}",
            unit="px",
            limit=", ".join(f"{side} {_words(*band)}" for side, band in declared.items()),
        )

    def _sides(self) -> dict[str, tuple[int | None, int | None]]:
        """For each side the least and the most allowed."""
        return {
            "width": _band(self.width, self.min_width, self.max_width),
            "height": _band(self.height, self.min_height, self.max_height),
        }


def _band(exact: int | None, least: int | None, most: int | None) -> tuple[int | None, int | None]:
    return (least, most) if exact is None else (exact, exact)


def _words(least: int | None, most: int | None) -> str:
    return str(least) if least is not None and least == most else in_words(least, most)
