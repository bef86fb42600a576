"""How many faces a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imgbuild.extras import need
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, rounded, within
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding
from imgbuild.weights.networks import Networks
from imgbuild.weights.yunet import SURE, Detector


class Faces(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the number of faces between `min` and `max`.

    model: a declared model of provider `weights`: one file, YuNet of OpenCV's zoo. sure: how sure it must be of a face,
    0.3 to 1. size: how high a face must at least be, as a share of the picture's height, to be counted.
    """

    name: ClassVar[str] = "faces"
    example: ClassVar[str] = "{model: yunet, min: 1, max: 1}"
    unit: ClassVar[str] = "faces"
    model_fields: ClassVar[tuple[str, ...]] = ("model",)

    model: str
    min: int | None = None
    max: int | None = None
    sure: float = 0.8
    size: float = 0.0

    def __post_init__(self) -> None:
        check_bounds(self.min, self.max, "min", "max")
        check_bounds(self.sure, None, "sure", "", SURE, 1)
        check_bounds(self.size, None, "size", "", 0, 1)
        if self.min is None and self.max is None:
            raise ValueError("faces has nothing to check: give min, max or both")

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        need("cv2", "OpenCV", "'faces'", "local")
        with networks.at_work("faces", self.model, Detector) as detector:
            found = detector.find(picture.flat)
        return {"faces": [[rounded(face.sure), rounded(face.size)] for face in found]}

    def judge(self, measured: Measured) -> Finding:
        count = sum(1 for sure, size in measured["faces"] if sure >= self.sure and size >= self.size)
        ok = within(count, self.min, self.max)
        return Finding(ok=ok, figure=count, unit=self.unit, limit=in_words(self.min, self.max))
