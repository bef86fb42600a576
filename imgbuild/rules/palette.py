"""The part of a picture whose colours are those of a palette, to the eye: within a distance in CIEDE2000."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.rules.shades import colours_of, near, shades
from imgbuild.types import Finding


class Palette(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where at least `share` of the pixels are within `distance` (CIEDE2000) of one of the `colors`.

    Transparent pixels show white. The figure is that share. Smoothed edges between two colours of the palette are
    neither, so leave some room below 1. With `each`, every colour has to have at least that share.
    """

    name: ClassVar[str] = "palette"
    example: ClassVar[str] = '{colors: ["#de2d26", white], share: 0.9}'

    colors: list[str]
    distance: float = 10.0
    share: float = 0.9
    each: float | None = None

    def __post_init__(self) -> None:
        check_bounds(self.distance, None, "distance", "", high=100)
        check_bounds(self.share, None, "share", "", high=1)
        check_bounds(self.each, None, "each", "", high=1)
        if not self.colors:
            raise ValueError("palette has nothing to check: give at least one of 'colors'")
        colours_of(self.colors)

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"shades": shades(picture.rgb.reshape(-1, 3))}

    def judge(self, measured: Measured) -> Finding:
        shares = near(measured["shades"], colours_of(self.colors), self.distance)
        within = rounded(sum(shares))
        limit = f"at least {self.share:g} within {self.distance:g} of {', '.join(self.colors)}"
        if self.each is None:
            return Finding(ok=within >= self.share, figure=within, unit="of the pixels", limit=limit)
        least = rounded(min(shares))
        return Finding(
            ok=within >= self.share and least >= self.each,
            figure=f"{within:g}, {least:g} of {self.colors[shares.index(min(shares))]}",
            unit="of the pixels",
            limit=f"{limit}, at least {self.each:g} of each",
        )
