"""How far a picture is from a reference that it must not be like: by perceptual hash, SSIM or LPIPS."""

from __future__ import annotations

from typing import ClassVar

from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import Measured
from imgbuild.rules.likeness import Likeness
from imgbuild.types import Finding


class DiffersFrom(Likeness, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the picture away from the one in the file `reference`: in pHash, more than `distance` bits of 64 (10).

    With `by: ssim`, holds the structural similarity (1: equal) below `similarity` (0.9), the reference scaled to the
    picture's size. With `by: lpips`, holds the distance of LPIPS (0: equal; without unit) above `min` (0.2); model and
    head are as `similar_to` has them.
    """

    name: ClassVar[str] = "differs_from"
    example: ClassVar[str] = "{reference: refs/competitor.png}"

    bound: ClassVar[str] = "min"
    added: ClassVar[tuple[str, ...]] = ("model", "head", "min")

    min: float | None = None

    def __post_init__(self) -> None:
        check_bounds(self.min, None, "min", "", low=0)
        super().__post_init__()

    def judge(self, measured: Measured) -> Finding:
        if self.by == "ssim":
            most = 0.9 if self.similarity is None else self.similarity
            figure = measured["ssim"]
            return Finding(
                ok=figure < most, figure=figure, unit="SSIM", limit=f"below {most:g} to {self.reference}"
            )
        if self.by == "lpips":
            far = 0.2 if self.min is None else self.min
            figure = measured["lpips"]
            return Finding(ok=figure > far, figure=figure, limit=f"more than {far:g} from {self.reference}")
        least = 10 if self.distance is None else self.distance
        return Finding(
            ok=measured["distance"] > least,
            figure=measured["distance"],
            unit="bits of 64",
            limit=f"more than {least} from {self.reference}",
        )
