"""How far a picture is from a reference that it should be like: by perceptual hash, or by SSIM."""

from __future__ import annotations

from typing import ClassVar

from imgbuild.rules.base import Measured
from imgbuild.rules.likeness import Likeness
from imgbuild.types import Finding


class SimilarTo(Likeness, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the picture near to the one in the file `reference`: in pHash, at most `distance` bits of 64 away (10).

    The same picture scaled or recompressed differs in a few bits, an unrelated one in about 32. With `by: ssim`, holds
    the structural similarity (1: equal) to at least `similarity` (0.9), the reference scaled to the picture's size.
    """

    name: ClassVar[str] = "similar_to"
    example: ClassVar[str] = "{reference: refs/hero.png, by: ssim, similarity: 0.8}"

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
        most = 10 if self.distance is None else self.distance
        return Finding(
            ok=measured["distance"] <= most,
            figure=measured["distance"],
            unit="bits of 64",
            limit=f"at most {most} from {self.reference}",
        )
