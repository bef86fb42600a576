"""What lies at the border of a picture: nothing, one colour, or a certain one.

Looked at are the outermost pixels, as deep as `border` of the shorter side. Of these is measured how many are
transparent, and which shades the others have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.ground import OPAQUE, ring
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.rules.shades import colours_of, near, shades
from imgbuild.types import Finding, Value


class Background(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where at least `share` of the border is as declared.

    With `transparent: true`, transparent; with a `color`, opaque and within `distance` (CIEDE2000) of it; with
    neither, opaque and within that distance of its own commonest shade. The figure is the share that is so.
    """

    name: ClassVar[str] = "background"
    example: ClassVar[str] = "{color: white}"

    color: str | None = None
    transparent: bool = False
    distance: float = 5.0
    share: float = 0.98
    border: float = 0.02

    def __post_init__(self) -> None:
        check_bounds(self.distance, None, "distance", "", high=100)
        check_bounds(self.share, None, "share", "", high=1)
        check_bounds(self.border, None, "border", "", high=0.5)
        if self.color is not None:
            colours_of([self.color])
            if self.transparent:
                raise ValueError("background is transparent or has a color, not both")

    def measured_by(self) -> Mapping[str, Value]:
        return {"border": self.border}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        width = max(1, round(self.border * min(picture.pixels.size)))
        pixels = ring(picture.rgb, width)
        if picture.alpha is None:
            return {"transparent": 0.0, "shades": shades(pixels)}
        opaque = ring(picture.alpha, width) >= OPAQUE
        return {
            "transparent": rounded(1 - float(opaque.mean())),
            "shades": shades(pixels[opaque]) if opaque.any() else [],
        }

    def judge(self, measured: Measured) -> Finding:
        figure, what = self._found(measured)
        return Finding(
            ok=figure >= self.share,
            figure=figure,
            unit="of the border",
            limit=f"at least {self.share:g} {what}",
        )

    def _found(self, measured: Measured) -> tuple[float, str]:
        """The share of the border that is as declared, and what that is."""
        if self.transparent:
            return measured["transparent"], "transparent"
        found = measured["shades"]
        wanted = colours_of([self.color]) if self.color else [shade[:3] for shade in found[:1]]
        what = f"within {self.distance:g} of {self.color or 'one colour'}"
        if not found:
            return 0.0, what
        (share,) = near(found, wanted, self.distance)
        return rounded(share * (1 - measured["transparent"])), what
