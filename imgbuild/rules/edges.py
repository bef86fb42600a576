"""Whether something is cut off at the border: how much of a side the subject of a picture touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from imgbuild.ground import CONTRAST, subject_in
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding, Value

Side = Literal["left", "top", "right", "bottom"]
_SIDES: dict[Side, Any] = {  # as indices of rows and columns
    "left": (slice(None), 0),
    "top": 0,
    "right": (slice(None), -1),
    "bottom": -1,
}


class Edges(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where the subject touches at most `max` of each of the `sides`, as a share of that side's pixels.

    The subject is what is opaque in a picture with transparent pixels, and in others what differs by more than
    `contrast` levels from the median of the outermost pixels. A bust stands on the lower side, so leave that out.
    """

    name: ClassVar[str] = "edges"
    example: ClassVar[str] = "{sides: [left, top, right]}"

    max: float = 0.0
    sides: tuple[Side, ...] = ("left", "top", "right", "bottom")
    contrast: int = CONTRAST

    def __post_init__(self) -> None:
        check_bounds(None, self.max, "", "max", high=1)
        check_bounds(self.contrast, None, "contrast", "", low=1, high=254)
        if not self.sides:
            raise ValueError("edges has nothing to check: give at least one of 'sides'")

    def measured_by(self) -> Mapping[str, Value]:
        return {"contrast": self.contrast}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        look = subject_in(picture.rgb, picture.alpha, self.contrast)
        return {side: rounded(float(look(part).mean())) for side, part in _SIDES.items()}

    def judge(self, measured: Measured) -> Finding:
        worst = max(self.sides, key=lambda side: float(measured[side]))
        return Finding(
            ok=measured[worst] <= self.max,
            figure=measured[worst],
            unit=f"of the {worst} side",
            limit=f"at most {self.max:g} at {', '.join(self.sides)}",
        )
