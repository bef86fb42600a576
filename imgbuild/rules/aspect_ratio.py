"""Width over height, against a declared ratio; compared in whole fractions, so that no rounding decides."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from imgbuild.images import Picture, ratio_of
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class AspectRatio(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds width / height to `ratio` ("16:9" or a number); `tolerance` is relative: 0.01 is one per cent."""

    name: ClassVar[str] = "aspect_ratio"
    example: ClassVar[str] = '{ratio: "16:9"}'

    ratio: str | float
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        ratio_of(self.ratio)
        check_bounds(self.tolerance, None, "tolerance", "", high=1)

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"width": picture.pixels.width, "height": picture.pixels.height}

    def judge(self, measured: Measured) -> Finding:
        found = Fraction(measured["width"], measured["height"])
        off = abs(found / ratio_of(self.ratio) - 1)
        return Finding(
            ok=off <= Fraction(str(self.tolerance)),
            figure=rounded(float(found)),
            limit=f"{self.ratio} within {rounded(self.tolerance * 100):g} %",
        )
