"""How many faces a picture shows, as YuNet finds them.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023), run by OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from imgbuild.errors import ProviderFailed
from imgbuild.extras import need
from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, rounded, within
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding
from imgbuild.weights.networks import Networks, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SURE = 0.3  # what is less sure to be a face is not measured
OVERLAP = 0.3  # of two finds, from which they are one face
SIDE = 1024  # pixels: a larger picture is scaled down to it, since faces are found from 10 to 300 pixels


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
        import numpy as np

        need("cv2", "OpenCV", "'faces'", "local")
        flat = picture.flat
        if max(flat.size) > SIDE:
            flat = flat.copy()
            flat.thumbnail((SIDE, SIDE))
        with networks.at_work("faces", self.model, Detector) as detector:
            found = detector.find(np.ascontiguousarray(np.asarray(flat)[..., ::-1]))
        return {"faces": [[rounded(sure), rounded(height / flat.height)] for sure, height in found]}

    def judge(self, measured: Measured) -> Finding:
        count = sum(1 for sure, size in measured["faces"] if sure >= self.sure and size >= self.size)
        ok = within(count, self.min, self.max)
        return Finding(ok=ok, figure=count, unit=self.unit, limit=in_words(self.min, self.max))


class Detector:
    """YuNet, as OpenCV runs it."""

    def __init__(self, weights: Weights) -> None:
        import cv2

        self.source, self.errors = weights.source, cv2.error
        with self._explained():
            self.net = cv2.FaceDetectorYN.create(str(weights.path), "", (32, 32), SURE, OVERLAP)

    def find(self, picture: NDArray[np.uint8]) -> list[tuple[float, float]]:
        """How sure each face is, and its height in pixels; the surest first. picture: blue, green, red."""
        with self._explained():
            self.net.setInputSize((picture.shape[1], picture.shape[0]))
            _, found = self.net.detect(picture)
        rows: Any = [] if found is None else found
        return sorted(((float(row[14]), float(row[3])) for row in rows), reverse=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            raise ProviderFailed(
                f"'{self.source}' is no network that finds faces", hint="take YuNet of OpenCV's zoo"
            ) from error
