"""Where the subject of a picture is: the box around all that differs from the ground at its border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.ground import CONTRAST, box_of, subject
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, rounded, within
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding, Value


class Subject(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where the subject leaves a `margin` free on each side, is `centered`, or is from `min` to `max` large.

    All are shares of the picture's width and height: `margin` of 0.1 is a safe area of a tenth on each side, `centered`
    how far the middle of its box may be off the picture's, `min` and `max` hold the larger of the box's two shares.
    The subject is what is opaque in a picture with transparent pixels, and in others what differs by more than
    `contrast` levels from the median of the outermost pixels. Without any, the rule does not hold.
    """

    name: ClassVar[str] = "subject"
    example: ClassVar[str] = "{margin: 0.1, centered: 0.05}"

    margin: float | None = None
    centered: float | None = None
    min: float | None = None
    max: float | None = None
    contrast: int = CONTRAST

    def __post_init__(self) -> None:
        check_bounds(self.margin, None, "margin", "", high=0.5)
        check_bounds(self.centered, None, "centered", "", high=0.5)
        check_bounds(self.min, self.max, "min", "max", high=1)
        check_bounds(self.contrast, None, "contrast", "", low=1, high=254)
        if (self.margin, self.centered, self.min, self.max) == (None,) * 4:
            raise ValueError("subject has nothing to check: give margin, centered, min or max")

    def measured_by(self) -> Mapping[str, Value]:
        return {"contrast": self.contrast}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        """free: at the left, the top, the right and the bottom, in shares of that side; empty without a subject."""
        mask = subject(picture.rgb, picture.alpha, self.contrast)
        box = box_of(mask)
        if box is None:
            return {"free": []}
        left, top, right, bottom = box
        height, width = mask.shape
        free = (left / width, top / height, 1 - right / width, 1 - bottom / height)
        return {"free": [rounded(side) for side in free]}

    def judge(self, measured: Measured) -> Finding:
        limits = {
            "margin": in_words(self.margin, None) if self.margin is not None else "",
            "off centre": in_words(None, self.centered) if self.centered is not None else "",
            "size": in_words(self.min, self.max) if (self.min, self.max) != (None, None) else "",
        }
        limit = ", ".join(f"{name} {words}" for name, words in limits.items() if words)
        if not measured["free"]:
            return Finding(ok=False, figure="no subject", limit=limit)
        left, top, right, bottom = measured["free"]
        margin = min(left, top, right, bottom)
        off = rounded(max(abs(left - right), abs(top - bottom)) / 2)
        size = rounded(max(1 - left - right, 1 - top - bottom))
        figures = {"margin": margin, "off centre": off, "size": size}
        return Finding(
            ok=within(margin, self.margin, None)
            and within(off, None, self.centered)
            and within(size, self.min, self.max),
            figure=", ".join(f"{name} {figures[name]:g}" for name, words in limits.items() if words),
            limit=limit,
        )
