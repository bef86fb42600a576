"""How far a picture is from a reference that it should be like: by perceptual hash, SSIM or LPIPS."""

from __future__ import annotations

from typing import ClassVar

from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import Measured
from imgbuild.rules.likeness import Likeness
from imgbuild.types import Finding


class SimilarTo(Likeness, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the picture near to the one in the file `reference`: in pHash, at most `distance` bits of 64 away (10).

    The same picture scaled or recompressed differs in a few bits, an unrelated one in about 32. With `by: ssim`, holds
    the structural similarity (1: equal) to at least `similarity` (0.9), the reference scaled to the picture's size.

    With `by: lpips`, holds the distance of LPIPS (0: equal; without unit) to at most `max` (0.2): how differently both
    look to a network, at 512 pixels a side at most. model: a declared model of provider `weights`, torchvision's
    AlexNet or VGG of 16 layers; head: another, a file of the weights that LPIPS has learnt for it, such as `alex.pth`
    of the package lpips; left out, they are in the model's file, too.
    """

    name: ClassVar[str] = "similar_to"
    example: ClassVar[str] = "{reference: refs/hero.png, by: ssim, similarity: 0.8}"

    bound: ClassVar[str] = "max"
    added: ClassVar[tuple[str, ...]] = ("model", "head", "max")

    max: float | None = None

    def __post_init__(self) -> None:
        check_bounds(None, self.max, "", "max", low=0)
        super().__post_init__()

    def judge(self, measured: Measured) -> Finding:
        if self.by == "ssim":
            least = 0.9 if self.similarity is None else self.similarity
            figure = measured["ssim"]
            return Finding(
                ok=figure >= least,
                figure=figure,
                unit="SSIM",
                limit=f"at least {least:g} to {self.reference}",
            )
        if self.by == "lpips":
            near = 0.2 if self.max is None else self.max
            figure = measured["lpips"]
            return Finding(ok=figure <= near, figure=figure, limit=f"at most {near:g} from {self.reference}")
        most = 10 if self.distance is None else self.distance
        return Finding(
            ok=measured["distance"] <= most,
            figure=measured["distance"],
            unit="bits of 64",
            limit=f"at most {most} from {self.reference}",
        )
